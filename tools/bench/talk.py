"""``visavis bench talk``: questions by another voice, asked by an outside caller of a system of its own.

From the last audible sample of a question, as it left the caller, to the first audible sample of the answer, as it
arrived there. Then people who interrupt and who only say "mhm" (_barge.py), and people who hesitate (_pauses.py). The
caller keeps packets and decodes them after the call, so that it takes little from the machine it measures. With
--minutes it only asks, for so long, and looks for what changes with time (_growth.py).
"""

import argparse
import asyncio
import time
from collections.abc import Iterable, Iterator
from itertools import cycle, islice, takewhile
from pathlib import Path

from scipy.stats import theilslopes

from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from tools.bench import _barge, _pauses
from tools.bench._growth import Watch
from tools.bench._quantiles import quantiles
from tools.bench._spoken import spoken
from tools.caller import Caller, Turn
from tools.lips import Film
from tools.recording import pictures, sound
from tools.stack import Stack
from tools.talk import SETTLE_S, measured

QUESTIONS = Path(__file__).with_name("questions.txt")
LEAST_POINTS = 3  # to speak of a slope
WORD_ERRORS_OK = 0.34  # share of a question's words that may be wrong for the turn to count as understood


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20, help="how many questions to ask")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="one call of so long")
    length.add_argument("--only", choices=PARTS, help="a part of it")


def run(args: argparse.Namespace) -> dict:
    if args.minutes:
        return _soak(args.minutes)
    results = {}
    for name, part in PARTS.items():
        if args.only in (None, name):
            results |= part(args)
    return results


def _with_system(measure) -> dict:
    with Stack() as stack:
        return asyncio.run(measure(f"http://{stack.host}:{stack.port}"))


def _ask(args: argparse.Namespace) -> dict:
    asked = list(islice(questions(), args.turns))
    caller, turns = _with_system(lambda url: converse(url, asked))
    return _figures(caller, turns, asked)[0]


def _soak(minutes: float) -> dict:
    """Besides the figures: skew_slope_ms_per_min, by which the lips fall behind, and what Watch.growth() tells."""
    end = time.monotonic() + 60 * minutes
    asked = []

    def while_time() -> Iterator[str]:
        for question in takewhile(lambda _: time.monotonic() < end, questions()):
            asked.append(question)
            yield question

    async def watched(stack: Stack) -> tuple[Caller, list[Turn], dict]:
        async with Watch(stack.programs) as watch:
            caller, turns = await converse(f"http://{stack.host}:{stack.port}", while_time())
        return caller, turns, watch.growth()

    with Stack() as stack:
        caller, turns, growth = asyncio.run(watched(stack))
    figures, results = _figures(caller, turns, asked)
    skews = [(one.begin_ns / SECOND / 60, result["skew_ms"]) for one, result in zip(turns, results, strict=True)]
    return {
        **figures,
        "minutes": round((turns[-1].end_ns - turns[0].begin_ns) / SECOND / 60, 1),
        **slope("skew_slope_ms_per_min", [(at_min, ms) for at_min, ms in skews if ms is not None]),
        **growth,
    }


def slope(name: str, points: list[tuple[float, float]]) -> dict[str, float | list[float] | None]:
    """{name: the median of the slopes between any two, name_95_pct: its confidence interval} (Sen 1968)."""
    if len(points) < LEAST_POINTS:
        return {name: None, f"{name}_95_pct": None}
    at, values = zip(*points, strict=True)
    middle, _, low, high = theilslopes(values, at)
    return {name: round(middle, 3), f"{name}_95_pct": [round(low, 3), round(high, 3)]}


def _figures(caller: Caller, turns: list[Turn], asked: list[str]) -> tuple[dict, list[dict]]:
    """Over all turns, and of each."""
    voice = Flite()
    voice.load()
    heard, seen = sound(caller.tapes["audio"]), pictures(caller.tapes["video"])
    results = measured(turns, heard, Film.of(seen), voice)

    def sizes(key: str) -> list[float | None]:
        return [result[key] and abs(result[key]) for result in results]

    between = [(late.at_ns - early.at_ns) / SECOND for early, late in zip(seen, seen[1:], strict=False)]
    understood = sum(word_errors(q, t.transcript) <= WORD_ERRORS_OK for q, t in zip(asked, turns, strict=True))
    figures = {
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
    return figures, results


PARTS = {
    "turns": _ask,
    "barge": lambda args: _with_system(_barge.measure),
    "pauses": lambda args: _with_system(_pauses.measure),
}


def questions() -> Iterator[str]:
    """Without end. All are spoken before the first: it takes longer than a packet lasts."""
    texts = QUESTIONS.read_text().splitlines()
    for text in texts:
        spoken(text)
    return cycle(texts)


async def converse(url: str, asked: Iterable[str]) -> tuple[Caller, list[Turn]]:
    """One call, in which each question waits until the answer to the one before has been heard."""
    async with Caller(url) as caller:
        await asyncio.sleep(SETTLE_S)
        return caller, [await caller.ask(spoken(question)) for question in asked]


def word_errors(reference: str, heard: str) -> float:
    """Levenshtein distance in words over the reference's length."""
    a, b = ("".join(c for c in text.lower() if c.isalpha() or c in " '").split() for text in (reference, heard))
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1] / max(1, len(a))
