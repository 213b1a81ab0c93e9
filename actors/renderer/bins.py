"""Which splats lie over which tile, nearest first: a radix sort by depth, then one counting scatter. A numba kernel."""

import numpy as np
from numba import njit

i32, u32, at = np.int32, np.uint32, np.uintp
DIGIT_BITS = 11
DIGITS = 1 << DIGIT_BITS


@njit(nogil=True, cache=True)
def bin_splats(n, keys, ranges, columns, rows, digits, swap_keys, swap, order, start, cursor, pairs):
    """Fills start [tiles + 1] and pairs: the splats of tile t are pairs[start[t]:start[t + 1]]. Returns their number.

    Where that is more than pairs can hold, pairs is left as it was. keys: 2 digits; digits: int32 [2, DIGITS].
    """
    digits[:] = 0
    start[:] = 0
    for i in range(n):
        key = keys[at(i)]
        digits[0, at(key & u32(DIGITS - 1))] += 1
        digits[1, at(key >> u32(DIGIT_BITS))] += 1
        left, right, top, bottom = _unpacked(ranges[at(i)])
        for row in range(top, bottom):
            for column in range(left, right):
                start[at(row * columns + column + 1)] += 1
    for t in range(columns * rows):
        start[t + 1] += start[t]
        cursor[t] = start[t]
    total = start[columns * rows]
    if total > pairs.shape[0]:
        return total
    for place in range(2):
        before = i32(0)
        for d in range(DIGITS):
            count = digits[place, d]
            digits[place, d] = before
            before += count
    for i in range(n):
        key = keys[at(i)]
        digit = at(key & u32(DIGITS - 1))
        j = at(digits[0, digit])
        digits[0, digit] += 1
        swap[j], swap_keys[j] = i, key
    for i in range(n):
        digit = at(swap_keys[at(i)] >> u32(DIGIT_BITS))
        j = at(digits[1, digit])
        digits[1, digit] += 1
        order[j] = swap[at(i)]
    for k in range(n):
        i = order[at(k)]
        left, right, top, bottom = _unpacked(ranges[at(i)])
        for row in range(top, bottom):
            for column in range(left, right):
                t = at(row * columns + column)
                pairs[at(cursor[t])] = i
                cursor[t] += 1
    return total


@njit(inline="always")
def _unpacked(r):
    """First and end column, first and end row of a packed range of tiles."""
    return i32(r & u32(255)), i32((r >> u32(8)) & u32(255)), i32((r >> u32(16)) & u32(255)), i32(r >> u32(24))
