"""Micro-expressions: small, brief, one-sided stirrings of a face that is not doing anything.

Brief as P. Ekman and W. Friesen describe them (1969; under 200 ms here), and far weaker than any mood: they are seen as
life and not as meaning.
"""

import random

import numpy as np
from attrs import frozen

from actors.animator.motion import bump
from actors.arkit import ARKIT

EVERY_S, PAUSE_S = 6.0, 2.0  # mean beyond the pause that follows each: one in 8 s
LASTS_S = (0.08, 0.20)
STRONGER, WEAKER = 1.0, 0.25  # of the two sides
KINDS = {  # the greatest weights
    "brow flicker": {"browOuterUp": 0.16, "browInnerUp": 0.06},
    "brow draw": {"browDown": 0.16},
    "lip press": {"mouthPress": 0.16, "mouthRollLower": 0.04},
    "nostril": {"noseSneer": 0.13},
    "half smile": {"mouthSmile": 0.13, "mouthDimple": 0.08},
    "lid": {"eyeSquint": 0.16},
}
LIPS = ("lip press", "half smile")  # not while they speak


@frozen(eq=False)
class Stir:
    weights: np.ndarray  # [52], at its height
    start_s: float
    lasts_s: float


class Micro:
    """The micro-expressions of one call; asked frame by frame, in order."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._next = PAUSE_S + rng.expovariate(1 / EVERY_S)
        self._stir = Stir(np.zeros(len(ARKIT)), -1.0, 1.0)

    def at(self, t: float, state: str) -> np.ndarray:
        """Weights [52]."""
        if t >= self._next:
            self._next = t + PAUSE_S + self._rng.expovariate(1 / EVERY_S)
            kind = self._rng.choice(tuple(KINDS))
            stir = self._make(KINDS[kind], t)
            if state != "speaking" or kind not in LIPS:
                self._stir = stir
        stir = self._stir
        return stir.weights * bump(t, stir.start_s, 0.4 * stir.lasts_s, 0.6 * stir.lasts_s)

    def _make(self, shape: dict[str, float], t: float) -> Stir:
        rng = self._rng
        sides = [STRONGER, WEAKER]
        rng.shuffle(sides)
        height = rng.uniform(0.55, 1.0)
        weights = np.zeros(len(ARKIT))
        for name, weight in shape.items():
            parts = [name] if name in ARKIT else [f"{name}Left", f"{name}Right"]
            for part, side in zip(parts, sides, strict=False):
                weights[ARKIT.index(part)] = height * weight * (1.0 if len(parts) == 1 else side)
        return Stir(weights, t, rng.uniform(*LASTS_S))
