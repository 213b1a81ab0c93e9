"""All calls of this process, and their line to the bus."""

import asyncio
import logging
import secrets
from collections.abc import Sequence

from attrs import define, frozen

from actors.port import Port
from actors.step import Input, Output
from actors.transport import offer
from actors.transport.call import Call
from actors.transport.latency import Latency, Log
from protocol.clock import MS, SECOND, now_ns
from protocol.messages import (
    Dialogue,
    Face,
    Floor,
    Frame,
    Health,
    MicAudio,
    Packet,
    Playout,
    Reply,
    Session,
    Speech,
    Transcript,
    Turn,
    Voice,
)
from protocol.topics import ACTORS

log = logging.getLogger(__name__)

HEARS = (Packet, Voice, Turn, Transcript, Reply, Dialogue, Floor, Speech, Face, Frame, Health, Session)
UNREAD = (Face, Frame)  # heard for when they come
REMEMBERS = (MicAudio, Playout)
STALE_NS = 3 * SECOND  # an actor silent for so long is not there
RETURN_NS = 15 * SECOND  # so long a call whose connection is gone waits for its browser
PAST_S = 1.0  # so long the bus may take to tell it; nothing else happens meanwhile


class Full(Exception):
    """As many calls as allowed are in progress; the message is for the user."""


@frozen
class Beat:
    """An actor's last Health, and when it came."""

    health: Health
    at_ns: int


@define
class Waiting:
    """A call without a connection. past: what was said in it; None where the bus is to be asked."""

    until_ns: int
    past: list[Input] | None

    def take(self, one: Input) -> None:
        if self.past is not None and not isinstance(one.message, Packet):
            self.past.append(one)


class Exchange:
    """Lives in the event loop. ``port`` must be open; ``past`` is what its opening gave; ``url``: where the page is."""

    def __init__(self, port: Port, past: Sequence[Input], most_calls: int, url: str = ""):
        self._port, self._most_calls, self._url = port, most_calls, url
        self.turns = Log()
        self._calls: dict[str, Call] = {}
        self._beats: dict[str, Beat] = {}
        self._began_ns = now_ns()
        self._missing: list[str] = []
        self._waiting: dict[str, Waiting] = {}
        self._take(past)
        for one in past:
            if isinstance(one.message, Session):  # of the life before
                session = one.envelope.session
                self._wait(session, [other for other in past if other.envelope.session == session])

    async def run(self) -> None:
        """Feeds the calls from the bus and beats, until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._port.fileno(), self._drain)
        try:
            while True:
                self._drain()
                self.beat()
                await asyncio.sleep(1)
        finally:
            loop.remove_reader(self._port.fileno())

    def _drain(self) -> None:
        while inputs := self._port.receive():
            self._take(inputs)

    def _take(self, inputs: Sequence[Input]) -> None:
        for one in inputs:
            if isinstance(one.message, Health):
                self._note(one.message)
            elif call := self._calls.get(one.envelope.session) or self._waiting.get(one.envelope.session):
                call.take(one)

    def _note(self, health: Health) -> None:
        """A process that is loading beside the one at work says nothing about the actor."""
        before = self._beats.get(health.actor)
        if health.state == "ready" or not self._is_ready(before) or before.health.pid == health.pid:
            self._beats[health.actor] = Beat(health, now_ns())

    @staticmethod
    def _is_ready(beat: Beat | None) -> bool:
        return beat is not None and beat.at_ns > now_ns() - STALE_NS and beat.health.state == "ready"

    def beat(self) -> None:
        """What is done once a second."""
        self._beat("ready")
        for session in [session for session, call in self._waiting.items() if now_ns() > call.until_ns]:
            log.info("call %s ended: nobody came back to it within %d s", session[:6], RETURN_NS // SECOND)
            self._end_waiting(session, "its browser did not come back")

    def _wait(self, session: str, past: list[Input] | None = None) -> None:
        self._waiting[session] = Waiting(now_ns() + RETURN_NS, past)

    def _end_waiting(self, session: str, reason: str) -> None:
        del self._waiting[session]
        self._port.publish(Output(Session(state="closed", reason=reason)), session)
        self._port.forget(session)

    def _beat(self, state: str) -> None:
        lateness_ns = max((call.lateness_ns() for call in self._calls.values()), default=0)
        self._port.longest_step_ms = max(self._port.longest_step_ms, lateness_ns / MS)
        self._port.beat(state, sessions=len(self._calls), note=self._url)
        if (missing := self.missing()) != self._missing:
            self._missing = missing
            for call in self._calls.values():
                call.events.tell("health", missing=missing)

    # ---- for the server

    async def answer(self, sdp: str, user: str = "", session: str = "") -> tuple[str, str]:
        """Opens a call, or goes on with ``session``, whose connection is gone; returns (session, answer).

        ``user``: see Session. Raises BadOffer, Full, BusUnreachable.
        """
        offer.check(sdp)
        if call := self._calls.get(session):  # the page knows first
            await call.close("its page comes back", goes_on=True)
        if session not in self._waiting:
            session = secrets.token_urlsafe(16)
            if len(self._calls) + len(self._waiting) >= self._most_calls and not self._make_room():
                raise Full(f"all {self._most_calls} places are taken; try again when a call has ended")
        past = self._past(session)
        user = next((one.message.user for one in past if isinstance(one.message, Session)), user)
        call = self._calls[session] = Call(session, user, self._port, Latency(self.turns), self._is_over, past)
        call.events.tell("health", missing=self.missing())
        try:
            return session, await call.answer(sdp)
        except offer.BadOffer:
            await call.close("its offer could not be answered")
            raise

    def _make_room(self) -> bool:
        """A browser that fell silent gives its place to one that calls; those that a restart cut off keep theirs."""
        silent = next((session for session, call in self._waiting.items() if call.past is None), None)
        if silent:
            self._end_waiting(silent, "its browser fell silent, and another one calls")
        return silent is not None

    def _past(self, session: str) -> list[Input]:
        """Of a call that goes on; it waits no longer. Of a new one there is none."""
        if session not in self._waiting:
            return []
        past = self._waiting[session].past
        if past is None:
            past = self._port.reopen(session, PAST_S)
        del self._waiting[session]
        return past

    def _is_over(self, call: Call) -> None:
        del self._calls[call.session]
        if call.goes_on:
            self._wait(call.session)

    async def until_over(self, session: str) -> bool:
        """Returns at the end, with False where the call goes on with another connection, or is none."""
        if call := self._calls.get(session):
            await call.is_over.wait()
        return call is not None and not call.goes_on

    async def hang_up(self, session: str) -> bool:
        """False where there is no such call."""
        if call := self._calls.get(session):
            await call.close("the user hung up")
        elif session in self._waiting:
            self._end_waiting(session, "the user hung up")
        else:
            return False
        return True

    async def close(self) -> None:
        """Lets all calls go; the next process may go on with them."""
        calls = list(self._calls.values())
        await asyncio.gather(*(call.close("the server stops or starts anew", goes_on=True) for call in calls))
        self._port.beat("stopping")

    def missing(self) -> list[str]:
        """The actors that are not ready, in dataflow order."""
        ready = {name for name, beat in self._beats.items() if self._is_ready(beat)}
        return [name for name in ACTORS if name not in ready and name != "transport"]

    def health(self) -> dict:
        """For people and programs: everything but who calls."""
        return {
            "ready": not self.missing(),
            "missing": self.missing(),
            "calls": len(self._calls),
            "waiting": len(self._waiting),  # calls whose connection is gone, for a while
            "most_calls": self._most_calls,
            "uptime_s": round((now_ns() - self._began_ns) / SECOND, 1),
            "actors": {
                name: {
                    "engine": beat.health.engine,
                    "state": beat.health.state,
                    "age_s": round((now_ns() - beat.at_ns) / SECOND, 1),
                    "cpu_percent": round(beat.health.cpu_percent, 1),
                    "memory_mb": round(beat.health.memory_bytes / 1e6),
                    "lag_ms": round(beat.health.lag_ms, 1),
                    "step_ms": round(beat.health.step_ms, 1),
                    "counts": beat.health.counts,
                    "note": beat.health.note,
                }
                for name, beat in self._beats.items()
            },
        }
