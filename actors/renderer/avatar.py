"""An avatar: Gaussians in head space, how the 52 ARKit blendshapes move them, and which are teeth, eyes or torso.

Head space: x to the viewer's right (image right), y up, z towards the viewer; metres. The bytes of the file, what every
number means and how a picture is made of them stand in FORMAT.md.
"""

import json
import logging
from pathlib import Path

import numpy as np
from attrs import field, frozen

from actors.arkit import ARKIT
from actors.renderer.errors import BadAvatar
from actors.renderer.metadata import checked, parsed
from actors.renderer.ply import read_ply, write_ply

log = logging.getLogger(__name__)

SKIN, TORSO, UPPER_TEETH, LOWER_TEETH, LEFT_EYE, RIGHT_EYE = range(6)  # LEFT is the character's: image right
MAX_SPLATS = 1 << 20
MAX_SHAPES = 1 << 10
MAX_DELTAS = 1 << 24
MAX_OPACITY = 0.99  # what the rasterisers cap at
ALPHA_MIN = 1 / 255  # less is not drawn
MIN_SCALE_M = 1e-9
LEAST_LENGTH = 1e-6  # of a quaternion or a normal; a shorter one has no direction
MIN_DELTA_M = 1e-5  # a thirtieth of a pixel in a portrait of 720 lines
DC = 0.28209479177387814  # the spherical harmonic of degree 0
COMMENT = "visavis "
STANDARD = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2",
            "rot_0", "rot_1", "rot_2", "rot_3"]  # fmt: skip
VERTEX = np.dtype([(name, "<f4") for name in STANDARD] + [("part", "u1"), ("follow", "<f4")])
SHAPE = np.dtype([("start", "<u4"), ("count", "<u4")])
DELTA = np.dtype([("index", "<i4"), ("dx", "<f4"), ("dy", "<f4"), ("dz", "<f4")])


def _array(dtype: str, *shape: int | None):
    """A field that becomes a C-contiguous array of ``dtype``, of finite numbers; None in ``shape`` is any length."""

    def convert(value) -> np.ndarray:
        given = np.asarray(value)
        with np.errstate(all="ignore"):
            array = np.ascontiguousarray(given, dtype)
        if array.dtype.kind != "f" and not np.array_equal(array, given):
            raise BadAvatar(f"{given.dtype} numbers that are no {dtype}")
        return array

    def check(_, attribute, value: np.ndarray) -> None:
        if len(value.shape) != len(shape) or any(
            want not in (None, has) for want, has in zip(shape, value.shape, strict=True)
        ):
            raise BadAvatar(f"{attribute.name} is {value.shape}, not {shape}")
        if (bad := value.size - np.count_nonzero(np.isfinite(value))) > 0:
            raise BadAvatar(f"{attribute.name} has {bad} numbers that are not finite")

    return field(converter=convert, validator=check)


def _within(name: str, values: np.ndarray, low: float, high: float) -> None:
    if values.size and not (low <= values.min() and values.max() <= high):
        raise BadAvatar(f"{name} goes from {values.min():g} to {values.max():g}, not within {low:g} and {high:g}")


@frozen(eq=False)
class Shapes:
    """Sparse blendshapes: shape j at weight 1 moves splat ``index[e]`` by ``delta[e]`` metres.

    The e of shape j go from ``start[j]`` to before ``start[j + 1]``.
    """

    start: np.ndarray = _array("int64", len(ARKIT) + 1)
    index: np.ndarray = _array("int32", None)
    delta: np.ndarray = _array("float32", None, 3)

    def __attrs_post_init__(self):
        if self.start[0] != 0 or self.start[-1] != len(self.index) or (np.diff(self.start) < 0).any():
            raise BadAvatar(
                f"shapes start at {self.start[0]} and end at {self.start[-1]}, with {len(self.index)} deltas"
            )
        if len(self.index) != len(self.delta):
            raise BadAvatar(f"{len(self.index)} indices of {len(self.delta)} deltas")

    @classmethod
    def from_dense(cls, deltas: np.ndarray) -> "Shapes":
        """From float [52, n, 3]; movements below MIN_DELTA_M are left out."""
        shape, splat = np.nonzero(np.abs(deltas).max(2) > MIN_DELTA_M)
        return cls(np.searchsorted(shape, np.arange(len(ARKIT) + 1)), splat, deltas[shape, splat])

    @classmethod
    def none(cls) -> "Shapes":
        """A face that does not move."""
        return cls(np.zeros(len(ARKIT) + 1), np.zeros(0), np.zeros((0, 3)))


@frozen(eq=False)
class Avatar:
    """Arrays are made C-contiguous float32, ``part`` uint8. Raises BadAvatar with the numbers that are wrong."""

    position: np.ndarray = _array("float32", None, 3)  # metres
    normal: np.ndarray = _array("float32", None, 3)  # unit; (0, 0, 0) is never culled
    quaternion: np.ndarray = _array("float32", None, 4)  # wxyz, unit
    scale: np.ndarray = _array("float32", None, 3)  # metres, one sigma
    opacity: np.ndarray = _array("float32", None)  # above 0, at most MAX_OPACITY
    colour: np.ndarray = _array("float32", None, 3)  # sRGB 0..1, the light baked in, the same from all sides
    part: np.ndarray = _array("uint8", None)  # SKIN .. RIGHT_EYE
    follow: np.ndarray = _array(
        "float32", None
    )  # 0 stays with the torso, 1 follows the head's pose, the neck is in between
    shapes: Shapes = field(factory=Shapes.none)
    metadata: dict = field(factory=dict, converter=checked)

    def __attrs_post_init__(self):
        n = len(self)
        if not 1 <= n <= MAX_SPLATS:
            raise BadAvatar(f"{n} splats, not within 1 and {MAX_SPLATS}")
        for name in ("normal", "quaternion", "scale", "opacity", "colour", "part", "follow"):
            if len(getattr(self, name)) != n:
                raise BadAvatar(f"{name} has {len(getattr(self, name))} rows, position {n}")
        _within("position", self.position, -1000, 1000)
        _within("scale", self.scale, MIN_SCALE_M, 1000)
        _within("opacity", self.opacity, np.nextafter(np.float32(0), np.float32(1)), np.float32(MAX_OPACITY))
        if self.opacity.max() < ALPHA_MIN:
            raise BadAvatar(f"the most opaque of {n} splats has {self.opacity.max():g}, under 1/255 none is drawn")
        _within("colour", self.colour, 0, 1)
        _within("part", self.part, SKIN, RIGHT_EYE)
        _within("follow", self.follow, 0, 1)
        _within("the length of a quaternion", np.linalg.norm(self.quaternion, axis=1), 0.999, 1.001)
        lengths = np.linalg.norm(self.normal, axis=1)
        _within("the length of a normal that is not 0", lengths[lengths > 0], 0.999, 1.001)
        _within("the index of a delta", self.shapes.index, 0, n - 1)
        _within("a delta", self.shapes.delta, -1, 1)

    def __len__(self) -> int:
        return len(self.position)

    def covariances(self) -> np.ndarray:
        """Float64 [n, 3, 3] in square metres."""
        w, x, y, z = self.quaternion.astype(np.float64).T
        rows = (
            (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        )
        axes = np.moveaxis(np.array(rows), 2, 0) * self.scale.astype(np.float64)[:, None, :]
        return axes @ axes.transpose(0, 2, 1)


def splat_rows(avatar: Avatar) -> np.ndarray:
    """VERTEX [n]: the splats as a file has them."""
    vertex = np.zeros(len(avatar), VERTEX)
    opacity = avatar.opacity.astype(float)
    columns = [
        avatar.position,
        avatar.normal,
        (avatar.colour - 0.5) / DC,
        np.log(opacity / (1 - opacity))[:, None],
        np.log(avatar.scale.astype(float)),
        avatar.quaternion,
    ]
    for name, values in zip(STANDARD, np.concatenate(columns, axis=1).T, strict=True):
        vertex[name] = values
    vertex["part"], vertex["follow"] = avatar.part, avatar.follow
    return vertex


def standard_columns(vertex: np.ndarray) -> np.ndarray:
    """Float32 [n, 17] of the properties in STANDARD, in any order in the file; normals that it lacks are 0."""
    if not len(vertex):
        raise BadAvatar("no splats")
    names = set(vertex.dtype.names)
    if missing := [name for name in STANDARD if name not in names and name not in ("nx", "ny", "nz")]:
        raise BadAvatar(f"element vertex has no {', '.join(missing)}")
    columns = np.zeros((len(vertex), len(STANDARD)), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # a double may be more than a float: infinite, and refused
        for k, name in enumerate(STANDARD):
            if name in names:
                columns[:, k] = vertex[name]
    return columns


def splat_fields(columns: np.ndarray) -> dict[str, np.ndarray]:
    """The fields ``position`` .. ``colour`` of an Avatar, from the numbers that a file has. Raises BadAvatar."""
    if (bad := columns.size - np.count_nonzero(np.isfinite(columns))) > 0:
        raise BadAvatar(f"element vertex has {bad} numbers that are not finite")
    position, normal, dc, logit, log_scale, quaternion = np.split(columns.astype(np.float64), [3, 6, 9, 10, 13], axis=1)
    lengths = np.linalg.norm(quaternion, axis=1, keepdims=True)
    if (bad := np.count_nonzero(lengths < LEAST_LENGTH)) > 0:
        raise BadAvatar(f"{bad} quaternions of length 0")
    normal_lengths = np.linalg.norm(normal, axis=1, keepdims=True)
    return {
        "position": position,
        "normal": np.where(normal_lengths > LEAST_LENGTH, normal / np.maximum(normal_lengths, LEAST_LENGTH), 0.0),
        "quaternion": quaternion / lengths,
        "scale": np.exp(np.clip(log_scale, np.log(MIN_SCALE_M) + 1e-6, 7.0)),
        "opacity": np.clip(1 / (1 + np.exp(-np.clip(logit[:, 0], -50, 50))), None, MAX_OPACITY),
        "colour": np.clip(0.5 + DC * dc, 0, 1),
    }


def save_avatar(avatar: Avatar, path: Path) -> None:
    """Writes the format of FORMAT.md."""
    shape = np.zeros(len(ARKIT), SHAPE)
    shape["start"], shape["count"] = avatar.shapes.start[:-1], np.diff(avatar.shapes.start)
    delta = np.zeros(len(avatar.shapes.index), DELTA)
    delta["index"] = avatar.shapes.index
    delta["dx"], delta["dy"], delta["dz"] = avatar.shapes.delta.T
    comment = COMMENT + json.dumps(avatar.metadata, allow_nan=False)
    write_ply(Path(path), {"vertex": splat_rows(avatar), "shape": shape, "delta": delta}, [comment])


def load_avatar(path: Path) -> Avatar:
    """Reads the format of FORMAT.md, and any 3D Gaussian splatting file.

    Raises BadAvatar with the file's name and the numbers that are wrong; OSError where there is no such file.
    """
    try:
        return _read(path)
    except BadAvatar as error:
        raise BadAvatar(f"{path}: {error}") from error


def _read(path: Path) -> Avatar:
    elements, comments = read_ply(Path(path), {"vertex": MAX_SPLATS, "shape": MAX_SHAPES, "delta": MAX_DELTAS})
    jsons = [comment.removeprefix(COMMENT) for comment in comments if comment.startswith(COMMENT)]
    if len(jsons) > 1:
        raise BadAvatar(f"{len(jsons)} comments of metadata")
    metadata = parsed(jsons[0]) if jsons else {}  # first of all: it says which version the rest has
    vertex = elements.get("vertex", np.zeros(0, VERTEX))
    fields, names = splat_fields(standard_columns(vertex)), set(vertex.dtype.names)
    shapes = _shapes(elements)
    there = {"metadata": jsons, "parts": {"part", "follow"} <= names, "blendshapes": len(shapes.index)}
    if missing := [words for words, is_there in there.items() if not is_there]:
        log.warning("%s has no %s: it is shown, but what needs that does not move", path, ", ".join(missing))
    return Avatar(
        **fields,
        part=vertex["part"] if "part" in names else np.zeros(len(vertex)),
        follow=vertex["follow"] if "follow" in names else np.ones(len(vertex)),
        shapes=shapes,
        metadata=metadata,
    )


def _shapes(elements: dict[str, np.ndarray]) -> Shapes:
    if not {"shape", "delta"} & elements.keys():
        return Shapes.none()
    shape, delta = elements.get("shape", np.zeros(0, SHAPE)), elements.get("delta", np.zeros(0, DELTA))
    if len(shape) != len(ARKIT) or not set(SHAPE.names) <= set(shape.dtype.names):
        raise BadAvatar(
            f"element shape has {len(shape)} rows of {shape.dtype.names}, not {len(ARKIT)} of {SHAPE.names}"
        )
    if not set(DELTA.names) <= set(delta.dtype.names):
        raise BadAvatar(f"element delta has {delta.dtype.names}, not {DELTA.names}")
    if any(shape[name].dtype.kind == "f" or shape[name].min() < 0 for name in SHAPE.names):
        raise BadAvatar(f"element shape has {shape.dtype}, and needs integers that are not negative")
    ends = np.cumsum(shape["count"].astype(np.int64))
    starts = np.concatenate([[0], ends[:-1]])
    if (wrong := np.flatnonzero(shape["start"] != starts)).size:
        j = wrong[0]
        raise BadAvatar(f"shape {j}, {ARKIT[j]}, starts at {shape['start'][j]}, the ones before it end at {starts[j]}")
    if ends[-1] != len(delta):
        raise BadAvatar(f"the shapes hold {ends[-1]} deltas, the file {len(delta)}")
    return Shapes(
        np.concatenate([[0], ends]), delta["index"], np.stack([delta["dx"], delta["dy"], delta["dz"]], axis=1)
    )
