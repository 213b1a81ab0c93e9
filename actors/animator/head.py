"""How the head is held and moves: a posture for each state, turns with phrases, nods and beats, drift, and breath.

Angles are radians: yaw to the viewer's right, pitch up, roll tilts to the viewer's right. Places are
metres: to the viewer's right, up, towards him.
"""

import random
from math import radians

import numpy as np
from attrs import frozen

from actors.animator.motion import Drift, Follower, bump

TURNS_WITH_EYES = 0.30  # of where the eyes look, the head does this share
SETTLE_S, TURN_S = 0.60, 0.85  # a posture, and a turn with a phrase, is reached after so long
POSTURE = {  # yaw, pitch, roll, right, up, towards
    "idle": (0, 0, 0, 0, 0, 0),
    "listening": (0, radians(-0.8), radians(2.4), 0, 0, 0.007),
    "thinking": (0, radians(1.4), radians(-2.6), 0, 0.001, -0.004),
    "speaking": (0, 0, 0, 0, 0, 0.003),
}
DRIFT_RAD = (radians(1.1), radians(0.7), radians(0.8))
DRIFT_M = (0.0015, 0.0008, 0.0015)
LIVELIER = 0.7  # so much more drift while speaking
SHIFT_S = (7.0, 18.0)  # in between, the head is held otherwise: nobody sits for a minute as he sat down
SHIFT = (radians(2.0), radians(0.8), radians(1.5), 0.004, 0.0015, 0.004)
FALL_SHARE = 1.5  # a nod comes up slower than it goes down
BREATH_RAD, BREATH_M = radians(0.35), (0.0, 0.0016, 0.0008)  # of a full chest


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
        self._rng = rng
        self._drift = [Drift(rng, frequency) for frequency in (0.13, 0.17, 0.11, 0.09, 0.10, 0.08)]
        self._sway = [Drift(rng, frequency) for frequency in (0.45, 0.55, 0.40)]
        self._posture = Follower(6, SETTLE_S)
        self._turned = Follower(3, TURN_S)
        self._lively = Follower(1, SETTLE_S)
        self._side = rng.choice((-1.0, 1.0))
        self._shift, self._next_shift = np.zeros(6), rng.uniform(*SHIFT_S)
        self._state = "idle"
        self._nods: list[Nod] = []
        self._turn = (0.0, 0.0, 0.0)
        self._turns: list[tuple[float, tuple[float, float, float]]] = []  # from when, yaw, pitch, roll

    def nod(self, start_s: float, depth_rad: float, down_s: float) -> None:
        self._nods.append(Nod(start_s, depth_rad, down_s))

    def turn(self, start_s: float, yaw: float, pitch: float, roll: float) -> None:
        """From ``start_s`` on the head is held so, besides all else. Given in order of time."""
        self._turns.append((start_s, (yaw, pitch, roll)))

    def forget(self, t: float) -> None:
        """Nods that have not begun are called off, and the head comes back from its turn."""
        self._nods = [nod for nod in self._nods if nod.start_s < t]
        self._turns = [(t, (0.0, 0.0, 0.0))]

    def pose(
        self, t: float, dt: float, state: str, fixation: tuple[float, float], mood: np.ndarray, breath: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Angles [3] and place [3] at ``t``, ``dt`` after the pose before.

        ``mood``: how it holds the head, [6] as POSTURE; ``breath``: how full the chest is.
        """
        self._choose(t, state)
        hold = POSTURE[state] + mood
        hold[2] *= self._side
        hold[:2] += TURNS_WITH_EYES * np.array(fixation)
        hold = self._posture.follow(hold + self._shift, dt)
        lively = 1.0 + LIVELIER * float(self._lively.follow(np.array([float(state == "speaking")]), dt)[0])
        angles = hold[:3] + self._turned.follow(np.array(self._turn), dt)
        angles += [
            size * lively * (slow.at(t) + 0.35 * (lively - 1.0) * fast.at(t))
            for size, slow, fast in zip(DRIFT_RAD, self._drift[:3], self._sway, strict=True)
        ]
        self._nods = [nod for nod in self._nods if nod.end_s > t]
        angles[1] += BREATH_RAD * breath + sum(nod.at(t) for nod in self._nods)
        place = hold[3:] + [size * drift.at(t) for size, drift in zip(DRIFT_M, self._drift[3:], strict=True)]
        return angles, place + np.array(BREATH_M) * breath

    def _choose(self, t: float, state: str) -> None:
        while self._turns and self._turns[0][0] <= t:
            self._turn = self._turns.pop(0)[1]
        if state != self._state:
            self._state, self._side = state, self._rng.choice((-1.0, 1.0))
        if t >= self._next_shift:
            self._next_shift = t + self._rng.uniform(*SHIFT_S)
            self._shift = np.array([self._rng.gauss(0.0, 0.5) * size for size in SHIFT])
