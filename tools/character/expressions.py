"""How the 52 ARKit shapes move the skin: smooth fields over the resting face, in centimetres.

Left is the character's, image right, +x.
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from actors.arkit import ARKIT
from tools.character.cloud import MIRROR, Cloud, mirrored_name
from tools.character.face import LIP_HALF_WIDTH, LIP_Y, lip_line
from tools.character.fields import bump, folded, smoothstep
from tools.character.jaw import JAW_FORWARD, JAW_SIDE, turned_by_jaw
from tools.character.light import SKIN

MEETS = 0.22  # of the jaw's way: where the lips meet when mouthClose counters jawOpen
FUNNEL_CM, PUCKER_CM = 0.66, 0.06  # half of the opening of rounded lips
SMALLEST_CM = 0.01  # what moves less stays
STRETCHING = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "browInnerUp")
MOST_STRETCH = 1.9


class Rest:
    """What the fields ask about the points [n, 3] of a face at rest."""

    def __init__(self, cloud: Cloud):
        p, self.below = cloud.position, cloud.below
        self.p = p
        self.u = p[:, 0] / LIP_HALF_WIDTH
        self.dy = p[:, 1] - lip_line(p[:, 0])
        self.front = smoothstep(2.0, 5.5, p[:, 2])
        self.left = smoothstep(-0.6, 0.6, p[:, 0])
        in_jaw = smoothstep(-2.0, 3.5, p[:, 2]) * (1 - smoothstep(0, 3.0, -10.4 - p[:, 1] + 0.35 * (4 - p[:, 2])))
        self.jaw = self.below * in_jaw
        across = np.maximum(np.abs(p[:, 0]) - LIP_HALF_WIDTH, 0)
        self.lips = self.front * np.clip(1 - (across / 1.7) ** 2 - (self.dy / 1.9) ** 2, 0, 1) ** 2  # near the mouth
        self.around = self.front * np.clip(1 - (across / 2.9) ** 2 - (self.dy / 2.3) ** 2, 0, 1) ** 2  # and farther
        self.middle = np.clip(1 - self.u**2, 0, 1)
        self.mostly_middle = 0.3 + 0.7 * self.middle
        self.upper = 1 - self.below


def _move(weight: np.ndarray, across: float, up: float, forward: float) -> np.ndarray:
    return weight[:, None] * np.array([across, up, forward])


def _apart(r: Rest, weight: np.ndarray, out: float, up: float, forward: float) -> np.ndarray:
    """The same on both sides of the face; out: away from its middle."""
    return _move(weight, out, up, forward) * np.stack([np.sign(r.p[:, 0]), np.ones(len(r.p)), np.ones(len(r.p))], 1)


def _corner(r: Rest, size: float = 2.6) -> np.ndarray:
    """The corner of the mouth with ``size`` cm of cheek; along the lips it fades like a parabola, so that they bow."""
    beyond = np.maximum(r.p[:, 0] - LIP_HALF_WIDTH, 0)
    fade = np.clip(1 - (beyond / size) ** 2 - (r.dy / size) ** 2, 0, 1) ** 2
    return r.front * fade * np.clip(r.u, 0, 1) ** 1.7


def _jaw_open(r: Rest) -> np.ndarray:
    delta = turned_by_jaw(r.p) * r.jaw[:, None]
    delta[:, 0] -= 0.10 * r.p[:, 0] * r.lips
    hollow = bump(folded(r.p), (4.2, -5.0, 4.8), 3.0)  # cheeks fall in
    return delta + _apart(r, hollow, -0.35, -0.15, -0.1)


def _mouth_close(r: Rest) -> np.ndarray:
    """With jawOpen the lips meet where MEETS says, and stay there."""
    near = r.front * np.clip(1 - (np.maximum(np.abs(r.u) - 1, 0) / 0.9) ** 2 - (r.dy / 2.6) ** 2, 0, 1)
    nearer = np.where(r.below > MEETS, near, near * smoothstep(0, 0.8, near))
    return turned_by_jaw(r.p) * (nearer * (MEETS - r.below))[:, None]


def _round(r: Rest, narrow: float, tall: float, forward: float, roll: float) -> np.ndarray:
    """Lips in a ring: narrow: of the width that goes; tall: half of the opening, cm; roll: of the inner edge, cm."""
    edge = np.exp(-((r.dy / 0.75) ** 2)) * np.clip(1.4 - np.abs(r.u), 0, 1)
    inwards = narrow * np.minimum(np.abs(r.p[:, 0]), LIP_HALF_WIDTH)
    beyond = np.maximum(np.abs(r.u) - 1, 0)
    opening = (r.upper - r.below) * tall * np.clip(1.1 - np.abs(r.dy) / 2.4, 0, 1)
    straight = LIP_Y - lip_line(r.p[:, 0])  # a ring has no corners that point up
    forwards = forward * (0.72 + 0.28 * r.middle) + roll * edge + 0.6 * inwards * np.minimum(beyond / 0.3, 1)
    return np.stack([-np.sign(r.p[:, 0]) * inwards, opening + straight, forwards], 1) * r.around[:, None]


def _funnel(r: Rest) -> np.ndarray:
    return _round(r, 0.60, FUNNEL_CM, 0.72, 0.22)


def _pucker(r: Rest) -> np.ndarray:
    thinner = _move(r.around * np.clip(-r.dy, -0.7, 0.7), 0, 0.16, 0)
    return _round(r, 0.66, PUCKER_CM, 0.85, 0.12) + thinner


def _smile(r: Rest) -> np.ndarray:
    corner, cheek = _corner(r, 3.0), bump(r.p, (4.0, -2.8, 6.2), (2.8, 2.3, 4.5))
    delta = _move(corner, 0.50, 0, -0.50) + _move(corner * np.clip(r.u, 0, 1) ** 0.8, 0, 0.74, 0)
    delta += _move(cheek, 0.14, 0.42, 0.30) + _move(r.lips * np.clip(r.u, 0, 1), 0.26, 0.0, -0.10)
    thinner = np.clip(-r.dy, 0, 0.8) - np.clip(r.dy, 0, 0.6)
    return delta + _move(r.lips * r.left * r.middle, 0, 0.08, -0.14) + _move(r.lips * r.left * thinner, 0, 0.22, 0)


def _frown(r: Rest) -> np.ndarray:
    chin = bump(r.p, (1.2, LIP_Y - 1.9, 7.3), (2.2, 1.6, 3.0))
    return (
        _move(_corner(r), 0.05, -0.66, -0.15)
        + _move(r.lips * r.left * r.middle, 0, 0.10, 0.06)
        + _move(chin, 0, 0.18, 0.08)
    )


def _stretch(r: Rest) -> np.ndarray:
    return _move(_corner(r, 3.0), 0.52, -0.20, -0.42) + _move(r.lips * r.left * r.below, 0.06, -0.14, -0.05)


def _roll(r: Rest, lip: np.ndarray) -> np.ndarray:
    """The red goes in over the teeth and up or down to the line; the skin follows."""
    near = r.lips * lip * (0.25 + 0.75 * r.middle)
    red = smoothstep(1.3, 0.5, np.abs(r.dy))
    return _move(near * -np.clip(r.dy, -0.8, 0.8), 0, 0.85, 0) + _move(near * red, 0, 0, -0.62)


def _press(r: Rest) -> np.ndarray:
    near = r.lips * r.left
    together = near * -np.clip(r.dy, -0.7, 0.7)
    chin = bump(r.p, (1.0, LIP_Y - 2.0, 7.3), (1.8, 1.4, 3.0))
    return (
        _move(together, 0, 0.60, 0)
        + _move(near, 0, 0, -0.28)
        + _move(_corner(r, 2.0), 0.10, 0.08, -0.16)
        + _move(chin, 0, 0.14, 0.10)
    )


def _dimple(r: Rest) -> np.ndarray:
    pit = bump(r.p, (LIP_HALF_WIDTH + 0.55, LIP_Y + 0.5, 6.0), (1.0, 1.1, 2.5))
    return _move(_corner(r, 2.2), 0.42, 0.20, -0.45) + _move(pit, 0.05, 0.05, -0.30)


def _shrug_lower(r: Rest) -> np.ndarray:
    chin = bump(r.p, (0, LIP_Y - 2.1, 7.3), (3.2, 2.4, 4.0)) * r.below
    lip = r.lips * r.below * (0.3 + 0.7 * r.middle)
    above = r.lips * r.upper * r.middle
    return _move(chin, 0, 0.50, 0.22) + _move(lip, 0, 0.16, 0.34) + _move(above, 0, 0.26, 0.08)


def _shrug_upper(r: Rest) -> np.ndarray:
    """The upper lip curls out and up under the nose; its edge stays on the lower lip."""
    lip = r.lips * r.upper * (0.2 + 0.8 * r.middle)
    return _move(lip * np.clip(r.dy / 0.5, 0, 1), 0, 0.42, 0.30) + _move(lip, 0, 0.05, 0.22)


def _upper_up(r: Rest) -> np.ndarray:
    beside_nose = bump(r.p, (1.9, -3.8, 7.8), (1.9, 1.7, 3.0))
    return _move(r.lips * r.left * r.upper * r.mostly_middle, 0.04, 0.50, 0.02) + _move(beside_nose, 0.04, 0.18, 0.12)


def _sneer(r: Rest) -> np.ndarray:
    wing, bridge = bump(r.p, (1.1, -3.2, 8.2), (1.8, 2.0, 2.6)), bump(r.p, (0.9, 0.4, 7.4), (1.3, 1.8, 2.5))
    lip, fold = r.lips * r.left * r.upper, bump(r.p, (2.1, -3.6, 7.2), (1.8, 1.8, 3.0))
    return (
        _move(wing, 0.14, 0.58, 0.05)
        + _move(lip * np.clip(r.dy / 0.5, 0, 1), 0, 0.28, 0.06)
        + _move(bridge, -0.05, 0.20, 0.10)
        + _move(fold, 0.05, 0.26, 0.16)
    )


def _puff(r: Rest) -> np.ndarray:
    cheeks = bump(folded(r.p), (4.6, -5.0, 4.6), (3.2, 3.4, 4.6))
    return _apart(r, cheeks, 0.75, 0, 0.50) + _move(r.lips * r.middle, 0, 0, 0.16)


def _brow_inner(r: Rest) -> np.ndarray:
    m = folded(r.p)
    lift = bump(m, (0.9, 2.9, 7.4), (3.0, 2.8, 4.0)) + 0.25 * bump(m, (0, 5.5, 7.5), (4.0, 3.0, 4.0))
    return _move(np.minimum(lift, 1), 0, 0.80, 0.10)


def _brow_down(r: Rest) -> np.ndarray:
    """The brow comes down and forward, its inner end most, and in."""
    brow, inner = bump(r.p, (2.6, 2.8, 6.8), (3.8, 2.2, 4.0)), bump(r.p, (1.1, 2.6, 7.4), (2.4, 2.0, 3.0))
    return _move(brow, -0.10, -0.42, 0.10) + _move(inner, -0.36, -0.62, 0.16)


def _brow_outer(r: Rest) -> np.ndarray:
    return _move(bump(r.p, (4.2, 2.9, 5.6), (3.2, 2.8, 4.0)), 0.05, 0.66, 0)


FIELDS: dict[str, Callable[[Rest], np.ndarray]] = {
    "jawOpen": _jaw_open,
    "jawForward": lambda r: _move(r.jaw, 0, 0, JAW_FORWARD) + _move(r.lips * r.below * r.middle, 0, 0.14, 0),
    "jawLeft": lambda r: _move(r.jaw + 0.4 * r.lips * r.upper, JAW_SIDE, 0, 0),
    "mouthClose": _mouth_close,
    "mouthFunnel": _funnel,
    "mouthPucker": _pucker,
    "mouthLeft": lambda r: _move(r.around, 0.75, 0, 0) + _move(r.around * np.clip(r.u, -1.5, 1.5), 0, 0.06, -0.36),
    "mouthSmileLeft": _smile,
    "mouthFrownLeft": _frown,
    "mouthDimpleLeft": _dimple,
    "mouthStretchLeft": _stretch,
    "mouthRollLower": lambda r: _roll(r, r.below),
    "mouthRollUpper": lambda r: _roll(r, r.upper),
    "mouthShrugLower": _shrug_lower,
    "mouthShrugUpper": _shrug_upper,
    "mouthPressLeft": _press,
    "mouthLowerDownLeft": lambda r: _move(r.lips * r.left * r.below * r.mostly_middle, 0.08, -0.58, -0.06),
    "mouthUpperUpLeft": _upper_up,
    "browDownLeft": _brow_down,
    "browInnerUp": _brow_inner,
    "browOuterUpLeft": _brow_outer,
    "cheekPuff": _puff,
    "cheekSquintLeft": lambda r: _move(bump(r.p, (3.7, -2.4, 6.4), (3.0, 1.9, 4.0)), 0.05, 0.48, 0.26),
    "eyeSquintLeft": lambda r: _move(bump(r.p, (3.4, -2.0, 6.8), (2.6, 1.3, 3.0)), 0, 0.20, 0.10),
    "noseSneerLeft": _sneer,
    "tongueOut": lambda r: _move(r.lips * r.below * r.mostly_middle, 0, -0.85, 0.06),
}  # the Right ones are mirrored; cloud.own has what the lids and the tongue do


def dense_shapes(cloud: Cloud) -> np.ndarray:
    """float32 [52, n, 3], centimetres; movements below SMALLEST_CM are 0."""
    deltas = np.zeros((len(ARKIT), len(cloud), 3), np.float32)
    moving = np.flatnonzero(cloud.carried > 0)
    carried = cloud.chosen(moving)
    rest, mirror = Rest(carried), Rest(carried.mirrored())
    weight = carried.carried[:, None]
    for number, name in enumerate(ARKIT):
        if name in FIELDS:
            deltas[number, moving] = FIELDS[name](rest) * weight
        elif mirrored_name(name) in FIELDS:
            deltas[number, moving] = FIELDS[mirrored_name(name)](mirror) * MIRROR * weight
        if name in cloud.own:
            deltas[number] += cloud.own[name]
    deltas[np.abs(deltas).max(2) < SMALLEST_CM] = 0
    return deltas


def stretch(cloud: Cloud, deltas: np.ndarray) -> np.ndarray:
    """How many times farther apart neighbours on the skin get in the worst of STRETCHING: float64 [n], 1 elsewhere."""
    factor = np.ones(len(cloud))
    moving = np.flatnonzero((cloud.carried == 1) & (cloud.material == SKIN))
    p, below = cloud.position[moving], cloud.below[moving]
    index = cKDTree(p).query(p, 9)[1][:, 1:]
    joint = np.abs(below[index] - below[:, None]) < 0.25  # not from lip to lip
    rest = np.sqrt((joint * ((p[index] - p[:, None]) ** 2).sum(2)).sum(1) + 1e-6)
    for name in STRETCHING:
        q = p + deltas[ARKIT.index(name), moving]
        posed = np.sqrt((joint * ((q[index] - q[:, None]) ** 2).sum(2)).sum(1) + 1e-6)
        factor[moving] = np.maximum(factor[moving], posed / rest)
    return np.minimum(factor, MOST_STRETCH)
