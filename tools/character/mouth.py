"""Lips and the skin around them as rings about the line where the lips touch; the cavity behind them.

A grid that follows the line opens cleanly; lips sampled from a distance field would tear at the corners.
"""

import numpy as np

from tools.character.cloud import Cloud, joined
from tools.character.expressions import FUNNEL_CM, PUCKER_CM
from tools.character.face import (
    LIP_HALF_WIDTH,
    LIP_TONE,
    LIP_Y,
    MOUTH_BOX,
    below_lips,
    front_of,
    lip_line,
    plain_head,
    skin_colour,
)
from tools.character.fields import gradient, length, noise, smoothstep, unit
from tools.character.jaw import with_jaw
from tools.character.light import GLOW, LIP, SKIN
from tools.character.sampling import ball_cap

UPPER_HEIGHT, LOWER_HEIGHT = 0.54, 0.72  # of the red of the lips
UPPER_BULGE, LOWER_BULGE = 0.24, 0.34
PARTING = {
    "jawOpen": (0, 1.2, -4.0),
    "mouthClose": (0, -1.2, 4.0),
    "mouthFunnel": (0, 0, -4.0),
    "mouthPucker": (0, 0, -0.9),
    "tongueOut": (0, 0, -3.0),
}  # how shapes that part the lips hide the line between them behind the upper one, or in the mouth, cm
CAVITY = np.array([0.085, 0.018, 0.016])
LINING = np.array([0.44, 0.135, 0.125])  # of the lips and cheeks
LIP_LINE = np.array([0.16, 0.035, 0.032])


class LipRings:
    """A grid [columns, rows]: around the mouth, and from inside it over the lips' line out to the patch's border."""

    def __init__(self, columns: int, rows: int):
        turn = (np.arange(columns) + 0.5) / columns * 2 * np.pi
        ring = np.concatenate([-np.linspace(1, 0.08, max(rows // 4, 3)), np.linspace(0, 1, rows) ** 1.35])
        self.turn, self.ring = np.meshgrid(turn, ring, indexing="ij")
        self.sin, cos = np.sin(self.turn), np.cos(self.turn)
        self.upper, self.u = self.sin > 0, np.abs(cos)  # u: 0 in the middle, 1 at the corners
        self.out, self.inside = np.clip(self.ring, 0, 1), np.clip(-self.ring, 0, 1)
        self.line_x = LIP_HALF_WIDTH * cos
        peaks = np.exp(-(((np.abs(self.line_x) - 1.0) / 0.5) ** 2))  # of Cupid's bow
        line_y = lip_line(self.line_x) - 0.045 * np.exp(-((self.line_x / 0.45) ** 2)) + 0.03 * peaks
        border_x = MOUTH_BOX[0] * cos
        border_y = LIP_Y + np.where(self.upper, MOUTH_BOX[1], MOUTH_BOX[2]) * self.sin
        self.x = self.line_x + (border_x - self.line_x) * self.out
        self.y = line_y + (border_y - line_y) * self.out
        dent = 1 - 0.20 * np.exp(-((self.line_x / 0.22) ** 2))
        height = np.where(
            self.upper,
            UPPER_HEIGHT * (1 - self.u**2.4) ** 0.8 * dent,
            LOWER_HEIGHT * (1 - self.u**2.2) ** 0.75,
        )
        # 0 where the lips touch, 1 at the border of the red
        self.q = self.out * np.hypot(border_x - self.line_x, border_y - line_y) / (height + 0.05)
        beside, above = np.abs(self.x) - LIP_HALF_WIDTH - 0.08, self.y - lip_line(self.line_x)
        self.corner = np.exp(-((beside / 0.22) ** 2) - (above / 0.22) ** 2)


def _relief(r: LipRings) -> np.ndarray:
    """How far lips, corners, the hollow under them and the philtrum above stand out of the face, cm."""
    q, u, fade = r.q, r.u, 1 - smoothstep(0.55, 1.0, r.out)
    z = np.where(r.upper, UPPER_BULGE, LOWER_BULGE) * (1 - u**2) ** 0.7 * np.exp(-(((q - 0.45) / 0.55) ** 2)) * fade
    z -= np.where(r.upper, 0.06, 0.13) * np.exp(-((q / 0.22) ** 2)) * (1 - u**3)
    z += 0.05 * np.exp(-(((q - 1.05) / 0.18) ** 2)) * (1 - u**2) * fade
    z -= 0.16 * np.exp(-(((q - 1.75) / 0.5) ** 2)) * (1 - u**2) * ~r.upper * fade
    groove = np.exp(-(r.x**2) / 0.05) - 0.7 * np.exp(-((np.abs(r.line_x) - 0.42) ** 2) / 0.03)
    z -= 0.07 * groove * r.upper * smoothstep(0.9, 1.4, q) * (1 - smoothstep(0.7, 1.0, r.out))
    return z - 0.05 * r.corner - 1.3 * r.inside


def _colour(r: LipRings, p: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Albedo [columns, rows, 3]. red: 1 on the lips."""
    skin = skin_colour(p.reshape(-1, 3)).reshape(p.shape)
    creases = noise(np.stack([r.turn * 16, r.q * 0.8, 0 * r.q], -1).reshape(-1, 3), 1.0, 3).reshape(r.q.shape)
    lip = LIP_TONE * (np.where(r.upper, 0.88, 1.05) * (0.86 + 0.28 * creases))[..., None]
    colour = skin * (1 - red[..., None]) + lip * red[..., None]
    colour = colour * (1 - np.where(r.upper, -0.10, 0.18) * np.exp(-((r.q / 0.25) ** 2)))[..., None]
    moist = np.exp(-(((r.q - 0.42) / 0.20) ** 2) - ((r.line_x + 0.25) / 0.85) ** 2) * ~r.upper
    colour = colour * (1 + 0.30 * moist)[..., None] + 0.05 * moist[..., None]
    colour = colour * (1 - 0.12 * r.corner[..., None] * [0.7, 1, 1])
    wet = CAVITY + (LINING - CAVITY) * (1 - r.inside[..., None]) ** 3
    return np.where((r.inside > 0)[..., None], wet, colour)


def make_lips(columns: int, rows: int) -> Cloud:
    r = LipRings(columns, rows)
    p = front_of(plain_head, r.x, r.y)
    p[..., 2] += _relief(r)
    p[..., 1] += np.where(r.upper, 1, -1) * np.abs(r.sin) ** 0.7 * 0.35 * r.inside
    a, b = np.roll(p, -1, 0) - np.roll(p, 1, 0), np.gradient(p, axis=1)
    smooth = gradient(plain_head, p.reshape(-1, 3)).reshape(p.shape)
    blend = smoothstep(0.75, 1.0, r.out)[..., None]  # the border is lit as the skin around it
    normal = unit(unit(np.cross(b, a)) * (1 - blend) + smooth * blend)
    corner = (0.7 * smoothstep(0.7, 1.0, r.u) * smoothstep(0.2, 0.05, r.out))[..., None]  # too fine a grid for normals
    normal = unit(normal * (1 - corner) + smooth * corner)
    red = 1 - smoothstep(0.72, 1.22, r.q)
    side = 0.5 - 0.5 * np.sign(r.sin) * np.abs(r.sin) ** 0.8  # opens as an ellipse
    far = smoothstep(0.1, 1.0, r.out)
    below = side * (1 - far) + below_lips(p.reshape(-1, 3)).reshape(far.shape) * far
    across, outwards = np.maximum(length(a) * 0.5, 0.03), np.maximum(length(b), 0.05)
    sigma = np.stack([across * 0.66, outwards * 0.66, np.full(far.shape, 0.03)], -1)
    material = np.where((red > 0.5) | (r.out < 0.12), LIP, SKIN)
    material = np.where(r.inside > 0, GLOW, material)  # nobody knows what light comes in
    return Cloud.make(
        p.reshape(-1, 3), normal.reshape(-1, 3), sigma.reshape(-1, 3), _colour(r, p, red).reshape(-1, 3),
        material.ravel(), along=a.reshape(-1, 3), carried=1, below=below.ravel(), two_sided=True,
    )  # fmt: skip


def make_lip_line() -> Cloud:
    """The dark line between closed lips. It sinks into the mouth as soon as they part: an open lip has a lit edge."""
    t = np.linspace(-1, 1, 56)
    x = LIP_HALF_WIDTH * np.sign(t) * (1 - (1 - np.abs(t)) ** 1.25)
    p = front_of(plain_head, x, lip_line(x))
    bulge = (UPPER_BULGE + LOWER_BULGE) / 2 * (1 - t**2) ** 0.7 * np.exp(-((0.45 / 0.55) ** 2))
    p[:, 2] += bulge - 0.06 - 0.06 * np.abs(t) ** 6
    sigma = np.stack([np.full(len(t), 0.085), 0.045 * (1 - 0.4 * t**2), np.full(len(t), 0.03)], 1)
    left = smoothstep(-0.6, 0.6, x)[:, None]
    own = {name: np.tile(hidden, (len(t), 1)) for name, hidden in PARTING.items()}
    own |= {f"{name}{side}": share * [0, 0, -2.5] for name in ("mouthLowerDown", "mouthUpperUp")
            for side, share in (("Left", left), ("Right", 1 - left))}  # fmt: skip
    opacity = 0.62 * (1 - 0.5 * t**6)
    return Cloud.make(
        p, [0, 0, 1.0], sigma, LIP_LINE, GLOW, along=np.gradient(p, axis=0), opacity=opacity, carried=1, own=own
    )


def make_cavity(count: int) -> Cloud:
    """Dark walls behind the teeth, whose floor goes down with the jaw, the line of the lips, and their shade."""
    d = ball_cap(count, 2.2) * [1, 1, -1]
    p = np.array([0, LIP_Y + 0.05, 4.8]) + d * [2.2, 1.7, 3.0]
    below = smoothstep(0.5, -0.5, p[:, 1] - LIP_Y)
    depth = smoothstep(2.0, 6.5, p[:, 2])[:, None]
    sigma = np.sqrt(4 * np.pi * 5.5 / count) * 0.75
    walls = Cloud.make(p, -d, sigma, CAVITY * (0.35 + 0.65 * depth), GLOW, two_sided=True, own=with_jaw(p, below))
    return joined([walls, make_lip_line(), make_shade(1), make_shade(-1)])


def make_shade(side: int) -> Cloud:
    """The shade of rounded lips on the teeth: a veil folded up behind a lip, which it draws over them.

    side: 1 for the upper lip, -1 for the lower one.
    """
    x, t = (g.ravel() for g in np.meshgrid(np.linspace(-1.25, 1.25, 13), np.linspace(0, 1, 12)))
    z = 7.55 - 0.22 * x**2
    p = np.stack([x, LIP_Y + side * (0.30 + 0.45 * t), z], 1)

    def drawn(opening: float, reach: float, wider: float) -> np.ndarray:
        """The lips narrow it, carry it forward, and by ``opening`` away from their line."""
        return np.stack([wider * x, LIP_Y + side * (reach * (1.7 * t - 1) - opening) - p[:, 1], 0 * x - 0.40], 1)

    sigma = np.tile([0.16, 0.13, 0.02], (len(p), 1))
    own = {"mouthFunnel": drawn(FUNNEL_CM, 0.80, 0.15), "mouthPucker": drawn(PUCKER_CM, 0.45, 0.0)}
    return Cloud.make(
        p, [0, 0, 1.0], sigma, CAVITY, GLOW, along=[[1.0, 0, 0]], opacity=0.27 * (1 - 0.6 * (x / 1.25) ** 2), carried=1,
        below=0.5 - 0.5 * side, own=own,
    )  # fmt: skip
