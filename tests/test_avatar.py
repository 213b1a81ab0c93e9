"""The avatar file: what is saved comes back, other viewers open it, and a hostile one is refused with its numbers."""

import json
import logging
import os
import tracemalloc

import numpy as np
import pytest

from actors.arkit import ARKIT
from actors.renderer.avatar import DELTA, MAX_SPLATS, SHAPE, STANDARD, VERTEX, Avatar, Shapes, load_avatar, save_avatar
from actors.renderer.errors import BadAvatar
from actors.renderer.ply import write_ply

N = 7
ARRAYS = ("position", "normal", "quaternion", "scale", "opacity", "colour", "part", "follow")


def some_avatar(**changes) -> Avatar:
    r = np.random.default_rng(1)
    quaternion, normal = r.normal(size=(N, 4)), r.normal(size=(N, 3))
    normal[0] = 0
    normal[1:] /= np.linalg.norm(normal[1:], axis=1, keepdims=True)
    deltas = np.zeros((len(ARKIT), N, 3))
    deltas[ARKIT.index("jawOpen"), 2:5] = r.normal(size=(3, 3)) * 0.01
    deltas[-1, 6] = (0, 0, 0.02)
    fields = {
        "position": r.normal(size=(N, 3)) * 0.1,
        "normal": normal,
        "quaternion": quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True),
        "scale": r.uniform(1e-4, 1e-2, (N, 3)),
        "opacity": r.uniform(0.01, 0.99, N),
        "colour": r.random((N, 3)),
        "part": np.arange(N) % 6,
        "follow": r.random(N),
        "shapes": Shapes.from_dense(deltas),
        "metadata": {"name": "Ada é", "licence": "CC0", "neck": [0, -0.1, 0], "voice": {"speaker": "slt"}, "more": 1},
    }
    return Avatar(**{**fields, **changes})


def standard_vertices(n: int = N) -> np.ndarray:
    vertex = np.zeros(n, [(name, "<f4") for name in STANDARD])
    vertex["rot_0"] = 2.0  # the usual training leaves quaternions unnormalised
    vertex["scale_0"] = vertex["scale_1"] = vertex["scale_2"] = -6.0
    return vertex


def full_elements() -> dict[str, np.ndarray]:
    vertex = np.zeros(N, VERTEX)
    vertex["rot_0"] = 1
    return {"vertex": vertex, "shape": np.zeros(len(ARKIT), SHAPE), "delta": np.zeros(0, DELTA)}


def refused(path, *words):
    with pytest.raises(BadAvatar) as caught:
        load_avatar(path)
    for word in words:
        assert str(word) in str(caught.value)


def test_the_blendshapes_are_the_52_of_arkit_each_once():
    assert len(set(ARKIT)) == len(ARKIT) == 52
    assert (ARKIT[0], ARKIT[17], ARKIT[-1]) == ("eyeBlinkLeft", "jawOpen", "tongueOut")


def test_what_is_saved_comes_back(tmp_path):
    saved = some_avatar()
    save_avatar(saved, tmp_path / "a.ply")
    loaded = load_avatar(tmp_path / "a.ply")
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(loaded, name), getattr(saved, name), rtol=2e-6, atol=2e-7, err_msg=name)
        assert getattr(loaded, name).dtype == getattr(saved, name).dtype
    np.testing.assert_array_equal(loaded.shapes.start, saved.shapes.start)
    np.testing.assert_array_equal(loaded.shapes.index, saved.shapes.index)
    np.testing.assert_array_equal(loaded.shapes.delta, saved.shapes.delta)
    assert loaded.metadata == saved.metadata
    assert loaded.metadata["name"] == "Ada é" and loaded.metadata["more"] == 1


def test_missing_metadata_is_filled_in():
    camera = some_avatar(metadata={"camera": {"fov_y_deg": 30}}).metadata["camera"]
    assert camera["fov_y_deg"] == 30 and len(camera["position"]) == 3


def test_sparse_shapes_hold_what_moves_and_nothing_else():
    shapes = some_avatar().shapes
    jaw = ARKIT.index("jawOpen")
    assert list(shapes.index[shapes.start[jaw] : shapes.start[jaw + 1]]) == [2, 3, 4]
    assert list(shapes.index[shapes.start[-2] :]) == [6]
    assert len(shapes.delta) == 4


def test_other_viewers_find_their_properties_first_in_little_endian_floats(tmp_path):
    save_avatar(some_avatar(), tmp_path / "a.ply")
    lines = (tmp_path / "a.ply").read_bytes().split(b"end_header\n")[0].decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    first = lines.index(f"element vertex {N}") + 1
    assert lines[first : first + len(STANDARD)] == [f"property float {name}" for name in STANDARD]
    assert lines[first + len(STANDARD) :][:2] == ["property uchar part", "property float follow"]


def test_a_standard_splat_file_is_a_static_avatar_with_a_notice(tmp_path, caplog):
    write_ply(tmp_path / "a.ply", {"vertex": standard_vertices()}, ["made elsewhere"])
    with caplog.at_level(logging.WARNING):
        avatar = load_avatar(tmp_path / "a.ply")
    assert "does not move" in caplog.text
    assert (len(avatar), len(avatar.shapes.index), set(avatar.part), set(avatar.follow)) == (N, 0, {0}, {1})
    np.testing.assert_allclose(avatar.quaternion, [[1, 0, 0, 0]] * N)
    np.testing.assert_allclose(avatar.opacity, 0.5)


def test_a_splat_file_without_normals_is_seen_from_all_sides(tmp_path):
    names = [name for name in STANDARD if name not in ("nx", "ny", "nz")]
    write_ply(tmp_path / "a.ply", {"vertex": standard_vertices()[names].astype([(n, "<f4") for n in names])}, [])
    assert not load_avatar(tmp_path / "a.ply").normal.any()


def test_a_truncated_file_is_refused_with_its_size(tmp_path):
    save_avatar(some_avatar(), tmp_path / "a.ply")
    whole = (tmp_path / "a.ply").read_bytes()
    body = len(whole) - whole.index(b"end_header\n") - len(b"end_header\n")
    (tmp_path / "a.ply").write_bytes(whole[:-1])
    refused(tmp_path / "a.ply", body, body - 1)
    (tmp_path / "a.ply").write_bytes(whole + b"!")
    refused(tmp_path / "a.ply", body, body + 1)


@pytest.mark.parametrize("count", [2**31, 10**17, MAX_SPLATS + 1])
def test_a_file_that_claims_too_much_takes_no_memory(tmp_path, count):
    path = tmp_path / "a.ply"
    write_ply(path, {"vertex": standard_vertices()}, [])
    path.write_bytes(path.read_bytes().replace(f"vertex {N}".encode(), f"vertex {count}".encode()))
    if count == MAX_SPLATS + 1:  # as long as it claims: full of holes, which cost nothing
        os.truncate(path, path.read_bytes().index(b"end_header\n") + 11 + count * 4 * len(STANDARD))
    tracemalloc.start()
    refused(path, count)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("x", np.nan, "1 numbers that are not finite"),
        ("scale_0", np.inf, "1 numbers that are not finite"),
        ("x", 1e30, "1e+30"),
        ("rot_0", 0, "1 quaternions of length 0"),
        ("part", 6, "part goes from 0 to 6"),
        ("follow", 1.5, "follow goes from 0 to 1.5"),
        ("follow", np.nan, "follow has 1 numbers"),
    ],
)
def test_a_bad_number_is_refused_by_name(tmp_path, field, value, words):
    elements = full_elements()
    elements["vertex"][field][3] = value
    write_ply(tmp_path / "a.ply", elements, ["visavis {}"])
    refused(tmp_path / "a.ply", words)


@pytest.mark.parametrize("index", [-1, N, 2**31 - 1])
def test_a_delta_of_a_splat_that_is_not_there_is_refused(tmp_path, index):
    elements = full_elements()
    elements["delta"] = np.zeros(1, DELTA)
    elements["delta"]["index"] = index
    elements["shape"]["start"][1:], elements["shape"]["count"][0] = 1, 1
    write_ply(tmp_path / "a.ply", elements, ["visavis {}"])
    refused(tmp_path / "a.ply", f"{index:g} to {index:g}, not within 0 and {N - 1}")


def test_shapes_that_overlap_or_leave_deltas_over_are_refused(tmp_path):
    elements = full_elements()
    elements["shape"]["count"][0] = 2**32 - 1
    write_ply(tmp_path / "a.ply", elements, ["visavis {}"])
    refused(tmp_path / "a.ply", 2**32 - 1)
    elements["shape"] = elements["shape"][:51]
    write_ply(tmp_path / "a.ply", elements, ["visavis {}"])
    refused(tmp_path / "a.ply", "51 rows")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[" * 50_000, "no JSON"),
        ("[]", "metadata is list"),
        ('{"name": 5}', "metadata.name"),
        ('{"neck": [0, 0]}', "metadata.neck"),
        ('{"neck": [0, 0, NaN]}', "metadata.neck has nan"),
        ('{"neck": [0, 0, 1e999]}', "metadata.neck has inf"),
        ('{"jaw": {"open_rad": "wide"}}', "metadata.jaw.open_rad"),
        ('{"camera": {"fov_y_deg": 180}}', "180"),
        ('{"camera": {"position": [0, 0, 0], "look_at": [0, 0, 0]}}', "0.0 m"),
        ('{"background": {"edge": [0, 0, 256]}}', "256"),
    ],
)
def test_bad_metadata_is_refused_by_its_key(tmp_path, text, words):
    write_ply(tmp_path / "a.ply", full_elements(), [f"visavis {text}"])
    refused(tmp_path / "a.ply", words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a PLY file"),
        (b"\x89PNG\r\n", "not a PLY file"),
        (b"ply\nformat ascii 1.0\nend_header\n", "ascii"),
        (b"ply\n" + b"x" * 200_000, "no end_header in the first 65536"),
        (b"ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nend_header\n", "no splats"),
        (b"ply\nformat binary_little_endian 1.0\nelement face 1\nproperty float x\nend_header\n", "element face"),
        (b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uchar int x\nend_header\n", "list"),
        (b"ply\nformat binary_little_endian 1.0\nproperty float x\nend_header\n", "property float x"),
        (b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nend_header\n0000", "no y, z"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, content, words):
    (tmp_path / "a.ply").write_bytes(content)
    refused(tmp_path / "a.ply", words)


def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path):
    save_avatar(some_avatar(), tmp_path / "a.ply")
    whole, r = (tmp_path / "a.ply").read_bytes(), np.random.default_rng(2)
    outcomes = {True: 0, False: 0}
    for _ in range(400):
        damaged = bytearray(whole)
        for at in r.integers(0, len(whole), r.integers(1, 4)):
            damaged[at] = r.integers(0, 256)
        (tmp_path / "a.ply").write_bytes(damaged)
        try:
            load_avatar(tmp_path / "a.ply")
            outcomes[True] += 1
        except BadAvatar:
            outcomes[False] += 1
    assert min(outcomes.values()) > 30


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("scale", np.ones((N, 2)), "scale is (7, 2)"),
        ("opacity", np.full(N, 1.0), "opacity goes from 1 to 1"),
        ("opacity", np.zeros(N), "opacity goes from 0 to 0"),
        ("opacity", np.full(N - 1, 0.5), "opacity has 6 rows, position 7"),
        ("quaternion", np.ones((N, 4)), "length of a quaternion goes from 2 to 2"),
        ("normal", np.full((N, 3), 0.1), "length of a normal"),
        ("part", np.full(N, 0.5), "float64 numbers that are no uint8"),
        ("part", np.full(N, 300), "int64 numbers that are no uint8"),
        ("colour", np.full((N, 3), -0.1), "colour goes from -0.1"),
        ("position", np.zeros((0, 3)), "0 splats"),
    ],
)
def test_arrays_that_are_no_avatar_are_refused_by_name(name, value, words):
    with pytest.raises(BadAvatar) as caught:
        some_avatar(**{name: value})
    assert words in str(caught.value)


def test_metadata_is_json_on_one_line_of_ascii(tmp_path):
    save_avatar(some_avatar(), tmp_path / "a.ply")
    (line,) = [line for line in (tmp_path / "a.ply").read_bytes().split(b"\n") if line.startswith(b"comment visavis ")]
    assert json.loads(line.decode("ascii").removeprefix("comment visavis "))["licence"] == "CC0"
