"""The error function."""

from __future__ import annotations

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    SHIFTERS,
    has_avx512,
    hexadecimal,
    horner,
    minimum_keeping_nan,
    power_of_two,
)
from penstock.backends.llvm.math_exponential import exp2_of_fraction
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
