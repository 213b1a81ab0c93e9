"""What the mouth does over a reply: co-articulated visemes as a pure function of time.

Method: dominance functions (M. Cohen and D. Massaro, "Modeling coarticulation in synthetic visual speech", 1993). Every
segment pulls each channel towards its target; the pull is strongest inside the segment and fades on both sides, so that
a shape is prepared before its sound and lingers after it. A channel is the mean of the targets, weighted by the pulls.
On firm channels the pull grows almost without bound towards the segment's core: that keeps closures closed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from actors.animator.visemes import CHANNELS, FIRM, INDEX, PHONES, REST, ROUNDING, STRENGTH, TARGET
from actors.arkit import ARKIT

REACH_MS = 300.0  # farther segments pull by less than a thousandth
SILENCE_MS = 1000.0  # of rest before and after the phones; any length above REACH_MS does the same
SPREAD_MS = 45.0  # how far the pull of most channels reaches outside a segment's core
ROUNDING_BEFORE_MS, ROUNDING_AFTER_MS = 95.0, 65.0  # the lips round early
CORE, EDGE_MS = 0.25, 50.0  # the core: this share of a segment, or all but its edges
FIRM_AT, FIRM_CORE = 0.42, 0.25  # a closure lies a little before the middle, its release belongs to the segment
FRAME_MS = 17.5  # half a frame at 30 Hz, and a little: no closure falls between two frames
FIRM_RAMP_MS = 48.0  # to close, and to open again
GLIDE = 0.55  # of a diphthong belongs to its first vowel
FAINT = 1e-4  # the pull of rest where nothing else is near

_before = np.array([ROUNDING_BEFORE_MS if c in ROUNDING else SPREAD_MS for c in CHANNELS])
_after = np.array([ROUNDING_AFTER_MS if c in ROUNDING else SPREAD_MS for c in CHANNELS])
_jaw, _seal = CHANNELS.index("jawOpen"), CHANNELS.index("seal")
_close = ARKIT.index("mouthClose")
_places = [
    (i, [ARKIT.index(name) for name in (c, c + "Left", c + "Right") if name in ARKIT])
    for i, c in enumerate(CHANNELS)
    if c != "seal"
]


class Track:
    """The phones of one reply, sentence by sentence. Silence before, between and after them is rest."""

    def __init__(self):
        self._starts: list[float] = [-SILENCE_MS]
        self._ends: list[float] = [0.0]
        self._visemes: list[int] = [REST]

    @property
    def end_ms(self) -> float:
        """When the last phone ends, from the reply's start; 0 without any."""
        return self._ends[-1]

    def extend(self, start_ms: float, names: Sequence[str], ends_ms: Sequence[float]) -> None:
        """Adds a sentence: phone i lasts to ends_ms[i], the first from start_ms; overlap with earlier ones is cut off.

        Raises ValueError for another number of ends than names, and for a name that is no phone.
        """
        if len(names) != len(ends_ms):
            raise ValueError(f"{len(names)} phones with {len(ends_ms)} ends")
        if unknown := sorted(set(names) - set(PHONES)):
            raise ValueError(f"not among the {len(PHONES)} phones: {', '.join(unknown)}")
        self._add("rest", start_ms)
        for name, end_ms in zip(names, ends_ms, strict=True):
            visemes = PHONES[name]
            if len(visemes) == 2:
                self._add(visemes[0], self.end_ms + GLIDE * (end_ms - self.end_ms))
            self._add(visemes[-1], end_ms)

    def mouth(self, t_ms: float) -> np.ndarray:
        """ARKit weights [52] at ``t_ms`` from the reply's start; only the mouth's are not 0."""
        first = bisect_left(self._ends, t_ms - REACH_MS)
        after = bisect_right(self._starts, t_ms + REACH_MS)
        starts = np.array([*self._starts[first:after], self.end_ms])[:, None]
        ends = np.array([*self._ends[first:after], self.end_ms + SILENCE_MS])[:, None]
        kinds = [*self._visemes[first:after], REST]
        target, strength, firm = TARGET[kinds], STRENGTH[kinds], FIRM[kinds]

        middle, length = (starts + ends) / 2, ends - starts
        core = np.maximum(CORE * length, length / 2 - EDGE_MS)
        away = t_ms - middle
        reach = np.where(away < 0, _before, _after)
        pull = strength * np.exp(-((np.maximum(np.abs(away) - core, 0.0) / reach) ** 2))

        away = np.abs(t_ms - starts - FIRM_AT * length)
        near = np.clip(1.0 - (away - np.maximum(FIRM_CORE * length, FRAME_MS)) / FIRM_RAMP_MS, 0.0, 1.0)
        near = near * near * (3.0 - 2.0 * near)
        share = pull.sum(0) * near / (1.0 - near + FAINT)
        pull = np.where(firm, pull * (1.0 - near) + share, pull)

        shape = (pull * target).sum(0) / (pull.sum(0) + FAINT)
        weights = np.zeros(len(ARKIT))
        for channel, places in _places:
            weights[places] = shape[channel]
        weights[_close] = shape[_seal] * shape[_jaw]
        return weights

    def _add(self, viseme: str, end_ms: float) -> None:
        if end_ms > self.end_ms:
            self._starts.append(self.end_ms)
            self._ends.append(end_ms)
            self._visemes.append(INDEX[viseme])
