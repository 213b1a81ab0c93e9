"""What stays of a message without words and likeness, and that nothing else does."""

import pytest
from attrs import evolve, fields

from protocol import codec, topics
from protocol import messages as m
from protocol.envelope import Envelope
from protocol.redact import redacted
from tests.test_codec import EXAMPLES, wrap

RECORDED = [one for one in EXAMPLES if topics.of(one).recorded]
SECRET = "x" * 43  # also fits where an id of a user is expected
LIKENESS = 0.625
FREE = (str, tuple[str, ...])
PUBLIC = {"actor", "engine"}  # text that a program says about itself


def with_secrets(message):
    """The message with the secret in every text of it, and the likeness in every tuple of a face."""
    changes = {}
    for one in fields(type(message)):
        if one.type in FREE and one.name not in PUBLIC | {"names"}:
            changes[one.name] = SECRET if one.type is str else (SECRET,) * len(getattr(message, one.name))
        elif isinstance(message, m.Face) and one.type == tuple[float, ...]:
            changes[one.name] = (LIKENESS,) * len(getattr(message, one.name))
    return evolve(message, **changes)


def body(message) -> bytes:
    return codec.encode(wrap(message), message)[1]


@pytest.mark.parametrize("example", RECORDED, ids=lambda example: type(example).__name__)
def test_no_text_of_any_message_is_left(example):
    said = with_secrets(example)
    assert SECRET.encode() not in body(redacted(wrap(said), said)[1])


@pytest.mark.parametrize("example", RECORDED, ids=lambda example: type(example).__name__)
def test_what_is_left_is_a_message_that_can_be_read(example):
    envelope, blank = redacted(wrap(example), example)
    assert codec.decode(codec.encode(envelope, blank)) == (envelope, blank)


def test_there_are_texts_to_take_away():
    assert {type(one) for one in RECORDED if SECRET.encode() in body(with_secrets(one))} >= {
        m.Transcript, m.Reply, m.Phones, m.Session, m.Turn, m.Health, m.KeyframeRequest
    }  # fmt: skip


def test_a_face_is_at_rest_and_has_its_time():
    face = with_secrets(m.Face(frame=9, offset_ns=40, weights=(0.5,) * 52))
    _, blank = redacted(wrap(face), face)
    assert (blank.frame, blank.offset_ns) == (9, 40)
    assert not any((*blank.weights, *blank.head_rad, *blank.head_m, *blank.gaze_rad))


def test_a_sentence_has_the_times_of_its_sounds_but_not_which_they_were():
    spoken = m.Phones(
        sentence=2,
        start_ms=5,
        names=("hh", "ay"),
        ends_ms=(80, 200.5),
        words=("hi",),
        word_starts_ms=(5,),
        word_ends_ms=(200.5,),
    )
    _, blank = redacted(wrap(spoken), spoken)
    assert (blank.sentence, blank.names, blank.ends_ms) == (2, ("pau", "pau"), (80, 200.5))
    assert (blank.words, blank.word_starts_ms, blank.word_ends_ms) == ((), (), ())


def test_the_envelope_stays():
    reply = m.Reply(sentence=0, text=SECRET)
    envelope = wrap(reply, turn=4, cause="mic:4d:9", valid=False)
    assert redacted(envelope, reply) == (envelope, m.Reply(sentence=0, text=""))


def test_a_type_that_nobody_decided_upon_is_not_recorded():
    with pytest.raises(KeyError):
        redacted(Envelope(topic="sync", actor="a", boot=1, seq=1, sent_ns=0), m.Sync())
