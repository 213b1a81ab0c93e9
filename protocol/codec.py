"""Messages to bytes and back: msgpack on the wire, checked against the types on the way in.

The wire form is two frames, ``topic/session`` (what subscriptions match) and a msgpack array [envelope, message], each
a map of fields. Unknown fields are ignored and missing ones get their default, so that older and newer programs
understand each other.
"""

import msgpack
from cattrs import Converter
from cattrs.errors import CattrsError

from protocol import topics
from protocol.envelope import Envelope
from protocol.errors import Malformed

MAX_BYTES = 1 << 20  # no message comes near this; content travels as handles


def _exactly(kind: type):
    def check(value, _):
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
        return value

    return check


def _number(value, _) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return float(value)


_converter = Converter(detailed_validation=False)
for _kind in (int, str, bool):  # cattrs would coerce: int("5")
    _converter.register_structure_hook(_kind, _exactly(_kind))
_converter.register_structure_hook(float, _number)


def route(topic: str, session: str) -> bytes:
    """The first frame."""
    return f"{topic}/{session}".encode()


def encode(envelope: Envelope, message) -> list[bytes]:
    """The frames of a message."""
    body = msgpack.packb([_converter.unstructure(envelope), _converter.unstructure(message)])
    return [route(envelope.topic, envelope.session), body]


def decode(frames: list[bytes]) -> tuple[Envelope, object]:
    """The message in ``frames``. Raises Malformed, which names the topic and the reason."""
    name = bytes(frames[0][:40]).partition(b"/")[0].decode("ascii", "replace") if frames else ""
    topic = topics.BY_NAME.get(name)
    if topic is None or len(frames) != 2:
        raise Malformed(f"{len(frames)} frames on topic {name!r}")
    if len(frames[1]) > MAX_BYTES:
        raise Malformed(f"{name}: {len(frames[1])} bytes, more than {MAX_BYTES}")
    try:
        pair = msgpack.unpackb(frames[1], use_list=False)
        if type(pair) is not tuple or len(pair) != 2:
            raise TypeError("not a pair of envelope and message")
        envelope = _converter.structure(pair[0], Envelope)
        message = _converter.structure(pair[1], topic.type)
    # msgpack, cattrs and attrs raise these for bytes they cannot take; none of them is a fault of this program
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        msgpack.UnpackException,
        CattrsError,
    ) as error:
        raise Malformed(f"{name}: {type(error).__name__}: {str(error)[:200]}") from error
    if envelope.topic != name or frames[0] != route(name, envelope.session):
        raise Malformed(f"{name}: envelope says topic {envelope.topic!r}")
    return envelope, message
