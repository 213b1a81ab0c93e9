"""``visavis status``: what every process is doing. Read from the kept Health messages and the supervisor.

With --turns: how long each stage of the last turns took, and what was made in vain, as the transport actor saw it.
"""

import argparse
from pathlib import Path

from attrs import frozen

from protocol.bus import Bus
from protocol.clock import SECOND, now_ns
from protocol.errors import BusUnreachable
from protocol.messages import Health
from protocol.run import run_folder
from protocol.topics import ACTORS
from tools import turns
from tools.programs import Program, Programs
from tools.table import print_table

SILENT_NS = 3 * SECOND  # a heartbeat comes every second
HEAD = ("ACTOR", "STATE", "ENGINE", "PID", "CPU %", "MEM MB", "LAG MS", "STEP MS", "CALLS", "COUNTS")


@frozen
class Actor:
    """A program with the last Health it said; None where it said none since it started. waits: for the end of another
    process, which does the work.
    """

    program: Program
    health: Health | None
    age_ns: int = 0
    waits: bool = False

    @property
    def name(self) -> str:
        return self.program.actor

    @property
    def state(self) -> str:
        if self.program.state not in ("STARTING", "RUNNING"):
            return self.program.state.lower()
        if self.waits:
            return "waits"
        if self.health is None:
            return "running"
        return self.health.state if self.age_ns < SILENT_NS else "silent"

    @property
    def is_well(self) -> bool:
        """Bus and watchdog say no Health: they are well where they run."""
        return self.state in (("ready", "waits") if self.name in ACTORS else ("running",))

    def row(self) -> tuple[str, ...]:
        pid = str(self.program.pid or "")
        if (health := self.health) is None:
            return (self.program.name, self.state, "", pid, "", "", "", "", "", self.program.words)
        return (
            self.program.name,
            self.state,
            health.engine,
            pid,
            f"{health.cpu_percent:.0f}",
            f"{health.memory_bytes / 1e6:.0f}",
            f"{health.lag_ms:.1f}",
            f"{health.step_ms:.1f}",
            str(health.sessions),
            ", ".join(f"{name} {count}" for name, count in sorted(health.counts.items())),
        )


def read(folder: Path) -> list[Actor]:
    """All programs of the system in ``folder``, in dataflow order. Raises NotRunning."""
    programs = Programs(folder)
    listed = programs.all().values()
    at_work = {programs.of(actor).name for actor in {program.actor for program in listed}}
    bus = Bus("status", [Health], folder)
    try:
        kept = bus.connect(timeout_s=2.0)
    except BusUnreachable:  # the rows will show it
        kept = []
    finally:
        bus.close()
    now = now_ns()
    said = {health.pid: (health, now - envelope.sent_ns) for envelope, health in kept}
    return [
        Actor(program, *said.get(program.pid, (None, 0)), waits=program.name not in at_work)
        for name in ("bus", *ACTORS, "watchdog")
        for program in listed
        if program.actor == name and (program.name in at_work or program.state != "STOPPED")
    ]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", action="store_true", help="how long each stage of the last turns took")
    parser.epilog = "Exits with 1 where something is not ready or no server runs."


def run(args: argparse.Namespace) -> int:
    if args.turns:
        healths = [one.health for one in read(run_folder()) if one.name == "transport" and one.health]
        turns.show(turns.fetch(healths[0].note if healths else ""))
        return 0
    actors = read(run_folder())
    print_table([HEAD, *(actor.row() for actor in actors)])
    return 0 if all(actor.is_well for actor in actors) else 1
