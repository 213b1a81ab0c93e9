"""``visavis avatar sheet FILE --out SHEET.png``: a face from all sides, with its shapes, expressions and speech.

What it feels and how it speaks comes from the animator itself; the text of --say is spoken by the voice.
"""

import argparse
import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image

from actors.animator.expression import Expression
from actors.animator.eyes import FULL_LOOK
from actors.animator.rules import Rules
from actors.animator.shape import spread
from actors.animator.visemes import PHONES
from actors.arkit import ARKIT
from actors.renderer import pose
from actors.renderer.avatar import load_avatar
from actors.renderer.splats import SplatEngine
from actors.renderer.yuv import i420_to_rgb, split_i420
from actors.tts.flite import Flite
from protocol.messages import Mood, Phones
from tools.avatar.film import AFTER_S, BEFORE_S, faces, frames_of, spoken
from tools.avatar.layout import Section, Tile, page
from tools.errors import ToolError
from tools.mp4 import FPS
from tools.reference import Reference

SIDE_PX = 1080  # of the picture that windows are cut from
HEAD = (-2.05, -2.4, 2.05, 2.3)  # windows: left, top, right, bottom from between the eyes, in distances of the eyes
FACE = (-1.1, -0.85, 1.1, 1.85)
MOUTH = (-0.75, 0.5, 0.75, 1.7)
YAWS_DEG = (-40, -20, 0, 20, 40)
EXPRESSIONS = {
    "smile": {"mouthSmile": 1, "cheekSquint": 0.6},
    "laugh": {"mouthSmile": 1, "cheekSquint": 0.8, "eyeSquint": 0.4, "jawOpen": 0.45},
    "sad": {"mouthFrown": 1, "browInnerUp": 0.8, "mouthShrugLower": 0.3},
    "angry": {"browDown": 1, "noseSneer": 0.8, "mouthPress": 0.7},
    "surprised": {"jawOpen": 0.4, "browInnerUp": 1, "browOuterUp": 1, "eyeWide": 1},
    "wink": {"eyeBlinkLeft": 1, "cheekSquintLeft": 1, "mouthSmileLeft": 0.8, "mouthSmileRight": 0.3},
    "blink, half": {"eyeBlink": 0.5},
    "blink": {"eyeBlink": 1},
}
GAZES = {  # yaw, pitch: the eyeballs turn by gaze, the shapes move the lids
    "eyeLookInLeft": (-FULL_LOOK["In"], 0.0),
    "eyeLookInRight": (FULL_LOOK["In"], 0.0),
    "eyeLookOutLeft": (FULL_LOOK["Out"], 0.0),
    "eyeLookOutRight": (-FULL_LOOK["Out"], 0.0),
    **{f"eyeLookUp{side}": (0.0, FULL_LOOK["Up"]) for side in ("Left", "Right")},
    **{f"eyeLookDown{side}": (0.0, -FULL_LOOK["Down"]) for side in ("Left", "Right")},
}
SETTLED_S = 10.0
PHONE_MS = 400.0  # long enough that its neighbours do not reach the middle
SAY = "My mama bought five big blue balloons, and the bath foam with them."
EVERY = 2  # so many frames from tile to tile of speech: 67 ms, the length of a short closure
LIPS = PHONES["p"]  # what must be seen closed


class Portrait:
    """Pictures of an avatar, cut to a window; raises BadAvatar."""

    def __init__(self, path: Path):
        engine = SplatEngine(path)
        engine.load()
        self._stage = engine.open(SIDE_PX, SIDE_PX)
        avatar = load_avatar(path)
        self.metadata, self.splats = avatar.metadata, len(avatar)
        eyes = np.array([self.metadata["eyes"]["left"], self.metadata["eyes"]["right"]])
        camera = pose.camera(self.metadata, SIDE_PX, SIDE_PX)
        x, y, z = camera.rotation @ (eyes.mean(0) - camera.position)
        scale = camera.focal_px / z
        self._middle = np.array([x, y]) * scale + SIDE_PX / 2
        self._eyes_px = float(np.linalg.norm(eyes[0] - eyes[1])) * scale

    def draw(self, window: Sequence[float], weights: np.ndarray | Sequence[float], *pose) -> Image.Image:
        """pose: angles, place and gaze, as the renderer takes them. What lies outside the picture is left out."""
        corners = self._middle + np.reshape(window, (2, 2)) * self._eyes_px
        left, top, right, bottom = (np.clip(np.rint(corners / 2), 0, SIDE_PX // 2).astype(int)).ravel()
        y, u, v = split_i420(self._stage.draw(weights, *pose))
        u, v = (plane[top:bottom, left:right] for plane in (u, v))
        y = y[2 * top : 2 * bottom, 2 * left : 2 * right]
        planes = np.concatenate([plane.ravel() for plane in (y, u, v)])
        return Image.fromarray(i420_to_rgb(planes.reshape(-1, y.shape[1])))


def angles(face: Portrait) -> Section:
    tiles = [
        Tile(face.draw(HEAD, spread({}), (math.radians(yaw), 0, 0)), f"{yaw:+}°" if yaw else "0°") for yaw in YAWS_DEG
    ]
    return Section("Neutral", "the head turned; + is to the right of the picture", len(tiles), tiles)


def shapes(face: Portrait) -> Section:
    rest = (0.0, 0.0, 0.0)
    tiles = [Tile(face.draw(FACE, spread({name: 1}), rest, rest, GAZES.get(name, (0.0, 0.0))), name) for name in ARKIT]
    return Section("Shapes", f"the {len(ARKIT)} of ARKit, each at 1; eyeLook with its gaze", 13, tiles)


def expressions(face: Portrait) -> Section:
    tiles = [Tile(face.draw(FACE, spread(shape)), name) for name, shape in EXPRESSIONS.items()]
    return Section("Expressions", "several shapes at once", len(tiles), tiles)


def moods(face: Portrait) -> Section:
    def shown(mood: str, state: str) -> Tile:
        expression = Expression(random.Random("sheet"))
        expression.mood.feel(SETTLED_S, mood)
        weights = expression.weights(SETTLED_S, SETTLED_S, state, 0.0)
        return Tile(face.draw(FACE, weights), mood if state == "idle" else state)

    tiles = [shown(mood, "idle") for mood in get_args(Mood)] + [
        shown("neutral", "listening"),
        shown("neutral", "thinking"),
    ]
    return Section("Moods", "as the animator shows them, and how it listens and thinks", len(tiles), tiles)


def visemes(face: Portrait) -> Section:
    """One tile for the phones that look the same, each spoken alone; a diphthong is two of the others."""
    groups: dict[str, list[str]] = {}
    for phone, parts in PHONES.items():
        if len(parts) == 1:
            groups.setdefault(parts[0], []).append(phone)

    def mouth(phone: str) -> np.ndarray:
        track = Rules().open()
        track.extend(0.0, (phone,), (PHONE_MS,))
        return track.mouth(PHONE_MS / 2)

    tiles = [Tile(face.draw(MOUTH, mouth(phones[0])), " ".join(phones)) for phones in groups.values()]
    return Section("Visemes", "the mouth that the animator makes for each sound", 12, tiles)


def speech(face: Portrait, said: Reference) -> Section:
    """A tile every EVERY frames; the last row goes on into the silence."""
    columns = 14
    shown = list(faces(said, frames_of(said, AFTER_S)))[round(BEFORE_S * FPS) :: EVERY]
    last_s = max(phones.word_ends_ms[-1] for phones in said.phones if phones.words) / 1000
    rows = math.ceil(last_s * FPS / EVERY / columns)
    tiles = []
    for number, one in enumerate(shown[: rows * columns]):
        phone, word = heard_at(said.phones, number * EVERY * 1000 / FPS)
        picture = face.draw(MOUTH, one.weights, one.head_rad, one.head_m, one.gaze_rad)
        tiles.append(Tile(picture, phone, word, stressed=PHONES[phone] == LIPS))
    about = f"every {1000 * EVERY / FPS:.0f} ms, with the sound and the word; at p, b and m the lips are to be closed"
    return Section("Speech", about, columns, tiles)


def heard_at(sentences: Sequence[Phones], t_ms: float) -> tuple[str, str]:
    """The phone at ``t_ms`` from the reply's start, and the word, or "" between words."""
    for phones in sentences:
        if phones.start_ms <= t_ms < phones.ends_ms[-1]:
            spans = zip(phones.words, phones.word_starts_ms, phones.word_ends_ms, strict=True)
            words = [word for word, start, end in spans if start <= t_ms < end]
            return phones.names[bisect_right(phones.ends_ms, t_ms)], words[0] if words else ""
    return "pau", ""


SECTIONS: tuple[Callable[[Portrait], Section], ...] = (angles, expressions, moods, shapes, visemes)


def draw_sheet(path: Path, said: Reference | None) -> Image.Image:
    """said: what the avatar says in the last section; None leaves it out."""
    face = Portrait(path)
    sections = [section(face) for section in SECTIONS] + ([speech(face, said)] if said else [])
    about = f"{face.splats:,} Gaussian splats, {face.metadata['licence']}"
    return page(face.metadata["name"], about, sections)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="an avatar.ply")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write, PNG or JPEG")
    parser.add_argument("--say", default=SAY, help="the text of its last section")


def run(args: argparse.Namespace) -> int:
    missing = Flite().missing()
    if missing:
        print(f"no speech on the sheet: {missing}")
    sheet = draw_sheet(args.file, None if missing else spoken(args.say))
    try:
        sheet.save(args.out)
    except (OSError, ValueError) as error:
        raise ToolError(f"{args.out}: {getattr(error, 'strerror', None) or error}") from error
    return 0
