"""The avatar file: what is saved comes back, other viewers open it, and a hostile one is refused with its numbers."""

import json
import logging
import os
import re
import tracemalloc

import numpy as np
import pytest

from actors.arkit import ARKIT
from actors.renderer.avatar import DELTA, MAX_SPLATS, SHAPE, STANDARD, VERTEX, Avatar, Shapes, load_avatar, save_avatar
from actors.renderer.errors import BadAvatar
from actors.renderer.metadata import VERSION
from actors.renderer.ply import write_ply

N = 7
START = b"ply\nformat binary_little_endian 1.0\n"
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


@pytest.mark.parametrize("count", [2**31, 2**63, 10**31, MAX_SPLATS + 1])
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
        ('{"version": 0}', "version 0"),
        ('{"version": 1.5}', "version 1.5"),
        ('{"version": true}', "version True"),
        ('{"more": [NaN]}', "no JSON: Out of range"),
        ('{"neck": [0, 0, 1' + "0" * 5000 + "]}", "no JSON: Exceeds the limit"),
        ('{"name": "\\ud800"}', "metadata.name"),
        ('{"name": "\\u001b[2J"}', "printable"),
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
        (b"ply\nformat binary_big_endian 1.0\nend_header\n", "big_endian"),
        (b"ply\nformat binary_little_endian 1.0\ncomment \xc3\xa9\nend_header\n", "a byte 195 at 44"),
        (START + b"element vertex 1\nproperty float x\nproperty uchar x\nend_header\n", "property x of element vertex"),
        (
            START + b"element a 1\nproperty float x\nelement a 2\nproperty float x\nend_header\n",
            "element a is declared tw",
        ),
        (START + b"element vertex -1\nproperty float x\nend_header\n", "element vertex -1"),
        (START + b"element vertex 1\nend_header\n", "vertex has no properties"),
        (START + b"element a 1\nproperty double x\nend_header\n", "declares 8 bytes after it, the file has 0"),
        (START + b"element a 9223372036854775808\nproperty double x\nend_header\n", 2**66),
        (
            START + b"element vertex 9\n" + b"".join(b"property int p%d\n" % k for k in range(129)) + b"end_header\n",
            128,
        ),
        (b"ply\n" + b"x" * 200_000, "no end_header in the first 65536"),
        (b"ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nend_header\n", "no splats"),
        (b"ply\nformat binary_little_endian 1.0\nelement face 1\nproperty float x\nend_header\n0000", "no splats"),
        (b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uchar int x\nend_header\n", "list"),
        (b"ply\nformat binary_little_endian 1.0\nproperty float x\nend_header\n", "property float x"),
        (b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nend_header\n0000", "no y, z"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, content, words):
    (tmp_path / "a.ply").write_bytes(content)
    refused(tmp_path / "a.ply", words)


SPECIAL = [0, 1, 51, 53, 2**16, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**31, -1, "nan", "x", "", "1.0", "0x7"]
TOKENS = 'list uchar|double|char|uint|vertex|delta|comment|visavis|{|}|[|NaN|null|1e999|-0|2|version|"|\\ud800|\x00|\n'
TOKENS = [*TOKENS.split("|"), "\r\n", " ", "end_header\n", "ply\n"]


def damaged(whole: bytes, r: np.random.Generator) -> bytes:
    """With bytes, words, numbers or lines changed, cut out, put in or repeated; half of the time in the header."""
    header = whole.index(b"end_header\n") + 11
    end = header if r.random() < 0.5 else len(whole)
    at, length = int(r.integers(0, end)), int(2 ** r.uniform(0, 8))
    kind = r.integers(0, 7)
    if kind == 0:
        changed = bytearray(whole)
        for k in r.integers(0, end, r.integers(1, 4)):
            changed[k] = r.integers(0, 256)
        return bytes(changed)
    if kind == 1:
        return whole[:at] + bytes([whole[at] ^ 1 << int(r.integers(0, 8))]) + whole[at + 1 :]
    if kind == 2:
        return whole[:at] + whole[at + length :]
    if kind == 3:
        return whole[:at] + whole[at : at + length] * 2 + whole[at + length :]
    if kind == 4:
        return whole[:at] + str(r.choice(TOKENS)).encode() + whole[at:]
    if kind == 5:
        numbers = list(re.finditer(rb"\d+", whole[:header]))
        chosen = numbers[r.integers(0, len(numbers))]
        return whole[: chosen.start()] + str(r.choice(SPECIAL)).encode() + whole[chosen.end() :]
    lines = whole[:header].split(b"\n")[:-1]
    i, j = r.integers(1, len(lines), 2)
    lines[i], lines[j] = lines[j], lines[i]
    return b"\n".join([*lines, b""]) + whole[header:]


def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path):
    save_avatar(some_avatar(), tmp_path / "a.ply")
    whole, r = (tmp_path / "a.ply").read_bytes(), np.random.default_rng(2)
    outcomes = {True: 0, False: 0}
    for _ in range(4000):
        (tmp_path / "a.ply").write_bytes(damaged(whole, r))
        try:
            avatar = load_avatar(tmp_path / "a.ply")
        except BadAvatar:
            outcomes[False] += 1
            continue
        outcomes[True] += 1
        save_avatar(avatar, tmp_path / "b.ply")
    assert min(outcomes.values()) > 500


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("element", "name"),
    [("vertex", name) for name in VERTEX.names if name != "part"] + [("delta", name) for name in ("dx", "dy", "dz")],
)
def test_no_number_may_be_infinite(tmp_path, element, name, value):
    elements = full_elements()
    elements["delta"] = np.zeros(1, DELTA)
    elements["shape"]["start"][1:], elements["shape"]["count"][0] = 1, 1
    elements[element][name][0] = value
    write_ply(tmp_path / "a.ply", elements, ["visavis {}"])
    refused(tmp_path / "a.ply", "1 numbers that are not finite")


def test_a_double_beyond_a_float_is_refused(tmp_path):
    vertex = standard_vertices().astype([(name, "<f8") for name in STANDARD])
    vertex["nx"][2] = vertex["rot_1"][3] = 1e300
    write_ply(tmp_path / "a.ply", {"vertex": vertex}, [])
    refused(tmp_path / "a.ply", "2 numbers that are not finite")


def test_a_cut_through_any_section_is_refused_with_the_bytes_there_are(tmp_path):
    elements = full_elements()
    elements["delta"] = np.zeros(5, DELTA)
    elements["shape"]["start"][1:], elements["shape"]["count"][0] = 5, 5
    write_ply(tmp_path / "a.ply", elements, ["visavis {}"])
    whole = (tmp_path / "a.ply").read_bytes()
    assert len(load_avatar(tmp_path / "a.ply").shapes.index) == 5
    header = whole.index(b"end_header\n") + 11
    ends = header + np.cumsum([0, *(array.nbytes for array in elements.values())])
    assert ends[-1] == len(whole)
    for cut in {int(end) + k for end in ends for k in (-1, 0, 1)} - {len(whole), len(whole) + 1}:
        (tmp_path / "a.ply").write_bytes(whole[:cut])
        refused(tmp_path / "a.ply", tmp_path / "a.ply", cut if cut < header else cut - header)


@pytest.mark.parametrize(
    ("start", "count", "words"),
    [
        ([0, 3, 1], [3, -2, 4], "integers that are not negative"),
        ([0, -3, 0], [-3, 3, 5], "integers that are not negative"),
        ([0, 2, 1], [1, 2, 2], "shape 1, eyeLookDownLeft, starts at 2, the ones before it end at 1"),
        ([0, 1, 2], [1, 1, 2], "hold 4 deltas, the file 5"),
    ],
)
def test_shapes_that_are_negative_or_out_of_order_are_refused(tmp_path, start, count, words):
    elements = full_elements()
    shape = np.zeros(len(ARKIT), [("start", "<i4"), ("count", "<i4")])
    shape["start"][:3], shape["count"][:3] = start, count
    shape["start"][3:] = sum(count)
    write_ply(tmp_path / "a.ply", {**elements, "shape": shape, "delta": np.zeros(5, DELTA)}, ["visavis {}"])
    refused(tmp_path / "a.ply", words)


def test_shapes_counted_in_floats_are_refused(tmp_path):
    shape = np.full(len(ARKIT), np.nan, [("start", "<f4"), ("count", "<f4")])
    write_ply(tmp_path / "a.ply", {**full_elements(), "shape": shape}, ["visavis {}"])
    refused(tmp_path / "a.ply", "needs integers")


def test_splats_that_are_all_transparent_are_refused(tmp_path):
    vertex = standard_vertices()
    vertex["opacity"] = -1000
    write_ply(tmp_path / "a.ply", {"vertex": vertex}, [])
    refused(tmp_path / "a.ply", "the most opaque of 7 splats has 1.92875e-22")


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path / "zeros", tmp_path):
        refused(path, f"{path}: no regular file")
    with pytest.raises(FileNotFoundError):
        load_avatar(tmp_path / "nothing")


@pytest.mark.parametrize("start", [b"", b"ply\nformat binary_little_endian 1.0\ncomment ", b"ply\nelement vertex "])
def test_a_gigabyte_without_an_end_of_header_takes_no_memory(tmp_path, start):
    (tmp_path / "a.ply").write_bytes(start)
    os.truncate(tmp_path / "a.ply", 1 << 30)  # a hole: it takes no room
    tracemalloc.start()
    refused(tmp_path / "a.ply")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_what_a_later_writer_adds_is_skipped(tmp_path):
    elements = full_elements()
    wider = np.zeros(N, VERTEX.descr + [("roughness", "<f8")])
    for name in VERTEX.names:
        wider[name] = elements["vertex"][name]
    wider["roughness"] = np.nan
    extra = np.full(3, np.nan, [("x", "<f4"), ("y", "<f8")])
    elements = {
        "before": extra,
        "vertex": wider,
        "between": extra,
        "shape": elements["shape"],
        "delta": np.zeros(0, DELTA),
    }
    write_ply(tmp_path / "a.ply", elements, ['visavis {"glasses": [1]}', "more"])
    avatar = load_avatar(tmp_path / "a.ply")
    assert len(avatar) == N and avatar.metadata["glasses"] == [1]


def test_an_absent_version_is_1_and_a_newer_one_is_refused_before_what_it_changed(tmp_path):
    write_ply(tmp_path / "a.ply", full_elements(), ["visavis {}"])
    assert load_avatar(tmp_path / "a.ply").metadata["version"] == VERSION == 1
    elements = {**full_elements(), "shape": np.zeros(60, SHAPE), "vertex": np.zeros(1, [("centre", "<f4")])}
    write_ply(tmp_path / "a.ply", elements, ['visavis {"version": 2, "neck": "long"}'])
    refused(tmp_path / "a.ply", "has version 2, this program reads up to 1")


def test_json_nested_to_any_depth_is_read_or_refused(tmp_path):
    outcomes = set()
    for depth in (*range(10, 1000, 70), *range(800, 1010, 3), 20_000):
        for text in ("[" * depth + "]" * depth, '{"more": ' + "[" * depth + "]" * depth + "}"):
            for key in ("", '"version": ', '"neck": '):
                write_ply(
                    tmp_path / "a.ply", full_elements(), ["visavis {" + key + text + "}" if key else f"visavis {text}"]
                )
                try:
                    save_avatar(load_avatar(tmp_path / "a.ply"), tmp_path / "b.ply")
                    outcomes.add("read")
                except BadAvatar:
                    outcomes.add("refused")
    assert outcomes == {"read", "refused"}


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
