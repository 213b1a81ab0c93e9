"""``python -m tools.watchdog``: the program that brings the others back at once, and ends those that hang.

Supervisor looks after its programs once a second, or when it is asked something: so it is asked as soon as one has
ended. A program that is stopped (SIGSTOP) or whose heartbeat stays away is killed, and comes back like any other.
"""

import logging
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from attrs import define

from actors import log as actor_log
from actors.actor import CANNOT_START
from protocol.bus import Bus
from protocol.clock import SECOND, now_ns
from protocol.errors import BusUnreachable
from protocol.messages import Health
from protocol.run import run_folder
from tools.errors import NotRunning
from tools.programs import Programs

NAME = "watchdog"
LOOK_S = 0.05
FOLLOW_NS = SECOND  # between looks for programs that somebody else has started
HUNG_NS = 3 * SECOND  # without a heartbeat, which comes once a second; no engine's step takes half as long
REVIVE_S, REVIVE_EVERY_S = 1.0, 0.01  # supervisor needs to be asked twice: to see the end, and to start anew

log = logging.getLogger(NAME)


@define(eq=False)
class _Process:
    """end_fd: becomes readable when it ends. beat_ns: its last heartbeat; None before it is ready. looks: how often in
    a row it was seen stopped."""

    name: str
    end_fd: int
    beat_ns: int | None = None
    looks: int = 0


class Watchdog:
    """Raises NotRunning where there is no supervisor."""

    def __init__(self, folder: Path):
        self._folder, self._programs = folder, Programs(folder)
        self._bus: Bus | None = None  # until it answers
        self._processes: dict[int, _Process] = {}
        self._followed_ns = 0

    def look(self) -> None:
        """Once; returns after LOOK_S, or as soon as something has ended."""
        if now_ns() - self._followed_ns > FOLLOW_NS:
            self._follow()
        ended, _, _ = select.select([one.end_fd for one in self._processes.values()], [], [], LOOK_S)
        for pid in [pid for pid, one in self._processes.items() if one.end_fd in ended]:
            self._revive(pid)
        self._hear(self._bus.receive() if self._bus else self._join())
        for pid, one in self._processes.items():
            one.looks = one.looks + 1 if _is_stopped(pid) else 0
            if one.looks > 1:
                self._kill(pid, "is stopped")
        self._end_hung()

    def _follow(self) -> None:
        self._followed_ns = now_ns()
        for program in self._programs.all().values():
            if program.pid and program.pid not in self._processes and program.name != NAME:
                with suppress(ProcessLookupError):
                    self._processes[program.pid] = _Process(program.name, os.pidfd_open(program.pid))

    def _revive(self, pid: int) -> None:
        process = self._processes.pop(pid)
        os.close(process.end_fd)
        log.info("%s (process %d) has ended", process.name, pid)
        deadline = time.monotonic() + REVIVE_S
        while time.monotonic() < deadline:
            program = self._programs.all().get(process.name)
            if program is None or program.pid not in (0, pid) or program.state in ("STOPPED", "FATAL"):
                break
            time.sleep(REVIVE_EVERY_S)
        self._follow()

    def _join(self) -> list:
        bus = Bus(NAME, [Health], self._folder)
        try:
            messages = bus.connect(LOOK_S)
        except BusUnreachable:
            bus.close()
            return []
        self._bus = bus
        return messages

    def _hear(self, messages: list) -> None:
        for _, health in messages:
            if health.pid in self._processes:
                self._processes[health.pid].beat_ns = now_ns() if health.state == "ready" else None

    def _end_hung(self) -> None:
        """Where nobody is heard any more, it is the bus that hangs."""
        beats_ns = {pid: one.beat_ns for pid, one in self._processes.items() if one.beat_ns is not None}
        silent = [pid for pid, beat_ns in beats_ns.items() if now_ns() - beat_ns > HUNG_NS]
        if len(silent) > 1 and len(silent) == len(beats_ns):
            for pid, one in self._processes.items():
                one.beat_ns = None
                if one.name == "bus":
                    self._kill(pid, "forwards nothing")
        else:
            for pid in silent:
                self._kill(pid, f"has not been heard for {HUNG_NS / SECOND:g} s")

    def _kill(self, pid: int, why: str) -> None:
        process = self._processes[pid]
        process.beat_ns, process.looks = None, 0
        log.warning("%s (process %d) %s: killed", process.name, pid, why)
        signal.pidfd_send_signal(process.end_fd, signal.SIGKILL)


def _is_stopped(pid: int) -> bool:
    """By a signal, which is not how a debugger stops it (proc(5): state T)."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def main() -> None:
    actor_log.setup(NAME)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    watchdog = Watchdog(run_folder())
    log.info("ready")
    try:
        while True:
            watchdog.look()
    except NotRunning as error:
        log.error("%s", error)
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    main()
