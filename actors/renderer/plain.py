"""The loops of blending in plain numba, for where vectors.py cannot be compiled: the same functions."""

import math

import numpy as np
from numba import njit

from actors.renderer.vectors import ALPHA_MIN, LANES, LOG2_ALPHA_MIN, MOST_LOG2, PAIR, UNDERFLOW

f32, at = np.float32, np.uintp
LEAST, LEAST_LOG2, DEEP, MOST = f32(ALPHA_MIN), f32(LOG2_ALPHA_MIN), f32(UNDERFLOW), f32(MOST_LOG2)
LN2 = f32(math.log(2))
KERNEL = dict(nogil=True, cache=True, error_model="numpy")


@njit(**KERNEL)
def begin(curves, offset, dx, dy, last, a, b, c, log2_opacity):
    least = f32(0)
    for lane in range(LANES):
        x, y = dx + f32(lane % 8), dy + f32(lane // 8)
        bottom = y + last
        at_top, at_bottom = x * (a * x + b * y) + c * y * y, x * (a * x + b * bottom) + c * bottom * bottom
        least = min(least, min(at_top, at_bottom) + log2_opacity)
        g = min(max(at_top + log2_opacity, -MOST), MOST)
        h = min(max(c * (f32(4) * y + f32(4)) + f32(2) * b * x, -MOST), MOST)
        curves[at(offset + lane)], curves[at(offset + LANES + lane)] = f32(math.exp(g * LN2)), f32(math.exp(h * LN2))
    return least < DEEP


@njit(fastmath={"contract"}, **KERNEL)
def blend(accumulator, offset, pairs, curves, begun, step, luma, u, v):
    k = step * step * step * step
    for first in range(offset, offset + pairs * PAIR, PAIR):
        for lane in range(LANES):
            t, g, h = at(first + lane), at(begun + lane), at(begun + LANES + lane)
            alpha = curves[g] if curves[g] >= LEAST else f32(0)
            curves[g], curves[h] = curves[g] * curves[h], curves[h] * k
            weight = alpha * accumulator[t]
            accumulator[t] -= weight
            accumulator[t + at(LANES)] += weight * luma
            accumulator[t + at(2 * LANES)] += weight * u
            accumulator[t + at(3 * LANES)] += weight * v


@njit(**KERNEL)
def blend_deep(accumulator, offset, pairs, dx, dy, a, b, c, log2_opacity, luma, u, v):
    for pair in range(pairs):
        for lane in range(LANES):
            x, y, t = dx + f32(lane % 8), dy + f32(2 * pair + lane // 8), at(offset + pair * PAIR + lane)
            exponent = x * (a * x + b * y) + c * y * y + log2_opacity
            weight = accumulator[t] * f32(math.exp(exponent * LN2) if exponent >= LEAST_LOG2 else f32(0))
            accumulator[t] -= weight
            accumulator[t + at(LANES)] += weight * luma
            accumulator[t + at(2 * LANES)] += weight * u
            accumulator[t + at(3 * LANES)] += weight * v
