"""When speech begins, pauses and ends, by a script of probabilities; and what the real network says to real sounds."""

import numpy as np
import pytest

from actors.step import Input
from actors.vad.activity import END_FRAMES, FRAME_MS, MAX_FRAMES
from actors.vad.actor import SILENT_NS, Vad
from actors.vad.silero import FRAME_SAMPLES, Silero
from protocol.clock import MS
from protocol.envelope import Envelope
from protocol.messages import Turn
from tests.microphone import BLOCK, RATE_HZ, at_ns, block, blocks, in_a_room, recorded, spoken


class Script:
    """Answers with the probabilities given, then with silence; keeps what it was fed."""

    def __init__(self, *probabilities: float):
        self._probabilities = list(probabilities)
        self.frames = []

    def probability(self, samples):
        self.frames.append(samples)
        return self._probabilities.pop(0) if self._probabilities else 0.0


def frames(count):
    """Blocks that hold ``count`` frames."""
    return [block(start) for start in range(0, count * FRAME_SAMPLES, BLOCK)]


def run(vad, inputs):
    """Each block when it is sent. Returns the messages with the frame after which each was said."""
    said = []
    for one in inputs:
        for output in vad.step([one], one.envelope.sent_ns):
            said.append(output.message)
            assert output.cause is one
    return said


def summary(said):
    """State and the frame where it happened."""
    return [(m.state, m.at_sample / FRAME_SAMPLES) for m in said]


def heard(probabilities, more_frames=END_FRAMES + 2):
    return summary(run(Vad(Script(*probabilities)), frames(len(probabilities) + more_frames)))


def test_speech_starts_where_it_became_loud_and_ends_where_it_became_quiet():
    assert heard([0.1] * 4 + [0.9] * 10) == [("started", 4), ("paused", 14), ("ended", 14)]


def test_a_click_of_64_ms_is_no_speech_and_96_ms_are():
    assert heard([0, 0.9, 0.9, 0]) == []
    assert heard([0, 0.9, 0.9, 0.9, 0])[0] == ("started", 1)


def test_a_gap_between_words_is_no_pause():
    assert heard([0.9] * 5 + [0.1] * 1 + [0.9] * 8) == [("started", 0), ("paused", 14), ("ended", 14)]


def test_speech_after_a_pause_resumes_the_same_utterance():
    said = run(Vad(Script(*[0.9] * 5, *[0.1] * 8, *[0.9] * 5)), frames(30 + END_FRAMES))
    assert summary(said) == [("started", 0), ("paused", 5), ("resumed", 13), ("paused", 18), ("ended", 18)]
    assert {m.utterance for m in said} == {1}


def test_a_click_in_a_pause_does_not_put_off_the_end():
    assert heard([0.9] * 5 + [0.1] * 8 + [0.9] + [0.1] * 5) == [("started", 0), ("paused", 5), ("ended", 5)]


def test_a_doubtful_sound_neither_starts_nor_ends_speech():
    assert heard([0.45] * 20) == []
    assert heard([0.9] * 5 + [0.45] * 30) == [("started", 0), ("paused", 35), ("ended", 35)]


def test_the_pause_is_known_after_64_ms_and_the_end_after_1600_ms():
    vad = Vad(Script(*[0.9] * 5))
    for one in frames(END_FRAMES + 10):
        for output in vad.step([one], one.envelope.sent_ns):
            known = one.message.start_sample + BLOCK - output.message.at_sample
            if output.message.state == "paused":
                assert 64 <= known / 16 < 64 + 20
            if output.message.state == "ended":
                assert 1600 <= known / 16 < 1600 + 20


def test_utterance_numbers_grow_by_one():
    said = run(Vad(Script(*([0.9] * 5 + [0] * 55) * 3)), frames(180))
    assert [(m.state, m.utterance) for m in said if m.state != "paused"] == [
        (state, number) for number in (1, 2, 3) for state in ("started", "ended")
    ]


def test_endless_speech_is_cut_at_30_seconds_and_goes_on_as_new_speech():
    said = heard([0.9] * (MAX_FRAMES + 10))
    assert 29.9 < MAX_FRAMES * FRAME_MS / 1000 <= 30
    assert said[:3] == [("started", 0), ("ended", MAX_FRAMES), ("started", MAX_FRAMES)]


def test_a_microphone_that_falls_silent_in_mid_speech_ends_the_utterance_in_time():
    vad = Vad(Script(*[0.9] * 50))
    inputs = frames(10)
    run(vad, inputs)
    last = inputs[-1]
    assert vad.wake_ns == last.envelope.sent_ns + SILENT_NS
    assert list(vad.step([], vad.wake_ns - 1)) == []
    (ended,) = vad.step([], vad.wake_ns)
    assert (ended.message.state, ended.message.at_sample) == ("ended", 10 * FRAME_SAMPLES)
    assert vad.wake_ns is None


def committed(utterance: int, state: str = "committed") -> Input:
    envelope = Envelope(topic="turn", actor="llm", turn=1, boot=1, seq=1, sent_ns=0)
    return Input(envelope, Turn(state=state, utterance=utterance))


def test_a_turn_that_is_certain_ends_its_utterance_where_it_became_quiet_and_what_follows_is_a_new_one():
    vad = Vad(Script(*[0.9] * 5, *[0.1] * 8, *[0.9] * 8))
    before = run(vad, frames(12)[:19])
    assert [m.state for m in before] == ["started", "paused"]
    turn = committed(1)
    (ended,) = vad.step([turn], at_ns(12 * FRAME_SAMPLES))
    assert (ended.message.state, ended.message.utterance, ended.message.at_sample) == ("ended", 1, 5 * FRAME_SAMPLES)
    assert ended.cause is turn and vad.wake_ns is None
    after = run(vad, frames(21)[19:])
    assert [(m.state, m.utterance) for m in after][:1] == [("started", 2)]


def test_turns_of_other_utterances_and_turns_that_die_change_nothing():
    vad = Vad(Script(*[0.9] * 20))
    run(vad, frames(10))
    assert not list(vad.step([committed(7), committed(1, "cancelled")], at_ns(10 * FRAME_SAMPLES)))
    assert vad.wake_ns is not None


def test_nothing_wakes_it_while_nobody_speaks():
    vad = Vad(Script())
    run(vad, frames(10))
    assert vad.wake_ns is None


def test_lost_audio_is_heard_as_silence_and_positions_stay_right():
    stream = Script(*[0.9] * 6, *[0.0] * 60, *[0.9] * 6)
    lost = 66 * FRAME_SAMPLES
    after = np.full(6 * FRAME_SAMPLES, 7, np.int16)
    said = run(Vad(stream), [*frames(6)[:9], *blocks(after, lost)])
    assert not any(samples.any() for samples in stream.frames[9 * BLOCK // FRAME_SAMPLES : 66])
    assert ("started", 66) in summary(said)


def test_after_a_long_loss_the_next_speech_is_where_it_was_spoken():
    vad = Vad(Script(*[0.9] * 6, *[0.0] * 62, *[0.9] * 9))
    far = 100 * RATE_HZ
    said = run(vad, [*frames(6), *blocks(np.zeros(10 * FRAME_SAMPLES, np.int16), far)])
    assert [m.state for m in said] == ["started", "paused", "ended", "started"]
    assert said[-2].at_sample == 6 * FRAME_SAMPLES
    assert abs(said[-1].at_sample - far) < FRAME_SAMPLES


def test_a_block_that_comes_twice_is_heard_once():
    stream = Script()
    inputs = frames(10)
    run(Vad(stream), [*inputs[:8], *inputs[4:]])
    assert len(stream.frames) == 10


def test_the_clock_of_a_moment_is_that_of_the_blocks_that_came_fastest():
    late = [block(i * BLOCK, late_ns=(30 * MS if i % 5 else 0)) for i in range(30)]
    (started, *_) = run(Vad(Script(*[0] * 4, *[0.9] * 10)), late)
    assert started.at_ns == pytest.approx(at_ns(4 * FRAME_SAMPLES), abs=MS)


@pytest.fixture(scope="module")
def silero():
    engine = Silero()
    if reason := engine.missing():
        pytest.skip(reason)
    engine.load()
    engine.warm()
    return engine


def speech_of(engine, samples):
    """(state, seconds) of what is said about the samples."""
    return [(m.state, m.at_sample / RATE_HZ) for m in run(Vad(engine.open()), blocks(samples))]


def test_a_frame_of_another_size_or_type_is_refused(silero):
    with pytest.raises(ValueError, match=r"int16 \[512\], not int16 \[320\]"):
        silero.open().probability(np.zeros(320, np.int16))
    with pytest.raises(ValueError, match="float32"):
        silero.open().probability(np.zeros(512, np.float32))


def test_noise_and_key_clicks_are_no_speech(silero):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 600, 10 * RATE_HZ)  # -35 dBFS
    clicks = rng.normal(0, 20, 10 * RATE_HZ)
    for start in range(0, len(clicks), RATE_HZ // 2):
        clicks[start : start + 400] += rng.normal(0, 9000, 400) * np.exp(-np.arange(400) / 80)
    assert speech_of(silero, noise.astype(np.int16)) == []
    assert speech_of(silero, clicks.astype(np.int16)) == []


def test_calls_do_not_disturb_each_other(silero):
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 3000, (20, FRAME_SAMPLES)).astype(np.int16)
    alone, one, other = silero.open(), silero.open(), silero.open()
    expected = [alone.probability(frame) for frame in samples]
    both = [(one.probability(frame), other.probability(frame[::-1].copy())) for frame in samples]
    assert [first for first, _ in both] == expected


def test_a_spoken_sentence_is_one_utterance_of_the_right_length(silero):
    sentence = spoken("what is your favorite color")
    loud = np.flatnonzero(np.abs(sentence) > 1000) / RATE_HZ + 0.5
    said = speech_of(silero, in_a_room(sentence, before_s=0.5, after_s=2.0))
    assert [state for state, _ in said] == ["started", "paused", "ended"]
    assert said[0][1] == pytest.approx(loud[0], abs=0.12)
    assert said[2][1] == pytest.approx(loud[-1], abs=0.12)


def test_a_recorded_sentence_is_one_utterance(silero):
    sentence, _ = recorded("austen-0880")
    said = speech_of(silero, in_a_room(sentence, after_s=2.0))
    assert [state for state, _ in said if state in ("started", "ended")] == ["started", "ended"]
    assert said[-1][1] - said[0][1] > 2.0  # of the recording's 3.0 s
