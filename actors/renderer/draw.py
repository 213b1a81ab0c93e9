"""The back half of a frame, as numba kernels: splats blended front to back into tiles, and tiles into YUV420.

A tile is 64 x 64 pixels in 8 strips of 8 columns. Its accumulator holds each strip as a line of row pairs of 64 floats:
16 of transmittance, then of Y, U and V (lanes 0..7 the upper row, 8..15 the lower one), so that walking down a strip
reads memory in order. A batch of splats is first cut into pieces (splat, strip, rows), then the pieces are blended.

The loop down a piece is emitted as LLVM IR on vectors of 16 floats, which LLVM splits into what the processor has: left
to LLVM's own vectoriser it takes three times as long. It is here because numba's cache looks at a kernel's file only.
"""

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

f32, i32, i64, u8, at = np.float32, np.int32, np.int64, np.uint8, np.uintp

TILE = 64  # pixels
STRIPS = 8  # of 8 columns
PAIR = 64  # floats of a row pair
STRIP = TILE // 2 * PAIR  # floats of a strip
ACCUMULATOR = TILE * TILE * 4  # floats
BATCH = 64  # splats cut before they are blended
PIECES = BATCH * STRIPS  # the most that a batch can be cut into
ALPHA_MIN = 1 / 255  # less is not seen; gsplat
LOG2_ALPHA_MIN = math.log2(ALPHA_MIN)
OPAQUE = f32(ALPHA_MIN)  # transmittance behind which nothing is seen
KERNEL = dict(nogil=True, cache=True, error_model="numpy")

LANES = 16
F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
F32_BYTES = 4
VECTOR = ir.VectorType(F32, LANES)
EXP2 = (1.5403530e-4, 1.3333558e-3, 9.6181291e-3, 5.5504109e-2, 2.4022651e-1, 6.9314718e-1, 1.0)  # ln(2)**n / n!
UNDERFLOW = -100.0  # an exponent below this at either end of a piece would end the recurrence in 0


class _Vectors:
    """Operations on vectors of floats, on one IR builder."""

    def __init__(self, builder: ir.IRBuilder):
        self.b = builder

    def constant(self, value: float) -> ir.Constant:
        return self.each([float(f32(value))] * LANES)

    def each(self, values, of: ir.Type = F32) -> ir.Constant:
        return ir.Constant(ir.VectorType(of, LANES), [ir.Constant(of, value) for value in values])

    def spread(self, scalar):
        empty = ir.Constant(VECTOR, ir.Undefined)
        return self.b.shuffle_vector(self.b.insert_element(empty, scalar, I32(0)), empty, self.each([0] * LANES, I32))

    def call(self, name: str, *vectors):
        function = ir.FunctionType(VECTOR, [VECTOR] * len(vectors))
        return self.b.call(cgutils.get_or_insert_function(self.b.module, function, f"llvm.{name}.v{LANES}f32"), vectors)

    def muladd(self, x, y, z):
        """x * y + z, fused where the processor can; llvm.fma would call a function per lane where it cannot."""
        return self.call("fmuladd", x, y, z)

    def load(self, pointer, index: int):
        vector = self.b.load(self.place(pointer, index))
        vector.align = F32_BYTES
        return vector

    def store(self, vector, pointer, index: int):
        self.b.store(vector, self.place(pointer, index)).align = F32_BYTES

    def place(self, pointer, index: int):
        return self.b.bitcast(self.b.gep(pointer, [I64(index)]), VECTOR.as_pointer())

    def exp2(self, x, least: float):
        """2**x with x clamped to least..-least; by rint and a series, to 1e-6."""
        x = self.b.select(self.b.fcmp_ordered(">", x, self.constant(least)), x, self.constant(least))
        x = self.b.select(self.b.fcmp_ordered("<", x, self.constant(-least)), x, self.constant(-least))
        whole = self.call("rint", x)
        part, power = self.b.fsub(x, whole), self.constant(EXP2[0])
        for factor in EXP2[1:]:
            power = self.muladd(part, power, self.constant(factor))
        integers = ir.VectorType(I32, LANES)
        exponent = self.b.shl(self.b.fptosi(whole, integers), self.each([23] * LANES, I32))
        return self.b.bitcast(self.b.add(self.b.bitcast(power, integers), exponent), x.type)

    def visible(self, alpha, measure, least: float):
        return self.b.select(self.b.fcmp_ordered(">=", measure, self.constant(least)), alpha, self.constant(0))

    def blend(self, pair, alpha, colours):
        """weight = alpha * T; T -= weight; each channel += weight * colour."""
        transmittance = self.load(pair, 0)
        weight = self.b.fmul(alpha, transmittance)
        self.store(self.b.fsub(transmittance, weight), pair, 0)
        for k, colour in enumerate(colours, start=1):
            self.store(self.muladd(weight, colour, self.load(pair, k * LANES)), pair, k * LANES)

    def down(self, name: str, pairs, first, state, body, end):
        """state = body(pointer, state) for each of the row pairs from ``first`` on, then on to the block ``end``."""
        before, loop = self.b.block, self.b.function.append_basic_block(name)
        self.b.branch(loop)
        self.b.position_at_end(loop)
        phis = [self.b.phi(I64), *(self.b.phi(value.type) for value in state)]
        for phi, value in zip(phis, [I64(0), *state], strict=True):
            phi.add_incoming(value, before)
        following = self.b.add(phis[0], I64(1))
        pointer = self.b.gep(first, [self.b.mul(phis[0], I64(PAIR))])
        for phi, value in zip(phis, [following, *body(pointer, phis[1:])], strict=True):
            phi.add_incoming(value, loop)
        self.b.cbranch(self.b.icmp_signed("<", following, pairs), loop, end)


@intrinsic
def _blend_piece(typing, accumulator, offset, pairs, dx, dy, a, b, c, log2_opacity, step, luma, u, v):
    """Blends 2**(a dx^2 + b dx dy + c dy^2 + log2_opacity) into row pairs, at least 1, from accumulator[offset].

    dx, dy: centre of the first pixel, less that of the splat. step: 2**(2 c). Down a column alpha follows the
    recurrence G *= H, H *= K, which is exact for a Gaussian and costs two multiplications instead of an exponential.
    """
    signature = types.void(accumulator, types.int64, types.int64, *[types.float32] * 10)

    def generate(context, builder, signature, args):
        o, end = _Vectors(builder), builder.function.append_basic_block("piece.end")
        exact, fast = (builder.function.append_basic_block(f"piece.{name}") for name in ("exact", "fast"))
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        pairs, (dx, dy, a, b, c, log2_opacity, step) = args[2], args[3:10]
        colours = [o.spread(colour) for colour in args[10:]]
        pair = builder.gep(data, [args[1]])
        x = builder.fadd(o.spread(dx), o.each([float(lane % 8) for lane in range(LANES)]))
        across = o.muladd(builder.fmul(x, x), o.spread(a), o.spread(log2_opacity))
        mixed, down = builder.fmul(x, o.spread(b)), o.spread(c)

        def exponent(y):
            return o.muladd(y, o.muladd(y, down, mixed), across)

        top = builder.fadd(o.spread(dy), o.each([float(lane // 8) for lane in range(LANES)]))
        rows = builder.sitofp(builder.shl(builder.sub(pairs, I64(1)), I64(1)), F32)
        at_top, at_bottom = exponent(top), exponent(builder.fadd(top, o.spread(rows)))
        deep = builder.or_(
            builder.fcmp_ordered("<", at_top, o.constant(UNDERFLOW)),
            builder.fcmp_ordered("<", at_bottom, o.constant(UNDERFLOW)),
        )
        any_deep = builder.icmp_unsigned("!=", builder.bitcast(deep, ir.IntType(LANES)), ir.IntType(LANES)(0))
        builder.cbranch(any_deep, exact, fast)

        builder.position_at_end(fast)
        step2 = builder.fmul(step, step)
        k = o.spread(builder.fmul(step2, step2))  # two rows at a time: 2**(8 c)
        h = o.muladd(down, o.muladd(top, o.constant(4), o.constant(4)), builder.fadd(mixed, mixed))

        def by_recurrence(pointer, state):
            g, h = state
            o.blend(pointer, o.visible(g, g, ALPHA_MIN), colours)
            return builder.fmul(g, h), builder.fmul(h, k)

        state = o.exp2(at_top, -120), o.exp2(h, -120)
        o.down("piece.recurrence", pairs, pair, state, by_recurrence, end)

        builder.position_at_end(exact)

        def by_exponential(pointer, state):
            (y,) = state
            q = exponent(y)
            o.blend(pointer, o.visible(o.exp2(q, -16), q, LOG2_ALPHA_MIN), colours)
            return (builder.fadd(y, o.constant(2)),)

        o.down("piece.exponential", pairs, pair, (top,), by_exponential, end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return signature, generate


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


@njit(fastmath={"nsz", "arcp", "contract", "reassoc", "afn"}, **KERNEL)
def _cut(splats, pairs, begin, end, left, top, pieces):
    """Pieces (splat, strip, first row, row pairs); the rows are exact for the ellipse within the strip."""
    n = 0
    zero, half, strip_px, rows = f32(0), f32(0.5), f32(8), f32(TILE)
    for k in range(begin, end):
        i = at(pairs[at(k)])
        s = splats[i]
        x, y, reach = s.x - left, s.y - top + half, s.half_width
        tangent, slope, rise2, per_x2 = s.tangent, s.slope, s.rise2, s.rise2_per_x2
        # Both ends within 0..7: so a splat makes at most STRIPS pieces and pieces cannot overflow.
        strip = i32(min(max((x - reach + half) * f32(0.125), zero), f32(STRIPS - 1)))
        last = i32(min((x + reach - half) * f32(0.125), f32(STRIPS - 1)))
        across = f32(strip) * strip_px + half - x
        while True:
            low, high = max(across, -reach), min(across + f32(7), reach)
            up, down = min(max(tangent, low), high), min(max(-tangent, low), high)
            lower = slope * up + math.sqrt(max(rise2 - per_x2 * up * up, zero))
            upper = slope * down - math.sqrt(max(rise2 - per_x2 * down * down, zero))
            first = i32(min(max(y + upper, zero), rows))
            end_row = i32(min(max(y + lower, zero), rows))
            touched = i32(end_row > first)
            first &= i32(~1)
            piece = pieces[at(n)]
            piece[0], piece[1], piece[2], piece[3] = i32(i), strip, first, (end_row - first + i32(1)) >> i32(1)
            n += touched
            across += strip_px
            strip += i32(1)
            if strip > last:
                break
    return n


@njit(**KERNEL)
def _is_opaque(accumulator):
    for pair in range(ACCUMULATOR // PAIR):
        seen_through = 0
        for k in range(LANES):
            seen_through += i32(accumulator[at(pair * PAIR + k)] > OPAQUE)
        if seen_through:
            return False
    return True


@njit(**KERNEL)
def _blend_tile(splats, pairs, begin, end, left, top, accumulator, pieces, touched):
    """Blends pairs[begin:end] into the accumulator; touched [STRIPS, 2]: first and end row of each strip."""
    for pair in range(ACCUMULATOR // PAIR):
        first = at(pair * PAIR)
        for k in range(LANES):
            accumulator[first + at(k)] = f32(1)
        for k in range(LANES, PAIR):
            accumulator[first + at(k)] = f32(0)
    while begin < end:
        batch_end = min(begin + BATCH, end)
        for j in range(_cut(splats, pairs, begin, batch_end, left, top, pieces)):
            piece = pieces[at(j)]
            s, strip, row, row_pairs = splats[at(piece[0])], at(piece[1]), piece[2], piece[3]
            touched[strip, 0] = min(touched[strip, 0], row)
            touched[strip, 1] = max(touched[strip, 1], row + row_pairs + row_pairs)
            _blend_piece(
                accumulator, i64(piece[1] * STRIP + row * (PAIR // 2)), i64(row_pairs),
                f32(piece[1]) * f32(8) + f32(0.5) - (s.x - left), f32(row) + f32(0.5) - (s.y - top),
                s.a, s.b, s.c, s.log2_opacity, s.step, s.luma, s.u, s.v,
            )  # fmt: skip
        begin = batch_end
        if _is_opaque(accumulator):
            break


@njit(**KERNEL)
def _restore_8x2(clean, planes, y_at, stride, chroma_at):
    for k in range(8):
        planes[0][at(y_at + k)] = clean[0][at(y_at + k)]
        planes[0][at(y_at + stride + k)] = clean[0][at(y_at + stride + k)]
    for k in range(4):
        planes[1][at(chroma_at + k)] = clean[1][at(chroma_at + k)]
        planes[2][at(chroma_at + k)] = clean[2][at(chroma_at + k)]


@njit(**KERNEL)
def draw_tiles(columns, width, height, splats, pairs, start, accumulator, touched, back, clean, planes):
    """One frame. Writes only where splats are, or were in the frame before.

    width is a multiple of 8, height of 2. touched: int32 [tiles, STRIPS, 2], first and end row of each strip in the
    frame before, then in this one. back: the background's Y, U and V, float32, flat, chroma halved; clean: the same in
    bytes; planes: the frame, in bytes, as the last call left it.
    """
    pieces = np.empty((PIECES, 4), i32)
    now = np.empty((STRIPS, 2), i32)
    for tile in range(touched.shape[0]):
        left, top, before = tile % columns * TILE, tile // columns * TILE, touched[tile]
        now[:, 0], now[:, 1] = TILE, 0
        if start[tile] < start[tile + 1]:
            _blend_tile(splats, pairs, start[tile], start[tile + 1], f32(left), f32(top), accumulator, pieces, now)
        for strip in range(min(STRIPS, (width - left) // 8)):
            first, end = min(before[strip, 0], now[strip, 0]), max(before[strip, 1], now[strip, 1])
            for row in range(first, min(end, height - top), 2):
                y_at = (top + row) * width + left + strip * 8
                chroma_at = (top + row) // 2 * (width // 2) + (left + strip * 8) // 2
                if now[strip, 0] <= row < now[strip, 1]:
                    pair = strip * STRIP + row * (PAIR // 2)
                    _store_8x2(accumulator, pair, back, planes, y_at, width, chroma_at)
                else:
                    _restore_8x2(clean, planes, y_at, width, chroma_at)
            before[strip, 0], before[strip, 1] = now[strip, 0], now[strip, 1]
