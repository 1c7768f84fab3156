"""Exponentials: exp, exp2, expm1, tanh, sinh, cosh, sigmoid."""

from __future__ import annotations

from typing import NamedTuple

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    EXPONENT_BIAS,
    FRACTION_BITS,
    INTEGER_OF,
    SHIFTERS,
    has_avx512,
    hexadecimal,
    horner,
    maximum_keeping_nan,
    minimum_keeping_nan,
    scale_by_power,
)
from penstock.backends.llvm.math_table import tanh_f32

_LOG2_E = 1.4426950408889634
_LN2 = 0.6931471805599453

# ln 2 in two parts, the first with so many trailing zeros that its product with any
# exponent is exact (W. J. Cody and W. Waite, Software Manual for the Elementary
# Functions, 1980, chapter 6; the f64 parts as in FreeBSD's msun/src/e_exp.c).
LN2_HIGH = {"f32": 0.693145751953125, "f64": 6.93147180369123816490e-01}
LN2_LOW = {"f32": 1.428606765330187045e-06, "f64": 1.90821492927058770002e-10}

# (exp(r) - 1 - r) / r**2 for |r| <= ln(2) / 2: tools/fit_math.py, EXP_*.
_EXP_TAIL = {
    "f32": (
        0.5, 0.1666654795408249, 0.04166630282998085, 0.008366100490093231,
        0.001394546707160771,
    ),
    "f64": hexadecimal(
        "0x1.0000000000003p-1 0x1.555555555555bp-3 0x1.5555555552a71p-5 "
        "0x1.111111110eb33p-7 0x1.6c16c17d45244p-10 0x1.a01a01b47b26ap-13 "
        "0x1.a019ab74c46efp-16 0x1.71ddecd5bbae8p-19 0x1.289e685bb9539p-22 "
        "0x1.af728af880c71p-26"
    ),
}  # fmt: skip

# ((2**r - 1) / r - ln(2)) / r for |r| <= 1/2: tools/fit_math.py, EXP2_*.
_EXP2_TAIL = {
    "f32": (
        0.24022650718688965, 0.055503711104393005, 0.009618043899536133,
        0.0013386179925873876, 0.00015466532204300165,
    ),
    "f64": hexadecimal(
        "0x1.ebfbdff82c58fp-3 0x1.c6b08d704a0c4p-5 0x1.3b2ab6fba4e7bp-7 "
        "0x1.5d87fe78a47e9p-10 0x1.430912f86a69cp-13 0x1.ffcbfc6b1e0cbp-17 "
        "0x1.62c02247f78bfp-20 0x1.b524f118142d7p-24 0x1.e4cefb0aa4561p-28 "
        "0x1.e9e43fadb299dp-32 0x1.c4c332bf5a074p-36"
    ),
}  # fmt: skip

# (tanh(x) - x) / x**3 as a polynomial in x**2 for |x| <= 0.262: TANH_*.
_TANH_SMALL = {
    "f32": (-0.3333321213722229, 0.13322442770004272, -0.05119328200817108),
    "f64": hexadecimal(
        "-0x1.55555555554a0p-2 0x1.11111110f0057p-3 -0x1.ba1ba178e857dp-5 "
        "0x1.664f29fbd7bc0p-6 -0x1.22668c8586e22p-7 0x1.d4b4bbe160ef1p-9 "
        "-0x1.563c6b12d1d19p-10"
    ),
}

# (sinh(x) - x) / x**3 as a polynomial in x**2 for |x| <= 1: SINH_*.
_SINH_SMALL = {
    "f32": (
        0.1666666716337204, 0.008333350531756878, 0.0001983606634894386,
        2.8174390536150895e-06,
    ),
    "f64": hexadecimal(
        "0x1.5555555555556p-3 0x1.11111111110a1p-7 0x1.a01a01a0291f7p-13 "
        "0x1.71de3a45f7661p-19 0x1.ae6467664ffa5p-26 0x1.611a3a38dc16dp-33 "
        "0x1.b4cf70bad045ep-41"
    ),
}  # fmt: skip

# Beyond these, exp is 0 or infinite.
_EXP_RANGE = {"f32": (-104.0, 89.0), "f64": (-746.0, 710.0)}
_EXP2_RANGE = {"f32": (-151.0, 129.0), "f64": (-1076.0, 1025.0)}
# Beyond these, sinh and cosh are infinite; exp / 4 is not yet.
_SINH_LIMIT = {"f32": 89.6, "f64": 710.7}
# Below these, expm1 is -1; from these on, tanh is 1.
_EXPM1_LEAST = {"f32": -20.0, "f64": -40.0}
_TANH_ONE = {"f32": 10.0, "f64": 20.0}


class _Reduced(NamedTuple):
    """x = power * ln(2) + rest; the lowest bits of ``shifted`` hold the power."""

    power: Operand
    shifted: Operand
    rest: Operand


def exp(e: Emitter, x: Operand) -> Operand:
    """e**x.

    x = n ln 2 + r with n whole (Cody and Waite); exp(r) = 1 + r + r**2 q(r), q a
    minimax polynomial; the result is scaled by 2**n.
    """
    low, high = _EXP_RANGE[x.element]
    x = maximum_keeping_nan(e, low, minimum_keeping_nan(e, high, x))
    power, shifted, rest = reduce_exponent(e, x)
    value = e.add(expm1_of_rest(e, rest), 1.0)
    return scale_by_power(e, value, power, shifted)


def exp2(e: Emitter, x: Operand) -> Operand:
    """2**x.

    x = n + r with n whole; 2**r is a polynomial; the result is scaled by 2**n.
    """
    low, high = _EXP2_RANGE[x.element]
    x = maximum_keeping_nan(e, low, minimum_keeping_nan(e, high, x))
    shifted = e.add(x, SHIFTERS[x.element])
    power = e.sub(shifted, SHIFTERS[x.element])
    value = exp2_of_fraction(e, e.sub(x, power))
    return scale_by_power(e, value, power, shifted)


def exp2_of_fraction(e: Emitter, x: Operand) -> Operand:
    """2**x for |x| <= 1/2: 1 + x (ln 2 + x q(x)), q a minimax polynomial."""
    slope = e.multiply_add(horner(e, x, _EXP2_TAIL[x.element]), x, _LN2)
    return e.multiply_add(slope, x, 1.0)


def expm1(e: Emitter, x: Operand) -> Operand:
    """e**x - 1.

    With x = n ln 2 + r as in ``exp``: 2**n (exp(r) - 1) + (2**n - 1), of which the last
    term is exact wherever it matters.
    """
    element = x.element
    argument = minimum_keeping_nan(e, _EXP_RANGE[element][1], x)
    argument = maximum_keeping_nan(e, _EXPM1_LEAST[element], argument)
    # Half of 2**n, because 2**n itself overflows before the result does.
    _, half, rest = reduce_exponent(e, argument, exponent_offset=-1)
    small = expm1_of_rest(e, rest)
    value = e.multiply_add(half, small, e.sub(half, 0.5))
    value = e.add(value, value)
    # Keeps denormals, of which half may be none, and the sign of zero.
    return e.select(e.lt(e.abs(x), 2.0 ** -FRACTION_BITS[element] / 4), x, value)


def tanh(e: Emitter, x: Operand) -> Operand:
    """Hyperbolic tangent.

    Where it is 1/4 or more, m / (m + 2) with m = expm1(2 |x|), which is DLMF 4.28.4
    with both terms multiplied by exp(x). Below, where that loses two bits,
    x + x**3 p(x**2) with p a minimax polynomial. With AVX-512, f32 has a table.
    """
    element = x.element
    if element == "f32" and has_avx512(e):
        return tanh_f32(e, x)
    magnitude = e.abs(x)
    limited = minimum_keeping_nan(e, _TANH_ONE[element], magnitude)
    doubled = e.add(limited, limited)
    _, power, rest = reduce_exponent(e, doubled, exponent_offset=0)
    minus_one = e.multiply_add(power, expm1_of_rest(e, rest), e.sub(power, 1.0))
    large = e.div(minus_one, e.add(minus_one, 2.0))
    square = e.mul(magnitude, magnitude)
    cubic = e.mul(horner(e, square, _TANH_SMALL[element]), square)
    small = e.multiply_add(cubic, magnitude, magnitude)
    # The least magnitude at which the quotient reaches 1/4.
    return e.copysign(e.select(e.lt(magnitude, 0.2554), small, large), x)


def sinh(e: Emitter, x: Operand) -> Operand:
    """Hyperbolic sine.

    Where |x| >= 1, (exp(|x|) - exp(-|x|)) / 2, DLMF 4.28.1; below, where that cancels,
    x + x**3 p(x**2) with p a minimax polynomial.
    """
    magnitude = e.abs(x)
    quarter = _quarter_exp(e, magnitude)
    reciprocal = e.div(e.like(0.125, x), quarter)
    large = e.sub(e.add(quarter, quarter), reciprocal)
    square = e.mul(magnitude, magnitude)
    cubic = e.mul(horner(e, square, _SINH_SMALL[x.element]), square)
    small = e.multiply_add(cubic, magnitude, magnitude)
    return e.copysign(e.select(e.lt(magnitude, 1.0), small, large), x)


def cosh(e: Emitter, x: Operand) -> Operand:
    """Hyperbolic cosine: (exp(|x|) + exp(-|x|)) / 2, DLMF 4.28.2."""
    quarter = _quarter_exp(e, e.abs(x))
    reciprocal = e.div(e.like(0.125, x), quarter)
    return e.add(e.add(quarter, quarter), reciprocal)


def _quarter_exp(e: Emitter, x: Operand) -> Operand:
    """exp(x) / 4 for x >= 0: it overflows later than sinh and cosh do."""
    limited = minimum_keeping_nan(e, _SINH_LIMIT[x.element], x)
    _, power, rest = reduce_exponent(e, limited, exponent_offset=-2)
    return e.multiply_add(power, expm1_of_rest(e, rest), power)


def reduce_exponent(
    e: Emitter, x: Operand, exponent_offset: int | None = None
) -> _Reduced:
    """Split x into a multiple of ln 2 and a rest.

    With ``exponent_offset``, what is returned as ``shifted`` is 2**(n + offset) itself:
    the bias of exponents is added along with the shifter, so that the lowest bits are
    the exponent's bits, and one shift takes them to their place.
    """
    element = x.element
    shifter = SHIFTERS[element]
    if exponent_offset is not None:
        shifter += EXPONENT_BIAS[element] + exponent_offset
    shifted = e.multiply_add(x, _LOG2_E, e.like(shifter, x))
    power = e.sub(shifted, shifter)
    rest = e.multiply_add(power, -LN2_HIGH[element], x)
    rest = e.multiply_add(power, -LN2_LOW[element], rest)
    if exponent_offset is not None:
        integer = e.bitcast(shifted, INTEGER_OF[element])
        shifted = e.bitcast(e.shift_left(integer, FRACTION_BITS[element]), element)
    return _Reduced(power, shifted, rest)


def expm1_of_rest(e: Emitter, rest: Operand) -> Operand:
    """exp(r) - 1 for |r| <= ln(2) / 2."""
    tail = horner(e, rest, _EXP_TAIL[rest.element])
    return e.multiply_add(e.mul(rest, rest), tail, rest)
