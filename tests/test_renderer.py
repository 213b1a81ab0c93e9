"""The renderer's machine with its real engine: a picture for every face, of the call's size."""

import numpy as np
import pytest

from actors.arkit import ARKIT
from actors.renderer.actor import Renderer
from actors.renderer.avatar import Avatar, Shapes, save_avatar
from actors.renderer.coarse import coarse
from actors.renderer.errors import BadAvatar, BadPicture
from actors.renderer.ladder import LEVELS
from actors.renderer.model import Model
from actors.renderer.splats import SplatEngine
from actors.renderer.stage import Stage
from actors.step import Input
from protocol import messages as m
from protocol.clock import MS
from protocol.envelope import Envelope
from tools.bench.render import head

W, H = 128, 96


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    path = tmp_path_factory.mktemp("avatar") / "avatar.ply"
    save_avatar(head(2000), path)
    engine = SplatEngine(path)
    engine.load()
    engine.warm()
    yield engine
    engine.close()


def given(message, seq=1, sent_ns=0):
    return Input(Envelope(topic="face", actor="animator", boot=1, seq=seq, sent_ns=sent_ns, turn=3), message)


def session(width=W, height=H, state="open"):
    return given(m.Session(state=state, width=width, height=height))


def face(number, active=(), **moved):
    weights = [0.5 if name in active else 0.0 for name in ARKIT]
    return given(m.Face(frame=number, offset_ns=number * 33 * MS, weights=tuple(weights), **moved), number + 1)


def test_every_face_becomes_a_picture_with_its_number_offset_and_cause(engine):
    faces = [face(k) for k in range(3)]
    outputs = list(Renderer(engine).step([session(), *faces], 0))
    assert [o.message for o in outputs] == [
        m.Frame(frame=k, offset_ns=k * 33 * MS, width=W, height=H) for k in range(3)
    ]
    assert [o.cause for o in outputs] == faces
    assert all(o.content.shape == (H * 3 // 2, W) and o.content.dtype == np.uint8 for o in outputs)


def test_a_face_before_the_call_has_a_size_gives_nothing(engine):
    renderer = Renderer(engine)
    assert list(renderer.step([face(0)], 0)) == []
    assert len(list(renderer.step([session(), face(1)], 0))) == 1


def test_the_size_is_that_of_the_calls_last_session(engine):
    renderer = Renderer(engine)
    list(renderer.step([session()], 0))
    (output,) = renderer.step([session(160, 64), face(0), session(160, 64, "closed")], 0)
    assert (output.message.width, output.message.height, output.content.shape) == (160, 64, (96, 160))


@pytest.mark.parametrize("moved", [{"head_rad": (0.3, 0.0, 0.0)}, {"head_m": (0.0, 0.02, 0.0)}, {"active": ARKIT}])
def test_weights_and_pose_reach_the_picture(engine, moved):
    still, turned = (next(iter(Renderer(engine).step([session(), one], 0))) for one in (face(0), face(0, **moved)))
    assert np.count_nonzero(still.content != turned.content) > 100


def test_the_same_faces_give_the_same_pictures(engine):
    steps = [session(), *(face(k, head_rad=(0.1 * k, 0.0, 0.0)) for k in range(4))]
    one, other = ([o.content.copy() for o in Renderer(engine).step(steps, now)] for now in (0, 10**12))
    assert np.array_equal(one, other)


def test_an_odd_size_is_refused_with_its_numbers(engine):
    with pytest.raises(BadPicture, match="129 x 96"):
        engine.open(129, 96)


def test_a_missing_avatar_is_named_and_a_broken_one_is_refused(tmp_path):
    assert str(tmp_path / "a.ply") in SplatEngine(tmp_path / "a.ply").missing()
    (tmp_path / "a.ply").write_bytes(b"ply\n")
    engine = SplatEngine(tmp_path / "a.ply")
    assert engine.missing() is None
    with pytest.raises(BadAvatar):
        engine.load()


def starved(renderer, faces=200, took_ns=100 * MS):
    """Frames of a call whose packets leave late."""
    frames = [output.message for output in renderer.step([session()], 0)]
    for number in range(faces):
        made = list(renderer.step([face(number)], 0))
        frames += [output.message for output in made]
        for _ in made:
            list(renderer.step([given(m.Packet(frame=number), sent_ns=took_ns)], 0))
    return frames


def test_pictures_that_leave_late_lose_quality_step_by_step_and_say_so(engine, caplog):
    caplog.set_level("INFO")
    frames = starved(Renderer(engine))
    assert [frame.quality for frame in frames] == sorted(frame.quality for frame in frames)
    sizes = {frame.quality: (frame.width, frame.height) for frame in frames}
    assert sizes == {0: (W, H), 1: (W, H), 2: (86, 64), 3: (86, 64)}
    assert {later.frame - early.frame for early, later in zip(frames[:25], frames[1:25], strict=False)} == {1}
    assert {later.frame - early.frame for early, later in zip(frames[-9:], frames[-8:], strict=False)} == {2}
    assert [line.split()[1] for line in caplog.messages] == ["1", "2", "3"]


def test_pictures_that_leave_in_time_stay_as_they_are(engine):
    assert {frame.quality for frame in starved(Renderer(engine), took_ns=15 * MS)} == {0}


def test_fewer_splats_draw_nearly_the_same_picture(engine):
    weights = [0.2] * len(ARKIT)
    full, fewer = (engine.open(640, 360, coarse=coarse).draw(weights)[:360].astype(float) for coarse in (False, True))
    background = engine.open(640, 360).draw(weights, head_m=(0, 0, 1.0))[:360]
    head_px = np.abs(full - background) > 3
    assert 0 < np.abs(full - fewer)[head_px].mean() < 12
    assert abs((full - fewer)[head_px].mean()) < 2  # no flash


def test_what_is_drawn_smaller_stays_in_its_place():
    for x, y in ((0.0, 0.0), (0.1, 0.06), (-0.12, -0.05), (0.05, -0.1)):
        avatar = Avatar(
            position=[[x, y, 0]], normal=[[0, 0, 0]], quaternion=[[1, 0, 0, 0]], scale=[[0.01] * 3], opacity=[0.9],
            colour=[[1, 1, 1]], part=[0], follow=[1], metadata={"background": {"centre": [0] * 3, "edge": [0] * 3}},
        )  # fmt: skip
        model = Model.of(avatar)
        places = []
        for level in LEVELS[0], LEVELS[-1]:
            width, height = level.size(1280, 720)
            light = Stage(model, width, height).draw([0.0] * len(ARKIT))[:height] - 16.0
            rows, columns = np.indices(light.shape) + 0.5
            places.append(np.array([(light * columns).sum() / width * 1280, (light * rows).sum() / height * 720]))
            places[-1] /= light.sum()
        assert np.abs(places[0] - places[1]).max() < 0.25  # pixels of 720 lines


def row_of(n, apart_m=0.0005, **columns):
    """Splats of 1 mm along x, all alike."""
    fields = {
        "position": [[apart_m * i, 0, 0] for i in range(n)], "normal": [[0, 0, 1]] * n, "opacity": [0.5] * n,
        "quaternion": [[1, 0, 0, 0]] * n, "scale": [[0.001, 0.001, 0.0002]] * n, "colour": [[0.5, 0.4, 0.3]] * n,
        "part": [0] * n, "follow": [1] * n,
    }  # fmt: skip
    return Avatar(**{**fields, **columns})


def moved(*deltas):
    dense = np.zeros((len(ARKIT), len(deltas), 3))
    dense[ARKIT.index("jawOpen")] = deltas
    return Shapes.from_dense(dense)


def test_two_alike_become_one_with_their_mean_covariance_and_movement():
    both = row_of(2, opacity=[0.6, 0.2], shapes=moved((0, -0.001, 0), (0, -0.00102, 0)))
    one = coarse(both)
    assert len(one) == 1
    np.testing.assert_allclose(one.position, [[0.25 * 0.0005, 0, 0]], atol=1e-8)
    expected = both.covariances()[0] + np.diag([0.75 * 0.25 * 0.0005**2, 0, 0])
    np.testing.assert_allclose(one.covariances()[0], expected, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(one.shapes.delta, [[0, -0.001005, 0]], rtol=1e-4)
    assert np.diff(one.shapes.start)[ARKIT.index("jawOpen")] == 1


@pytest.mark.parametrize(
    "unlike",
    [
        {"colour": [[0.9, 0.1, 0.1], [0.1, 0.9, 0.1]]},
        {"normal": [[0, 0, 1], [0, 0, -1]]},
        {"part": [0, 1]},
        {"part": [2, 2]},
        {"part": [4, 4]},
        {"follow": [0, 1]},
        {"apart_m": 0.02},
        {"shapes": moved((0, 0.002, 0), (0, -0.002, 0))},
    ],
    ids=["colour", "normal", "part", "teeth", "eye", "follow", "distance", "lips"],
)
def test_two_unlike_stay_as_they_are(unlike):
    apart = row_of(2, **unlike)
    same = coarse(apart)
    for name in ("position", "normal", "quaternion", "scale", "opacity", "colour", "part", "follow"):
        assert np.array_equal(getattr(same, name), getattr(apart, name)), name
    assert np.array_equal(same.shapes.delta, apart.shapes.delta)


def test_fewer_splats_are_about_half_always_the_same_and_keep_what_they_cover():
    many = row_of(1000)
    one, other = coarse(many), coarse(many)
    assert 450 <= len(one) <= 700
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("position", "scale", "quaternion"))
    mass = [(avatar.opacity * np.sort(avatar.scale)[:, 1:].prod(1)).sum() for avatar in (many, one)]
    assert mass[1] == pytest.approx(mass[0], rel=0.1)


def test_wild_splats_become_a_valid_avatar():
    r = np.random.default_rng(5)
    n = 3000
    quaternion = r.normal(size=(n, 4))
    wild = Avatar(
        position=r.normal(size=(n, 3)) * 10 ** r.uniform(-3, 2.3, (n, 1)), normal=np.zeros((n, 3)),
        quaternion=quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True), scale=10 ** r.uniform(-9, 3, (n, 3)),
        opacity=10 ** r.uniform(-6, np.log10(0.99), n), colour=r.random((n, 3)), part=r.integers(0, 6, n),
        follow=r.random(n), shapes=Shapes.from_dense(r.normal(size=(len(ARKIT), n, 3)) * 0.01),
    )  # fmt: skip
    assert len(coarse(wild)) <= n and len(coarse(row_of(1))) == 1
