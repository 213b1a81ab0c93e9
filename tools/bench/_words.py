"""Which words of a reply arrived: each is looked for in what was heard, in their order, by correlation."""

import numpy as np
from scipy.signal import correlate

from protocol.clock import SECOND
from tools.caller import RATE_HZ, Tape
from tools.recording import sound
from tools.reference import Reference

SAME = 0.5  # correlation from which it is the word; another one, or noise, stays below 0.3
LEAST_S = 0.12  # of sound that is looked for: the shortest words sound like parts of others
AHEAD_S = 8.0  # how much later than the word before it a word may come
NEAR = RATE_HZ // 50  # samples in which the best place is looked for
EARLIER_S = 0.4  # a reply may go back some way where its voice was lost


def timeline(tapes: list[Tape], begin_ns: int, end_ns: int) -> np.ndarray:
    """What was heard over all connections, silence between them: float64 at 48 kHz."""
    whole = np.zeros((end_ns - begin_ns) * RATE_HZ // SECOND)
    for tape in tapes:
        if len(tape.arrivals) < 2:
            continue
        heard = sound(tape)
        first = (heard.start_ns - begin_ns) * RATE_HZ // SECOND
        a, b = max(0, first), min(len(whole), first + len(heard.pcm))
        whole[a:b] = heard.pcm[a - first : b - first] if b > a else 0
    return whole


def lost_words(wanted: Reference, heard: np.ndarray) -> tuple[int, int]:
    """(words that are missing in ``heard``, words). heard: float64 at 48 kHz."""
    words = [times for one in wanted.phones for times in zip(one.word_starts_ms, one.word_ends_ms, strict=True)]
    at, lost = 0, 0
    for start_ms, end_ms in words:
        first = int(start_ms * RATE_HZ / 1000)
        part = wanted.pcm[first : max(int(end_ms * RATE_HZ / 1000), first + int(LEAST_S * RATE_HZ))]
        place = find(part, heard, max(0, at - int(EARLIER_S * RATE_HZ)))
        if place is None:
            lost += 1
        else:
            at = place + len(part)
    return lost, len(words)


def find(part: np.ndarray, heard: np.ndarray, begin: int) -> int | None:
    """Where ``part`` is first heard from ``begin`` on."""
    window = heard[begin : begin + int(AHEAD_S * RATE_HZ) + len(part)]
    if len(window) < len(part):
        return None
    same = _same(part, window)
    found = np.flatnonzero(same > SAME)
    if not len(found):
        return None
    return begin + int(found[0] + same[found[0] : found[0] + NEAR].argmax())


def best(part: np.ndarray, heard: np.ndarray) -> int | None:
    """Where ``part`` is heard most clearly."""
    same = _same(part, heard)
    return int(same.argmax()) if same.max() > SAME else None


def _same(part: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The correlation of ``part`` with each place of ``window``, 1 for the same."""
    match = correlate(window, part, mode="valid", method="fft")
    energy = np.concatenate([[0], np.cumsum(window**2)])
    local = np.sqrt(np.maximum(energy[len(part) :] - energy[: -len(part)], 1))
    return match / (local * np.linalg.norm(part))
