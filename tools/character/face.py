"""The head as a distance field; the origin lies between the ears at the height of the eyes, z goes to the viewer."""

import numpy as np

from tools.character.cloud import Cloud, joined
from tools.character.fields import (
    bump,
    capsule,
    carve,
    chain,
    ellipsoid,
    exits,
    folded,
    gradient,
    length,
    noise,
    smoothstep,
    sphere,
    union,
)
from tools.character.light import SKIN
from tools.character.sampling import spacing, spread

EYE = np.array([3.35, 0.0, 5.15])  # centre of the left eyeball
EYE_RADIUS = 2.1
LID_RADIUS = EYE_RADIUS + 0.14
LIP_Y, LIP_HALF_WIDTH, LIP_CURVE = -5.75, 2.1, 0.085  # the line where the lips touch: y = LIP_Y + LIP_CURVE x^2
MOUTH_BOX = np.array([3.5, 1.5, 2.15])  # half width, reach up and reach down of the patch that mouth.py makes
INSIDE_Z = 3.0  # behind the face everywhere
NECK_TOP = np.array([0.0, -8.0, -2.0])
NECK_BOTTOM = np.array([0.0, -16.5, -3.6])

SKIN_TONE = np.array([0.80, 0.50, 0.36])
FLUSH = np.array([1.0, 0.66, 0.60])
HOLLOW = np.array([0.80, 0.66, 0.58])  # where the face recedes, as a painter shades it
LIP_TONE = np.array([0.60, 0.21, 0.20])
JAW_LINE = np.array([(3.55, -4.7, 0.4), (2.35, -6.75, 3.2), (0.7, -7.75, 4.9)])
LINE_TONE = SKIN_TONE * [0.52, 0.36, 0.30]
LINE_LIFT = 0.32  # cm out of the skin
# places (x, y) on the left half of the face, width (sigma, cm), opacity, and by which shapes the line shows
LINES = (
    (((1.60, -3.75), (1.95, -4.85), (2.55, -5.75)), 0.13, 0.10, {"mouthSmileLeft": 1, "mouthDimpleLeft": 0.7,
                                                                "noseSneerLeft": 0.75}),
    (((-0.2, 4.15), (1.2, 4.00), (2.6, 4.20)), 0.16, 0.040, {"browInnerUp": 1}),
    (((-0.2, 5.05), (1.1, 4.85), (2.3, 5.00)), 0.18, 0.032, {"browInnerUp": 1}),
    (((1.9, 4.30), (3.3, 4.75), (4.7, 4.30)), 0.16, 0.042, {"browOuterUpLeft": 1}),
    (((2.0, 5.05), (3.3, 5.45), (4.6, 5.15)), 0.18, 0.034, {"browOuterUpLeft": 1}),
    (((0.50, 1.75), (0.64, 2.45), (0.60, 3.15)), 0.12, 0.070, {"browDownLeft": 1}),
    (((0.55, 0.45), (0.85, 0.05), (1.15, -0.55)), 0.10, 0.070, {"noseSneerLeft": 1}),
    (((2.2, -1.85), (3.6, -2.15), (4.9, -1.65)), 0.13, 0.040, {"cheekSquintLeft": 1, "eyeSquintLeft": 1}),
)  # fmt: skip
EAR_RIM = np.array([
    (6.75, -0.2, 0.35), (7.15, 1.2, 0.2), (7.5, 2.0, -0.7), (7.65, 1.7, -1.7), (7.5, 0.4, -2.1), (7.15, -1.2, -1.5),
    (6.75, -2.1, -0.5),
])  # fmt: skip


def plain_head(p: np.ndarray) -> np.ndarray:
    """Skull, jaw, cheeks, nose bridge and the muzzle under the lips, without neck, ears and nostrils."""
    m = folded(p)
    d = ellipsoid(p, (0, 4.2, -0.9), (7.3, 7.8, 8.9))
    d = union(d, ellipsoid(p, (0, -1.6, 1.3), (6.05, 7.7, 6.5)), 1.8)
    d = union(d, chain(m, JAW_LINE, (1.75, 1.5, 1.35)), 2.0)
    d = union(d, sphere(m, (3.4, -2.7, 4.55), 2.3), 2.4)
    d = union(d, ellipsoid(p, (0, -7.85, 6.1), (1.2, 1.1, 1.35)), 2.0)
    d = union(d, ellipsoid(p, (0, -5.6, 5.0), (2.6, 2.1, 2.9)), 1.4)
    d = union(d, capsule(m, (1.4, 2.35, 6.65), (4.7, 2.2, 4.6), 0.75, 0.65), 1.3)
    d = carve(d, ellipsoid(m, (3.1, -0.1, 8.1), (1.9, 1.45, 1.5)), 1.4)
    d = union(d, capsule(p, (0, 1.2, 6.9), (0, -2.75, 8.5), 0.52, 0.64), 0.9)
    d = union(d, sphere(p, (0, -2.9, 8.98), 0.70), 0.8)
    return union(d, sphere(m, (0.80, -3.26, 8.2), 0.48), 0.65)


def head(p: np.ndarray) -> np.ndarray:
    """All skin but the lips, with the eyelids closed."""
    m = folded(p)
    d = plain_head(p)
    d = union(d, sphere(m, EYE, LID_RADIUS), 0.45)
    d = carve(d, ellipsoid(m, (0.44, -3.88, 8.7), (0.26, 0.28, 0.40)), 0.22)
    ear = union(ellipsoid(m, (6.95, 0.0, -0.9), (0.5, 2.0, 1.2)), chain(m, EAR_RIM, [0.3] * 5 + [0.34, 0.42]), 0.35)
    ear = carve(ear, ellipsoid(m, (7.5, 0.1, -0.5), (0.45, 1.25, 0.75)), 0.3)
    d = union(d, ear, 0.5)
    return union(d, neck(p), 1.5)


def neck(p: np.ndarray) -> np.ndarray:
    """The neck with its two tendons, down into the collar."""
    d = capsule(p, NECK_TOP, NECK_BOTTOM, 3.35, 3.8)
    return union(d, capsule(folded(p), (3.3, -6.0, -2.8), (0.9, -16.0, 0.1), 0.8, 0.5), 1.4)


def lip_line(x: np.ndarray) -> np.ndarray:
    """Height of the line where the lips touch, continued beyond the corners: float64 [n]."""
    return LIP_Y + LIP_CURVE * np.minimum(np.abs(x), LIP_HALF_WIDTH + 0.5) ** 2


def front_of(field, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points of the field's surface seen from the front at x, y of any shape: float64 [..., 3]."""
    inside = np.stack([x, y, np.full(x.shape, INSIDE_Z)], -1).reshape(-1, 3)
    inside[:, 2] += exits(field, inside, np.array([[0, 0, 1.0]]), 4.0)
    return inside.reshape(*x.shape, 3)


def in_mouth_patch(p: np.ndarray, scale: float = 1.0) -> np.ndarray:
    y = p[:, 1] - LIP_Y
    reach = np.where(y > 0, MOUTH_BOX[1], MOUTH_BOX[2])
    return ((p[:, 0] / MOUTH_BOX[0]) ** 2 + (y / reach) ** 2 < scale**2) & (p[:, 2] > 4)


def below_lips(p: np.ndarray) -> np.ndarray:
    """0 above the mouth, 1 under it; the step widens beyond the corners, so that cheeks stretch instead of tear."""
    beyond = np.maximum(np.abs(p[:, 0]) - LIP_HALF_WIDTH * 0.9, 0) + 0.5 * np.maximum(5.5 - p[:, 2], 0)
    return smoothstep(-1, 1, (lip_line(p[:, 0]) - p[:, 1]) / (0.25 + 1.1 * beyond))


def skin_colour(p: np.ndarray) -> np.ndarray:
    """Linear albedo of bare skin: flushed cheeks, nose and ears, shaded hollows, freckles of noise."""
    m = folded(p)
    flush = 0.72 * bump(m, (4.1, -2.7, 6.0), (2.9, 2.2, 4.0)) + 0.6 * bump(m, (0, -3.3, 9.5), (1.7, 1.3, 2.0))
    flush += 0.5 * bump(m, (7.6, 0, -0.8), (1.5, 3.2, 2.6)) + 0.3 * bump(m, (0, -8.2, 7.0), (2.0, 1.5, 3.0))
    flush += 0.3 * bump(m, EYE + (0, 0, 1.5), (2.6, 2.1, 2.0))
    hollow = 0.55 * bump(m, (1.25, -0.6, 7.3), (0.75, 2.6, 1.8)) + 0.65 * bump(m, (1.45, 1.35, 6.9), (1.3, 1.3, 2.0))
    hollow += 0.40 * bump(m, (3.3, 1.9, 6.4), (2.4, 0.9, 2.0)) + 0.6 * bump(m, (1.55, -3.3, 7.7), (0.7, 1.1, 1.5))
    # ridges and, against the blotch of a hollow, where little light comes
    ridge = bump(m, (0, -0.8, 8.1), (0.55, 3.2, 2.0)) + 0.6 * bump(m, (2.6, 3.6, 6.6), (2.4, 0.9, 2.5))
    tone = SKIN_TONE * (0.95 + 0.06 * noise(p, 0.8, 1) + 0.04 * noise(p, 3.0, 2))[:, None]
    ridge += 1.3 * bump(m, (4.9, -4.5, 3.2), (2.2, 2.6, 3.4)) + bump(m, (5.4, 0.4, 3.8), (1.5, 2.4, 2.4))
    tone = tone * (1 + (HOLLOW - 1) * np.clip(hollow, 0, 1)[:, None]) * (1 + 0.09 * ridge)[:, None]
    return tone * (1 + (FLUSH - 1) * np.clip(flush, 0, 1)[:, None])


def make_skin(count: int, rng: np.random.Generator, keep) -> Cloud:
    """Skin without what eyes.py and mouth.py make. keep: which points are wanted, of points [n, 3]."""

    def density(p: np.ndarray) -> np.ndarray:
        front = smoothstep(0, 5, p[:, 2]) * smoothstep(-11, -9, p[:, 1])
        return 0.5 + 2.2 * front + 5 * bump(folded(p), (0.4, -3.4, 8.8), 2.4)

    def wanted(p: np.ndarray) -> np.ndarray:
        return keep(p) & ~in_mouth_patch(p, 0.97)

    p = spread(head, count, (-9, -18.5, -11), (9, 13, 11), rng, density, wanted)
    normal = gradient(head, p)
    colour = skin_colour(p)
    nostril = np.clip(1.5 * bump(folded(p), (0.44, -3.85, 8.65), (0.42, 0.40, 0.6)), 0, 1)[:, None]
    colour = colour * (1 - nostril * [0.75, 0.88, 0.88])
    cover = 0.62 + 0.16 * smoothstep(-9, -11, p[:, 1])  # a turning neck stretches
    return Cloud.make(p, normal, spacing(p) * cover, colour, SKIN, carried=1, below=below_lips(p))


def make_freckles(count: int, rng: np.random.Generator) -> Cloud:
    """Small spots over nose and cheeks, just above the skin."""
    x = rng.normal(0, 2.6, count)
    p = front_of(head, x, -2.0 + 0.10 * np.abs(x) + rng.normal(0, 0.65, count))
    normal = gradient(head, p)
    size = rng.uniform(0.035, 0.075, count)
    return Cloud.make(
        p + normal * 0.03, normal, size, SKIN_TONE * [0.62, 0.42, 0.34], SKIN, opacity=rng.uniform(0.12, 0.38, count),
        carried=1,
    )  # fmt: skip


def make_creases() -> Cloud:
    """Lines of the left half that expressions draw: shadows under the skin until a shape of LINES lifts them out."""
    return joined([_line(np.array(path), *rest) for path, *rest in LINES])


def _line(path: np.ndarray, sigma_cm: float, opacity: float, shapes: dict[str, float]) -> Cloud:
    """A line along a parabola through three places (x, y). shapes: how far each lifts it, in parts of all its way."""
    count = int(2.2 * length(path[2] - path[0]) / sigma_cm) + 4
    t = np.linspace(0, 1, count)[:, None]
    x, y = (path[0] * (1 - t) * (1 - 2 * t) + path[1] * 4 * t * (1 - t) + path[2] * t * (2 * t - 1)).T
    p = front_of(head, x, y)
    normal = gradient(head, p)
    deep = 0.13 + 0.13 * (np.arange(count) * 0.618 % 1)  # so that it comes little by little
    fade = np.sin(np.pi * np.clip(0.08 + 0.88 * t[:, 0], 0, 1)) ** 0.7
    return Cloud.make(
        p - normal * deep[:, None], normal, np.tile([1.3 * sigma_cm, sigma_cm, 0.02], (count, 1)), LINE_TONE, SKIN,
        along=np.gradient(p, axis=0), opacity=opacity * fade + 0.01, carried=1,
        own={name: normal * LINE_LIFT * share for name, share in shapes.items()},
    )  # fmt: skip
