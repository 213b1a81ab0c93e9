"""The pure parts of `visavis bench talk`: where silence begins, and where pauses are put in."""

import numpy as np
import pytest

from actors.tts.timing import Timing
from protocol.clock import MS, SECOND
from tools.bench import _barge, _pauses, talk
from tools.caller import AUDIBLE, BLOCK, RATE_HZ
from tools.recording import Sound

DELAY_NS = 7 * MS


def heard(*stretches_ms: tuple[int, int], length_ms: int = 4000) -> Sound:
    """Audible from ... to ..., each packet arriving DELAY_NS after its time."""
    pcm = np.zeros(length_ms * 48, np.int16)
    for start, end in stretches_ms:
        pcm[start * 48 : end * 48] = 5000
    arrivals = np.arange(len(pcm) // BLOCK) * 20 * MS + SECOND + DELAY_NS
    return Sound(pcm, SECOND, arrivals)


def at(ms: float) -> int:
    return SECOND + int(ms * MS)


def test_silence_begins_after_the_last_audible_sample_as_it_arrived():
    assert _barge.silence_after(heard((0, 1200), (2500, 3500)), at(1000)) == pytest.approx(207, abs=0.1)


def test_a_gap_between_words_is_no_silence():
    assert _barge.silence_after(heard((0, 1100), (1300, 1700)), at(1000)) == pytest.approx(707, abs=0.1)


def test_where_nothing_was_audible_nothing_is_measured():
    assert _barge.silence_after(heard((0, 100)), at(2000)) is None
    assert _barge.silence_after(heard((0, 100), (3500, 3800)), at(2000)) is None


def test_a_cough_is_short_and_loud_and_always_the_same():
    cough = _barge.cough()
    loud = np.flatnonzero(np.abs(cough.astype(int)) > AUDIBLE)
    assert (loud[-1] - loud[0]) / RATE_HZ < 0.16 and np.array_equal(cough, _barge.cough())


def test_pauses_are_put_between_the_words_and_nothing_is_lost():
    timing = Timing(
        samples=16000, names=("ah",), ends_ms=(1000.0,), words=("a", "b", "c"),
        word_starts_ms=(0.0, 300.0, 700.0), word_ends_ms=(280.0, 680.0, 1000.0),
    )  # fmt: skip
    pcm = np.arange(48_000, dtype=float) + 1
    made = _pauses.with_pauses(pcm, timing, [1, 1, 1], [300, 900])
    assert len(made) == 48_000 + 1200 * 48
    assert not made[290 * 48 : 590 * 48].any() and not made[990 * 48 : 1890 * 48].any()
    assert np.array_equal(made[made > 0], pcm)


def test_there_are_at_least_sixty_hesitant_utterances_and_some_could_be_over_at_their_pause():
    lines = _pauses.LINES.read_text().splitlines()
    assert len(lines) >= 60 and len(set(lines)) == len(lines)
    assert all("|" in line and line == line.lower() for line in lines)
    assert all(part.strip() for line in lines for part in line.split("|"))


def test_a_slope_is_that_of_most_and_none_of_too_few():
    points = [(0.0, 5.0), (1.0, 7.0), (2.0, 9.0), (3.0, 11.0), (4.0, 900.0)]
    assert talk.slope("ms_per_min", points)["ms_per_min"] == 2.0
    assert talk.slope("ms_per_min", points[:2]) == {"ms_per_min": None, "ms_per_min_95_pct": None}
