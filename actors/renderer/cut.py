"""The splats of a tile, cut into pieces: the rows of one splat in one strip of 8 columns. A numba kernel."""

import math

import numpy as np
from numba import njit

f32, i32, u32, u64, at = np.float32, np.int32, np.uint32, np.uint64, np.uintp

TILE = 64  # pixels
STRIPS = 8  # of 8 columns
SPLAT_BIT, FIRST_BIT, PAIRS_MASK = 32, 8, 63  # a piece: its splat, its first row, and its row pairs, 1 to 32


@njit(fastmath={"nsz", "arcp", "contract", "reassoc", "afn"}, nogil=True, cache=True, error_model="numpy")
def cut_tile(left, top, splats, of_tile, pieces, count):
    """Fills pieces, a queue for each strip, nearest first, and count [STRIPS], how many are in each.

    of_tile: int32 [n], splats of the tile whose first pixel is at left, top. pieces: uint64 [STRIPS * n or more]; the
    queue of strip k begins at k * n. The rows are exact for the ellipse within the strip.
    """
    zero, half, rows, seven = f32(0), f32(0.5), f32(TILE), f32(7)
    piece, room = np.empty(STRIPS, np.uint32), of_tile.shape[0]
    top -= half
    count[:] = 0
    for k in range(room):
        i = at(of_tile[at(k)])
        s = splats[i]
        x, y, reach, tangent = s.x - left, s.y - top, s.half_width, s.tangent
        slope, rise2, per_x2 = s.slope, s.rise2, s.rise2_per_x2
        for strip in range(STRIPS):  # all of them, without a branch: one vector's worth
            across = f32(i32(strip) * i32(8)) + half - x
            low, high = max(across, -reach), min(across + seven, reach)
            up, down = min(max(tangent, low), high), min(max(-tangent, low), high)
            lower = slope * up + math.sqrt(max(rise2 - per_x2 * up * up, zero))
            upper = slope * down - math.sqrt(max(rise2 - per_x2 * down * down, zero))
            # Within 0..TILE, so that what is blended lies within the strip.
            first = i32(min(max(y + upper, zero), rows))
            end = i32(min(max(y + lower, zero), rows))
            touched = i32(end > first) & i32(low <= high)
            first &= i32(~1)
            piece[strip] = u32(((first << i32(FIRST_BIT)) | ((end - first + i32(1)) >> i32(1))) * touched)
        for strip in range(STRIPS):
            # No more than k are in a queue before this one: it cannot run into the next.
            pieces[at(strip * room + count[strip])] = (u64(i) << u64(SPLAT_BIT)) | u64(piece[strip])
            count[strip] += i32(piece[strip] != 0)
