"""``visavis talk IN.wav --out REPLY.mp4``:

speaks a recording into a running server, and tells what came back and how fast.
"""

import argparse
import asyncio
from pathlib import Path

import numpy as np

from protocol.clock import MS, SECOND
from tools import lips
from tools.caller import Caller, Turn, load_speech
from tools.lips import Film
from tools.recording import Sound, pictures, sound, write_mp4

SETTLE_S = 1.0  # before the first word: the recogniser's and the browser's levels settle, and the mouth's rest is seen


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wav", type=Path, help="what to say; any audio file")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the running server")
    parser.add_argument("--out", type=Path, help="save what came back, in sync, as MP4")


def run(args: argparse.Namespace) -> dict:
    """The JSON line of `visavis talk`."""
    caller, turn = asyncio.run(_call(args.url, load_speech(args.wav)))
    heard, seen = sound(caller.tapes["audio"]), pictures(caller.tapes["video"])
    if args.out:
        write_mp4(args.out, heard, seen, turn.begin_ns, turn.end_ns)
    return {
        "transcript": turn.transcript,
        "reply": " ".join(turn.reply),
        **measured(turn, heard, Film.of(seen)),
        "first_frame_ms": round((seen[0].arrival_ns - caller.clicked_ns) / MS, 1),
    }


async def _call(url: str, speech: np.ndarray) -> tuple[Caller, Turn]:
    async with Caller(url) as caller:
        await asyncio.sleep(SETTLE_S)
        return caller, await caller.ask(speech)


def measured(turn: Turn, heard: Sound, film: Film) -> dict:
    """v2v_ms and mouth_ms: from the last audible sample of the question, as it left, to the first audible sample and
    the first mouth movement of the reply, as they arrived. skew_ms: how far the mouth is behind the sound. None where
    there was none.
    """
    sound_ns = lips.first_audible_ns(heard, turn.speech_end_ns, turn.end_ns)
    fps = len(film.between(turn.begin_ns, turn.end_ns).at_ns) / ((turn.end_ns - turn.begin_ns) / SECOND)
    result = {"v2v_ms": None, "mouth_ms": None, "skew_ms": None, "fps": round(fps, 2)}
    if sound_ns is None:
        return result
    result["v2v_ms"] = round((sound_ns - turn.speech_end_ns) / MS, 1)
    rest_ns = sound_ns - 200 * MS  # lips part a little before the sound
    mouth = lips.opening(film.between(sound_ns - SECOND, turn.end_ns), heard)
    if mouth is None:
        return result
    if moved_ns := lips.first_movement_ns(mouth, rest_ns):
        result["mouth_ms"] = round((moved_ns - turn.speech_end_ns) / MS, 1)
    if (lag := lips.lag_ms(mouth, heard, sound_ns, turn.end_ns)) is not None:
        result["skew_ms"] = round(lag, 1)
    return result
