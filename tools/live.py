"""A trace said again on a running bus, at its own pace, so that everything behind some actors can run against it."""

import time
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, fields_dict

from actors.port import Port
from actors.step import Output
from protocol import topics
from protocol.bus import Bus
from protocol.clock import SECOND, now_ns
from protocol.messages import Health, Session
from protocol.trace import Record, TraceReader
from tools.errors import ToolError
from tools.said import TIMES

ENGINE = "replay"


class NotLive(ToolError):
    """The trace cannot be said again here; the message says why."""


def say_again(folder: Path, trace: Path, actors: Sequence[str], speed: float = 1.0) -> int:
    """Publishes what ``actors`` said, as if by them, ``speed`` times as fast; returns how many messages.

    Into the call that is open; where transport is among the actors, into the trace's own. Raises NotLive where one of
    the actors runs, or no single call is open, and BadTrace, BusUnreachable, OSError.
    """
    session = _open_call(folder, actors)
    ports = {actor: Port(actor, ENGINE, (), folder) for actor in actors}
    for port in ports.values():
        port.open()
    try:
        return _say(ports, trace, session, speed)
    finally:
        for port in ports.values():
            port.beat("stopping")
            port.close()


def _open_call(folder: Path, actors: Sequence[str]) -> str:
    bus = Bus("replay", [Health, Session], folder)
    try:
        past = bus.connect()
    finally:
        bus.close()
    fresh_ns = now_ns() - 2 * SECOND
    runs = {health.actor for head, health in past if isinstance(health, Health) and head.sent_ns > fresh_ns}
    if taken := [actor for actor in actors if actor in runs]:
        programs = " ".join(f"{actor}:*" for actor in taken)
        raise NotLive(f"{', '.join(taken)} would speak, too: end it first (supervisorctl stop {programs})")
    if "transport" in actors:
        return ""
    calls = [head.session for head, message in past if isinstance(message, Session)]
    if len(calls) != 1:
        raise NotLive(f"{len(calls)} calls are open; open one page, or let transport be among the actors")
    return calls[0]


def _say(ports: dict[str, Port], trace: Path, session: str, speed: float) -> int:
    began_ns, first_ns, beat_ns, count = now_ns(), None, 0, 0
    for record in TraceReader(trace):
        first_ns = record.envelope.sent_ns if first_ns is None else first_ns
        port = ports.get(record.envelope.actor)
        if port is None or isinstance(record.message, Health) or _lacks_content(record):
            continue
        due_ns = began_ns + int((record.envelope.sent_ns - first_ns) / speed)
        while (wait_ns := due_ns - now_ns()) > 0:
            if now_ns() >= beat_ns:
                beat_ns = now_ns() + SECOND
                for one in ports.values():
                    one.beat("ready", sessions=1)
            time.sleep(min(wait_ns, SECOND) / SECOND)
        message = _moved(record.message, first_ns, began_ns, speed)
        said = Output(message, content=record.content, turn=record.envelope.turn, valid=record.envelope.valid)
        port.publish(said, session or record.envelope.session)
        count += 1
    return count


def _lacks_content(record: Record) -> bool:
    """A picture, or what was overwritten before it was recorded."""
    return bool(topics.of(record.message).slots) and record.content is None


def _moved(message, first_ns: int, began_ns: int, speed: float):
    """With its times on the clock as they are now."""
    names = [name for name in TIMES if name in fields_dict(type(message)) and getattr(message, name)]
    return evolve(
        message, **{name: max(0, began_ns + int((getattr(message, name) - first_ns) / speed)) for name in names}
    )
