"""The yardstick: a Stage whose frames are drawn by yardstick.cpp, built with g++ for the processor at hand.

The leading underscore keeps it from being a command.
"""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from actors.renderer import pose
from actors.renderer.model import Model
from actors.renderer.stage import Stage
from tools.errors import ToolError

COMPILER = "g++"
FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
SOURCE = Path(__file__).with_name("yardstick.cpp")
PAIRS = 8  # room for so many tiles a splat

POINTERS = """
    rest_position rest_normal follow rest_gaussians shape_start shape_index shape_delta lower_teeth left_eye right_eye
    position in_camera normal gaussians hidden visible splats ranges keys swap_keys order swap digits start cursor
    pairs pieces count_of_strip touched accumulator back_y back_u back_v clean_y clean_u clean_v y u v
"""
NUMBERS = "count shapes lower_teeth_count left_eye_count right_eye_count pairs_most width padded height"


class Frame(ctypes.Structure):
    """As in yardstick.cpp."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in POINTERS.split()),
        *((name, ctypes.c_int64) for name in NUMBERS.split()),
        ("focal_px", ctypes.c_float),
    ]


def missing() -> str | None:
    """What it needs that is not here."""
    return None if shutil.which(COMPILER) else f"no {COMPILER}, so no C++ to compare with"


def build() -> ctypes.CDLL:
    """Raises ToolError with what the compiler says."""
    with tempfile.TemporaryDirectory(prefix="visavis-") as folder:  # once loaded, the library does not need its file
        path = Path(folder) / "yardstick.so"
        done = subprocess.run([COMPILER, *FLAGS, "-o", path, SOURCE], capture_output=True, text=True)
        if done.returncode:
            raise ToolError(f"{COMPILER} cannot build {SOURCE.name}: {done.stderr.strip()}")
        library = ctypes.CDLL(str(path))
    library.draw_frame.restype = ctypes.c_int64
    return library


class CppStage(Stage):
    """Draws what a Stage draws, on the same buffers; all but the pose is C++."""

    def __init__(self, library: ctypes.CDLL, model: Model, width_px: int, height_px: int):
        super().__init__(model, width_px, height_px)
        self._library, n = library, model.position.shape[1]
        self._pairs = np.empty(PAIRS * n, np.int32)
        moving = [model.moving[part] for part in pose.MOVING]
        buffers = [
            model.position, model.normal, model.follow, model.gaussians, model.start, model.index, model.delta, *moving,
            self._position, self._in_camera, self._normal, self._gaussians, self._hidden, self._visible, self._splats,
            self._ranges, self._keys, self._swap_keys, self._order, self._swap, self._digits, self._start, self._cursor,
            self._pairs, self._pieces, self._count, self._touched, self._accumulator, *self._back, *self._clean,
            *self._planes,
        ]  # fmt: skip
        self._frame = Frame(
            *(buffer.ctypes.data for buffer in buffers), n, len(model.start) - 1, *map(len, moving),
            len(self._pairs), width_px, self._padded, height_px, self._camera.focal_px,
        )  # fmt: skip

    def draw(
        self,
        weights: Sequence[float],
        head_rad: Sequence[float] = (0.0, 0.0, 0.0),
        head_m: Sequence[float] = (0.0, 0.0, 0.0),
        gaze_rad: Sequence[float] = (0.0, 0.0),
    ) -> np.ndarray:
        """As Stage.draw. Width must be a multiple of 8. Raises ToolError for more than PAIRS tiles a splat."""
        metadata = self._model.metadata
        weights = np.clip(np.asarray(weights, np.float32), 0, 1)
        moves = pose.parts(metadata, weights, gaze_rad)
        head = pose.head(metadata, self._camera, head_rad, head_m)
        maps = np.array([*head, *(moves[part] for part in pose.MOVING)], np.float32)
        total = self._library.draw_frame(
            ctypes.byref(self._frame), ctypes.c_void_p(weights.ctypes.data), ctypes.c_void_p(maps.ctypes.data)
        )
        if total > len(self._pairs):
            raise ToolError(f"splats lie {total} times over a tile, the most is {len(self._pairs)}")
        return self._picture
