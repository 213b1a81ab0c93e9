"""The default character, made by code alone: ``python -m tools.avatar.build OUT.ply``."""

import sys
import time
from pathlib import Path

import numpy as np

from actors.renderer.avatar import MAX_OPACITY, Avatar, Shapes, save_avatar
from tools.avatar.cloud import HEAD, TORSO, UPPER_TEETH, LOWER_TEETH, Cloud, joined
from tools.avatar.expressions import JAW_FORWARD, JAW_OPEN_RAD, JAW_PIVOT, JAW_SIDE, dense_shapes, stretch
from tools.avatar.eyes import make_eyeball, make_lights
from tools.avatar.face import EYE, head, make_freckles, make_skin, make_smile_lines
from tools.avatar.fields import smoothstep
from tools.avatar.hair import hair_shell, make_brows, make_hair, under_hair, with_scalp
from tools.avatar.lids import in_lid_patch, make_lashes, make_lids
from tools.avatar.light import lit
from tools.avatar.mouth import make_cavity, make_lips, make_tongue
from tools.avatar.teeth import make_teeth
from tools.avatar.torso import BOTTOM_Y, make_torso, torso

CM = 0.01
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
    share = splats / 60_000
    fine = share**0.5

    def seen(p: np.ndarray) -> np.ndarray:
        return (torso(p) > -0.3) & ~under_hair(p)

    def seen_skin(p: np.ndarray) -> np.ndarray:
        return seen(p) & ~in_lid_patch(p, 0.97)

    lids = make_lids(int(110 * fine), int(26 * fine))
    left = joined([lids, make_lashes(rng), make_eyeball(int(1900 * share)), make_lights(), make_smile_lines(), make_brows(int(420 * fine), rng)])
    hair = make_hair(int(17_000 * share), rng)
    parts = [
        with_scalp(make_skin(int(15_500 * share), rng, seen_skin)),
        make_freckles(int(90 * share), rng),
        left,
        left.mirrored(),
        make_lips(int(190 * fine), int(30 * fine)),
        make_cavity(int(700 * share)),
        make_tongue(int(700 * share)),
        make_teeth(UPPER_TEETH, max(int(9 * fine), 4)),
        make_teeth(LOWER_TEETH, max(int(8 * fine), 4)),
        make_torso(int(6_000 * share), rng, lambda p: (p[:, 1] > BOTTOM_Y) & (head(p) > 0.1)),
        hair,
    ]
    return joined(parts)


def build_character(splats: int = 60_000, seed: int = 7) -> Avatar:
    """About ``splats`` Gaussians; the same for the same arguments."""
    cloud = make_cloud(splats, np.random.default_rng(seed))
    deltas = dense_shapes(cloud)
    cloud.sigma[:, :2] *= stretch(cloud, deltas)[:, None]
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
    started = time.process_time()
    print("making the default character ...", flush=True)
    avatar = build_character()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_avatar(avatar, Path(path))
    print(f"{len(avatar)} splats, {len(avatar.shapes.index)} deltas, {time.process_time() - started:.0f} s CPU: {path}")


if __name__ == "__main__":
    write_default(Path(sys.argv[1]))
