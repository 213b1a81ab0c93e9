"""A side-parted bob: strands that flow from the parting over a shell around the skull."""

import numpy as np
from attrs import evolve
from scipy.spatial import cKDTree

from tools.avatar.cloud import Cloud, joined
from tools.avatar.face import head
from tools.avatar.fields import carve, ellipsoid, folded, gradient, projected, smoothstep, union, unit
from tools.avatar.light import HAIR
from tools.avatar.sampling import spacing, spread

STEP_CM = 1.0
STEPS = 31
USED = 0.86  # of the steps, before the strand ends
SCALP_GAP = 0.55  # between skin and the outermost strands
STRANDS_PER_LOCK = 9
ROOT_TONE, TIP_TONE = np.array([0.070, 0.029, 0.014]), np.array([0.200, 0.085, 0.036])
PARTING = np.array([  # from the forehead over the crown down the back
    (2.2, 8.7, 7.9), (1.9, 11.8, 4.8), (1.6, 13.4, 0.8), (1.0, 13.0, -3.6), (0.4, 10.6, -7.8), (0.0, 6.5, -10.4),
    (0.0, 2.0, -11.0),
])  # fmt: skip
END_Y = -11.0  # where the locks end
SEEN_FROM_INSIDE_Y = -3.0  # below it the far side shows past the neck


def whole_shell(p: np.ndarray) -> np.ndarray:
    """Around the skull and down the sides, as if there were no face."""
    d = ellipsoid(p, (0, 4.7, -1.3), (8.45, 8.7, 9.7))
    d = union(d, ellipsoid(folded(p), (6.1, -4.2, -2.4), (2.75, 8.6, 4.5)), 2.0)
    return union(d, ellipsoid(p, (0, -2.5, -5.2), (7.0, 8.5, 5.0)), 2.0)


def hair_shell(p: np.ndarray) -> np.ndarray:
    """The body of the hair, open for the face and cut at the ends."""
    d = carve(whole_shell(p), ellipsoid(p, (-0.3, -2.5, 8.2), (7.2, 11.9, 7.6)), 0.8)
    return np.maximum(d, END_Y - 0.5 - p[:, 1])


def under_hair(p: np.ndarray) -> np.ndarray:
    """Skin that nobody sees."""
    return hair_shell(p) < -1.0


def with_scalp(skin: Cloud) -> Cloud:
    """The skin with the colour of roots under the hair."""
    scalp = smoothstep(-0.05, -0.6, hair_shell(skin.position))[:, None] * 0.85
    return evolve(skin, albedo=skin.albedo * (1 - scalp) + ROOT_TONE * scalp)


def _flow(p: np.ndarray, side: np.ndarray, start_z: np.ndarray) -> np.ndarray:
    """Where a strand wants to go: away from the parting, then down; the front ones along the forehead first."""
    out = smoothstep(8.0, 4.5, np.abs(p[:, 0]))
    sweep = 0.12 + 0.88 * smoothstep(-10.5, -4.0, start_z)  # at the back hair falls straight
    front = smoothstep(2.0, 7.0, start_z) * smoothstep(1.0, 6.0, p[:, 1])
    return np.stack([
        side * (out * sweep + 0.02),
        -0.42 - 1.2 * (1 - out * sweep),
        0.20 * front - 0.16 * smoothstep(6.0, 1.0, p[:, 1]) * smoothstep(-6, 1, p[:, 1]) * (start_z > -2),
    ], 1)  # fmt: skip


def grow(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strands: points [n, STEPS, 3], their lock's number [n], and how deep they lie below the outermost, cm [n]."""
    locks = max(count // STRANDS_PER_LOCK, 8)
    lock = np.repeat(np.arange(locks), STRANDS_PER_LOCK)
    n = len(lock)
    side = np.where(lock % 2 == 0, 1.0, -1.0)
    along = (np.arange(locks) // 2 + rng.uniform(0.2, 0.8, locks)) / (locks / 2)
    along = np.clip(along[lock] + rng.normal(0, 0.35, n) / locks * 2, 0, 1) ** 1.15 * (len(PARTING) - 1)
    index = np.minimum(along.astype(int), len(PARTING) - 2)
    root = PARTING[index] + (PARTING[index + 1] - PARTING[index]) * (along - index)[:, None]
    root = root + np.stack([side * rng.uniform(0.0, 0.5, n), 0 * side, 0 * side], 1)
    depth = rng.uniform(0, 0.6, n) + 0.3 * rng.random(locks)[lock]
    phase, pace = rng.uniform(0, 2 * np.pi, locks)[lock], rng.uniform(6.5, 9.5, locks)[lock]
    wave = rng.uniform(0.12, 0.42, locks)[lock]
    p = projected(whole_shell, root, 4)
    start_z = p[:, 2].copy()
    points = np.zeros((n, STEPS, 3))
    for step in range(STEPS):
        normal = gradient(whole_shell, p)
        travelled = step * STEP_CM
        lift = -depth + 0.30 * np.sin(np.pi * min(step / 6, 1)) - 0.35 * max(1 - step / 3, 0)
        sway = wave * smoothstep(2, 12, travelled) * np.sin(2 * np.pi * travelled / pace + phase)
        flow = _flow(p, side, start_z)
        flow = unit(flow - normal * (flow * normal).sum(1, keepdims=True))
        low = smoothstep(-5.5, END_Y, p[:, 1])
        tuck = -0.8 * low**2
        points[:, step] = p + normal * (lift + 0.6 * sway + tuck)[:, None] + np.cross(normal, flow) * sway[:, None]
        p = projected(whole_shell, p + flow * STEP_CM, 1)
    return points, lock, depth


def make_hair(count: int, rng: np.random.Generator) -> Cloud:
    shell = count // 8
    points, lock, depth = grow(int((count - shell) / (STEPS * USED)), rng)
    flat = points.reshape(-1, 3)
    sunk = np.clip(SCALP_GAP - 0.2 * depth[:, None] - head(flat).reshape(len(lock), STEPS), 0, 2.0)
    points = points + gradient(head, flat).reshape(points.shape) * sunk[..., None]
    locks = _locks(points, lock, depth, rng)
    hair = joined([_cap(shell, locks.position, rng), locks])
    hair.two_sided = hair.position[:, 1] < SEEN_FROM_INSIDE_Y
    return hair


def _locks(points: np.ndarray, lock: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> Cloud:
    """A long splat for every step of every strand."""
    n, locks = len(lock), lock.max() + 1
    tangent = unit(np.gradient(points, axis=1))
    end = END_Y + rng.normal(0, 0.5, locks)[lock] + rng.normal(0, 0.25, n) + 0.25 * np.abs(points[:, -1, 0])
    left = points[..., 1] - end[:, None]  # cm to the tip
    used = (left > 0) & ((tangent[..., 1] < -0.5) | (points[..., 1] > -4))
    tone = np.exp(rng.normal(0, 0.22, locks))[lock] * np.exp(rng.normal(0, 0.20, n))
    mix = smoothstep(0.05, 0.9, np.arange(STEPS) / STEPS)[None] * 0.8 + 0.2 * rng.random(n)[:, None]
    colour = (ROOT_TONE + (TIP_TONE - ROOT_TONE) * mix[..., None]) * tone[:, None, None]
    colour = colour * (1.15 - 0.75 * np.clip(depth, 0, 1))[:, None, None]
    normal = gradient(whole_shell, points.reshape(-1, 3)).reshape(points.shape)
    normal = unit(normal + 0.25 * rng.normal(size=(locks, 3))[lock][:, None])  # each lock catches the light its own way
    normal = unit(normal - tangent * (normal * tangent).sum(-1, keepdims=True))
    taper = np.clip(left / 2.5, 0.35, 1) * np.clip((np.arange(STEPS)[None] + 1.5) / 3, 0.5, 1)
    sigma = np.stack([np.full(taper.shape, 0.56 * STEP_CM), 0.085 * taper, 0.05 * taper], -1)
    return Cloud.make(points[used], normal[used], sigma[used], colour[used], HAIR, along=tangent[used], opacity=0.92)


def _cap(count: int, strands: np.ndarray, rng: np.random.Generator) -> Cloud:
    """Dark hair under the strands, so that nothing shows through between them."""
    tree = cKDTree(strands)

    def covered(p: np.ndarray) -> np.ndarray:
        above_skin = head(p) > np.where(p[:, 2] > 1, 0.1, -0.3)
        return (tree.query(p)[0] < 1.0) & (p[:, 1] > END_Y + 1.8) & above_skin

    p = spread(
        lambda p: whole_shell(p) + 0.75, count, (-9, -11, -12), (9, 14, 9), rng,
        density=lambda p: 0.6 + smoothstep(-4, 3, p[:, 2]), keep=covered,
    )  # fmt: skip
    return Cloud.make(p, gradient(whole_shell, p), np.minimum(spacing(p), 0.9) * 0.66, ROOT_TONE, HAIR)
