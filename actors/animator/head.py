"""How the head is held and moves: breath, drift, a posture for each state, nods and beats.

Angles are radians: yaw to the viewer's right, pitch up, roll tilts to the viewer's right. Places are
metres: to the viewer's right, up, towards him.
"""

import random
from math import radians, sin, tau

import numpy as np
from attrs import frozen

from actors.animator.motion import Drift, Follower, bump

BREATHS_HZ = 0.24
TURNS_WITH_EYES = 0.30  # of where the eyes look, the head does this share
SETTLE_S = 0.55
POSTURE = {  # yaw, pitch, roll, right, up, towards
    "idle": (0, 0, 0, 0, 0, 0),
    "listening": (0, radians(-0.8), radians(1.6), 0, 0, 0.006),
    "thinking": (0, radians(1.2), radians(-2.2), 0, 0.001, -0.004),
    "speaking": (0, 0, 0, 0, 0, 0.003),
}
DRIFT_RAD = (radians(1.1), radians(0.7), radians(0.8))
DRIFT_M = (0.0015, 0.0008, 0.0015)
LIVELIER = 0.7  # so much more drift while speaking
FALL_SHARE = 1.5  # a nod comes up slower than it goes down


@frozen
class Nod:
    """The chin goes down by ``depth_rad`` over ``down_s`` and comes back."""

    start_s: float
    depth_rad: float
    down_s: float

    def at(self, t: float) -> float:
        return -self.depth_rad * bump(t, self.start_s, self.down_s, FALL_SHARE * self.down_s)

    @property
    def end_s(self) -> float:
        return self.start_s + (1 + FALL_SHARE) * self.down_s


class Head:
    """The head of one call; asked frame by frame, in order."""

    def __init__(self, rng: random.Random):
        self._drift = [Drift(rng, frequency) for frequency in (0.13, 0.17, 0.11, 0.09, 0.10, 0.08)]
        self._sway = [Drift(rng, frequency) for frequency in (0.45, 0.55, 0.40)]
        self._breath = rng.uniform(0.0, tau)
        self._posture = Follower(6, SETTLE_S)
        self._lively = Follower(1, SETTLE_S)
        self._side = rng.choice((-1.0, 1.0))
        self._nods: list[Nod] = []

    def nod(self, start_s: float, depth_rad: float, down_s: float) -> None:
        self._nods.append(Nod(start_s, depth_rad, down_s))

    def forget(self, t: float) -> None:
        """Nods that have not begun are called off."""
        self._nods = [nod for nod in self._nods if nod.start_s < t]

    def pose(self, t: float, dt: float, state: str, fixation: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """Angles [3] and place [3] at ``t``, ``dt`` after the pose before."""
        hold = np.array(POSTURE[state], float)
        hold[2] *= self._side
        hold[:2] += TURNS_WITH_EYES * np.array(fixation)
        hold = self._posture.follow(hold, dt)
        lively = 1.0 + LIVELIER * float(self._lively.follow(np.array([float(state == "speaking")]), dt)[0])
        breath = sin(tau * BREATHS_HZ * t + self._breath)
        self._nods = [nod for nod in self._nods if nod.end_s > t]
        angles = hold[:3] + [
            size * lively * (slow.at(t) + 0.35 * (lively - 1.0) * fast.at(t))
            for size, slow, fast in zip(DRIFT_RAD, self._drift[:3], self._sway, strict=True)
        ]
        angles[1] += radians(0.25) * breath + sum(nod.at(t) for nod in self._nods)
        place = hold[3:] + [size * drift.at(t) for size, drift in zip(DRIFT_M, self._drift[3:], strict=True)]
        place += (0.0, 0.0011 * breath, 0.0006 * breath)
        return angles, place
