"""When a reply is heard and seen to begin, and how far its picture is behind its sound.

No landmark model: the reply's text says what should have been heard and seen (reference.py). The sound is found in
what came back by correlation, the lips by asking at which delay the weights that should move the mouth explain most of
what moved in the picture. The difference of the two is the skew.
"""

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
CELLS = 24  # of the mouth, for its first movement
WINDOW = (14, 18)  # cells of a mouth with its chin, in a portrait that fills the picture
STILL = 6.0  # it moves when it leaves its rest by this many deviations of the rest
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


def _explained(film: Film, moved: np.ndarray, wanted: Reference, start_ns: int, lag_ms: float) -> np.ndarray:
    """How much of each cell's quick movement the reference explains at a lag, weighted by the share of all its
    movement that this is: a blink moves much, of which speech explains little. moved: _quick() of the film; float64
    [90, 160].
    """
    weights = np.array([wanted.track.mouth(float(at)) for at in (film.at_ns - start_ns) / MS - lag_ms])
    modes, size, _ = np.linalg.svd(_quick(weights), full_matrices=False)
    modes = modes[:, :MODES][:, size[:MODES] > 1e-6]
    explained = (np.tensordot(modes, moved, axes=(0, 0)) ** 2).sum(0)
    return explained**2 / ((moved**2).sum(0) + 1e-9)


def _mouth(explained: np.ndarray) -> np.ndarray:
    """The window of a mouth's size in which most is explained:

    bool [90, 160]. Eyes move as much by chance, but are small.
    """
    window = uniform_filter(np.sqrt(explained), WINDOW, mode="constant")
    row, column = np.unravel_index(window.argmax(), window.shape)
    mouth = np.zeros(explained.shape, bool)
    mouth[
        max(0, row - WINDOW[0] // 2) : row + WINDOW[0] // 2, max(0, column - WINDOW[1] // 2) : column + WINDOW[1] // 2
    ] = True
    return mouth


def lag_ms(film: Film, wanted: Reference, start_ns: int) -> float | None:
    """How far the lips of the film, which shows the reply, are behind its start at ``start_ns``; negative: ahead.

    None where the reply is too short to tell, or the lag is beyond LAGS_MS.
    """
    if len(film.at_ns) < ENOUGH:
        return None
    moved = _quick(film.grey.astype(np.float64))
    explained = [_explained(film, moved, wanted, start_ns, lag) for lag in LAGS_MS]
    mouth = _mouth(max(explained, key=lambda cells: cells[_mouth(cells)].sum()))
    match = np.array([cells[mouth].sum() for cells in explained])
    peak = int(match.argmax())
    if peak in (0, len(match) - 1):
        return None
    left, middle, right = match[peak - 1 : peak + 2]
    between = 0.5 * (left - right) / (left - 2 * middle + right)  # where a parabola through the three is highest
    return float(LAGS_MS[peak] + between * (LAGS_MS[1] - LAGS_MS[0]))


def first_movement_ns(film: Film, wanted: Reference, start_ns: int, rest: Film) -> int | None:
    """The first picture in which the mouth has left the rest it had in ``rest``, before the reply."""
    reply = film.between(start_ns, film.at_ns[-1])
    explained = _explained(reply, _quick(reply.grey.astype(np.float64)), wanted, start_ns, 0.0)
    explained = np.where(_mouth(explained), explained, 0.0)
    mouth = explained >= np.sort(explained, axis=None)[-CELLS]
    still = rest.grey[:, mouth].astype(np.float64)
    distance = np.linalg.norm(film.grey[:, mouth] - np.median(still, axis=0), axis=1)
    usual = np.linalg.norm(still - np.median(still, axis=0), axis=1)
    moved = np.flatnonzero(distance > max(STILL * usual.std() + usual.mean(), 0.1 * distance.max()))
    return int(film.at_ns[moved[0]]) if len(moved) else None
