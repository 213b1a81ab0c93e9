"""``visavis bench budget``: how fast an answer is with engines that take as long as the large ones do.

Every actor runs with its default engine, held back to exactly its time in BUDGET_MS (_late.py). One after the other,
with the wait for the end of speech and the way over a network, these times add up to ``sum_of_stages_ms``; what
overlaps and what is begun ahead makes ``total_ms`` less: from the last audible sample of the question to the first of
the answer, at the caller. ``overhead_ms``: what of it is neither the pause that an answer begins at, nor words, reply
or voice in the making.
"""

import argparse
import asyncio
from itertools import islice

from actors.vad.activity import FRAME_MS, PAUSE_FRAMES
from protocol.clock import MS
from tools.bench._quantiles import quantiles
from tools.bench.talk import converse, questions
from tools.lips import first_audible_ns
from tools.recording import sound
from tools.stack import Stack

BUDGET_MS = {  # by actor: what it says so late
    "stt": ("Transcript", 200),
    "llm": ("Reply", 400),
    "tts": ("Voice", 250),  # its phones are known before
    "animator": ("Face", 80),
    "renderer": ("Frame", 50),
}
CRITICAL = ("stt", "llm", "tts")  # the face is made while the voice is
VAD_MS, NETWORK_MS = 150, 80


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20, help="how many questions to ask")


def run(args: argparse.Namespace) -> dict:
    stack = Stack()
    for actor, (kind, milliseconds) in BUDGET_MS.items():
        stack.wrap(actor, f"tools.bench._late {milliseconds} {kind}")
    with stack:
        caller, turns = asyncio.run(converse(f"http://{stack.host}:{stack.port}", islice(questions(), args.turns)))
    heard = sound(caller.tapes["audio"])
    begun = [(first_audible_ns(heard, turn.speech_end_ns, turn.end_ns), turn.speech_end_ns) for turn in turns]
    totals_ms = [(first_ns - end_ns) / MS for first_ns, end_ns in begun if first_ns is not None]
    critical_ms = PAUSE_FRAMES * FRAME_MS + sum(BUDGET_MS[actor][1] for actor in CRITICAL)
    return {
        **quantiles("total_ms", totals_ms),
        "sum_of_stages_ms": VAD_MS + NETWORK_MS + sum(milliseconds for _, milliseconds in BUDGET_MS.values()),
        "critical_ms": critical_ms,
        **quantiles("overhead_ms", [total_ms - critical_ms for total_ms in totals_ms]),
        "answered": len(totals_ms),
        "turns": len(turns),
    }
