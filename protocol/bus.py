"""A connection to the bus: publish, subscribe, and what was lost on the way.

Joining follows the Clone pattern of the ZeroMQ guide (chapter 5): subscribe, then take the snapshot, then drop what it
already had. "Subscribed" is known, not waited for: a Sync message that comes back has been through both directions.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import zmq

from protocol import codec, topics
from protocol.clock import MS, now_ns
from protocol.envelope import Envelope
from protocol.errors import BusUnreachable, Malformed, NotOwner
from protocol.messages import Sync
from protocol.run import endpoint, run_folder

log = logging.getLogger(__name__)

SYNC_EVERY_MS = 10
RECONNECT_MS = 20  # a restarted bus is found again within this
MAX_BATCH = 1000  # messages of one receive(): as many as a socket queues by default


class Bus:
    """``counts`` holds "lost TOPIC" and "malformed TOPIC"; whoever owns the connection may add its own."""

    def __init__(self, actor: str, hears: Iterable[type], folder: Path | None = None):
        self.actor = actor
        self.boot = secrets.randbits(48)
        self.counts: Counter[str] = Counter()
        self._folder = folder or run_folder()
        self._topics = [topics.of(kind).name for kind in hears]
        self._sent: Counter[tuple[str, str]] = Counter()
        self._seen: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._pending: list[list[bytes]] = []
        self._context = zmq.Context()
        self._publish = self._context.socket(zmq.PUB)
        self._subscribe = self._context.socket(zmq.SUB)
        for sock in (self._publish, self._subscribe):
            sock.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            sock.setsockopt(zmq.LINGER, 100)  # ms; the last words of a stopping actor still leave

    def connect(self, timeout_s: float = 10.0) -> list[tuple[Envelope, object]]:
        """Returns the kept messages. Raises BusUnreachable where the bus does not answer in time."""
        deadline_ns = now_ns() + int(timeout_s * 1e9)
        self._publish.connect(endpoint(self._folder, "publish"))
        self._subscribe.connect(endpoint(self._folder, "subscribe"))
        for name in self._topics:
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
        return self._snapshot(deadline_ns)

    def _snapshot(self, deadline_ns: int) -> list[tuple[Envelope, object]]:
        ask = self._context.socket(zmq.DEALER)
        ask.setsockopt(zmq.LINGER, 0)
        ask.connect(endpoint(self._folder, "snapshot"))
        ask.send(b"")
        if not ask.poll(max(0, (deadline_ns - now_ns()) // MS)):
            ask.close()
            raise BusUnreachable(f"the bus in {self._folder} forwards messages but gives no snapshot")
        _, *frames = ask.recv_multipart()
        ask.close()
        messages = self._decoded([frames[i : i + 2] for i in range(0, len(frames) - 1, 2)])
        return [(envelope, message) for envelope, message in messages if envelope.topic in self._topics]

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
        self._publish.send_multipart(codec.encode(envelope, message))
        return envelope

    def receive(self, timeout_ms: int = 0) -> list[tuple[Envelope, object]]:
        """All messages that are there, in the order they came; waits for the first one up to ``timeout_ms``."""
        frames, self._pending = self._pending, []
        if frames or self._subscribe.poll(timeout_ms):
            while len(frames) < MAX_BATCH and self._subscribe.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                frames.append(self._subscribe.recv_multipart())
        return self._decoded(frames)

    def _decoded(self, batch: list[list[bytes]]) -> list[tuple[Envelope, object]]:
        messages = []
        for frames in batch:
            try:
                envelope, message = codec.decode(frames)
            except Malformed as error:
                self.count_malformed(str(error).partition(":")[0], str(error))
                continue
            if not isinstance(message, Sync) and self._is_new(envelope):
                messages.append((envelope, message))
        return messages

    def count_malformed(self, topic: str, reason: str) -> None:
        """Counts, and logs the first, second, fourth, eighth … of a topic: a flood must not fill the disk."""
        self.counts[f"malformed {topic}"] += 1
        count = self.counts[f"malformed {topic}"]
        if count & (count - 1) == 0:
            log.warning("malformed message number %d on %s", count, reason)

    def _is_new(self, envelope: Envelope) -> bool:
        key = (envelope.actor, envelope.topic, envelope.session)
        boot, seq = self._seen.get(key, (envelope.boot, envelope.seq - 1))
        if boot == envelope.boot:
            if envelope.seq <= seq:
                return False
            if envelope.seq > seq + 1:
                self.counts[f"lost {envelope.topic}"] += envelope.seq - seq - 1
        self._seen[key] = (envelope.boot, envelope.seq)
        return True

    def forget(self, session: str) -> None:
        """Frees what is kept for a call that is over."""
        self._seen = {key: value for key, value in self._seen.items() if key[2] != session}
        self._sent = Counter({key: value for key, value in self._sent.items() if key[1] != session})

    @property
    def socket(self) -> zmq.Socket:
        """What to poll for input together with other things."""
        return self._subscribe

    def close(self) -> None:
        self._publish.close()
        self._subscribe.close()
        self._context.term()
