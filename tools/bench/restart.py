"""``visavis bench restart``: every program of a running system is killed, asked to end and stopped, under a call.

An outside caller asks question after question. At a random moment while it speaks, while the face thinks or while it
answers, a program gets a signal. ``recovery_ms``: until its successor says that it is ready; for the bus, until
messages pass again; for transport, until sound and picture arrive at the caller. ``words_lost``: of the question that
were not understood, and of the answer that were not heard; an answer that never came loses all of the question's.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from attrs import define

from actors.tts.flite import Flite
from protocol.bus import Bus
from protocol.clock import MS, SECOND, now_ns
from protocol.messages import Face, Health, Reply
from protocol.messages import Turn as TurnSaid
from protocol.topics import ACTORS
from tools.bench._growth import used
from tools.bench._quantiles import quantiles
from tools.bench._spoken import spoken
from tools.bench._words import lost_words, timeline
from tools.bench.talk import questions, word_errors
from tools.caller import RATE_HZ, Caller, Turn
from tools.recording import pictures
from tools.reference import reference
from tools.stack import Stack
from tools.talk import SETTLE_S

PROGRAMS = ("bus", *ACTORS)
SIGNALS = ("KILL", "TERM", "STOP")
STOP_S = 5.0  # then it would go on, were it still there
PHASES = ("listening", "thinking", "speaking")
RECOVER_S = 15.0
ALIVE_NS = SECOND  # sound that is older is no call
BACK_NS = 20 * MS  # the bus: so long after its successor began, what comes has passed through it


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--times", type=int, default=10, help="how often each program gets each signal")
    parser.add_argument("--only", choices=PROGRAMS, help="one program")
    parser.add_argument("--signal", choices=SIGNALS, help="one signal")


@define
class Incident:
    program: str
    signal: str
    phase: str
    at_ns: int = 0
    back_ns: int | None = None
    question: str = ""
    turn: Turn | None = None
    is_alive: bool = False
    words_lost: int = 0
    frames_lost: int = 0


class Ear:
    """Hears the bus in a thread of its own. replies: sentences by turn; committed: turns in order, with their time."""

    def __init__(self, folder: Path):
        self._bus = Bus("bench", [Health, Reply, TurnSaid, Face], folder)
        self._bus.connect()
        self.ready_ns: dict[int, int] = {}  # by pid: its first heartbeat as ready
        self.replies: dict[int, dict[int, str]] = defaultdict(dict)
        self.committed: list[tuple[int, int]] = []
        self.faces_ns: list[int] = []
        self._over = False
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self) -> None:
        while not self._over:
            for envelope, message in self._bus.receive(50):
                match message:
                    case Health(state="ready", pid=pid):
                        self.ready_ns.setdefault(pid, now_ns())
                    case Reply(sentence=sentence, text=text):
                        self.replies[envelope.turn][sentence] = text
                    case TurnSaid(state="committed"):
                        self.committed.append((now_ns(), envelope.turn))
                    case Face():
                        self.faces_ns.append(now_ns())

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self._bus.close()


def run(args: argparse.Namespace) -> dict:
    """Progress, and what was not as it should be, goes to the standard error."""
    plan = [
        Incident(program, name, "")
        for program in PROGRAMS
        for name in SIGNALS
        if args.only in (None, program) and args.signal in (None, name)
        for _ in range(args.times)
    ]
    rng = random.Random(0)
    rng.shuffle(plan)
    for number, one in enumerate(plan):
        one.phase = PHASES[number % len(PHASES)]
    with Stack() as stack:
        ear = Ear(stack.folder)
        caller = asyncio.run(_converse(stack, ear, plan, rng))
        ear.close()
    _measure(caller, ear, plan)
    left = {str(one.pid): one.pid for one in psutil.process_iter(["environ"]) if _is_of(one, stack.folder)}
    return {
        "actors": list(_rows(plan)),
        "incidents": len(plan),
        "call_alive": _share(plan),
        "processes_left": len(left),
        "shm_bytes_left": used(left).shared_bytes,
    }


def _is_of(process: psutil.Process, folder: Path) -> bool:
    return (process.info["environ"] or {}).get("VISAVIS_RUN") == str(folder)


async def _converse(stack: Stack, ear: Ear, plan: Sequence[Incident], rng: random.Random) -> Caller:
    texts = questions()
    async with Caller(f"http://{stack.host}:{stack.port}") as caller:
        await asyncio.sleep(SETTLE_S)
        for one in plan:
            one.question = next(texts)
            await _incident(stack, ear, caller, one, rng)
    return caller


async def _incident(stack: Stack, ear: Ear, caller: Caller, one: Incident, rng: random.Random) -> None:
    session = caller.session_id
    pcm = spoken(one.question)
    asking = asyncio.create_task(caller.ask(pcm))
    begun_ns = now_ns()
    speech_s = len(pcm) / RATE_HZ - 0.5
    match one.phase:
        case "listening":
            await asyncio.sleep(rng.uniform(0.1, speech_s))
        case "thinking":
            await asyncio.sleep(speech_s + rng.uniform(0.0, 0.3))
        case "speaking":
            await caller.until(lambda event: event["type"] == "reply", begun_ns, 5.0)
            await asyncio.sleep(rng.uniform(0.1, 1.5))
    while not (pid := stack.programs.of(one.program).pid):  # the signal would go to this process' own group
        await asyncio.sleep(0.01)
    one.at_ns = now_ns()
    os.kill(pid, getattr(signal, f"SIG{one.signal}"))
    if one.signal == "STOP":
        asyncio.get_running_loop().call_later(STOP_S, _go_on, pid)
    one.back_ns = await _back(stack, ear, caller, one, pid)
    one.turn = await asking
    await caller.quiet(5.0)
    await asyncio.sleep(1.0)
    sound = caller.tapes["audio"].arrivals
    one.is_alive = caller.session_id == session and bool(sound) and now_ns() - sound[-1].at_ns < ALIVE_NS


def _go_on(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


async def _back(stack: Stack, ear: Ear, caller: Caller, one: Incident, old_pid: int) -> int | None:
    """When the program's successor did its work; None where that never was."""
    deadline_ns = one.at_ns + int(RECOVER_S * SECOND)
    pid = old_pid
    while now_ns() < deadline_ns:
        await asyncio.sleep(0.01)
        if pid in (0, old_pid):
            pid, seen_ns = stack.programs.of(one.program).pid, now_ns()
            continue
        match one.program:
            case "bus":
                back = [at_ns for at_ns in ear.faces_ns[-30:] if at_ns > seen_ns + BACK_NS]
            case "transport":
                tapes = [caller.tapes[kind].arrivals for kind in ("audio", "video")] if caller.past_tapes else []
                fresh = tapes and all(tapes) and all(tape[0].at_ns > one.at_ns for tape in tapes)
                back = [max(tape[0].at_ns for tape in tapes)] if fresh else []
            case _:
                back = [ear.ready_ns[pid]] if pid in ear.ready_ns else []
        if back:
            return back[0]
    return None


def _measure(caller: Caller, ear: Ear, plan: Sequence[Incident]) -> None:
    voice = Flite()
    voice.load()
    connections = [*caller.past_tapes, caller.tapes]
    seen = [one.arrival_ns for tapes in connections if tapes["video"].arrivals for one in pictures(tapes["video"])]
    for one in plan:
        begin_ns, end_ns = one.turn.begin_ns, one.turn.end_ns
        shown = sum(begin_ns <= at_ns < end_ns for at_ns in seen)
        one.frames_lost = max(0, round((end_ns - begin_ns) * 30 / SECOND) - shown)
        heard = timeline([tapes["audio"] for tapes in connections], begin_ns, end_ns)
        said, lost, all_words = _reply(ear, one, heard, voice)
        count = len(one.question.split())
        misheard = round(count * min(1.0, word_errors(one.question, one.turn.transcript)))
        one.words_lost = lost + misheard if said else count
        if one.words_lost > 1 or not one.is_alive or one.back_ns is None:
            print(
                f"{one.program} {one.signal} while {one.phase}: of {one.question!r} {misheard} words misheard, of "
                f"{said!r} {lost} of {all_words} lost; alive {one.is_alive}; back {one.back_ns is not None}",
                file=sys.stderr,
            )


def _reply(ear: Ear, one: Incident, heard: np.ndarray, voice: Flite) -> tuple[str, int, int]:
    """(what should have been heard, words of it that were not, its words)."""
    inside = [turn for at_ns, turn in ear.committed if one.turn.begin_ns <= at_ns < one.turn.end_ns]
    turns = [turn for turn in inside if ear.replies[turn]]
    if not turns:
        return "", 0, 0
    sentences = [ear.replies[turns[-1]][number] for number in sorted(ear.replies[turns[-1]])]
    return " ".join(sentences), *lost_words(reference(sentences, voice), heard)


def _share(incidents: Sequence[Incident]) -> float:
    return round(sum(one.is_alive for one in incidents) / len(incidents), 3)


def _rows(plan: Sequence[Incident]) -> Iterator[dict]:
    for program in PROGRAMS:
        for name in SIGNALS:
            some = [one for one in plan if (one.program, one.signal) == (program, name)]
            if some:
                yield {
                    "actor": program,
                    "signal": name,
                    "n": len(some),
                    "call_alive": _share(some),
                    **quantiles("recovery_ms", [one.back_ns and (one.back_ns - one.at_ns) / MS for one in some]),
                    "never_back": sum(one.back_ns is None for one in some),
                    **quantiles("words_lost", [one.words_lost for one in some]),
                    **quantiles("frames_lost", [one.frames_lost for one in some]),
                }
