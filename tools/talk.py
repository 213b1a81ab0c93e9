"""``visavis talk IN.wav --out REPLY.mp4``:

speaks a recording into a running server, and tells what came back and how fast.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from tools import lips
from tools.caller import RATE_HZ, Caller, Turn, load_speech
from tools.lips import Film, Shown
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
        **measured([turn], heard, Film.of(seen), voice)[0],
        "first_frame_ms": round((seen[0].arrival_ns - caller.clicked_ns) / MS, 1),
    }


async def _call(url: str, speech: np.ndarray) -> tuple[Caller, Turn]:
    async with Caller(url) as caller:
        await asyncio.sleep(SETTLE_S)
        return caller, await caller.ask(speech)


def measured(turns: Sequence[Turn], heard: Sound, film: Film, voice: Flite) -> list[dict]:
    """The figures of each turn; None for what did not come back.

    v2v_ms, mouth_ms: from the last audible sample of the question, as it left, to the first audible sample and the
    first mouth movement of the reply, as they arrived. skew_ms: how far the lips are behind the sound. voice: what the
    replies were spoken with; with another one skew_ms and mouth_ms cannot be known.
    """
    shown = {number: reply for number, turn in enumerate(turns) if (reply := _shown(turn, heard, film, voice))}
    mouth = lips.find_mouth(list(shown.values())) if shown else None
    return [_figures(turn, heard, film, shown.get(number), mouth) for number, turn in enumerate(turns)]


def _shown(turn: Turn, heard: Sound, film: Film, voice: Flite) -> Shown | None:
    if not turn.reply:
        return None
    wanted = reference(turn.reply, voice)
    start_ns = lips.reply_start_ns(heard, turn.speech_end_ns, turn.end_ns, wanted)
    if start_ns is None:
        return None
    reply = film.between(start_ns, start_ns + len(wanted.pcm) * SECOND // RATE_HZ)
    return Shown(reply, wanted, start_ns) if len(reply.at_ns) > lips.MODES else None


def _figures(turn: Turn, heard: Sound, film: Film, shown: Shown | None, mouth: np.ndarray | None) -> dict:
    fps = len(film.between(turn.begin_ns, turn.end_ns).at_ns) / ((turn.end_ns - turn.begin_ns) / SECOND)
    sound_ns = lips.first_audible_ns(heard, turn.speech_end_ns, turn.end_ns)
    moved_ns = lag_ms = None
    if shown:
        before_ns = shown.start_ns - 100 * MS  # lips part a little before the sound
        moved_ns = lips.first_movement_ns(film.between(0, turn.end_ns), before_ns, mouth)
        lag_ms = shown.lag_ms(mouth)
    return {
        "v2v_ms": sound_ns and round((sound_ns - turn.speech_end_ns) / MS, 1),
        "mouth_ms": moved_ns and round((moved_ns - turn.speech_end_ns) / MS, 1),
        "skew_ms": lag_ms and round(lag_ms, 1),
        "apart_ms": sound_ns and moved_ns and round((moved_ns - sound_ns) / MS, 1),
        "fps": round(fps, 2),
    }
