"""People who hesitate: utterances with inner pauses, and whether the face waits until they have finished.

Each line of pauses.txt is spoken in one go by a synthetic voice, so that its melody is that of the whole sentence, and
silence is put in where the line has a bar. One in eight has it where the sentence could be over. Recordings of people
are added where they lie beside the project.
"""

import asyncio
import random
from pathlib import Path

import numpy as np
from attrs import frozen
from scipy.signal import resample_poly

from actors.tts.flite import Flite
from actors.tts.timing import Timing
from protocol.clock import SECOND
from protocol.run import REPOSITORY
from tools.caller import AUDIBLE, RATE_HZ, Caller, load_speech

LINES = Path(__file__).with_name("pauses.txt")
RECORDINGS = REPOSITORY.parent / "shared/data/speech"
VOICES = ("rms", "awb")
SHORTEST_MS, LONGEST_MS = 300, 900
JOINED_MS = 500  # between recordings of phrases that belong together
HISS = 8.0  # of 32768, RMS: the silence of a room
CALLS = 2  # at a time
REPLY_S, REPLY_OVER_S = 4.0, 12.0  # until a reply begins, and is over
BETWEEN_S = 0.7


@frozen(eq=False)
class Hesitant:
    """pcm: int16 at 48 kHz."""

    name: str
    pcm: np.ndarray


def utterances() -> list[Hesitant]:
    """Always the same."""
    engines = []
    for voice in VOICES:
        engines.append(Flite(voice))
        engines[-1].load()
    said = []
    for number, line in enumerate(LINES.read_text().splitlines()):
        parts = [part.split() for part in line.split("|")]
        rng = random.Random(number)
        pauses_ms = [SHORTEST_MS * (LONGEST_MS / SHORTEST_MS) ** rng.random() for _ in parts[1:]]
        timing, *blocks = engines[number % len(engines)].speak(" ".join(word for part in parts for word in part))
        pcm = resample_poly(np.concatenate(blocks).astype(np.float64), 3, 1)
        said.append(Hesitant(line, _in_a_room(with_pauses(pcm, timing, [len(part) for part in parts], pauses_ms))))
    for engine in engines:
        engine.close()
    return said + recorded()


def with_pauses(pcm: np.ndarray, timing: Timing, words: list[int], pauses_ms: list[float]) -> np.ndarray:
    """float [n] at 48 kHz with silences between the parts, which have so many ``words`` each."""
    cuts, count = [], 0
    for part in words[:-1]:
        count += part
        middle_ms = (timing.word_ends_ms[count - 1] + timing.word_starts_ms[count]) / 2
        cuts.append(int(middle_ms * RATE_HZ / 1000))
    pieces = np.split(pcm, cuts)
    for number, pause_ms in enumerate(pauses_ms):
        pieces[number] = np.concatenate([pieces[number], np.zeros(int(pause_ms * RATE_HZ / 1000))])
    return np.concatenate(pieces)


def recorded() -> list[Hesitant]:
    """People who read, with their own pauses, and phrases one after the other; none where there are no recordings."""
    read = [Hesitant(path.stem, load_speech(path)) for path in sorted(RECORDINGS.glob("austen-*.wav"))]
    phrases = [load_speech(path) for path in sorted(RECORDINGS.glob("cards-*.wav"))]
    if phrases:
        silence = np.zeros(JOINED_MS * RATE_HZ // 1000, np.int16)
        joined = np.concatenate([part for phrase in phrases for part in (_trimmed(phrase), silence)])
        read.append(Hesitant("cards", joined))
    return read


def _trimmed(pcm: np.ndarray) -> np.ndarray:
    audible = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 4 * AUDIBLE)
    return pcm[audible[0] : audible[-1] + 1]


def _in_a_room(pcm: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, HISS, len(pcm))
    return np.clip(np.rint(pcm + noise), -32768, 32767).astype(np.int16)


async def measure(url: str) -> dict:
    """Keys of `visavis bench talk`: false_cutoff_pct and what belongs to it."""
    waiting = list(enumerate(utterances()))
    count = len(waiting)
    cut: list[int] = []
    unanswered: list[int] = []

    async def one_call() -> None:
        async with Caller(url) as caller:
            await asyncio.sleep(1.0)
            while waiting:
                number, hesitant = waiting.pop(0)
                begin_ns = caller.microphone.speak(hesitant.pcm)
                end_ns = begin_ns + _last_audible(hesitant.pcm) * SECOND // RATE_HZ
                started_ns = await caller.until(_started, begin_ns, (end_ns - begin_ns) / SECOND + REPLY_S)
                if started_ns is None:
                    unanswered.append(number)
                elif started_ns < end_ns:
                    cut.append(number)
                while caller.microphone.is_speaking:
                    await asyncio.sleep(0.02)
                await caller.quiet(REPLY_OVER_S)
                await asyncio.sleep(BETWEEN_S)

    await asyncio.gather(*(one_call() for _ in range(CALLS)))
    return {
        "false_cutoff_pct": round(100 * len(cut) / count, 1),
        "cutoff_utterances": count,
        "cutoff_lines": sorted(cut),
        "cutoff_unanswered": sorted(unanswered),
    }


def _started(event: dict) -> bool:
    return event["type"] == "playout" and event["state"] == "started"


def _last_audible(pcm: np.ndarray) -> int:
    return int(np.flatnonzero(np.abs(pcm.astype(np.int32)) > AUDIBLE)[-1])
