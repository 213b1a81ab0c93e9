"""The life of a face beside its lips: eyes, head and expression, moved by what happens in the conversation.

Deterministic from the seed and the calls made. Time is seconds of the face's own life, which goes on evenly from frame
to frame as they are seen, also where the frames of a reply are made ahead of the sound.
"""

import random
from collections.abc import Sequence
from math import radians

import numpy as np

from actors.animator.expression import Expression
from actors.animator.eyes import WITH_SACCADE, Blinks, Gaze
from actors.animator.head import Head
from actors.arkit import ARKIT

FULL_LOOK = {"Out": radians(30), "In": radians(30), "Up": radians(22), "Down": radians(28)}  # at weight 1
LID_FOLLOWS = 0.25  # how much of a blink comes with a full look down; the shape eyeLookDown does the rest
ASYMMETRY = 0.04
OPENERS = """who what when where why which whose how do does did are is was were am can could would will shall should
may might have has had"""
LIGHT = """a an the and or but if then than that this these those there here it its i you he she we they me him her us
them my your his our their of in on at to for from with by as be been being so not no yes too very just"""
QUESTION = frozenset(OPENERS.split())  # a sentence that opens with one of these asks something
UNSTRESSED = frozenset(LIGHT.split()) | QUESTION
BEAT_EVERY_S = 0.55  # beats are never closer
BEAT_CHANCE, BROW_CHANCE = 0.6, 0.35
NOD_CHANCE, NOD_AGAIN_CHANCE, NOD_EVERY_S = 0.65, 0.35, 1.6
PHRASE_BLINK = 0.5

_left = [i for i, name in enumerate(ARKIT) if name.endswith("Left")]
_right = [ARKIT.index(ARKIT[i].removesuffix("Left") + "Right") for i in _left]
_look = {name: ARKIT.index(name) for name in ARKIT if name.startswith("eyeLook")}
_wide = [ARKIT.index(name) for name in ("eyeWideLeft", "eyeWideRight")]
_other_lids = [*_wide, *(i for name, i in _look.items() if "Up" in name or "Down" in name)]  # yield to a blink
_lids = [ARKIT.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]


class Behaviour:
    """The life of one call's face; asked frame by frame, in order."""

    def __init__(self, seed: str):
        self._rng = random.Random(f"{seed} talk")
        self._blinks = Blinks(random.Random(f"{seed} blinks"))
        self._gaze = Gaze(random.Random(f"{seed} gaze"))
        self._head = Head(random.Random(f"{seed} head"))
        self._expression = Expression(random.Random(f"{seed} expression"))
        self._last = self._last_nod = 0.0
        self._phrase_ends: list[float] = []
        sides = np.ones(len(ARKIT))
        uneven = np.array([self._rng.uniform(-ASYMMETRY, ASYMMETRY) for _ in _left])
        sides[_left], sides[_right] = 1.0 + uneven, 1.0 - uneven
        sides[[i for i, name in enumerate(ARKIT) if name.startswith(("eyeBlink", "eyeLook"))]] = 1.0
        self._sides = sides

    def user_paused(self, t: float) -> None:
        """The user made a pause in what he says: a listener nods there."""
        self._blinks.wish(t, PHRASE_BLINK)
        if t - self._last_nod < NOD_EVERY_S or self._rng.random() > NOD_CHANCE:
            return
        self._last_nod = start = t + self._rng.uniform(0.05, 0.25)
        depth, down = radians(self._rng.uniform(2.2, 4.2)), self._rng.uniform(0.17, 0.24)
        self._head.nod(start, depth, down)
        if self._rng.random() < NOD_AGAIN_CHANCE:
            self._head.nod(start + 2.2 * down, 0.6 * depth, down)

    def say(
        self, start: float, words: Sequence[str], starts: Sequence[float], ends: Sequence[float], mood: str
    ) -> None:
        """A sentence will be heard from ``start`` on: plans its mood, its last blink, and beats and brows on its words.

        Raises ValueError for a mood that is none, and where words and times differ in number.
        """
        rng = self._rng
        self._expression.feel(start, mood)
        if not words:
            return
        beat = start - BEAT_EVERY_S
        for i, (word, begins, stops) in enumerate(zip(words, starts, ends, strict=True)):
            closing = i == len(words) - 1
            if word.lower() in UNSTRESSED or len(word) < 4 or begins - beat < BEAT_EVERY_S:
                continue
            if not closing and rng.random() > BEAT_CHANCE:
                continue
            beat = begins
            self._head.nod(begins - 0.05, radians(rng.uniform(1.1, 2.6)), rng.uniform(0.14, 0.20))
            if rng.random() < BROW_CHANCE:
                self._expression.raise_brows(begins - 0.06, rng.uniform(0.12, 0.26), 0.14, min(stops - begins, 0.3))
        if words[0].lower() in QUESTION:
            self._expression.raise_brows(max(starts[0], ends[-1] - 0.7), rng.uniform(0.22, 0.34), 0.22, 0.5)
        self._phrase_ends.append(ends[-1])

    def hush(self, t: float) -> None:
        """The reply is over or cut off: what was planned for it is called off."""
        self._head.forget(t)
        self._expression.forget(t)
        self._phrase_ends.clear()

    def pose(self, t: float, state: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]:
        """At ``t``: weights [52] without speech, not clipped; head angles [3] and place [3]; gaze, yaw and pitch.

        ``state``: idle, listening, thinking or speaking. Units and directions: head.py, eyes.py.
        """
        dt, self._last = t - self._last, t
        if self._gaze.look(t, state):
            self._blinks.wish(t, WITH_SACCADE)
        while self._phrase_ends and self._phrase_ends[0] <= t:
            self._blinks.wish(self._phrase_ends.pop(0), PHRASE_BLINK)
        angles, place = self._head.pose(t, dt, state, self._gaze.fixation)
        gaze = self._gaze.at(t, angles[0], angles[1])
        weights = self._expression.weights(t, dt, state) * self._sides
        self._look(weights, *gaze)
        closed = self._blinks.closed(t, state)
        weights[_other_lids] *= 1.0 - closed
        weights[_lids] += (1.0 - weights[_lids]) * closed
        return weights, angles, place, gaze

    @staticmethod
    def _look(weights: np.ndarray, yaw: float, pitch: float) -> None:
        """Eye shapes that agree with the gaze: the left eye turns out where the right one turns in."""
        towards = {"Left": ("Out", "In"), "Right": ("In", "Out")}
        for side, (right, left) in towards.items():
            across = right if yaw > 0 else left
            weights[_look[f"eyeLook{across}{side}"]] = abs(yaw) / FULL_LOOK[across]
            along = "Up" if pitch > 0 else "Down"
            weights[_look[f"eyeLook{along}{side}"]] = abs(pitch) / FULL_LOOK[along]
        if pitch < 0:
            weights[_lids] += LID_FOLLOWS * -pitch / FULL_LOOK["Down"]
        else:
            weights[_wide] += 0.5 * LID_FOLLOWS * pitch / FULL_LOOK["Up"]
