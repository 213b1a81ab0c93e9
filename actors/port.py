"""An actor's connection to the rest:

messages with their content in, outputs out, and the count of all that went wrong.
"""

import logging
import os
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path

import psutil
from attrs import evolve

from actors.step import Input, Output
from protocol import topics
from protocol.bus import Bus
from protocol.clock import MS, SECOND, now_ns
from protocol.envelope import Envelope
from protocol.messages import Dialogue, Handover, Health, Turn
from shm.errors import BadHandle
from shm.ring import Reader, Restarted, Ring, Stale

log = logging.getLogger(__name__)

OVER_KEPT = 256  # calls that are over and may still have messages under way
LATE_MS = 200  # an input that waited longer is counted as late: a whole reply budget is gone by then


class Port:
    """One per process. ``counts``: "reason topic" to number, published in the actor's Health.

    ``unread``: those of ``hears`` whose content does not matter: it is not copied, and none of them is dropped.
    ``remembers``: types that open() gives beside them: what the actor itself said in a life before, also unread.
    """

    def __init__(
        self,
        actor: str,
        engine: str,
        hears: Iterable[type],
        folder: Path | None = None,
        unread: Iterable[type] = (),
        remembers: Iterable[type] = (),
    ):
        self.actor, self.engine = actor, engine
        self._hears = set(hears)
        self._remembers = set(remembers)
        self._unread = {*unread, *remembers}
        self._bus = Bus(actor, self._hears | {Turn, Dialogue, Handover}, folder, self._remembers)
        self.counts = self._bus.counts
        self._reader = Reader()
        self._rings: dict[tuple[str, str], Ring] = {}
        self._read: dict[str, set[tuple[str, int]]] = {}  # rings by call, as path and generation
        self._dead_turn: Counter[str] = Counter()
        self._dialogues: dict[str, str] = {}  # by call
        self._over: deque[str] = deque(maxlen=OVER_KEPT)
        self._process = psutil.Process()
        self._beat_ns = now_ns()
        self._cpu_s = 0.0
        self._lag_ms = 0.0
        self.longest_step_ms = 0.0
        self.handover = ""  # what another process of this actor said last of a handover: "asked" or "given"

    def open(self, timeout_s: float = 10.0) -> list[Input]:
        """Connects; returns the past: what the bus has of the calls in progress, own outputs among it.

        Raises BusUnreachable.
        """
        return self._past(self._bus.connect(timeout_s))

    def reopen(self, session: str | None = None, timeout_s: float = 10.0) -> list[Input]:
        """The past as it is by now, of all calls or of one. Raises BusUnreachable."""
        return self._past(self._bus.past(now_ns() + int(timeout_s * SECOND), session))

    def _past(self, messages: list[tuple[Envelope, object]]) -> list[Input]:
        for envelope, message in messages:
            self._note(envelope, message)
        return self._inputs(messages, past=True)

    @property
    def socket(self):
        """The ZeroMQ socket to poll."""
        return self._bus.socket

    def fileno(self) -> int:
        """For event loops. Edge-triggered: receive() until it gives nothing."""
        return self._bus.socket.fileno()

    def receive(self, timeout_ms: int = 0) -> list[Input]:
        """The inputs that are there, in the order they came; waits for the first up to ``timeout_ms``."""
        return self._inputs(self._bus.receive(timeout_ms))

    def _inputs(self, messages: list[tuple[Envelope, object]], past: bool = False) -> list[Input]:
        now = now_ns()
        wanted = self._hears | self._remembers if past else self._hears
        waiting = Counter((envelope.session, envelope.topic) for envelope, _ in messages)
        inputs = []
        for envelope, message in messages:
            topic = topics.BY_NAME[envelope.topic]
            self._note(envelope, message)
            if type(message) not in wanted or envelope.session in self._over:
                continue
            if topic.dies_with_turn and envelope.turn <= self._dead_turn[envelope.session]:
                self.counts[f"dead {topic.name}"] += not past
                continue
            if type(message) in self._unread:
                inputs.append(Input(envelope, message))
                continue
            key = (envelope.session, envelope.topic)
            if topic.depth and waiting[key] > topic.depth:
                waiting[key] -= 1
                self.counts[f"dropped {topic.name}"] += 1
                continue
            if not past:
                lag_ms = (now - envelope.sent_ns) / MS
                self._lag_ms = max(self._lag_ms, lag_ms)
                self.counts[f"late {topic.name}"] += lag_ms > LATE_MS
            content = self._content(topic, envelope.session, message)
            if content is not None or not topic.slots:
                inputs.append(Input(envelope, message, content))
        return inputs

    def _note(self, envelope: Envelope, message: object) -> None:
        match message:
            case Turn(state=state):
                dead = envelope.turn if state == "cancelled" else envelope.turn - 1
                self._dead_turn[envelope.session] = max(self._dead_turn[envelope.session], dead)
            case Dialogue(state=state):
                self._dialogues[envelope.session] = state
            case Handover(actor=self._bus.actor, state=state) if envelope.boot != self._bus.boot:
                self.handover = state

    @property
    def is_between_turns(self) -> bool:
        """In all calls."""
        return set(self._dialogues.values()) <= {"idle"}

    def _content(self, topic: topics.Topic, session: str, message):
        if not topic.slots:
            return None
        if message.handle is None:
            self._bus.count_malformed(topic.name, f"{topic.name}: no handle")
            return None
        self._read.setdefault(session, set()).add((message.handle.ring, message.handle.generation))
        try:
            content = self._reader.read(message.handle)
        except BadHandle as error:
            self._bus.count_malformed(topic.name, f"{topic.name}: {error}")
            return None
        match content:
            case Stale():
                self.counts[f"stale {topic.name}"] += 1
                return None
            case Restarted():
                self.counts[f"restarted {topic.name}"] += 1
                return None
        return content

    def publish(self, output: Output, session: str) -> Envelope:
        """Puts the content into shared memory and sends the message. Raises NotOwner, RingFull."""
        topic, message, cause = topics.of(output.message), output.message, output.cause
        if topic.slots:
            message = evolve(message, handle=self._ring(topic, session, output.content.nbytes).write(output.content))
        turn = output.turn if output.turn is not None else cause.envelope.turn if cause else 0
        if isinstance(message, Dialogue):
            self._dialogues[session] = message.state
        return self._bus.publish(
            message, session=session, turn=turn, cause=cause.envelope.id if cause else "", valid=output.valid
        )

    def _ring(self, topic: topics.Topic, session: str, first_bytes: int) -> Ring:
        key = (session, topic.name)
        if key not in self._rings:
            self._rings[key] = Ring(topic.name, topic.slots, topic.slot_bytes or first_bytes)
        return self._rings[key]

    def hand_over(self, state: str) -> None:
        """Says Handover."""
        self._bus.publish(Handover(actor=self._bus.actor, state=state))

    def beat(self, state: str, sessions: int = 0, note: str = "") -> None:
        """Publishes Health; to be called about once a second."""
        now, times = now_ns(), self._process.cpu_times()
        cpu_s, passed_s = times.user + times.system, (now - self._beat_ns) / SECOND
        self._bus.publish(
            Health(
                actor=self._bus.actor,
                engine=self.engine,
                state=state,
                pid=os.getpid(),
                sessions=sessions,
                cpu_percent=max(0.0, 100 * (cpu_s - self._cpu_s) / passed_s) if passed_s else 0.0,
                memory_bytes=self._process.memory_info().rss,
                lag_ms=self._lag_ms,
                step_ms=self.longest_step_ms,
                counts={name: count for name, count in self.counts.items() if count},
                note=note,
            )
        )
        self._beat_ns, self._cpu_s, self._lag_ms, self.longest_step_ms = now, cpu_s, 0.0, 0.0

    def forget(self, session: str) -> None:
        """Gives back what a call that is over has used."""
        self._over.append(session)
        self._bus.forget(session)
        self._dead_turn.pop(session, None)
        self._dialogues.pop(session, None)
        for key in [key for key in self._rings if key[0] == session]:
            self._rings.pop(key).close()
        for ring, generation in self._read.pop(session, ()):
            self._reader.drop(ring, generation)

    def close(self) -> None:
        for session in {session for session, _ in self._rings}:
            self.forget(session)
        self._bus.close()
