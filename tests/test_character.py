"""The default character: what its shapes promise."""

import json
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from posing import moved

from actors.arkit import ARKIT
from actors.renderer.avatar import LOWER_TEETH, MAX_OPACITY, SKIN, UPPER_TEETH, load_avatar, save_avatar
from actors.renderer.model import Model
from actors.renderer.pose import parts
from actors.renderer.stage import Stage
from tools.character.face import EYE, LIP_HALF_WIDTH, LIP_Y, head, lip_line, make_creases
from tools.character.person import CM, build_character
from tools.cli import main

SPLATS = 12_000
MOST_BYTES_PER_SPLAT = 200  # 12 MB for the 60 000 of the default
MOST_ON_THE_OTHER_SIDE = 0.03  # of the movement of a shape of one side
STILL = {"eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight"}  # the eyeballs alone turn


@pytest.fixture(scope="module")
def avatar():
    return build_character(SPLATS)


@pytest.fixture(scope="module")
def coarse():
    return build_character(20_000)


def lip_gap_m(avatar, *shapes: str) -> float:
    """Between the lips in the middle of the mouth; under 0 where one covers the other."""
    near = np.abs(avatar.position - [0, LIP_Y * CM, 0])
    front = (avatar.part == SKIN) & (near[:, 0] < 0.008) & (near[:, 1] < 0.0025) & (avatar.position[:, 2] > 0.075)
    below = np.zeros(len(avatar), bool)
    number = ARKIT.index("jawOpen")
    below[avatar.shapes.index[avatar.shapes.start[number] : avatar.shapes.start[number + 1]]] = True
    opened = moved(avatar, "jawOpen")[:, 1] - avatar.position[:, 1]
    y = moved(avatar, *shapes)[:, 1]
    return y[front & (opened > -0.005)].min() - y[front & (opened < -0.015)].max()


def test_every_shape_moves_something_but_those_that_only_turn_the_eyeballs(avatar):
    counts = dict(zip(ARKIT, np.diff(avatar.shapes.start), strict=True))
    assert {name for name, count in counts.items() if count == 0} == STILL


def test_the_character_is_the_same_for_the_same_seed_and_another_for_another(avatar):
    again, other = build_character(SPLATS), build_character(SPLATS, seed=8)
    for field in ("position", "quaternion", "scale", "opacity", "colour"):
        np.testing.assert_array_equal(getattr(again, field), getattr(avatar, field))
    np.testing.assert_array_equal(again.shapes.delta, avatar.shapes.delta)
    assert len(other) != len(avatar) or not np.array_equal(other.position, avatar.position)


def test_there_are_about_as_many_splats_as_asked_for(avatar):
    assert 0.8 * SPLATS < len(avatar) < 1.3 * SPLATS
    assert (avatar.opacity <= MAX_OPACITY).all()
    assert set(np.unique(avatar.part)) == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("name", [name for name in ARKIT if name.endswith("Left") and name not in STILL])
def test_a_shape_of_the_left_moves_image_right_and_its_twin_mirrors_it(avatar, name):
    left = moved(avatar, name) - avatar.position
    right = moved(avatar, name.removesuffix("Left") + "Right") - avatar.position
    if name in ("jawLeft", "mouthLeft"):
        assert left[:, 0].max() > 0.005 > -0.001 > right[:, 0].min()
        return
    weight = np.linalg.norm(left, axis=1)
    assert weight @ avatar.position[:, 0] / weight.sum() > 0.01
    assert weight[avatar.position[:, 0] < -0.005].sum() < MOST_ON_THE_OTHER_SIDE * weight.sum()
    assert np.linalg.norm(right, axis=1) @ avatar.position[:, 0] < 0


def test_a_blink_brings_the_upper_lid_onto_the_lower_one(avatar):
    shut = moved(avatar, "eyeBlinkLeft")
    rise = shut[:, 1] - avatar.position[:, 1]
    middle = (avatar.part == SKIN) & (np.abs(avatar.position[:, 0] - EYE[0] * CM) < 0.004)
    upper, lower = shut[middle & (rise < -0.0115), 1], shut[middle & (rise > 0.0005), 1]
    assert len(upper) > 3 and len(lower) > 3
    assert upper.max() < EYE[1] * CM  # both lids do their part, the upper one most
    assert np.median(upper) < lower.max() + 0.0005


def test_no_lid_goes_through_the_eyeball_when_it_closes(avatar):
    shut = moved(avatar, "eyeBlinkLeft")
    lid = (np.linalg.norm(shut - avatar.position, axis=1) > 0.006) & (avatar.position[:, 2] > EYE[2] * CM)
    lid &= np.linalg.norm(avatar.position - EYE * CM, axis=1) > 0.0208
    assert lid.sum() > 20
    for weight in (0.25, 0.5, 0.75, 1.0):
        half = avatar.position + weight * (shut - avatar.position)
        assert np.quantile(np.linalg.norm(half[lid] - EYE * CM, axis=1), 0.05) > 0.0200


def test_the_lips_touch_at_rest_part_when_the_jaw_opens_and_meet_again_with_mouth_close(avatar):
    assert abs(lip_gap_m(avatar)) < 0.002
    assert lip_gap_m(avatar, "jawOpen") > 0.015
    assert abs(lip_gap_m(avatar, "jawOpen", "mouthClose")) < 0.003


def test_the_chin_opens_as_far_as_the_rigid_lower_teeth(avatar):
    jaw = avatar.metadata["jaw"]
    chin = np.argmin(np.linalg.norm(avatar.position - [0, -0.088, 0.07], axis=1))
    y, z = avatar.position[chin, 1:] - np.array(jaw["pivot"])[1:]
    c, s = np.cos(jaw["open_rad"]), np.sin(jaw["open_rad"])
    expected = np.array(jaw["pivot"])[1:] + [c * y - s * z, s * y + c * z]
    np.testing.assert_allclose(moved(avatar, "jawOpen")[chin, 1:], expected, atol=0.002)


def test_teeth_stay_behind_the_closed_lips(avatar):
    teeth = np.isin(avatar.part, (UPPER_TEETH, LOWER_TEETH))
    middle = np.abs(avatar.position[:, 0]) < LIP_HALF_WIDTH * CM * 0.5
    lips = middle & (avatar.part == SKIN) & (np.abs(avatar.position[:, 1] - LIP_Y * CM) < 0.002)
    assert avatar.position[teeth, 2].max() + 0.002 < avatar.position[lips, 2].max()


def inner_edge(avatar) -> np.ndarray:
    """Which splats are skin at the line where the lips touch."""
    x = avatar.position[:, 0] / CM
    near = np.abs(avatar.position[:, 1] / CM - lip_line(x)) < 0.15
    return near & (avatar.part == SKIN) & (np.abs(x) < LIP_HALF_WIDTH) & (avatar.position[:, 2] > 0.065) & red(avatar)


def red(avatar) -> np.ndarray:
    return (avatar.colour[:, 0] > 0.55) & (avatar.colour[:, 0] > 1.35 * avatar.colour[:, 1])


def test_a_funnel_is_a_round_opening_and_a_pucker_a_small_closed_one(avatar):
    edge = inner_edge(avatar)
    width, height, forward = {}, {}, {}
    for shape in ("mouthFunnel", "mouthPucker"):
        p = moved(avatar, shape)[edge]
        width[shape], forward[shape] = np.ptp(p[:, 0]), np.median(p[:, 2] - avatar.position[edge, 2])
        height[shape] = np.ptp(p[np.abs(p[:, 0]) < 0.003, 1])
    assert 0.7 < height["mouthFunnel"] / width["mouthFunnel"] < 1.3
    assert height["mouthPucker"] < 0.5 * height["mouthFunnel"]
    assert max(width.values()) < 0.5 * np.ptp(avatar.position[edge, 0])
    assert min(forward.values()) > 0.004


@pytest.mark.parametrize("tongue, jaw", [(0.5, 0.0), (0.5, 0.3), (0.75, 0.3), (1.0, 0.35), (1.0, 0.6), (1.0, 0.0)])
def test_the_tip_of_the_tongue_goes_over_the_lower_lip_and_not_through_it(avatar, tongue, jaw):
    out, opened = moved(avatar, "tongueOut") - avatar.position, moved(avatar, "jawOpen") - avatar.position
    pose = avatar.position + tongue * out + jaw * opened
    middle = np.abs(avatar.position[:, 0]) < 0.006
    lip = pose[middle & (out[:, 1] < -0.003) & (np.abs(out[:, 2]) < 0.002) & red(avatar)]
    tongue_splats = pose[middle & (out[:, 2] > 0.01)]
    edge = lip[lip[:, 1].argmax()]
    covering = tongue_splats[np.linalg.norm(tongue_splats[:, :2] - edge[:2], axis=1) < 0.003]
    assert covering[:, 2].max() > edge[2] - 0.0005  # what goes through a lip leaves its edge bare
    tip = tongue_splats[tongue_splats[:, 2].argmax()]
    assert tip[1] < edge[1] + 0.001 and tip[2] > edge[2] + 0.003  # it rests there and does not hover


@pytest.mark.parametrize("tongue, jaw", [(0.13, 0.13), (0.2, 0.16)])
def test_a_little_tongue_is_a_tip_between_the_teeth(avatar, tongue, jaw):
    out, opened = moved(avatar, "tongueOut") - avatar.position, moved(avatar, "jawOpen") - avatar.position
    pose = avatar.position + tongue * out + jaw * opened
    tongues = pose[(np.abs(avatar.position[:, 0]) < 0.004) & (out[:, 2] > 0.02)]
    tip = tongues[tongues[:, 2].argmax()]
    jaw_moves = parts(avatar.metadata, np.eye(len(ARKIT))[ARKIT.index("jawOpen")] * jaw, (0, 0))[LOWER_TEETH]
    lower = avatar.position[avatar.part == LOWER_TEETH] @ jaw_moves[:, :3].T + jaw_moves[:, 3]
    upper = pose[avatar.part == UPPER_TEETH]
    lips = pose[inner_edge(avatar) & (np.abs(avatar.position[:, 0]) < 0.003)]
    assert lower[:, 1].max() - 0.0015 < tip[1] < upper[:, 1].min() + 0.001
    assert lower[:, 2].max() < tip[2] < lips[:, 2].max()


def test_teeth_are_white_in_the_middle_and_fade_to_the_corners(avatar):
    teeth = avatar.part == UPPER_TEETH
    crown = teeth & (avatar.position[:, 1] < (LIP_Y + 0.3) * CM)
    front, side = (crown & (np.abs(avatar.position[:, 0]) < x * CM) for x in (0.6, 9))
    side &= np.abs(avatar.position[:, 0]) > 1.9 * CM
    assert np.median(avatar.colour[front], axis=0).min() > 0.8
    assert np.median(avatar.colour[side], axis=0).max() < 0.8 * np.median(avatar.colour[front], axis=0).max()


@pytest.mark.parametrize(
    "shape, place, direction",
    [
        ("browDownLeft", (1.3, 2.6, 7.4), (-0.3, -0.8, 0)),  # down and together
        ("browInnerUp", (1.3, 2.6, 7.4), (0, 0.6, 0)),
        ("browOuterUpLeft", (4.2, 2.9, 5.6), (0, 0.5, 0)),
        ("cheekSquintLeft", (3.7, -2.4, 6.4), (0, 0.4, 0.2)),
        ("mouthSmileLeft", (3.9, -2.9, 6.2), (0.1, 0.35, 0.2)),  # the cheek
        ("mouthSmileLeft", (LIP_HALF_WIDTH, LIP_Y + 0.35, 6.9), (0.3, 0.5, 0)),  # the corner
        ("mouthFrownLeft", (LIP_HALF_WIDTH, LIP_Y + 0.35, 6.9), (0, -0.4, 0)),
        ("mouthDimpleLeft", (LIP_HALF_WIDTH, LIP_Y + 0.35, 6.9), (0.25, 0.1, -0.3)),
        ("mouthStretchLeft", (LIP_HALF_WIDTH, LIP_Y + 0.35, 6.9), (0.3, -0.1, -0.2)),
        ("noseSneerLeft", (1.1, -3.2, 8.2), (0.1, 0.4, 0)),
        ("jawForward", (0, -8.5, 7.4), (0, 0, 0.6)),
        ("mouthShrugLower", (0, LIP_Y - 2.0, 7.6), (0, 0.35, 0.15)),
        ("mouthShrugUpper", (0, LIP_Y + 0.45, 8.4), (0, 0.2, 0.3)),
        ("mouthRollLower", (0, LIP_Y - 0.5, 8.5), (0, 0.3, -0.4)),
        ("mouthRollUpper", (0, LIP_Y + 0.45, 8.4), (0, -0.25, -0.4)),
    ],
)
def test_a_shape_does_what_its_name_says(avatar, shape, place, direction):
    """At least that far, cm, where ARKit's documentation has it move."""
    skin = np.flatnonzero(avatar.part == SKIN)
    there = skin[np.argsort(np.linalg.norm(avatar.position[skin] - np.array(place) * CM, axis=1))[:9]]
    movement = np.median(moved(avatar, shape)[there] - avatar.position[there], axis=0) / CM
    wanted = np.array(direction)
    assert (movement * np.sign(wanted) >= np.abs(wanted) * 0.8).all(), movement


def test_lines_of_expressions_hide_under_the_skin_until_their_shape_is_there():
    lines = make_creases()
    assert head(lines.position).max() < -0.08
    raised = lines.position + np.max(list(lines.own.values()), axis=0)
    assert (head(raised) > 0).mean() > 0.25


@pytest.mark.parametrize("shapes", [("jawOpen",), ("eyeBlinkLeft", "eyeBlinkRight"), ("mouthFunnel",), ("tongueOut",)])
def test_nothing_shows_through_the_face_of_20_000_splats(shapes, coarse):
    weights = np.zeros(len(ARKIT))
    weights[[ARKIT.index(shape) for shape in shapes]] = 1
    before = []
    for grey in (0.0, 1.0):
        metadata = coarse.metadata | {"background": {"centre": [grey] * 3, "edge": [grey] * 3}}
        stage = Stage(Model.of(evolve(coarse, metadata=metadata)), 640, 360)
        before.append(stage.draw(weights)[:360].astype(int))  # luma
    row, column = np.mgrid[:360, :640]
    face = ((column - 320) / 52) ** 2 + ((row - 172) / 62) ** 2 < 1  # from the brows to the chin
    assert np.abs(before[1] - before[0])[face].max() < 12


def test_the_file_is_small_and_reads_back(avatar, tmp_path):
    path = tmp_path / "avatar.ply"
    save_avatar(avatar, path)
    assert path.stat().st_size < MOST_BYTES_PER_SPLAT * SPLATS
    np.testing.assert_array_equal(load_avatar(path).position, avatar.position)


def test_its_file_tells_what_is_in_it(avatar, tmp_path, capsys):
    path = tmp_path / "small.ply"
    save_avatar(avatar, path)
    assert main(["avatar", "info", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["splats"] == len(avatar) and told["name"] == "visavis"
    assert sum(count for name, count in told.items() if name.startswith("of the ")) == len(avatar)
    assert main(["avatar", "info", str(Path(__file__))]) == 1
    assert f"{__file__}: not a PLY file" in capsys.readouterr().err
