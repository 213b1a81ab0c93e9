"""The flite voice streams what it says, and says beforehand when it will say it."""

import threading

import numpy as np
import pytest

from actors.tts import libflite
from actors.tts.flite import MAX_TEXT, VOICES, Flite
from actors.tts.timing import Timing

MISSING = Flite().missing()
SENTENCE = "I am happy to talk with you today, about anything you like."
PHONES = {
    "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "d", "dh", "eh", "er", "ey", "f", "g", "hh", "ih", "iy",
    "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "pau", "r", "s", "sh", "t", "th", "uh", "uw", "v", "w", "y",
    "z", "zh",
}  # fmt: skip

needs_flite = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.fixture(scope="module", params=VOICES)
def any_voice(request):
    engine = Flite(request.param)
    engine.load()
    engine.warm()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def voice():
    engine = Flite()
    engine.load()
    yield engine
    engine.close()


def speak(engine: Flite, text: str) -> tuple[Timing, list[np.ndarray]]:
    timing, *blocks = engine.speak(text)
    return timing, blocks


def loudness(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))


@needs_flite
def test_the_phones_end_where_the_sound_ends(any_voice):
    timing, blocks = speak(any_voice, SENTENCE)
    assert sum(map(len, blocks)) == timing.samples
    assert timing.ends_ms[-1] == timing.samples * 1000 / any_voice.sample_rate_hz
    assert all(block.dtype == np.int16 for block in blocks)


@needs_flite
def test_phones_and_words_are_those_of_the_text_in_order(any_voice):
    timing, _ = speak(any_voice, SENTENCE)
    assert set(timing.names) <= PHONES and timing.names[:4] == ("pau", "ay", "ae", "m")
    assert list(timing.ends_ms) == sorted(timing.ends_ms)
    assert " ".join(timing.words) == "i am happy to talk with you today about anything you like"
    assert timing.word_starts_ms[0] == 10
    for start, end, following in zip(
        timing.word_starts_ms, timing.word_ends_ms, (*timing.word_starts_ms[1:], timing.ends_ms[-1]), strict=True
    ):
        assert start < end <= following


@needs_flite
def test_the_voice_is_heard_while_phones_are_spoken_and_quiet_while_not(any_voice):
    timing, blocks = speak(any_voice, SENTENCE)
    sound = np.concatenate(blocks)
    starts = (0.0, *timing.ends_ms)
    loud = {"pau": [], "vowel": []}
    for name, start_ms, end_ms in zip(timing.names, starts, timing.ends_ms, strict=False):
        kind = "pau" if name == "pau" else "vowel" if name[0] in "aeiou" else None
        if kind:
            margin = 0.2 * (end_ms - start_ms)
            loud[kind].append(loudness(sound[round((start_ms + margin) * 16) : round((end_ms - margin) * 16)]))
    assert max(loud["pau"]) * 5 < min(loud["vowel"])


@needs_flite
def test_blocks_begin_small_and_grow_to_a_tenth_of_a_second(voice):
    _, blocks = speak(voice, SENTENCE)
    assert [len(block) for block in blocks[:5]] == [320, 640, 1280, 1600, 1600]
    assert {len(block) for block in blocks[3:-1]} == {1600}
    assert len(blocks[-1]) % 320 == 0


@needs_flite
@pytest.mark.parametrize(
    "text, gap_ms", [("Yes.", 200), ("Really?", 200), ('"No!"', 200), ("Well,", 100), ("and", 100)]
)
def test_the_silence_after_a_text_depends_on_its_last_mark_only(voice, text, gap_ms):
    timing, blocks = speak(voice, text)
    silence_ms = timing.ends_ms[-1] - timing.ends_ms[-2]
    assert timing.names[-1] == "pau" and gap_ms <= silence_ms < gap_ms + 21
    assert timing.names[0] == "pau" and timing.ends_ms[0] == 10


@needs_flite
def test_the_same_text_is_the_same_sound_whatever_was_said_between(voice):
    first = np.concatenate(speak(voice, SENTENCE)[1])
    half = voice.speak("Something else entirely, of some length.")
    next(half), next(half)
    half.close()
    assert np.array_equal(np.concatenate(speak(voice, SENTENCE)[1]), first)


@needs_flite
def test_a_voice_stops_within_the_piece_of_sound_in_which_it_is_told_to():
    pieces = []

    def three_pieces(utterance, sound):
        pieces.append(len(sound))
        return len(pieces) < 3

    libflite.open_voice("slt").speak(SENTENCE.encode(), three_pieces)
    assert pieces == [320, 320, 320]


@needs_flite
def test_an_error_in_the_callback_comes_out_in_python_and_the_voice_goes_on():
    def fail(utterance, sound):
        raise KeyError("lost")

    voice = libflite.open_voice("slt")
    with pytest.raises(KeyError, match="lost"):
        voice.speak(b"Hello.", fail)
    pieces = []
    voice.speak(b"Hello.", lambda utterance, sound: bool(pieces.append(sound)) or True)
    assert len(pieces) > 10


@needs_flite
def test_stopping_half_way_leaves_no_thread_and_no_lock():
    before = set(threading.enumerate())
    engine = Flite()
    engine.load()
    for _ in range(5):
        speech = engine.speak(SENTENCE)
        next(speech), next(speech)
        speech.close()
    assert speak(engine, "Still here.")[0].words == ("still", "here")
    engine.close()
    assert set(threading.enumerate()) == before


@needs_flite
def test_two_texts_in_progress_at_a_time_do_not_wait_for_each_others_listener(voice):
    alone = [np.concatenate(speak(voice, text)[1]) for text in (SENTENCE, "And another one.")]
    first = voice.speak(SENTENCE)
    next(first)
    second = np.concatenate(speak(voice, "And another one.")[1])
    assert np.array_equal(second, alone[1])
    assert np.array_equal(np.concatenate(list(first)), alone[0])


@needs_flite
def test_words_with_an_apostrophe_are_one_word_and_marks_are_none(voice):
    timing, _ = speak(voice, "It's Bob's plan A, a / b ? yes!")
    assert timing.words == ("it's", "bob's", "plan", "a", "a", "/", "b", "yes")


@needs_flite
@pytest.mark.parametrize(
    "text", ["", " ", "!?", "-", "%s%n", "a" * 40, "9" * 300, "' \" ( ) / $ % -", "x " * 240, "z" * 500]
)
def test_odd_text_gives_sound_of_the_length_that_was_announced(voice, text):
    timing, blocks = speak(voice, text)
    assert sum(map(len, blocks)) == timing.samples > 0
    assert len(timing.names) == len(timing.ends_ms) and timing.ends_ms[-1] == timing.samples / 16


@needs_flite
def test_text_that_flite_cannot_take_is_refused_with_its_size(voice):
    with pytest.raises(ValueError, match=f"text has {MAX_TEXT + 1} characters, more than {MAX_TEXT}"):
        next(voice.speak("a" * (MAX_TEXT + 1)))
    with pytest.raises(ValueError, match="text has 2 characters that are not printable ASCII"):
        next(voice.speak("naïve\0"))


def test_a_voice_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="no voice 'kal'; it has slt, rms, awb"):
        Flite("kal")


def test_a_missing_library_is_named_with_its_package(monkeypatch):
    def nothing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(libflite.ctypes, "CDLL", nothing)
    assert Flite().missing() == (
        "libflite_cmu_us_slt.so.1: cannot open shared object file: install the package libflite1"
        " (Debian and Ubuntu: apt-get install libflite1)"
    )
