"""``visavis replay TRACE --actor NAME``: runs an actor through a recorded call, and tells what it says differently.

The actor's own program hears the trace in the place of the bus, message by message at the time each was sent, and as
fast as it can: nothing waits. What it says is compared, field by field, with what was recorded, or with --against with
what a replay said before: then it must be exactly the same. --update-refs writes that down, for all actors at once.
With --live the trace is said again on the running bus in the place of some actors, at its own pace.
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
from protocol.run import REPOSITORY, run_folder
from protocol.topics import ACTORS
from protocol.trace import TraceReader
from tools import said
from tools.difference import RECORDED, REPLAYED, Difference, differences
from tools.errors import ToolError
from tools.live import say_again

SHOWN = 12  # differences
UNCERTAIN = "partial"  # transcripts: how far a recogniser is in the middle of an utterance depends on its thread
ONLY = {"transport": ("playout",)}  # what is no network


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trace", type=Path, help="made by `visavis record`, from before the call began")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--actor", choices=ACTORS)
    what.add_argument("--update-refs", type=Path, metavar="FOLDER", help="write down what each actor says, here")
    what.add_argument("--live", type=_actors, metavar="ACTOR,ACTOR", help="say again what these said, to the others")
    parser.add_argument("--speed", type=float, default=1.0, help="of --live: so many times as fast")
    parser.add_argument("--engine", default="auto", help="which engine the actor runs")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="compare with this instead of the recording")
    parser.add_argument("--report", type=Path, metavar="FILE.md", help="all differences, in Markdown")
    parser.epilog = "Exits with 1 where something differs."


def _actors(words: str) -> list[str]:
    if unknown := [word for word in words.split(",") if word not in ACTORS]:
        raise argparse.ArgumentTypeError(f"no actor {unknown[0]!r}; there are {', '.join(ACTORS)}")
    return words.split(",")


class ReplayFailed(ToolError):
    """The actor did not come through the trace; the message holds its last words."""


def run(args: argparse.Namespace) -> int:
    if args.update_refs:
        for actor in ACTORS:
            facts, _ = _now(args.trace, actor, args.engine)
            said.write(args.update_refs / f"{actor}.jsonl", said.thinned(facts))
            print(f"{actor}: {len(facts)} messages")
        return 0
    if args.live:
        print(f"{say_again(run_folder(), args.trace, args.live, args.speed)} messages of {', '.join(args.live)} said")
        return 0
    began = time.monotonic()
    now, seconds = _now(args.trace, args.actor, args.engine)
    took_s = time.monotonic() - began
    before, found = compared(args.trace, args.actor, now, args.against)
    print(f"{args.actor}: {seconds:.1f} s of the trace in {took_s:.1f} s, {seconds / took_s:.0f} times as fast")
    print("\n".join(summary(before, now, found)))
    if args.report:
        args.report.write_text(markdown(args.actor, args.trace, before, now, found))
    return 1 if found else 0


def _now(trace: Path, actor: str, engine: str) -> tuple[list[dict], float]:
    """What it says, and how many seconds the trace has."""
    times_ns = [record.envelope.sent_ns for record in TraceReader(trace)]
    if not times_ns:
        raise ReplayFailed(f"{trace} has no messages")
    with replayed(trace, actor, engine) as out:
        return list(said.said(out, actor, times_ns[0])), (max(times_ns) - min(times_ns)) / SECOND


def compared(trace: Path, actor: str, now: list[dict], against: Path | None) -> tuple[list[dict], list[Difference]]:
    """(what it said before, where ``now`` differs): before in the recording, or in the references ``against``."""
    if against:
        before, now = said.read(against / f"{actor}.jsonl"), said.thinned(now)
    else:
        only = ONLY.get(actor, said.topics_of(actor))
        before = [fact for fact in said.said(trace, actor) if fact["topic"] in only]
    before, now = ([fact for fact in facts if fact.get("stage") != UNCERTAIN] for facts in (before, now))
    return before, list(differences(before, now, REPLAYED if against else RECORDED))


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
