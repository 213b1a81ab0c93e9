"""``visavis replay TRACE --actor NAME``: runs an actor through a recorded call, and tells what it says differently.

The actor's own program hears the trace in the place of the bus, message by message at the time each was sent, and as
fast as it can: nothing waits. What it says is compared, field by field, with what was recorded, or with --against with
what a replay said before (a file of --save): then it must be exactly the same.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.clock import SECOND
from protocol.run import REPOSITORY
from protocol.topics import ACTORS
from protocol.trace import TraceReader
from tools import said
from tools.difference import RECORDED, Difference, differences
from tools.errors import ToolError

SHOWN = 12  # differences
ONLY = {"transport": ("playout",)}  # what is no network


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trace", type=Path, help="made by `visavis record`, from before the call began")
    parser.add_argument("--actor", choices=ACTORS, required=True)
    parser.add_argument("--engine", default="auto", help="which engine it runs")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with this instead of the recording")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write down what it says, for --against")
    parser.add_argument("--report", type=Path, metavar="FILE.md", help="all differences, in Markdown")
    parser.epilog = "Exits with 1 where something differs."


class ReplayFailed(ToolError):
    """The actor did not come through the trace; the message holds its last words."""


def run(args: argparse.Namespace) -> int:
    began = time.monotonic()
    with replayed(args.trace, args.actor, args.engine) as out:
        took_s = time.monotonic() - began
        zero_ns = said.zero_ns(args.trace)
        now = list(said.said(out, args.actor, zero_ns))
    only = ONLY.get(args.actor, said.topics_of(args.actor))
    if args.save:
        said.write(args.save, now)
        print(f"{args.actor} said {len(now)} messages: {args.save}")
        return 0
    before = said.read(args.against) if args.against else list(said.said(args.trace, args.actor, zero_ns))
    before = [fact for fact in before if fact["topic"] in only]
    found = list(differences(before, now, {} if args.against else RECORDED))
    seconds = _seconds(args.trace)
    print(f"{args.actor}: {seconds:.1f} s of the trace in {took_s:.1f} s, {seconds / took_s:.0f} times as fast")
    print("\n".join(summary(before, now, found)))
    if args.report:
        args.report.write_text(markdown(args.actor, args.trace, before, now, found))
    return 1 if found else 0


@contextmanager
def replayed(trace: Path, actor: str, engine: str = "auto") -> Iterator[Path]:
    """The trace of what the actor says, as long as the ``with`` lasts. Raises ReplayFailed, BadTrace, OSError."""
    TraceReader(trace)  # a bad one is refused before anything is loaded
    with tempfile.TemporaryDirectory(prefix="visavis-replay-") as folder:
        out = Path(folder) / "out.mcap"
        command = [sys.executable, "-m", f"actors.{actor}", "--engine", engine]
        command += ["--replay", str(trace.absolute()), "--out", str(out)]
        ended = subprocess.run(
            command, cwd=REPOSITORY, env=_environment(actor, folder), stderr=subprocess.PIPE, text=True, check=False
        )
        if ended.returncode:
            last = "\n  ".join(ended.stderr.splitlines()[-5:])
            raise ReplayFailed(f"{actor} ended with {ended.returncode} in the replay:\n  {last}")
        yield out


def _environment(actor: str, folder: str) -> dict[str, str]:
    """The llm's memory is empty: what callers told since the recording must neither change it nor be changed by it."""
    environment = {**os.environ, "VISAVIS_RUN": folder, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if actor == "llm":
        environment["VISAVIS_DATA"] = folder
        environment.pop("REDIS_URL", None)
    return environment


def _seconds(trace: Path) -> float:
    times = [record.envelope.sent_ns for record in TraceReader(trace)]
    return (max(times) - min(times)) / SECOND


def summary(before: list[dict], now: list[dict], found: list[Difference]) -> list[str]:
    """A line for each topic, then the first differences."""
    counts, counts_now = (Counter(fact["topic"] for fact in facts) for facts in (before, now))
    bad = Counter(topic for topic, _ in {(one.topic, one.key) for one in found})
    lines = [
        f"  {topic}: {counts_now[topic]} messages, {counts[topic]} before; {bad[topic] or 'none'} of them differ"
        for topic in sorted(counts | counts_now)
    ]
    lines += [f"  {one}" for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more differences: see --report")
    return lines


def markdown(actor: str, trace: Path, before: list[dict], now: list[dict], found: list[Difference]) -> str:
    rows = [
        f"| {one.topic} | {' '.join(map(str, one.key))} | {one.field} | {one.before} | {one.now} |" for one in found
    ]
    head = [f"# {actor} on {trace.name}", "", *summary(before, now, []), ""]
    return "\n".join([*head, "| topic | message | field | before | now |", "|---|---|---|---|---|", *rows, ""])
