"""``visavis avatar info FILE``: what is in an avatar's file, or what is wrong with it."""

import argparse
import time
from pathlib import Path

import numpy as np

from actors.arkit import ARKIT
from actors.renderer.avatar import LEFT_EYE, LOWER_TEETH, RIGHT_EYE, SKIN, TORSO, UPPER_TEETH, load_avatar

PARTS = {
    "skin": SKIN,
    "torso": TORSO,
    "upper teeth": UPPER_TEETH,
    "lower teeth": LOWER_TEETH,
    "left eye": LEFT_EYE,
    "right eye": RIGHT_EYE,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="an avatar.ply, or any 3D Gaussian splatting .ply")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def run(args: argparse.Namespace) -> dict:
    """Raises BadAvatar with the numbers that are wrong."""
    began = time.perf_counter()
    avatar = load_avatar(args.file)
    load_ms = (time.perf_counter() - began) * 1000
    counts = {name: int(np.count_nonzero(avatar.part == part)) for name, part in PARTS.items()}
    moving = [name for name, deltas in zip(ARKIT, np.diff(avatar.shapes.start), strict=True) if deltas]
    size_m = np.ptp(avatar.position, axis=0)
    return {
        "name": avatar.metadata["name"],
        "licence": avatar.metadata["licence"],
        "format": avatar.metadata["version"],
        "splats": len(avatar),
        **{f"of the {name}": count for name, count in counts.items()},
        "seen from all sides": int(np.count_nonzero(~avatar.normal.any(1))),
        "shapes that move": f"{len(moving)} of {len(ARKIT)}",
        "deltas": len(avatar.shapes.index),
        "width, height, depth": ", ".join(f"{100 * length:.1f} cm" for length in size_m),
        "file": f"{args.file.stat().st_size / 1e6:.2f} MB, loaded in {load_ms:.0f} ms",
    }
