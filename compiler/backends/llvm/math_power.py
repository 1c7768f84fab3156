"""Powers."""

from __future__ import annotations

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    SHIFTERS,
    avx512,
    exponent_and_mantissa,
    has_avx512,
    hexadecimal,
    horner,
    maximum_keeping_nan,
    minimum_keeping_nan,
    scale_by_power,
    with_logarithm_edges,
)
from penstock.backends.llvm.math_exponential import exp2_of_fraction
from penstock.backends.llvm.math_table import short_log2

# log2(1 + f) / f for -1/4 <= f <= 1/2, to 2**-40, and 2**r for |r| <= 1/2, to 2**-29:
# tools/fit_math.py, POW_*. They serve f32, in f64 arithmetic.
_LOG2_SHORT = hexadecimal(
    "0x1.71547652b784cp+0 -0x1.71547652bbdd2p-1 0x1.ec709dcd1a737p-2 "
    "-0x1.715476542c8e2p-2 0x1.2776bf9191623p-2 -0x1.ec708c5fd3ff7p-3 "
    "0x1.a619b09e9bcfep-3 -0x1.715af558d6e85p-3 0x1.48175f3b7a550p-3 "
    "-0x1.269891854f643p-3 0x1.0df3ee358f162p-3 -0x1.022192bbd46dbp-3 "
    "0x1.df78715eb2859p-4 -0x1.500e8fe16a79ep-4 0x1.d11c0af53f069p-6"
)
_EXP2_SHORT = hexadecimal(
    "0x1.ffffffff4fd36p-1 0x1.62e430d089ed8p-1 0x1.ebfbe10e714f9p-3 "
    "0x1.c6aecbfe3d28ap-5 0x1.3b2995ba33f32p-7 0x1.5f48f1bd410eap-10 "
    "0x1.44992241010e4p-13"
)

# (atanh(s) / s - 1 - t / 3) / t**2 with t = s**2, for |s| <= 1/5: POW_ATANH.
_ATANH_TAIL = hexadecimal(
    "0x1.9999999999999p-3 0x1.2492492492a16p-3 0x1.c71c71c5b8b52p-4 "
    "0x1.745d1856c112fp-4 0x1.3b134a8a869acp-4 0x1.1125fd67b7579p-4 "
    "0x1.dd2f99ea794c9p-5 0x1.f46575178d126p-5"
)
_THIRD_LOW = float.fromhex("0x1.5555555555555p-56")
_TWO_OVER_LN2 = float.fromhex("0x1.71547652b82fep+1")
_TWO_OVER_LN2_LOW = float.fromhex("0x1.777d0ffda0d24p-55")

# Beyond these, powers of two are 0 or infinite.
_LIMIT = {"f32": 160.0, "f64": 1100.0}

Pair = tuple[Operand, Operand]


def power(e: Emitter, x: Operand, y: Operand) -> Operand:
    """x**y, with the special values of C99 7.12.7.4 and F.9.4.4.

    2**(y log2 |x|). In f32, log2 and the product are computed in f64. In f64 they are
    sums of two floats: log2(1 + f) = 2/ln(2) atanh(f / (2 + f)), DLMF 4.37.24, whose
    first two terms are kept to twice the precision (K. C. Ng, FreeBSD's
    msun/src/e_pow.c, does the same with other polynomials).
    """
    magnitude = e.abs(x)
    value = (
        _power_f32(e, magnitude, y)
        if x.element == "f32"
        else _power_f64(e, magnitude, y)
    )
    return _with_special_values(e, x, y, magnitude, value)


def _with_special_values(
    e: Emitter, x: Operand, y: Operand, magnitude: Operand, value: Operand
) -> Operand:
    infinity = float("inf")
    whole = e.eq(e.trunc(y), y)
    half = e.mul(y, 0.5)
    odd = e.bit_and(whole, e.ne(e.trunc(half), half))
    # (-1)**inf is 1, as is 1**inf: the logarithm 0 times infinity gave nan.
    finite = e.lt(e.abs(y), infinity)
    endless = e.bit_and(e.eq(magnitude, 1.0), e.eq(e.abs(y), infinity))
    value = e.select(endless, 1.0, value)
    value = e.select(odd, e.copysign(value, x), value)
    negative = e.bit_and(e.lt(x, 0.0), e.gt(x, -infinity))
    undefined = e.bit_and(negative, e.bit_and(finite, e.bit_xor(whole, True)))
    value = e.select(undefined, float("nan"), value)
    one = e.bit_or(e.eq(x, 1.0), e.eq(y, 0.0))
    return e.select(one, 1.0, value)


def _power_f32(e: Emitter, x: Operand, y: Operand) -> Operand:
    product = e.mul(_short_log2(e, x), e.convert(y, "f64"))
    limit = _LIMIT["f32"]
    product = maximum_keeping_nan(e, -limit, minimum_keeping_nan(e, limit, product))
    shifted = e.add(product, SHIFTERS["f64"])
    power = e.sub(shifted, SHIFTERS["f64"])
    value = horner(e, e.sub(product, power), _EXP2_SHORT)
    if has_avx512(e):
        return e.convert(avx512(e, "scalef", value, power), "f32")
    # A normal f64 all the way to the least f32, so that it is rounded once.
    bits = e.shift_left(e.bitcast(shifted, "i64"), 52)
    scaled = e.bitcast(e.add(e.bitcast(value, "i64"), bits), "f64")
    return e.convert(e.select(e.is_nan(product), product, scaled), "f32")


def _short_log2(e: Emitter, x: Operand) -> Operand:
    if has_avx512(e):
        return short_log2(e, e.convert(x, "f64"))
    exponent, mantissa = exponent_and_mantissa(e, x)
    f = e.convert(e.sub(mantissa, 1.0), "f64")
    exponent = e.convert(with_logarithm_edges(e, x, exponent), "f64")
    return e.multiply_add(horner(e, f, _LOG2_SHORT), f, exponent)


def _power_f64(e: Emitter, x: Operand, y: Operand) -> Operand:
    exponent, mantissa = exponent_and_mantissa(e, x)
    high, low = _log2_of_mantissa(e, mantissa)
    exponent = with_logarithm_edges(e, x, exponent)
    total, lost = e.fast_two_sum(exponent, high)
    low = e.add(low, lost)
    # Edges are infinite, and have no low part.
    special = e.bit_xor(e.lt(e.abs(exponent), float("inf")), True)
    low = e.select(special, 0.0, low)
    product = e.mul(total, y)
    error = e.two_product(total, y)[1]
    rest = e.multiply_add(low, y, error)
    limit = _LIMIT["f64"]
    limited = maximum_keeping_nan(e, -limit, minimum_keeping_nan(e, limit, product))
    shifted = e.add(limited, SHIFTERS["f64"])
    power = e.sub(shifted, SHIFTERS["f64"])
    fraction = e.sub(limited, power)
    fraction = e.select(e.eq(limited, product), e.add(fraction, rest), fraction)
    return scale_by_power(e, exp2_of_fraction(e, fraction), power, shifted)


def _log2_of_mantissa(e: Emitter, mantissa: Operand) -> Pair:
    """log2 of 3/4 <= m < 3/2 as a sum of two floats, to about 2**-66."""
    f = e.sub(mantissa, 1.0)
    divisor, divisor_low = e.two_sum(mantissa, 1.0)
    reciprocal = e.div(e.like(1.0, f), divisor)
    s = e.mul(f, reciprocal)
    product, error = e.two_product(s, divisor)
    left = e.sub(e.sub(e.sub(f, product), error), e.mul(s, divisor_low))
    s_low = e.mul(left, reciprocal)
    # The square of s.
    t, t_low = e.two_product(s, s)
    t_low = e.multiply_add(e.add(s, s), s_low, t_low)
    # A third plus t times the polynomial.
    tail = e.mul(t, horner(e, t, _ATANH_TAIL))
    series, series_low = e.fast_two_sum(e.like(1.0 / 3.0, t), tail)
    series_low = e.add(series_low, _THIRD_LOW)
    # That times t, and times s, is what is added to s.
    v, v_low = e.two_product(t, series)
    v_low = e.multiply_add(t, series_low, e.multiply_add(t_low, series, v_low))
    cube, cube_low = e.two_product(s, v)
    cube_low = e.multiply_add(s, v_low, e.multiply_add(s_low, v, cube_low))
    high, low = e.fast_two_sum(s, cube)
    low = e.add(low, e.add(s_low, cube_low))
    # To base 2.
    result, result_low = e.two_product(high, _TWO_OVER_LN2)
    result_low = e.multiply_add(high, _TWO_OVER_LN2_LOW, result_low)
    result_low = e.multiply_add(low, _TWO_OVER_LN2, result_low)
    return e.fast_two_sum(result, result_low)
