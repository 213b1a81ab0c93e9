"""The life of a face beside its lips: eyes, head, breath and expression, moved by what happens in the conversation.

Deterministic from the seed and the calls made. Time is seconds of the face's own life, which goes on evenly from frame
to frame as they are seen, also where the frames of a reply are made ahead of the sound.
"""

import random
from math import radians

import numpy as np

from actors.animator import eyes
from actors.animator.blinks import Blinks
from actors.animator.breath import Breath
from actors.animator.expression import Expression
from actors.animator.gaze import Gaze
from actors.animator.gestures import Gestures
from actors.animator.head import Head
from actors.animator.micro import Micro
from actors.animator.prosody import Sentence
from actors.arkit import ARKIT

ASYMMETRY = 0.04
NOD_CHANCE, NOD_AGAIN_CHANCE, NOD_EVERY_S = 0.65, 0.35, 1.6
INTEREST_CHANCE = 0.35  # the brows of a listener go up at a pause
PHRASE_BLINK, SACCADE_BLINK = 0.5, 0.45  # so often the end of a phrase, or a large turn of the eyes, brings a blink
DRAW_AFTER_S, DRAW_S = 0.15, 0.45  # the breath of one who is about to answer

_left = [i for i, name in enumerate(ARKIT) if name.endswith("Left")]
_right = [ARKIT.index(ARKIT[i].removesuffix("Left") + "Right") for i in _left]


class Behaviour:
    """The life of one call's face; asked frame by frame, in order."""

    def __init__(self, seed: str):
        def rng(name: str) -> random.Random:
            return random.Random(f"{seed} {name}")

        self._rng = rng("listen")
        self._blinks, self._gaze = Blinks(rng("blinks")), Gaze(rng("gaze"))
        self._head, self._breath = Head(rng("head")), Breath(rng("breath"))
        self._expression, self._micro = Expression(rng("expression")), Micro(rng("micro"))
        self._gestures = Gestures(rng("talk"), self._head, self._expression, self._gaze, self._breath)
        self._last, self._last_nod = 0.0, -NOD_EVERY_S
        self._state = "idle"
        self._phrase_ends: list[float] = []
        uneven = np.array([self._rng.uniform(-ASYMMETRY, ASYMMETRY) for _ in _left])
        self._sides = np.ones(len(ARKIT))
        self._sides[_left], self._sides[_right] = 1.0 + uneven, 1.0 - uneven
        self._sides[[i for i, name in enumerate(ARKIT) if name.startswith(("eyeBlink", "eyeLook"))]] = 1.0

    def user_started(self, t: float) -> None:
        """The user began to speak, or goes on: the brows lift."""
        self._expression.raise_brows(t + 0.12, self._rng.uniform(0.10, 0.20), 0.18, 0.25)

    def user_paused(self, t: float) -> None:
        """The user made a pause in what he says: a listener nods there, and breathes in for an answer."""
        rng = self._rng
        self._blinks.wish(t, PHRASE_BLINK)
        self._breath.draw(t + DRAW_AFTER_S, DRAW_S)
        if rng.random() < INTEREST_CHANCE:
            self._expression.raise_brows(t + 0.1, rng.uniform(0.16, 0.28), 0.16, 0.3)
        if t - self._last_nod < NOD_EVERY_S or rng.random() > NOD_CHANCE:
            return
        self._last_nod = start = t + rng.uniform(0.05, 0.25)
        depth, down = radians(rng.uniform(2.2, 4.2)), rng.uniform(0.17, 0.24)
        self._head.nod(start, depth, down)
        if rng.random() < NOD_AGAIN_CHANCE:
            self._head.nod(start + 2.2 * down, 0.6 * depth, down)

    def say(self, sentence: Sentence) -> None:
        """A sentence will be heard. Raises ValueError for a mood that is none."""
        self._gestures.say(sentence)
        self._phrase_ends += [end for _, end in sentence.phrases]

    def hush(self, t: float, cut: bool = False) -> None:
        """The reply is over: what was planned for it is called off. ``cut``: because the user interrupted it."""
        self._head.forget(t)
        self._expression.forget(t, cut)
        self._gaze.forget()
        self._breath.forget()
        self._phrase_ends.clear()
        if cut:
            self._gestures.interrupted(t)

    def pose(self, t: float, state: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]:
        """At ``t``: weights [52] without speech, not clipped; head angles [3] and place [3]; gaze, yaw and pitch.

        ``state``: idle, listening, thinking or speaking. Units and directions: head.py, gaze.py.
        """
        dt, self._last = t - self._last, t
        if state == "thinking" and self._state != state:
            self._breath.draw(t, DRAW_S)
        self._state = state
        if self._gaze.look(t, state):
            self._blinks.wish(t, SACCADE_BLINK)
        while self._phrase_ends and self._phrase_ends[0] <= t:
            self._blinks.wish(self._phrase_ends.pop(0), PHRASE_BLINK)
        breath, drawn = self._breath.at(t)
        weights = self._expression.weights(t, dt, state, drawn) * self._sides + self._micro.at(t, state)
        mood = self._expression.mood.head
        angles, place = self._head.pose(t, dt, state, self._gaze.fixation, mood, breath)
        gaze = self._gaze.at(t, angles[0], angles[1])
        eyes.show(weights, *gaze, self._blinks.closed(t, state))
        return weights, angles, place, gaze
