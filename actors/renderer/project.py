"""The front half of a frame, as numba kernels: blendshapes, rigid parts, culling, and projection of Gaussians (EWA).

Projection: M. Zwicker et al., "EWA splatting", 2002, with the constants of 3D Gaussian splatting and gsplat.
Head and camera space are planar, [3, n], so that loops over splats become vector code. Records are structured arrays:
their layout is part of a kernel's signature, so that compiled code on disk cannot meet another layout.
"""

import math

import numpy as np
from numba import njit

f32, i32, u32, at = np.float32, np.int32, np.uint32, np.uintp  # an unsigned index needs no test for a negative one


def _record(names: str) -> np.dtype:
    return np.dtype([(name, "f4") for name in names.split()], align=True)


GAUSSIAN = _record("xx xy xz yy yz zz log2_opacity reach y u v follow")
SPLAT = _record(
    "x y a b c log2_opacity luma u v half_width half_height tangent slope rise2 rise2_per_x2 step"
)  # 64 bytes

FACING = f32(0.1)  # a splat is seen while the cosine between its normal and the way to it is below this
NEAR_M, FAR_M = f32(0.05), f32(100.0)
BLUR = f32(0.3)  # px^2 added to every covariance: no splat is thinner than a pixel
LEAST_DET = f32(0.01)  # px^4: without rounding it is at least BLUR^2
LOG2E = f32(1.4426950408889634)
FOUR_LN2_HALF = f32(1.3862943611198906)
LAST_KEY = f32((1 << 22) - 1)  # depth in two radix digits of 11 bits
LEAST_WEIGHT = f32(1e-3)

KERNEL = dict(nogil=True, cache=True, error_model="numpy")
FINITE = {"nsz", "arcp", "contract", "reassoc", "afn"}  # leaves comparisons with NaN and infinity as they are


@njit(fastmath=True, **KERNEL)
def deform(rest, start, index, delta, weights, out):
    """out [3, n] = rest + sum of weight * delta over the active shapes."""
    for c in range(3):
        for i in range(rest.shape[1]):
            out[c, i] = rest[c, i]
    for j in range(weights.shape[0]):
        w = weights[j]
        if abs(w) < LEAST_WEIGHT:
            continue
        for k in range(start[j], start[j + 1]):
            e = at(k)
            i = at(index[e])
            out[0, i] += w * delta[e, 0]
            out[1, i] += w * delta[e, 1]
            out[2, i] += w * delta[e, 2]


@njit(**KERNEL)
def turn(chosen, m, position, rest_normal, normal, rest, gaussians):
    """Moves the chosen splats by the map m [3, 4]: position in place, normal and covariance from rest."""
    for k in range(chosen.shape[0]):
        i = at(chosen[k])
        x, y, z = position[0, i], position[1, i], position[2, i]
        nx, ny, nz = rest_normal[0, i], rest_normal[1, i], rest_normal[2, i]
        for c in range(3):
            position[c, i] = m[c, 0] * x + m[c, 1] * y + m[c, 2] * z + m[c, 3]
            normal[c, i] = m[c, 0] * nx + m[c, 1] * ny + m[c, 2] * nz
        g, out = rest[i], gaussians[i]
        a0, a1, a2 = _spread(g, m[0, 0], m[0, 1], m[0, 2])
        b0, b1, b2 = _spread(g, m[1, 0], m[1, 1], m[1, 2])
        c0, c1, c2 = _spread(g, m[2, 0], m[2, 1], m[2, 2])
        out.xx = m[0, 0] * a0 + m[0, 1] * a1 + m[0, 2] * a2
        out.xy = m[1, 0] * a0 + m[1, 1] * a1 + m[1, 2] * a2
        out.xz = m[2, 0] * a0 + m[2, 1] * a1 + m[2, 2] * a2
        out.yy = m[1, 0] * b0 + m[1, 1] * b1 + m[1, 2] * b2
        out.yz = m[2, 0] * b0 + m[2, 1] * b1 + m[2, 2] * b2
        out.zz = m[2, 0] * c0 + m[2, 1] * c1 + m[2, 2] * c2


@njit(inline="always")
def _spread(g, x, y, z):
    """Covariance times a vector."""
    return g.xx * x + g.xy * y + g.xz * z, g.xy * x + g.yy * y + g.yz * z, g.xz * x + g.yz * y + g.zz * z


@njit(inline="always")
def _elements(m):
    return m[0, 0], m[0, 1], m[0, 2], m[1, 0], m[1, 1], m[1, 2], m[2, 0], m[2, 1], m[2, 2], m[0, 3], m[1, 3], m[2, 3]


@njit(fastmath=True, **KERNEL)
def cull(position, normal, follow, still, turned, in_camera, hidden, visible):
    """Camera space of all splats, and which of them face it: their number, and the nearest and farthest z.

    visible: int32 [n], filled without a branch. Three loops, and planes with names, because LLVM turns the first and
    the last into vector code so, and only so.
    """
    s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 = _elements(still)
    t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11 = _elements(turned)
    px, py, pz = position[0], position[1], position[2]
    nx, ny, nz = normal[0], normal[1], normal[2]
    cx, cy, cz = in_camera[0], in_camera[1], in_camera[2]
    for i in range(position.shape[1]):
        f = follow[i]
        k = f32(1) - f
        x, y, z = px[i], py[i], pz[i]
        xc = k * (s0 * x + s1 * y + s2 * z + s9) + f * (t0 * x + t1 * y + t2 * z + t9)
        yc = k * (s3 * x + s4 * y + s5 * z + s10) + f * (t3 * x + t4 * y + t5 * z + t10)
        zc = k * (s6 * x + s7 * y + s8 * z + s11) + f * (t6 * x + t7 * y + t8 * z + t11)
        cx[i], cy[i], cz[i] = xc, yc, zc
        x, y, z = nx[i], ny[i], nz[i]
        along = xc * (k * (s0 * x + s1 * y + s2 * z) + f * (t0 * x + t1 * y + t2 * z))
        along += yc * (k * (s3 * x + s4 * y + s5 * z) + f * (t3 * x + t4 * y + t5 * z))
        along += zc * (k * (s6 * x + s7 * y + s8 * z) + f * (t6 * x + t7 * y + t8 * z))
        away = along >= FACING * math.sqrt(xc * xc + yc * yc + zc * zc)
        hidden[i] = away | (zc < NEAR_M) | (zc > FAR_M)
    n = 0
    for i in range(position.shape[1]):
        visible[at(n)] = i  # n <= i
        n += 1 - i32(hidden[i])
    nearest, farthest = FAR_M, NEAR_M
    for i in range(position.shape[1]):
        z = cz[i]  # read in any case: without a branch
        nearest = min(nearest, FAR_M if hidden[i] else z)
        farthest = max(farthest, NEAR_M if hidden[i] else z)
    return n, nearest, farthest


@njit(fastmath=FINITE, **KERNEL)
def project(
    n, visible, in_camera, gaussians, still, turned, focal, width, height, tile, nearest, farthest, splats, ranges, keys
):
    """Records of the visible splats in the picture, with packed ranges of tiles and keys of depth; their number.

    A splat whose projection is not finite, or reaches farther than the picture is large, is left out.
    """
    focal = f32(focal)
    tile_columns, tile_rows = f32((width + tile - 1) // tile), f32((height + tile - 1) // tile)
    s0, s1, s2, s3, s4, s5, s6, s7, s8, _, _, _ = _elements(still)
    t0, t1, t2, t3, t4, t5, t6, t7, t8, _, _, _ = _elements(turned)
    right, bottom, most = f32(width), f32(height), f32(max(width, height))
    middle_x, middle_y, per_tile = right * f32(0.5), bottom * f32(0.5), f32(1) / f32(tile)
    per_metre = LAST_KEY / max(farthest - nearest, f32(1e-6))
    zero, one, half = f32(0), f32(1), f32(0.5)
    kept = 0
    for j in range(n):
        i = at(visible[at(j)])
        g = gaussians[i]
        f = g.follow
        k = one - f
        xc, yc, zc = in_camera[0, i], in_camera[1, i], in_camera[2, i]
        per_z = one / zc
        fz, xz, yz = focal * per_z, xc * per_z, yc * per_z
        z0, z1, z2 = k * s6 + f * t6, k * s7 + f * t7, k * s8 + f * t8
        ax, bx = fz * (k * s0 + f * t0 - xz * z0), fz * (k * s3 + f * t3 - yz * z0)
        ay, by = fz * (k * s1 + f * t1 - xz * z1), fz * (k * s4 + f * t4 - yz * z1)
        az, bz = fz * (k * s2 + f * t2 - xz * z2), fz * (k * s5 + f * t5 - yz * z2)
        ux, uy, uz = _spread(g, ax, ay, az)
        vx, vy, vz = _spread(g, bx, by, bz)
        sxx = ax * ux + ay * uy + az * uz + BLUR
        sxy = bx * ux + by * uy + bz * uz
        syy = bx * vx + by * vy + bz * vz + BLUR
        det = sxx * syy - sxy * sxy
        per_det, per_xx, reach = one / det, one / sxx, g.reach
        x, y = fz * xc + middle_x, fz * yc + middle_y
        half_width, half_height = math.sqrt(reach * sxx), math.sqrt(reach * syy)
        c = -half * LOG2E * sxx * per_det
        s = splats[at(kept)]
        s.x, s.y = x, y
        s.a, s.b, s.c = -half * LOG2E * syy * per_det, LOG2E * sxy * per_det, c
        s.log2_opacity, s.luma, s.u, s.v = g.log2_opacity, g.y, g.u, g.v
        s.half_width, s.half_height = half_width, half_height
        s.tangent, s.slope = sxy * half_height / syy, sxy * per_xx
        s.rise2, s.rise2_per_x2 = reach * det * per_xx, det * per_xx * per_xx
        s.step = math.exp(FOUR_LN2_HALF * c)
        in_width = (x + half_width > zero) & (x - half_width < right) & (half_width < most)
        in_height = (y + half_height > zero) & (y - half_height < bottom) & (half_height < most)
        first_column = i32(min(max((x - half_width) * per_tile, zero), tile_columns))
        end_column = i32(min(max((x + half_width) * per_tile + one, zero), tile_columns))
        first_row = i32(min(max((y - half_height) * per_tile, zero), tile_rows))
        end_row = i32(min(max((y + half_height) * per_tile + one, zero), tile_rows))
        ranges[at(kept)] = u32(first_column | (end_column << i32(8)) | (first_row << i32(16)) | (end_row << i32(24)))
        keys[at(kept)] = u32(min(max((zc - nearest) * per_metre, zero), LAST_KEY))
        kept += i32(in_width & in_height & (det > LEAST_DET))
    return kept
