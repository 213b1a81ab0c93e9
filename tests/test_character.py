"""The default character: what its shapes promise."""

import json
from pathlib import Path

import numpy as np
import pytest

from actors.arkit import ARKIT
from actors.renderer.avatar import LOWER_TEETH, MAX_OPACITY, SKIN, UPPER_TEETH, load_avatar, save_avatar
from tools.avatar.build import CM, build_character
from tools.avatar.face import EYE, LIP_HALF_WIDTH, LIP_Y
from tools.cli import main

SPLATS = 8_000
MOST_BYTES_PER_SPLAT = 200  # 12 MB for the 60 000 of the default
STILL = {"eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight"}  # the eyeballs alone turn


@pytest.fixture(scope="module")
def avatar():
    return build_character(SPLATS)


def moved(avatar, *shapes: str) -> np.ndarray:
    """Positions with these shapes at weight 1."""
    position = avatar.position.astype(float)
    for shape in shapes:
        number = ARKIT.index(shape)
        rows = slice(avatar.shapes.start[number], avatar.shapes.start[number + 1])
        position[avatar.shapes.index[rows]] += avatar.shapes.delta[rows]
    return position


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
    assert np.linalg.norm(right, axis=1) @ avatar.position[:, 0] < 0


def test_a_blink_brings_the_upper_lid_onto_the_lower_one(avatar):
    shut = moved(avatar, "eyeBlinkLeft")
    rise = shut[:, 1] - avatar.position[:, 1]
    middle = (avatar.part == SKIN) & (np.abs(avatar.position[:, 0] - EYE[0] * CM) < 0.004)
    upper, lower = shut[middle & (rise < -0.012), 1], shut[middle & (rise > 0.0005), 1]
    assert len(upper) > 3 and len(lower) > 3
    assert upper.max() < (EYE[1] - 0.1) * CM
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
