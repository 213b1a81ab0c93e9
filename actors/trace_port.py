"""In a Port's place while a trace is replayed: what was recorded comes in, what is said goes into another trace."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from attrs import evolve

from actors.step import Input, Output
from protocol import codec, topics
from protocol.envelope import Envelope
from protocol.messages import Frame, Turn
from protocol.trace import Record, TraceReader, TraceWriter, decodable
from shm.handle import Handle

NOWHERE = Handle("/proc/0/fd/0", 1, 0, 1, (0,), "uint8")  # content stands in the trace, not in shared memory
BOOT = 1


class TracePort:
    """``with`` it. ``now_ns``: the replay's clock. ``counts``: as a Port's. Raises BadTrace, OSError."""

    def __init__(self, actor: str, trace: Path, out: Path, hears: Iterable[type]):
        self._actor, self._hears = actor, set(hears)
        self._trace, self._path = trace, out
        self._out = TraceWriter(out)
        self.counts: Counter[str] = Counter()
        self.now_ns = 0
        self._sent: Counter[tuple[str, str]] = Counter()
        self._dead_turn: Counter[str] = Counter()

    def __enter__(self) -> "TracePort":
        return self

    def __exit__(self, *_) -> None:
        self._out.close()

    def inputs(self) -> Iterator[Input]:
        """What the actor hears, in the order of the trace."""
        pictures = _Pictures(self._trace) if Frame in self._hears else None
        for record in TraceReader(self._trace):
            envelope, message = record.envelope, record.message
            topic = topics.BY_NAME[envelope.topic]
            if isinstance(message, Turn):
                dead = envelope.turn if message.state == "cancelled" else envelope.turn - 1
                self._dead_turn[envelope.session] = max(self._dead_turn[envelope.session], dead)
            if type(message) not in self._hears:
                continue
            if topic.dies_with_turn and envelope.turn <= self._dead_turn[envelope.session]:
                self.counts[f"dead {topic.name}"] += 1
                continue
            content = pictures.of(record) if isinstance(message, Frame) else record.content
            if content is None and isinstance(message, Frame):
                self.counts["missing frame"] += 1
            else:
                yield Input(envelope, message, content)

    def publish(self, output: Output, session: str) -> Envelope:
        """Into the trace, at the replay's time."""
        topic, message, cause = topics.of(output.message), output.message, output.cause
        if topic.slots:
            content = output.content
            message = evolve(message, handle=evolve(NOWHERE, shape=content.shape, dtype=content.dtype.name))
        self._sent[topic.name, session] += 1
        envelope = Envelope(
            topic=topic.name,
            actor=self._actor,
            session=session,
            turn=output.turn if output.turn is not None else cause.envelope.turn if cause else 0,
            boot=BOOT,
            seq=self._sent[topic.name, session],
            sent_ns=self.now_ns,
            cause=cause.envelope.id if cause else "",
            valid=output.valid,
        )
        body = codec.encode(envelope, message)[1]
        self._out.write(
            envelope, body, self.now_ns, _small(output.content) if topic.name == "frame" else output.content
        )
        return envelope

    def forget(self, session: str) -> None:
        self._dead_turn.pop(session, None)


def _small(planes: np.ndarray) -> np.ndarray:
    """uint8 [144]: the mean brightness of 16 x 9 parts of a picture."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    rows, columns = (np.linspace(0, size, parts + 1).astype(int) for size, parts in ((height, 9), (width, 16)))
    sums = np.add.reduceat(np.add.reduceat(planes[:height].astype(np.int64), rows[:-1], 0), columns[:-1], 1)
    return np.rint(sums / np.outer(np.diff(rows), np.diff(columns))).astype(np.uint8).ravel()


class _Pictures:
    """The pictures that the H.264 of a trace shows: a trace has no others."""

    def __init__(self, trace: Path):
        self._packets = decodable(TraceReader(trace))
        self._decoders = {}  # by call
        self._shown: dict[tuple[str, int], np.ndarray] = {}

    def of(self, record: Record) -> np.ndarray | None:
        """uint8 [height * 3 / 2, width]; None where its packet is not in the trace or cannot be decoded."""
        wanted = (record.envelope.session, record.message.frame)
        while wanted not in self._shown:
            packet = next(self._packets, None)
            if packet is None:
                return None
            for frame in self._decode(packet):
                self._shown = {(packet.envelope.session, packet.message.frame): frame.to_ndarray(format="yuv420p")}
            if packet.envelope.session == wanted[0] and packet.message.frame > wanted[1]:
                return None
        return self._shown[wanted]

    def _decode(self, packet: Record) -> list:
        import av

        session = packet.envelope.session
        if session not in self._decoders:
            self._decoders[session] = av.CodecContext.create("h264", "r")
            self._decoders[session].flags |= av.codec.context.Flags.low_delay
        return self._decoders[session].decode(av.Packet(packet.content.tobytes()))
