"""The looks: other people from the same code, whose lids and lips close as the first one's."""

import numpy as np
import pytest
from posing import moved

from actors.renderer.avatar import LEFT_EYE, RIGHT_EYE, SKIN, TORSO, load_avatar
from tools.character.cloud import MIRROR
from tools.character.face import EYE, EYE_RADIUS, LIP_Y
from tools.character.look import LOOKS, named
from tools.character.person import CM, build_character
from tools.character.warp import Push, Warp
from tools.cli import main
from tools.errors import ToolError

SPLATS = 12_000


@pytest.fixture(scope="module", params=sorted(LOOKS))
def look(request):
    return LOOKS[request.param]


@pytest.fixture(scope="module")
def avatar(look):
    return build_character(SPLATS, look=look)


def lip_gap_m(avatar, lip_y_m: float, *shapes: str) -> float:
    """Between the lips in the middle of the mouth; under 0 where one covers the other."""
    near = np.abs(avatar.position - [0, lip_y_m, 0])
    front = (avatar.part == SKIN) & (near[:, 0] < 0.008) & (near[:, 1] < 0.0025) & (avatar.position[:, 2] > 0.075)
    opened = moved(avatar, "jawOpen")[:, 1] - avatar.position[:, 1]
    y = moved(avatar, *shapes)[:, 1]
    return y[front & (opened > -0.005)].min() - y[front & (opened < -0.015)].max()


def test_the_lids_close_over_the_eyeballs_and_stay_outside_them(avatar):
    for side in ("Left", "Right"):
        centre = np.array(avatar.metadata["eyes"][side.lower()])
        balls = avatar.part == (LEFT_EYE if side == "Left" else RIGHT_EYE)
        radius = np.median(np.linalg.norm(avatar.position[balls] - centre, axis=1))
        shut = moved(avatar, f"eyeBlink{side}")
        rise = shut[:, 1] - avatar.position[:, 1]
        middle = (avatar.part == SKIN) & (np.abs(avatar.position[:, 0] - centre[0]) < 0.004)
        upper, lower = shut[middle & (rise < -0.010), 1], shut[middle & (rise > 0.0005), 1]
        assert np.median(upper) < lower.max() + 0.0005
        lid = (np.linalg.norm(shut - avatar.position, axis=1) > 0.006) & (avatar.position[:, 2] > centre[2])
        lid &= np.linalg.norm(avatar.position - centre, axis=1) > radius * 1.04
        assert lid.sum() > 20
        for weight in (0.25, 0.5, 0.75, 1.0):
            half = avatar.position[lid] + weight * (shut - avatar.position)[lid]
            assert np.quantile(np.linalg.norm(half - centre, axis=1), 0.05) > radius


def test_the_lips_touch_part_and_meet_again(avatar, look):
    lip_y_m = look.head(look.mouth(np.array([[0, LIP_Y, 8.0]])))[0, 1] * CM
    assert abs(lip_gap_m(avatar, lip_y_m)) < 0.002
    assert lip_gap_m(avatar, lip_y_m, "jawOpen") > 0.015
    assert abs(lip_gap_m(avatar, lip_y_m, "jawOpen", "mouthClose")) < 0.003


def test_the_same_arguments_give_the_same_character(avatar, look):
    again = build_character(SPLATS, look=look)
    for field in ("position", "normal", "quaternion", "scale", "opacity", "colour", "part", "follow"):
        np.testing.assert_array_equal(getattr(again, field), getattr(avatar, field))
    np.testing.assert_array_equal(again.shapes.delta, avatar.shapes.delta)


@pytest.mark.parametrize("splats", [20_000, 60_000])
def test_there_are_as_many_splats_as_asked_for_within_a_tenth(look, splats):
    assert abs(len(build_character(splats, look=look)) / splats - 1) < 0.10


def test_the_looks_differ_in_shape_and_in_colour():
    vivi, leo = (build_character(SPLATS, look=LOOKS[name]) for name in ("vivi", "leo"))
    widest = [np.quantile(a.position[(a.part == TORSO), 0], 0.99) for a in (vivi, leo)]
    assert widest[1] > widest[0] + 0.01
    cheek = [
        a.colour[np.argsort(np.linalg.norm(a.position - [0.04, -0.03, 0.065], axis=1))[:20]].mean() for a in (vivi, leo)
    ]
    assert cheek[0] > cheek[1] + 0.1


def test_a_warp_is_rigid_around_the_eyeballs_smooth_and_can_be_undone():
    warp = LOOKS["leo"].head
    rng = np.random.default_rng(1)
    p = rng.uniform((-9, -12, -9), (9, 11, 10), (2_000, 3))
    np.testing.assert_allclose(warp.inverse(warp(p)), p, atol=0.02)
    np.testing.assert_allclose(warp(p * MIRROR), warp(p) * MIRROR, atol=1e-12)
    ball = rng.normal(size=(500, 3))
    ball *= EYE_RADIUS / np.linalg.norm(ball, axis=1, keepdims=True)
    radius = np.linalg.norm(warp(EYE + ball) - warp(EYE[None]), axis=1)
    np.testing.assert_allclose(radius, EYE_RADIUS * warp.eyes, rtol=1e-9)
    nowhere = Warp((Push((0, 50, 0), (1, 1, 1), move=(1, 0, 0)),))
    np.testing.assert_array_equal(nowhere(p), p)


def test_the_command_makes_the_look_and_the_size_it_is_asked_for(tmp_path, capsys):
    path = tmp_path / "small.ply"
    assert main(["avatar", "build", str(path), "--look", "leo", "--splats", str(SPLATS), "--seed", "3"]) == 0
    written = load_avatar(path)
    expected = build_character(SPLATS, seed=3, look=LOOKS["leo"])
    np.testing.assert_array_equal(written.position, expected.position)
    assert written.metadata["look"] == "leo"
    assert f"{len(written)} splats" in capsys.readouterr().out


def test_too_few_and_too_many_splats_are_an_error_with_the_limits(tmp_path, capsys):
    for splats in ("0", "11999", "2000000"):
        assert main(["avatar", "build", str(tmp_path / "a.ply"), "--splats", splats]) == 1
        assert f"{splats} splats, not within 12000 and 1048576" in capsys.readouterr().err


def test_an_unknown_look_is_an_error_that_names_those_there_are(tmp_path, capsys):
    assert main(["avatar", "build", str(tmp_path / "a.ply"), "--look", "nobody"]) == 1
    assert "there is no look 'nobody', only leo, vivi" in capsys.readouterr().err
    with pytest.raises(ToolError, match="leo, vivi"):
        named("")
