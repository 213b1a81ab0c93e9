"""The renderer's machine with its real engine: a picture for every face, of the call's size."""

import numpy as np
import pytest

from actors.arkit import ARKIT
from actors.renderer.actor import Renderer
from actors.renderer.avatar import save_avatar
from actors.renderer.errors import BadAvatar, BadPicture
from actors.renderer.splats import SplatEngine
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


def given(message, seq=1):
    return Input(Envelope(topic="face", actor="animator", boot=1, seq=seq, sent_ns=0, turn=3), message)


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
