"""Where the mouth is and how it moves, seen from pictures alone, and how far it is from the sound.

No landmark model: while a face speaks, its mouth is where the picture darkens and brightens in step with the loudness
of the voice. That gives a mask, the mask gives an opening signal, and the signal's lag behind the loudness is the
skew.
"""

import numpy as np
from attrs import frozen

from protocol.clock import MS, SECOND
from tools.caller import AUDIBLE, RATE_HZ
from tools.recording import Picture, Sound, decoded

GRID = (160, 90)  # picture is reduced to this: 8 px a cell at 720p, a fifth of a mouth
STEP_MS = 10
MAX_LAG_MS = 300
STILL = 6.0  # a mouth moves when it leaves its rest by this many deviations of the rest


@frozen(eq=False)
class Opening:
    """The mouth's opening in arbitrary units, one value a picture. ``at_ns``: int64 [n], ``value``: float64 [n]."""

    at_ns: np.ndarray
    value: np.ndarray


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


def loudness(heard: Sound, times_ns: np.ndarray, width_ms: int = 60) -> np.ndarray:
    """Root mean square of the sound around each time, compressed as an ear does (power 0.5). float64 [n]."""
    half = width_ms * RATE_HZ // 2000
    total = np.concatenate([[0.0], np.cumsum(heard.pcm.astype(np.float64) ** 2)])
    at = (times_ns - heard.start_ns) * RATE_HZ // SECOND
    first, last = np.clip(at - half, 0, len(heard.pcm)), np.clip(at + half, 0, len(heard.pcm))
    return ((total[last] - total[first]) / (2 * half)) ** 0.25


def first_audible_ns(heard: Sound, begin_ns: int, end_ns: int) -> int | None:
    """When the first audible sample of [begin_ns, end_ns) arrived, its packet's own delay included."""
    first = max(0, (begin_ns - heard.start_ns) * RATE_HZ // SECOND)
    last = max(0, (end_ns - heard.start_ns) * RATE_HZ // SECOND)
    audible = np.flatnonzero(np.abs(heard.pcm[first:last].astype(np.int32)) > AUDIBLE)
    if not len(audible):
        return None
    block, inside = divmod(first + int(audible[0]), RATE_HZ // 50)
    return int(heard.arrivals_ns[block]) + inside * SECOND // RATE_HZ


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's r over the first axis, the rest broadcast."""
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0) + 1e-9)


def opening(film: Film, heard: Sound) -> Opening | None:
    """None where nothing in the picture follows the voice."""
    times_ns, pictures = film.at_ns, film.grey.astype(np.float32)
    if len(times_ns) < 15:
        return None
    best = np.zeros(pictures.shape[1:])
    for lag_ms in range(-120, 121, 40):
        loud = loudness(heard, times_ns - lag_ms * MS)
        best = np.minimum(best, _correlation(pictures, loud[:, None, None]))  # an open mouth is dark
    score = -best * pictures.std(0)
    mask = (best < -0.35) & (score >= np.sort(score, axis=None)[-40])
    if mask.sum() < 4:
        return None
    return Opening(times_ns, -pictures[:, mask].mean(1).astype(np.float64))


def first_movement_ns(mouth: Opening, rest_end_ns: int) -> int | None:
    """The first picture after ``rest_end_ns`` in which the mouth is not at rest; at rest it was before."""
    rest = mouth.value[mouth.at_ns < rest_end_ns]
    if len(rest) < 5:
        return None
    threshold = max(STILL * rest.std(), 0.06 * np.ptp(mouth.value))
    moved = np.flatnonzero((mouth.at_ns >= rest_end_ns) & (np.abs(mouth.value - np.median(rest)) > threshold))
    return int(mouth.at_ns[moved[0]]) if len(moved) else None


def lag_ms(mouth: Opening, heard: Sound, begin_ns: int, end_ns: int) -> float | None:
    """How far the mouth is behind the loudness over [begin_ns, end_ns), by their correlation's peak; negative: ahead."""
    times_ns = np.arange(begin_ns, end_ns, STEP_MS * MS)
    if len(times_ns) < 50:
        return None
    mouth_value = np.interp(times_ns, mouth.at_ns, mouth.value)
    lags_ms = np.arange(-MAX_LAG_MS, MAX_LAG_MS + 1, STEP_MS)
    match = np.array([_correlation(mouth_value, loudness(heard, times_ns - lag * MS)) for lag in lags_ms])
    peak = int(match.argmax())
    if match[peak] < 0.3 or peak in (0, len(lags_ms) - 1):
        return None
    left, middle, right = match[peak - 1 : peak + 2]
    return float(lags_ms[peak] + STEP_MS * 0.5 * (left - right) / (left - 2 * middle + right))
