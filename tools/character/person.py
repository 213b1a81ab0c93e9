"""A whole character, made by code alone: head, hair, clothes, what moves them, and the light on them."""

from collections.abc import Callable

import numpy as np

from actors.renderer.avatar import LOWER_TEETH, MAX_OPACITY, MAX_SPLATS, UPPER_TEETH, Avatar, Shapes
from actors.renderer.avatar import SKIN as HEAD
from tools.character.cloud import MIRROR, Cloud, joined
from tools.character.complexion import complexion, without_make_up
from tools.character.ears import head_with_ears, in_ear_patch, make_ear
from tools.character.expressions import dense_shapes, stretch
from tools.character.eyes import make_eyeball, make_lights
from tools.character.face import EYE, head, make_creases, make_freckles, make_skin
from tools.character.fields import smoothstep
from tools.character.jaw import JAW_FORWARD, JAW_OPEN_RAD, JAW_PIVOT, JAW_SIDE
from tools.character.lids import in_lid_patch, make_lashes, make_lids
from tools.character.light import LIP, SKIN, lit
from tools.character.look import VIVI, Look
from tools.character.mouth import make_cavity, make_lips
from tools.character.teeth import make_teeth
from tools.character.tongue import make_tongue
from tools.character.torso import BOTTOM_Y
from tools.errors import ToolError

CM = 0.01
SPLATS = 60_000
SEED = 7
LEAST_SPLATS = 12_000  # lashes, teeth and the like leave none for the hair of fewer
NECK_PIVOT = np.array([0.0, -10.0, -2.6])


def metadata(look: Look) -> dict:
    neck, left, right, jaw = look.head(np.stack([NECK_PIVOT, EYE, EYE * MIRROR, JAW_PIVOT])) * CM
    return {
        "name": "visavis",
        "look": look.name,
        "licence": "Apache-2.0",
        "neck": neck.tolist(),
        "eyes": {"left": left.tolist(), "right": right.tolist()},
        "jaw": {
            "pivot": jaw.tolist(),
            "open_rad": JAW_OPEN_RAD,
            "forward_m": JAW_FORWARD * CM,
            "side_m": JAW_SIDE * CM,
        },
        "camera": {"position": [0.0, 0.0, 0.95], "look_at": [0.0, -0.025, 0.0], "fov_y_deg": 23.5},
        "background": dict(zip(("centre", "edge"), map(list, look.background), strict=True)),
    }


def follow(p: np.ndarray) -> np.ndarray:
    """How much the neck turns with the head."""
    return smoothstep(-15.0, -9.5, p[:, 1] + 0.25 * p[:, 2])


def make_clouds(splats: int, rng: np.random.Generator, look: Look) -> tuple[Cloud, Cloud]:
    """Head and clothes without light and shapes, before the head is warped."""
    share = splats / SPLATS  # for what is spread over surfaces
    fine = share**0.5  # for the rows and columns of grids
    small = fine if share < 1 else fine**0.6  # eyes and mouth are fine enough before hair and skin are

    def seen(p: np.ndarray) -> np.ndarray:
        covered = look.hair.hides(p) | in_lid_patch(p, 0.97) | in_ear_patch(p)
        return ~covered & (look.clothes.field(look.head(p)) > -0.8)

    def seen_torso(p: np.ndarray) -> np.ndarray:
        return (p[:, 1] > BOTTOM_Y) & (head(look.head.inverse(p)) > 0.1)

    left_eye = [
        without_make_up(make_lids(int(110 * small), int(26 * small)), look.make_up),
        make_eyeball(int(1_900 * small**2), *look.iris),
        make_lights(),
    ]
    lashes = make_lashes(rng)
    lashes.opacity *= look.make_up
    ear = make_ear(int(900 * share), rng)
    left = joined([*left_eye, lashes, look.brows.make(int(420 * fine), rng), make_creases(), ear])
    bare = joined([
        left,
        left.mirrored(),
        make_skin(int(15_500 * share), rng, seen),
        make_freckles(int(look.freckles * share), rng),
        make_lips(int(190 * small), int(30 * small)),
        make_cavity(int(700 * small**2)),
        make_tongue(int(700 * small**2)),
        make_teeth(UPPER_TEETH, max(int(9 * small), 4)),
        make_teeth(LOWER_TEETH, max(int(8 * small), 4)),
    ])  # fmt: skip
    bare.albedo = complexion(bare, look)
    if not look.lip_gloss:
        bare.material[bare.material == LIP] = SKIN
    clothes = look.clothes.make(int(6_000 * share), rng, seen_torso)
    return joined([bare, look.hair.make(splats - len(bare) - len(clothes), rng)]), clothes


def build_character(
    splats: int = SPLATS, seed: int = SEED, say: Callable[[str], None] = lambda line: None, look: Look = VIVI
) -> Avatar:
    """About ``splats`` Gaussians, the same for the same arguments. say: is told what is being made.

    Raises ToolError for fewer than LEAST_SPLATS and for more than a file may have.
    """
    if not LEAST_SPLATS <= splats <= MAX_SPLATS:
        raise ToolError(f"{splats} splats, not within {LEAST_SPLATS} and {MAX_SPLATS}")
    say(f"skin, clothes and hair of {look.name}")
    person, clothes = make_clouds(splats, np.random.default_rng(seed), look)
    person.position = np.where(person.carried[:, None] > 0, look.mouth(person.position), person.position)
    say(f"expressions of {len(person)} splats")
    deltas = dense_shapes(person)
    person.sigma[:, :2] *= stretch(person, deltas)[:, None]
    deltas = look.head.deltas(person.position, deltas)
    held = np.where(person.part == HEAD, follow(person.position), 1)
    cloud = joined([look.head.cloud(person), clothes])
    say("light")
    return Avatar(
        position=cloud.position * CM,
        normal=np.where(cloud.two_sided[:, None], 0, cloud.normal),
        quaternion=cloud.quaternions(),
        scale=cloud.sigma * CM,
        opacity=np.clip(cloud.opacity, 0.01, MAX_OPACITY),
        colour=lit(cloud, _scene(look)),
        part=cloud.part,
        follow=np.pad(held, (0, len(clothes))),
        shapes=Shapes.from_dense(np.pad(deltas * np.float32(CM), ((0, 0), (0, len(clothes)), (0, 0)))),
        metadata=metadata(look),
    )


def _scene(look: Look) -> Callable[[np.ndarray], np.ndarray]:
    """Everything that keeps light away."""
    model = look.head.around(lambda p: np.minimum(head_with_ears(p), look.hair.shell(p)))
    return lambda p: np.minimum(model(p), look.clothes.field(p))
