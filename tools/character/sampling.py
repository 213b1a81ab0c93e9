"""Points spread evenly over a surface."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from tools.character.fields import Field, length, projected

NEAR_CM = 0.8  # candidates start this close to the surface
ON_SURFACE_CM = 0.04
NEIGHBOURS = 8
RELAXATIONS = 5


def spread(
    field: Field,
    count: int,
    low: Sequence[float],
    high: Sequence[float],
    rng: np.random.Generator,
    density: Field | None = None,
    keep: Field | None = None,
) -> np.ndarray:
    """About ``count`` points on the surface within the box, apart from each other by repulsion: float64 [n, 3].

    density: relative number of points per area; keep: which points may stay (bool).
    """
    found = np.zeros((0, 3))
    while len(found) < 2.5 * count:
        p = rng.uniform(low, high, (10 * count, 3))
        p = projected(field, p[np.abs(field(p)) < NEAR_CM], 5)
        p = p[np.abs(field(p)) < ON_SURFACE_CM]
        found = np.concatenate([found, p if keep is None else p[keep(p)]])
    weight = np.ones(len(found)) if density is None else density(found)
    p = found[rng.choice(len(found), count, replace=False, p=weight / weight.sum())]
    for _ in range(RELAXATIONS):
        distance, index = cKDTree(p).query(p, NEIGHBOURS + 1)
        reach = distance[:, -1:]
        away = p[:, None] - p[index[:, 1:]]
        pull = np.clip(1 - distance[:, 1:] / reach, 0, 1) / np.maximum(distance[:, 1:], 1e-6)
        p = projected(field, p + (away * pull[..., None]).sum(1) * reach * 0.22, 2)
    return p if keep is None else p[keep(p)]


def spacing(p: np.ndarray) -> np.ndarray:
    """Mean distance to the six nearest neighbours: float64 [n]."""
    return cKDTree(p).query(p, 7)[0][:, 1:].mean(1)


def ball_cap(count: int, most_rad: float) -> np.ndarray:
    """Unit vectors spread over the cap around +z, by the golden angle: float64 [count, 3]."""
    i = np.arange(count) + 0.5
    z = 1 - i / count * (1 - np.cos(most_rad))
    turn = i * np.pi * (3 - 5**0.5)
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], 1)


def tangents(normal: np.ndarray) -> np.ndarray:
    """Some unit vector at a right angle to each normal."""
    other = np.where(np.abs(normal[:, 1:2]) < 0.9, [[0, 1.0, 0]], [[1.0, 0, 0]])
    t = np.cross(normal, other)
    return t / length(t)[:, None]
