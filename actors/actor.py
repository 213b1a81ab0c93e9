"""The runtime around the machines: signals, start-up in two phases, heartbeat, and the loop that fits a screen.

Phase one, preloading: join the bus, load the engine, run it once on dummy data. Then the actor is ready, and from
there on nothing is loaded any more. One machine thinks for one call (step.py); it is made when the call's Session
opens and dropped when it closes.
"""

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import zmq

from actors import log as actor_log
from actors.engine import CannotStart, choose
from actors.port import Port
from actors.step import Engine, Input, Machine
from protocol.clock import MS, SECOND, now_ns
from protocol.errors import ProtocolError
from protocol.lead import Lead, last_leader
from protocol.messages import Session
from protocol.run import run_folder

log = logging.getLogger(__name__)

STAND_BY_MS = 100  # how often it is looked whether the process before has the lead
CANNOT_START = 3  # exit status: something outside is missing; the log's last line says what


def arguments(actor: str, words: str) -> argparse.ArgumentParser:
    """A parser with what all actors take."""
    parser = argparse.ArgumentParser(prog=f"python -m actors.{actor}", description=words)
    parser.add_argument(
        "--engine", default="auto", help="name of the engine; auto takes the best one that can run here"
    )
    parser.add_argument("--replay", type=Path, metavar="TRACE", help="hear a trace instead of the bus, and end with it")
    parser.add_argument("--out", type=Path, metavar="TRACE", help="where what is said in a replay goes")
    return parser


def run(
    actor: str,
    args: argparse.Namespace,
    engines: Sequence[Engine],
    hears: Iterable[type],
    machine: Callable[[Engine, str], Machine],
    unread: Iterable[type] = (),
    remembers: Iterable[type] = (),
) -> None:
    """Runs the actor until a signal ends it; exits the process. ``machine(engine, session)`` makes one for a call.

    args: of arguments(); with --replay it runs through a trace. ``unread``, ``remembers``: see Port. What happened in
    the calls before is a machine's first input.
    """
    actor_log.setup(actor)
    stop = _stop_on_signal()
    try:
        engine = choose(engines, args.engine)
        if args.replay:
            engine.load()
            engine.warm()
            replay(actor, args, hears, lambda session: machine(engine, session))
            return engine.close()
        port = Port(actor, engine.name, {*hears, Session}, unread=unread, remembers=remembers)
        calls = Calls(port, lambda session: machine(engine, session), Session in set(hears))
        past = port.open()
        port.beat("preloading")
        engine.load()
        engine.warm()
        lead = Lead(run_folder(), actor)
        if not lead.take():
            past = stand_by(port, lead, stop)
        log.info("ready")
        loop(port, calls, past, lead, stop)
        engine.close()
        port.beat("stopping")
        port.close()
    except (CannotStart, ProtocolError) as error:
        refuse(actor, error)
    except Exception:  # the one broad one: who cannot go on says why and exits, and the supervisor brings it back
        log.exception("%s stops on an error", actor)
        sys.exit(1)
    leave()


def leave() -> NoReturn:
    """Ends the process at once: the interpreter's own way out takes 0.1 s and more, and its successor begins after."""
    log.info("stopped")
    logging.shutdown()
    os._exit(0)


def refuse(actor: str, error: Exception) -> NoReturn:
    """Says in one line what is missing or broken, and exits."""
    actor_log.setup(actor)
    log.error("%s", error)
    sys.exit(CANNOT_START)


class Calls:
    """The machines of the calls in progress."""

    def __init__(self, port: Port, machine: Callable[[str], Machine], hears_session: bool):
        self._port, self._machine, self._hears_session = port, machine, hears_session
        self._machines: dict[str, Machine] = {}

    def __len__(self) -> int:
        return len(self._machines)

    def take(self, inputs: Sequence[Input], now_ns: int) -> None:
        """Steps every machine that has input or is due."""
        waiting: dict[str, list[Input]] = {}
        closed = []
        for one in inputs:
            session = one.envelope.session
            if isinstance(one.message, Session):
                if one.message.state == "open" and session not in self._machines:
                    self._machines[session] = self._machine(session)
                elif one.message.state == "closed":
                    closed.append(session)
                if not self._hears_session:
                    continue
            if session in self._machines:
                waiting.setdefault(session, []).append(one)
            else:
                self._port.counts[f"homeless {one.envelope.topic}"] += 1
        for session, machine in self._machines.items():
            if session in waiting or (machine.wake_ns is not None and machine.wake_ns <= now_ns):
                for output in machine.step(waiting.get(session, ()), now_ns):
                    self._port.publish(output, session)
        for session in closed:
            self._machines.pop(session, None)
            self._port.forget(session)

    def wake_ns(self) -> int | None:
        """When the next machine is due without input."""
        return min((m.wake_ns for m in self._machines.values() if m.wake_ns is not None), default=None)


def stand_by(port: Port, lead: Lead, stop: socket.socket) -> Sequence[Input]:
    """Waits, with all loaded, until the process before gives its work away or is gone; then returns the past."""
    other_pid = last_leader(run_folder(), port.actor)
    log.info("ready to take over from process %d", other_pid)
    poller = zmq.Poller()
    poller.register(port.socket, zmq.POLLIN)
    poller.register(stop, zmq.POLLIN)
    ask_ns = now_ns()
    while not lead.take():
        if now_ns() >= ask_ns:
            port.hand_over("asked")
            port.beat("preloading", note=f"waits to take over from process {other_pid}")
            ask_ns = now_ns() + SECOND
        if stop.fileno() in dict(poller.poll(STAND_BY_MS)):
            return ()
        port.receive()
    return port.reopen()


def loop(port: Port, calls: Calls, past: Sequence[Input], lead: Lead, stop: socket.socket) -> None:
    """Waits for input, a machine's own time or the heartbeat, whichever comes first, until ``stop`` is readable.

    Where another process of the actor asks for the work, it is given away between two turns, and nothing is said after.
    """
    poller = zmq.Poller()
    poller.register(port.socket, zmq.POLLIN)
    poller.register(stop, zmq.POLLIN)
    calls.take(past, now_ns())
    beat_ns = now_ns()
    while True:
        if now_ns() >= beat_ns:
            port.beat("ready", sessions=len(calls))
            beat_ns = now_ns() + SECOND
        due_ns = min(beat_ns, calls.wake_ns() or beat_ns)
        ready = dict(poller.poll(max(0, -(-(due_ns - now_ns()) // MS))))
        if stop.fileno() in ready:
            return
        inputs, began_ns = port.receive(), now_ns()
        calls.take(inputs, began_ns)
        port.longest_step_ms = max(port.longest_step_ms, (now_ns() - began_ns) / MS)
        if port.handover == "asked" and port.is_between_turns:
            lead.give()
            port.hand_over("given")
            port.beat("stopping", note="gave its work to another process")
            log.info("gave its work to another process")
            stop.recv(1)
            return


def replay(actor: str, args: argparse.Namespace, hears: Iterable[type], machine: Callable[[str], Machine]) -> None:
    """Runs machines through the trace of ``args`` in lock-step: each message at the time it was sent, and a machine
    when it wants to be stepped. The clock is the trace's, so nothing waits. Raises BadTrace, OSError.
    """
    from actors.trace_port import TracePort  # 20 ms of every other start

    hears = set(hears)
    with TracePort(actor, args.replay, args.out, {*hears, Session}) as port:
        calls = Calls(port, machine, Session in hears)
        for one in port.inputs():
            while (due_ns := calls.wake_ns()) is not None and due_ns <= one.envelope.sent_ns:
                port.now_ns = max(due_ns, port.now_ns)
                calls.take((), port.now_ns)
            port.now_ns = max(one.envelope.sent_ns, port.now_ns)
            calls.take([one], port.now_ns)


def _stop_on_signal() -> socket.socket:
    """A socket that becomes readable when the process is asked to end."""
    stop, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: wake.fileno())  # keeps the writing end alive, too
    return stop
