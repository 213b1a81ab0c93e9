"""What all hair is made of: strands in locks, each step of a strand one long splat, and a dark cap under them."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from tools.character.cloud import Cloud
from tools.character.fields import Field, gradient, length, smoothstep, unit
from tools.character.light import HAIR
from tools.character.sampling import spacing, spread

OVERLAP = 0.56  # sigma along a strand, of a step
TIP_WIDTH = 0.30  # of a strand's width


def make_strands(
    points: np.ndarray, used: np.ndarray, left_cm: np.ndarray, colour: np.ndarray, width_cm: float, body: Field,
    turn: np.ndarray,
) -> Cloud:  # fmt: skip
    """Splats of the used steps [n, s] of strands [n, s, 3], pointed where little of them is left.

    left_cm: [n, s] to the tip; colour: [n, s, 3]; body: the field whose surface the hair lies along; turn: [n, 3],
    added to its normals, so that each lock catches the light its own way.
    """
    step = np.gradient(points, axis=1)
    normal = gradient(body, points.reshape(-1, 3)).reshape(points.shape)
    tangent = unit(step)
    normal = unit(normal + turn[:, None])
    normal = unit(normal - tangent * (normal * tangent).sum(-1, keepdims=True))
    taper = np.clip(left_cm / 3.0, TIP_WIDTH, 1)
    reach = length(step) * OVERLAP * np.clip(0.4 + left_cm / length(step), 0.4, 1)
    sigma = np.stack([reach, width_cm * taper, 0.6 * width_cm * taper], -1)
    return Cloud.make(points[used], normal[used], sigma[used], colour[used], HAIR, along=tangent[used], opacity=0.92)


def gathered(points: np.ndarray, per_lock: int, pull: np.ndarray) -> np.ndarray:
    """Strands [n, s, 3], ``per_lock`` neighbours a lock, drawn by pull [n, s] of 0..1 to the middle of their lock."""
    middle = points.reshape(-1, per_lock, *points.shape[1:]).mean(1).repeat(per_lock, 0)
    return points + (middle - points) * pull[..., None]


def tones(
    root: Sequence[float], tip: Sequence[float], mix: np.ndarray, lock: np.ndarray, depth: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Albedo [n, s, 3] from the root's to the tip's by mix [n, s]; each lock and strand its own, deep ones dark."""
    tone = np.exp(rng.normal(0, 0.20, lock.max() + 1))[lock] * np.exp(rng.normal(0, 0.17, len(lock)))
    colour = np.asarray(root) + np.subtract(tip, root) * mix[..., None]
    return colour * (tone * (1.15 - 0.75 * np.clip(depth, 0, 1)))[:, None, None]


def make_cap(
    count: int, body: Field, low: Sequence[float], high: Sequence[float], strands: np.ndarray, near_cm: float,
    keep: Field, tone: Sequence[float], rng: np.random.Generator,
) -> Cloud:  # fmt: skip
    """Dark hair on the surface of ``body`` wherever strands are near, so that nothing shows through between them."""
    tree = cKDTree(strands)
    p = spread(
        body, count, low, high, rng, density=lambda p: 0.6 + smoothstep(-4, 3, p[:, 2]),
        keep=lambda p: keep(p) & (tree.query(p)[0] < near_cm),
    )  # fmt: skip
    return Cloud.make(p, gradient(body, p), np.minimum(spacing(p), 1.3) * 0.66, tone, HAIR)
