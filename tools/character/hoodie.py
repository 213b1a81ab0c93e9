"""A hooded sweatshirt over a plain shirt: the hood lies on the shoulders, its strings hang on the chest."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from scipy.interpolate import CubicSpline

from actors.renderer.avatar import TORSO
from tools.character.cloud import Cloud, joined
from tools.character.fields import (
    chain,
    folded,
    gradient,
    length,
    noise,
    smoothstep,
    union,
    unit,
)
from tools.character.light import CLOTH
from tools.character.sampling import spacing, spread
from tools.character.torso import COLLAR_CENTRE, HIGH, LOW, Body

_ROLL = np.array([  # of the hood, from the middle of the chest to the nape: x, y, z, radius
    (0.3, -19.3, 3.9, 0.70), (2.6, -18.0, 3.5, 0.90), (5.2, -16.2, 1.8, 1.20), (7.0, -14.8, -1.4, 1.50),
    (7.0, -13.9, -4.8, 1.80), (4.6, -13.2, -7.8, 2.05), (0.0, -13.0, -9.0, 2.15),
])  # fmt: skip
ROLL = CubicSpline(np.arange(len(_ROLL)), _ROLL)(np.linspace(0, len(_ROLL) - 1, 15))
STRING = np.array([(1.5, -18.6, 4.1), (1.75, -20.0, 4.75), (1.65, -22.0, 5.0), (1.8, -25.0, 5.0)])
STRING_CM = 0.20
SEEN_Y = -25.0  # below it the picture ends


def roll(p: np.ndarray) -> np.ndarray:
    """Distance to the hood."""
    return chain(folded(p), ROLL[:, :3], ROLL[:, 3])


def shirt_rib(p: np.ndarray) -> np.ndarray:
    """Distance to the shirt's collar."""
    q = p - COLLAR_CENTRE
    height = q[:, 1] + 0.42 * q[:, 2] + 1.6
    return np.hypot(np.hypot(q[:, 0], 0.96 * q[:, 2]) - 5.0, 0.55 * height) - 0.42


def in_rib(p: np.ndarray) -> np.ndarray:
    """Inside the front of the shirt's collar, where the neck is."""
    q = p - COLLAR_CENTRE
    return (np.hypot(q[:, 0], 0.96 * q[:, 2]) < 5.2) & (q[:, 1] + 0.42 * q[:, 2] + 1.6 > -0.5) & (p[:, 2] > -2)


@frozen
class Hoodie:
    cloth: Sequence[float]  # linear albedo
    shirt: Sequence[float]
    body: Body = Body(broad=1.16, folds_cm=0.7)

    def field(self, p: np.ndarray) -> np.ndarray:
        d = union(self.body.field(p), shirt_rib(p), 0.15)
        return union(d, roll(p), 0.30)

    def make(self, count: int, rng: np.random.Generator, keep) -> Cloud:
        """About ``count`` splats. keep: which points can be seen, of points [n, 3]."""
        strings = max(count // 30, 60)

        rib = self._rib(int(70 * (count / 6_000) ** 0.5))

        def density(p: np.ndarray) -> np.ndarray:
            near_hood = np.exp(-((roll(p) / 0.5) ** 2))
            front = smoothstep(-6, -2, p[:, 2]) + 1.2 * near_hood * smoothstep(-4, 0, p[:, 2])
            return 0.2 + front + 0.8 * (roll(p) < 0.1)

        def cloth(p: np.ndarray) -> np.ndarray:
            return keep(p) & (p[:, 1] > SEEN_Y) & (shirt_rib(p) > 0.12) & ~in_rib(p)

        p = spread(self.field, count - strings - len(rib), LOW, HIGH, rng, density, cloth)
        normal = gradient(self.field, p)
        on_roll = roll(p) < np.minimum(self.body.field(p), shirt_rib(p))
        m = folded(p)
        opening = np.interp(m[:, 0], ROLL[:8, 0], ROLL[:8, 1])  # height of the hood's middle line in front
        inside = (p[:, 1] > opening) & (m[:, 0] < 6.5) & (p[:, 2] > -2) & ~on_roll
        tone = 1 + 0.035 * rng.normal(size=len(p)) + 0.06 * (noise(p, 0.6, 12) - 0.5)
        tone = tone * (1 - 0.45 * np.exp(-((self.body.from_seam(p) / 0.12) ** 2)) * ~on_roll * ~inside)
        colour = np.where(inside[:, None], self.shirt, self.cloth) * tone[:, None]
        cloth = Cloud.make(p, normal, spacing(p) * 0.60, colour, CLOTH, part=TORSO)
        half = self._string(strings // 2)
        return joined([cloth, rib.chosen(keep(rib.position) & (roll(rib.position) > -0.1)), half, half.mirrored()])

    def _rib(self, columns: int) -> Cloud:
        """The shirt's collar: a band of columns around the front of the neck."""
        around, v = np.meshgrid(np.linspace(-1.8, 1.8, columns), np.linspace(-1.2, 2.6, 7), indexing="ij")
        radius = 5.0 + 0.40 * np.cos(v)
        x, z = radius * np.sin(around), radius * np.cos(around) / 0.96
        p = np.stack([x, np.sin(v) * 0.75 - 0.42 * z - 1.6, z], -1) + COLLAR_CENTRE
        down, across = np.gradient(p, axis=1), length(np.gradient(p, axis=0))
        normal = gradient(shirt_rib, p.reshape(-1, 3))
        tone = 1 - 0.10 * (np.arange(columns) % 2)[:, None] * np.ones_like(v)
        sigma = np.stack([0.70 * length(down), 0.55 * across, 0.1 * across], -1)
        return Cloud.make(
            p.reshape(-1, 3), normal, sigma.reshape(-1, 3), (tone[..., None] * self.shirt).reshape(-1, 3), CLOTH,
            along=down.reshape(-1, 3), part=TORSO,
        )  # fmt: skip

    def _string(self, count: int) -> Cloud:
        """The left one, twisted."""
        t = np.linspace(0, len(STRING) - 1, count)
        spline = CubicSpline(np.arange(len(STRING)), STRING)
        middle, go = spline(t), unit(spline(t, 1))
        turn = np.arange(count) * 2.4 + 0.5
        u = unit(np.cross(go, [0, 0, 1.0]))
        normal = np.cos(turn)[:, None] * u + np.abs(np.sin(turn))[:, None] * np.cross(u, go)
        p = middle + STRING_CM * normal
        step = length(np.gradient(middle, axis=0)).mean()
        sigma = np.tile([max(2.2 * step, 0.12), 0.10, 0.05], (count, 1))
        along = go + 0.5 * np.cross(normal, go)
        return Cloud.make(p, normal, sigma, np.asarray(self.shirt) * 0.85, CLOTH, along=along, part=TORSO)
