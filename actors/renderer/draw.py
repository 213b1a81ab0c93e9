"""The back half of a frame, as a numba kernel: splats blended front to back into strips, and strips into YUV420.

A strip is 8 columns of a tile, small enough for a processor's nearest cache: a line of row pairs (vectors.py), so that
walking down it reads memory in order. Its pieces (cut.py) are begun by the batch and then blended: the exponentials of
one need not wait for the blending of another.
"""

import zlib
from pathlib import Path

import numpy as np
from numba import njit

from actors.renderer import cut, plain, vectors
from actors.renderer.cut import FIRST_BIT, PAIRS_MASK, SPLAT_BIT, STRIPS, TILE, cut_tile
from actors.renderer.vectors import ALPHA_MIN, CURVE, LANES, PAIR

f32, i32, i64, u8, u64, at = np.float32, np.int32, np.int64, np.uint8, np.uint64, np.uintp

STRIP = TILE // 2 * PAIR  # floats of a strip
BATCH = 32  # pieces begun before they are blended
BEGUN = np.dtype(
    [("dx", "f4"), ("dy", "f4"), ("splat", "i4"), ("row", "i4"), ("pairs", "i4"), ("deep", "?")], align=True
)
OPAQUE = f32(ALPHA_MIN)  # transmittance behind which nothing is seen
KERNEL = dict(nogil=True, cache=True, error_model="numpy")


@njit(**KERNEL)
def _is_opaque(accumulator, row):
    first, seen_through = row * (PAIR // 2), 0
    for lane in range(LANES):
        seen_through += i32(accumulator[at(first + lane)] > OPAQUE)
    return seen_through == 0


@njit(**KERNEL)
def _blend_strip(splats, queue, left, top, rows, accumulator, curves, begun, use_vectors):
    """Blends a queue of pieces into the strip whose first pixel is at left, top; the first and end row touched."""
    for pair in range(TILE // 2):
        first = pair * PAIR
        for k in range(LANES):
            accumulator[at(first + k)] = f32(1)
        for k in range(LANES, PAIR):
            accumulator[at(first + k)] = f32(0)
    x, y = left + f32(0.5), top + f32(0.5)
    seen_first, seen_end = i64(0), i64(rows)  # rows above and below are opaque, or out of the picture
    touched_first, touched_end = i64(TILE), i64(0)
    for batch in range(0, queue.shape[0], BATCH):
        n = 0
        for k in range(batch, min(batch + BATCH, queue.shape[0])):
            piece = queue[at(k)]
            s, b = splats[at(piece >> u64(SPLAT_BIT))], begun[at(n)]  # n <= k - batch
            # Even and below TILE whatever a piece says, as seen_end is even and at most TILE: it stays in the strip.
            row = i64((piece >> u64(FIRST_BIT)) & u64(TILE - 2))
            end = min(row + 2 * i64(piece & u64(PAIRS_MASK)), seen_end)
            first = max(row, seen_first)
            b.splat, b.row, b.pairs = i32(piece >> u64(SPLAT_BIT)), i32(first), i32((end - first) >> 1)
            b.dx, b.dy = x - s.x, y - s.y + f32(first)
            last = f32(end - first - 2)
            if use_vectors is None:
                b.deep = plain.begin(curves, i64(n * CURVE), b.dx, b.dy, last, s.a, s.b, s.c, s.log2_opacity)
            else:
                b.deep = vectors.begin(curves, i64(n * CURVE), b.dx, b.dy, last, s.a, s.b, s.c, s.log2_opacity)
            n += i32(end > first)
        for k in range(n):
            b = begun[at(k)]
            s, offset, pairs, g = splats[at(b.splat)], i64(b.row) * (PAIR // 2), i64(b.pairs), i64(k * CURVE)
            touched_first = min(touched_first, i64(b.row))
            touched_end = max(touched_end, i64(b.row) + 2 * pairs)
            if use_vectors is None and b.deep:
                plain.blend_deep(
                    accumulator, offset, pairs, b.dx, b.dy, s.a, s.b, s.c, s.log2_opacity, s.luma, s.u, s.v
                )
            elif use_vectors is None:
                plain.blend(accumulator, offset, pairs, curves, g, s.step, s.luma, s.u, s.v)
            elif b.deep:
                vectors.blend_deep(
                    accumulator, offset, pairs, b.dx, b.dy, s.a, s.b, s.c, s.log2_opacity, s.luma, s.u, s.v
                )
            else:
                vectors.blend(accumulator, offset, pairs, curves, g, s.step, s.luma, s.u, s.v)
        while seen_first < seen_end and _is_opaque(accumulator, seen_first):
            seen_first += 2
        while seen_first < seen_end and _is_opaque(accumulator, seen_end - 2):
            seen_end -= 2
        if seen_first == seen_end:
            break
    return touched_first, touched_end


@njit(fastmath={"contract"}, **KERNEL)
def _store_8x2(accumulator, pair, back, planes, y_at, stride, chroma_at):
    """The row pair at accumulator[pair], over the background, as 8 x 2 bytes of Y and 4 bytes of U and of V."""
    half, quarter = f32(0.5), f32(0.25)
    for row in range(2):
        for k in range(8):
            lane, i = at(pair + row * 8 + k), at(y_at + row * stride + k)
            planes[0][i] = u8(i32(accumulator[lane] * back[0][i] + accumulator[lane + at(LANES)] + half))
    for k in range(4):
        a, i = at(pair + 2 * k), at(chroma_at + k)
        through = accumulator[a] + accumulator[a + at(1)] + accumulator[a + at(8)] + accumulator[a + at(9)]
        for c in range(1, 3):
            b = a + at((c + 1) * LANES)
            seen = accumulator[b] + accumulator[b + at(1)] + accumulator[b + at(8)] + accumulator[b + at(9)]
            planes[c][i] = u8(i32(quarter * (through * back[c][i] + seen) + half))


@njit(**KERNEL)
def _restore_8x2(clean, planes, y_at, stride, chroma_at):
    for k in range(8):
        planes[0][at(y_at + k)] = clean[0][at(y_at + k)]
        planes[0][at(y_at + stride + k)] = clean[0][at(y_at + stride + k)]
    for k in range(4):
        planes[1][at(chroma_at + k)] = clean[1][at(chroma_at + k)]
        planes[2][at(chroma_at + k)] = clean[2][at(chroma_at + k)]


def _kernel(sources: int):
    """draw_tiles. numba's cache looks at the text of this file only, and at what a kernel closes over: ``sources``."""

    @njit(**KERNEL)
    def draw_tiles(
        columns, width, height, splats, pairs, start, pieces, count, accumulator, curves, begun, touched,
        back, clean, planes, use_vectors,
    ):  # fmt: skip
        """One frame. Writes only where splats are, or were in the frame before.

        width is a multiple of 8, height of 2. pieces: uint64, STRIPS times the most splats of a tile, and count: int64
        [STRIPS]; accumulator: float32 [STRIP]; curves: float32 [BATCH * CURVE]; begun: BEGUN [BATCH]: memory to work
        in. touched: int32 [tiles, STRIPS, 2], first and end row of each strip in the frame before, then in this one.
        back: the background's Y, U and V, float32, flat, chroma halved; clean: the same in bytes; planes: the frame, in
        bytes, as the last call left it. use_vectors: True, or None to leave them out of what is compiled.
        """
        _ = sources
        for tile in range(touched.shape[0]):
            left, top, before = tile % columns * TILE, tile // columns * TILE, touched[tile]
            room, rows = start[tile + 1] - start[tile], min(TILE, height - top)
            cut_tile(f32(left), f32(top), splats, pairs[start[tile] : start[tile + 1]], pieces, count)
            for strip in range(min(STRIPS, (width - left) // 8)):
                x, now, end = left + strip * 8, i64(TILE), i64(0)
                if count[strip]:
                    queue = pieces[strip * room : strip * room + count[strip]]
                    now, end = _blend_strip(
                        splats, queue, f32(x), f32(top), rows, accumulator, curves, begun, use_vectors
                    )
                for row in range(min(before[strip, 0], now), max(before[strip, 1], end), 2):
                    y_at, chroma_at = (top + row) * width + x, (top + row) // 2 * (width // 2) + x // 2
                    if now <= row < end:
                        _store_8x2(accumulator, row * (PAIR // 2), back, planes, y_at, width, chroma_at)
                    else:
                        _restore_8x2(clean, planes, y_at, width, chroma_at)
                before[strip, 0], before[strip, 1] = now, end

    return draw_tiles


draw_tiles = _kernel(zlib.crc32(b"".join(Path(module.__file__).read_bytes() for module in (cut, plain, vectors))))
