"""The tongue: rings about a middle line, at rest behind the teeth and out over the lower lip."""

import numpy as np

from tools.character.cloud import Cloud
from tools.character.face import LIP_Y
from tools.character.fields import length, noise, smoothstep, unit
from tools.character.jaw import with_jaw
from tools.character.light import MOUTH

TONE = np.array([0.62, 0.215, 0.20])
ROOT_Z, TIP_Z = 2.8, 7.08


def _body(s: np.ndarray, turn: np.ndarray, middle: np.ndarray, width: np.ndarray, thick: np.ndarray) -> np.ndarray:
    """Points [along, around, 3] of rings about a middle line [along, 2] of y and z, flat below, grooved above."""
    sin, cos = np.sin(turn), np.cos(turn)
    high = thick[:, None] * np.where(sin > 0, sin, 0.7 * sin)
    groove = 0.30 * thick[:, None] * np.exp(-((cos / 0.22) ** 2)) * (sin > 0) * smoothstep(1.0, 0.75, s)[:, None]
    return np.stack([
        width[:, None] * np.sign(cos) * np.abs(cos) ** 0.9,
        middle[:, :1] + high - groove,
        middle[:, 1:] + 0 * sin,
    ], -1)  # fmt: skip


def make_tongue(count: int) -> Cloud:
    """About ``count`` splats. tongueOut brings the tip between the teeth first, then rests it on the lower lip."""
    around = max(int((count / 1.7) ** 0.5), 8)
    along = int(1.7 * around)
    s = 1 - (1 - np.linspace(0, 1, along)) ** 1.4  # denser at the tip
    turn = np.tile((np.arange(around) + 0.5) / around * 2 * np.pi, (along, 1))
    tip = np.sqrt(np.clip(1 - (np.clip(s - 0.72, 0, None) / 0.2802) ** 2, 0, 1))
    width, thick = 1.5 * (1 - 0.30 * s) * tip, 0.50 * (1 - 0.55 * s) * (0.5 + 0.5 * tip)
    y = LIP_Y - 0.75 + 0.34 * np.sin(np.pi * np.clip(s * 0.9, 0, 1)) + 0.50 * smoothstep(0.55, 1, s)
    rest = _body(s, turn, np.stack([y, ROOT_Z + (TIP_Z - ROOT_Z) * s], 1), width, thick)
    out_y = LIP_Y - 0.55 + 0.24 * smoothstep(0, 0.55, s) - 0.95 * smoothstep(0.58, 1.05, s)
    out_z = 3.4 + 6.7 * s - 0.25 * smoothstep(0.7, 1, s)
    out = _body(s, turn, np.stack([out_y, out_z], 1), width * 0.82, 0.42 * (1 - 0.55 * s) * (0.3 + 0.7 * tip))
    a, b = np.roll(out, -1, 1) - np.roll(out, 1, 1), np.gradient(out, axis=0)
    end = smoothstep(0.93, 1.0, s)[:, None, None]
    normal = unit(unit(np.cross(a, b)) * (1 - end) + np.array([0, 0.5, 0.85]) * end)
    sigma = np.stack([0.36 * length(a) + 0.02, 0.62 * length(b) + 0.01, np.full(a.shape[:2], 0.03)], -1)
    top = np.clip(normal[..., 1], -1, 1)
    colour = TONE * (0.12 + 0.88 * smoothstep(0.35, 0.97, s))[:, None, None] * (0.72 + 0.28 * top)[..., None]
    furrow = 0.22 * np.exp(-((np.cos(turn) / 0.16) ** 2)) * (np.sin(turn) > 0) * smoothstep(0.95, 0.75, s)[:, None]
    colour = colour * (1 - furrow[..., None])
    colour = colour * (0.93 + 0.14 * noise(rest.reshape(-1, 3), 5.0, 6).reshape(top.shape))[..., None]

    def flat(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, values.shape[-1])

    below = np.repeat(0.35 + 0.45 * smoothstep(0.1, 0.8, s), around)
    return Cloud.make(
        flat(rest), flat(normal), flat(sigma), flat(colour), MOUTH, along=flat(a), two_sided=True,
        own={"tongueOut": flat(out - rest)} | with_jaw(flat(rest), below),
    )  # fmt: skip
