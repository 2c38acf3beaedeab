"""SIMD vectors as numba values: a row of a two-dimensional array is one LLVM vector, one frame per lane.

A row is one cache line of `ROW_BYTES`: 16 float32, 32 int16 or 64 int8. `load` makes an LLVM vector of
it, and each function below becomes one or a few AVX, SSE or NEON instructions, whatever the machine has.
All of them work on float32, int16 and int8 alike, so that one kernel source serves the three. On integers
`add` and `sub` saturate (LLVM's ``sadd.sat`` and ``ssub.sat``; plain numba would promote int8 to int64),
and magnitudes are unsigned: that of -128 is 128. "Negative" always means that the sign bit is set, so
float negative zero is negative.

They are called from functions compiled by numba, never from Python.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.extending import models, register_model

intrinsic: Any = extending.intrinsic
"""Untyped: what it decorates is called without the compiler's own argument."""

ROW_BYTES = 64
_ALIGNMENT = 64


class Vector(types.Type):
    """numba type of one row of scalars, held in one LLVM vector."""

    def __init__(self, element: Any) -> None:
        self.element = element
        self.bits = int(element.bitwidth)
        self.lanes = ROW_BYTES * 8 // self.bits
        self.is_float = isinstance(element, types.Float)
        self.ir_scalar = ir.FloatType() if self.is_float else ir.IntType(self.bits)
        self.ir_type = ir.VectorType(self.ir_scalar, self.lanes)
        self.ir_bits = ir.VectorType(ir.IntType(self.bits), self.lanes)
        super().__init__(name=f"Vector({element})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.ir_type)


def _splat(vector: ir.VectorType, value: float) -> ir.Constant:
    return ir.Constant(vector, [ir.Constant(vector.element, value)] * vector.count)


def _broadcast(builder: ir.IRBuilder, vector: ir.VectorType, value: ir.Value) -> ir.Value:
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, nothing, _splat(ir.VectorType(ir.IntType(32), vector.count), 0))


def _call(builder: ir.IRBuilder, name: str, *args: ir.Value) -> ir.Value:
    """Call the LLVM intrinsic ``name`` of the vector type of its first argument."""
    vector = args[0].type
    scalar = f"i{vector.element.width}" if isinstance(vector.element, ir.IntType) else "f32"
    kind = ir.FunctionType(vector, [arg.type for arg in args])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{vector.count}{scalar}")
    return builder.call(function, args)


def _row_pointer(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, row: ir.Value) -> ir.Value:
    view = context.make_array(array_type)(context, builder, array)
    if context.enable_boundscheck:
        cgutils.do_boundscheck(context, builder, row, builder.extract_value(view.shape, 0), 0)
    rows = builder.bitcast(view.data, Vector(array_type.dtype).ir_type.as_pointer())
    return builder.gep(rows, [row])


@intrinsic
def load(typing_context: Any, array: Any, row: Any) -> tuple[Any, Callable[..., Any]]:
    """Vector of ``array[row]``; rows must be `ROW_BYTES` long, contiguous and aligned to it."""
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        pointer = _row_pointer(context, builder, array, *args)
        return builder.load(pointer, align=_ALIGNMENT)

    return vector(array, types.intp), codegen


@intrinsic
def store(typing_context: Any, array: Any, row: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Write the vector ``value`` to ``array[row]``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        pointer = _row_pointer(context, builder, array, args[0], args[1])
        builder.store(args[2], pointer, align=_ALIGNMENT)
        return context.get_dummy_value()

    return types.none(array, types.intp, value), codegen


@intrinsic
def fill(typing_context: Any, array: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Vector of the scalar ``value`` in every lane, of the element type of ``array``."""
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return _broadcast(builder, vector.ir_type, args[1])

    return vector(array, array.dtype), codegen


@intrinsic
def parity_sign(typing_context: Any, array: Any, count: Any) -> tuple[Any, Callable[..., Any]]:
    """Vector of the element type of ``array`` with only the sign bits set if ``count`` is odd, else zero."""
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        scalar = ir.IntType(vector.bits)
        sign = builder.shl(builder.trunc(args[1], scalar), scalar(vector.bits - 1))
        return builder.bitcast(_broadcast(builder, vector.ir_bits, sign), vector.ir_type)

    return vector(array, types.int64), codegen


def _named(typing: Callable[..., Any], emit: Callable[..., ir.Value]) -> Any:
    """Register ``typing`` as an intrinsic under the name and docstring of ``emit``."""
    typing.__name__, typing.__doc__ = emit.__name__, emit.__doc__
    return intrinsic(typing)


def _unary(emit: Callable[..., ir.Value]) -> Any:
    """Make an intrinsic from ``emit(builder, vector_type, a)``, whose result has the type of ``a``."""

    def typing(typing_context: Any, a: Any) -> tuple[Any, Callable[..., Any]]:
        return a(a), lambda context, builder, signature, args: emit(builder, a, *args)

    return _named(typing, emit)


def _binary(emit: Callable[..., ir.Value]) -> Any:
    """Make an intrinsic from ``emit(builder, vector_type, a, b)`` of two vectors of one type."""

    def typing(typing_context: Any, a: Any, b: Any) -> tuple[Any, Callable[..., Any]]:
        return a(a, b), lambda context, builder, signature, args: emit(builder, a, *args)

    return _named(typing, emit)


def _bits(builder: ir.IRBuilder, vector: Vector, a: ir.Value) -> ir.Value:
    """Read the vector as integers of the same width."""
    return builder.bitcast(a, vector.ir_bits)


@_binary
def add(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """Sum; integers saturate."""
    return builder.fadd(a, b) if vector.is_float else _call(builder, "sadd.sat", a, b)


@_binary
def sub(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """Difference a - b; integers saturate."""
    return builder.fsub(a, b) if vector.is_float else _call(builder, "ssub.sat", a, b)


@_unary
def magnitude(builder: ir.IRBuilder, vector: Vector, a: ir.Value) -> ir.Value:
    """|a|, unsigned on integers."""
    return _call(builder, "fabs", a) if vector.is_float else _call(builder, "abs", a, ir.IntType(1)(0))


@_binary
def lesser(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """The smaller of two magnitudes."""
    if vector.is_float:
        return builder.select(builder.fcmp_ordered("<", a, b), a, b)
    return _call(builder, "umin", a, b)


@_binary
def greater(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """The larger of two magnitudes."""
    if vector.is_float:
        return builder.select(builder.fcmp_ordered(">", a, b), a, b)
    return _call(builder, "umax", a, b)


@_binary
def reduced(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """max(a - b, 0) of two magnitudes."""
    if vector.is_float:
        difference, zero = builder.fsub(a, b), _splat(vector.ir_type, 0.0)
        return builder.select(builder.fcmp_ordered(">", difference, zero), difference, zero)
    return _call(builder, "usub.sat", a, b)


@intrinsic
def scaled(typing_context: Any, a: Any, factor: Any) -> tuple[Any, Callable[..., Any]]:
    """The magnitude ``a`` times a scalar up to 1.

    On integers the scalar is a uint16 that counts 1/256, products are rounded to nearest, halves down, and
    magnitudes must not exceed the largest signed value.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        if a.is_float:
            return builder.fmul(args[0], _broadcast(builder, a.ir_type, args[1]))
        words = ir.VectorType(ir.IntType(16), ROW_BYTES // 2)
        pairs, many = builder.bitcast(args[0], words), _broadcast(builder, words, args[1])
        eight, lower = _splat(words, 8), _splat(words, 0xFF)
        # Each byte of a 16 bit word is multiplied on its own: the products fit, no lane has to be widened.
        high = builder.mul(builder.lshr(pairs, eight), many)
        low = builder.add(builder.mul(builder.and_(pairs, lower), many), _splat(words, 0x7F))
        low = builder.lshr(low, eight)
        if a.bits == 16:
            return builder.add(high, low)
        high = builder.and_(builder.add(high, _splat(words, 0x7F)), _splat(words, 0xFF00))
        return builder.bitcast(builder.or_(high, low), a.ir_type)

    return a(a, types.float32 if a.is_float else types.uint16), codegen


@_binary
def flipped(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """Exclusive or of the bits; its sign bit is the product of the signs."""
    return builder.bitcast(builder.xor(_bits(builder, vector, a), _bits(builder, vector, b)), vector.ir_type)


@_binary
def with_sign(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """The magnitude ``a`` under the sign bit of ``b``."""
    bits = _bits(builder, vector, b)
    if vector.is_float:
        sign = builder.and_(bits, _splat(vector.ir_bits, 1 << (vector.bits - 1)))
        return builder.bitcast(builder.or_(_bits(builder, vector, a), sign), vector.ir_type)
    mask = builder.ashr(bits, _splat(vector.ir_bits, vector.bits - 1))
    return builder.sub(builder.xor(a, mask), mask)


@intrinsic
def constant(typing_context: Any, like: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Vector of the type of the vector ``like`` with the scalar ``value`` in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return _broadcast(builder, like.ir_type, args[1])

    return like(like, like.element), codegen


@intrinsic
def where_equal(typing_context: Any, a: Any, b: Any, x: Any, y: Any) -> tuple[Any, Callable[..., Any]]:
    """``x`` in the lanes where a == b, ``y`` in the others."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        equal = builder.fcmp_ordered if a.is_float else builder.icmp_signed
        return builder.select(equal("==", args[0], args[1]), args[2], args[3])

    return a(a, b, x, y), codegen


def _interleave(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, first: int) -> ir.Value:
    lanes = a.type.count
    order = [first + i // 2 + (i % 2) * lanes for i in range(lanes)]
    index = ir.IntType(32)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(index, lanes), [index(i) for i in order]))


@_binary
def lower_zip(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """a0, b0, a1, b1, … of the lower halves."""
    return _interleave(builder, a, b, 0)


@_binary
def upper_zip(builder: ir.IRBuilder, vector: Vector, a: ir.Value, b: ir.Value) -> ir.Value:
    """a0, b0, a1, b1, … of the upper halves."""
    return _interleave(builder, a, b, vector.lanes // 2)


@intrinsic
def load_quantised(
    typing_context: Any, matrix: Any, row: Any, column: Any, like: Any, step: Any, bound: Any
) -> tuple[Any, Callable[..., Any]]:
    """Vector of the element type of ``like`` from one float32 per lane at ``matrix[row, column:]``.

    Values are multiplied by ``step``, clipped to ±``bound`` and, on integers, rounded. NaN becomes a bound.
    """
    vector = Vector(like.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        floats = ir.VectorType(ir.FloatType(), vector.lanes)
        x = builder.fmul(_load_floats(context, builder, matrix, args[:3], floats), _broadcast(builder, floats, args[4]))
        high = _broadcast(builder, floats, args[5])
        low = builder.fneg(high)
        x = builder.select(builder.fcmp_ordered("<", x, high), x, high)
        x = builder.select(builder.fcmp_ordered(">", x, low), x, low)
        if vector.is_float:
            return x
        return builder.fptosi(_call(builder, "rint", x), vector.ir_type)

    return vector(matrix, types.intp, types.intp, like, types.float32, types.float32), codegen


@intrinsic
def any_nan(typing_context: Any, matrix: Any, row: Any, column: Any, like: Any) -> tuple[Any, Callable[..., Any]]:
    """Whether a value that `load_quantised` reads is NaN."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        floats = ir.VectorType(ir.FloatType(), Vector(like.dtype).lanes)
        x = _load_floats(context, builder, matrix, args[:3], floats)
        mask = ir.IntType(floats.count)
        return builder.icmp_unsigned("!=", builder.bitcast(builder.fcmp_unordered("uno", x, x), mask), mask(0))

    return types.boolean(matrix, types.intp, types.intp, like), codegen


def _load_floats(context: Any, builder: ir.IRBuilder, matrix_type: Any, args: Any, floats: ir.VectorType) -> ir.Value:
    view = context.make_array(matrix_type)(context, builder, args[0])
    pointer = cgutils.get_item_pointer(
        context, builder, matrix_type, view, args[1:], boundscheck=context.enable_boundscheck
    )
    return builder.load(builder.bitcast(pointer, floats.as_pointer()), align=4)


@intrinsic
def negative_lanes(typing_context: Any, a: Any) -> tuple[Any, Callable[..., Any]]:
    """Lane mask, uint64: bit i is the sign bit of lane i."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        negative = builder.icmp_signed("<", _bits(builder, a, args[0]), _splat(a.ir_bits, 0))
        mask = builder.bitcast(negative, ir.IntType(a.lanes))
        return mask if a.lanes == 64 else builder.zext(mask, ir.IntType(64))

    return types.uint64(a), codegen
