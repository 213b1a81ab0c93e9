"""Breathing: shorter in than out, no two breaths alike, and a breath drawn before speaking.

Who is about to answer breathes in while the question ends (F. Torreira, S. Boegels, S. Levinson, "Breathing for
answering", 2015); while speaking one breathes in at pauses and out for as long as the phrase takes.
"""

import random

from actors.animator.motion import ease

IN_S, OUT_S = (1.3, 1.9), (2.0, 2.9)  # 15 to 18 breaths a minute, the rate of adults at rest
DEPTH = (0.85, 1.15)  # of a breath at rest
DRAWN_DEPTH, DRAWN_OUT_S = 1.5, (2.8, 3.8)  # of one for speaking
REFRACTORY_S = 1.2  # nobody draws two within this
LATE_S = 0.05  # one that should have begun so long ago fills the chest, but the lips stay with the word


class Breath:
    """The breath of one call; asked frame by frame, in order."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._from, self._to = 0.0, rng.uniform(*DEPTH)
        self._began, self._lasts = -rng.uniform(0.0, IN_S[0]), rng.uniform(*IN_S)
        self._drawn = (-10.0, 1.0)  # the latest for speaking: start, length in s
        self._planned: list[tuple[float, float]] = []

    def draw(self, start_s: float, lasts_s: float) -> None:
        """A breath for speaking; none where another was drawn just before. Given in the order of time."""
        latest = self._planned[-1][0] if self._planned else self._drawn[0]
        if start_s - latest > REFRACTORY_S:
            self._planned.append((start_s, lasts_s))

    def forget(self) -> None:
        """Breaths that have not begun are called off."""
        self._planned.clear()

    def at(self, t: float) -> tuple[float, float]:
        """How full the chest is, 0 to 1 and more for speaking, and how much air is drawn for speaking, 0 to 1."""
        if self._planned and self._planned[0][0] <= t:
            start, lasts = self._planned.pop(0)
            self._turn(t, DRAWN_DEPTH, lasts)
            if t - start <= LATE_S:
                self._drawn = start, lasts
        while t >= self._began + self._lasts:
            at, full = self._began + self._lasts, self._to
            if full > 0.5:
                self._turn(at, 0.0, self._rng.uniform(*(DRAWN_OUT_S if full == DRAWN_DEPTH else OUT_S)))
            else:
                self._turn(at, self._rng.uniform(*DEPTH), self._rng.uniform(*IN_S))
        start, lasts = self._drawn
        done = (t - start) / lasts
        return self._level(t), ease(2.5 * done) * (1.0 - ease(1.6 * done - 0.8))

    def _turn(self, t: float, to: float, lasts: float) -> None:
        self._from = self._level(t)
        self._to, self._began, self._lasts = to, t, lasts

    def _level(self, t: float) -> float:
        return self._from + (self._to - self._from) * ease((t - self._began) / self._lasts)
