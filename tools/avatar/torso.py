"""Shoulders in a knitted sweater; they stay still while the head moves."""

import numpy as np

from actors.renderer.avatar import TORSO
from tools.avatar.cloud import Cloud
from tools.avatar.face import NECK_BOTTOM, NECK_TOP
from tools.avatar.fields import capsule, chain, ellipsoid, folded, gradient, length, noise, smoothstep, union
from tools.avatar.light import CLOTH
from tools.avatar.sampling import spacing, spread

WOOL = np.array([0.060, 0.185, 0.200])
COLLAR_CENTRE = np.array([0.0, -13.9, -3.0])
SHOULDER = np.array([(8.5, -18.4, -3.6), (13.6, -21.4, -3.4), (15.2, -32.0, -2.6)])
BOTTOM_Y = -27.0
FOLDS_CM = 0.5  # how deep
RIB_PER_RAD = 46


def collar_frame(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the neck's axis, and height over the collar's plane, which tips forward."""
    q = p - COLLAR_CENTRE
    return length(q[:, [0, 2]] * [1, 0.96]), q[:, 1] + 0.30 * q[:, 2]


def torso(p: np.ndarray) -> np.ndarray:
    m = folded(p)
    d = union(ellipsoid(p, (0, -23.0, -3.0), (13.0, 8.4, 6.2)), chain(m, SHOULDER, (3.2, 3.7, 4.0)), 3.0)
    d = union(d, capsule(p, NECK_TOP + (0, -6.5, -1), NECK_BOTTOM, 3.0, 6.4), 2.5)
    radius, height = collar_frame(p)
    ring = np.hypot(radius - 4.65, height * 0.62) - 0.80
    folds = FOLDS_CM * (noise(p, (0.28, 0.16, 0.28), 13) - 0.5) * smoothstep(6.0, 9.0, radius)
    return union(d - folds, ring, 0.7)


def make_torso(count: int, rng: np.random.Generator, keep) -> Cloud:
    """keep: which points can be seen, of points [n, 3]."""
    p = spread(
        torso, count, (-20, BOTTOM_Y, -11), (20, -12, 6), rng,
        density=lambda p: 0.35 + smoothstep(-5, 1, p[:, 2]) + 1.2 * smoothstep(-19, -15, p[:, 1]), keep=keep,
    )  # fmt: skip
    normal = gradient(torso, p)
    radius, height = collar_frame(p)
    around = np.arctan2(p[:, 0], p[:, 2] - COLLAR_CENTRE[2])
    on_collar = smoothstep(6.3, 5.7, radius) * smoothstep(-1.9, -1.4, height)
    rib = on_collar * np.cos(around * RIB_PER_RAD)
    knit = (1 - on_collar) * (noise(p, (3.2, 6.5, 3.2), 11) - 0.5)
    colour = WOOL * (1 + 0.30 * rib + 0.12 * knit + 0.10 * (noise(p, 0.5, 12) - 0.5))[:, None]
    return Cloud.make(p, normal, spacing(p) * 0.64, colour, CLOTH, part=TORSO)
