"""The wire form: what comes out is what went in, and nothing else comes out."""

import random

import msgpack
import pytest

from protocol import codec, schema, topics
from protocol import messages as m
from protocol.envelope import Envelope
from protocol.errors import Malformed
from shm.handle import Handle

HANDLE = Handle("/proc/12/fd/34", 5, 1, 1, (320,), "int16")
PLANES = Handle("/proc/12/fd/34", 5, 1, 1, (1080, 1280), "uint8")

EXAMPLES = (
    m.Session(state="open"),
    m.MicAudio(handle=HANDLE, start_sample=640),
    m.Speech(state="paused", utterance=3, at_sample=100, at_ns=5),
    m.Transcript(utterance=1, stage="final", text="hello"),
    m.Turn(state="committed", utterance=1),
    m.Reply(sentence=0, text="Hi.", last=True, mood="happy"),
    m.Dialogue(state="thinking"),
    m.Voice(handle=HANDLE, sample_rate_hz=16000, start_sample=0, sentence=0),
    m.Phones(
        sentence=0,
        start_ms=0,
        names=("hh", "ay"),
        ends_ms=(80, 200.5),
        words=("hi",),
        word_starts_ms=(0,),
        word_ends_ms=(200.5,),
    ),
    m.Face(frame=9, weights=(0.5,) * 52),
    m.Frame(handle=PLANES, frame=9, width=1280, height=720),
    m.Packet(handle=Handle("/proc/12/fd/34", 5, 1, 1, (99,), "uint8"), frame=9, key=True),
    m.Playout(state="started", anchor_ns=10, heard_ms=0),
    m.KeyframeRequest(reason="PLI"),
    m.Bitrate(bits_per_s=1_000_000),
    m.Health(actor="vad", state="ready", pid=7, counts={"late mic": 2}),
    m.Handover(actor="stt", state="asked"),
    m.BusUp(),
    m.Sync(),
    m.Exchange(
        state="over",
        utterance=1,
        parts=("hi",),
        sentences=("Hello.",),
        word_sentences=(0,),
        word_starts_ms=(0.0,),
        word_ends_ms=(1.0,),
    ),
    m.Floor(state="taken", from_ms=1250.5),
)


def wrap(message, **fields) -> Envelope:
    return Envelope(topic=topics.of(message).name, actor="test", session="s1", boot=77, seq=1, sent_ns=5, **fields)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_every_message_survives_the_wire(message):
    envelope = wrap(message, turn=4, cause="mic:4d:9", valid=False)
    assert codec.decode(codec.encode(envelope, message)) == (envelope, message)


def test_there_is_an_example_of_every_topic():
    assert {type(example) for example in EXAMPLES} == {topic.type for topic in topics.TABLE}


def rewritten(message, envelope_changes=(), message_changes=()):
    route, body = codec.encode(wrap(message), message)
    envelope, fields = msgpack.unpackb(body)
    return [route, msgpack.packb([{**envelope, **dict(envelope_changes)}, {**fields, **dict(message_changes)}])]


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "0 frames"),
        ([b"nonsense/s", b""], "topic 'nonsense'"),
        ([b"\xff\xfe/s", b""], "topic"),
        ([b"turn/s1", b"\xc1"], "turn"),
        ([b"turn/s1", b""], "turn"),
        ([b"turn/s1", msgpack.packb(5)], "not a pair"),
        ([b"turn/s1", msgpack.packb([{}, {}])], "topic"),
        ([b"turn/s1", msgpack.packb([None, None])], "turn"),
        ([b"turn/s1", b"\x91" * 5000], "turn"),
        ([b"turn/s1", b"\xc6\xff\xff\xff\xff"], "turn"),
        ([b"turn/s1", bytes(codec.MAX_BYTES + 1)], "more than 1048576"),
        (rewritten(m.Turn(state="committed"), {"seq": "1"}), "expected int, got str"),
        (rewritten(m.Turn(state="committed"), {"seq": True}), "expected int, got bool"),
        (rewritten(m.Turn(state="committed"), {"session": "../x"}), "session"),
        (rewritten(m.Turn(state="committed"), {"session": "s2"}), "envelope says"),
        (rewritten(m.Turn(state="committed"), {"topic": "reply"}), "envelope says"),
        (rewritten(m.Turn(state="committed"), {}, {"state": "maybe"}), "maybe"),
        (rewritten(EXAMPLES[8], {}, {"names": ["hh", "xx"]}), "1 that are no phones"),
        (rewritten(EXAMPLES[8], {}, {"ends_ms": [1.0]}), "1 ends_ms for 2 names"),
        (rewritten(EXAMPLES[8], {}, {"words": []}), "1 word_starts_ms for 0 words"),
        (rewritten(m.Face(frame=1, weights=(0.0,) * 52), {}, {"weights": [0.0] * 51}), "51 items, not 52"),
        (rewritten(m.Face(frame=1, weights=(0.0,) * 52), {}, {"weights": [float("nan")] * 52}), "not finite"),
        (rewritten(m.Face(frame=1, weights=(0.0,) * 52), {}, {"weights": "a" * 52}), "Face|face"),
        (rewritten(EXAMPLES[10], {}, {"width": 640}), r"not \(1080, 640\) uint8"),
        (rewritten(EXAMPLES[1], {}, {"handle": {"ring": "/etc/shadow"}}), "mic"),
        (rewritten(m.Reply(sentence=0, text="x"), {}, {"text": "x" * 4001}), "4000"),
        (rewritten(m.Bitrate(bits_per_s=100_000), {}, {"bits_per_s": 10**12}), "bits_per_s"),
    ],
)
def test_bytes_that_are_no_message_are_refused_with_topic_and_reason(frames, reason):
    with pytest.raises(Malformed, match=reason):
        codec.decode(frames)


def test_random_damage_is_refused_or_understood_but_never_raises_anything_else():
    random_bytes = random.Random(5)
    for message in EXAMPLES:
        route, body = codec.encode(wrap(message), message)
        for _ in range(200):
            damaged = bytearray(body)
            for _ in range(random_bytes.randint(1, 4)):
                damaged[random_bytes.randrange(len(damaged))] = random_bytes.randrange(256)
            try:
                codec.decode([route, bytes(damaged)])
            except Malformed as error:
                assert str(error)


def test_a_newer_program_may_add_fields():
    message = m.Turn(state="committed", utterance=2)
    assert codec.decode(rewritten(message, {"colour": 1}, {"mood": "new"}))[1] == message


def test_an_older_program_may_lack_fields_that_have_defaults():
    route, body = codec.encode(wrap(message := m.Reply(sentence=0, text="Hi.")), message)
    envelope, fields = msgpack.unpackb(body)
    del envelope["cause"], envelope["valid"], fields["mood"], fields["last"]
    assert codec.decode([route, msgpack.packb([envelope, fields])])[1] == message


def test_the_checked_in_schema_is_that_of_the_code():
    assert schema.FILE.read_text() == schema.text(), "run python -m protocol.schema > protocol/schema.json"


def test_every_topic_has_one_type_and_an_owner():
    assert (
        len({topic.type for topic in topics.TABLE}) == len({topic.name for topic in topics.TABLE}) == len(topics.TABLE)
    )
    assert {topic.owner for topic in topics.TABLE} <= {*topics.ACTORS, topics.ANY_ACTOR, "bus"}
    assert {topic.name for topic in topics.TABLE if topic.slots} == {
        topics.of(example).name for example in EXAMPLES if hasattr(example, "handle")
    }
