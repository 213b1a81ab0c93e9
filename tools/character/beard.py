"""Stubble: short dark hairs on the skin of jaw, chin and upper lip; they move with the skin."""

from collections.abc import Sequence

import numpy as np

from tools.character.face import LIP_HALF_WIDTH, LIP_Y, lip_line
from tools.character.fields import bump, folded, noise, smoothstep


def grows(p: np.ndarray) -> np.ndarray:
    """How dense a beard is, 0..1: sideburns, jaw, chin and upper lip; not lips, cheeks and neck."""
    m = folded(p)
    cheek = smoothstep(0.9, -2.2, p[:, 1] + 5.0 - 0.62 * np.clip(m[:, 0] - 2.4, 0, 5) + 0.15 * m[:, 0])
    jaw = cheek * smoothstep(-11.5, -9.2, p[:, 1] + 0.30 * p[:, 2] - 1.0)
    moustache = bump(m, (1.0, -4.75, 8.0), (2.2, 0.85, 4.0)) ** 0.5
    above = p[:, 1] - lip_line(p[:, 0])
    red_cm = np.where(above > 0, 0.55, 0.75) - 0.08 * m[:, 0] ** 2
    lips = (np.abs(above) < red_cm) & (m[:, 0] < LIP_HALF_WIDTH)
    corner = bump(m, (LIP_HALF_WIDTH + 0.15, LIP_Y + 0.4, 6.9), (0.75, 0.6, 3.0))
    return np.clip(np.maximum(jaw, moustache), 0, 1) * (1 - 0.5 * corner) * ~lips * smoothstep(-2.0, 0.5, p[:, 2])


def shaded(p: np.ndarray, albedo: np.ndarray, amount: float, tone: Sequence[float]) -> np.ndarray:
    """Skin with the shade of hair under it."""
    shade = (amount * 0.45 * grows(p) * (0.85 + 0.3 * noise(p, 9.0, 21)))[:, None]
    return albedo * (1 - shade) + np.asarray(tone) * shade
