"""A message without what somebody said or looks like: every time, number and state stays, words and likeness go.

The two tables name every field of every recorded type; a test compares them with the types, so that a new field is
decided upon before it is recorded.
"""

import functools
from collections.abc import Callable, Mapping

from attrs import evolve, fields

from protocol import messages as m
from protocol.envelope import Envelope

KEPT: Mapping[type, tuple[str, ...]] = {
    m.Session: ("state", "width", "height", "fps"),
    m.MicAudio: ("handle", "sample_rate_hz", "start_sample"),
    m.Speech: ("state", "utterance", "at_sample", "at_ns"),
    m.Transcript: ("utterance", "stage"),
    m.Turn: ("state", "utterance"),
    m.Reply: ("sentence", "last", "mood", "token_ns"),
    m.Exchange: ("state", "utterance", "heard_ms", "cut"),
    m.Floor: ("state", "from_ms"),
    m.Dialogue: ("state",),
    m.Voice: ("handle", "sample_rate_hz", "start_sample", "sentence", "last"),
    m.Phones: ("sentence", "start_ms", "ends_ms", "last", "mood"),
    m.Face: ("frame", "offset_ns"),
    m.Frame: ("handle", "frame", "offset_ns", "width", "height", "quality"),
    m.Packet: ("handle", "frame", "offset_ns", "key", "quality"),
    m.Playout: ("state", "anchor_ns", "heard_ms"),
    m.KeyframeRequest: (),
    m.Bitrate: ("bits_per_s",),
    m.Handover: ("actor", "state"),
    m.Health: (
        *("actor", "engine", "state", "pid", "sessions"),
        *("cpu_percent", "memory_bytes", "lag_ms", "step_ms", "counts"),
    ),
}


def _nothing(value):
    """As empty as its type can be."""
    return type(value)()


def _zeros(numbers: tuple[float, ...]) -> tuple[float, ...]:
    return (0.0,) * len(numbers)


def _pauses(names: tuple[str, ...]) -> tuple[str, ...]:
    return ("pau",) * len(names)


BLANKED: Mapping[type, Mapping[str, Callable]] = {
    m.Session: {"reason": _nothing, "user": _nothing},
    m.Transcript: {"text": _nothing},
    m.Turn: {"reason": _nothing},
    m.Reply: {"text": _nothing},
    m.Exchange: {
        **{"parts": _nothing, "sentences": _nothing},
        **{"word_sentences": _nothing, "word_starts_ms": _nothing, "word_ends_ms": _nothing},
    },
    m.Phones: {"names": _pauses, "words": _nothing, "word_starts_ms": _nothing, "word_ends_ms": _nothing},
    m.Face: {"weights": _zeros, "head_rad": _zeros, "head_m": _zeros, "gaze_rad": _zeros},
    m.KeyframeRequest: {"reason": _nothing},
    m.Health: {"note": _nothing},
}


@functools.cache
def _plan(kind: type) -> Mapping[str, Callable]:
    kept = KEPT[kind]
    return {one.name: BLANKED[kind][one.name] for one in fields(kind) if one.name not in kept}


def redacted(envelope: Envelope, message: object) -> tuple[Envelope, object]:
    """The pair without words and likeness; the content behind its handle must stay away as well.

    Raises KeyError for a type or a field that is in no table.
    """
    return envelope, evolve(
        message, **{name: how(getattr(message, name)) for name, how in _plan(type(message)).items()}
    )
