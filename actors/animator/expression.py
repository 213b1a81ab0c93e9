"""The slow part of the face: moods, attention, and brows that go along with what is said."""

import random

import numpy as np
from attrs import frozen

from actors.animator.motion import Drift, Follower, bump
from actors.arkit import ARKIT

FADE_S = 0.4
LINGER_S = 1.0  # a mood outlasts its words
BESIDE_SPEECH = 0.6  # of a mood's mouth is shown while the mouth speaks

REST = {"mouthSmile": 0.07, "cheekSquint": 0.03}
ATTENTION = {
    "idle": {},
    "listening": {"mouthSmile": 0.04, "browInnerUp": 0.08, "browOuterUp": 0.05, "eyeWide": 0.03},
    "thinking": {"browDown": 0.12, "browInnerUp": 0.06, "mouthPress": 0.10, "mouthLeft": 0.06, "eyeSquint": 0.08},
    "speaking": {"browInnerUp": 0.03},
}
MOODS = {
    "neutral": {},
    "happy": {"mouthSmile": 0.42, "cheekSquint": 0.30, "eyeSquint": 0.16, "browOuterUp": 0.08, "mouthDimple": 0.08},
    "amused": {"mouthSmile": 0.26, "cheekSquint": 0.26, "eyeSquint": 0.20, "browOuterUp": 0.16, "mouthDimple": 0.12},
    "sad": {"browInnerUp": 0.42, "mouthFrown": 0.26, "eyeSquint": 0.08, "mouthShrugLower": 0.14},
    "concerned": {"browInnerUp": 0.38, "browDown": 0.16, "mouthFrown": 0.10, "eyeSquint": 0.10},
    "surprised": {"browInnerUp": 0.42, "browOuterUp": 0.42, "eyeWide": 0.36, "jawOpen": 0.06},
}
FLASH = {"browInnerUp": 0.7, "browOuterUp": 1.0, "eyeWide": 0.25}  # a raise of the brows, at height 1


def spread(shape: dict[str, float]) -> np.ndarray:
    """Weights [52] of a shape whose names may leave out Left and Right."""
    weights = np.zeros(len(ARKIT))
    for name, weight in shape.items():
        weights[[ARKIT.index(full) for full in (name, name + "Left", name + "Right") if full in ARKIT]] = weight
    return weights


_rest, _flash = spread(REST), spread(FLASH)
_attention = {state: spread(shape) for state, shape in ATTENTION.items()}
_moods = {mood: spread(shape) for mood, shape in MOODS.items()}
_mouth = np.array([name.startswith(("mouth", "jaw")) for name in ARKIT])


@frozen
class Raise:
    """The brows go up by ``height``, stay for ``hold_s`` and come down."""

    start_s: float
    height: float
    rise_s: float
    hold_s: float

    def at(self, t: float) -> float:
        return self.height * bump(t, self.start_s, self.rise_s, 2 * self.rise_s, self.hold_s)

    @property
    def end_s(self) -> float:
        return self.start_s + 3 * self.rise_s + self.hold_s


class Expression:
    """The expression of one call; asked frame by frame, in order."""

    def __init__(self, rng: random.Random):
        self._level = Follower(len(ARKIT), FADE_S)
        self._level.value = _rest.copy()
        self._brows = Drift(rng, 0.15)
        self._mood = "neutral"
        self._moods: list[tuple[float, str]] = []  # from when, which; in the order of time
        self._raises: list[Raise] = []

    def feel(self, start_s: float, mood: str) -> None:
        """The mood from ``start_s`` on, instead of what was planned for later. Raises ValueError for none of MOODS."""
        if mood not in MOODS:
            raise ValueError(f"mood {mood!r} is none of {', '.join(MOODS)}")
        self._moods = [one for one in self._moods if one[0] < start_s] + [(start_s, mood)]

    def raise_brows(self, start_s: float, height: float, rise_s: float, hold_s: float = 0.0) -> None:
        self._raises.append(Raise(start_s, height, rise_s, hold_s))

    def forget(self, t: float) -> None:
        """What has not begun is called off, and the mood fades."""
        self._raises = [one for one in self._raises if one.start_s < t]
        self._moods = [one for one in self._moods if one[0] <= t] + [(t + LINGER_S, "neutral")]

    def weights(self, t: float, dt: float, state: str) -> np.ndarray:
        """Weights [52] at ``t``, ``dt`` after those before."""
        while self._moods and self._moods[0][0] <= t:
            self._mood = self._moods.pop(0)[1]
        mood = _moods[self._mood]
        if state == "speaking":
            mood = np.where(_mouth, BESIDE_SPEECH, 1.0) * mood
        level = self._level.follow(_rest + _attention[state] + mood, dt)
        self._raises = [one for one in self._raises if one.end_s > t]
        up = max((one.at(t) for one in self._raises), default=0.0) + max(0.0, 0.02 * self._brows.at(t))
        return level + up * _flash
