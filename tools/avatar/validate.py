"""``visavis avatar validate FILE...``: whether files are avatars, and what makes them poor ones.

Exits with 1 where a file is refused; warnings alone leave it at 0.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from actors.arkit import ARKIT
from actors.renderer.avatar import ALPHA_MIN, LEFT_EYE, RIGHT_EYE, Avatar, load_avatar
from actors.renderer.errors import BadAvatar
from actors.renderer.pose import camera
from tools.avatar.info import PARTS

RIGID = ("upper teeth", "lower teeth", "left eye", "right eye")
EYEBALL_ONLY = {"eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight"}  # gaze turns the eye part
PLAUSIBLE_M = 0.06  # no skin of a face moves farther
UNEVEN = 1.25  # times as much movement on one side as on the other
FAR_M = 0.5  # from the middle of a bust
EYE_MARGIN_M = 0.001
PICTURE_PX = 512
LEAST_IN_PICTURE = 0.5
MANY = 300_000  # a core takes about 80 ns for each at 720p: 24 of the 33 ms of a frame


def warnings(avatar: Avatar) -> list[str]:
    """A line for each thing that makes a poor face, with its numbers."""
    return [*_splats(avatar), *_places(avatar), *_shapes(avatar), *_sides(avatar)]


def _splats(avatar: Avatar) -> Iterator[str]:
    n = len(avatar)
    if n > MANY:
        yield f"{n} splats: more than {MANY} hardly reach 30 pictures a second on one core"
    if unseen := np.count_nonzero(avatar.opacity < ALPHA_MIN):
        yield f"{unseen} of {n} splats are never seen: their opacity is below 1/255"
    if not avatar.normal.any():
        yield f"none of {n} splats has a normal: the far side of the head is drawn too, which costs half as much again"
    for name in RIGID:
        if not np.count_nonzero(avatar.part == PARTS[name]):
            yield f"no splat is of the {name}"


def _places(avatar: Avatar) -> Iterator[str]:
    middle = np.median(avatar.position, axis=0)
    away = np.linalg.norm(avatar.position - middle, axis=1)
    if far := np.count_nonzero(away > FAR_M):
        yield f"{far} splats are farther than {FAR_M} m from the middle of the others, the farthest {away.max():.2f} m"
    seen_from = camera(avatar.metadata, PICTURE_PX, PICTURE_PX)
    x, y, z = seen_from.rotation @ (avatar.position - seen_from.position).T
    reach = z * PICTURE_PX / 2 / seen_from.focal_px
    share = np.mean((z > 0) & (np.abs(x) < reach) & (np.abs(y) < reach))
    if share < LEAST_IN_PICTURE:
        yield f"the camera has {100 * share:.0f} % of the splats in a square picture"
    for side, part in (("left", LEFT_EYE), ("right", RIGHT_EYE)):
        eye, centre = avatar.position[avatar.part == part], np.array(avatar.metadata["eyes"][side])
        if len(eye) and not ((eye.min(0) - EYE_MARGIN_M <= centre) & (centre <= eye.max(0) + EYE_MARGIN_M)).all():
            spans = ", ".join(f"{low:.3f} to {high:.3f}" for low, high in zip(eye.min(0), eye.max(0), strict=True))
            yield f"the {side} eye turns about {centre.tolist()}, which is outside of its splats: {spans}"


def _shapes(avatar: Avatar) -> Iterator[str]:
    lengths = np.linalg.norm(avatar.shapes.delta, axis=1)
    if not len(lengths):
        yield f"static: none of the {len(ARKIT)} blendshapes moves anything"
        return
    counts = dict(zip(ARKIT, np.diff(avatar.shapes.start), strict=True))
    if still := [name for name, count in counts.items() if not count and name not in EYEBALL_ONLY]:
        yield f"{len(still)} of {len(ARKIT)} blendshapes move nothing: {', '.join(still)}"
    if large := np.count_nonzero(lengths > PLAUSIBLE_M):
        worst = ARKIT[int(np.searchsorted(avatar.shapes.start, np.argmax(lengths), side="right")) - 1]
        yield f"{large} deltas are longer than {PLAUSIBLE_M} m, the longest {lengths.max():.3f} m in {worst}"


def _sides(avatar: Avatar) -> Iterator[str]:
    """Of the twins ..Left and ..Right: as much movement on either side, and on the right one of the two."""
    for name in ARKIT:
        stem = name.removesuffix("Left")
        if stem == name:
            continue
        (left, left_x, left_dx), (right, right_x, right_dx) = (
            _movement(avatar, ARKIT.index(stem + side)) for side in ("Left", "Right")
        )
        if not left or not right:
            continue
        if max(left, right) > UNEVEN * min(left, right):
            yield f"{name} moves its splats by {left:.3f} m in all, {stem}Right by {right:.3f} m"
        sideways = stem in ("jaw", "mouth")  # they move all of it, to a side
        if (left_dx < right_dx) if sideways else (left_x < right_x):
            yield f"{name} and {stem}Right are swapped: Left is the character's, at image right, +x"


def _movement(avatar: Avatar, shape: int) -> tuple[float, float, float]:
    """Metres that all splats move in sum; the mean x of where they are and by how much they go along x, so weighted."""
    rows = slice(avatar.shapes.start[shape], avatar.shapes.start[shape + 1])
    delta = avatar.shapes.delta[rows].astype(float)
    lengths = np.linalg.norm(delta, axis=1)
    if not lengths.any():
        return 0.0, 0.0, 0.0
    x = avatar.position[avatar.shapes.index[rows], 0]
    return float(lengths.sum()), float(np.average(x, weights=lengths)), float(np.average(delta[:, 0], weights=lengths))


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="an avatar.ply, or any static splat .ply")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def run(args: argparse.Namespace) -> int:
    results = []
    for path in args.files:
        try:
            results.append({"file": str(path), "refused": None, "warnings": warnings(load_avatar(path))})
        except (BadAvatar, OSError) as error:
            results.append({"file": str(path), "refused": str(error), "warnings": []})
    if args.json:
        print(json.dumps({"files": results}))
    else:
        for result in results:
            print(_told(result))
    return int(any(result["refused"] for result in results))


def _told(result: dict) -> str:
    if result["refused"]:
        return f"refused: {result['refused']}"
    return "\n  ".join([f"{result['file']}: valid, {len(result['warnings'])} warnings", *result["warnings"]])
