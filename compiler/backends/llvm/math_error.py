"""The error function and its complement."""

from __future__ import annotations

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    SHIFTERS,
    has_avx512,
    hexadecimal,
    horner,
    minimum_keeping_nan,
    power_of_two,
    scale_by_power,
)
from penstock.backends.llvm.math_exponential import (
    exp2_of_fraction,
    expm1_of_rest,
    reduce_exponent,
)
from penstock.backends.llvm.math_table import erf_f32

# erf(x) / x - 1 as a polynomial in x**2 up to the limits: tools/fit_math.py, ERF_*.
_SMALL = {
    "f32": (
        0.12837916612625122, -0.37612634897232056, 0.11283694207668304,
        -0.02685927040874958, 0.005200634244829416, -0.0008137435652315617,
        8.345222158823162e-05,
    ),
    "f64": hexadecimal(
        "0x1.06eba8214db68p-3 -0x1.812746b0379c2p-2 0x1.ce2f21a041014p-4 "
        "-0x1.b82ce3120620bp-6 0x1.565bccfa9966bp-8 -0x1.c02db072d2f09p-11 "
        "0x1.f9a2bf719251ap-14 -0x1.f4ca947dd384ap-17 0x1.b9827a57f5266p-20 "
        "-0x1.5c16dfffab040p-23 0x1.d784875a77a19p-27 -0x1.acdfec9a6054bp-31"
    ),
}  # fmt: skip
_SMALL_LIMIT = {"f32": 0.925, "f64": 0.995}

# log2(1 - erf(x)) from there on: ERF_LOG_*. The sign is the fits' opposite.
_LARGE = {
    "f32": (
        0.0002989360364153981, 1.6268212795257568, 0.9193822741508484,
        0.149831160902977, -0.032012127339839935, 0.004376445431262255,
        -0.00028122260118834674,
    ),
    "f64": hexadecimal(
        "0x1.8c7c2b37d66f7p-20 0x1.a0bd8f4bfc5c4p+0 0x1.d6479c18b2783p-1 "
        "0x1.2f449307493fep-3 -0x1.be11c841eecc6p-6 -0x1.b3eb2c5c4e46ap-11 "
        "0x1.8b7d83bd9998ap-9 -0x1.59ea8ab6d5faep-10 0x1.586c4d74a4640p-12 "
        "-0x1.431c7211db595p-15 -0x1.884efd8f2e898p-18 0x1.0ded3233c7b2cp-18 "
        "-0x1.1316d1eee315fp-20 0x1.59473634ab585p-23 -0x1.1614442936fdcp-26 "
        "0x1.0a05e753c1c92p-30 -0x1.ceba043990400p-36"
    ),
}  # fmt: skip
# (1 + 2 a) exp(a**2) erfc(a) as a polynomial in (a - 4) / (a + 4), 0 <= a <= 28: ERFC.
_SCALED_ERFC = hexadecimal(
    "0x1.3ba5916e9fd7fp+0 -0x1.1df1ad154a28fp-3 0x1.f7f5df66fd7d2p-7 "
    "0x1.16ecefcfa5401p-4 -0x1.9ddb23c3e91a7p-4 0x1.7fee004e1138ep-4 "
    "-0x1.0fb06dfe47d98p-4 0x1.3079edf6adf66p-5 -0x1.0962388562771p-6 "
    "0x1.49c6727753f99p-8 -0x1.8d4a9996cbba2p-11 -0x1.a1df18d7c72b7p-13 "
    "0x1.3be036ffe7724p-13 -0x1.995b012e927f0p-16 -0x1.7883779bba06ep-17 "
    "0x1.7f3d28ffdb493p-18 0x1.394d75ac401d7p-22 -0x1.bc5198298a237p-21 "
    "0x1.4a33fbfb798bep-24 0x1.e59ee4410dc1bp-24 -0x1.46fa7cce02bdep-26 "
    "-0x1.1a782aa5b6d48p-26 0x1.d2f3a41dce124p-30 0x1.19627f9b30a49p-29 "
    "0x1.2ad1d4c19d03ap-32"
)
# From here on erfc is 0.
_ERFC_ZERO = 27.5
# From here on erf is 1.
_ONE = {"f32": 4.0, "f64": 6.0}


def erf(e: Emitter, x: Operand) -> Operand:
    """Error function.

    Below about 1, x + x p(x**2); above, 1 - 2**q(x): p and q are minimax polynomials,
    the latter of log2(erfc(x)), weighted by how much of it is left in the result. After
    N. Juffa's erff, forums.developer.nvidia.com, "Faster and more accurate
    implementation of erff()". With AVX-512, f32 has a table.
    """
    element = x.element
    if element == "f32" and has_avx512(e):
        return erf_f32(e, x)
    magnitude = e.abs(x)
    square = e.mul(x, x)
    small = e.multiply_add(horner(e, square, _SMALL[element]), magnitude, magnitude)
    limited = minimum_keeping_nan(e, _ONE[element], magnitude)
    exponent = horner(e, limited, [-c for c in _LARGE[element]])
    power = e.sub(e.add(exponent, SHIFTERS[element]), SHIFTERS[element])
    fraction = exp2_of_fraction(e, e.sub(exponent, power))
    large = e.multiply_add(e.neg(fraction), power_of_two(e, power), 1.0)
    return e.copysign(e.select(e.lt(magnitude, _SMALL_LIMIT[element]), small, large), x)


def erfc(e: Emitter, x: Operand) -> Operand:
    """1 - erf(x), exact also where that is small.

    exp(-a**2) q(t) / (1 + 2 a) with a = |x|, t = (a - 4) / (a + 4) and q a minimax
    polynomial: after M. Shepherd and J. Laframboise, "Chebyshev approximation of
    (1 + 2x) exp(x**2) erfc(x)", Mathematics of Computation 36 (1981). The square is
    kept with its rounding error. Below 1/2, 1 - erf(x). f32 is computed in f64.
    """
    if x.element == "f32":
        return e.convert(erfc(e, e.convert(x, "f64")), "f32")
    magnitude = minimum_keeping_nan(e, _ERFC_ZERO, e.abs(x))
    t = e.div(e.sub(magnitude, 4.0), e.add(magnitude, 4.0))
    scaled = horner(e, t, _SCALED_ERFC)
    divisor, lost = e.two_sum(e.add(magnitude, magnitude), 1.0)
    ratio = e.div(scaled, divisor)
    product, error = e.two_product(ratio, divisor)
    residual = e.sub(e.sub(e.sub(scaled, product), error), e.mul(ratio, lost))
    lacking = e.div(residual, divisor)
    square, square_error = e.two_product(magnitude, magnitude)
    reduced = reduce_exponent(e, e.neg(square))
    minus_one = expm1_of_rest(e, e.sub(reduced.rest, square_error))
    value = e.add(ratio, e.multiply_add(ratio, minus_one, lacking))
    value = scale_by_power(e, value, reduced.power, reduced.shifted)
    value = e.select(e.lt(x, 0.0), e.sub(e.like(2.0, x), value), value)
    square = e.mul(x, x)
    error_function = e.multiply_add(horner(e, square, _SMALL["f64"]), x, x)
    is_small = e.lt(magnitude, 0.5)
    return e.select(is_small, e.sub(e.like(1.0, x), error_function), value)
