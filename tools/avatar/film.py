"""``visavis avatar film FILE --say "text" --out TALK.mp4``: a face that listens, thinks and speaks, without a call.

The machines of voice, animator and renderer are stepped in virtual time: the same arguments give the same film.
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import av
import numpy as np

from actors.animator.actor import Animator
from actors.animator.pace import LEAD_NS
from actors.animator.rules import Rules
from actors.engine import choose
from actors.renderer.actor import Renderer
from actors.renderer.splats import SplatEngine
from actors.step import Input
from actors.tts.flite import Flite
from protocol import topics
from protocol.clock import SECOND
from protocol.envelope import Envelope
from protocol.messages import MAX_TEXT, Dialogue, Face, Mood, Playout, Session, Speech
from tools.errors import ToolError
from tools.mp4 import FPS, SOUND_HZ, Mp4
from tools.reference import Reference, reference

SEED = "film"
LISTENS_S, THINKS_S, BEFORE_S = 1.0, 2.5, 3.5  # from the film's start: it listens, thinks, and speaks
AFTER_S = 2.5
MOST_S = 3600


class CannotSay(ToolError):
    """A text, mood or length that makes no film."""


def spoken(text: str, mood: str = "neutral") -> Reference:
    """The text as the voice says it. Raises CannotSay, and EngineMissing where there is no voice."""
    if mood not in get_args(Mood):
        raise CannotSay(f"no mood {mood!r}; there are {', '.join(get_args(Mood))}")
    if len(text) > MAX_TEXT:
        raise CannotSay(f"the text has {len(text)} characters, more than {MAX_TEXT}")
    engine = choose([Flite()], "auto")
    engine.load()
    said = reference([text], engine, mood)
    engine.close()
    if not any(phones.words for phones in said.phones):
        raise CannotSay(f"there is no word in {text!r}")
    return said


def faces(said: Reference, frames: int) -> Iterator[Face]:
    """The animator's frames from a call's start, FPS of them a second. It begins to speak at BEFORE_S."""
    animator = Animator(Rules(), SEED)
    begins_ns = _frame_ns(round(BEFORE_S * FPS))
    ends_ns = begins_ns + len(said.pcm) * SECOND // SOUND_HZ
    played = {"anchor_ns": begins_ns + LEAD_NS, "heard_ms": 0}  # LEAD_NS after they are made, frames are seen
    script = [
        (0, Session(state="open", fps=FPS)),
        (0, Dialogue(state="idle")),
        (round(LISTENS_S * SECOND), Dialogue(state="listening")),
        (round(THINKS_S * SECOND), Speech(state="ended", utterance=1, at_sample=0, at_ns=0)),
        (round(THINKS_S * SECOND), Dialogue(state="thinking")),
        *((begins_ns, phones) for phones in said.phones),
        (begins_ns, Playout(state="started", **played)),
        (begins_ns, Dialogue(state="speaking")),
        (ends_ns, Playout(state="finished", **played)),
        (ends_ns, Dialogue(state="idle")),
    ]
    for frame in range(frames):
        now_ns = _frame_ns(frame)
        due = [given(message, at_ns) for at_ns, message in script if at_ns <= now_ns]
        script = script[len(due) :]
        (made,) = animator.step(due, now_ns)
        yield made.message


def given(message: object, at_ns: int = 0) -> Input:
    """A message as a machine hears it, in the first turn of a call."""
    topic = topics.of(message)
    return Input(Envelope(topic=topic.name, actor="film", turn=1, boot=1, seq=1, sent_ns=at_ns), message)


def _frame_ns(frame: int) -> int:
    return frame * SECOND // FPS


def frames_of(said: Reference, after_s: float = 0.0) -> int:
    """How many frames there are until all is said, and ``after_s`` more."""
    return math.ceil((BEFORE_S + len(said.pcm) / SOUND_HZ + after_s) * FPS)


def write_film(avatar: Path, said: Reference, frames: int, out: Path) -> None:
    """frames: enough for all that is said. Raises BadAvatar, EngineMissing and CannotWrite."""
    engine = choose([SplatEngine(avatar)], "auto")
    engine.load()
    renderer = Renderer(engine)
    list(renderer.step([given(Session(state="open", fps=FPS))], 0))
    begins, each = round(BEFORE_S * SOUND_HZ), SOUND_HZ // FPS
    sound = np.zeros(frames * each, np.int16)
    sound[begins : begins + len(said.pcm)] = np.clip(np.rint(said.pcm), -(2**15), 2**15 - 1)
    with Mp4(out) as film:
        for frame, face in enumerate(faces(said, frames)):
            (drawn,) = renderer.step([given(face)], _frame_ns(frame))
            film.show(av.VideoFrame.from_ndarray(drawn.content, "yuv420p"), _frame_ns(frame))
            film.play(sound[frame * each : (frame + 1) * each])
    engine.close()


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="an avatar.ply")
    parser.add_argument("--say", required=True, help="what it says")
    parser.add_argument("--out", type=Path, required=True, help="the film to write, MP4")
    parser.add_argument("--mood", default="neutral", help=", ".join(get_args(Mood)))
    parser.add_argument("--seconds", type=float, help=f"how long the film is; else {AFTER_S} s longer than it speaks")


def run(args: argparse.Namespace) -> dict:
    """The JSON line of `visavis avatar film`."""
    began = time.perf_counter()
    said = spoken(args.say, args.mood)
    least_s = frames_of(said) / FPS
    seconds = frames_of(said, AFTER_S) / FPS if args.seconds is None else args.seconds
    if not least_s <= seconds <= MOST_S:
        raise CannotSay(f"the film needs {least_s:.1f} to {MOST_S} s, not {seconds:g}")
    frames = round(seconds * FPS)
    write_film(args.file, said, frames, args.out)
    return {
        "frames": frames,
        "seconds": round(frames / FPS, 2),
        "speaks_at_s": BEFORE_S,
        "speaks_s": round(len(said.pcm) / SOUND_HZ, 2),
        "times_real_time": round(frames / FPS / (time.perf_counter() - began), 1),
    }
