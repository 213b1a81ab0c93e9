"""``visavis record OUT.mcap``: what crosses the bus, with its sound and pictures, until Ctrl-C.

With --ring it records all the time, into files of which the oldest go. A trace holds what was said and seen: it is
readable for its owner only. With --redact it has neither words nor sound nor likeness.
"""

import argparse
import math
import re
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import zmq

from protocol import codec, topics
from protocol.bus import Bus
from protocol.clock import now_ns
from protocol.envelope import Envelope
from protocol.errors import Malformed
from protocol.messages import Session
from protocol.redact import redacted
from protocol.trace import CONTENT, TraceWriter
from shm.errors import BadHandle
from shm.ring import Reader, Restarted, Stale
from tools.errors import ToolError

EVERY_S = 0.02  # to be woken for each message would cost as much again
MOST_AT_ONCE = 1000  # messages, before it is looked whether to stop
MOST_STREAMS = 4096  # whose numbers are remembered
FILES = 8  # of a ring
LEAST_MB, USUAL_MB = 16, 500  # of a ring
MB = 1_000_000
TAIL_BYTES = MB  # the last chunk may still add to a file
INDEX = 0.02  # of a file, and so much its index
NAMED = re.compile(r"\d{8}T\d{6}\.\d{3}Z\.mcap")  # by ring files' start


class RecordingStopped(ToolError):
    """The trace can be written no further."""


class Recorder:
    """Takes the messages off the bus into one trace after the other. ``counts``: "reason topic" to number of losses."""

    def __init__(self, session: str, redact: bool):
        self._session, self._redact = session, redact
        self._reader = Reader()
        self._rings: dict[str, set[tuple[str, int]]] = {}  # by call, as path and generation
        self._seen: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._calls: dict[str, tuple[Envelope, Session, bytes]] = {}  # in progress
        self.counts: Counter[str] = Counter()
        self.messages = 0

    def begin(self, trace: TraceWriter) -> None:
        """Of a further file: it must tell by itself which calls there are."""
        for envelope, message, body in self._calls.values():
            self._write(trace, envelope, message, body, now_ns())

    def hear(self, trace: TraceWriter, frames: list[bytes], log_ns: int) -> None:
        """Takes a message as it came. Raises OSError where the trace cannot be written."""
        name = frames[0].partition(b"/")[0].decode("ascii", "replace")
        if name not in topics.BY_NAME or not topics.BY_NAME[name].recorded:
            return
        try:
            envelope, message = codec.decode(frames)
        except Malformed:
            self.counts[f"malformed {name}"] += 1
            return
        self.take(trace, envelope, message, frames[1], log_ns)

    def take(self, trace: TraceWriter, envelope: Envelope, message: object, body: bytes, log_ns: int) -> None:
        """Takes a message that is decoded already."""
        is_of_another = envelope.session not in ("", self._session) and self._session != ""
        if is_of_another or not self._is_new(envelope):
            return
        self._write(trace, envelope, message, body, log_ns)
        if isinstance(message, Session):
            self._calls[envelope.session] = (envelope, message, body)
            if message.state == "closed":
                del self._calls[envelope.session]
                for ring, generation in self._rings.pop(envelope.session, ()):
                    self._reader.drop(ring, generation)

    def _write(self, trace: TraceWriter, envelope: Envelope, message: object, body: bytes, log_ns: int) -> None:
        content = None
        if self._redact:
            body = codec.encode(*redacted(envelope, message))[1]
        elif envelope.topic in CONTENT and envelope.topic != "frame":
            content = self._content(envelope, message)
        trace.write(envelope, body, log_ns, content)
        self.messages += 1

    def _content(self, envelope: Envelope, message):
        if message.handle is None:
            self.counts[f"no content of {envelope.topic}"] += 1
            return None
        if envelope.session in self._calls:
            self._rings.setdefault(envelope.session, set()).add((message.handle.ring, message.handle.generation))
        try:
            content = self._reader.read(message.handle)
        except BadHandle:
            self.counts[f"malformed {envelope.topic}"] += 1
            return None
        if isinstance(content, Stale | Restarted):
            self.counts[f"no content of {envelope.topic}"] += 1
            return None
        return content

    def _is_new(self, envelope: Envelope) -> bool:
        """Whether it is here for the first time; counts those that should have come before it."""
        key = (envelope.actor, envelope.topic, envelope.session)
        boot, seq = self._seen.pop(key, (envelope.boot, envelope.seq - 1))
        is_new = boot != envelope.boot or envelope.seq > seq
        if boot == envelope.boot and is_new:
            self.counts[f"lost {envelope.topic}"] += envelope.seq - seq - 1
        self._seen[key] = (envelope.boot, envelope.seq) if is_new else (boot, seq)
        if len(self._seen) > MOST_STREAMS:
            del self._seen[next(iter(self._seen))]
        return is_new


class Files:
    """Where the trace goes: ``out``, or a ring of files in a folder. Raises OSError."""

    def __init__(self, out: Path | None, ring: Path | None, most_bytes: int, session: str, redact: bool):
        self._ring, self._most_bytes = ring, most_bytes
        self._session, self._redact = session, redact
        self.path = out  # of the file in the making
        self._closed_bytes = 0
        if ring is not None:
            ring.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.trace = self._open()

    def _open(self) -> TraceWriter:
        if self._ring is not None:
            self._make_room()
            milliseconds = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3]
            self.path = self._ring / f"{milliseconds}Z.mcap"
        return TraceWriter(self.path, self._session, self._redact)

    def _make_room(self) -> None:
        """For one more file."""
        files = sorted(path for path in self._ring.iterdir() if NAMED.fullmatch(path.name))
        sizes = [path.stat().st_size for path in files]
        while sum(sizes) > self._most_bytes * (FILES - 1) // FILES:
            files.pop(0).unlink()
            sizes.pop(0)

    def turn_over(self) -> bool:
        """Goes on with a new file where this one is full; whether it did."""
        if self._ring is None or self.trace.bytes < (1 - INDEX) * self._most_bytes / FILES - TAIL_BYTES:
            return False
        self.close()
        self._closed_bytes += self.trace.bytes
        self.trace = self._open()
        return True

    @property
    def bytes(self) -> int:
        """Of all that were written."""
        return self._closed_bytes + self.trace.bytes

    def close(self) -> None:
        self.trace.close()


def _most_mb(word: str) -> int:
    if not (word.isdecimal() and int(word) >= LEAST_MB):
        raise argparse.ArgumentTypeError(f"{word} is no whole number of at least {LEAST_MB}")
    return int(word)


def arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("out", type=Path, nargs="?", metavar="OUT.mcap", help="the file to make")
    where.add_argument("--ring", type=Path, metavar="FOLDER", help="record into files here, of which the oldest go")
    parser.add_argument("--max-mb", type=_most_mb, default=USUAL_MB, help="of all files of a ring (%(default)s)")
    parser.add_argument("--session", default="", metavar="ID", help="only this call")
    parser.add_argument("--redact", action="store_true", help="without words, sound and likeness")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop by itself")


def run(args: argparse.Namespace) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    bus = Bus("record", [topic.type for topic in topics.TABLE if topic.recorded])
    try:
        kept = bus.connect()
        files = Files(args.out, args.ring, args.max_mb * MB, args.session, args.redact)
        recorder, began = Recorder(args.session, args.redact), time.monotonic()
        print(f"recording to {args.ring or args.out}; Ctrl-C stops it", flush=True)
        try:
            for envelope, message in [*kept, *bus.receive()]:
                recorder.take(files.trace, envelope, message, codec.encode(envelope, message)[1], now_ns())
            while not stop.wait(EVERY_S) and time.monotonic() - began < args.seconds:
                with suppress(zmq.Again):
                    for _ in range(MOST_AT_ONCE):
                        recorder.hear(files.trace, bus.socket.recv_multipart(zmq.NOBLOCK), now_ns())
                if files.turn_over():
                    recorder.begin(files.trace)
            files.close()
        except OSError as error:
            raise RecordingStopped(
                f"recording stopped: {files.path}: {error.strerror} after {recorder.messages} messages"
            ) from error
        finally:
            files.close()
    finally:
        bus.close()
    lost = ", ".join(f"{count} {name}" for name, count in sorted(recorder.counts.items()) if count)
    print(
        f"{args.ring or args.out}: {time.monotonic() - began:.1f} s, {recorder.messages} messages, "
        f"{files.bytes / MB:.1f} MB; lost: {lost or 'nothing'}"
    )
    return 0
