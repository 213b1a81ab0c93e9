"""When and how the lids blink. Times are seconds.

Rates: A. Bentivoglio et al., "Analysis of blink rate patterns in normal subjects", 1997 (17 a minute at rest, 26 in
conversation); C. Karson et al., "Speaking, thinking, and blinking", 1983. Intervals are skewed, with few short ones and
some very long. Lids: C. Evinger et al., "Eyelid movements", 1991 (closing is faster, and larger blinks are not longer).
"""

import math
import random

from actors.animator.motion import ease

CLOSE_S, SHUT_S, OPEN_S = 0.065, 0.020, 0.115  # of a quick blink; lids close faster than they open
SLOW_SIGMA, SLOWEST = 0.18, 1.45  # blinks differ in length: 160 to 290 ms
MEDIAN_S = {"idle": 3.3, "listening": 3.6, "thinking": 4.0, "speaking": 2.7}
SIGMA = 0.55  # intervals are log-normal
SHORTEST_S, LONGEST_S = 0.9, 11.0
DOUBLE, DOUBLE_S = 0.07, (0.30, 0.42)  # so often a second blink follows so soon
INCOMPLETE, DEPTH = 0.12, (0.45, 0.80)  # so many stop on their way; M. Doane, 1980, found one in five


class Blinks:
    """The lids of one call; asked frame by frame, in order."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._began = -10.0
        self._slow = self._depth = 1.0
        self._next = rng.uniform(0.8, 3.0)

    def wish(self, t: float, chance: float) -> None:
        """A good moment for a blink, taken with this chance: the end of a phrase, a large turn of the eyes."""
        if self._rng.random() < chance and t - self._began > SHORTEST_S:
            self._next = min(self._next, t)

    def closed(self, t: float, state: str) -> float:
        """How far the lids are closed at ``t``, 0 to 1."""
        if t >= self._next:
            self._begin(t, state)
        since = (t - self._began) / self._slow
        return self._depth * ease(since / CLOSE_S) * (1.0 - ease((since - CLOSE_S - SHUT_S) / OPEN_S))

    def _begin(self, t: float, state: str) -> None:
        rng = self._rng
        self._began = t
        self._slow = min(max(rng.lognormvariate(0.05, SLOW_SIGMA), 0.8), SLOWEST)
        self._depth = rng.uniform(*DEPTH) if rng.random() < INCOMPLETE else 1.0
        wait = rng.lognormvariate(math.log(MEDIAN_S[state]), SIGMA)
        double = rng.random() < DOUBLE
        self._next = t + (rng.uniform(*DOUBLE_S) if double else min(max(wait, SHORTEST_S), LONGEST_S))
