"""When a reply is heard and seen to begin, and how far its picture is behind its sound.

No landmark model: the reply's text says what should have been heard and seen (reference.py). The sound is found in
what came back by correlation, the lips by asking at which delay the weights that should move the mouth explain most of
what moved in the picture. The difference of the two is the skew.
"""

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from scipy.ndimage import uniform_filter, uniform_filter1d
from scipy.signal import correlate

from protocol.clock import MS, SECOND
from tools.caller import AUDIBLE, RATE_HZ
from tools.recording import Picture, Sound, decoded
from tools.reference import Reference

GRID = (160, 90)  # pictures are reduced to this: 8 px a cell at 720p, a fifth of a mouth
MODES = 4  # independent movements of the mouth that are looked for
SLOW_FRAMES = 11
LAGS_MS = np.arange(-200, 201, 10)
ENOUGH = 70  # pictures of a reply, from which its lag can be told: in fewer, head and eyes move like the lips by chance
WINDOW = (14, 18)  # cells of a mouth with its chin, in a portrait that fills the picture
REST_NS = 300 * MS
STILL = 2.0  # it moves when it is so many times as far from its rest as in it ...
MOVED = (0.25, 0.4)  # ... but at least, and at most, by this share of the farthest: it may nod before it speaks
SAME_SOUND = 0.5  # correlation from which the sound is the reference's


@frozen(eq=False)
class Film:
    """All pictures of a call, reduced. ``at_ns``: int64 [n]; ``grey``: uint8 [n, 90, 160]."""

    at_ns: np.ndarray
    grey: np.ndarray

    @classmethod
    def of(cls, units: list[Picture]) -> "Film":
        times, pictures = [], []
        for unit, frame in decoded(units):
            times.append(unit.at_ns)
            pictures.append(frame.reformat(*GRID, format="gray", interpolation="AREA").to_ndarray())
        return cls(np.array(times, np.int64), np.array(pictures, np.uint8))

    def between(self, begin_ns: int, end_ns: int) -> "Film":
        inside = (self.at_ns >= begin_ns) & (self.at_ns < end_ns)
        return Film(self.at_ns[inside], self.grey[inside])


def first_audible_ns(heard: Sound, begin_ns: int, end_ns: int) -> int | None:
    """When the first audible sample of [begin_ns, end_ns) arrived, its packet's own delay included."""
    first, last = (max(0, (at - heard.start_ns) * RATE_HZ // SECOND) for at in (begin_ns, end_ns))
    audible = np.flatnonzero(np.abs(heard.pcm[first:last].astype(np.int32)) > AUDIBLE)
    if not len(audible):
        return None
    block, inside = divmod(first + int(audible[0]), RATE_HZ // 50)
    return int(heard.arrivals_ns[block]) + inside * SECOND // RATE_HZ


def reply_start_ns(heard: Sound, begin_ns: int, end_ns: int, wanted: Reference) -> int | None:
    """Where the reply's offset 0 lies in the sound of [begin_ns, end_ns); None where this is another sound."""
    first, last = (max(0, (at - heard.start_ns) * RATE_HZ // SECOND) for at in (begin_ns, end_ns))
    sound = heard.pcm[first:last].astype(np.float64)
    part = wanted.pcm[: 3 * RATE_HZ]
    if len(sound) < len(part):
        return None
    match = correlate(sound, part, mode="valid", method="fft")
    at = int(match.argmax())
    same = match[at] / (np.linalg.norm(sound[at : at + len(part)]) * np.linalg.norm(part) + 1e-9)
    return heard.at_ns(first + at) if same > SAME_SOUND else None


def _quick(moving: np.ndarray) -> np.ndarray:
    """Without what changes slower than speech: the head's own motion."""
    return moving - uniform_filter1d(moving, SLOW_FRAMES, axis=0, mode="nearest")


class Shown:
    """A reply as it was shown. film: its pictures; ``start_ns``: where its sound begins, see reply_start_ns()."""

    def __init__(self, film: Film, wanted: Reference, start_ns: int):
        self.film, self.start_ns = film, start_ns
        moved = _quick(film.grey.astype(np.float64))
        total = (moved**2).sum(0) + 1e-9
        self.explained = np.array([_explained(moved, total, self._modes(wanted, lag)) for lag in LAGS_MS])

    def _modes(self, wanted: Reference, lag_ms: float) -> np.ndarray:
        """The mouth's quick movements at a lag, orthonormal: float64 [pictures, at most MODES]."""
        weights = np.array([wanted.track.mouth(float(at)) for at in (self.film.at_ns - self.start_ns) / MS - lag_ms])
        modes, size, _ = np.linalg.svd(_quick(weights), full_matrices=False)
        return modes[:, :MODES][:, size[:MODES] > 1e-6]

    def lag_ms(self, mouth: np.ndarray) -> float | None:
        """How far the lips are behind the sound; negative: ahead. mouth: see find_mouth().

        None where the reply is too short to tell, or the lag is beyond LAGS_MS.
        """
        match = self.explained[:, mouth].sum(1)
        peak = int(match.argmax())
        if len(self.film.at_ns) < ENOUGH or peak in (0, len(match) - 1):
            return None
        left, middle, right = match[peak - 1 : peak + 2]
        between = 0.5 * (left - right) / (left - 2 * middle + right)  # where a parabola through the three is highest
        return float(LAGS_MS[peak] + between * (LAGS_MS[1] - LAGS_MS[0]))


def _explained(moved: np.ndarray, total: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """How much of each cell's movement the modes explain, weighted by the share of all its movement that this is: a
    blink moves much, of which speech explains little. float64 [90, 160]."""
    return (np.tensordot(modes, moved, axes=(0, 0)) ** 2).sum(0) ** 2 / total


def find_mouth(replies: Sequence[Shown]) -> np.ndarray:
    """The window of a mouth's size in which most is explained, over all replies of a call, at the lag where it is most.

    bool [90, 160]. Eyes may move with the lips by chance, but not in every reply.
    """
    roots = [
        uniform_filter(np.sqrt(sum(cells)), WINDOW, mode="constant")
        for cells in zip(*(r.explained for r in replies), strict=True)
    ]
    row, column = np.unravel_index(max(roots, key=np.max).argmax(), roots[0].shape)
    mouth = np.zeros(roots[0].shape, bool)
    (rows, columns) = WINDOW
    mouth[max(0, row - rows // 2) : row + rows // 2, max(0, column - columns // 2) : column + columns // 2] = True
    return mouth


def first_movement_ns(film: Film, begin_ns: int, mouth: np.ndarray) -> int | None:
    """The first picture from ``begin_ns`` on in which the mouth has left the rest it had just before."""
    rest = film.between(begin_ns - REST_NS, begin_ns).grey[:, mouth].astype(np.float64)
    later = film.between(begin_ns, film.at_ns[-1])
    if not len(rest) or not len(later.at_ns):
        return None
    distance = np.linalg.norm(later.grey[:, mouth] - rest.mean(0), axis=1)
    usual = np.linalg.norm(rest - rest.mean(0), axis=1)
    moved = np.flatnonzero(distance > np.clip(STILL * usual.max(), *(share * distance.max() for share in MOVED)))
    return int(later.at_ns[moved[0]]) if len(moved) else None
