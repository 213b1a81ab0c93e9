"""A trace: what crossed the bus, with the content behind the handles, as an MCAP file (mcap.dev/spec).

One channel per topic holds the second frames as they were, ``TOPIC/content`` the content, directly before its message:
int16 little endian for sound, H.264 (Annex B) for packets. Pictures have none, the H.264 is the picture; only what a
replay says has a small one instead, to compare. log_time is
when the recorder had the message, publish_time when it was sent, both on the one clock; the metadata tells what that
clock was in the world's time.
"""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import mcap.records
import msgpack
import numpy as np
from attrs import define, frozen
from mcap.writer import Writer

from protocol import codec, container, jsonschema, schema, topics
from protocol.clock import SECOND, now_ns
from protocol.envelope import Envelope
from protocol.errors import Malformed, ProtocolError
from protocol.messages import Packet

VERSION = 1  # of what stands in the channels; a newer one is refused
NAME = "visavis"  # of the metadata record
FLUSH_NS = SECOND  # of a call, a recorder that is killed loses no more
CHUNK_BYTES = 1 << 18  # about: what a reader holds at a time
CONTENT = {"mic": np.dtype("<i2"), "voice": np.dtype("<i2"), "packet": np.dtype("u1"), "frame": np.dtype("u1")}
ENCODINGS = {"mic": "pcm-s16le", "voice": "pcm-s16le", "packet": "h264-annexb", "frame": "luma-16x9"}


class BadTrace(ProtocolError):
    """A file that is no trace, or is one up to the place that the message names."""


@frozen
class Metadata:
    """wall_minus_clock_ns: to be added to a time of the trace for nanoseconds since 1970. session: the only one that
    was recorded, "" for all. schema: a hash of protocol/schema.json. redacted: see protocol/redact.py.
    """

    version: int
    wall_minus_clock_ns: int
    utc_offset_s: int
    schema: str
    redacted: bool
    session: str

    def local_time(self, at_ns: int) -> datetime:
        """Of a time of the trace, where it was recorded."""
        return datetime.fromtimestamp((at_ns + self.wall_minus_clock_ns) / SECOND + self.utc_offset_s, UTC).replace(
            tzinfo=None
        )


@frozen(eq=False)
class Record:
    """A message of the trace. content: int16 or uint8 [n], None where there was none. log_ns: when it was recorded."""

    envelope: Envelope
    message: object
    content: np.ndarray | None
    log_ns: int


def decodable(records: Iterable[Record]) -> Iterator[Record]:
    """The packets among them that an H.264 decoder can take: of each call from a key frame on, up to the next gap."""
    before: dict[str, tuple[int, int]] = {}
    for record in records:
        if not isinstance(record.message, Packet) or record.content is None:
            continue
        session, boot, seq = record.envelope.session, record.envelope.boot, record.envelope.seq
        if record.message.key or before.get(session) == (boot, seq - 1):
            before[session] = (boot, seq)
            yield record


class _File:
    """What the MCAP writer writes to: unbuffered, and cut to whole records where the disk is full."""

    def __init__(self, path: Path):
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            raise FileExistsError(f"{path} is there already; a trace is never written over") from error
        self.bytes = 0
        self.failed = self.closed = False

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            self.failed = True
            os.ftruncate(self._fd, self.bytes)
            raise
        self.bytes += len(data)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True
        os.close(self._fd)


class TraceWriter:
    """Makes the file, for its owner only. All methods raise OSError; after one only close() may be called."""

    def __init__(self, path: Path, session: str = "", redacted: bool = False):
        self._file = _File(path)
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES)
        self._flushed_ns = now_ns()
        try:
            self._writer.start(profile=NAME)
            self._writer.add_metadata(NAME, _described(session, redacted))
        except OSError:
            self.close()
            raise
        self._channels: dict[str, int] = {}
        for topic in topics.TABLE:
            if topic.recorded:
                self._add_channels(topic)

    def _add_channels(self, topic: topics.Topic) -> None:
        described = json.dumps(jsonschema.of_body(topic.type)).encode()
        number = self._writer.register_schema(topic.type.__name__, "jsonschema", described)
        self._channels[topic.name] = self._writer.register_channel(topic.name, "msgpack", number)
        if topic.name in CONTENT:
            name = _content_of(topic.name)
            self._channels[name] = self._writer.register_channel(name, ENCODINGS[topic.name], 0)

    @property
    def bytes(self) -> int:
        """On the disk so far."""
        return self._file.bytes

    def write(self, envelope: Envelope, body: bytes, log_ns: int, content: np.ndarray | None = None) -> None:
        """body: the second frame of the message, on a recorded topic."""
        stamps = {"log_time": log_ns, "publish_time": envelope.sent_ns, "sequence": envelope.seq % 2**32}
        if content is not None:
            data = content.astype(CONTENT[envelope.topic], copy=False).tobytes()
            self._writer.add_message(self._channels[_content_of(envelope.topic)], data=data, **stamps)
        self._writer.add_message(self._channels[envelope.topic], data=body, **stamps)
        if envelope.session and log_ns - self._flushed_ns >= FLUSH_NS:
            self._writer.flush()
            self._flushed_ns = log_ns

    def close(self) -> None:
        """Writes what is missing for a whole file, unless writing has failed. Does nothing the second time."""
        if self._file.closed:
            return
        try:
            if not self._file.failed:
                self._writer.finish()
        finally:
            self._file.close()


def _content_of(topic: str) -> str:
    return f"{topic}/content"


def _described(session: str, redacted: bool) -> dict[str, str]:
    return {
        "version": str(VERSION),
        "wall_minus_clock_ns": str(time.time_ns() - now_ns()),
        "utc_offset_s": str(time.localtime().tm_gmtoff),
        "schema": hashlib.sha256(schema.text().encode()).hexdigest()[:16],
        "redacted": str(int(redacted)),
        "session": session,
    }


def _understood(described: dict[str, str]) -> Metadata:
    numbers = {name: int(described[name]) for name in ("version", "wall_minus_clock_ns", "utc_offset_s")}
    if numbers["version"] > VERSION:
        raise ValueError(f"it has format {numbers['version']}, newer than {VERSION}, the newest known here")
    return Metadata(
        **numbers, schema=described["schema"], redacted=described["redacted"] == "1", session=described["session"]
    )


@define
class _Place:
    """How far the reading of a file has come."""

    path: Path
    offset: int = 0  # bytes
    messages: int = 0
    first_ns: int | None = None
    last_ns: int = 0

    def bad(self, reason: str) -> BadTrace:
        seconds = 0.0 if self.first_ns is None else (self.last_ns - self.first_ns) / SECOND
        return BadTrace(f"{self.path}: {reason} (at byte {self.offset}, {seconds:.1f} s, {self.messages} messages in)")


class TraceReader:
    """Each iteration gives all Records in the order of the file, then raises BadTrace where it is damaged.

    It holds one chunk at a time. ``skipped``: messages of the last iteration by topics that are unknown here.
    Making one raises OSError, and BadTrace for what is no trace or a newer one.
    """

    def __init__(self, path: Path):
        self._path = Path(path)
        self.skipped: Counter[str] = Counter()
        place = _Place(self._path)
        with closing(self._entries(place)) as entries:
            head = next((one for one in entries if not isinstance(one, mcap.records.Header)), None)
        if not isinstance(head, mcap.records.Metadata) or head.name != NAME:
            raise place.bad(f"an MCAP file, but not of {NAME}")
        try:
            self.metadata = _understood(head.metadata)
        except (ValueError, KeyError) as error:
            raise place.bad(f"its metadata cannot be used: {error}") from error

    def __iter__(self) -> Iterator[Record]:
        place, names, contents = _Place(self._path), {}, {}
        self.skipped.clear()
        for entry in self._entries(place):
            if isinstance(entry, mcap.records.Channel):
                names[entry.id] = entry.topic
            if not isinstance(entry, mcap.records.Message):
                continue
            if entry.channel_id not in names:
                raise place.bad(f"a message on channel {entry.channel_id}, which is nowhere described")
            topic, _, is_content = names[entry.channel_id].partition("/")
            if is_content:
                contents[topic] = entry
            elif topic not in topics.BY_NAME:
                self.skipped[topic] += 1
            else:
                if place.first_ns is None:
                    place.first_ns = entry.log_time
                place.last_ns = entry.log_time
                yield self._record(place, topic, entry, contents.pop(topic, None))
                place.messages += 1

    def _entries(self, place: _Place) -> Iterator[mcap.records.McapRecord]:
        with self._path.open("rb") as file:
            try:
                for place.offset, entry in container.records(file):
                    yield entry
            except container.Damaged as error:
                place.offset = error.offset
                raise place.bad(str(error)) from error

    @staticmethod
    def _record(place: _Place, topic: str, entry, before) -> Record:
        """before: the latest content on its topic."""
        content = None
        try:
            envelope, message = codec.decode([_route(topic, entry.data), entry.data])
            if before is not None and topic in CONTENT and before.sequence == entry.sequence:
                content = np.frombuffer(before.data, CONTENT[topic]).astype(CONTENT[topic].type)
        except (Malformed, ValueError) as error:
            raise place.bad(f"message {place.messages + 1}, on {topic}, cannot be read: {error}") from error
        return Record(envelope, message, content, entry.log_time)


def _route(topic: str, body: bytes) -> bytes:
    """The first frame of a message; for bytes that are none, any: decoding them says why."""
    try:
        return codec.route(topic, msgpack.unpackb(body)[0]["session"])
    except (ValueError, TypeError, LookupError, RecursionError, msgpack.UnpackException):
        return codec.route(topic, "")
