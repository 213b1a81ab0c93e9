"""The loops of blending, as LLVM IR on vectors of 16 floats, which LLVM splits into what the processor has.

Left to LLVM's own vectoriser (plain.py) they take several times as long. A row pair is 64 floats: 16 of transmittance,
then of Y, U and V; lanes 0..7 are the upper row's 8 columns, 8..15 the lower one's.
"""

import functools
import logging
import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.extending import intrinsic

log = logging.getLogger(__name__)

LANES = 16
PAIR = 4 * LANES  # floats of a row pair
CURVE = 2 * LANES  # floats of a recurrence
ALPHA_MIN = 1 / 255  # less is not seen; gsplat
LOG2_ALPHA_MIN = math.log2(ALPHA_MIN)
UNDERFLOW = -100.0  # an exponent below this at either end of a piece would end the recurrence in 0
MOST_LOG2 = 120.0  # the recurrence begins within 2**-120 and 2**120

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
F32_BYTES = 4
VECTOR = ir.VectorType(F32, LANES)
EXP2 = (1.5403530e-4, 1.3333558e-3, 9.6181291e-3, 5.5504109e-2, 2.4022651e-1, 6.9314718e-1, 1.0)  # ln(2)**n / n!


class _Vectors:
    """Operations on vectors of floats, on one IR builder."""

    def __init__(self, builder: ir.IRBuilder):
        self.b = builder

    def constant(self, value: float) -> ir.Constant:
        return self.each([float(np.float32(value))] * LANES)

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

    def data(self, context, signature, args, n: int = 0):
        """Where the n-th argument, an array, begins."""
        return context.make_array(signature.args[n])(context, self.b, args[n]).data

    def terms(self, dx, dy, a, b, log2_opacity):
        """y of the first row pair's pixels, and the terms of their exponent: b x and a x^2 + log2_opacity."""
        x = self.b.fadd(self.spread(dx), self.each([float(lane % 8) for lane in range(LANES)]))
        y = self.b.fadd(self.spread(dy), self.each([float(lane // 8) for lane in range(LANES)]))
        across = self.muladd(self.b.fmul(x, x), self.spread(a), self.spread(log2_opacity))
        return y, self.b.fmul(x, self.spread(b)), across

    def exponent(self, y, mixed, across, c):
        return self.muladd(y, self.muladd(y, self.spread(c), mixed), across)

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

    def down(self, pairs, first, state, body):
        """state = body(pointer, state) for each of the row pairs, at least 1, from ``first`` on."""
        before, loop, end = self.b.block, *(self.b.append_basic_block(f"pairs.{name}") for name in ("loop", "end"))
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
        self.b.position_at_end(end)


@intrinsic
def begin(typing, curves, offset, dx, dy, last, a, b, c, log2_opacity):
    """Puts G and H of the recurrence at curves[offset]; true where it would underflow and is of no use.

    The exponent of alpha is a x^2 + b x y + c y^2 + log2_opacity. dx, dy: centre of the first pixel, less that of the
    splat. last: rows from the first row pair to the last.
    """
    signature = types.boolean(curves, types.int64, *[types.float32] * 7)

    def generate(context, builder, signature, args):
        o, (dx, dy, last, a, b, c, log2_opacity) = _Vectors(builder), args[2:]
        top, mixed, across = o.terms(dx, dy, a, b, log2_opacity)
        at_top, at_bottom = (o.exponent(y, mixed, across, c) for y in (top, builder.fadd(top, o.spread(last))))
        h = o.muladd(o.spread(c), o.muladd(top, o.constant(4), o.constant(4)), builder.fadd(mixed, mixed))
        place = builder.gep(o.data(context, signature, args), [args[1]])
        o.store(o.exp2(at_top, -MOST_LOG2), place, 0)
        o.store(o.exp2(h, -MOST_LOG2), place, LANES)
        deep = (builder.fcmp_ordered("<", q, o.constant(UNDERFLOW)) for q in (at_top, at_bottom))
        lanes = ir.IntType(LANES)
        return builder.icmp_unsigned("!=", builder.bitcast(builder.or_(*deep), lanes), lanes(0))

    return signature, generate


@intrinsic
def blend(typing, accumulator, offset, pairs, curves, begun, step, luma, u, v):
    """Blends a piece into row pairs, at least 1, from accumulator[offset]. step: 2**(2 c).

    Down a column alpha follows the recurrence G *= H, H *= K, which is exact for a Gaussian and costs two
    multiplications instead of an exponential.
    """
    signature = types.void(accumulator, types.int64, types.int64, curves, types.int64, *[types.float32] * 4)

    def generate(context, builder, signature, args):
        o, colours = _Vectors(builder), [_Vectors(builder).spread(colour) for colour in args[6:]]
        step2 = builder.fmul(args[5], args[5])
        k = o.spread(builder.fmul(step2, step2))  # two rows at a time: 2**(8 c)

        def by_recurrence(pair, state):
            g, h = state
            o.blend(pair, o.visible(g, g, ALPHA_MIN), colours)
            return builder.fmul(g, h), builder.fmul(h, k)

        begun = builder.gep(o.data(context, signature, args, 3), [args[4]])
        first = builder.gep(o.data(context, signature, args), [args[1]])
        o.down(args[2], first, (o.load(begun, 0), o.load(begun, LANES)), by_recurrence)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def blend_deep(typing, accumulator, offset, pairs, dx, dy, a, b, c, log2_opacity, luma, u, v):
    """The same with an exponential for each row pair."""
    signature = types.void(accumulator, types.int64, types.int64, *[types.float32] * 9)

    def generate(context, builder, signature, args):
        o, (dx, dy, a, b, c, log2_opacity) = _Vectors(builder), args[3:9]
        colours = [o.spread(colour) for colour in args[9:]]
        top, mixed, across = o.terms(dx, dy, a, b, log2_opacity)

        def by_exponential(pair, state):
            q = o.exponent(state[0], mixed, across, c)
            o.blend(pair, o.visible(o.exp2(q, -16), q, LOG2_ALPHA_MIN), colours)
            return (builder.fadd(state[0], o.constant(2)),)

        first = builder.gep(o.data(context, signature, args), [args[1]])
        o.down(args[2], first, (top,), by_exponential)
        return context.get_dummy_value()

    return signature, generate


@functools.cache
def usable() -> bool | None:
    """None where numba, LLVM or the processor refuse these loops, which is said once."""
    try:
        _try(np.ones(PAIR, np.float32), np.zeros(CURVE, np.float32), np.float32(1))
    except (NumbaError, RuntimeError, NotImplementedError) as error:  # llvmlite has no errors of its own
        log.warning("blending by plain loops, several times slower: no vector code, %s", str(error).strip())
        return None
    return True


@njit(cache=True)
def _try(accumulator, curves, x):
    begin(curves, 0, x, x, x, -x, x, -x, x)
    blend(accumulator, 0, 1, curves, 0, x, x, x, x)
    blend_deep(accumulator, 0, 1, x, x, -x, x, -x, x, x, x, x)
