"""Trunk, shoulders and arms in cloth; they stay still while the head moves."""

import numpy as np
from attrs import frozen
from scipy.interpolate import CubicSpline

from tools.character.face import NECK_BOTTOM, NECK_TOP
from tools.character.fields import capsule, chain, ellipsoid, folded, length, noise, smoothstep, union

COLLAR_CENTRE = np.array([0.0, -13.9, -3.0])
BOTTOM_Y = -27.0
LOW, HIGH = (-24, BOTTOM_Y, -12), (24, -11, 8)
SHOULDER = np.array(
    [(3.0, -15.9, -4.4), (8.0, -18.0, -4.2), (12.0, -20.3, -3.9), (14.2, -24.2, -3.3), (15.2, -34, -2.4)]
)
SHOULDER_RADII = (2.3, 2.9, 3.6, 3.8, 3.9)
SEAM_X, SEAM_Y, SEAM_SLOPE = 4.6, -15.0, 0.66  # where sleeves begin, seen from the front


@frozen
class Body:
    broad: float = 1.0  # shoulders, of the model's
    folds_cm: float = 0.5  # how deep

    def field(self, p: np.ndarray) -> np.ndarray:
        """Distance to the cloth without its collar."""
        m = self._narrow(folded(p))
        d = union(ellipsoid(m, (0, -24.2, -3.0), (12.2, 8.6, 6.3)), chain(m, SHOULDER, SHOULDER_RADII), 3.4)
        d = union(d, capsule(p, NECK_TOP + (0, -6.5, -1), NECK_BOTTOM, 3.0, 4.6), 2.4)
        away = smoothstep(6.0, 9.0, length((p - COLLAR_CENTRE)[:, [0, 2]]))
        return d - self.folds_cm * (noise(p, (0.28, 0.16, 0.28), 13) - 0.5) * away

    def _narrow(self, m: np.ndarray) -> np.ndarray:
        """Points of the right half as they are on the model."""
        return m * [1 / self.broad, 1, 1]

    def from_seam(self, p: np.ndarray) -> np.ndarray:
        """cm to the seam of the sleeve, positive on the sleeve."""
        m = self._narrow(folded(p))
        return (m[:, 0] - SEAM_X - (SEAM_Y - m[:, 1]) * SEAM_SLOPE) / np.hypot(1, SEAM_SLOPE)

    def spine(self, step_cm: float) -> np.ndarray:
        """The line down the left sleeve from the neck on, seen from the front: [n, 2]."""
        nodes = SHOULDER[:, :2] * [self.broad, 1]
        way = np.concatenate([[0], np.cumsum(length(np.diff(nodes, axis=0)))])
        return CubicSpline(way, nodes)(np.arange(0, way[-2] + 3, step_cm))
