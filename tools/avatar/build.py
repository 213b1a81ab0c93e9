"""``visavis avatar build FILE``: the default character, made by code alone."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from actors.renderer.avatar import LOWER_TEETH, MAX_OPACITY, TORSO, UPPER_TEETH, Avatar, Shapes, save_avatar
from actors.renderer.avatar import SKIN as HEAD
from tools.avatar.brows import make_brows
from tools.avatar.cloud import Cloud, joined
from tools.avatar.expressions import JAW_FORWARD, JAW_OPEN_RAD, JAW_PIVOT, JAW_SIDE, dense_shapes, stretch
from tools.avatar.eyes import make_eyeball, make_lights
from tools.avatar.face import EYE, head, make_freckles, make_skin, make_smile_lines
from tools.avatar.fields import smoothstep
from tools.avatar.hair import hair_shell, make_hair, under_hair, with_scalp
from tools.avatar.lids import in_lid_patch, make_lashes, make_lids
from tools.avatar.light import lit
from tools.avatar.mouth import make_cavity, make_lips, make_tongue
from tools.avatar.teeth import make_teeth
from tools.avatar.torso import BOTTOM_Y, make_torso, torso

CM = 0.01
SPLATS = 60_000
NECK_PIVOT = np.array([0.0, -10.0, -2.6])
METADATA = {
    "name": "visavis",
    "licence": "Apache-2.0",
    "neck": (NECK_PIVOT * CM).tolist(),
    "eyes": {"left": (EYE * CM).tolist(), "right": (EYE * [-CM, CM, CM]).tolist()},
    "jaw": {
        "pivot": (JAW_PIVOT * CM).tolist(),
        "open_rad": JAW_OPEN_RAD,
        "forward_m": JAW_FORWARD * CM,
        "side_m": JAW_SIDE * CM,
    },
    "camera": {"position": [0.0, 0.0, 0.95], "look_at": [0.0, -0.025, 0.0], "fov_y_deg": 23.5},
    "background": {"centre": [0.76, 0.79, 0.81], "edge": [0.44, 0.51, 0.57]},
}


def scene(p: np.ndarray) -> np.ndarray:
    """Everything that keeps light away."""
    return np.minimum(np.minimum(head(p), torso(p)), hair_shell(p))


def follow(p: np.ndarray) -> np.ndarray:
    """How much the neck turns with the head."""
    return smoothstep(-15.0, -9.5, p[:, 1] + 0.25 * p[:, 2])


def make_cloud(splats: int, rng: np.random.Generator) -> Cloud:
    """Everything but light and shapes."""
    share = splats / SPLATS  # for what is spread over surfaces
    fine = share**0.5  # for the rows and columns of grids

    def seen(p: np.ndarray) -> np.ndarray:
        return (torso(p) > -0.3) & ~under_hair(p) & ~in_lid_patch(p, 0.97)

    def seen_torso(p: np.ndarray) -> np.ndarray:
        return (p[:, 1] > BOTTOM_Y) & (head(p) > 0.1)

    left_eye = [
        make_lids(int(110 * fine), int(26 * fine)),
        make_lashes(rng),
        make_eyeball(int(1_900 * share)),
        make_lights(),
    ]
    left = joined([*left_eye, make_brows(int(420 * fine), rng), make_smile_lines()])
    return joined([
        left,
        left.mirrored(),
        make_hair(int(17_000 * share), rng),
        with_scalp(make_skin(int(15_500 * share), rng, seen)),
        make_freckles(int(90 * share), rng),
        make_lips(int(190 * fine), int(30 * fine)),
        make_cavity(int(700 * share)),
        make_tongue(int(700 * share)),
        make_teeth(UPPER_TEETH, max(int(9 * fine), 4)),
        make_teeth(LOWER_TEETH, max(int(8 * fine), 4)),
        make_torso(int(6_000 * share), rng, seen_torso),
    ])  # fmt: skip


def build_character(splats: int = SPLATS, seed: int = 7, say: Callable[[str], None] = lambda line: None) -> Avatar:
    """About ``splats`` Gaussians, the same for the same arguments. say: is told what is being made."""
    say("hair, skin and clothes")
    cloud = make_cloud(splats, np.random.default_rng(seed))
    say(f"expressions of {len(cloud)} splats")
    deltas = dense_shapes(cloud)
    cloud.sigma[:, :2] *= stretch(cloud, deltas)[:, None]
    say("light")
    return Avatar(
        position=cloud.position * CM,
        normal=np.where(cloud.two_sided[:, None], 0, cloud.normal),
        quaternion=cloud.quaternions(),
        scale=cloud.sigma * CM,
        opacity=np.clip(cloud.opacity, 0.01, MAX_OPACITY),
        colour=lit(cloud, scene),
        part=cloud.part,
        follow=np.where(cloud.part == TORSO, 0, np.where(cloud.part == HEAD, follow(cloud.position), 1)),
        shapes=Shapes.from_dense(deltas * np.float32(CM)),
        metadata=METADATA,
    )


def write_default(path: Path) -> None:
    """Makes the character and says so, line by line; the file is there whole or not at all."""
    started = time.process_time()
    avatar = build_character(say=lambda line: print(f"avatar: {line} ...", flush=True))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    save_avatar(avatar, unfinished)
    unfinished.replace(path)
    megabytes, seconds = path.stat().st_size / 1e6, time.process_time() - started
    print(f"avatar: {len(avatar)} splats, {megabytes:.1f} MB in {path}, {seconds:.0f} s of CPU", flush=True)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where to write it")


def run(args: argparse.Namespace) -> int:
    write_default(args.file)
    return 0
