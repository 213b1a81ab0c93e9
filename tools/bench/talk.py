"""``visavis bench talk``: questions by another voice, asked by an outside caller of a system of its own.

From the last audible sample of a question, as it left the caller, to the first audible sample of the answer, as it
arrived there. Then people who interrupt and who only say "mhm" (_barge.py), and people who hesitate (_pauses.py). The
caller keeps packets and decodes them after the call, so that it takes little from the machine it
measures.
"""

import argparse
import asyncio
from pathlib import Path

import numpy as np

from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from tools.bench import _barge, _pauses
from tools.bench._quantiles import quantiles
from tools.bench._spoken import spoken
from tools.caller import Caller, Turn
from tools.lips import Film
from tools.recording import pictures, sound
from tools.stack import Stack
from tools.talk import SETTLE_S, measured

QUESTIONS = Path(__file__).with_name("questions.txt")
WORD_ERRORS_OK = 0.34  # share of a question's words that may be wrong for the turn to count as understood


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20, help="how many questions to ask")
    parser.add_argument("--only", choices=PARTS, help="a part of it")


def run(args: argparse.Namespace) -> dict:
    results = {}
    for name, part in PARTS.items():
        if args.only in (None, name):
            results |= part(args)
    return results


def _with_system(measure) -> dict:
    with Stack() as stack:
        return asyncio.run(measure(f"http://{stack.host}:{stack.port}"))


def _ask(args: argparse.Namespace) -> dict:
    questions = QUESTIONS.read_text().splitlines()
    asked = [questions[number % len(questions)] for number in range(args.turns)]
    speech = [spoken(question) for question in asked]
    caller, turns = _with_system(lambda url: converse(url, speech))
    voice = Flite()
    voice.load()
    heard, seen = sound(caller.tapes["audio"]), pictures(caller.tapes["video"])
    film = Film.of(seen)
    results = measured(turns, heard, film, voice)

    def sizes(key: str) -> list[float | None]:
        return [result[key] and abs(result[key]) for result in results]

    between = [(late.at_ns - early.at_ns) / SECOND for early, late in zip(seen, seen[1:], strict=False)]
    understood = sum(word_errors(q, t.transcript) <= WORD_ERRORS_OK for q, t in zip(asked, turns, strict=True))
    return {
        **quantiles("v2v_ms", sizes("v2v_ms")),
        **quantiles("mouth_ms", sizes("mouth_ms")),
        **quantiles("mouth_minus_sound_ms", sizes("apart_ms")),
        **quantiles("skew_ms", sizes("skew_ms")),
        "fps": round(len(between) / sum(between), 2),
        "first_frame_ms": round((seen[0].arrival_ns - caller.clicked_ns) / MS, 1),
        "turns_ok": sum(result["v2v_ms"] is not None for result in results),
        "turns_understood": understood,
        "turns": len(turns),
    }


PARTS = {
    "turns": _ask,
    "barge": lambda args: _with_system(_barge.measure),
    "pauses": lambda args: _with_system(_pauses.measure),
}


async def converse(url: str, speech: list[np.ndarray]) -> tuple[Caller, list[Turn]]:
    async with Caller(url) as caller:
        await asyncio.sleep(SETTLE_S)
        return caller, [await caller.ask(pcm) for pcm in speech]


def word_errors(reference: str, heard: str) -> float:
    """Levenshtein distance in words over the reference's length."""
    a, b = ("".join(c for c in text.lower() if c.isalpha() or c in " '").split() for text in (reference, heard))
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1] / max(1, len(a))
