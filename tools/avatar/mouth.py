"""Lips and the skin around them as rings about the line where the lips touch; tongue and cavity behind.

A grid that follows the line opens cleanly; lips sampled from a distance field would tear at the corners.
"""

import numpy as np

from tools.avatar.cloud import Cloud
from tools.avatar.face import (
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
from tools.avatar.fields import gradient, length, noise, smoothstep, unit
from tools.avatar.light import GLOW, LIP, MOUTH, SKIN
from tools.avatar.sampling import ball_cap

UPPER_HEIGHT, LOWER_HEIGHT = 0.60, 0.82  # of the red of the lips
UPPER_BULGE, LOWER_BULGE = 0.30, 0.42
WET = 0.15  # how far inside the mouth, of LipRings.inside, the lips end
CAVITY = np.array([0.050, 0.010, 0.009])
TONGUE = np.array([0.54, 0.18, 0.17])


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
    z -= 0.13 * np.exp(-((q / 0.22) ** 2)) * (1 - u**3)
    z += 0.05 * np.exp(-(((q - 1.05) / 0.18) ** 2)) * (1 - u**2) * fade
    z -= 0.16 * np.exp(-(((q - 1.75) / 0.5) ** 2)) * (1 - u**2) * ~r.upper * fade
    groove = np.exp(-(r.x**2) / 0.05) - 0.7 * np.exp(-((np.abs(r.line_x) - 0.42) ** 2) / 0.03)
    z -= 0.07 * groove * r.upper * smoothstep(0.9, 1.4, q) * (1 - smoothstep(0.7, 1.0, r.out))
    return z - 0.10 * r.corner - 1.3 * r.inside


def _colour(r: LipRings, p: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Albedo [columns, rows, 3]. red: 1 on the lips."""
    skin = skin_colour(p.reshape(-1, 3)).reshape(p.shape)
    creases = noise(np.stack([r.turn * 16, r.q * 0.8, 0 * r.q], -1).reshape(-1, 3), 1.0, 3).reshape(r.q.shape)
    lip = LIP_TONE * (np.where(r.upper, 0.88, 1.05) * (0.86 + 0.28 * creases))[..., None]
    colour = skin * (1 - red[..., None]) + lip * red[..., None]
    colour = colour * (1 - (0.62 - 0.35 * r.u**6) * np.exp(-((r.q / 0.16) ** 2)))[..., None]
    colour = colour * (1 - 0.20 * r.corner[..., None] * [0.7, 1, 1])
    wet = CAVITY * 3 * (1 - 0.8 * r.inside)[..., None]
    return np.where((r.inside > WET)[..., None], wet, colour)


def make_lips(columns: int, rows: int) -> Cloud:
    r = LipRings(columns, rows)
    p = front_of(plain_head, r.x, r.y)
    p[..., 2] += _relief(r)
    p[..., 1] += np.where(r.upper, 1, -1) * np.abs(r.sin) ** 0.7 * 0.35 * r.inside
    a, b = np.roll(p, -1, 0) - np.roll(p, 1, 0), np.gradient(p, axis=1)
    smooth = gradient(plain_head, p.reshape(-1, 3)).reshape(p.shape)
    blend = smoothstep(0.75, 1.0, r.out)[..., None]  # the border is lit as the skin around it
    normal = unit(unit(np.cross(b, a)) * (1 - blend) + smooth * blend)
    red = 1 - smoothstep(0.88, 1.12, r.q)
    side = 0.5 - 0.5 * np.sign(r.sin) * np.abs(r.sin) ** 0.8  # opens as an ellipse
    far = smoothstep(0.1, 1.0, r.out)
    below = side * (1 - far) + below_lips(p.reshape(-1, 3)).reshape(far.shape) * far
    across, outwards = np.maximum(length(a) * 0.5, 0.03), np.maximum(length(b), 0.05)
    sigma = np.stack([across * 0.66, outwards * 0.66, np.full(far.shape, 0.03)], -1)
    material = np.where((red > 0.5) | (r.out < 0.12), LIP, SKIN)
    material = np.where(r.inside > WET, MOUTH, material)
    return Cloud.make(
        p.reshape(-1, 3), normal.reshape(-1, 3), sigma.reshape(-1, 3), _colour(r, p, red).reshape(-1, 3),
        material.ravel(), along=a.reshape(-1, 3), carried=1, below=below.ravel(), two_sided=True,
    )  # fmt: skip


def make_cavity(count: int) -> Cloud:
    """Dark walls behind the teeth; the floor goes down with the jaw."""
    d = ball_cap(count, 2.2) * [1, 1, -1]
    p = np.array([0, LIP_Y + 0.05, 4.8]) + d * [2.5, 1.75, 3.0]
    below = smoothstep(0.5, -0.5, p[:, 1] - LIP_Y)
    depth = smoothstep(2.0, 6.5, p[:, 2])[:, None]
    sigma = np.sqrt(4 * np.pi * 5.5 / count) * 0.75
    return Cloud.make(p, -d, sigma, CAVITY * (0.25 + 0.75 * depth), GLOW, carried=1, below=below, two_sided=True)


def make_tongue(count: int) -> Cloud:
    """Lies on the floor of the mouth and comes out with tongueOut."""
    d = ball_cap(count, np.pi)
    centre, radii = np.array([0, LIP_Y - 0.75, 5.0]), np.array([1.45, 0.50, 2.3])
    p = centre + d * radii
    groove = np.exp(-((p[:, 0] / 0.22) ** 2)) * (d[:, 1] > 0)
    p[:, 1] -= 0.10 * groove
    tip = smoothstep(3.5, 7.3, p[:, 2])
    colour = TONGUE * (0.35 + 0.65 * tip)[:, None] * (1 - 0.25 * groove)[:, None]
    out = np.stack([-0.15 * p[:, 0] * tip, -0.15 * tip - 0.9 * tip**3, 2.9 * tip], 1)
    below = 0.35 + 0.55 * tip
    sigma = np.tile([1, 1, 0.6], (len(p), 1)) * np.sqrt(4 * np.pi * 1.6 / count) * 0.9
    return Cloud.make(p, unit(d / radii), sigma, colour, MOUTH, carried=1, below=below, own={"tongueOut": out})
