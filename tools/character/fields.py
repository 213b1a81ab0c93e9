"""Signed distance fields (after I. Quilez, https://iquilezles.org/articles/distfunctions/), falloffs and value noise.

Points are float64 [n, 3] in centimetres, distances float64 [n], negative inside.
"""

from collections.abc import Callable, Sequence

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]
TETRAHEDRON = np.array([(1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)], float)


def length(vectors: np.ndarray) -> np.ndarray:
    """Norms over the last axis."""
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1 over the last axis; 0 stays 0."""
    return vectors / np.maximum(length(vectors), 1e-12)[..., None]


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(points: np.ndarray, centre: Sequence[float], radius: float | Sequence[float]) -> np.ndarray:
    """1 at the centre, smoothly 0 from the radius (per axis) on: unlike a Gaussian it ends, so shapes stay sparse."""
    q = (points - np.asarray(centre)) / np.asarray(radius)
    return np.clip(1 - np.einsum("...i,...i->...", q, q), 0, None) ** 2


def folded(points: np.ndarray) -> np.ndarray:
    """Mirrored to the side of positive x."""
    return np.abs(points) * [1, 0, 0] + points * [0, 1, 1]


def sphere(p: np.ndarray, centre: Sequence[float], radius: float) -> np.ndarray:
    return length(p - np.asarray(centre)) - radius


def ellipsoid(p: np.ndarray, centre: Sequence[float], radii: Sequence[float]) -> np.ndarray:
    """Exact on the surface, approximate elsewhere."""
    q, r = p - np.asarray(centre), np.asarray(radii)
    k0, k1 = length(q / r), length(q / r**2)
    return k0 * (k0 - 1) / np.maximum(k1, 1e-6)


def capsule(p: np.ndarray, a: Sequence[float], b: Sequence[float], ra: float, rb: float) -> np.ndarray:
    """A rod from a to b whose radius goes from ra to rb."""
    a, ab = np.asarray(a), np.subtract(b, a)
    t = np.clip((p - a) @ ab / (ab @ ab), 0, 1)
    return length(p - a - t[..., None] * ab) - (ra + (rb - ra) * t)


def chain(p: np.ndarray, nodes: np.ndarray, radii: Sequence[float]) -> np.ndarray:
    """Rods from node to node."""
    pairs = zip(nodes[:-1], nodes[1:], radii[:-1], radii[1:], strict=True)
    return np.min([capsule(p, a, b, ra, rb) for a, b, ra, rb in pairs], axis=0)


def union(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Both bodies, melted into each other over ``blend``."""
    h = np.clip(0.5 + 0.5 * (b - a) / blend, 0, 1)
    return b + (a - b) * h - blend * h * (1 - h)


def carve(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """a without b."""
    return -union(-a, b, blend)


def gradient(field: Field, p: np.ndarray, step: float = 0.02) -> np.ndarray:
    """Unit normals, by the tetrahedron stencil."""
    return unit(sum(k * field(p + step * k)[:, None] for k in TETRAHEDRON))


def projected(field: Field, p: np.ndarray, rounds: int) -> np.ndarray:
    """Points moved onto the surface."""
    for _ in range(rounds):
        p = p - gradient(field, p) * np.clip(field(p), -1, 1)[:, None] * 0.9
    return p


def exits(field: Field, origin: np.ndarray, direction: np.ndarray, start: float, rounds: int = 24) -> np.ndarray:
    """How far from its origin each ray meets the surface, sought from ``start`` on to either side: float64 [n]."""
    reach = np.full(len(origin), start)
    for _ in range(rounds):
        reach = reach - np.clip(field(origin + direction * reach[:, None]), -0.5, 0.5) * 0.8
    return reach


def noise(p: np.ndarray, per_cm: float | Sequence[float], seed: int) -> np.ndarray:
    """Value noise of 0..1, ``per_cm`` cells to the centimetre."""
    q = p * np.asarray(per_cm)
    cell = np.floor(q).astype(np.int64)
    t = q - cell
    t = t * t * (3 - 2 * t)
    total = np.zeros(len(p))
    for corner in np.ndindex(2, 2, 2):
        i = cell + corner
        h = i[:, 0] * 73856093 ^ i[:, 1] * 19349663 ^ i[:, 2] * 83492791 ^ (seed * 7919 + 13) * 26544357
        h = (h ^ (h >> 13)) * 1274126177 & 0x7FFFFFFF
        weight = np.prod(np.where(corner, t, 1 - t), axis=1)
        total += weight * ((h ^ (h >> 16)) & 0xFFFF) / 65535
    return total
