"""All calls of this process, and their line to the bus."""

import asyncio
import logging
import secrets
from collections.abc import Sequence

from attrs import frozen

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
    Packet,
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
STALE_NS = 3 * SECOND  # an actor silent for so long is not there


class Full(Exception):
    """As many calls as allowed are in progress; the message is for the user."""


@frozen
class Beat:
    """An actor's last Health, and when it came."""

    health: Health
    at_ns: int


class Exchange:
    """Lives in the event loop. ``port`` must be open; ``kept`` is what its opening gave; ``url``: where the page is."""

    def __init__(self, port: Port, kept: Sequence[Input], most_calls: int, url: str = ""):
        self._port, self._most_calls, self._url = port, most_calls, url
        self.turns = Log()
        self._calls: dict[str, Call] = {}
        self._beats: dict[str, Beat] = {}
        self._began_ns = now_ns()
        self._missing: list[str] = []
        self._take(kept)
        for session in {one.envelope.session for one in kept if isinstance(one.message, Session)}:
            log.info("call %s ended with the process that held it", session[:6])
            port.publish(Output(Session(state="closed", reason="the transport actor restarted")), session)

    async def run(self) -> None:
        """Feeds the calls from the bus and beats, until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._port.fileno(), self._drain)
        try:
            while True:
                self._drain()
                self._beat("ready")
                await asyncio.sleep(1)
        finally:
            loop.remove_reader(self._port.fileno())

    def _drain(self) -> None:
        while inputs := self._port.receive():
            self._take(inputs)

    def _take(self, inputs: Sequence[Input]) -> None:
        for one in inputs:
            if isinstance(one.message, Health):
                self._beats[one.message.actor] = Beat(one.message, now_ns())
            elif one.envelope.session in self._calls:
                self._calls[one.envelope.session].take(one)

    def _beat(self, state: str) -> None:
        lateness_ns = max((call.lateness_ns() for call in self._calls.values()), default=0)
        self._port.longest_step_ms = max(self._port.longest_step_ms, lateness_ns / MS)
        self._port.beat(state, sessions=len(self._calls), note=self._url)
        if (missing := self.missing()) != self._missing:
            self._missing = missing
            for call in self._calls.values():
                call.events.tell("health", missing=missing)

    # ---- for the server

    async def answer(self, sdp: str, user: str = "") -> tuple[str, str]:
        """Opens a call; returns (session, answer). ``user``: see Session. Raises BadOffer, Full."""
        offer.check(sdp)
        if len(self._calls) >= self._most_calls:
            raise Full(f"all {self._most_calls} places are taken; try again when a call has ended")
        session = secrets.token_urlsafe(16)
        call = self._calls[session] = Call(
            session, user, self._port, Latency(self.turns), over=lambda call: self._calls.pop(call.session)
        )
        call.events.tell("health", missing=self.missing())
        try:
            return session, await call.answer(sdp)
        except offer.BadOffer:
            await call.close("its offer could not be answered")
            raise

    async def hang_up(self, session: str) -> bool:
        """False where there is no such call."""
        if call := self._calls.get(session):
            await call.close("the user hung up")
        return call is not None

    async def close(self) -> None:
        """Ends all calls and says so."""
        await asyncio.gather(*(call.close("the server stops") for call in list(self._calls.values())))
        self._port.beat("stopping")

    def missing(self) -> list[str]:
        """The actors that are not ready, in dataflow order."""
        oldest_ns = now_ns() - STALE_NS
        ready = {name for name, beat in self._beats.items() if beat.at_ns > oldest_ns and beat.health.state == "ready"}
        return [name for name in ACTORS if name not in ready and name != "transport"]

    def health(self) -> dict:
        """For people and programs: everything but who calls."""
        return {
            "ready": not self.missing(),
            "missing": self.missing(),
            "calls": len(self._calls),
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
