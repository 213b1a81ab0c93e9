"""The splat rasteriser: as exact as 8 bits allow, and moving the way that the messages say."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from numba.core import errors

from actors.arkit import ARKIT
from actors.renderer import avatar as parts
from actors.renderer import reference, vectors
from actors.renderer.avatar import Avatar, Shapes
from actors.renderer.errors import BadPicture
from actors.renderer.model import Model
from actors.renderer.pose import camera
from actors.renderer.stage import MOST_PX, Stage
from actors.renderer.yuv import gradient, i420_to_rgb, split_i420
from tools.bench.render import head, movement

W, H = 320, 192
REST = [0.0] * len(ARKIT)
LEAST_DB = 50
GREY = {"centre": [0.3, 0.3, 0.3], "edge": [0.3, 0.3, 0.3]}
METADATA = {
    "neck": [0.0, -0.1, 0.0],
    "eyes": {"left": [0.03, 0.02, 0.06], "right": [-0.03, 0.02, 0.06]},
    "jaw": {"pivot": [0.0, 0.0, 0.0], "open_rad": 0.4, "forward_m": 0.01, "side_m": 0.02},
    "camera": {"position": [0.0, 0.0, 0.8], "look_at": [0.0, 0.0, 0.0], "fov_y_deg": 24.0},
    "background": GREY,
}


def splats(*positions, shapes=None, metadata=METADATA, **columns) -> Avatar:
    """White splats of 4 mm, seen from all sides, that follow the head."""
    n = len(positions)
    fields = {
        "normal": np.zeros((n, 3)),
        "quaternion": np.tile([1.0, 0, 0, 0], (n, 1)),
        "scale": np.full((n, 3), 0.004),
        "opacity": np.full(n, 0.95),
        "colour": np.ones((n, 3)),
        "part": np.zeros(n),
        "follow": np.ones(n),
    }
    fields |= {name: np.broadcast_to(value, fields[name].shape) for name, value in columns.items()}
    return Avatar(position=np.array(positions, float), shapes=shapes or Shapes.none(), metadata=metadata, **fields)


def drawn(avatar: Avatar, weights=REST, size=(W, H), **pose) -> np.ndarray:
    return Stage(Model.of(avatar), *size).draw(weights, **pose)


def middle(planes: np.ndarray) -> tuple[float, float]:
    """Where the bright splat is, in pixels right and up of the picture's middle."""
    y = split_i420(planes)[0].astype(float)
    light = np.clip(y - y.min() - 3, 0, None)
    rows, columns = np.indices(y.shape) + 0.5
    assert light.sum() > 0
    return (light * columns).sum() / light.sum() - W / 2, H / 2 - (light * rows).sum() / light.sum()


def weighted(**weights) -> list[float]:
    return [weights.get(name, 0.0) for name in ARKIT]


def shown(planes: np.ndarray) -> bool:
    return bool(np.ptp(split_i420(planes)[0]) > 10)


def everything() -> Avatar:
    """A head of all parts, half of its neck following, over a gradient."""
    avatar = head(5000)
    r = np.random.default_rng(3)
    low = avatar.position[:, 1] < -0.05
    return evolve(
        avatar,
        part=np.where(low, parts.TORSO, r.integers(0, 6, len(avatar))),
        follow=np.clip((avatar.position[:, 1] + 0.08) / 0.05, 0, 1),
        metadata={**avatar.metadata, **{key: METADATA[key] for key in ("neck", "eyes", "jaw")}},
    )


@pytest.mark.parametrize("size", [(W, H), (250, 130), (66, 258)])
def test_the_picture_is_the_exact_one_but_for_rounding(size):
    avatar = everything()
    stage = Stage(Model.of(avatar), *size)
    for frame in (5, 38):
        moved = movement(frame)
        planes = stage.draw(**moved)
        exact = reference.draw(avatar, *size, **moved)
        assert exact.covered.any() and exact.psnr_db(planes) > LEAST_DB
        for ours, theirs in zip(split_i420(planes), (exact.y, exact.u, exact.v), strict=True):
            assert ours.shape == theirs.shape
            assert np.mean(np.abs(ours - theirs) > 0.6) < 0.001


def test_the_exact_picture_is_a_gaussian_by_hand():
    avatar = splats([0.01, 0.0, 0.0], opacity=0.5)
    exact = reference.draw(avatar, W, H, REST)
    focal = H / 2 / np.tan(np.radians(12))
    x, y = W / 2 + focal * 0.01 / 0.8, H / 2
    dx, dy = 165.5 - x, 97.5 - y
    across = (focal * 0.004 / 0.8) ** 2 * (1 + (0.01 / 0.8) ** 2) + 0.3
    down = (focal * 0.004 / 0.8) ** 2 + 0.3
    alpha = 0.5 * np.exp(-0.5 * (dx**2 / across + dy**2 / down))
    back = split_i420(drawn(splats([9.0, 0.0, 0.0])))[0][97, 165]
    assert exact.y[97, 165] == pytest.approx(alpha * 235 + (1 - alpha) * back, abs=1e-3)


def test_a_frame_does_not_depend_on_the_frames_before():
    model = Model.of(everything())
    stage, poses = Stage(model, W, H), [movement(k) for k in (0, 20, 60)]
    poses.append({"weights": REST, "head_m": (0.1, 0.05, -0.3)})
    for pose in poses * 2:
        assert np.array_equal(stage.draw(**pose), Stage(model, W, H).draw(**pose))


def test_calls_do_not_disturb_each_other():
    model = Model.of(everything())
    one, other = Stage(model, W, H), Stage(model, 128, 96)
    before = one.draw(**movement(7)).copy()
    other.draw(**movement(50))
    assert np.array_equal(one.draw(**movement(7)), before)


def test_the_layout_is_i420_packed():
    planes = drawn(splats([0.0, 0.0, 0.0], colour=(1, 0, 0)), size=(70, 66))
    assert planes.shape == (99, 70) and planes.dtype == np.uint8 and planes.flags.c_contiguous
    y, u, v = split_i420(planes)
    assert (y.shape, u.shape, v.shape) == ((66, 70), (33, 35), (33, 35))
    assert v[16, 17] > 200 > 110 > u[16, 17]


@pytest.mark.parametrize("colour", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.2, 0.5, 0.8)])
def test_colours_come_out_as_they_went_in(colour):
    stack = splats(*[[0.0, 0.0, 0.001 * k] for k in range(4)], colour=colour, scale=0.03, opacity=0.99)
    np.testing.assert_allclose(i420_to_rgb(drawn(stack))[H // 2, W // 2] / 255, colour, atol=0.02)


@pytest.mark.parametrize(
    ("pose", "right", "up"),
    [
        ({"head_rad": (0.3, 0, 0)}, 1, 0),
        ({"head_rad": (0, 0.3, 0)}, 0, 1),
        ({"head_m": (0.02, 0, 0)}, 1, 0),
        ({"head_m": (0, 0.02, 0)}, 0, 1),
    ],
)
def test_the_nose_moves_to_the_positive_side(pose, right, up):
    nose = splats([0.0, -0.1, 0.09])
    (x0, y0), (x1, y1) = middle(drawn(nose)), middle(drawn(nose, **pose))
    assert np.sign(np.round(x1 - x0)) == right and np.sign(np.round(y1 - y0)) == up


def test_the_crown_tilts_to_image_right_with_positive_roll():
    crown = splats([0.0, 0.05, 0.0])
    assert middle(drawn(crown, head_rad=(0, 0, 0.3)))[0] > middle(drawn(crown))[0] + 5


def test_towards_the_viewer_is_larger():
    ring = splats([0.03, 0.0, 0.0])
    assert middle(drawn(ring, head_m=(0, 0, 0.2)))[0] > middle(drawn(ring))[0] * 1.2


def test_the_neck_follows_in_part():
    x = [middle(drawn(splats([0.0, -0.1, 0.09], follow=f), head_rad=(0.4, 0, 0)))[0] for f in (0, 0.5, 1)]
    assert abs(x[0]) < 0.1 and x[1] == pytest.approx(x[2] / 2, rel=0.05) and x[2] > 5


@pytest.mark.parametrize(("part", "side"), [(parts.LEFT_EYE, 1), (parts.RIGHT_EYE, -1)])
def test_an_eye_turns_about_its_own_centre(part, side):
    pupil = splats([side * 0.03, 0.02, 0.072], part=part)
    (x0, y0), (x1, y1) = middle(drawn(pupil)), middle(drawn(pupil, gaze_rad=(0.4, 0)))
    assert np.sign(x0) == side
    px_m = H / 2 / np.tan(np.radians(12)) / 0.73
    assert x1 - x0 == pytest.approx(0.012 * np.sin(0.4) * px_m, abs=0.6) and y1 == pytest.approx(y0, abs=0.6)
    assert middle(drawn(pupil, gaze_rad=(0, 0.4)))[1] > y0 + 1
    skin = evolve(pupil, part=[parts.SKIN])
    assert np.array_equal(drawn(skin), drawn(skin, gaze_rad=(0.4, 0.4)))


def test_the_lower_teeth_go_with_the_jaw_and_the_upper_ones_do_not():
    lower = splats([0.0, -0.02, 0.08], part=parts.LOWER_TEETH)
    upper = evolve(lower, part=[parts.UPPER_TEETH])
    x, y = middle(drawn(lower))
    assert middle(drawn(lower, weighted(jawOpen=1.0)))[1] < y - 5
    assert middle(drawn(lower, weighted(jawLeft=1.0)))[0] > x + 2  # the character's left is image right
    assert middle(drawn(lower, weighted(jawRight=1.0)))[0] < x - 2
    assert middle(drawn(upper, weighted(jawOpen=1.0, jawLeft=1.0)))[1] == pytest.approx(y, abs=0.1)


def test_a_blendshape_moves_its_splats_by_its_weight():
    deltas = np.zeros((len(ARKIT), 1, 3))
    deltas[ARKIT.index("mouthLeft"), 0, 0] = 0.02
    mouth = splats([0.0, 0.0, 0.0], shapes=Shapes.from_dense(deltas))
    half, whole, beyond = (middle(drawn(mouth, weighted(mouthLeft=w)))[0] for w in (0.5, 1.0, 7.0))
    assert half == pytest.approx(whole / 2, rel=0.05) and whole > 5 and beyond == whole


def test_a_splat_that_looks_away_is_hidden_and_one_without_normal_is_not():
    assert not shown(drawn(splats([0.0, 0.0, 0.0], normal=(0, 0, -1))))
    assert shown(drawn(splats([0.0, 0.0, 0.0], normal=(0, 0, 1))))
    assert shown(drawn(splats([0.0, 0.0, 0.0], normal=(0, 0, 0))))
    turned = {"head_rad": (np.pi, 0, 0)}
    assert not shown(drawn(splats([0.0, 0.0, 0.0], normal=(0, 0, 1)), **turned))
    assert shown(drawn(splats([0.0, 0.0, 0.0], normal=(0, 0, -1)), **turned))


def test_the_nearer_splat_covers_the_farther_one_in_any_order_of_the_file():
    near, far = [0.0, 0.0, 0.05], [0.0, 0.0, -0.05]
    for positions in ((near, far), (far, near)):
        colour = [(1, 1, 1) if place == near else (0, 0, 0) for place in positions]
        assert split_i420(drawn(splats(*positions, colour=colour, scale=0.02)))[0][H // 2, W // 2] > 200


@pytest.mark.parametrize(("head_rad", "rising"), [((0, 0, 0), True), ((0, 0, np.pi / 2), False)])
def test_a_long_splat_keeps_its_direction_and_turns_with_the_head(head_rad, rising):
    c, s = np.cos(np.pi / 8), np.sin(np.pi / 8)  # 45 degrees about z: from low left to high right
    long = splats(
        [0.0, 0.0, 0.0], quaternion=(c, 0, 0, s), scale=(0.02, 0.002, 0.002), metadata=METADATA | {"neck": [0, 0, 0]}
    )
    y = split_i420(drawn(long, head_rad=head_rad))[0].astype(int)
    up_right, down_right = y[H // 2 - 8, W // 2 + 8], y[H // 2 + 8, W // 2 + 8]
    assert (up_right > down_right + 50) if rising else (down_right > up_right + 50)


def test_a_head_behind_the_camera_leaves_the_background():
    background = np.concatenate([plane.ravel() for plane in gradient(W, H, GREY["centre"], GREY["edge"])])
    stage = Stage(Model.of(everything()), W, H)
    assert not np.array_equal(stage.draw(REST).ravel(), background)
    stage = Stage(Model.of(splats([0.0, 0.0, 0.0])), W, H)
    assert shown(stage.draw(REST))
    assert np.array_equal(stage.draw(REST, head_m=(0, 0, 1e30)).ravel(), background)


def test_many_splats_over_many_tiles_are_all_drawn():
    stack = splats(*[[0.0, 0.0, 0.001 * k] for k in range(9)], scale=0.05, opacity=0.3)
    planes = drawn(stack, size=(1280, 720))  # 9 splats lie over more than 18 tiles
    assert reference.draw(stack, 1280, 720, REST).psnr_db(planes) > LEAST_DB


def test_an_upright_telephone_shows_the_head_as_large_as_a_wide_picture_and_a_thinner_one_smaller():
    wide, upright, thin = (camera(METADATA, width, 1280).focal_px for width in (2276, 720, 360))
    assert wide == upright == 2 * thin


@pytest.mark.parametrize("size", [(321, 192), (320, 191), (0, 2), (MOST_PX + 2, 100), (100, MOST_PX + 2)])
def test_an_impossible_size_is_refused_with_its_numbers(size):
    with pytest.raises(BadPicture, match=f"{size[0]} x {size[1]}"):
        Stage(Model.of(splats([0.0, 0.0, 0.0])), *size)


def wild(seed: int) -> Avatar:
    """Splats of all sizes everywhere, also in the camera."""
    r = np.random.default_rng(seed)
    n = 400
    quaternion = r.normal(size=(n, 4))
    opacity = 10 ** r.uniform(-6, np.log10(0.99), n)
    opacity[:9] = np.float32(1 / 255) * (1 + np.arange(-4, 5) * 6e-8)  # at the very edge of being seen
    return splats(
        *(r.normal(size=(n, 3)) * 10 ** r.uniform(-2, 2.5, (n, 1)) + (0, 0, 0.8)),
        quaternion=quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True),
        scale=10 ** r.uniform(-9, 3, (n, 3)),
        opacity=opacity,
        part=r.integers(0, 6, n),
        follow=r.random(n),
    )


def on_edges(width: int, height: int) -> Avatar:
    """Splats from nothing to the size of the picture, on the borders of picture, tiles, strips and pixels."""
    m_px = 0.8 / camera(METADATA, width, height).focal_px
    lines = [
        sorted({0, 0.5, 1, 7.5, 8, 62, 63.5, 64, 64.5, size - 64, size - 1, size - 0.5, size})
        for size in (width, height)
    ]
    x, y = (grid.ravel() for grid in np.meshgrid(*lines))
    n, quarter = len(x), 0.25 * min(width, height)
    sigmas_px = [[0] * 3, [0.5] * 3, [0.3, 9, 1], [40, 0.3, 1], [quarter] * 3]
    return splats(
        *np.stack([(x - width / 2) * m_px, (height / 2 - y) * m_px, np.arange(n) * 1e-5], 1),
        scale=np.maximum(np.resize(sigmas_px, (n, 3)) * m_px, 1e-9),
        quaternion=np.resize([(1, 0, 0, 0), (np.cos(0.3), 0, 0, np.sin(0.3))], (n, 4)),
        opacity=np.resize([0.99, 0.5, 0.02], n),
        colour=np.resize([0.1, 0.9, 0.5, 0.7], (n, 3)),
    )


SIZES = ((W, H), (66, 130), (2, 2), (1280, 720), (1080, 1920), (MOST_PX, 64), (2, MOST_PX))  # even, at all corners


def draw_hostile_splats() -> None:
    """For a process in which numba checks all bounds: in the plain loops, too, which touch what the vectors touch."""
    for plain in (False, True):
        if plain:
            vectors.usable = lambda: None
        for size in SIZES:
            for avatar in (*map(wild, range(8 if size[0] * size[1] < 1e5 else 2)), on_edges(*size)):
                stage = Stage(Model.of(avatar), *size)
                for k in range(4):
                    turned = {"head_rad": (1e9 * k, -2.0 * k, 3.0 * k), "head_m": (0, 0, 0.5 * k)}
                    stage.draw(**{**movement(9 * k), **turned})


@pytest.mark.slow
def test_hostile_splats_stay_within_every_buffer(tmp_path):
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    code = "from tests import test_raster; test_raster.draw_hostile_splats()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=Path(__file__).parents[1], env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("size", SIZES)
def test_splats_on_edges_make_the_exact_picture(size):
    exact = reference.draw(on_edges(*size), *size, REST)
    assert exact.covered.any() and exact.psnr_db(drawn(on_edges(*size), size=size)) > LEAST_DB


def test_what_an_opaque_wall_hides_is_left_out_and_the_picture_stays_exact():
    r = np.random.default_rng(5)
    wall = np.stack([*r.uniform(-0.06, 0.06, (2, 300)), r.uniform(0.04, 0.05, 300)], 1)
    hidden = np.stack([*r.uniform(-0.12, 0.12, (2, 600)), r.uniform(-0.05, 0.0, 600)], 1)
    avatar = splats(*wall, *hidden, scale=0.012, opacity=0.99, colour=r.random((900, 3)))
    exact = reference.draw(avatar, W, H, REST)
    assert exact.psnr_db(drawn(avatar)) > LEAST_DB


def test_plain_loops_draw_what_vectors_draw(monkeypatch):
    avatar, moved = everything(), movement(38)
    by_vectors = drawn(avatar, **moved)
    monkeypatch.setattr(vectors, "usable", lambda: None)
    by_loops = drawn(avatar, **moved)
    assert reference.draw(avatar, W, H, **moved).psnr_db(by_loops) > LEAST_DB
    assert np.abs(by_loops.astype(int) - by_vectors).max() <= 1
    edges = reference.draw(on_edges(W, H), W, H, REST)
    assert edges.psnr_db(drawn(on_edges(W, H))) > LEAST_DB


@pytest.mark.parametrize("error", [errors.TypingError("no such intrinsic"), RuntimeError("LLVM IR parsing error")])
def test_vectors_that_cannot_be_compiled_are_left_out_and_that_is_said_once(error, monkeypatch, caplog):
    def refused(*_):
        raise error

    monkeypatch.setattr(vectors, "_try", refused)
    vectors.usable.cache_clear()
    try:
        assert vectors.usable() is None and shown(drawn(everything()))
        assert [str(error) in record.message for record in caplog.records] == [True]
    finally:
        vectors.usable.cache_clear()


@pytest.mark.parametrize("seed", range(4))
def test_wild_splats_make_the_exact_picture(seed):
    exact = reference.draw(wild(seed), W, H, REST)
    assert exact.covered.any() and exact.psnr_db(drawn(wild(seed))) > 40  # float32 against float64, 12 decades of size
