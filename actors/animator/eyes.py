"""When the eyes blink and where they look.

Angles are radians, yaw to the viewer's right, pitch up. Fixations are seen from the head at rest: 0, 0 is the viewer.
"""

import math
import random
from math import radians

from actors.animator.motion import Drift, ease

CLOSE_S, SHUT_S, OPEN_S = 0.055, 0.020, 0.085  # lids close faster than they open
BLINK_MEDIAN_S = {"idle": 3.4, "listening": 3.4, "thinking": 3.8, "speaking": 2.8}
BLINK_SIGMA = 0.42  # intervals are log-normal
BLINK_SHORTEST_S, BLINK_LONGEST_S = 0.9, 8.0
DOUBLE_BLINK = 0.06  # so often a second blink follows at once
WITH_SACCADE = 0.45  # so often a large turn of the eyes brings a blink

AWAY = {"idle": 0.40, "listening": 0.06, "thinking": 0.85, "speaking": 0.30}  # of the fixations are not at the viewer
AT_VIEWER_S, AWAY_S = (1.1, 3.2), (0.45, 1.1)  # how long one lasts
LARGE_RAD = radians(9)
FACE_RAD = radians(1.1)  # fixations at the viewer wander over his face
MICRO_S, MICRO_RAD = (0.45, 1.3), radians(0.22)
SACCADE_S, SACCADE_S_PER_RAD = 0.021, 0.126  # the main sequence: 21 ms and 2.2 ms a degree
LIMIT_YAW, LIMIT_UP, LIMIT_DOWN = radians(28), radians(20), radians(24)  # of the eye in its socket


class Blinks:
    """The lids' own clock."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._began = -10.0
        self._slow = 1.0
        self._next = rng.uniform(0.8, 3.0)

    def wish(self, t: float, chance: float) -> None:
        """A good moment for a blink, taken with this chance: the end of a phrase, a large turn of the eyes."""
        if t - self._began > BLINK_SHORTEST_S and self._rng.random() < chance:
            self._next = min(self._next, t)

    def closed(self, t: float, state: str) -> float:
        """How far the lids are closed at ``t``, 0 to 1."""
        if t >= self._next:
            self._began, self._slow = t, self._rng.uniform(0.9, 1.15)
            wait = self._rng.lognormvariate(math.log(BLINK_MEDIAN_S[state]), BLINK_SIGMA)
            wait = min(max(wait, BLINK_SHORTEST_S), BLINK_LONGEST_S)
            self._next = t + (self._rng.uniform(0.25, 0.35) if self._rng.random() < DOUBLE_BLINK else wait)
        since = (t - self._began) / self._slow
        return ease(since / CLOSE_S) * (1.0 - ease((since - CLOSE_S - SHUT_S) / OPEN_S))


class Gaze:
    """Fixations, saccades between them, and the small movements that keep a fixation alive."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._state = "idle"
        self._turns_back = False
        self._next = self._next_micro = 0.0
        self._side = rng.choice((-1.0, 1.0))
        self._from = self._to = (0.0, 0.0)
        self._began, self._lasts = 0.0, SACCADE_S
        self._drift = (Drift(rng, 0.9), Drift(rng, 0.9))
        self.fixation = (0.0, 0.0)  # what is looked at, without the small movements: the head turns towards it

    def look(self, t: float, state: str) -> bool:
        """Chooses what to look at from ``t`` on; true when the eyes leave for somewhere far off."""
        rng = self._rng
        if state != self._state:
            self._state = state
            self._turns_back = state in ("listening", "speaking")  # whoever he talks with is looked at first
            self._next = t + rng.uniform(0.12, 0.30)  # a reaction takes its time
            self._side = rng.choice((-1.0, 1.0))
        if t < self._next:
            if t >= self._next_micro:
                self._next_micro = t + rng.uniform(*MICRO_S)
                self._turn(t, tuple(angle + rng.gauss(0.0, MICRO_RAD) for angle in self.fixation))
            return False
        before = self.fixation
        if rng.random() < AWAY[state] and not self._turns_back:
            self.fixation = self._elsewhere(state)
            self._next = t + rng.uniform(*AWAY_S)
        else:
            self.fixation = (rng.gauss(0.0, FACE_RAD), rng.gauss(0.0, FACE_RAD))
            self._next = t + rng.uniform(*AT_VIEWER_S)
        self._turns_back = False
        self._next_micro = t + rng.uniform(*MICRO_S)
        self._turn(t, self.fixation)
        return math.dist(before, self.fixation) > LARGE_RAD

    def at(self, t: float, head_yaw: float, head_pitch: float) -> tuple[float, float]:
        """Yaw and pitch of the eyes in the head, which turns under them while they stay on what they see."""
        yaw, pitch = self._direction(t)
        yaw += radians(0.05) * self._drift[0].at(t) - head_yaw
        pitch += radians(0.05) * self._drift[1].at(t) - head_pitch
        return min(max(yaw, -LIMIT_YAW), LIMIT_YAW), min(max(pitch, -LIMIT_DOWN), LIMIT_UP)

    def _elsewhere(self, state: str) -> tuple[float, float]:
        rng = self._rng
        if state == "thinking":  # up and to a side, mostly the same one for a thought
            if rng.random() < 0.2:
                self._side = -self._side
            return self._side * radians(rng.uniform(9, 17)), radians(rng.uniform(4, 11))
        if state == "idle":
            return radians(rng.uniform(-12, 12)), radians(rng.uniform(-6, 4))
        side = rng.choice((-1.0, 1.0))
        return side * radians(rng.uniform(6, 13)), radians(rng.uniform(-7, 5))

    def _turn(self, t: float, target: tuple[float, float]) -> None:
        self._from, self._to, self._began = self._direction(t), target, t
        self._lasts = SACCADE_S + SACCADE_S_PER_RAD * math.dist(self._from, target)

    def _direction(self, t: float) -> tuple[float, float]:
        done = ease((t - self._began) / self._lasts)
        return tuple(a + (b - a) * done for a, b in zip(self._from, self._to, strict=True))
