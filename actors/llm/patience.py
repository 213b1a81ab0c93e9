"""How long a pause lasts until a turn is over: by how finished the words look, and by this speaker's habits.

Every pause has an outcome: the user went on after so long, or he did not. Of his last pauses with words of one look, at
most one in twenty may have been longer than the wait and yet no end. So one long pause lengthens the wait at once, for
as long as there are few others to weigh against it, and clean turns shorten it again.
"""

from collections import deque

from actors.llm.completeness import Look
from protocol.clock import MS

BASE_MS: dict[Look, int] = {"certain": 230, "complete": 400, "likely": 550, "unsure": 700, "open": 1300}
EXPECTED_MS = 400  # of a short answer to a question that the face has just asked
MOST_MS = 1500  # nobody waits longer for an answer without asking whether he was heard
MARGIN_MS = 160  # over his longest pause that counts: until vad is certain that he goes on takes 100
CUT_OFF = 0.05  # share of pauses that may be taken for the end
KEPT = 40  # outcomes of each look

OVER = 0  # the outcome of a pause that was the end


class Patience:
    """One call's. Knows no clock."""

    def __init__(self) -> None:
        self._outcomes: dict[Look, deque[int]] = {look: deque(maxlen=KEPT) for look in BASE_MS}

    def of(self, look: Look, asked: bool) -> int:
        """Ns. ``asked``: the words are few, and the face has just asked for them."""
        base_ms = BASE_MS[look]
        if asked and look != "open":
            base_ms = min(base_ms, EXPECTED_MS)
        outcomes = sorted(self._outcomes[look], reverse=True)
        longer = int(CUT_OFF * len(outcomes))  # so many pauses may be longer than the wait
        habit_ns = outcomes[longer] if longer < len(outcomes) else OVER
        wait_ns = max(base_ms * MS, habit_ns + MARGIN_MS * MS if habit_ns else 0)
        return min(wait_ns, MOST_MS * MS)

    def went_on(self, look: Look, pause_ns: int) -> None:
        """He went on after a pause of so long."""
        self._outcomes[look].append(max(OVER + 1, pause_ns))

    def over(self, look: Look) -> None:
        """The pause was the end of what he said."""
        self._outcomes[look].append(OVER)
