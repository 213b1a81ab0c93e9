"""What the bus remembers, for whoever joins late, restarts or misses a message: the latest of every topic and call."""

from collections import Counter, OrderedDict

from attrs import field, frozen

from protocol import topics
from protocol.envelope import Envelope
from protocol.messages import Session, Turn

MOST_BYTES = 64_000_000  # a call takes 1 MB; a flood of invented ones must not fill the memory
MOST_STREAMS = 4096
MOST_MISSED = 1000  # messages that are looked for at a time


@frozen
class _Stream:
    """Who says what in which call."""

    session: str
    topic: str
    actor: str


@frozen(eq=False)
class _Kept:
    turn: int
    sent_ns: int
    frames: list[bytes] = field(repr=False)

    @property
    def size(self) -> int:
        return sum(map(len, self.frames))


class Journal:
    """A fold over the bus: ``take`` every message, ask at any time. How much of a topic is kept: topics.py."""

    def __init__(self):
        self._streams: dict[_Stream, OrderedDict[tuple[int, int], _Kept]] = {}  # each by boot and seq
        self._bytes: Counter[_Stream] = Counter()
        self._dead_turn: Counter[str] = Counter()

    def take(self, envelope: Envelope, message: object, frames: list[bytes]) -> None:
        """One that is here already, said again after the bus restarted, changes nothing."""
        topic, session = topics.BY_NAME[envelope.topic], envelope.session
        if isinstance(message, Session) and message.state == "closed":
            return self._close(session)
        if isinstance(message, Turn):
            self._end_turns(session, envelope.turn - (message.state == "committed"))
        if not topic.kept or (topic.dies_with_turn and envelope.turn <= self._dead_turn[session]):
            return
        stream = _Stream(session, topic.name, envelope.actor)
        if stream not in self._streams and len(self._streams) >= MOST_STREAMS:
            return
        kept, key = self._streams.setdefault(stream, OrderedDict()), (envelope.boot, envelope.seq)
        if key in kept:
            return
        kept[key] = _Kept(envelope.turn, envelope.sent_ns, frames)
        self._bytes[stream] += kept[key].size
        if len(kept) > topic.kept:
            self._drop(stream, next(iter(kept)))
        while self._bytes.total() > MOST_BYTES:
            longest = max(self._bytes, key=self._bytes.get)
            self._drop(longest, next(iter(self._streams[longest])))

    def _drop(self, stream: _Stream, key: tuple[int, int]) -> None:
        self._bytes[stream] -= self._streams[stream].pop(key).size
        if not self._streams[stream]:
            del self._streams[stream], self._bytes[stream]

    def _close(self, session: str) -> None:
        for stream in [one for one in self._streams if one.session == session]:
            del self._streams[stream], self._bytes[stream]
        self._dead_turn.pop(session, None)

    def _end_turns(self, session: str, last: int) -> None:
        """Turns up to ``last`` are dead."""
        self._dead_turn[session] = max(self._dead_turn[session], last)
        for stream in [one for one in self._streams if one.session == session]:
            if topics.BY_NAME[stream.topic].dies_with_turn:
                for key in [key for key, kept in self._streams[stream].items() if kept.turn <= last]:
                    self._drop(stream, key)

    def past(self, names: set[str]) -> list[bytes]:
        """All of the topics ``names``, two frames each, in the order in which they were sent."""
        found = [kept for stream, of in self._streams.items() if stream.topic in names for kept in of.values()]
        return [frame for kept in sorted(found, key=lambda kept: kept.sent_ns) for frame in kept.frames]

    def missed(self, session: str, topic: str, actor: str, boot: int, first: int, last: int) -> list[bytes]:
        """What is here of the messages ``first`` to ``last`` of a stream, two frames each, in order."""
        kept = self._streams.get(_Stream(session, topic, actor), {})
        found = [kept[boot, seq] for seq in range(max(first, last - MOST_MISSED + 1), last + 1) if (boot, seq) in kept]
        return [frame for one in found for frame in one.frames]
