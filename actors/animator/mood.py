"""Moods: what each looks like, and how one comes, eases and goes.

Felt smiles come over about half a second and leave more slowly (K. Schmidt, Z. Ambadar, J. Cohn, L. Reed, "Movement
differences between deliberate and spontaneous facial expressions", 2006); surprise comes at once. Nobody holds an
expression at its full strength while he goes on talking.
"""

from math import radians

import numpy as np

from actors.animator.motion import Follower
from actors.animator.shape import MOUTH, spread
from actors.arkit import ARKIT

SHAPES = {  # on top of the face's rest, whose smile a low mood takes back
    "neutral": {},
    "happy": {"mouthSmile": 0.62, "cheekSquint": 0.38, "eyeSquint": 0.08, "browOuterUp": 0.22, "mouthDimple": 0.12},
    "amused": {"mouthSmile": 0.50, "cheekSquint": 0.34, "eyeSquint": 0.22, "browOuterUp": 0.55, "mouthDimple": 0.25},
    "sad": {"browInnerUp": 0.95, "mouthFrown": 0.62, "mouthSmile": -0.07, "mouthShrugLower": 0.28, "eyeBlink": 0.16},
    "concerned": {"browInnerUp": 0.80, "browDown": 0.60, "mouthFrown": 0.30, "mouthSmile": -0.07, "eyeSquint": 0.22},
    "surprised": {"browInnerUp": 0.85, "browOuterUp": 0.95, "eyeWide": 0.85, "mouthSmile": -0.04, "jawOpen": 0.10},
}
HEADS = {  # how the head is held: yaw, pitch, roll in radians; right, up, towards in metres
    "happy": (0, radians(0.8), radians(1.2), 0, 0, 0.002),
    "amused": (0, radians(-0.8), radians(3.0), 0, 0, 0),
    "sad": (0, radians(-3.0), radians(1.6), 0, -0.003, -0.002),
    "concerned": (0, radians(-1.4), radians(2.6), 0, 0, 0.006),
    "surprised": (0, radians(1.8), 0, 0, 0.002, -0.006),
}
SIDED = {"amused": 0.35}  # the share by which the left side is stronger and the right one weaker: a wry smile
ONSET_S = {"surprised": 0.22}  # 95 % of it is there after so long
USUAL_ONSET_S, OFFSET_S = 0.42, 0.9
BESIDE_SPEECH = 0.75  # of a mood's mouth is shown while the mouth speaks
EASED, EASING_S = 0.68, 3.0  # in speech it eases to this share of itself with this time constant
LINGER_S, CUT_LINGER_S = 0.7, 0.1  # it outlasts its words, but not an interruption

_sides = np.array([name.endswith("Left") - name.endswith("Right") for name in ARKIT], float)
_weights = {mood: spread(shape) * (1.0 + SIDED.get(mood, 0.0) * _sides) for mood, shape in SHAPES.items()}


class Mood:
    """The mood of one call; asked frame by frame, in order."""

    def __init__(self):
        self._level = Follower(len(ARKIT), USUAL_ONSET_S)
        self._mood = "neutral"
        self._began = 0.0
        self._plan: list[tuple[float, str]] = []  # from when, which; in the order of time

    def feel(self, start_s: float, mood: str) -> None:
        """The mood from ``start_s`` on, instead of what was planned for later. Raises ValueError for none of SHAPES."""
        if mood not in SHAPES:
            raise ValueError(f"mood {mood!r} is none of {', '.join(SHAPES)}")
        self._plan = [one for one in self._plan if one[0] < start_s] + [(start_s, mood)]

    def forget(self, t: float, cut: bool) -> None:
        """What has not begun is called off, and the mood fades; at once where the words were ``cut``."""
        fades_s = t + (CUT_LINGER_S if cut else LINGER_S)
        self._plan = [one for one in self._plan if one[0] <= t] + [(fades_s, "neutral")]

    @property
    def head(self) -> np.ndarray:
        """How it holds the head, [6]: see HEADS."""
        return np.array(HEADS.get(self._mood, np.zeros(6)), float)

    def weights(self, t: float, dt: float, state: str) -> np.ndarray:
        """Weights [52] at ``t``, ``dt`` after those before."""
        while self._plan and self._plan[0][0] <= t:
            start, mood = self._plan.pop(0)
            if mood != self._mood:
                self._mood, self._began = mood, start
                self._level.settle(OFFSET_S if mood == "neutral" else ONSET_S.get(mood, USUAL_ONSET_S))
        target = _weights[self._mood] * (EASED + (1.0 - EASED) * np.exp(-(t - self._began) / EASING_S))
        if state == "speaking":
            target = np.where(MOUTH, BESIDE_SPEECH, 1.0) * target
        return self._level.follow(target, dt)
