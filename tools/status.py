"""``visavis status``: what every process is doing. Read from the kept Health messages and the supervisor.

With --turns: how long each stage of the last turns took, and what was made in vain, as the transport actor saw it.
"""

import argparse
import ipaddress
import json
import ssl
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from protocol.bus import Bus
from protocol.clock import SECOND, now_ns
from protocol.errors import BusUnreachable
from protocol.messages import Health
from protocol.run import run_folder
from protocol.topics import ACTORS
from tools.errors import NotRunning
from tools.programs import Program, Programs

SILENT_NS = 3 * SECOND  # a heartbeat comes every second
HEAD = ("ACTOR", "STATE", "ENGINE", "PID", "CPU %", "MEM MB", "LAG MS", "STEP MS", "CALLS", "COUNTS")


@frozen
class Actor:
    """A program with the last Health it said; None where it said none since it started."""

    program: Program
    health: Health | None
    age_ns: int = 0

    @property
    def state(self) -> str:
        if self.program.state not in ("STARTING", "RUNNING"):
            return self.program.state.lower()
        if self.health is None:
            return "running"
        return self.health.state if self.age_ns < SILENT_NS else "silent"

    @property
    def is_well(self) -> bool:
        """The bus says no Health: it is well where it runs, as all others speak through it."""
        return self.state == ("ready" if self.program.name != "bus" else "running")

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
    programs = Programs(folder).all()
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
        Actor(programs[name], *said.get(programs[name].pid, (None, 0))) for name in ("bus", *ACTORS) if name in programs
    ]


SHOWN = 20  # turns
ANSWER_S = 3.0


def turns(folder: Path) -> dict:
    """What /api/turns says. Raises NotRunning, OSError."""
    transport = next((one.health for one in read(folder) if one.program.name == "transport" and one.health), None)
    if transport is None or not transport.note:
        raise NotRunning("the transport actor has not said where it listens")
    parts = urlsplit(transport.note)
    host = "127.0.0.1" if parts.hostname == "0.0.0.0" else parts.hostname
    context = ssl.create_default_context()
    if _is_here(host):  # its certificate is made for the name that others reach it by
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = f"{parts.scheme}://{host}:{parts.port}/api/turns"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(url, timeout=ANSWER_S) as response:
        return json.load(response)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def turn_rows(report: dict) -> list[tuple[str, ...]]:
    """The table of ``turns()``: ms since the end of speech, a column for each stage in the order of their medians."""
    p50 = report["p50"]
    names = sorted((name for name in p50 if p50[name] is not None), key=p50.get)

    def row(label: str, values: dict) -> tuple[str, ...]:
        return (label, *("" if values[name] is None else f"{values[name]:.0f}" for name in names))

    rows = [("TURN", *(name.replace("_", " ").upper() for name in names))]
    rows += [row(str(turn["turn"]), turn) for turn in report["turns"][-SHOWN:]]
    return [*rows, row("p50", p50), row("p95", report["p95"])]


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _show_turns(report: dict) -> None:
    if not report["turns"]:
        return print("no turn was heard yet")
    _print(turn_rows(report))
    drafts = report["drafts"]
    print(
        f"\nms since the end of speech. Begun before they were certain: {drafts['drafted']} of "
        f"{drafts['drafted'] + drafts['not_drafted']} turns; thrown away: {drafts['thrown_away']} drafts "
        f"with {drafts['wasted_sentences']} sentences and {drafts['wasted_voice_ms'] / 1000:.1f} s of voice"
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", action="store_true", help="how long each stage of the last turns took")
    parser.epilog = "Exits with 1 where something is not ready or no server runs."


def run(args: argparse.Namespace) -> int:
    if args.turns:
        _show_turns(turns(run_folder()))
        return 0
    actors = read(run_folder())
    _print([HEAD, *(actor.row() for actor in actors)])
    return 0 if all(actor.is_well for actor in actors) else 1
