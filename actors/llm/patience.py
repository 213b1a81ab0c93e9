"""How long a pause lasts until a turn is over: by how finished the words look, and by this speaker's habits.

Who has been silent for t goes on with the chance p S(t) / (p S(t) + 1 - p): p is how often a pause after words of such
a look was not the end, S(t) the share of pauses inside turns that are longer than t. His turn is over when that chance
is down to CUT_OFF. Both begin as what is usual, which counts as so many pauses of his, and become his own: a hesitant
speaker is given more time whatever he says, and less again where he never went on.
"""

import math
from collections import deque
from statistics import NormalDist

from actors.llm.completeness import Look
from protocol.clock import MS

CUT_OFF = 0.05  # chance that he goes on, at which it is his turn no longer
GOES_ON: dict[Look, float] = {"certain": 0.062, "complete": 0.118, "likely": 0.167, "unsure": 0.6, "open": 0.85}
LOOK_COUNTS = 20  # pauses, for which that stands
USUAL = NormalDist(math.log(400), 0.5)  # ms; two pauses of three are from 240 to 660
USUAL_COUNTS = 6
KNOWN_MS = 130  # after he goes on, vad is certain that he does
LEAST_MS, MOST_MS = 230, 1500  # whoever waits longer must ask whether he was heard
STEP_MS = 10
KEPT = 40  # of his pauses; outcomes of each look


class Patience:
    """One call's. Knows no clock."""

    def __init__(self) -> None:
        self._went_on: dict[Look, deque[bool]] = {look: deque(maxlen=KEPT) for look in GOES_ON}
        self._pauses_ms: deque[float] = deque(maxlen=KEPT)

    def of(self, look: Look, asked: bool) -> int:
        """Ns. ``asked``: the words are few, and the face has just asked for them."""
        if asked and look in ("likely", "unsure"):
            look = "complete"
        outcomes = self._went_on[look]
        p = (GOES_ON[look] * LOOK_COUNTS + sum(outcomes)) / (LOOK_COUNTS + len(outcomes))
        enough = CUT_OFF / (1 - CUT_OFF) * (1 - p) / p
        waits_ms = range(LEAST_MS, MOST_MS, STEP_MS)
        return next((ms for ms in waits_ms if self._longer(ms) <= enough), MOST_MS) * MS

    def _longer(self, ms: float) -> float:
        """The share of pauses inside turns that are not known to be over after ``ms``."""
        usual = USUAL_COUNTS * (1 - USUAL.cdf(math.log(ms)))
        own = sum(pause_ms + KNOWN_MS > ms for pause_ms in self._pauses_ms)
        return (usual + own) / (USUAL_COUNTS + len(self._pauses_ms))

    def went_on(self, look: Look, pause_ns: int) -> None:
        """He went on after a pause of so long."""
        self._went_on[look].append(True)
        self._pauses_ms.append(pause_ns / MS)

    def over(self, look: Look) -> None:
        """The pause was the end of what he said."""
        self._went_on[look].append(False)
