"""The left ear: a shell with rim, fold, hollow, flap and lobe. The right one is its mirror."""

import numpy as np

from tools.character.cloud import Cloud
from tools.character.face import head, neck, plain_head, skin_colour
from tools.character.fields import carve, chain, ellipsoid, folded, gradient, smoothstep, union, unit
from tools.character.light import SKIN
from tools.character.sampling import spacing, spread

ROOT = np.array([6.52, 0.10, -0.05])
SIZE = 1.12
UP = unit(np.array([0.06, 1.0, -0.16]))
OUT = unit(np.array([0.90, 0.0, 0.43]) - UP * (UP @ [0.90, 0.0, 0.43]))  # the ear's face looks outwards and forward
BACK = np.cross(UP, OUT)
LOW, HIGH = np.array([5.6, -2.9, -3.4]), np.array([9.4, 3.2, 1.2])  # the box it is made in
# places are (up, back, out) from the root, of an ear of size 1
RIM = np.array([
    (0.15, 0.10, 0.02), (0.95, -0.12, 0.22), (1.70, 0.18, 0.34), (2.05, 0.80, 0.38), (1.85, 1.42, 0.36),
    (1.15, 1.78, 0.34), (0.20, 1.72, 0.30), (-0.70, 1.36, 0.24), (-1.25, 0.95, 0.20),
])  # fmt: skip
FOLD = np.array([(1.45, 0.70, 0.16), (0.85, 1.12, 0.28), (0.10, 1.18, 0.32), (-0.65, 0.92, 0.30), (-0.95, 0.50, 0.26)])


def frame(p: np.ndarray) -> np.ndarray:
    """Points in the ear's frame: up, back, out."""
    return (p - ROOT) @ np.stack([UP, BACK, OUT], 1) / SIZE


def ear(p: np.ndarray) -> np.ndarray:
    """The ears with the head they grow out of."""
    m = folded(p)
    q = frame(m)
    d = ellipsoid(q, (0.35, 0.80, 0.0), (1.75, 1.05, 0.26))
    d = union(d, chain(q, RIM, [0.17, 0.20, 0.22, 0.23, 0.24, 0.23, 0.22, 0.21, 0.20]), 0.12)
    d = union(d, chain(q, FOLD, [0.15, 0.18, 0.20, 0.20, 0.20]), 0.16)
    d = union(d, ellipsoid(q, (-1.45, 0.55, 0.10), (0.62, 0.55, 0.26)), 0.30)
    d = carve(d, ellipsoid(q, (-0.15, 0.52, 0.34), (0.80, 0.46, 0.42)), 0.16)
    d = union(d, ellipsoid(q, (-0.28, -0.02, 0.16), (0.34, 0.22, 0.26)), 0.25)
    return union(plain_head(p), d * SIZE, 0.35)


def head_with_ears(p: np.ndarray) -> np.ndarray:
    """The head's field with these ears in place of its rough ones."""
    m = folded(p)
    near = ((m > LOW) & (m < HIGH)).all(1)
    d = head(p)
    d[near] = union(ear(p[near]), neck(p[near]), 1.5)
    return d


def in_ear_patch(p: np.ndarray) -> np.ndarray:
    """Whether points of either side belong to the ears."""
    m = folded(p)
    return ((m > LOW) & (m < HIGH)).all(1) & (ear(m) < plain_head(m) - 0.02)


def make_ear(count: int, rng: np.random.Generator) -> Cloud:
    p = spread(ear, count, LOW, HIGH, rng, keep=lambda p: (ear(p) < plain_head(p) - 0.01) & (p[:, 0] > 0))
    normal = gradient(ear, p, 0.01)
    q = frame(p)
    hollow = np.clip(1 - np.abs(ellipsoid(q, (-0.15, 0.52, 0.34), (0.80, 0.46, 0.42))) / 0.3, 0, 1)
    inner = smoothstep(0.42, 0.0, q[:, 2]) * smoothstep(-0.2, 0.1, q[:, 2])
    colour = skin_colour(p) * (1 - (0.55 * hollow + 0.15 * inner)[:, None] * [0.75, 1.0, 1.0])
    return Cloud.make(p, normal, spacing(p) * 0.60, colour, SKIN)
