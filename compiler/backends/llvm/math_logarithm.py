"""Logarithms: log, log2, log10, log1p."""

from __future__ import annotations

from penstock.backends.llvm import math_table
from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    exponent_and_mantissa,
    has_avx512,
    hexadecimal,
    horner,
    power_of_two,
    with_logarithm_edges,
)
from penstock.backends.llvm.math_exponential import LN2_HIGH, LN2_LOW

# log10(2) in two parts, the first short enough for exact products with exponents.
_LOG10_2_HIGH = {"f32": 0.301025390625, "f64": 3.01029995663611771306e-01}
_LOG10_2_LOW = {"f32": 4.605038981195214e-06, "f64": 3.694239077158931e-13}

# f32: (log(1 + f) - f + f**2 / 2) / f**3 for -1/4 <= f <= 1/2.
# f64: (2 atanh(s) - 2 s) / s**3 as a polynomial in s**2 for s = f / (2 + f).
# tools/fit_math.py, LOG_*.
_LOG_TAIL = {
    "f32": (
        0.3333333432674408, -0.2500011920928955, 0.2000007927417755,
        -0.16657640039920807, 0.14267557859420776, -0.12684868276119232,
        0.11728467047214508, -0.09385789185762405, 0.04031340777873993,
    ),
    "f64": hexadecimal(
        "0x1.5555555555555p-1 0x1.9999999999f95p-2 0x1.24924923d0f22p-2 "
        "0x1.c71c72f08a94ap-3 0x1.745ca714d32e0p-3 0x1.3b2a9c52589a5p-3 "
        "0x1.0e7cdbbe4c99cp-3 0x1.1711ba7eb17b6p-3"
    ),
}  # fmt: skip


# 1 / ln 2 and 1 / ln 10 in two parts.
_LOG2_E = {
    "f32": (1.4426950216293335, 1.9259629911266175e-08),
    "f64": (1.4426950408889634, 2.0355273740931033e-17),
}
_LOG10_E = {
    "f32": (0.4342944920063019, -1.0103050052231683e-08),
    "f64": (0.4342944819032518, 1.098319650216765e-17),
}


def log(e: Emitter, x: Operand) -> Operand:
    """Natural logarithm.

    x = 2**n (1 + f) with 3/4 <= 1 + f < 3/2; log(x) = n ln 2 + log(1 + f). In f32
    log(1 + f) is a minimax polynomial, in f64 2 atanh(f / (2 + f)), DLMF 4.6.4, as in
    FreeBSD's msun/src/e_log.c. With AVX-512 there is a table.
    """
    if has_avx512(e):
        return math_table.log(e, x)
    exponent, mantissa = exponent_and_mantissa(e, x)
    value = _natural(e, exponent, e.sub(mantissa, 1.0))
    return with_logarithm_edges(e, x, value)


def log1p(e: Emitter, x: Operand) -> Operand:
    """Natural logarithm of 1 + x.

    With 1 + x = 2**n (1 + f), f = 2**-n x + (2**-n - 1) loses nothing of x, since the
    last term is exact wherever it matters; then as ``log``.
    """
    total = e.add(x, 1.0)
    exponent, _ = exponent_and_mantissa(e, total)
    # Four times 2**-n, which is not denormal for any n.
    scale = power_of_two(e, e.sub(2.0, exponent))
    f = e.multiply_add(e.mul(x, scale), 0.25, e.multiply_add(scale, 0.25, -1.0))
    value = _natural(e, exponent, f)
    return e.copysign(with_logarithm_edges(e, total, value), x)


def log2(e: Emitter, x: Operand) -> Operand:
    """Logarithm to base 2: n + log(1 + f) / ln 2.

    The leading terms are added with their rounding errors kept: at n = -1 they cancel
    to less than half.
    """
    exponent, mantissa = exponent_and_mantissa(e, x)
    f = e.sub(mantissa, 1.0)
    high, low = _LOG2_E[x.element]
    product, error = e.two_product(f, high)
    total, lost = e.fast_two_sum(exponent, product)
    rest = e.multiply_add(_rest_of_log1p(e, f), high, e.multiply_add(f, low, error))
    value = e.add(total, e.add(rest, lost))
    return with_logarithm_edges(e, x, value)


def log10(e: Emitter, x: Operand) -> Operand:
    """Logarithm to base 10: n log10(2) + log(1 + f) / ln 10."""
    element = x.element
    exponent, mantissa = exponent_and_mantissa(e, x)
    f = e.sub(mantissa, 1.0)
    high, low = _LOG10_E[element]
    product, error = e.two_product(f, high)
    rest = e.multiply_add(exponent, _LOG10_2_LOW[element], e.mul(f, low))
    rest = e.multiply_add(_rest_of_log1p(e, f), high, e.add(rest, error))
    value = e.add(product, rest)
    value = e.multiply_add(exponent, _LOG10_2_HIGH[element], value)
    return value if has_avx512(e) else with_logarithm_edges(e, x, value)


def _natural(e: Emitter, exponent: Operand, f: Operand) -> Operand:
    """n ln 2 + log(1 + f), the least terms first."""
    element = f.element
    rest = _rest_of_log1p(e, f, e.mul(exponent, LN2_LOW[element]))
    return e.multiply_add(exponent, LN2_HIGH[element], e.add(f, rest))


def _rest_of_log1p(e: Emitter, f: Operand, term: Operand | None = None) -> Operand:
    """log(1 + f) - f, plus a small term."""
    square = e.mul(f, f)
    if f.element == "f32":
        factor, tail = e.mul(square, f), horner(e, f, _LOG_TAIL["f32"])
    else:
        factor = e.div(f, e.add(f, 2.0))
        t = e.mul(factor, factor)
        tail = e.multiply_add(horner(e, t, _LOG_TAIL["f64"]), t, e.mul(square, 0.5))
    if term is None:
        total = e.mul(factor, tail)
    else:
        total = e.multiply_add(factor, tail, term)
    return e.multiply_add(square, -0.5, total)
