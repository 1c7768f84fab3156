"""Roots: cbrt, hypot."""

from __future__ import annotations

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    exponent_and_mantissa,
    hexadecimal,
    horner,
    nearest_integer,
    power_of_two,
)

# The cube root for 3/4 <= x <= 3/2: tools/fit_math.py, CBRT_*.
_CBRT = {
    "f32": (
        0.46123364567756653, 0.8676593899726868, -0.48231759667396545,
        0.1834440678358078, -0.03001026250422001,
    ),
    "f64": hexadecimal(
        "0x1.b8db6eeab216cp-2 0x1.035b0c9451fe9p+0 -0x1.81e5ed341585ap-1 "
        "0x1.bb3c20a9daf91p-2 -0x1.24bc535921d39p-3 0x1.4a6525ab8c43ap-6"
    ),
}  # fmt: skip
_CBRT_2 = 1.259921049894873
# Squares between these neither overflow nor lose what matters of their sum; beyond
# them lengths are scaled by the powers of 2 beside.
_SAFE = {
    "f32": ((2.0**-50, 2.0**100), (2.0**60, 2.0**-80)),
    "f64": ((2.0**-450, 2.0**600), (2.0**500, 2.0**-600)),
}


def cbrt(e: Emitter, x: Operand) -> Operand:
    """Cube root.

    x = 2**(3 q) m with m within [3/8, 3]; a minimax polynomial gives the root of m to
    16 bits, a step of Halley's method gives all but the last, and one of Newton's,
    with the residual in extended precision, the rest.
    """
    exponent, mantissa = exponent_and_mantissa(e, e.abs(x))
    third, _ = nearest_integer(e, exponent, 1 / 3)
    left = e.sub(exponent, e.mul(third, 3.0))
    above, below = e.gt(left, 0.0), e.lt(left, 0.0)
    scale = e.select(above, e.like(2.0, x), e.select(below, e.like(0.5, x), 1.0))
    factor = e.select(
        above, e.like(_CBRT_2, x), e.select(below, e.like(1 / _CBRT_2, x), 1.0)
    )
    m = e.mul(mantissa, scale)
    root = e.mul(horner(e, mantissa, _CBRT[x.element]), factor)
    cube = e.mul(e.mul(root, root), root)
    slope = e.add(e.add(cube, cube), m)
    root = e.multiply_add(root, e.div(e.sub(m, cube), slope), root)
    square, square_error = e.two_product(root, root)
    cube, cube_error = e.two_product(square, root)
    residual = e.sub(e.sub(e.sub(m, cube), cube_error), e.mul(square_error, root))
    root = e.add(root, e.div(residual, e.mul(square, 3.0)))
    value = e.copysign(e.mul(root, power_of_two(e, third)), x)
    is_plain = e.bit_and(e.lt(e.abs(x), float("inf")), e.ne(x, 0.0))
    return e.select(is_plain, value, x)


def hypot(e: Emitter, x: Operand, y: Operand) -> Operand:
    """sqrt(x**2 + y**2), scaled so that the squares neither overflow nor vanish.

    An infinity wins over nan, as in C's hypot.
    """
    x, y = e.abs(x), e.abs(y)
    swapped = e.lt(x, y)
    larger, smaller = e.select(swapped, y, x), e.select(swapped, x, y)
    (least, up), (most, down) = _SAFE[x.element]
    small, large = e.lt(larger, least), e.gt(larger, most)
    scale = e.select(small, e.like(up, x), e.select(large, e.like(down, x), 1.0))
    back = e.select(small, e.like(1 / up, x), e.select(large, e.like(1 / down, x), 1.0))
    larger, smaller = e.mul(larger, scale), e.mul(smaller, scale)
    total = e.multiply_add(larger, larger, e.mul(smaller, smaller))
    value = e.mul(e.sqrt(total), back)
    infinity = float("inf")
    infinite = e.bit_or(e.eq(x, infinity), e.eq(y, infinity))
    return e.select(infinite, infinity, value)
