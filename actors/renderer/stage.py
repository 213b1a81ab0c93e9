"""One call's pictures: owns every buffer and draws frame after frame into the same planes."""

from collections.abc import Sequence

import numpy as np

from actors.arkit import ARKIT
from actors.renderer import pose, vectors, yuv
from actors.renderer.bins import DIGITS, bin_splats
from actors.renderer.cut import STRIPS, TILE
from actors.renderer.draw import BATCH, BEGUN, STRIP, draw_tiles
from actors.renderer.errors import BadPicture
from actors.renderer.model import Model
from actors.renderer.project import SPLAT, cull, deform, project, turn
from actors.renderer.vectors import CURVE

MOST_PX = 4096  # 64 tiles: their numbers are packed into 8 bits
MOST_PAIRS = 1 << 26  # splats over tiles, 256 MB; a portrait has about 50 000
CACHE_LINE = 64  # bytes


class Stage:
    """Pictures of ``width_px`` x ``height_px``, both even and at most MOST_PX; raises BadPicture where they are not."""

    def __init__(self, model: Model, width_px: int, height_px: int):
        if width_px % 2 or height_px % 2 or not (2 <= width_px <= MOST_PX and 2 <= height_px <= MOST_PX):
            raise BadPicture(f"{width_px} x {height_px}: a picture has an even number of pixels, at most {MOST_PX}")
        self._model = model
        self._width, self._height = width_px, height_px
        self._padded = -(-width_px // 8) * 8  # whole strips
        self._camera = pose.camera(model.metadata, width_px, height_px)
        self._paint_background()
        n = model.position.shape[1]
        self._position, self._in_camera = np.empty((3, n), np.float32), np.empty((3, n), np.float32)
        self._normal, self._gaussians = model.normal.copy(), model.gaussians.copy()
        self._hidden, self._visible = np.empty(n, np.bool_), np.empty(n, np.int32)
        self._splats, self._ranges = _aligned(n, SPLAT), np.empty(n, np.uint32)
        self._keys, self._swap_keys = np.empty(n, np.uint32), np.empty(n, np.uint32)
        self._order, self._swap = np.empty(n, np.int32), np.empty(n, np.int32)
        self._digits = np.empty((2, DIGITS), np.int32)
        self._columns, self._rows = -(-width_px // TILE), -(-height_px // TILE)
        tiles = self._columns * self._rows
        self._start, self._cursor = np.empty(tiles + 1, np.int64), np.empty(tiles, np.int64)
        self._pairs = np.empty(2 * n, np.int32)
        self._pieces, self._count = np.empty(STRIPS * n, np.uint64), np.empty(STRIPS, np.int64)
        self._accumulator = _aligned(STRIP, np.float32)
        self._curves, self._begun = _aligned(BATCH * CURVE, np.float32), np.empty(BATCH, BEGUN)
        self._vectors = vectors.usable()
        self._touched = np.zeros((tiles, STRIPS, 2), np.int32)

    def draw(
        self,
        weights: Sequence[float],
        head_rad: Sequence[float] = (0.0, 0.0, 0.0),
        head_m: Sequence[float] = (0.0, 0.0, 0.0),
        gaze_rad: Sequence[float] = (0.0, 0.0),
    ) -> np.ndarray:
        """Uint8 [height * 3 / 2, width]: I420, the Y plane and then U and V, packed. Valid until the next draw.

        weights: 52, held within 0 and 1. head_rad: yaw to image right, pitch up, roll to image right. head_m: image
        right, up, towards the viewer. gaze_rad: yaw, pitch. All finite. Raises BadPicture for more than MOST_PAIRS.
        """
        m = self._model
        weights = np.clip(np.asarray(weights, np.float32).reshape(len(ARKIT)), 0, 1)
        still, turned = pose.head(m.metadata, self._camera, head_rad, head_m).astype(np.float32)
        deform(m.position, m.start, m.index, m.delta, weights, self._position)
        for part, move in pose.parts(m.metadata, weights, gaze_rad).items():
            move = move.astype(np.float32)
            turn(m.moving[part], move, self._position, m.normal, self._normal, m.gaussians, self._gaussians)
        facing, nearest, farthest = cull(
            self._position, self._normal, m.follow, still, turned, self._in_camera, self._hidden, self._visible
        )
        seen = project(
            facing, self._visible, self._in_camera, self._gaussians, still, turned, self._camera.focal_px,
            self._width, self._height, TILE, nearest, farthest, self._splats, self._ranges, self._keys,
        )  # fmt: skip
        self._bin(seen)
        draw_tiles(
            self._columns, self._padded, self._height, self._splats, self._pairs, self._start, self._pieces,
            self._count, self._accumulator, self._curves, self._begun, self._touched, self._back, self._clean,
            self._planes, self._vectors,
        )  # fmt: skip
        if self._padded != self._width:
            for whole, cropped in zip(self._planes, yuv.split_i420(self._picture), strict=True):
                cropped[...] = whole.reshape(len(cropped), -1)[:, : cropped.shape[1]]
        return self._picture

    def _bin(self, seen: int) -> None:
        while True:
            total = bin_splats(
                seen, self._keys, self._ranges, self._columns, self._rows, self._digits, self._swap_keys, self._swap,
                self._order, self._start, self._cursor, self._pairs,
            )  # fmt: skip
            if total <= len(self._pairs):
                return
            if total > MOST_PAIRS:
                raise BadPicture(f"{seen} splats lie {total} times over a tile, the most is {MOST_PAIRS}")
            self._pairs = np.empty(total + total // 2, np.int32)

    def _paint_background(self) -> None:
        colours = self._model.metadata["background"]
        self._clean = tuple(
            plane.ravel() for plane in yuv.gradient(self._padded, self._height, colours["centre"], colours["edge"])
        )
        self._back = tuple(plane.astype(np.float32) for plane in self._clean)
        if self._padded == self._width:
            self._picture = np.concatenate(self._clean).reshape(-1, self._width)
            self._planes = tuple(plane.reshape(-1) for plane in yuv.split_i420(self._picture))
        else:
            self._picture = np.empty((self._height * 3 // 2, self._width), np.uint8)
            self._planes = tuple(plane.copy() for plane in self._clean)


def _aligned(count: int, dtype: np.dtype | type) -> np.ndarray:
    """Zeros that begin on a cache line."""
    size = count * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size].view(dtype)
