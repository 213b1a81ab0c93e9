"""`visavis trace`: what is told of a trace, and that its files sound and look as the call did."""

import fractions
import wave

import av
import numpy as np
import pytest

from protocol import codec, topics
from protocol import messages as m
from protocol.clock import MS, SECOND
from protocol.envelope import Envelope
from protocol.trace import TraceWriter
from shm.handle import Handle
from tools.cli import main
from tools.mp4 import SOUND_HZ

BEGIN_NS = 5000 * SECOND
SOUND = Handle("/proc/12/fd/34", 5, 1, 1, (1600,), "int16")
BLOCK = SOUND_HZ // 50  # of 20 ms


class Trace:
    """Written message by message; ``at_ms`` from the call's first sound."""

    def __init__(self, path):
        self.path, self._writer = path, TraceWriter(path)
        self._numbers = {}

    def say(self, at_ms, message, content=None, session="call", turn=1, log_ms=None):
        topic = topics.of(message)
        number = self._numbers[topic.name] = self._numbers.get(topic.name, 0) + 1
        sent_ns = BEGIN_NS + int(at_ms * MS)
        head = Envelope(
            topic=topic.name, actor=topic.owner, session=session, turn=turn, boot=1, seq=number, sent_ns=sent_ns
        )
        log_ns = sent_ns if log_ms is None else BEGIN_NS + int(log_ms * MS)
        self._writer.write(head, codec.encode(head, message)[1], log_ns, content)

    def lose(self, topic):
        self._numbers[topic] += 1

    def close(self):
        self._writer.close()
        return self.path


@pytest.fixture
def trace(tmp_path):
    trace = Trace(tmp_path / "a.mcap")
    trace.say(0, m.Session(state="open"))
    return trace


def tone(samples, level):
    return np.full(samples, level, np.int16)


def speak(trace, blocks, level=4000):
    """A microphone of so many blocks, from 0 ms on."""
    for number in blocks:
        trace.say(20 * number, m.MicAudio(start_sample=320 * number), tone(320, level))


def reply(trace, at_ms, count=10, **progress):
    """A second of voice, the blocks louder and louder, and what Playout says: state to (ms, anchor ms, heard ms)."""
    for number in range(count):
        block = m.Voice(handle=SOUND, sample_rate_hz=16000, start_sample=1600 * number, sentence=0)
        trace.say(at_ms + number, block, tone(1600, 1000 * (number + 1)))
    for state, (said_ms, anchor_ms, heard_ms) in progress.items():
        anchor_ns = BEGIN_NS + anchor_ms * MS
        trace.say(said_ms, m.Playout(state=state.strip("_"), anchor_ns=anchor_ns, heard_ms=heard_ms))


def exported(path, *words):
    """(status, what the user said, what he heard), int16 at 48 kHz."""
    out = path.parent / "out"
    status = main(["trace", "export", str(path), "--out", str(out), *words])
    if not (out / "conversation.wav").exists():
        return status, None, None
    with wave.open(str(out / "conversation.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, SOUND_HZ)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return status, both[:, 0], both[:, 1]


def at(sound, ms):
    """The level around a time."""
    centre = ms * SOUND_HZ // 1000
    return int(np.median(sound[centre - 40 : centre + 40]))


def test_the_voice_is_heard_at_its_anchor_and_ends_where_it_was_stopped(trace):
    speak(trace, range(100))
    reply(trace, 300, started=(500, 500, 0), playing=(700, 500, 200), stopped=(950, 500, 450))
    status, user, heard = exported(trace.close())
    assert status == 0 and at(user, 700) in range(3900, 4100)
    assert not heard[: 498 * SOUND_HZ // 1000].any() and not heard[952 * SOUND_HZ // 1000 :].any()
    assert [round(at(heard, ms), -2) for ms in (550, 650, 750, 850)] == [1000, 2000, 3000, 4000]


def test_a_voice_that_was_held_goes_on_later_and_repeats_what_it_went_back_to(trace):
    speak(trace, range(100))
    reply(trace, 0, started=(500, 500, 0), held=(800, 500, 300), playing=(1200, 1000, 200), finished=(2000, 1000, 1000))
    _, _, heard = exported(trace.close())
    assert [round(at(heard, ms), -2) for ms in (750, 900, 1250, 1950)] == [3000, 0, 3000, 10000]


def test_a_block_of_the_microphone_that_is_missing_moves_nothing_else(trace):
    speak(trace, [*range(50), *range(60, 100)])
    _, user, _ = exported(trace.close())
    assert len(user) == 100 * BLOCK
    assert at(user, 900) in range(3900, 4100) and at(user, 1100) == 0 and at(user, 1300) in range(3900, 4100)


def test_what_was_kept_from_long_before_the_recording_makes_no_silence(tmp_path):
    trace = Trace(tmp_path / "a.mcap")
    trace.say(-3_600_000, m.Session(state="open"), log_ms=0)
    speak(trace, range(50))
    _, user, _ = exported(trace.close())
    assert len(user) == 50 * BLOCK


def pictures(count):
    """H.264 of grey pictures, each lighter; a key every ten."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 128, 128, "yuv420p"
    encoder.time_base, encoder.gop_size = fractions.Fraction(1, 30), 10
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast"}
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((192, 128), 40 + 4 * number, np.uint8), "yuv420p")
        frame.pts = number
        for packet in encoder.encode(frame):
            yield number, np.frombuffer(bytes(packet), np.uint8), packet.is_keyframe


def shown(path):
    """(ms, brightness) of each picture of the film."""
    with av.open(str(path.parent / "out" / "video.mp4")) as film:
        return [(round(one.time * 1000), round(float(one.to_ndarray()[:64].mean()))) for one in film.decode(video=0)]


def test_pictures_of_a_reply_are_seen_with_its_sound_and_others_when_they_came(trace):
    speak(trace, range(75))
    for number, data, key in pictures(30):
        offset_ns = (number - 10) * 33 * MS if number >= 10 else m.OUTSIDE_REPLY
        trace.say(33 * number, m.Packet(frame=number, offset_ns=offset_ns, key=key), data)
    reply(trace, 400, started=(600, 600, 0), finished=(1600, 600, 1000))
    exported(trace.close())
    seen = shown(trace.path)
    assert len(seen) == 30
    assert all(abs(ms - 33 * number) <= 1 for number, (ms, _) in enumerate(seen[:10]))
    assert all(abs(ms - (600 + 33 * number)) <= 1 for number, (ms, _) in enumerate(seen[10:]))


def test_after_a_lost_picture_the_film_goes_on_with_the_next_key(trace):
    speak(trace, range(50))
    for number, data, key in pictures(30):
        if number == 13:
            trace.lose("packet")
        else:
            trace.say(33 * number, m.Packet(frame=number, key=key), data)
    assert exported(trace.close())[0] == 0
    assert [round(ms / 33) for ms, _ in shown(trace.path)] == [*range(13), *range(20, 30)]


def test_a_trace_that_is_cut_short_is_told_and_exported_up_to_there(trace, capsys):
    rng = np.random.default_rng(0)
    for number in range(1000):
        noise = rng.integers(-9000, 9000, 320).astype(np.int16)
        trace.say(20 * number, m.MicAudio(start_sample=320 * number), noise)
    data = trace.close().read_bytes()
    trace.path.write_bytes(data[: len(data) // 2])
    assert main(["trace", "info", str(trace.path)]) == 1
    out, err = capsys.readouterr()
    assert "calls: call" in out and "\nmic " in out and "the file is cut short" in err and err.count("\n") == 1
    status, user, _ = exported(trace.path)
    assert status == 1 and len(user) > 250 * BLOCK
    assert "the file is cut short" in capsys.readouterr().err


def test_info_counts_what_was_lost_and_times_the_turns_even_without_their_sound(trace, capsys):
    trace.say(1000, m.Speech(state="ended", utterance=1, at_sample=0, at_ns=BEGIN_NS + 900 * MS))
    trace.say(1050, m.Turn(state="committed", utterance=1))
    for number in range(3):
        trace.say(1060, m.Voice(handle=SOUND, sample_rate_hz=16000, start_sample=1600 * number, sentence=0))
        trace.lose("voice")
    for state, ms in (("started", 1100), ("finished", 1400)):
        trace.say(ms, m.Playout(state=state, anchor_ns=BEGIN_NS + 1100 * MS, heard_ms=0))
    assert main(["trace", "info", str(trace.close())]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["voice", "3", "0.00", "2"] in rows
    assert ["TURN", "COMMIT", "FIRST", "AUDIO", "HEARD"] in rows and ["1", "150", "160", "200"] in rows


def test_a_trace_of_several_calls_asks_which_with_their_names(trace, capsys):
    speak(trace, range(10))
    trace.say(5, m.Session(state="open"), session="other")
    trace.close()
    assert exported(trace.path)[0] == 1
    assert "has 2 calls: say which with --session: call, other" in capsys.readouterr().err
    assert exported(trace.path, "--session", "call")[0] == 0


def test_a_trace_without_content_is_refused_in_words(trace, capsys):
    trace.say(10, m.Dialogue(state="idle"))
    assert exported(trace.close())[0] == 1
    assert "has neither sound nor pictures of this call" in capsys.readouterr().err
