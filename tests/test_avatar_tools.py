"""The avatar file is what FORMAT.md says, tools that nobody here wrote read it, and ours judge and convert it."""

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from actors.arkit import ARKIT
from actors.renderer import reference
from actors.renderer.avatar import STANDARD, Avatar, Shapes, load_avatar, save_avatar, splat_rows
from actors.renderer.metadata import DEFAULTS, VERSION
from actors.renderer.model import Model
from actors.renderer.ply import write_ply
from actors.renderer.stage import Stage
from actors.renderer.yuv import split_i420
from tools.avatar.convert import TOP_M, UPRIGHT, turned
from tools.character.person import build_character
from tools.cli import main

PAGE = (Path(__file__).parents[1] / "actors/renderer/FORMAT.md").read_text()
SPLAT_TRANSFORM = "@playcanvas/splat-transform@2.7.1"
INSTALL_S, COMMAND_S = 40, 10
TYPES = {"uchar": "B", "uint": "I", "int": "i", "float": "f"}  # of struct


@pytest.fixture(scope="module")
def avatar():
    return build_character(12_000)


@pytest.fixture(scope="module")
def path(avatar, tmp_path_factory):
    path = tmp_path_factory.mktemp("avatar") / "avatar.ply"
    save_avatar(avatar, path)
    return path


# A reader and a painter of one's own, after FORMAT.md alone. They import nothing of actors/renderer.


def read_by_the_page(path: Path) -> tuple[dict, dict[str, dict[str, np.ndarray]]]:
    """The metadata, and the columns of each element."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    metadata, elements, at = {}, {}, 0
    for words in (line.split(" ", 2) for line in header.decode("ascii").splitlines()):
        if words[:2] == ["comment", "visavis"]:
            metadata = json.loads(words[2])
        elif words[0] == "element":
            elements[words[1]] = (int(words[2]), [])
        elif words[0] == "property":
            elements[list(elements)[-1]][1].append((words[2], TYPES[words[1]]))
    columns = {}
    for name, (count, properties) in elements.items():
        row = struct.Struct("<" + "".join(code for _, code in properties))
        rows = [row.unpack_from(body, at + k * row.size) for k in range(count)]
        columns[name] = {label: np.array(v) for (label, _), v in zip(properties, zip(*rows, strict=True), strict=True)}
        at += count * row.size
    assert at == len(body)
    return metadata, columns


def stacked(columns: dict[str, np.ndarray], names: str) -> np.ndarray:
    return np.stack([columns[name] for name in names.split()], axis=1)


def rx(a):
    return np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])


def ry(a):
    return np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])


def rz(a):
    return np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])


def turn(yaw, pitch, roll):
    return ry(yaw) @ rx(-pitch) @ rz(-roll)


def matrices(w, x, y, z):
    """Of unit quaternions, by turning the three axes: v' = v + 2 q × (q × v + w v)."""
    q = np.stack([x, y, z], axis=1)[:, None, :]
    v = np.eye(3)[None]
    return (v + 2 * np.cross(q, np.cross(q, v) + np.reshape(w, (-1, 1, 1)) * v)).transpose(0, 2, 1)


def yuv(rgb):
    r, g, b = np.moveaxis(np.asarray(rgb, float), -1, 0)
    return np.stack([
        16 + 65.481 * r + 128.553 * g + 24.966 * b,
        128 - 37.797 * r - 74.203 * g + 112.0 * b,
        128 + 112.0 * r - 93.786 * g - 18.214 * b,
    ], axis=-1)  # fmt: skip


def paint_by_the_page(path: Path, width, height, weights, head_rad, head_m, gaze_rad) -> list[np.ndarray]:
    """Y, U and V, not rounded."""
    about, elements = read_by_the_page(path)
    vertex, shape, delta = elements["vertex"], elements["shape"], elements["delta"]
    w = {name: float(np.clip(weights.get(name, 0), 0, 1)) for name in ARKIT}

    p = stacked(vertex, "x y z").astype(float)
    for name, start, count in zip(ARKIT, shape["start"], shape["count"], strict=True):
        for k in range(start, start + count):
            p[delta["index"][k]] += w[name] * np.array([delta["dx"][k], delta["dy"][k], delta["dz"][k]])
    normal = stacked(vertex, "nx ny nz")
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.where(length < 1e-6, 0, normal / np.maximum(length, 1e-6))
    q = stacked(vertex, "rot_0 rot_1 rot_2 rot_3")
    axes = matrices(*(q / np.linalg.norm(q, axis=1, keepdims=True)).T)
    sigma = axes * np.exp(stacked(vertex, "scale_0 scale_1 scale_2"))[:, None, :] ** 2 @ axes.transpose(0, 2, 1)
    opacity = np.minimum(1 / (1 + np.exp(-np.clip(vertex["opacity"], -50, 50))), 0.99)
    colour = yuv(np.clip(0.5 + 0.28209479177387814 * stacked(vertex, "f_dc_0 f_dc_1 f_dc_2"), 0, 1))

    jaw, gaze = about["jaw"], turn(*gaze_rad, 0)
    shift = [(w["jawLeft"] - w["jawRight"]) * jaw["side_m"], 0, w["jawForward"] * jaw["forward_m"]]
    for part, a, c, s in (
        (3, rx(w["jawOpen"] * jaw["open_rad"]), jaw["pivot"], shift),
        (4, gaze, about["eyes"]["left"], [0, 0, 0]),
        (5, gaze, about["eyes"]["right"], [0, 0, 0]),
    ):
        of = vertex["part"] == part
        p[of] = np.array(c) + (p[of] - c) @ a.T + s
        normal[of], sigma[of] = normal[of] @ a.T, a @ sigma[of] @ a.T

    eye, look_at = np.array(about["camera"]["position"]), np.array(about["camera"]["look_at"])
    ahead = (look_at - eye) / np.linalg.norm(look_at - eye)
    right = np.cross(ahead, [0, 1, 0])
    right /= np.linalg.norm(right)
    c = np.stack([right, np.cross(ahead, right), ahead])
    focal = min(width * 16 / 9, height) / 2 / np.tan(np.radians(about["camera"]["fov_y_deg"]) / 2)

    h, neck, f = turn(*head_rad), np.array(about["neck"]), vertex["follow"][:, None]
    v = (1 - f) * ((p - eye) @ c.T) + f * (((p - neck) @ h.T + neck + np.clip(head_m, -1, 1) - eye) @ c.T)
    skin = (1 - f[:, :, None]) * c + f[:, :, None] * (c @ h)
    n = np.einsum("nij,nj->ni", skin, normal)
    hidden = ((v * n).sum(1) >= 0.1 * np.linalg.norm(v, axis=1)) | (v[:, 2] < 0.05) | (v[:, 2] > 100)

    sums, through = np.zeros((height, width, 3)), np.ones((height, width))
    row, column = np.mgrid[0:height, 0:width] + 0.5
    for k in np.argsort(v[:, 2], kind="stable"):
        if hidden[k]:
            continue
        x, y, z = v[k]
        j = focal / z * np.array([[1, 0, -x / z], [0, 1, -y / z]])
        s = j @ skin[k] @ sigma[k] @ skin[k].T @ j.T + 0.3 * np.eye(2)
        if np.sqrt(max(2 * np.log(255 * opacity[k]), 0) * max(s[0, 0], s[1, 1])) >= max(width, height):
            continue
        d = np.stack([column - focal * x / z - width / 2, row - focal * y / z - height / 2], axis=-1)
        alpha = opacity[k] * np.exp(-0.5 * np.einsum("rci,ij,rcj->rc", d, np.linalg.inv(s), d))
        alpha[alpha < 1 / 255] = 0
        sums += (through * alpha)[:, :, None] * colour[k]
        through *= 1 - alpha

    edge = {name: yuv(about["background"][name]) for name in ("centre", "edge")}
    planes = []
    for channel, step in enumerate((1, 2, 2)):
        seen, left = (
            a.reshape(height // step, step, width // step, step).mean((1, 3)) for a in (sums[:, :, channel], through)
        )
        rows, columns = np.mgrid[0 : height // step, 0 : width // step] + 0.5
        outwards = ((columns * step / (-(-width // 8) * 8) * 2 - 1) ** 2 + (rows * step / height * 2 - 1) ** 2) / 2
        planes.append(
            seen + left * (edge["centre"] + (edge["edge"] - edge["centre"]) * outwards[..., None])[..., channel]
        )
    return planes


def test_a_reader_written_after_the_page_reads_what_ours_reads(path):
    loaded, (metadata, elements) = load_avatar(path), read_by_the_page(path)
    vertex = elements["vertex"]
    q = stacked(vertex, "rot_0 rot_1 rot_2 rot_3")
    for name, values in {
        "position": stacked(vertex, "x y z"),
        "normal": stacked(vertex, "nx ny nz"),
        "colour": 0.5 + 0.28209479177387814 * stacked(vertex, "f_dc_0 f_dc_1 f_dc_2"),
        "opacity": 1 / (1 + np.exp(-vertex["opacity"])),
        "scale": np.exp(stacked(vertex, "scale_0 scale_1 scale_2")),
        "quaternion": q / np.linalg.norm(q, axis=1, keepdims=True),
        "part": vertex["part"],
        "follow": vertex["follow"],
    }.items():
        np.testing.assert_allclose(getattr(loaded, name), values, rtol=1e-6, atol=1e-7, err_msg=name)
    assert {"version": 1, **metadata} == loaded.metadata
    np.testing.assert_array_equal(elements["shape"]["start"], loaded.shapes.start[:-1])
    np.testing.assert_array_equal(elements["shape"]["start"] + elements["shape"]["count"], loaded.shapes.start[1:])
    np.testing.assert_array_equal(elements["delta"]["index"], loaded.shapes.index)
    np.testing.assert_array_equal(stacked(elements["delta"], "dx dy dz"), loaded.shapes.delta)
    axes = matrices(*loaded.quaternion.T.astype(float))
    sigma = axes * loaded.scale.astype(float)[:, None, :] ** 2 @ axes.transpose(0, 2, 1)
    np.testing.assert_allclose(sigma, loaded.covariances(), atol=1e-10)


def some_cloud(background: dict) -> Avatar:
    """Splats of all parts, in between head and torso too, that all shapes move; a quarter is seen from all sides.

    Some are as opaque as can be; one is nearly as wide as a picture, one wider and so left out.
    """
    r, n = np.random.default_rng(5), 400
    normal, quaternion = r.normal(size=(n, 3)), r.normal(size=(n, 4))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal[: n // 4] = 0
    opacity, scale = r.uniform(0.002, 0.99, n), r.uniform(0.001, 0.015, (n, 3))
    opacity[1:9], scale[1], scale[2] = 0.99, 0.06, 0.3
    deltas = np.zeros((len(ARKIT), n, 3))
    deltas[:, : n // 2] = r.normal(size=(len(ARKIT), n // 2, 3)) * 0.002
    return Avatar(
        position=r.normal(size=(n, 3)) * [0.05, 0.07, 0.05],
        normal=normal,
        quaternion=quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True),
        scale=scale,
        opacity=opacity,
        colour=r.random((n, 3)),
        part=r.integers(0, 6, n),
        follow=r.choice([0, 0.4, 1], n),
        shapes=Shapes.from_dense(deltas),
        metadata={
            "neck": [0.01, -0.08, 0.02],
            "camera": {"position": [0.1, 0.08, 0.7], "look_at": [0.01, 0.02, 0.0], "fov_y_deg": 27},
            "background": background,
        },
    )


WEIGHTS = {"jawOpen": 0.7, "jawLeft": 0.5, "jawForward": 1, "tongueOut": 2, "browInnerUp": 0.3, "cheekPuff": -1}
POSE = {"head_rad": (0.3, -0.2, 0.15), "head_m": (0.01, -0.02, 0.3), "gaze_rad": (-0.4, 0.25)}


@pytest.mark.parametrize(("width", "height"), [(124, 80), (60, 128)])
def test_a_painter_written_after_the_page_paints_what_ours_paints(tmp_path, width, height):
    save_avatar(some_cloud({"centre": [0.8, 0.2, 0.4], "edge": [0.1, 0.5, 0.3]}), tmp_path / "a.ply")
    stage = Stage(Model.of(load_avatar(tmp_path / "a.ply")), width, height)
    drawn = split_i420(stage.draw([WEIGHTS.get(name, 0) for name in ARKIT], **POSE))
    for ours, theirs in zip(drawn, paint_by_the_page(tmp_path / "a.ply", width, height, WEIGHTS, **POSE), strict=True):
        assert 10 * np.log10(255**2 / np.mean((ours - theirs) ** 2)) > 50


def test_it_paints_the_same_as_the_reference_over_black_which_has_no_dither(tmp_path):
    save_avatar(some_cloud({"centre": [0, 0, 0], "edge": [0, 0, 0]}), tmp_path / "a.ply")
    loaded = load_avatar(tmp_path / "a.ply")
    exact = reference.draw(loaded, 120, 80, [WEIGHTS.get(name, 0) for name in ARKIT], **POSE)
    painted = paint_by_the_page(tmp_path / "a.ply", 120, 80, WEIGHTS, **POSE)
    for ours, theirs in zip((exact.y, exact.u, exact.v), painted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=255e-4)  # behind T < 1e-4 the reference stops


def test_the_page_shows_the_header_and_the_defaults(path):
    shown = re.search(r"```\n(ply\n.*?end_header\n)```", PAGE, re.DOTALL)[1]
    header = path.read_bytes().partition(b"end_header\n")[0].decode("ascii") + "end_header\n"
    blank = {r"vertex \d+": "vertex N", r"delta \d+": "delta K", r"(comment visavis).*": r"\1"}
    for pattern, words in blank.items():
        header, shown = re.sub(pattern, words, header), re.sub(pattern, words, shown)
    assert header == shown
    assert json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]) == {"version": VERSION, **DEFAULTS}
    assert f"# avatar.ply, version {VERSION}\n" in PAGE


# Tools that nobody here wrote.


def test_a_plain_ply_library_reads_every_element(path):
    import plyfile

    ply, loaded = plyfile.PlyData.read(path), load_avatar(path)
    counts = {element.name: element.count for element in ply.elements}
    assert counts == {"vertex": len(loaded), "shape": len(ARKIT), "delta": len(loaded.shapes.index)}
    vertex = ply["vertex"].data
    np.testing.assert_array_equal(stacked(vertex, "x y z"), loaded.position)
    np.testing.assert_array_equal(vertex["part"], loaded.part)
    np.testing.assert_array_equal(vertex["follow"], loaded.follow)
    np.testing.assert_allclose(np.exp(stacked(vertex, "scale_0 scale_1 scale_2")), loaded.scale, rtol=1e-6)
    np.testing.assert_array_equal(ply["shape"]["count"], np.diff(loaded.shapes.start))
    np.testing.assert_array_equal(ply["delta"]["index"], loaded.shapes.index)
    np.testing.assert_array_equal(stacked(ply["delta"], "dx dy dz"), loaded.shapes.delta)
    (comment,) = ply.comments
    assert {"version": 1, **json.loads(comment.removeprefix("visavis "))} == loaded.metadata


@pytest.fixture(scope="module")
def splat_transform(tmp_path_factory):
    """Runs PlayCanvas' splat-transform from a temporary folder; npm keeps what it downloads in its cache."""
    if not (npm := shutil.which("npm")) or not shutil.which("node"):
        pytest.skip("no node or npm here: splat-transform is not tried")
    folder = tmp_path_factory.mktemp("npm")
    install = [
        npm,
        "install",
        "--prefix",
        folder,
        "--prefer-offline",
        "--fetch-retries=0",
        "--ignore-scripts",
        "--no-audit",
    ]
    try:
        done = subprocess.run([*install, SPLAT_TRANSFORM], capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {SPLAT_TRANSFORM} in {INSTALL_S} s: splat-transform is not tried")
    if done.returncode:
        error = next((line for line in done.stderr.splitlines() if line.startswith("npm error")), done.stderr[:200])
        pytest.skip(f"npm cannot install {SPLAT_TRANSFORM}: {error}")

    def run(*words) -> str:
        command = [folder / "node_modules/.bin/splat-transform", "--quiet", "--overwrite", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def summary(text: str) -> dict[str, list[float]]:
    """Lowest, highest, median and mean of each column in splat-transform's table."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: [float(cell) for cell in row[1:5]] for row in rows[2:]}


def alike(one: Avatar, other: Avatar, tolerance: float) -> None:
    """The same splats in any order: near in place, and of much the same covariance, colour and opacity."""
    from scipy.spatial import cKDTree

    away, index = cKDTree(other.position).query(one.position)
    assert len(other) == len(one) and away.max() < 0.0003
    a, b = one.covariances(), other.covariances()[index]
    assert np.median(np.linalg.norm(a - b, axis=(1, 2)) / np.linalg.norm(a, axis=(1, 2))) < tolerance
    assert np.median(np.abs(one.colour - other.colour[index])) < tolerance
    assert np.median(np.abs(one.opacity - other.opacity[index])) < tolerance


@pytest.mark.slow
def test_splat_transform_finds_the_numbers_that_are_there(path, splat_transform):
    loaded, told = load_avatar(path), splat_transform(path, "--summary", "null")
    assert f"**Row Count:** {len(loaded)}\n" in told
    logit = np.log(loaded.opacity / (1 - loaded.opacity.astype(float)))
    columns = {  # the numbers of the file, and what the table shows of them
        **{name: (loaded.position[:, k], lambda x: x) for k, name in enumerate("xyz")},
        **{f"f_dc_{k}": (loaded.colour[:, k], lambda x: x) for k in range(3)},
        "opacity": (logit, lambda x: 1 / (1 + np.exp(-x))),
        **{f"scale_{k}": (np.log(loaded.scale[:, k].astype(float)), np.exp) for k in range(3)},
        **{f"rot_{k}": (loaded.quaternion[:, k], lambda x: x) for k in range(4)},
        "part": (loaded.part, lambda x: x),
        "follow": (loaded.follow, lambda x: x),
    }
    table = summary(told)
    for name, (values, shown) in columns.items():
        low, high, _, mean = table[name]
        expected = shown(np.array([values.min(), values.max(), values.mean(dtype=float)], float))
        np.testing.assert_allclose([low, high, mean], expected, rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "tolerance"), [("ply", 1e-6), ("compressed.ply", 0.01), ("spz", 0.05)])
def test_what_splat_transform_makes_of_it_is_a_static_avatar(path, splat_transform, tmp_path, ending, tolerance):
    splat_transform(path, tmp_path / f"other.{ending}")
    splat_transform(tmp_path / f"other.{ending}", tmp_path / "back.ply")
    back = load_avatar(tmp_path / "back.ply")
    assert len(back.shapes.index) == 0
    alike(load_avatar(path), back, tolerance)


@pytest.mark.slow
def test_splat_transform_turns_a_plain_file_as_we_do(path, splat_transform, tmp_path):
    assert main(["avatar", "convert", "--plain", str(path), str(tmp_path / "plain.ply")]) == 0
    splat_transform(tmp_path / "plain.ply", "--rotate", "180,0,0", tmp_path / "turned.ply")
    alike(load_avatar(path), load_avatar(tmp_path / "turned.ply"), 1e-5)


# Ours.


def told(capsys, *words) -> tuple[int, str]:
    code = main(["avatar", *map(str, words)])
    return code, capsys.readouterr().out


def test_the_default_character_is_valid_without_a_warning(path, capsys):
    assert told(capsys, "validate", path) == (0, f"{path}: valid, 0 warnings\n")


def far_off(avatar: Avatar) -> dict:
    position = avatar.position.copy()
    position[:3] = [0, 0, -5]
    return {"position": position}


def of_shapes(avatar: Avatar, *, delta=None, swapped: bool = False, without: str = "") -> dict:
    dense = np.zeros((len(ARKIT), len(avatar), 3), np.float32)
    for j in range(len(ARKIT)):
        rows = slice(avatar.shapes.start[j], avatar.shapes.start[j + 1])
        dense[j, avatar.shapes.index[rows]] = avatar.shapes.delta[rows]
    if delta:
        dense[ARKIT.index(delta)] *= 3
    if swapped:
        dense = dense[
            [ARKIT.index(re.sub("Left|Right", lambda m: {"Left": "Right"}.get(m[0], "Left"), n)) for n in ARKIT]
        ]
    if without:
        dense[ARKIT.index(without)] = 0
    return {"shapes": Shapes.from_dense(dense)}


def eyes(avatar: Avatar) -> dict:
    left, right = (avatar.metadata["eyes"][side] for side in ("left", "right"))
    return {"metadata": {**avatar.metadata, "eyes": {"left": right, "right": left}}}


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        (far_off, [r"^3 splats are farther than 0.5 m from the middle of the others, the farthest 5.\d\d m"]),
        (lambda a: {"opacity": np.where(np.arange(len(a)) < 9, 0.003, a.opacity)}, [r"^9 of .* are never seen"]),
        (lambda a: {"normal": np.zeros_like(a.normal)}, [r"^none of \d+ splats has a normal"]),
        (lambda a: {"part": np.where(a.part == 2, 0, a.part)}, ["^no splat is of the upper teeth"]),
        (lambda a: {"part": np.where(a.part == 5, 0, a.part)}, ["^no splat is of the right eye"]),
        (eyes, ["^the left eye turns about", "^the right eye turns about .* outside of its splats: -0.05"]),
        (lambda a: {"shapes": Shapes.none()}, ["^static: none of the 52"]),
        (lambda a: of_shapes(a, without="jawOpen"), ["^1 of 52 blendshapes move nothing: jawOpen$"]),
        (lambda a: of_shapes(a, delta="jawOpen"), [r"deltas are longer than 0.06 m, the longest 0.1\d\d m"]),
        (lambda a: of_shapes(a, delta="eyeBlinkLeft"), ["^eyeBlinkLeft moves its splats by .* eyeBlinkRight by"]),
        (lambda a: of_shapes(a, swapped=True), ["^eyeBlinkLeft and eyeBlinkRight", "^jawLeft and", "are swapped"]),
        (lambda a: {"position": a.position + [0.3, 0, 0]}, ["^the camera has", "^the left eye", "^the right eye"]),
    ],
)  # fmt: skip
def test_what_makes_a_poor_face_is_a_warning_with_its_numbers(avatar, tmp_path, capsys, change, warned):
    save_avatar(evolve(avatar, **change(avatar)), tmp_path / "a.ply")
    code, out = told(capsys, "validate", "--json", tmp_path / "a.ply")
    (result,) = json.loads(out)["files"]
    assert code == 0 and result["refused"] is None
    lines = result["warnings"]
    assert all(any(re.search(pattern, line) for line in lines) for pattern in warned), lines
    assert all(any(re.search(pattern, line) for pattern in warned) for line in lines), lines


def test_a_refused_file_is_told_beside_the_valid_ones(path, tmp_path, capsys):
    (tmp_path / "bad.ply").write_bytes(path.read_bytes()[:-1])
    code, out = told(capsys, "validate", tmp_path / "bad.ply", path, tmp_path / "none.ply")
    bad, good, none = out.splitlines()
    assert code == 1 and good.endswith("valid, 0 warnings")
    assert bad.startswith(f"refused: {tmp_path}/bad.ply: the header declares")
    assert none.startswith("refused:") and "none.ply" in none


def scan(avatar: Avatar, path: Path, *, broken: int = 0, unseen: int = 0, far: int = 0) -> None:
    """As a trainer writes it: other order, view-dependent colour, doubles, no normals, lengths of quaternions left."""
    rows = splat_rows(avatar)
    names = [name for name in reversed(STANDARD) if not name.startswith("n")]
    vertex = np.zeros(len(rows), [(f"f_rest_{k}", "<f4") for k in range(45)] + [(name, "<f8") for name in names])
    for name in names:
        vertex[name] = rows[name] * (3 if name.startswith("rot") else 1)
    vertex["x"][:broken] = np.nan
    vertex["opacity"][broken : broken + unseen] = -8
    vertex["z"][broken + unseen : broken + unseen + far] = 5000
    write_ply(path, {"vertex": vertex, "camera": np.zeros(2, [("fx", "<f4")])}, ["made elsewhere", "twice"])


@pytest.mark.parametrize("axis", UPRIGHT)
def test_an_avatar_made_plain_and_converted_back_looks_the_same(avatar, path, tmp_path, capsys, axis):
    plain, back = tmp_path / "plain.ply", tmp_path / "back.ply"
    assert told(capsys, "convert", "--plain", path, plain, "--axis", axis, "--yaw-deg", 20)[0] == 0
    header = plain.read_bytes().partition(b"end_header")[0].decode("ascii").splitlines()
    assert header[2:] == [f"element vertex {len(avatar)}", *(f"property float {name}" for name in STANDARD)]
    code, out = told(capsys, "convert", plain, back, "--axis", axis, "--yaw-deg", 20)
    assert code == 0 and "static" in out
    loaded = load_avatar(back)
    scale = np.median(loaded.scale / avatar.scale)
    assert f"scaled by {scale:.4g}" in out
    moved = loaded.position[0] - avatar.position[0] * scale
    np.testing.assert_allclose(loaded.position, avatar.position * scale + moved, atol=1e-6)
    np.testing.assert_allclose(loaded.normal, avatar.normal, atol=1e-5)
    ours, theirs = avatar.covariances() * scale**2, loaded.covariances()
    assert (np.linalg.norm(ours - theirs, axis=(1, 2)) < 1e-3 * np.linalg.norm(ours, axis=(1, 2))).all()


def test_up_is_the_axis_that_was_told_and_the_face_looks_at_the_viewer(tmp_path):
    front = {"y-down": (0, 0, -1), "y-up": (0, 0, 1), "z-up": (0, -1, 0), "z-down": (0, 1, 0)}
    for axis in UPRIGHT:
        up = np.zeros(3)
        up["xyz".index(axis[0])] = 1 if axis.endswith("up") else -1
        vectors = np.array([up, front.get(axis, (0, 0, 1))], float)
        fields = {"position": vectors, "normal": vectors, "quaternion": np.array([[1.0, 0, 0, 0]] * 2)}
        for name in ("position", "normal"):
            np.testing.assert_allclose(turned(fields, axis, 0)[name], [[0, 1, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(turned(fields, "y-up", 90)["position"][1], [1, 0, 0], atol=1e-12)


def test_a_scan_is_placed_before_the_camera_without_what_nobody_sees(avatar, tmp_path, capsys):
    scan(evolve(avatar, position=avatar.position * 7 + [3, 1, -2]), tmp_path / "scan.ply", broken=3, unseen=4, far=5)
    code, out = told(capsys, "convert", tmp_path / "scan.ply", tmp_path / "a.ply", "--axis", "y-up", "--height-m", 0.5)
    n = len(avatar)
    assert code == 0
    assert f"{n - 12} of {n} splats (3 broken, 4 transparent and 5 farther than 100 m left out)" in out
    placed = load_avatar(tmp_path / "a.ply")
    low, high = np.quantile(placed.position, [0.01, 0.99], axis=0)
    np.testing.assert_allclose([high[1], high[1] - low[1]], [TOP_M, 0.5], atol=1e-3)
    head = placed.position[placed.position[:, 1] > TOP_M - 0.25]
    np.testing.assert_allclose(np.quantile(head, [0.01, 0.99], axis=0).mean(0)[[0, 2]], 0, atol=1e-3)
    assert told(capsys, "validate", tmp_path / "a.ply")[0] == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("IN", "OUT"), "an avatar already"),
        (("IN", "IN"), "is what is to be converted"),
        (("--plain", "IN", "OUT", "--height-m", "1"), "--height-m is for a scan"),
        (("SCAN", "OUT", "--height-m", "nan"), "--height-m is nan"),
        (("EMPTY", "OUT"), "none of 7 splats is seen: 0 are broken, 7 transparent"),
        (("FLAT", "OUT"), "0.0 high"),
        (("NONE", "OUT"), "NONE"),
    ],
)
def test_what_cannot_be_converted_is_said_in_one_line(avatar, path, tmp_path, capsys, words, error):
    names = {name: str(tmp_path / name) for name in ("OUT", "SCAN", "EMPTY", "FLAT", "NONE")} | {"IN": str(path)}
    scan(avatar, tmp_path / "SCAN")
    few = np.zeros(7, [(name, "<f4") for name in STANDARD])
    few["rot_0"] = 1
    write_ply(tmp_path / "FLAT", {"vertex": few}, [])
    few["opacity"] = -20
    write_ply(tmp_path / "EMPTY", {"vertex": few}, [])
    assert main(["avatar", "convert", *(names.get(word, word) for word in words)]) == 1
    said = capsys.readouterr().err
    assert error in said and said.count("\n") == 1
    assert not (tmp_path / "OUT").exists()
