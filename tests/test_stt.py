"""The recogniser's machine, by a stream that only notes what it hears; and the real recognisers on real sounds."""

import gc
import json

import numpy as np
import pytest

from actors.stt.actor import HISTORY_SAMPLES, LATE_AUDIO_NS, MAX_SAMPLES, PARTIAL_NS, PRE_ROLL_SAMPLES, Stt
from actors.stt.cepstrum import ENOUGH_FRAMES, MEMORY_FRAMES, START_FRAMES, TYPICAL, Cepstrum
from actors.stt.pocketsphinx_engine import Pocketsphinx
from actors.stt.pronounce import pronounce
from actors.stt.whisper import FasterWhisper
from tests import tiny_whisper
from tests.microphone import BLOCK, RATE_HZ, blocks, in_a_room, recorded, speech, spoken

QUESTIONS = [
    "what is your name",
    "who are you",
    "what is your favorite color",
    "what music do you like",
    "can you tell me a joke",
    "where do you live",
    "tell me about splats",
    "hello vivi",
    "do you like my zzyzx",
]
PRONUNCIATIONS = {"vivi": "V IY V IY", "splats": "S P L AE T S"}


class Tape:
    """Hears sample values that count up; its words say how many it heard."""

    def __init__(self):
        self.utterances = []
        self.asked = 0
        self.hearing = False

    def begin(self):
        assert not self.hearing
        self.hearing = True
        self.utterances.append(np.empty(0, np.int16))

    def feed(self, samples):
        assert self.hearing and samples.dtype == np.int16
        self.utterances[-1] = np.concatenate([self.utterances[-1], samples])

    def partial(self):
        return f"about {len(self.utterances[-1]) // RATE_HZ} seconds"

    def words(self):
        self.asked += 1
        return f"{len(self.utterances[-1])} samples"

    def end(self):
        assert self.hearing
        self.hearing = False


def counted(start, stop):
    """Blocks whose samples are their positions."""
    return blocks(np.arange(start, stop, dtype=np.int64).astype(np.int16), start)


def run(stt, *inputs, now_ns=None):
    """Every input in a step of its own, when it was sent. Returns (stage, utterance, text)."""
    said = []
    for one in inputs:
        said += stt.step([one], one.envelope.sent_ns if now_ns is None else now_ns)
    return [(o.message.stage, o.message.utterance, o.message.text) for o in said]


def test_an_utterance_is_heard_from_400_ms_before_it_was_noticed_to_its_end():
    tape = Tape()
    said = run(
        Stt(tape), *counted(0, 16000), speech("started", 1, 14400), *counted(16000, 32000), speech("ended", 1, 28800)
    )
    assert np.array_equal(tape.utterances[0], np.arange(14400 - PRE_ROLL_SAMPLES, 32000).astype(np.int16))
    assert said[-1] == ("final", 1, f"{32000 - 14400 + PRE_ROLL_SAMPLES} samples")
    assert not tape.hearing


def test_nothing_is_said_while_nobody_speaks():
    assert run(Stt(Tape()), *counted(0, 160000)) == []


def test_partials_come_when_they_changed_and_at_most_five_a_second():
    stt = Stt(Tape())
    run(stt, speech("started", 1, 0))
    times = []
    for one in counted(0, 5 * RATE_HZ):
        times += [(one.envelope.sent_ns, o.message.text) for o in stt.step([one], one.envelope.sent_ns)]
    assert [text for _, text in times] == [f"about {n} seconds" for n in range(5 + 1)][: len(times)]
    assert all(late - early >= PARTIAL_NS for (early, _), (late, _) in zip(times, times[1:], strict=False))


def test_words_are_provisional_at_a_pause_and_final_at_its_end_without_asking_again():
    tape = Tape()
    said = run(
        Stt(tape),
        speech("started", 1, 0),
        *counted(0, 16000),
        speech("paused", 1, 12800),
        *counted(16000, 20480),
        speech("ended", 1, 12800),
    )
    assert said[-2:] == [("provisional", 1, "16000 samples"), ("final", 1, "16000 samples")]
    assert tape.asked == 1


def test_words_after_a_resumed_pause_are_in_the_final_text():
    said = run(
        Stt(Tape()),
        speech("started", 1, 0),
        *counted(0, 16000),
        speech("paused", 1, 12800),
        *counted(16000, 20480),
        speech("resumed", 1, 19200),
        *counted(20480, 32000),
        speech("ended", 1, 31000),
    )
    assert said[-1] == ("final", 1, "32000 samples")


def test_no_partial_comes_between_a_provisional_text_and_what_follows_it():
    pause = [speech("started", 1, 0), *counted(0, 16000), speech("paused", 1, 12800), *counted(16000, 48000)]
    stages = [stage for stage, _, _ in run(Stt(Tape()), *pause)]
    assert stages[-1] == "provisional"


def test_speech_known_before_its_audio_came_misses_nothing():
    tape = Tape()
    said = run(Stt(tape), speech("started", 1, 9600), *counted(0, 32000), speech("ended", 1, 30000))
    assert np.array_equal(tape.utterances[0], np.arange(9600 - PRE_ROLL_SAMPLES, 32000).astype(np.int16))
    assert said[-1][0] == "final"


def test_an_end_that_overtakes_the_audio_waits_for_it():
    tape = Tape()
    stt = Stt(tape)
    run(stt, speech("started", 1, 0), *counted(0, 16000))
    end = speech("ended", 1, 19200)
    assert run(stt, end) == []
    said = run(stt, *counted(16000, 20480))
    assert [(stage, utterance) for stage, utterance, _ in said] == [("final", 1)]
    assert len(tape.utterances[0]) == 19200


def test_an_end_whose_audio_never_comes_is_final_in_time_and_caused_by_the_end():
    stt = Stt(Tape())
    run(stt, speech("started", 1, 0), *counted(0, 16000))
    end = speech("ended", 1, 19200)
    now = end.envelope.sent_ns
    assert list(stt.step([end], now)) == []
    assert stt.wake_ns == now + LATE_AUDIO_NS
    (final,) = stt.step([], stt.wake_ns)
    assert final.message.stage == "final" and final.cause is end
    assert stt.wake_ns is None


def test_lost_audio_becomes_silence_of_the_same_length():
    tape = Tape()
    run(Stt(tape), speech("started", 1, 0), *counted(0, 6400), *counted(9600, 16000))
    heard = np.arange(16000).astype(np.int16)
    heard[6400:9600] = 0
    assert np.array_equal(tape.utterances[0], heard)


def test_a_block_that_comes_twice_is_heard_once():
    tape = Tape()
    audio = counted(0, 6400)
    run(Stt(tape), speech("started", 1, 0), *audio[:15], *audio[10:])
    assert np.array_equal(tape.utterances[0], np.arange(6400).astype(np.int16))


def test_an_utterance_whose_end_was_lost_ends_when_the_next_one_starts():
    tape = Tape()
    stt = Stt(tape)
    run(stt, speech("started", 1, 0), *counted(0, 16000))
    said = run(stt, speech("started", 2, 16000), *counted(16000, 20480), speech("ended", 2, 20000))
    assert [(stage, utterance) for stage, utterance, _ in said if stage == "final"] == [("final", 1), ("final", 2)]


def test_an_utterance_whose_end_never_comes_ends_by_itself():
    said = run(Stt(Tape()), speech("started", 1, 0), *counted(0, MAX_SAMPLES + 2 * BLOCK))
    assert said[-1][:2] == ("final", 1)


def test_an_end_of_speech_that_began_before_this_machine_is_ignored():
    assert run(Stt(Tape()), *counted(0, 6400), speech("paused", 7, 3200), speech("ended", 7, 3200)) == []


def test_no_more_than_two_seconds_are_kept_while_nobody_speaks():
    tape = Tape()
    late = speech("started", 1, 10)
    run(Stt(tape), *counted(0, 160000), late)
    assert len(tape.utterances[0]) <= HISTORY_SAMPLES + BLOCK


def test_a_cepstrum_is_learnt_quickly_and_forgotten_slowly():
    first = Cepstrum(TYPICAL, START_FRAMES).heard(np.full(13, 5.0), 100)
    assert np.allclose(first.mean, (START_FRAMES * np.array(TYPICAL) + 500) / (START_FRAMES + 100))
    assert not first.known and first.heard(np.zeros(13), ENOUGH_FRAMES).known
    assert first.heard(np.zeros(13), 10000).frames == MEMORY_FRAMES


def test_a_kept_cepstrum_comes_back_and_a_broken_one_is_refused_by_name(tmp_path):
    path = tmp_path / "folder" / "cepstrum.json"
    assert Cepstrum.load(path) == Cepstrum(TYPICAL, START_FRAMES)
    kept = Cepstrum(range(13), 400)
    kept.save(path)
    assert Cepstrum.load(path) == Cepstrum(range(13), START_FRAMES)
    for broken in ("[1, 2]", "[1", json.dumps([float("nan")] * 13)):
        path.write_text(broken)
        with pytest.raises(ValueError, match="cepstrum.json"):
            Cepstrum.load(path)


def test_words_made_of_known_words_get_their_sounds_and_others_none():
    known = {"blend": "B L EH N D", "shape": "SH EY P", "joke": "JH OW K", "face": "F EY S", "dog": "D AO G"}
    assert pronounce("blendshape", known.get) == "B L EH N D SH EY P"
    assert pronounce("jokes", known.get) == "JH OW K S"
    assert pronounce("face's", known.get) == "F EY S IH Z"
    assert pronounce("dog's", known.get) == "D AO G Z"
    assert pronounce("zzyzx", known.get) is None


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def sphinx(cache):
    engine = Pocketsphinx(QUESTIONS, cache, PRONUNCIATIONS)
    if reason := engine.missing():
        pytest.skip(reason)
    engine.load()
    engine.warm()
    yield engine
    engine.close()


def words(engine, samples, stream=None):
    stream = stream or engine.open()
    stream.begin()
    for i in range(0, len(samples), BLOCK):
        stream.feed(samples[i : i + BLOCK])
    text = stream.words()
    stream.end()
    return text


@pytest.mark.parametrize("voice", ["rms", "awb"])
@pytest.mark.parametrize("question", ["what is your favorite color", "can you tell me a joke", "where do you live"])
def test_questions_of_the_persona_are_understood(sphinx, voice, question):
    assert words(sphinx, in_a_room(spoken(question, voice))) == question


def test_words_that_no_dictionary_has_are_understood(sphinx):
    assert words(sphinx, in_a_room(spoken("tell me about splats"))) == "tell me about splats"


def test_other_speech_is_not_forced_into_a_question(sphinx):
    heard = words(sphinx, in_a_room(spoken("my sister works at the hospital in the city")))
    assert heard not in QUESTIONS
    assert {"sister", "hospital"} <= set(heard.split())


def test_words_without_sounds_are_left_out_and_counted(tmp_path, caplog):
    engine = Pocketsphinx(QUESTIONS, tmp_path, PRONUNCIATIONS)
    engine.load()
    assert "1 of 9 questions left out" in caplog.text
    assert "zzyzx" not in caplog.text
    engine.close()


def test_a_broken_memory_of_the_microphone_is_said_and_replaced(tmp_path, caplog):
    (tmp_path / "cepstrum.json").write_text("[1, 2]")
    engine = Pocketsphinx(QUESTIONS, tmp_path, PRONUNCIATIONS)
    engine.load()
    assert "cepstrum.json: a mean cepstrum has 13 finite numbers" in caplog.text
    assert engine.last_good == Cepstrum()
    engine.close()


def test_without_questions_speech_is_understood_by_the_general_model(tmp_path):
    engine = Pocketsphinx([], tmp_path)
    engine.load()
    assert "sister" in words(engine, in_a_room(spoken("my sister works at the hospital in the city")))
    engine.close()


def test_partial_words_grow_with_the_speech(sphinx):
    stream = sphinx.open()
    stream.begin()
    seen = []
    samples = in_a_room(spoken("what is your favorite color"))
    for i in range(0, len(samples), BLOCK):
        stream.feed(samples[i : i + BLOCK])
        seen.append(stream.partial())
    stream.end()
    assert seen[0] == "" and seen[-1] == "what is your favorite color"
    assert any(seen[-1].startswith(text) and text != seen[-1] for text in seen if text)


def test_a_quiet_and_a_loud_microphone_are_understood_from_the_first_words(sphinx):
    question = spoken("what is your favorite color", "awb")
    for loudness in (0.1, 1.0):
        assert words(sphinx, in_a_room((question * loudness).astype(np.int16))) == "what is your favorite color"


def test_silence_gives_no_words(sphinx):
    assert words(sphinx, np.zeros(16000, np.int16)) == ""
    stream = sphinx.open()
    stream.begin()
    assert stream.words() == ""
    stream.end()


def test_two_calls_speak_at_once(sphinx):
    first, second = sphinx.open(), sphinx.open()
    one, other = in_a_room(spoken("what is your favorite color")), in_a_room(spoken("can you tell me a joke"))
    first.begin()
    second.begin()
    for i in range(0, max(len(one), len(other)), BLOCK):
        for stream, samples in ((first, one), (second, other)):
            if i < len(samples):
                stream.feed(samples[i : i + BLOCK])
    assert (first.words(), second.words()) == ("what is your favorite color", "can you tell me a joke")
    first.end()
    second.end()


def test_a_call_that_is_cut_off_in_mid_speech_gives_its_decoder_back(sphinx):
    decoder = sphinx.take()
    sphinx.give(decoder)
    stream = sphinx.open()
    stream.begin()
    stream.feed(np.ones(BLOCK, np.int16))
    del stream
    gc.collect()
    assert sphinx.take() is decoder
    sphinx.give(decoder)
    assert words(sphinx, in_a_room(spoken("where do you live"))) == "where do you live"


def test_what_was_learnt_about_a_microphone_outlives_the_process(tmp_path):
    engine = Pocketsphinx(QUESTIONS, tmp_path, PRONUNCIATIONS)
    engine.load()
    before = engine.last_good
    stream = engine.open()
    for _ in range(2):
        words(engine, in_a_room(spoken("what is your favorite color")), stream)
    engine.close()
    again = Pocketsphinx(QUESTIONS, tmp_path, PRONUNCIATIONS)
    again.load()
    assert again.last_good == engine.last_good != before
    again.close()


def test_a_person_is_understood(sphinx):
    samples, text = recorded("austen-0880")
    stream = sphinx.open()
    heard = words(sphinx, in_a_room(samples), stream)
    assert len(set(heard.split()) & set(text.split())) >= 5  # of 8 words; the model of a wheel is no wonder


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    tiny_whisper.make(models / "whisper-tiny")
    engine = FasterWhisper(models)
    engine.load()
    engine.warm()
    yield engine
    engine.close()


def test_without_a_model_the_command_that_gets_one_is_named(tmp_path):
    assert "visavis models fetch whisper-base.en" in FasterWhisper(tmp_path).missing()
    (tmp_path / "whisper-half").mkdir()
    (tmp_path / "whisper-half" / "model.bin").touch()
    assert FasterWhisper(tmp_path).missing() is not None


def test_with_a_model_nothing_is_missing(whisper):
    assert whisper.missing() is None


def test_whisper_says_the_same_for_the_same_sound_and_other_words_for_another(whisper):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3000, 2 * RATE_HZ).astype(np.int16)
    tone = (8000 * np.sin(np.arange(2 * RATE_HZ) * 0.3)).astype(np.int16)
    assert words(whisper, noise) == words(whisper, noise) != ""
    assert words(whisper, noise) != words(whisper, tone)


def test_whisper_makes_its_partials_once_a_second(whisper, monkeypatch):
    lengths = []
    text = whisper.text
    monkeypatch.setattr(whisper, "text", lambda samples: lengths.append(len(samples)) or text(samples))
    stream = whisper.open()
    stream.begin()
    for _ in range(3 * RATE_HZ // BLOCK):
        stream.feed(np.full(BLOCK, 100, np.int16))
        stream.partial()
    stream.feed(np.full(BLOCK, 100, np.int16))
    assert stream.words() == stream.words()
    assert lengths == [RATE_HZ, 2 * RATE_HZ, 3 * RATE_HZ, 3 * RATE_HZ + BLOCK]


def test_an_utterance_starts_whisper_afresh(whisper):
    stream = whisper.open()
    tone = (8000 * np.sin(np.arange(RATE_HZ) * 0.3)).astype(np.int16)
    alone = words(whisper, tone, stream)
    words(whisper, np.full(RATE_HZ, 50, np.int16), stream)
    assert words(whisper, tone, stream) == alone
    stream.begin()
    assert stream.words() == ""


def test_a_whole_utterance_goes_through_machine_and_recogniser(sphinx):
    stt = Stt(sphinx.open())
    samples = in_a_room(spoken("what music do you like"))
    end = len(samples) - 12800
    audio = blocks(samples)
    early = next(i for i, one in enumerate(audio) if one.message.start_sample > 12800)
    said = run(stt, *audio[:early], speech("started", 1, 8000), *audio[early:], speech("ended", 1, end))
    assert said[-1] == ("final", 1, "what music do you like")
    assert len({text for stage, _, text in said if stage == "partial"}) >= 2
