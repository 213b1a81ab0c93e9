"""``visavis avatar convert IN OUT``: from a 3D Gaussian splatting scan to an avatar; with --plain, the other way.

A scan is a binary little-endian .ply as gsplat, nerfstudio, SuperSplat and the code of Inria write it; properties in
any order, those beyond colour, opacity, scale, rotation and normal left out. It is turned upright, scaled, and placed
with its head where the camera looks. It is static: a scan has no blendshapes. Cut away the room around it before.
"""

import argparse
from pathlib import Path

import numpy as np

from actors.renderer.avatar import (
    ALPHA_MIN,
    LEAST_LENGTH,
    MIN_SCALE_M,
    STANDARD,
    Avatar,
    load_avatar,
    save_avatar,
    splat_fields,
    splat_rows,
    standard_columns,
)
from actors.renderer.errors import BadAvatar
from actors.renderer.ply import read_ply, write_ply
from actors.renderer.project import FAR_M
from tools.errors import ToolError

MOST_IN_SCAN = 1 << 23  # splats; 2 GB with all their spherical harmonics
BUST_M = 0.40
TOP_M = 0.13  # the crown's y: the head's middle is then near the origin
CAMERA = {"position": [0.0, 0.0, 0.95], "look_at": [0.0, -0.025, 0.0], "fov_y_deg": 24.0}  # sees 0.4 m
HEAD_M = 0.25  # from the crown down, this is the head
OUTSIDE = 0.01  # of the splats lie beyond either end of what is measured: floaters
HUGE = 6.9  # a logarithm of the scale; the reader cuts off soon above
UPRIGHT = {  # rotation vectors in degrees that bring the axis up, and a face that looks at the camera to +z
    "y-down": (180, 0, 0),  # COLMAP and most scans; the camera ahead is +z
    "y-up": (0, 0, 0),  # glTF, three.js
    "z-up": (-90, 0, 0),  # Blender, nerfstudio; the front view looks along +y
    "z-down": (90, 0, 0),
    "x-up": (0, 0, 90),
    "x-down": (0, 0, -90),
}


def turned(fields: dict[str, np.ndarray], axis: str, yaw_deg: float, back: bool = False) -> dict[str, np.ndarray]:
    """``position``, ``normal`` and ``quaternion`` of splats in a scan's axes, in head space; ``back``: the reverse."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("y", yaw_deg, degrees=True) * Rotation.from_rotvec(UPRIGHT[axis], degrees=True)
    turn = turn.inv() if back else turn
    quaternion = (turn * Rotation.from_quat(fields["quaternion"], scalar_first=True)).as_quat(scalar_first=True)
    return {
        **fields,
        "position": turn.apply(fields["position"]),
        "normal": turn.apply(fields["normal"]),
        "quaternion": quaternion,
    }


def scanned(path: Path, axis: str, yaw_deg: float, height_m: float) -> tuple[Avatar, str]:
    """A static avatar of a scan, and what was done to it in words. Raises BadAvatar; OSError where there is no file."""
    elements, _ = read_ply(path, {"vertex": MOST_IN_SCAN, "delta": MOST_IN_SCAN})
    if len(elements.get("delta", ())):
        raise BadAvatar(f"an avatar already, with {len(elements['delta'])} deltas; --plain writes one for viewers")
    columns = standard_columns(elements.get("vertex", np.zeros(0)))
    n = len(columns)
    with np.errstate(over="ignore"):
        broken = ~np.isfinite(columns).all(1) | (np.linalg.norm(columns[:, 13:], axis=1) < LEAST_LENGTH)
    broken |= columns[:, 10:13].max(1) > HUGE
    unseen = ~broken & (columns[:, 9] < np.log(ALPHA_MIN / (1 - ALPHA_MIN)))
    columns = columns[~broken & ~unseen]
    if not len(columns):
        raise BadAvatar(f"none of {n} splats is seen: {broken.sum()} are broken, {unseen.sum()} transparent")
    fields = turned(splat_fields(columns), axis, yaw_deg)
    scale = _place(fields, height_m)
    near = (np.linalg.norm(fields["position"], axis=1) < FAR_M) & (fields["scale"].max(1) < FAR_M)
    kept = {name: values[near] for name, values in fields.items()}
    count = np.count_nonzero(near)
    metadata = {"name": path.stem, "camera": CAMERA}
    avatar = Avatar(**kept, part=np.zeros(count), follow=np.ones(count), metadata=metadata)
    return avatar, (
        f"{count} of {n} splats ({broken.sum()} broken, {unseen.sum()} transparent and {(~near).sum()} "
        f"farther than {FAR_M:g} m left out), scaled by {scale:.4g}"
    )


def _place(fields: dict[str, np.ndarray], height_m: float) -> float:
    """Scales and moves the splats, floaters aside, to that height with the head in its place; the scale."""
    low, high = np.quantile(fields["position"], [OUTSIDE, 1 - OUTSIDE], axis=0)
    if not high[1] - low[1] > 0:
        raise BadAvatar(f"the scan is {high[1] - low[1]} high: nothing that can be scaled")
    scale = height_m / (high[1] - low[1])
    position = (fields["position"] - [0, high[1], 0]) * scale
    head = position[(position[:, 1] > -HEAD_M) & (position[:, 1] < 0)]
    x, z = np.quantile(head[:, ::2], [OUTSIDE, 1 - OUTSIDE], axis=0).mean(0)
    fields["position"] = position + [-x, TOP_M, -z]
    fields["scale"] = np.maximum(fields["scale"] * scale, MIN_SCALE_M)
    return float(scale)


def write_plain(avatar: Avatar, path: Path, axis: str, yaw_deg: float) -> None:
    """A .ply of the properties that 3D Gaussian splatting has, and nothing else, in a scan's axes."""
    rows = splat_rows(avatar)
    fields = {"position": avatar.position, "normal": avatar.normal, "quaternion": avatar.quaternion}
    fields = turned(fields, axis, yaw_deg, back=True)
    columns = np.concatenate([fields["position"], fields["normal"], fields["quaternion"]], axis=1)
    for name, values in zip([*STANDARD[:6], *STANDARD[13:]], columns.T, strict=True):
        rows[name] = values
    write_ply(path, {"vertex": rows[STANDARD].astype([(name, "<f4") for name in STANDARD])}, [])


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="IN", help="a scan; with --plain an avatar")
    parser.add_argument("target", type=Path, metavar="OUT", help="the .ply to write")
    parser.add_argument("--axis", choices=UPRIGHT, default="y-down", help="of the scan or plain file (default y-down)")
    parser.add_argument("--yaw-deg", type=float, default=0.0, help="turn the upright scan towards image right")
    parser.add_argument("--height-m", type=float, help=f"what the scan shows is so tall (default {BUST_M}, a bust)")
    parser.add_argument("--plain", action="store_true", help="write an avatar for viewers: no parts, shapes, metadata")


def run(args: argparse.Namespace) -> int:
    if args.target.exists() and args.target.samefile(args.source):
        raise ToolError(f"{args.target} is what is to be converted: give the new file another name")
    if args.plain:
        if args.height_m is not None:
            raise ToolError("--plain leaves sizes as they are: --height-m is for a scan")
        avatar = load_avatar(args.source)
        write_plain(avatar, args.target, args.axis, args.yaw_deg)
        print(f"{args.target}: {len(avatar)} splats, plain, {args.axis}; no parts, blendshapes and metadata")
        return 0
    height_m = BUST_M if args.height_m is None else args.height_m
    if not 0.01 <= height_m <= 10:
        raise ToolError(f"--height-m is {height_m}, not within 0.01 and 10")
    try:
        avatar, words = scanned(args.source, args.axis, args.yaw_deg, height_m)
    except BadAvatar as error:
        raise BadAvatar(f"{args.source}: {error}") from error
    save_avatar(avatar, args.target)
    print(f"{args.target}: {words}")
    print(f"{args.target}: static: it has no blendshapes and no parts, so the face does not move, only the head turns")
    return 0
