"""The slow part of the face: its rest, its attention to the conversation, its mood, and brows that go with words."""

import random

import numpy as np
from attrs import frozen

from actors.animator.mood import Mood
from actors.animator.motion import Drift, Follower, bump
from actors.animator.shape import spread
from actors.arkit import ARKIT

FADE_S = 0.45

REST = {"mouthSmile": 0.07, "cheekSquint": 0.03}
ATTENTION = {
    "idle": {},
    "listening": {"mouthSmile": 0.05, "browInnerUp": 0.10, "browOuterUp": 0.07, "eyeWide": 0.05},
    "thinking": {"browDown": 0.32, "browInnerUp": 0.22, "mouthPress": 0.28, "mouthLeft": 0.16, "eyeSquint": 0.18},
    "speaking": {"browInnerUp": 0.03},
}
FLASH = {"browInnerUp": 0.7, "browOuterUp": 1.0, "eyeWide": 0.25}  # a raise of the brows, at height 1
DRAWN = {"jawOpen": 0.05, "mouthLowerDown": 0.09, "mouthUpperUp": 0.05, "noseSneer": 0.07}  # the lips part for air

_rest, _flash, _drawn = spread(REST), spread(FLASH), spread(DRAWN)
_attention = {state: spread(shape) for state, shape in ATTENTION.items()}


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
        self.mood = Mood()
        self._level = Follower(len(ARKIT), FADE_S)
        self._level.value = _rest.copy()
        self._brows = Drift(rng, 0.15)
        self._raises: list[Raise] = []

    def raise_brows(self, start_s: float, height: float, rise_s: float, hold_s: float = 0.0) -> None:
        self._raises.append(Raise(start_s, height, rise_s, hold_s))

    def forget(self, t: float, cut: bool) -> None:
        """What has not begun is called off, and the mood fades."""
        self._raises = [one for one in self._raises if one.start_s < t]
        self.mood.forget(t, cut)

    def weights(self, t: float, dt: float, state: str, drawn: float) -> np.ndarray:
        """Weights [52] at ``t``, ``dt`` after those before. ``drawn``: air for speaking, see breath.py."""
        level = self._level.follow(_rest + _attention[state], dt) + self.mood.weights(t, dt, state)
        self._raises = [one for one in self._raises if one.end_s > t]
        up = max((one.at(t) for one in self._raises), default=0.0) + max(0.0, 0.02 * self._brows.at(t))
        return level + up * _flash + drawn * _drawn
