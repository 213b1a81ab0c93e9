"""Eyelids: rings of splats around the opening of the left eye, and its lashes. The right eye is its mirror.

Places are (x, y) in centimetres seen from the front, relative to the middle of the eye; x towards the temple.
"""

import numpy as np

from tools.character.cloud import Cloud, joined
from tools.character.face import EYE, front_of, head, skin_colour
from tools.character.fields import folded, gradient, length, smoothstep, unit
from tools.character.light import LIP, SKIN

MIDDLE = EYE[:2] + (0.06, 0.0)
HALF_WIDTH, UPPER, LOWER = 1.80, 1.04, 0.76  # of the opening
TILT = 0.13  # how much higher the outer corner is
REACH_UP, REACH_DOWN, REACH_TEMPLE, REACH_NOSE = 1.95, 1.65, 2.38, 2.15  # of the patch
CREASE = 0.42  # above the upper lid's edge
LASH = np.array([0.018, 0.010, 0.008])
INNER_CORNER = np.array([0.52, 0.19, 0.16])
# shape: how far it moves the upper and the lower lid's edge, in parts of the opening (to the other lid is 1)
LID_MOVES = {
    "eyeBlinkLeft": (-0.64, 0.40),  # so far up that the upper lid is still an arch when half closed
    "eyeSquintLeft": (-0.14, 0.28),
    "eyeWideLeft": (0.20, -0.06),
    "eyeLookDownLeft": (-0.38, -0.10),
    "eyeLookUpLeft": (0.16, 0.05),
    "cheekSquintLeft": (-0.03, 0.20),
    "mouthSmileLeft": (-0.04, 0.12),
    "browDownLeft": (-0.10, 0.04),
}


def edges(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y of the upper and the lower lid's edge: an almond, fuller above at the nose and below at the temple."""
    u = np.clip(x / HALF_WIDTH, -1, 1)
    upper = UPPER * (1 - np.abs(u + 0.12 * (1 - u * u)) ** 2.2) ** 0.80
    lower = LOWER * (1 - np.abs(u - 0.14 * (1 - u * u)) ** 2.0) ** 0.85
    return TILT * u + upper, TILT * u - lower


def border(x: np.ndarray) -> np.ndarray:
    """-1 at the patch's end towards the nose, 1 at the one towards the temple."""
    return x / np.where(x > 0, REACH_TEMPLE, REACH_NOSE)


def in_lid_patch(p: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Whether points of either side belong to the lids."""
    q = folded(p)[:, :2] - MIDDLE
    y = q[:, 1] / np.where(q[:, 1] > 0, REACH_UP, REACH_DOWN)
    return (border(q[:, 0]) ** 2 + y**2 < scale**2) & (p[:, 2] > 3)


def lid_surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points of the closed lids and the skin around them, with the crease of the upper lid: [..., 3]."""
    p = front_of(head, x + MIDDLE[0], y + MIDDLE[1])
    upper, _ = edges(x)
    crease = np.exp(-(((y - upper - CREASE) / 0.10) ** 2)) * (1 - smoothstep(0.75, 1.05, np.abs(x) / HALF_WIDTH))
    p[..., 2] -= 0.07 * crease
    return p


def moved(x: np.ndarray, y: np.ndarray, upper_move: float, lower_move: float) -> np.ndarray:
    """New y when the edges move by these parts of the opening; less and less out to the patch's border."""
    upper, lower = edges(x)
    side = np.sqrt(np.clip(1 - border(x) ** 2, 0, 1))
    top, bottom = REACH_UP * side, -REACH_DOWN * side
    above = np.clip((top - y) / np.maximum(top - upper, 1e-3), 0, 1)
    under = np.clip((y - bottom) / np.maximum(lower - bottom, 1e-3), 0, 1)
    move = np.where(y > (upper + lower) / 2, upper_move * above, lower_move * under)
    return y + move * (upper - lower)


def make_lids(columns: int, rows: int) -> Cloud:
    """The skin around the eye from the lids' edges to the border of the patch."""
    turn = (np.arange(columns) + 0.5) / columns * 2 * np.pi
    inner_rows = [-0.22, -0.13, -0.06]  # the edge's thickness, back towards the eyeball
    turn, ring = np.meshgrid(turn, np.concatenate([inner_rows, np.linspace(0, 1, rows)]), indexing="ij")
    cos, sin, out = np.cos(turn), np.sin(turn), np.clip(ring, 0, 1)
    is_upper = sin > 0
    x0, x1 = HALF_WIDTH * cos, np.where(cos > 0, REACH_TEMPLE, REACH_NOSE) * cos
    y0 = np.where(is_upper, *edges(x0))
    y1 = np.where(is_upper, REACH_UP, REACH_DOWN) * sin
    x, y = x0 + (x1 - x0) * out, y0 + (y1 - y0) * out
    back = np.clip(-ring, 0, 1)[..., None]

    def surface(new_y: np.ndarray) -> np.ndarray:
        p = lid_surface(x, new_y)
        return p + (EYE - p) * back

    p = surface(y)
    own = {name: surface(moved(x, y, *moves)) - p for name, moves in LID_MOVES.items()}
    a, b = np.roll(p, -1, 0) - np.roll(p, 1, 0), np.gradient(p, axis=1)
    normal = unit(np.cross(b, a))
    smooth = gradient(head, p.reshape(-1, 3)).reshape(p.shape)
    edge = np.maximum(smoothstep(0.75, 1.0, out), smoothstep(0.08, 0.02, ring))[..., None]
    normal = unit(normal * (1 - edge) + smooth * edge)
    stretched = np.maximum(length(b), length(np.gradient(p + own["eyeBlinkLeft"], axis=1)))
    sigma = np.stack([length(a) * 0.33, stretched * 0.60, np.full(ring.shape, 0.02)], -1)
    colour = _colour(p, ring, y - y0, cos, is_upper)

    def flat(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, values.shape[-1])

    carried = smoothstep(0.0, 1.0, out).ravel()
    return Cloud.make(
        flat(p), flat(normal), flat(sigma), flat(colour), SKIN, along=flat(a), carried=carried, two_sided=True,
        own={name: flat(delta) for name, delta in own.items()},
    )  # fmt: skip


def _colour(
    p: np.ndarray, ring: np.ndarray, from_edge: np.ndarray, cos: np.ndarray, is_upper: np.ndarray
) -> np.ndarray:
    """Albedo, with the line of the lashes and the pink inner corner. from_edge: cm above the edge of the same lid."""
    colour = skin_colour(p.reshape(-1, 3)).reshape(p.shape)
    crease = 0.12 * np.exp(-(((from_edge - CREASE) / 0.14) ** 2)) * is_upper * smoothstep(1.0, 0.8, np.abs(cos))
    colour = colour * (1 - crease[..., None] * [0.8, 1, 1])
    pink = 0.35 * np.exp(-((from_edge / 0.25) ** 2))[..., None]
    colour = colour * (1 + ([1.0, 0.72, 0.68] - np.ones(3)) * pink)
    width = np.where(is_upper, 0.055, 0.035)
    line = np.where(is_upper, 0.92, 0.35) * np.exp(-((np.maximum(ring, 0) / width) ** 2)) * (ring > -0.1)
    line = (line * smoothstep(-0.99, -0.85, cos))[..., None]
    colour = colour * (1 - line) + np.where(is_upper[..., None], LASH, [0.16, 0.06, 0.045]) * line
    corner = (smoothstep(-0.86, -0.97, cos) * smoothstep(0.07, 0.0, ring))[..., None]
    return colour * (1 - corner) + INNER_CORNER * corner


def make_lashes(rng: np.random.Generator) -> Cloud:
    """Short hairs along the upper lid's edge, longer towards the temple; they droop when the eye closes."""
    count = 100
    fan = np.linspace(-0.80, 0.97, count)
    x = HALF_WIDTH * fan
    upper, _ = edges(x)
    corner = smoothstep(0.25, 0.95, fan)
    size = 0.12 + 0.25 * smoothstep(-0.6, 0.9, fan) * (1 - 0.55 * corner) * rng.uniform(0.8, 1.1, count)
    out = unit(np.stack([0.20 + 0.75 * fan, 0.42 + 0.12 * rng.normal(size=count), 0.85 - 0.35 * np.abs(fan)], 1))
    root = lid_surface(x, upper)
    normal = gradient(head, root)
    out = unit(out - normal * (0.97 * corner * (out * normal).sum(1))[:, None])  # along the skin at the temple
    own = {name: lid_surface(x, moved(x, upper + 1e-3, *moves)) - root for name, moves in LID_MOVES.items()}
    droop = (out * [0, -1.5, 0]) * size[:, None]
    across = unit(np.cross(out, [0, 0.3, 1.0]))
    clouds = []
    for step in (0.2, 0.55, 0.85):
        p = root + out * (size * step)[:, None] + [0, 0, 0.03] + np.array([0, 0.18, 0]) * (step * step * size)[:, None]
        sigma = np.stack([size * 0.20, np.full(count, 0.030 * (1.15 - step * 0.7)), np.full(count, 0.02)], 1)
        moves = own | {"eyeBlinkLeft": own["eyeBlinkLeft"] + droop * step}
        clouds.append(
            Cloud.make(p, np.cross(out, across), sigma, LASH, LIP, along=out, opacity=0.9, two_sided=True, own=moves)
        )
    return joined(clouds)
