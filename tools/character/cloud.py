"""Splats while they are being made: centimetres, colour without light, and how the face carries them."""

from typing import Self

import numpy as np
from attrs import define, evolve, field, fields

from actors.arkit import ARKIT
from actors.renderer.avatar import LEFT_EYE, LOWER_TEETH, RIGHT_EYE, TORSO, UPPER_TEETH
from actors.renderer.avatar import SKIN as HEAD
from tools.character.fields import unit
from tools.character.sampling import tangents

MIRROR = np.array([-1.0, 1, 1])


@define(eq=False)
class Cloud:
    """n splats. ``along`` is the direction of the first of the three sigmas, ``normal`` of the last."""

    position: np.ndarray  # [n, 3] cm
    normal: np.ndarray  # [n, 3] unit
    along: np.ndarray  # [n, 3] unit, at a right angle to normal
    sigma: np.ndarray  # [n, 3] cm
    albedo: np.ndarray  # [n, 3] linear 0..1
    opacity: np.ndarray  # [n]
    material: np.ndarray  # [n] of light.MATERIALS
    part: np.ndarray  # [n]
    carried: np.ndarray  # [n] 0..1: how much the fields of expressions.py move it
    below: np.ndarray  # [n] 0 with the upper lip .. 1 with the lower lip
    two_sided: np.ndarray  # [n] never culled
    own: dict[str, np.ndarray] = field(factory=dict)  # shape name: [n, 3] cm, added to what the fields do

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def make(
        cls, position, normal, sigma, albedo, material, *, along=None, opacity=0.97, part=HEAD, carried=0.0, below=0.0,
        two_sided=False, own=None,
    ) -> Self:  # fmt: skip
        """Every argument may be one value for all splats. sigma: [n, 3], or [n] for discs a fifth as thick."""
        n = len(position)
        normal = unit(np.broadcast_to(normal, (n, 3)).astype(float))
        sigma = np.asarray(sigma, float)
        if sigma.ndim < 2:
            sigma = np.broadcast_to(sigma, n)[:, None] * [1, 1, 0.2]
        if along is None:
            along = tangents(normal)
        along = unit(along - normal * (along * normal).sum(1, keepdims=True))

        def spread(value, *shape: int) -> np.ndarray:
            return np.broadcast_to(np.asarray(value, float), (n, *shape)).copy()

        return cls(
            np.asarray(position, float), normal, along, spread(sigma, 3), spread(albedo, 3), spread(opacity),
            spread(material).astype(int), spread(part).astype(int), spread(carried), spread(below),
            spread(two_sided).astype(bool), own or {},
        )  # fmt: skip

    def mirrored(self) -> Self:
        """The same on the other side of the face."""
        swap = np.array([HEAD, TORSO, UPPER_TEETH, LOWER_TEETH, RIGHT_EYE, LEFT_EYE])
        own = {mirrored_name(name): delta * MIRROR for name, delta in self.own.items()}
        return evolve(
            self, position=self.position * MIRROR, normal=self.normal * MIRROR, along=self.along * MIRROR,
            part=swap[self.part], own=own,
        )  # fmt: skip

    def chosen(self, mask: np.ndarray) -> Self:
        """Those where the mask is true."""
        arrays = {a.name: getattr(self, a.name)[mask] for a in fields(type(self)) if a.name != "own"}
        return type(self)(**arrays, own={name: delta[mask] for name, delta in self.own.items()})

    def quaternions(self) -> np.ndarray:
        """Rotations from the axes of sigma to head space: float64 [n, 4] wxyz."""
        return _quaternions(np.stack([self.along, np.cross(self.normal, self.along), self.normal], axis=2))


def joined(clouds: list[Cloud]) -> Cloud:
    arrays = {a.name: np.concatenate([getattr(c, a.name) for c in clouds]) for a in fields(Cloud) if a.name != "own"}
    names = [name for name in ARKIT if any(name in c.own for c in clouds)]
    own = {name: np.concatenate([c.own.get(name, np.zeros((len(c), 3))) for c in clouds]) for name in names}
    return Cloud(**arrays, own=own)


def mirrored_name(shape: str) -> str:
    """jawLeft for jawRight, and jawOpen for jawOpen."""
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if shape.endswith(side):
            return shape.removesuffix(side) + other
    return shape


def _quaternions(rotation: np.ndarray) -> np.ndarray:
    """From rotation matrices [n, 3, 3], by the largest of the four components."""
    m = rotation
    trace = np.einsum("nii->n", m)
    squares = np.stack([1 + trace, *(1 + 2 * m[:, i, i] - trace for i in range(3))], 1)
    w = [m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]]
    xy, xz, yz = (m[:, i, j] + m[:, j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
    s = squares.T
    rows = np.array([[s[0], *w], [w[0], s[1], xy, xz], [w[1], xy, s[2], yz], [w[2], xz, yz, s[3]]])
    return unit(rows[squares.argmax(1), :, np.arange(len(m))])
