"""Lips and the skin around them as rings about the line where the lips touch; tongue and cavity behind.

A grid that follows the line opens cleanly; lips sampled from a distance field would tear at the corners.
"""

import numpy as np

from tools.avatar.cloud import Cloud
from tools.avatar.face import (
    LIP_HALF_WIDTH, LIP_TONE, LIP_Y, MOUTH_BOX, below_lips, front_of, lip_line, plain_head, skin_colour,
)  # fmt: skip
from tools.avatar.fields import gradient, length, noise, smoothstep, unit
from tools.avatar.light import GLOW, LIP, MOUTH, SKIN
from tools.avatar.sampling import ball_cap

UPPER_HEIGHT, LOWER_HEIGHT = 0.60, 0.82  # of the red of the lips
UPPER_BULGE, LOWER_BULGE = 0.30, 0.42
CAVITY = np.array([0.050, 0.010, 0.009])
TONGUE = np.array([0.54, 0.18, 0.17])


def make_lips(columns: int, rows: int) -> Cloud:
    turn = (np.arange(columns) + 0.5) / columns * 2 * np.pi
    inner_rows = max(rows // 4, 3)
    ring = np.concatenate([-np.linspace(1, 0.08, inner_rows), np.linspace(0, 1, rows) ** 1.35])
    turn, ring = np.meshgrid(turn, ring, indexing="ij")
    sin, cos = np.sin(turn), np.cos(turn)
    upper, out, inside = sin > 0, np.clip(ring, 0, 1), np.clip(-ring, 0, 1)
    u = np.abs(cos)
    x0 = LIP_HALF_WIDTH * cos
    y0 = lip_line(x0) - 0.07 * np.exp(-((x0 / 0.45) ** 2)) + 0.05 * np.exp(-(((u * LIP_HALF_WIDTH - 1.0) / 0.5) ** 2))
    x1, y1 = MOUTH_BOX[0] * cos, LIP_Y + np.where(upper, MOUTH_BOX[1], MOUTH_BOX[2]) * sin
    p = front_of(plain_head, x0 + (x1 - x0) * out, y0 + (y1 - y0) * out)
    height = np.where(
        upper,
        UPPER_HEIGHT * (1 - u**2.4) ** 0.8 * (1 - 0.20 * np.exp(-((x0 / 0.22) ** 2))),
        LOWER_HEIGHT * (1 - u**2.2) ** 0.75,
    )
    q = out * np.hypot(x1 - x0, y1 - y0) / (height + 0.05)  # 0 where the lips touch, 1 at the border of the red
    fade = 1 - smoothstep(0.55, 1.0, out)
    bulge = np.where(upper, UPPER_BULGE, LOWER_BULGE) * (1 - u**2) ** 0.7
    p[..., 2] += bulge * np.exp(-(((q - 0.45) / 0.55) ** 2)) * fade
    p[..., 2] -= 0.13 * np.exp(-((q / 0.22) ** 2)) * (1 - u**3)
    p[..., 2] += 0.05 * np.exp(-(((q - 1.05) / 0.18) ** 2)) * (1 - u**2) * fade
    under = np.exp(-(((q - 1.75) / 0.5) ** 2)) * (1 - u**2) * ~upper * fade
    p[..., 2] -= 0.16 * under  # the hollow between lip and chin
    philtrum = np.exp(-((x0 + (x1 - x0) * out) ** 2) / 0.05) - 0.7 * np.exp(-((u * LIP_HALF_WIDTH - 0.42) ** 2) / 0.03)
    p[..., 2] -= 0.07 * philtrum * upper * smoothstep(0.9, 1.4, q) * (1 - smoothstep(0.7, 1.0, out))
    corner = np.exp(-(((np.abs(p[..., 0]) - LIP_HALF_WIDTH - 0.08) / 0.22) ** 2) - ((p[..., 1] - lip_line(x0)) / 0.22) ** 2)
    p[..., 2] -= 0.10 * corner
    p[..., 2] -= inside * 1.3
    p[..., 1] += np.where(upper, 1, -1) * np.abs(sin) ** 0.7 * (0.35 * inside - 0.0)
    a, b = np.roll(p, -1, 0) - np.roll(p, 1, 0), np.gradient(p, axis=1)
    normal = unit(np.cross(b, a))
    smooth = gradient(plain_head, p.reshape(-1, 3)).reshape(p.shape)
    blend = smoothstep(0.75, 1.0, out)[..., None]
    normal = unit(normal * (1 - blend) + smooth * blend)
    red = (1 - smoothstep(0.88, 1.12, q))[..., None]
    skin = skin_colour(p.reshape(-1, 3)).reshape(p.shape)
    lines = noise(np.stack([turn * 16, q * 0.8, 0 * q], -1).reshape(-1, 3), 1.0, 3).reshape(q.shape)
    lip = LIP_TONE * np.where(upper, 0.88, 1.05)[..., None] * (0.86 + 0.28 * lines)[..., None]
    colour = skin * (1 - red) + lip * red
    colour = colour * (1 - (0.62 - 0.35 * u**6) * np.exp(-((q / 0.16) ** 2)))[..., None]
    colour = colour * (1 - 0.20 * corner[..., None] * [0.7, 1, 1])
    colour = np.where((inside > 0.15)[..., None], CAVITY * 3 * (1 - 0.8 * inside)[..., None], colour)
    rim = 0.5 - 0.5 * np.sign(sin) * np.abs(sin) ** 0.8
    far = smoothstep(0.1, 1.0, out)
    below = rim * (1 - far) + below_lips(p.reshape(-1, 3)).reshape(q.shape) * far
    across = np.maximum(length(a) * 0.5, 0.03)
    sigma = np.stack([across * 0.66, np.maximum(length(b), 0.05) * 0.66, np.full(q.shape, 0.03)], -1)
    material = np.where((red[..., 0] > 0.5) | (out < 0.12), LIP, SKIN)
    material = np.where(inside > 0.15, MOUTH, material)
    return Cloud.make(
        p.reshape(-1, 3), normal.reshape(-1, 3), sigma.reshape(-1, 3), colour.reshape(-1, 3), material.ravel(),
        along=a.reshape(-1, 3), carried=1, below=below.ravel(), two_sided=True,
    )  # fmt: skip


def make_cavity(count: int) -> Cloud:
    """Dark walls behind the teeth; the floor goes down with the jaw."""
    d = ball_cap(count, 2.2) * [1, 1, -1]
    p = np.array([0, LIP_Y + 0.05, 4.8]) + d * [2.5, 1.75, 3.0]
    below = smoothstep(0.5, -0.5, p[:, 1] - LIP_Y)
    depth = smoothstep(2.0, 6.5, p[:, 2])[:, None]
    sigma = np.sqrt(4 * np.pi * 5.5 / count) * 0.75
    return Cloud.make(p, -d, sigma, CAVITY * (0.25 + 0.75 * depth), GLOW, carried=0.999, below=below, two_sided=True)


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
    return Cloud.make(p, unit(d / radii), sigma, colour, MOUTH, carried=0.999, below=below, own={"tongueOut": out})
