"""A sweater knitted of thick wool, with a folded turtleneck."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from actors.renderer.avatar import TORSO
from tools.character.cloud import Cloud, joined
from tools.character.fields import Field, capsule, exits, gradient, length, noise, projected, smoothstep, union, unit
from tools.character.light import CLOTH
from tools.character.sampling import spacing, spread
from tools.character.torso import COLLAR_CENTRE, HIGH, LOW, Body

RIBS = 44  # around the collar
RIB_CM = 0.09
COLLAR = np.array([(4.55, 1.15), (4.75, 0.2), (5.10, -1.25)])  # its fold: distance from the neck's axis, height
COLLAR_CM = 0.62
PROFILE = np.array([  # of the fold's skin, from inside over the rim to under its lower edge
    (3.96, 0.2), (3.94, 1.15), (4.10, 1.58), (4.55, 1.77), (5.00, 1.58), (5.18, 1.15), (5.37, 0.2), (5.70, -1.20),
    (5.55, -1.68), (5.10, -1.87), (4.70, -1.75),
])  # fmt: skip
KNIT_CM2 = 300  # of the cloth that is seen
STITCH = 1.15  # height of a stitch's thread over its width
LEAN = 0.50  # of the two threads of a stitch, which make a V
SEEN_Y = -24.5  # below it the picture ends


def collar_frame(p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance from the neck's axis, height over the collar's plane, which tips forward, and angle around the neck."""
    q = p - COLLAR_CENTRE
    around = np.arctan2(q[:, 0], q[:, 2])
    height = q[:, 1] + 0.30 * q[:, 2] + slouch(around)
    return np.hypot(q[:, 0], q[:, 2] * 0.96), height, around


def slouch(around: np.ndarray) -> np.ndarray:
    """How much lower the fold hangs, cm, by the angle around the neck."""
    return 0.16 * np.sin(2 * around + 0.7) + 0.10 * np.sin(3 * around)


def collar(p: np.ndarray) -> np.ndarray:
    radius, height, around = collar_frame(p)
    q = np.stack([radius, height], 1)
    d = np.min([capsule(q, a, b, COLLAR_CM, COLLAR_CM) for a, b in zip(COLLAR[:-1], COLLAR[1:], strict=True)], axis=0)
    return d - RIB_CM * np.cos(RIBS * around)


@frozen
class Sweater:
    wool: Sequence[float]  # linear albedo
    body: Body = Body()

    def field(self, p: np.ndarray) -> np.ndarray:
        return union(self.body.field(p), collar(p), 0.35)

    def make(self, count: int, rng: np.random.Generator, keep) -> Cloud:
        """About ``count`` splats. keep: which points can be seen, of points [n, 3]."""
        ribs = self._ribs(count, keep)
        left = count - len(ribs)
        ground, wool = left // 3, np.asarray(self.wool)
        p = spread(
            self.field, ground, LOW, HIGH, rng, lambda p: 0.25 + smoothstep(-6, -2, p[:, 2]),
            lambda p: keep(p) & (collar(p) > 0.12),
        )  # fmt: skip
        normal = gradient(self.field, p)
        apart = spacing(p)
        apart = np.minimum(apart, 2 * np.median(apart))  # no big one beside the collar
        ground = Cloud.make(p - 0.10 * normal, normal, apart * 0.60, wool * 0.45, CLOTH, part=TORSO)
        return joined([ground, ribs, self._knit((KNIT_CM2 / STITCH / (left - len(p))) ** 0.5, rng, keep)])

    def _ribs(self, count: int, keep) -> Cloud:
        """The collar's: a grid around the neck and over its fold."""
        share = (count / 6_000) ** 0.5
        columns, rows = RIBS * (2 if share < 0.8 else 4), int(13 * share)
        way = np.concatenate([[0], np.cumsum(length(np.diff(PROFILE, axis=0)))])
        at = np.linspace(0, way[-1], rows)
        around = (np.arange(columns) + 0.5) / columns * 2 * np.pi
        radius, height = (np.interp(at, way, PROFILE[:, i])[None] for i in (0, 1))
        x, z = radius * np.sin(around)[:, None], radius * np.cos(around)[:, None] / 0.96
        waves = slouch(around)[:, None]
        p = np.stack([x, height - 0.30 * z - waves, z], -1) + COLLAR_CENTRE
        p = projected(collar, p.reshape(-1, 3), 2).reshape(p.shape)
        normal = gradient(collar, p.reshape(-1, 3))
        rib = np.cos(RIBS * around)[:, None]
        tone = 1 + 0.26 * rib + 0.10 * noise(p.reshape(-1, 3), (5, 8, 5), 14).reshape(rows, columns).T * rib
        down = np.gradient(p, axis=1)
        across = length(np.roll(p, -1, 0) - np.roll(p, 1, 0)) / 2
        sigma = np.stack([0.62 * length(down), 0.52 * across, 0.10 * across], -1)
        cloud = Cloud.make(
            p.reshape(-1, 3), normal, sigma.reshape(-1, 3), (tone[..., None] * self.wool).reshape(-1, 3), CLOTH,
            along=down.reshape(-1, 3), part=TORSO,
        )  # fmt: skip
        inside_rim = (np.arange(columns * rows) % rows) < 5 * rows // 13
        seen = (normal[:, 2] > -0.35) | (inside_rim & (cloud.position[:, 2] < COLLAR_CENTRE[2]))
        return cloud.chosen(keep(cloud.position) & seen & (self.body.field(cloud.position) > -0.2))

    def _knit(self, width_cm: float, rng: np.random.Generator, keep) -> Cloud:
        """Columns of stitches, two leaning threads each, down the trunk and along the sleeves, as far as one sees."""
        high = STITCH * width_cm
        x = (np.arange(-int(11 / width_cm), int(11 / width_cm)) + 0.5) * width_cm
        trunk = np.stack(np.meshgrid(x, np.arange(-12.5, SEEN_Y, -high), indexing="ij"), -1)
        parts = [self._stitches(trunk, lambda p: self.body.from_seam(p) <= 0, rng, keep)]
        for side in (1, -1):
            spine = self.body.spine(high)
            go = unit(np.gradient(spine, axis=0))
            offset = (np.arange(-int(6 / width_cm), int(6 / width_cm)) + 0.5) * width_cm
            sleeve = spine[None] + offset[:, None, None] * np.stack([-go[:, 1], go[:, 0]], -1)[None]
            parts.append(self._stitches(sleeve * [side, 1], lambda p: self.body.from_seam(p) > 0, rng, keep))
        return joined(parts)

    def _stitches(self, xy: np.ndarray, mine: Field, rng: np.random.Generator, keep) -> Cloud:
        """A thread at every place of a grid [columns, rows, 2] seen from the front, where the cloth is there."""
        shape = xy.shape[:2]
        inner = np.concatenate([xy, np.full((*shape, 1), -3.4)], -1).reshape(-1, 3)
        inner[:, 2] += exits(self.body.field, inner, np.array([[0, 0, 1.0]]), 4.0)
        p = inner.reshape(*shape, 3)
        flat = p.reshape(-1, 3)
        normal = gradient(self.body.field, flat)
        there = (np.abs(self.body.field(flat)) < 0.04) & mine(flat) & (collar(flat) > 0) & keep(flat)
        go = unit(np.gradient(p, axis=1)).reshape(-1, 3)
        go = unit(go - normal * (go * normal).sum(1, keepdims=True))
        side = np.cross(normal, go)
        leg = np.where(np.arange(shape[0]) % 2 == 0, 1.0, -1.0)[:, None].repeat(shape[1], 1).reshape(-1, 1)
        leg = leg * np.sign((side * np.gradient(p, axis=0).reshape(-1, 3)).sum(1, keepdims=True))
        size = [length(np.gradient(p, axis=axis)).reshape(-1) for axis in (1, 0)]
        size = [np.minimum(s, 2.5 * np.median(s[there])) for s in size]
        sigma = np.stack([0.58 * size[0], 0.33 * size[1], 0.10 * size[1]], 1)
        tone = 1 + 0.07 * rng.normal(size=len(flat)) + 0.10 * (noise(flat, 0.5, 12) - 0.5)
        seam = np.exp(-((self.body.from_seam(flat) / 0.25) ** 2))
        tone = np.clip(tone, 0.7, 1.3) * (1 - 0.35 * seam)
        cloud = Cloud.make(
            flat, unit(normal - 0.42 * leg * side), sigma, np.asarray(self.wool) * tone[:, None], CLOTH,
            along=go + LEAN * leg * side, part=TORSO,
        )  # fmt: skip
        return cloud.chosen(there)
