"""Ops on the bits of numbers: logic, shifts, counts, signs, exponents, divisors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.op import BooleanOrInteger, Floating, Integer, Unsupported, define
from penstock.ir.ops.families import Elementwise, Predicate, broadcast_shapes
from penstock.ir.types import (
    DTYPES,
    Dtype,
    TensorType,
    Type,
    f16,
    f32,
    i32,
    i64,
    u8,
)

_NUMPY = "numpy.org/doc/stable/reference/generated/numpy.{}.html"
_INTEGER_STEP = Unsupported("the result is piecewise constant in integers")
# Bits of the fraction, and the bias of the exponent.
_FORMATS = {"f16": (10, 15), "bf16": (7, 127), "f32": (23, 127), "f64": (52, 1023)}

_absolute, _maximum, _minimum = map(scalar.primitive, ("abs", "maximum", "minimum"))
_left, _right = map(scalar.primitive, ("shift_left", "shift_right"))


def _constant(x: Scalar, number: float) -> Scalar:
    assert x.builder is not None
    return x.builder.constant(number, x.dtype)


def _signed(x: Scalar) -> Scalar:
    """The bits of a number as a signed integer."""
    return scalar.bitcast(x, DTYPES[f"i{x.dtype.bits}"])


def _least(dtype: Dtype) -> int:
    return -(1 << (dtype.bits - 1))


@define
class And(Elementwise):
    """Bitwise and; logical and of bools.

    x, y: bool or integer [...]  ->  the same [...].
    """

    name = "and"
    operands = (BooleanOrInteger("x"), BooleanOrInteger("y"))
    reference = np.bitwise_and
    source = _NUMPY.format("bitwise_and")
    flops = 0
    partials = _INTEGER_STEP
    lower = scalar.primitive("and")


@define
class Or(Elementwise):
    """Bitwise or; logical or of bools.

    x, y: bool or integer [...]  ->  the same [...].
    """

    name = "or"
    operands = (BooleanOrInteger("x"), BooleanOrInteger("y"))
    reference = np.bitwise_or
    source = _NUMPY.format("bitwise_or")
    flops = 0
    partials = _INTEGER_STEP
    lower = scalar.primitive("or")


@define
class Xor(Elementwise):
    """Bitwise exclusive or; logical of bools.

    x, y: bool or integer [...]  ->  the same [...].
    """

    name = "xor"
    operands = (BooleanOrInteger("x"), BooleanOrInteger("y"))
    reference = np.bitwise_xor
    source = _NUMPY.format("bitwise_xor")
    flops = 0
    partials = _INTEGER_STEP
    lower = scalar.primitive("xor")


@define
class Not(Elementwise):
    """Bitwise not; logical not of bools.

    x: bool or integer [...]  ->  the same [...].
    """

    name = "not"
    operands = (BooleanOrInteger("x"),)
    reference = np.invert
    source = _NUMPY.format("invert")
    flops = 0
    partials = _INTEGER_STEP
    lower = scalar.primitive("not")


@define
class ShiftLeft(Elementwise):
    """Bits moved to the left; 0 where the count is negative or too large.

    x, count: integer [...]  ->  integer [...].
    """

    name = "shift_left"
    operands = (Integer("x"), Integer("count"))
    reference = np.left_shift
    source = _NUMPY.format("left_shift")
    flops = 0
    partials = _INTEGER_STEP
    lower = scalar.primitive("shift_left")


@define
class ShiftRight(Elementwise):
    """Bits moved to the right, the sign kept; all sign where the count is too large.

    x, count: integer [...]  ->  integer [...].
    """

    name = "shift_right"
    operands = (Integer("x"), Integer("count"))
    reference = np.right_shift
    source = _NUMPY.format("right_shift")
    flops = 0
    partials = _INTEGER_STEP
    lower = scalar.primitive("shift_right")


@define
class BitCount(Elementwise):
    """The number of bits that are set in the absolute value.

    x: integer [...]  ->  u8 [...].
    """

    name = "bit_count"
    operands = (Integer("x"),)
    reference = np.bitwise_count
    result_dtype = u8
    source = _NUMPY.format("bitwise_count")
    flops = 0
    partials = _INTEGER_STEP

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        bits = scalar.bitcast(_absolute(x), DTYPES[f"u{x.dtype.bits}"])
        return scalar.convert(scalar.primitive("population_count")(bits), u8)


@define
class GreatestCommonDivisor(Elementwise):
    """The greatest common divisor of the absolute values; gcd(x, 0) is |x|.

    x, y: integer [...]  ->  integer [...].
    """

    name = "gcd"
    operands = (Integer("x"), Integer("y"))
    reference = np.gcd
    source = "Knuth, TAOCP 2, 4.5.2 B"
    flops = 64
    partials = _INTEGER_STEP

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        """The binary algorithm, in as many steps as any two numbers need."""
        builder = x.builder
        assert builder is not None
        unsigned = DTYPES[f"u{x.dtype.bits}"]
        a, b = (scalar.bitcast(_absolute(part), unsigned) for part in (x, y))
        start = [(a, None), (b, None), (_constant(a, 0), None)]
        steps = builder.constant(2 * x.dtype.bits, i64)
        with builder.loop("serial", steps, carries=start, hint="g") as loop:
            a, b, twos = loop.carried
            odd_a, odd_b = ((part & _constant(part, 1)).equals(1) for part in (a, b))
            both_odd = odd_a & odd_b
            less = _maximum(a, b) - _minimum(a, b)
            first = _right(scalar.select(both_odd, less, a), _constant(a, 1))
            kept = odd_a & ~both_odd
            next_a = scalar.select(kept, a, first)
            halved = scalar.select(odd_b, b, _right(b, _constant(b, 1)))
            next_b = scalar.select(both_odd, _minimum(a, b), halved)
            both_even = ~(odd_a | odd_b)
            loop.update(next_a, next_b, scalar.select(both_even, twos + 1, twos))
        a, b, twos = loop.results
        return scalar.bitcast(_left(a | b, twos), x.dtype)


@define
class LeastCommonMultiple(Elementwise):
    """The least common multiple of the absolute values; 0 where either is 0.

    x, y: integer [...]  ->  integer [...]; wraps around.
    """

    name = "lcm"
    operands = (Integer("x"), Integer("y"))
    reference = np.lcm
    source = _NUMPY.format("lcm")
    flops = 70
    partials = _INTEGER_STEP

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        x, y = _absolute(x), _absolute(y)
        divisor = GreatestCommonDivisor.lower(x, y)
        divisor = scalar.select(divisor.equals(0), _constant(x, 1), divisor)
        return x // divisor * y


@define
class SignBit(Predicate):
    """Whether the sign bit is set: of negative numbers, of -0 and of -nan.

    x: float [...]  ->  bool [...].
    """

    name = "signbit"
    operands = (Floating("x"),)
    reference = np.signbit
    source = "IEEE 754-2019, 5.7.2"
    flops = 0

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        return _signed(x) < 0


@define
class CopySign(Elementwise):
    """The magnitude of one number with the sign of another.

    x, y: float [...]  ->  float [...].
    d copysign(x, y) = dx where the signs agree, else -dx; |x| has the slope 1 at 0.
    """

    name = "copysign"
    operands = (Floating("x"), Floating("y"))
    reference = np.copysign
    source = "IEEE 754-2019, 5.5.1"
    flops = 0

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, None]:
        differs = x.apply("signbit").apply("xor", y.apply("signbit"))
        return differs.apply("select", z.constant(-1), z.constant(1)), None

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        sign = _constant(_signed(x), _least(x.dtype))
        bits = (_signed(x) & ~sign) | (_signed(y) & sign)
        return scalar.bitcast(bits, x.dtype)


@define
class NextAfter(Elementwise):
    """The number beside x in the direction of y.

    x, y: float [...]  ->  float [...]. Its slope is that of x.
    """

    name = "nextafter"
    operands = (Floating("x"), Floating("y"))
    reference = np.nextafter
    source = "IEEE 754-2019, 5.3.1"
    flops = 2

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, None]:
        return z.constant(1), None

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        bits = _signed(x)
        outwards = scalar.select(x < y, x > 0, x < 0)
        moved = scalar.select(outwards, bits + 1, bits - 1)
        sign = _constant(bits, _least(x.dtype))
        first = (_signed(y) & sign) | _constant(bits, 1)
        moved = scalar.select(x.equals(0), first, moved)
        # Of 0 and -0 C gives the second, and NumPy's loop of f16 the first.
        equal = x if x.dtype is f16 else y
        result = scalar.select(x.equals(y), equal, scalar.bitcast(moved, x.dtype))
        ordered = x.equals(x) & y.equals(y)
        return scalar.select(ordered, result, x + y)


@define
class Spacing(Elementwise):
    """The distance to the next number away from zero, with the number's sign.

    x: float [...]  ->  float [...]; nan of infinities. Of f16, that to the next above.
    """

    name = "spacing"
    operands = (Floating("x"),)
    source = _NUMPY.format("spacing")
    flops = 2

    @staticmethod
    def reference(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.spacing(x)

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[None]:
        return (None,)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        bits = _signed(x)
        step = _constant(bits, 1)
        if x.dtype.name == "f16":
            # NumPy's loop goes upwards instead.
            step = scalar.select(x < 0, _constant(bits, -1), step)
        following = bits + step
        if x.dtype.name != "bf16":
            # Of -0, too, the distance is positive.
            following = scalar.select(x.equals(0), step, following)
        away = scalar.bitcast(following, x.dtype)
        infinite = _absolute(x).equals(np.inf)
        distance = scalar.select(infinite, x - x, away - x)
        return scalar.select(x.equals(x), distance, x)


def _scaled(x: Scalar, power: Scalar) -> Scalar:
    """x times 2 to a power of any size, rounded once."""
    if x.dtype.bits == 16:
        return scalar.convert(_scaled(scalar.convert(x, f32), power), x.dtype)
    fraction, bias = _FORMATS[x.dtype.name]
    power = scalar.convert(power, i64)
    limit = _constant(power, 4 * bias + 8)
    power = _maximum(_minimum(power, limit), -limit)
    # What stays of each step is a normal number, or is lost in the end as well.
    up, down = bias, bias - 1 - fraction
    for _ in range(4):
        high, low = power > bias, power < 1 - bias
        factor = scalar.select(high, _constant(x, 2.0**up), _constant(x, 1.0))
        factor = scalar.select(low, _constant(x, 2.0**-down), factor)
        x = x * factor
        power = scalar.select(high, power - up, power)
        power = scalar.select(low, power + down, power)
    bits = scalar.convert(power + bias, DTYPES[f"i{x.dtype.bits}"])
    return x * scalar.bitcast(_left(bits, _constant(bits, fraction)), x.dtype)


@define
class ScaleByPower(Elementwise):
    """x times 2 to a power, rounded once.

    x: float [...]; power: integer [...]  ->  float [...].
    """

    name = "ldexp"
    operands = (Floating("x"), Integer("power"))
    source = "IEEE 754-2019, 5.3.3"
    flops = 4

    @staticmethod
    def reference(x: Any, power: Any) -> Any:
        # NumPy's loops take C's int or long.
        wide = np.asarray(power)
        if wide.dtype.itemsize > 2:
            wide = np.minimum(wide, 30000)
            wide = np.maximum(wide, -30000) if wide.dtype.kind == "i" else wide
        wide = wide.astype(np.int32)
        with np.errstate(all="ignore"):
            return np.asarray(np.ldexp(x, wide)).astype(x.dtype)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The broadcast shape, in the dtype of x."""
        checked = cls.check_operands(types)
        return TensorType(checked[0].dtype, broadcast_shapes(cls.name, checked))

    linear = (0,)

    @staticmethod
    def transpose(
        cotangent: Expression, operands: Sequence[Expression], position: int
    ) -> Expression:
        return cotangent.apply("ldexp", operands[1])

    @staticmethod
    def lower(x: Scalar, power: Scalar) -> Scalar:
        return _scaled(x, power)


def _exponent_and_fraction(x: Scalar) -> tuple[Scalar, Scalar]:
    """The exponent as C's frexp has it, and the fraction, of f32 or f64."""
    fraction, bias = _FORMATS[x.dtype.name]
    magnitude = _absolute(x)
    tiny = magnitude < 2.0 ** (1 - bias)
    normal = scalar.select(tiny, x * 2.0 ** (fraction + 1), x)
    bits = _signed(normal)
    width = _constant(bits, fraction)
    field = _constant(bits, 2 * bias + 1)
    exponent = (_right(bits, width) & field) - (bias - 1)
    exponent = scalar.select(tiny, exponent - (fraction + 1), exponent)
    kept = bits & ~_left(field, width)
    half = _left(_constant(bits, bias - 1), width)
    part = scalar.bitcast(kept | half, x.dtype)
    plain = (magnitude > 0) & (magnitude < np.inf)
    exponent = scalar.select(plain, exponent, _constant(exponent, 0))
    return exponent, scalar.select(plain, part, x)


def _wide(x: Scalar) -> Scalar:
    return scalar.convert(x, f32) if x.dtype.bits == 16 else x


@define
class Fraction(Elementwise):
    """The fraction of magnitude 1/2 to 1 that a power of 2 scales to x (``np.frexp``).

    x: float [...]  ->  float [...]; 0, infinities and nan stay as they are.
    """

    name = "fraction"
    operands = (Floating("x"),)
    source = _NUMPY.format("frexp")
    flops = 2

    @staticmethod
    def reference(x: Any) -> Any:
        return np.frexp(x)[0]

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        power = x.apply("exponent").apply("neg")
        return (y.constant(1).apply("ldexp", power),)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        return scalar.convert(_exponent_and_fraction(_wide(x))[1], x.dtype)


@define
class Exponent(Elementwise):
    """The power of 2 that scales the fraction to x (``np.frexp``).

    x: float [...]  ->  i32 [...]; 0 of 0, infinities and nan.
    """

    name = "exponent"
    operands = (Floating("x"),)
    result_dtype = i32
    source = _NUMPY.format("frexp")
    flops = 2

    @staticmethod
    def reference(x: Any) -> Any:
        exponent = np.frexp(x)[1]
        finite = np.isfinite(x.astype(np.float64))
        return np.where(finite, exponent, 0).astype(np.int32)

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[None]:
        return (None,)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        return scalar.convert(_exponent_and_fraction(_wide(x))[0], i32)


@define
class Round(Elementwise):
    """The nearest integer, halves to the even one, as a float.

    x: float [...]  ->  float [...].
    """

    name = "round"
    operands = (Floating("x"),)
    reference = np.rint
    source = "IEEE 754-2019, 5.9"
    flops = 1

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[None]:
        return (None,)

    lower = scalar.primitive("round")
