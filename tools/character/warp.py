"""Another head from the one that is modelled: a smooth displacement field, rigid around the eyeballs."""

from collections.abc import Callable, Sequence

import numpy as np
from attrs import evolve, frozen

from tools.character.cloud import MIRROR, Cloud
from tools.character.face import EYE
from tools.character.fields import bump, length, smoothstep, unit

RIGID_CM, FREE_CM = 2.40, 3.28  # from an eyeball: lids within the first stay on it, beyond the second free
STEP_CM = 0.02  # of finite differences
ROUNDS = 5  # of the inverse's fixed point; the field's slope is below 0.4


@frozen
class Push:
    """Moves what is near a place, fully at ``centre`` and not from ``radius`` on, both sides of the face alike."""

    centre: Sequence[float]  # cm, of the left or the middle
    radius: Sequence[float]
    move: Sequence[float] = (0.0, 0.0, 0.0)  # cm
    grow: Sequence[float] = (0.0, 0.0, 0.0)  # cm per cm from the centre

    def __call__(self, p: np.ndarray) -> np.ndarray:
        shift = bump(p, self.centre, self.radius)[:, None] * (self.move + (p - self.centre) * self.grow)
        if self.centre[0] == 0:
            return shift
        q = p * MIRROR
        return shift + bump(q, self.centre, self.radius)[:, None] * (self.move + (q - self.centre) * self.grow) * MIRROR


@frozen
class Warp:
    """The sum of pushes. Points are float64 [n, 3] in centimetres."""

    pushes: tuple[Push, ...] = ()
    eyes: float = 1.0  # their size

    def shift(self, p: np.ndarray) -> np.ndarray:
        """How far points go. Near the eyeballs one similarity, so that lids still close over them."""
        total = sum((push(p) for push in self.pushes), np.zeros_like(p))
        for eye in (EYE, EYE * MIRROR):
            from_eye = p - eye
            rigid = smoothstep(FREE_CM, RIGID_CM, length(from_eye))[:, None]
            carried = sum((push(eye[None]) for push in self.pushes), np.zeros((1, 3)))
            total = total + rigid * (carried + (self.eyes - 1) * from_eye - total)
        return total

    def __call__(self, p: np.ndarray) -> np.ndarray:
        return p + self.shift(p)

    def inverse(self, q: np.ndarray) -> np.ndarray:
        """Where points came from."""
        p = q
        for _ in range(ROUNDS):
            p = q - self.shift(p)
        return p

    def around(self, field: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """A distance field of the head as it is after the warp; distances stay those of before."""
        return lambda q: field(self.inverse(q))

    def cloud(self, cloud: Cloud) -> Cloud:
        """Places, axes and sigmas after the warp."""
        p, across = cloud.position, np.cross(cloud.normal, cloud.along)
        along, across = (self._carried(p, axis) for axis in (cloud.along, across))
        normal = unit(np.cross(along, across))
        grown = np.stack([length(along), length(across - unit(along) * (across * unit(along)).sum(1)[:, None])], 1)
        sigma = cloud.sigma * np.concatenate([grown, np.ones((len(p), 1))], 1)
        return evolve(cloud, position=self(p), normal=normal, along=unit(along), sigma=sigma)

    def _carried(self, p: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """The Jacobian at p, times a vector each."""
        return (self(p + STEP_CM * vectors) - self(p - STEP_CM * vectors)) / (2 * STEP_CM)

    def deltas(self, p: np.ndarray, deltas: np.ndarray) -> np.ndarray:
        """Movements [52, n, 3] of points at p as they are after the warp: warp(p + d) - warp(p)."""
        carried = np.zeros_like(deltas)
        for delta, out in zip(deltas, carried, strict=True):
            moving = np.flatnonzero(delta.any(1))
            out[moving] = self(p[moving] + delta[moving]) - self(p[moving])
        return carried
