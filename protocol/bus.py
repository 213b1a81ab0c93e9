"""A connection to the bus: publish, subscribe, and what was lost on the way.

Joining follows the Clone pattern of the ZeroMQ guide (chapter 5): subscribe, then take what the journal has, then drop
what it already had. "Subscribed" is known, not waited for: a Sync message that comes back has been through both
directions. A gap in the numbers of a stream is filled from the journal; what is not there either is lost, and counted.
A bus that restarted has an empty journal: each publisher says again what of it should be there.
"""

import logging
import secrets
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path

import zmq

from protocol import codec, topics
from protocol.clock import MS, SECOND, now_ns
from protocol.envelope import Envelope
from protocol.errors import BusUnreachable, Malformed, NotOwner
from protocol.messages import BusUp, Sync
from protocol.run import endpoint, run_folder

log = logging.getLogger(__name__)

SYNC_EVERY_MS = 10
RECONNECT_MS = 20  # a restarted bus is found again within this
MAX_BATCH = 1000  # messages of one receive(): as many as a socket queues by default
FILL_MS = 100  # so long the bus may take to look for what was missed
MOST_HELD = 500  # messages of a stream that are said again to a bus that restarted: of a microphone 10 s


class Bus:
    """``counts`` holds "filled TOPIC", "lost TOPIC" and "malformed TOPIC"; whoever owns the connection may add its own.

    hears: what is received. remembers: what connect() gives beside it, and nothing later.
    """

    def __init__(self, actor: str, hears: Iterable[type], folder: Path | None = None, remembers: Iterable[type] = ()):
        self.actor = actor
        self.boot = secrets.randbits(48)
        self.counts: Counter[str] = Counter()
        self._folder = folder or run_folder()
        self._topics = {topics.of(kind).name for kind in hears}
        self._remembers = {topics.of(kind).name for kind in remembers}
        self._sent: Counter[tuple[str, str]] = Counter()
        self._held: dict[tuple[str, str], deque[list[bytes]]] = {}
        self._bus_boot: int | None = None
        self._seen: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._pending: list[list[bytes]] = []
        self._context = zmq.Context()
        self._publish = self._context.socket(zmq.PUB)
        self._subscribe = self._context.socket(zmq.SUB)
        for sock in (self._publish, self._subscribe):
            sock.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            sock.setsockopt(zmq.LINGER, 100)  # ms; the last words of a stopping actor still leave

    def connect(self, timeout_s: float = 10.0) -> list[tuple[Envelope, object]]:
        """Returns what the journal has, in the order it was sent. Raises BusUnreachable."""
        deadline_ns = now_ns() + int(timeout_s * SECOND)
        self._publish.connect(endpoint(self._folder, "publish"))
        self._subscribe.connect(endpoint(self._folder, "subscribe"))
        for name in (*self._topics, "bus"):
            self._subscribe.subscribe(codec.route(name, ""))
        greeting = codec.route("sync", f"{self.boot:x}")
        self._subscribe.subscribe(greeting)
        while True:
            self.publish(Sync(), session=f"{self.boot:x}")
            if self._subscribe.poll(SYNC_EVERY_MS):
                frames = self._subscribe.recv_multipart()
                if frames[0] == greeting:
                    break
                self._pending.append(frames)
            if now_ns() > deadline_ns:
                raise BusUnreachable(f"no bus in {self._folder} after {timeout_s:g} s: is the program 'bus' running?")
        self._subscribe.unsubscribe(greeting)
        return self.past(deadline_ns)

    def past(self, deadline_ns: int, session: str | None = None) -> list[tuple[Envelope, object]]:
        """What the journal has, heard already or not, in the order it was sent; of all calls, or of one.

        Raises BusUnreachable.
        """
        self._seen = {key: seen for key, seen in self._seen.items() if session not in (None, key[2])}
        frames = self._ask([b"past", *(name.encode() for name in self._topics | self._remembers)], deadline_ns)
        if frames is None:
            raise BusUnreachable(f"the bus in {self._folder} forwards messages but has no journal")
        return self._decoded([one for one in frames if session is None or one[0].endswith(codec.route("", session))])

    def _ask(self, words: list[bytes], deadline_ns: int) -> list[list[bytes]] | None:
        """What the journal answers, message by message; None where it does not in time."""
        ask = self._context.socket(zmq.DEALER)
        ask.setsockopt(zmq.LINGER, 0)
        ask.connect(endpoint(self._folder, "journal"))
        ask.send_multipart(words)
        answered = ask.poll(max(0, (deadline_ns - now_ns()) // MS))
        frames = ask.recv_multipart() if answered else []
        ask.close()
        return [frames[i : i + 2] for i in range(1, len(frames) - 1, 2)] if answered else None

    def publish(self, message, *, session: str = "", turn: int = 0, cause: str = "", valid: bool = True) -> Envelope:
        """Sends and returns what the message was wrapped in. Raises NotOwner on a topic of another actor."""
        topic = topics.of(message)
        if topic.owner not in (self.actor, topics.ANY_ACTOR):
            raise NotOwner(f"{self.actor} published on {topic.name}, which belongs to {topic.owner}")
        key = (topic.name, session)
        self._sent[key] += 1
        envelope = Envelope(
            topic=topic.name,
            actor=self.actor,
            session=session,
            turn=turn,
            boot=self.boot,
            seq=self._sent[key],
            sent_ns=now_ns(),
            cause=cause,
            valid=valid,
        )
        frames = codec.encode(envelope, message)
        if topic.kept:
            self._held.setdefault(key, deque(maxlen=min(topic.kept, MOST_HELD))).append(frames)
        self._publish.send_multipart(frames)
        return envelope

    def receive(self, timeout_ms: int = 0) -> list[tuple[Envelope, object]]:
        """All messages that are there, in the order they came; waits for the first one up to ``timeout_ms``."""
        deadline_ns = now_ns() + timeout_ms * MS
        while True:
            frames, self._pending = self._pending, []
            if frames or self._subscribe.poll(max(0, (deadline_ns - now_ns()) // MS)):
                while len(frames) < MAX_BATCH and self._subscribe.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                    frames.append(self._subscribe.recv_multipart())
            if (messages := self._decoded(frames)) or now_ns() >= deadline_ns:
                return messages

    def _decoded(self, batch: list[list[bytes]]) -> list[tuple[Envelope, object]]:
        messages = []
        for frames in batch:
            try:
                envelope, message = codec.decode(frames)
            except Malformed as error:
                self.count_malformed(str(error).partition(":")[0], str(error))
                continue
            if isinstance(message, BusUp):
                self._meet(envelope.boot)
            elif not isinstance(message, Sync) and (missed := self._missed(envelope)) is not None:
                messages += self._filled(envelope, missed) if missed else []
                messages.append((envelope, message))
        return messages

    def _meet(self, bus_boot: int) -> None:
        """A bus that is not the one before has forgotten everything."""
        if self._bus_boot not in (None, bus_boot):
            for held in self._held.values():
                for frames in held:
                    self._publish.send_multipart(frames)
        self._bus_boot = bus_boot

    def count_malformed(self, topic: str, reason: str) -> None:
        """Counts, and logs the first, second, fourth, eighth … of a topic: a flood must not fill the disk."""
        self.counts[f"malformed {topic}"] += 1
        count = self.counts[f"malformed {topic}"]
        if count & (count - 1) == 0:
            log.warning("malformed message number %d on %s", count, reason)

    def _missed(self, envelope: Envelope) -> int | None:
        """How many of the stream were missed before this one; None where it was heard already."""
        key = (envelope.actor, envelope.topic, envelope.session)
        boot, seq = self._seen.get(key, (envelope.boot, envelope.seq - 1))
        if boot == envelope.boot and envelope.seq <= seq:
            return None
        self._seen[key] = (envelope.boot, envelope.seq)
        return envelope.seq - seq - 1 if boot == envelope.boot else 0

    def _filled(self, envelope: Envelope, missed: int) -> list[tuple[Envelope, object]]:
        """What the journal has of the ``missed`` messages before this one."""
        found = []
        if topics.BY_NAME[envelope.topic].kept:
            stream = (envelope.session, envelope.topic, envelope.actor, envelope.boot)
            words = (*stream, envelope.seq - missed, envelope.seq - 1)
            frames = self._ask([b"missed", *(str(word).encode() for word in words)], now_ns() + FILL_MS * MS) or []
            found = [codec.decode(one) for one in frames]
        self.counts[f"filled {envelope.topic}"] += len(found)
        self.counts[f"lost {envelope.topic}"] += missed - len(found)
        return found

    def forget(self, session: str) -> None:
        """Frees what is kept for a call that is over."""
        self._seen = {key: value for key, value in self._seen.items() if key[2] != session}
        self._sent = Counter({key: value for key, value in self._sent.items() if key[1] != session})
        self._held = {key: value for key, value in self._held.items() if key[1] != session}

    @property
    def socket(self) -> zmq.Socket:
        """What to poll for input together with other things."""
        return self._subscribe

    def close(self) -> None:
        self._publish.close()
        self._subscribe.close()
        self._context.term()
