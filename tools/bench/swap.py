"""``visavis bench swap``: engines are swapped under a call in which an outside caller asks and is answered.

``silence_ms``: by how much the end of an answer is later than its beginning says; ``frozen``: pictures that came more
than 100 ms after the one before; ``words_lost`` of the answers.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from attrs import define

from actors.tts.flite import Flite
from protocol.clock import MS
from tools.bench._quantiles import quantiles
from tools.bench._spoken import spoken
from tools.bench._words import best, lost_words, timeline
from tools.bench.talk import questions
from tools.caller import RATE_HZ, Caller, Turn
from tools.recording import pictures
from tools.reference import reference
from tools.stack import Stack
from tools.swap import swap
from tools.talk import SETTLE_S

ACTORS = ("stt", "tts", "animator", "renderer")
FROZEN_MS = 100
PART_S = 0.4  # of the answer's beginning and its end that is looked for
LATEST_S = 2.0  # after the question began, a swap begins


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--times", type=int, default=20, help="how often each is swapped")
    parser.add_argument("--only", choices=ACTORS, help="one actor")


@define
class Swapped:
    actor: str
    turns: list[Turn]
    took_s: float = 0.0


def run(args: argparse.Namespace) -> dict:
    plan = [Swapped(actor, []) for actor in ACTORS if args.only in (None, actor) for _ in range(args.times)]
    random.Random(0).shuffle(plan)
    with Stack() as stack:
        caller = asyncio.run(_converse(stack, plan))
    return {"actors": list(_rows(caller, plan))}


async def _converse(stack: Stack, plan: Sequence[Swapped]) -> Caller:
    texts, rng = questions(), random.Random(0)
    async with Caller(f"http://{stack.host}:{stack.port}") as caller:
        await asyncio.sleep(SETTLE_S)
        for one in plan:
            swapping = asyncio.create_task(_swap(stack, one, rng.uniform(0, LATEST_S)))
            while not swapping.done() or not one.turns:
                one.turns.append(await caller.ask(spoken(next(texts))))
            await swapping
            one.turns.append(await caller.ask(spoken(next(texts))))
    return caller


async def _swap(stack: Stack, one: Swapped, after_s: float) -> None:
    await asyncio.sleep(after_s)
    began = asyncio.get_running_loop().time()
    await asyncio.to_thread(swap, stack.folder, one.actor)
    one.took_s = asyncio.get_running_loop().time() - began


def _rows(caller: Caller, plan: Sequence[Swapped]) -> Iterator[dict]:
    voice = Flite()
    voice.load()
    seen = np.array([one.arrival_ns for one in pictures(caller.tapes["video"])])
    for actor in ACTORS:
        some = [one for one in plan if one.actor == actor]
        if not some:
            continue
        silences, lost, frozen, unanswered = [], 0, 0, 0
        for turn in (turn for one in some for turn in one.turns):
            inside = seen[(seen >= turn.begin_ns) & (seen < turn.end_ns)]
            frozen += int((np.diff(inside) > FROZEN_MS * MS).sum())
            if not turn.reply:
                unanswered += 1
                print(f"{actor}: no answer to {turn.transcript!r}", file=sys.stderr)
                continue
            wanted = reference(turn.reply, voice)
            heard = timeline([caller.tapes["audio"]], turn.begin_ns, turn.end_ns)
            if missing := lost_words(wanted, heard)[0]:
                print(f"{actor}: {missing} words lost of {turn.reply}, to {turn.transcript!r}", file=sys.stderr)
            lost += missing
            silences.append(_silence_ms(wanted.pcm, heard))
        yield {
            "actor": actor,
            "n": len(some),
            **quantiles("silence_ms", silences),
            "silence_ms_max": max((ms for ms in silences if ms is not None), default=None),
            "frozen": frozen,
            "words_lost": lost,
            "answers": len(silences),
            "unanswered": unanswered,
            **quantiles("swap_s", [one.took_s for one in some]),
        }


def _silence_ms(wanted: np.ndarray, heard: np.ndarray) -> float | None:
    """None where the beginning or the end was not heard."""
    loud = np.flatnonzero(np.abs(wanted) > 300)
    first, last, length = int(loud[0]), int(loud[-1]), int(PART_S * RATE_HZ)
    begin = best(wanted[first : first + length], heard)
    end = best(wanted[last - length : last], heard)
    if None in (begin, end):
        return None
    return round(((end - begin) - (last - length - first)) * 1000 / RATE_HZ, 1)
