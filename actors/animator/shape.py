"""Shapes of the face by the names of their blendshapes."""

import numpy as np

from actors.arkit import ARKIT

MOUTH = np.array([name.startswith(("mouth", "jaw")) for name in ARKIT])  # bool [52]


def spread(shape: dict[str, float]) -> np.ndarray:
    """Weights [52] of a shape whose names may leave out Left and Right."""
    weights = np.zeros(len(ARKIT))
    for name, weight in shape.items():
        weights[[ARKIT.index(full) for full in (name, name + "Left", name + "Right") if full in ARKIT]] = weight
    return weights
