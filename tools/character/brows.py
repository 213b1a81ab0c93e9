"""Brows of single hairs."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from tools.character.cloud import Cloud
from tools.character.face import head
from tools.character.fields import gradient, projected, smoothstep, unit
from tools.character.light import HAIR

HAIRS = 420  # of the default size


@frozen
class Brows:
    tone: Sequence[float]  # linear albedo
    thick: float = 1.0
    arch: float = 1.0
    lower: float = 0.0  # cm

    def make(self, count: int, rng: np.random.Generator) -> Cloud:
        """Hairs of the left brow, fanned from steep at the nose to flat at the temple; they move with the skin."""
        u, v = rng.random(count), np.clip(rng.normal(0, 0.36, count), -0.9, 0.9)
        thick = 0.40 * self.thick * (1 - 0.66 * u) * (1 - 0.40 * np.exp(-u * 7))
        x = 1.25 + 3.9 * u
        arch = 0.75 * self.arch * np.sin(np.pi * (0.80 * u + 0.10))
        y = 2.40 - self.lower + arch - 0.50 * self.arch * u**2 + 0.24 * (1 - self.arch) * u + v * thick
        p = projected(head, np.stack([x, y, 7.6 - 0.09 * x * x], 1), 8)
        normal = gradient(head, p)
        lean = np.stack([np.ones(count), 0.60 - 0.95 * u - 0.30 * v, -0.5 * u], 1)
        lean = unit(lean - normal * (lean * normal).sum(1, keepdims=True) + 0.08 * rng.normal(size=(count, 3)))
        tone = np.asarray(self.tone) * np.exp(rng.normal(0, 0.25, count))[:, None]
        sigma = np.tile([0.21, 0.045, 0.03], (count, 1)) * (1 - 0.3 * u)[:, None]
        sigma[:, 1:] *= (HAIRS / count) ** 0.8
        return Cloud.make(
            p + normal * 0.05, normal, sigma, tone, HAIR, along=lean, opacity=0.72 * smoothstep(-0.05, 0.16, u),
            carried=1,
        )  # fmt: skip
