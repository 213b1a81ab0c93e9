"""``visavis avatar sheet FILE --out SHEET.png``: a contact sheet of an avatar, drawn by the renderer."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from actors.arkit import ARKIT
from actors.renderer.splats import SplatEngine
from actors.renderer.yuv import i420_to_rgb

PICTURE_PX = (1280, 720)
CROP = (415, 85, 865, 535)  # of a picture: the head
TILE_PX = 300
COLUMNS = 6
LABEL_PX = 6  # from the corner
YAWS_DEG = (-40, -20, 0, 20, 40)


def both(shape: str, weight: float = 1.0) -> dict[str, float]:
    """A shape of the left and the right side."""
    return {f"{shape}Left": weight, f"{shape}Right": weight}


SMILE = both("mouthSmile") | both("cheekSquint", 0.6)
SHAPES: dict[str, dict[str, float]] = {
    "smile": SMILE,
    "laugh": SMILE | {"jawOpen": 0.45},
    "frown": both("mouthFrown") | {"browInnerUp": 0.7},
    "angry": both("browDown") | both("noseSneer") | both("mouthPress", 0.7),
    "surprise": {"jawOpen": 0.4, "browInnerUp": 1} | both("browOuterUp") | both("eyeWide"),
    "blink 0.5": both("eyeBlink", 0.5),
    "blink": both("eyeBlink"),
    "wink": {"eyeBlinkLeft": 1, "mouthSmileLeft": 0.8, "cheekSquintLeft": 1},
    "squint": both("eyeSquint"),
    "look down": both("eyeLookDown"),
    "jawOpen": {"jawOpen": 1},
    "jawOpen + mouthClose": {"jawOpen": 1, "mouthClose": 1},
    "cheekPuff": {"cheekPuff": 1},
    "tongueOut": {"tongueOut": 1, "jawOpen": 0.35},
    "mouthLeft": {"mouthLeft": 1},
    "jawRight": {"jawRight": 1},
    "jawForward": {"jawForward": 1},
    "mouthPucker": {"mouthPucker": 1},
    "mouthFunnel": {"mouthFunnel": 1},
    "stretch": both("mouthStretch"),
    "dimple": both("mouthDimple"),
    "rollLower": {"mouthRollLower": 1},
    "rollUpper": {"mouthRollUpper": 1},
    "shrug": {"mouthShrugLower": 1, "mouthShrugUpper": 0.6},
    "lowerDown": both("mouthLowerDown"),
    "upperUp": both("mouthUpperUp"),
}
VISEMES: dict[str, dict[str, float]] = {
    "a": {"jawOpen": 0.65} | both("mouthLowerDown", 0.3) | both("mouthUpperUp", 0.2),
    "e": {"jawOpen": 0.3} | both("mouthStretch", 0.4) | both("mouthLowerDown", 0.3),
    "i": {"jawOpen": 0.15} | both("mouthSmile", 0.4) | both("mouthLowerDown", 0.3),
    "o": {"jawOpen": 0.45, "mouthFunnel": 0.7},
    "u": {"jawOpen": 0.2, "mouthPucker": 0.8, "mouthFunnel": 0.2},
    "m b p": {"mouthRollLower": 0.3, "mouthRollUpper": 0.3} | both("mouthPress", 0.4),
    "f v": {"jawOpen": 0.12, "mouthRollLower": 0.8} | both("mouthUpperUp", 0.5),
    "th": {"jawOpen": 0.25, "tongueOut": 0.35},
    "s z": {"jawOpen": 0.08} | both("mouthStretch", 0.4) | both("mouthLowerDown", 0.5),
    "sh": {"jawOpen": 0.12, "mouthFunnel": 0.75},
    "l": {"jawOpen": 0.3, "tongueOut": 0.1},
    "r": {"jawOpen": 0.15, "mouthPucker": 0.5},
}  # fmt: skip


def weights(given: dict[str, float]) -> np.ndarray:
    """Float [52] in the order of ARKIT; ValueError for a name that is none of them."""
    values = np.zeros(len(ARKIT))
    for name, weight in given.items():
        values[ARKIT.index(name)] = weight
    return values


def draw_sheet(path: Path) -> Image.Image:
    """The neutral face, then labelled tiles of angles, shapes and visemes."""
    engine = SplatEngine(path)
    engine.load()
    stage = engine.open(*PICTURE_PX)

    def picture(given: dict[str, float], yaw_deg: float = 0.0) -> Image.Image:
        return Image.fromarray(i420_to_rgb(stage.draw(weights(given), (np.radians(yaw_deg), 0, 0))))

    tiles = [(f"yaw {yaw}", picture({}, yaw)) for yaw in YAWS_DEG]
    tiles += [(label, picture(given)) for table in (SHAPES, VISEMES) for label, given in table.items()]
    rows = -(-len(tiles) // COLUMNS)
    width = COLUMNS * TILE_PX
    portrait = picture({}).resize((width, width * PICTURE_PX[1] // PICTURE_PX[0]), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (width, portrait.height + rows * TILE_PX))
    sheet.paste(portrait)
    pen = ImageDraw.Draw(sheet)
    for number, (label, image) in enumerate(tiles):
        corner = (number % COLUMNS * TILE_PX, portrait.height + number // COLUMNS * TILE_PX)
        sheet.paste(image.crop(CROP).resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS), corner)
        pen.text((corner[0] + LABEL_PX, corner[1] + LABEL_PX), label, fill="white", stroke_width=2, stroke_fill="black")
    engine.close()
    return sheet


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="an avatar.ply")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write, PNG or JPEG")


def run(args: argparse.Namespace) -> int:
    draw_sheet(args.file).save(args.out)
    return 0
