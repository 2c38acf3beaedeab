"""Arithmetic on SIMD vectors that soft decoders need beyond `simd`: signed extrema, products, log-domain sums.

Everything works on `simd.Vector` values inside compiled functions. Functions that only make sense on float32 refuse
integer vectors when they are compiled. A product fuses with the sum that follows where the machine can.

The correction term of the log-domain sum, log(1 + exp(-|x|)), is the eighth power of a polynomial of degree 9 in
min(|x|, 14), a weighted least-squares fit on Chebyshev nodes: the power gives the exponential tail for three
multiplications. Its error stays below 2.1e-6, float32 rounding included.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, errors, types

from .simd import Vector, _binary, _bits, _broadcast, _call, _splat, _unary, intrinsic

# Polynomial in z = 2 min(|x|, limit) / limit - 1, lowest degree first; its eighth power is log(1 + exp(-|x|)).
_CORRECTION_LIMIT = 14.0
_CORRECTION = (
    0.41691938042640686, -0.36417341232299805, 0.1549323946237564, -0.06762181967496872, -0.007442212663590908,
    0.11131156235933304, 0.17858535051345825, -0.021901438012719154, -0.25896862149238586, -0.1288078874349594,
)  # fmt: skip
_LOWEST_EXPONENT = -125  # of two: the result stays a normal float32
_LOG2_E, _LN_2 = 1.4426950408889634, 0.6931471805599453
_ROUND_TO_INTEGER = 12582912.0  # 1.5 * 2**23: adding it leaves the rounded integer in the low mantissa bits
# 2**z on [-1/2, 1/2] and log(1 + z) / z on [sqrt(1/2) - 1, sqrt(2) - 1], both fitted like the correction.
_EXP2 = (1.0, 0.6931469440460205, 0.24022120237350464, 0.05550713092088699, 0.009675540961325169, 0.001327647129073739)
_LOG1P = (
    1.0, -0.4999997913837433, 0.3333415985107422, -0.25002947449684143, 0.19958417117595673,
    -0.16543738543987274, 0.1491737812757492, -0.14482185244560242, 0.0895991176366806,
)  # fmt: skip


def _floats_only(vector: Vector) -> None:
    if not vector.is_float:
        raise errors.TypingError("this function is defined on float32 vectors only")


def _polynomial(builder: ir.IRBuilder, x: ir.Value, coefficients: Sequence[float]) -> ir.Value:
    """Horner's rule, lowest degree first in ``coefficients``."""
    result = _splat(x.type, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = _call(builder, "fmuladd", result, x, _splat(x.type, coefficient))
    return result


def _larger(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b) if vector.is_float else _call(builder, "smax", a, b)


@_binary
def maximum(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """The larger of two signed values; ``b`` where either is NaN."""
    return _larger(builder, vector, a, b)


@_binary
def minimum(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """The smaller of two signed values; ``b`` where either is NaN."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b) if vector.is_float else _call(builder, "smin", a, b)


@_binary
def multiply(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """A * b of floats."""
    _floats_only(vector)
    return builder.fmul(a, b)


@_binary
def divide(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """A / b of floats."""
    _floats_only(vector)
    return builder.fdiv(a, b)


@intrinsic
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> tuple[Any, Callable[..., Any]]:
    """A * b + c of floats, fused where the machine can."""
    _floats_only(a)
    return a(a, b, c), lambda context, builder, signature, args: _call(builder, "fmuladd", *args)


@intrinsic
def where_less(typing_context: Any, a: Any, b: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """``x`` in the lanes where a < b, ``y`` in the others."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        less = builder.fcmp_ordered if a.is_float else builder.icmp_signed
        return builder.select(less("<", args[0], args[1]), args[2], args[3])

    return x(a, b, x, y), codegen


def _correction(builder: ir.IRBuilder, vector: Vector, x: ir.Value) -> ir.Value:
    distance, limit = _call(builder, "fabs", x), _splat(x.type, _CORRECTION_LIMIT)
    distance = builder.select(builder.fcmp_ordered("<", distance, limit), distance, limit)
    z = _call(builder, "fmuladd", distance, _splat(x.type, 2 / _CORRECTION_LIMIT), _splat(x.type, -1.0))
    root = _polynomial(builder, z, _CORRECTION)
    square = builder.fmul(root, root)
    fourth = builder.fmul(square, square)
    return builder.fmul(fourth, fourth)


@_unary
def log1p_exp(builder: ir.IRBuilder, vector: Vector, x: ir.Value) -> ir.Value:
    """log(1 + exp(-|x|)) of floats, to 2.1e-6: what the log-domain sum adds to the maximum."""
    _floats_only(vector)
    return _correction(builder, vector, x)


@intrinsic
def log_sum(typing_context: Any, a: Any, b: Any, exact: Any) -> tuple[Any, Callable[..., Any]]:
    """log(exp(a) + exp(b)) of floats where the bool ``exact``, else the larger; integers always take the larger."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        x, y, is_exact = args
        peak = _larger(builder, a, x, y)
        if not a.is_float:
            return peak
        before = builder.block
        with builder.if_then(is_exact):
            corrected = builder.fadd(peak, _correction(builder, a, builder.fsub(x, y)))
            inside = builder.block
        result = builder.phi(x.type)
        result.add_incoming(peak, before)
        result.add_incoming(corrected, inside)
        return result

    return a(a, b, types.boolean), codegen


@_unary
def exponential(builder: ir.IRBuilder, vector: Vector, x: ir.Value) -> ir.Value:
    """exp(x) of floats x <= 80, to one part in 1e6; never below 2^-125, so never a subnormal number."""
    _floats_only(vector)
    exponent = builder.fmul(x, _splat(x.type, _LOG2_E))
    exponent = _larger(builder, vector, exponent, _splat(x.type, float(_LOWEST_EXPONENT)))
    shifted = builder.fadd(exponent, _splat(x.type, _ROUND_TO_INTEGER))
    fraction = builder.fsub(exponent, builder.fsub(shifted, _splat(x.type, _ROUND_TO_INTEGER)))
    power = builder.shl(_bits(builder, vector, shifted), _splat(vector.ir_bits, 23))
    mantissa = _bits(builder, vector, _polynomial(builder, fraction, _EXP2))
    return builder.bitcast(builder.add(mantissa, power), vector.ir_type)


@_unary
def logarithm(builder: ir.IRBuilder, vector: Vector, x: ir.Value) -> ir.Value:
    """log(x) of positive normal floats, to 2e-7 of absolute plus 1e-7 of relative error."""
    _floats_only(vector)
    bits = _bits(builder, vector, x)
    # Take the mantissa from [sqrt(1/2), sqrt(2)): log1p then needs a short polynomial on both sides of zero.
    offset = builder.sub(bits, _splat(vector.ir_bits, 0x3F3504F3))
    exponent = builder.ashr(offset, _splat(vector.ir_bits, 23))
    mantissa = builder.sub(bits, builder.shl(exponent, _splat(vector.ir_bits, 23)))
    z = builder.fsub(builder.bitcast(mantissa, vector.ir_type), _splat(x.type, 1.0))
    fractional = builder.fmul(z, _polynomial(builder, z, _LOG1P))
    whole = builder.sitofp(exponent, vector.ir_type)
    return _call(builder, "fmuladd", whole, _splat(x.type, _LN_2), fractional)


@_binary
def sixteenths(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """A * b of floats; on integers a * b / 16, rounded to nearest and wrapped: |a * b| + 8 must fit the type."""
    if vector.is_float:
        return builder.fmul(a, b)
    rounded = builder.add(builder.mul(a, b), _splat(vector.ir_type, 8))
    return builder.ashr(rounded, _splat(vector.ir_type, 4))


@intrinsic
def scale_to(typing_context: Any, a: Any, target: Any) -> tuple[Any, Callable[..., Any]]:
    """The power of two that brings the positive normal floats ``a`` to between ``target`` and its double.

    ``target`` is a power of two, as float64.
    """
    _floats_only(a)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        exponent = builder.and_(_bits(builder, a, args[0]), _splat(a.ir_bits, 0x7F800000))
        wanted = builder.bitcast(builder.fptrunc(args[1], ir.FloatType()), ir.IntType(32))
        wanted = _broadcast(builder, a.ir_bits, builder.add(wanted, ir.IntType(32)(127 << 23)))
        return builder.bitcast(builder.sub(wanted, exponent), a.ir_type)

    return a(a, types.float64), codegen


@intrinsic
def where_equals(typing_context: Any, a: Any, b: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """``x`` in the lanes where the integers a == b, ``y`` in the others."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return builder.select(builder.icmp_signed("==", args[0], args[1]), args[2], args[3])

    return x(a, b, x, y), codegen


@_binary
def wrapping_add(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """A + b of integers that cannot overflow."""
    return builder.add(a, b)


@intrinsic
def counted(typing_context: Any, count: Any, a: Any, b: Any) -> tuple[Any, Callable[..., Any]]:
    """``count`` of integers, plus 1 in the lanes where a < b."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        less = builder.sext(builder.icmp_signed("<", args[1], args[2]), count.ir_type)
        return builder.sub(args[0], less)

    return count(count, a, b), codegen


@intrinsic
def bits_of(typing_context: Any, a: Any) -> tuple[Any, Callable[..., Any]]:
    """The bits of floats as int32; positive floats keep their order."""
    _floats_only(a)
    return Vector(types.int32)(a), lambda context, builder, signature, args: _bits(builder, a, *args)


@intrinsic
def toggled(typing_context: Any, word: Any, sign: Any, mask: Any) -> tuple[Any, Callable[..., Any]]:
    """``word`` of int32, with the bits of the int32 ``mask`` inverted where the float ``sign`` has its sign bit set."""
    _floats_only(sign)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        lanes = builder.ashr(_bits(builder, sign, args[1]), _splat(word.ir_type, 31))
        return builder.xor(args[0], builder.and_(lanes, _broadcast(builder, word.ir_type, args[2])))

    return word(word, sign, types.int32), codegen


def _half(builder: ir.IRBuilder, x: ir.Value, which: int) -> ir.Value:
    size, index = x.type.count // 2, ir.IntType(32)
    order = [index(which * size + i) for i in range(size)]
    return builder.shuffle_vector(x, ir.Constant(x.type, ir.Undefined), ir.Constant(ir.VectorType(index, size), order))


def _joined(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> ir.Value:
    size, index = 2 * low.type.count, ir.IntType(32)
    order = [index(i) for i in range(size)]
    return builder.shuffle_vector(low, high, ir.Constant(ir.VectorType(index, size), order))


def _shuffled(context: Any, builder: ir.IRBuilder, x: ir.Value, order: ir.Value) -> ir.Value:
    """Lane i of the result is lane ``order[i]`` of ``x``, 8 lanes of 32 bits."""
    eight = ir.VectorType(ir.IntType(32), 8)
    if "+avx2" in getattr(context.codegen(), "_tm_features", ""):
        kind = ir.FunctionType(eight, [eight, eight])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.permd")
        return builder.bitcast(builder.call(function, [builder.bitcast(x, eight), order]), x.type)
    result = ir.Constant(x.type, ir.Undefined)
    order = builder.and_(order, _splat(eight, 7))
    for lane in map(ir.IntType(32), range(8)):
        result = builder.insert_element(result, builder.extract_element(x, builder.extract_element(order, lane)), lane)
    return result


@intrinsic
def permuted(typing_context: Any, x: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Lane i of the result is lane ``index[i]`` of ``x``: 16 lanes of 32 bits, the lowest 4 bits of ``index`` count.

    AVX2 has an instruction for 8 lanes, which LLVM does not find by itself once it has moved code about.
    """
    if x.bits != 32:
        raise errors.TypingError("permuted is defined on vectors of 32 bit lanes")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        low, high = _half(builder, args[0], 0), _half(builder, args[0], 1)
        parts = []
        for which in range(2):
            order = _half(builder, args[1], which)
            upper = builder.and_(order, _splat(order.type, 8))
            from_high = builder.icmp_signed("!=", upper, _splat(order.type, 0))
            choices = _shuffled(context, builder, high, order), _shuffled(context, builder, low, order)
            parts.append(builder.select(from_high, *choices))
        return _joined(builder, *parts)

    return x(x, index), codegen
