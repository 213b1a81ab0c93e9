"""``visavis talk IN.wav --out REPLY.mp4``:

speaks a recording into a running server, and tells what came back and how fast.
"""

import argparse
import asyncio
from pathlib import Path

import numpy as np

from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from tools import lips
from tools.caller import RATE_HZ, Caller, Turn, load_speech
from tools.lips import Film
from tools.recording import Sound, pictures, sound, write_mp4
from tools.reference import reference

SETTLE_S = 1.0  # before the first word: the recogniser's and the browser's levels settle, and the mouth's rest is seen


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wav", type=Path, help="what to say; any audio file")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the running server")
    parser.add_argument("--out", type=Path, help="save what came back, in sync, as MP4")


def run(args: argparse.Namespace) -> dict:
    """The JSON line of `visavis talk`."""
    caller, turn = asyncio.run(_call(args.url, load_speech(args.wav)))
    voice = Flite()
    voice.load()
    heard, seen = sound(caller.tapes["audio"]), pictures(caller.tapes["video"])
    if args.out:
        write_mp4(args.out, heard, seen, turn.begin_ns, turn.end_ns)
    return {
        "transcript": turn.transcript,
        "reply": " ".join(turn.reply),
        **measured(turn, heard, Film.of(seen), voice),
        "first_frame_ms": round((seen[0].arrival_ns - caller.clicked_ns) / MS, 1),
    }


async def _call(url: str, speech: np.ndarray) -> tuple[Caller, Turn]:
    async with Caller(url) as caller:
        await asyncio.sleep(SETTLE_S)
        return caller, await caller.ask(speech)


def measured(turn: Turn, heard: Sound, film: Film, voice: Flite) -> dict:
    """The figures of one turn; None for what did not come back.

    v2v_ms, mouth_ms: from the last audible sample of the question, as it left, to the first audible sample and the
    first mouth movement of the reply, as they arrived. skew_ms: how far the lips are behind the sound. voice: what the
    reply was spoken with; with another one skew_ms and mouth_ms cannot be known.
    """
    fps = len(film.between(turn.begin_ns, turn.end_ns).at_ns) / ((turn.end_ns - turn.begin_ns) / SECOND)
    result = {"v2v_ms": None, "mouth_ms": None, "skew_ms": None, "fps": round(fps, 2)}
    sound_ns = lips.first_audible_ns(heard, turn.speech_end_ns, turn.end_ns)
    if sound_ns is None:
        return result
    result["v2v_ms"] = round((sound_ns - turn.speech_end_ns) / MS, 1)
    wanted = reference(turn.reply, voice) if turn.reply else None
    start_ns = lips.reply_start_ns(heard, turn.speech_end_ns, turn.end_ns, wanted) if wanted else None
    if start_ns is None:
        return result
    reply = film.between(start_ns, min(turn.end_ns, start_ns + len(wanted.pcm) * SECOND // RATE_HZ))
    if (lag_ms := lips.lag_ms(reply, wanted, start_ns)) is not None:
        result["skew_ms"] = round(lag_ms, 1)
    rest_end_ns = start_ns - 100 * MS  # lips part a little before the sound
    rest = film.between(start_ns - SECOND, rest_end_ns)
    moved_ns = lips.first_movement_ns(film.between(rest_end_ns, turn.end_ns), wanted, start_ns, rest)
    if moved_ns is not None:
        result["mouth_ms"] = round((moved_ns - turn.speech_end_ns) / MS, 1)
    return result
