"""What head, brows, eyes and breath do for a sentence, planned from its prosody.

Nods fall on stressed syllables and their lowest point on the vowel (U. Hadar et al., "Kinematics of head movements
accompanying speech during conversation", 1983; H. P. Graf et al., "Visual prosody", 2002). The head turns with phrases
and settles as the last one ends. Eyes: gaze.py.
"""

import random
from math import radians

from actors.animator.breath import Breath
from actors.animator.expression import Expression
from actors.animator.gaze import Gaze
from actors.animator.head import Head
from actors.animator.prosody import Sentence, Stress

BEAT_EVERY_S = 0.55  # beats are never closer
BEAT_CHANCE = (0.3, 0.9)  # of the weakest and the strongest stress
BEAT_RAD = (radians(1.0), radians(2.8))  # of the weakest and the strongest stress
BROW_CHANCE = 0.4  # of a beat to take the brows along
PHRASE_S = 0.5  # a shorter phrase brings no turn
PHRASE_RAD = (radians(1.8), radians(0.6), radians(1.4))  # yaw, pitch, roll
LONG_S = 2.2  # a first sentence this long, or with more to come, may begin with a look away
AVERSION_CHANCE, AVERSION_S = 0.7, (0.7, 1.5)
BACK_S = 0.9  # so long before the end the eyes are back at the viewer
DRAW_S = 0.28  # a breath between two sentences
REACTION_S = 0.09  # to being interrupted; a startle would be faster


class Gestures:
    """Plans for one call's head, expression, gaze and breath."""

    def __init__(self, rng: random.Random, head: Head, expression: Expression, gaze: Gaze, breath: Breath):
        self._rng, self._head, self._expression, self._gaze, self._breath = rng, head, expression, gaze, breath

    def say(self, sentence: Sentence) -> None:
        self._expression.mood.feel(sentence.start_s, sentence.mood)
        self._breath.draw(sentence.start_s - DRAW_S, DRAW_S)
        if not sentence.phrases:
            return
        self._turn(sentence)
        self._look(sentence)
        for stress in self._beats(sentence.stresses):
            self._beat(stress)
        if sentence.asks:
            start_s = max(sentence.phrases[-1][0], sentence.end_s - 0.7)
            self._expression.raise_brows(start_s, self._rng.uniform(0.26, 0.40), 0.22, 0.5)

    def interrupted(self, t: float) -> None:
        """The user spoke into the reply: brows up, head back, and the eyes are his."""
        start_s = t + REACTION_S
        self._expression.raise_brows(start_s, self._rng.uniform(0.28, 0.40), 0.12, 0.35)
        self._gaze.plan(start_s, start_s + 1.6, None)
        self._head.turn(start_s, 0.0, radians(1.2), 0.0)
        self._head.turn(start_s + 0.7, 0.0, 0.0, 0.0)

    def _beats(self, stresses: tuple[Stress, ...]) -> list[Stress]:
        """The strongest ones, as far apart as beats are, and not all of them; the sentence's last is most often one."""
        chosen: list[Stress] = []
        for stress in sorted(stresses, key=lambda one: -one.strength - (one is stresses[-1])):
            free = all(abs(stress.at_s - other.at_s) >= BEAT_EVERY_S for other in chosen)
            if self._rng.random() < _between(BEAT_CHANCE, stress.strength) and free:
                chosen.append(stress)
        return chosen

    def _beat(self, stress: Stress) -> None:
        rng = self._rng
        down_s = rng.uniform(0.14, 0.20)
        self._head.nod(stress.at_s - down_s, _between(BEAT_RAD, stress.strength) * rng.uniform(0.8, 1.2), down_s)
        if rng.random() < BROW_CHANCE:
            height = rng.uniform(0.14, 0.24) + 0.1 * stress.strength
            self._expression.raise_brows(stress.at_s - 0.16, height, 0.14, min(stress.ends_s - stress.at_s, 0.25))

    def _turn(self, sentence: Sentence) -> None:
        rng = self._rng
        for start_s, end_s in sentence.phrases:
            if end_s - start_s > PHRASE_S:
                self._head.turn(start_s - 0.1, *(min(max(rng.gauss(0, 0.7), -1), 1) * size for size in PHRASE_RAD))
        side = rng.choice((-1.0, 1.0))
        if sentence.asks:
            self._head.turn(sentence.end_s - 0.45, 0.0, radians(1.3), side * radians(1.8))
        elif sentence.last:
            self._head.turn(sentence.end_s - 0.35, 0.0, radians(-1.1), side * radians(0.4))

    def _look(self, sentence: Sentence) -> None:
        rng = self._rng
        back_s = sentence.end_s - BACK_S
        if sentence.first and (not sentence.last or sentence.end_s - sentence.start_s > LONG_S):
            until_s = min(sentence.start_s + rng.uniform(*AVERSION_S), back_s)
            target = (rng.choice((-1.0, 1.0)) * radians(rng.uniform(7, 13)), radians(rng.uniform(-5, 7)))
            if rng.random() < AVERSION_CHANCE and until_s > sentence.start_s + AVERSION_S[0] / 2:
                self._gaze.plan(sentence.start_s - 0.1, until_s, target)
        if sentence.last or sentence.asks:
            self._gaze.plan(max(back_s, sentence.start_s), sentence.end_s + 1.2, None)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
