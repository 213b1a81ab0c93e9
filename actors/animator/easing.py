"""From the face that was seen last to another one, without a jump: after the animator's process began anew."""

import math

import numpy as np

from protocol.messages import Face

DECAY_S = 0.2  # after which a third of the way is left
OVER_S = 1.2
Pose = tuple[np.ndarray, ...]


class Easing:
    """before: the face that was seen last."""

    def __init__(self, before: Face):
        self._before: Pose = tuple(
            np.array(part) for part in (before.weights, before.head_rad, before.head_m, before.gaze_rad)
        )
        self._apart: Pose | None = None
        self._since_s = 0.0

    @property
    def is_over(self) -> bool:
        return self._since_s > OVER_S

    def ease(self, pose: Pose, dt: float) -> Pose:
        """pose: weights [52], head angles [3], place [3], gaze [2] as they should be, ``dt`` seconds after the last."""
        if self._apart is None:
            self._apart = tuple(old - new for old, new in zip(self._before, pose, strict=True))
        else:
            self._since_s += dt
        left = math.exp(-self._since_s / DECAY_S)
        return tuple(new + left * apart for new, apart in zip(pose, self._apart, strict=True))
