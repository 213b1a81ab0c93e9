"""Where the eyes look: fixations, saccades between them, and the small movements that keep a fixation alive.

Angles are radians, yaw to the viewer's right, pitch up. Fixations are seen from the head at rest: 0, 0 is the viewer.
Who listens looks at the speaker; who starts a long answer looks away, and looks back as it ends (A. Kendon, "Some
functions of gaze-direction in social interaction", 1967; S. Andrist, B. Mutlu, M. Gleicher, "Conversational gaze
aversion for virtual agents", 2013).
"""

import math
import random
from math import radians

from attrs import frozen

from actors.animator.motion import Drift, ease

AWAY = {"idle": 0.40, "listening": 0.07, "thinking": 0.92, "speaking": 0.34}  # of the fixations are not at the viewer
AT_VIEWER_S, AWAY_S, THOUGHT_S = (1.1, 3.2), (0.45, 1.4), (0.8, 2.2)  # how long one lasts
REACTION_S = (0.12, 0.30)  # a reaction takes its time
LARGE_RAD = radians(9)
FACE_RAD = radians(1.1)  # fixations at the viewer wander over his face
MICRO_S, MICRO_RAD = (0.45, 1.3), radians(0.22)
SACCADE_S, SACCADE_S_PER_RAD = 0.021, 0.126  # the main sequence (Bahill et al., 1975): 21 ms and 2.2 ms a degree
LIMIT_YAW, LIMIT_UP, LIMIT_DOWN = radians(28), radians(20), radians(24)  # of the eye in its socket


@frozen
class Plan:
    """From when until when something is looked at; None: the viewer."""

    start_s: float
    end_s: float
    target: tuple[float, float] | None


class Gaze:
    """The eyes of one call; asked frame by frame, in order."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._state = "idle"
        self._turns_back = False
        self._next = self._next_micro = 0.0
        self._side = rng.choice((-1.0, 1.0))
        self._from = self._to = (0.0, 0.0)
        self._began, self._lasts = 0.0, SACCADE_S
        self._drift = (Drift(rng, 0.9), Drift(rng, 0.9))
        self._plans: list[Plan] = []
        self.fixation = (0.0, 0.0)  # what is looked at, without the small movements: the head turns towards it

    def plan(self, start_s: float, end_s: float, target: tuple[float, float] | None) -> None:
        """Looks at ``target``, or for None at the viewer, from ``start_s`` until ``end_s``. Given in order of time."""
        self._plans.append(Plan(start_s, end_s, target))

    def forget(self) -> None:
        """Plans are called off."""
        self._plans.clear()

    def look(self, t: float, state: str) -> bool:
        """Chooses what to look at from ``t`` on; true when the eyes leave for somewhere far off."""
        rng = self._rng
        if state != self._state:
            self._state = state
            self._turns_back = state in ("listening", "speaking")  # whoever he talks with is looked at first
            self._next = t + rng.uniform(*REACTION_S)
            self._side = rng.choice((-1.0, 1.0))
        before = self.fixation
        if plan := self._planned(t):
            self._next = plan.end_s
            self._turns_back = False
            wanted = plan.target or (0.0, 0.0)
            if math.dist(wanted, before) > 2 * FACE_RAD:
                self._turn(t, wanted)
                self.fixation = wanted
        elif t >= self._next:
            if rng.random() < AWAY[state] and not self._turns_back:
                self.fixation = self._elsewhere(state)
                self._next = t + rng.uniform(*(THOUGHT_S if state == "thinking" else AWAY_S))
            else:
                self.fixation = (rng.gauss(0.0, FACE_RAD), rng.gauss(0.0, FACE_RAD))
                self._next = t + rng.uniform(*AT_VIEWER_S)
            self._turns_back = False
            self._turn(t, self.fixation)
        if self.fixation != before:
            self._next_micro = t + rng.uniform(*MICRO_S)
        elif t >= self._next_micro:
            self._next_micro = t + rng.uniform(*MICRO_S)
            self._turn(t, tuple(angle + rng.gauss(0.0, MICRO_RAD) for angle in self.fixation))
        return math.dist(before, self.fixation) > LARGE_RAD

    def at(self, t: float, head_yaw: float, head_pitch: float) -> tuple[float, float]:
        """Yaw and pitch of the eyes in the head, which turns under them while they stay on what they see."""
        yaw, pitch = self._direction(t)
        yaw += radians(0.05) * self._drift[0].at(t) - head_yaw
        pitch += radians(0.05) * self._drift[1].at(t) - head_pitch
        return min(max(yaw, -LIMIT_YAW), LIMIT_YAW), min(max(pitch, -LIMIT_DOWN), LIMIT_UP)

    def _planned(self, t: float) -> Plan | None:
        self._plans = [plan for plan in self._plans if plan.end_s > t]
        return next((plan for plan in self._plans if plan.start_s <= t), None)

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
