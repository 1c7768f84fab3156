"""Inverse functions: asin, acos, atan, atan2, asinh, acosh, atanh."""

from __future__ import annotations

from typing import NamedTuple

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    INTEGER_OF,
    hexadecimal,
    horner,
    minimum_keeping_nan,
)
from penstock.backends.llvm.math_logarithm import log1p

# pi / 2 in two parts.
_HALF_PI = {
    "f32": (1.5707963705062866, -4.371138828673793e-08),
    "f64": (1.5707963267948966, 6.123233995736766e-17),
}
_LN2 = 0.6931471805599453

# (asin(x) - x) / x**3 as a polynomial in x**2 to 1/2: tools/fit_math.py, ASIN_*.
_ASIN = {
    "f32": (
        0.16666753590106964, 0.07495233416557312, 0.045478250831365585,
        0.024141428992152214, 0.04222981259226799,
    ),
    "f64": hexadecimal(
        "0x1.5555555555384p-3 0x1.333333336fe60p-4 0x1.6db6db41970d5p-5 "
        "0x1.f1c72c811ece4p-6 0x1.6e89ed98e0b69p-6 0x1.1c6c446f6b85dp-6 "
        "0x1.c6f63fcdf3505p-7 0x1.8ef38db834022p-7 0x1.aa312eff2f114p-8 "
        "0x1.410c3c2ed091bp-6 -0x1.0b844da9df76bp-6 0x1.060018c0f0993p-5"
    ),
}  # fmt: skip

# (atan(x) - x) / x**3 as a polynomial in x**2 for |x| <= 1: ATAN_*.
_ATAN = {
    "f32": (
        -0.33333301544189453, 0.19998638331890106, -0.14265242218971252,
        0.1095755472779274, -0.0841938927769661, 0.058233268558979034,
        -0.03145436570048332, 0.011063704267144203, -0.0018270454602316022,
    ),
    "f64": hexadecimal(
        "-0x1.555555555552ap-2 0x1.9999999995ae6p-3 -0x1.2492492392336p-3 "
        "0x1.c71c7184268dap-4 -0x1.745d11fb23cfap-4 0x1.3b136a1732348p-4 "
        "-0x1.110e6d93c0d46p-4 0x1.e1bcf7cd875f5p-5 -0x1.ae644dd461fb1p-5 "
        "0x1.82eeb1ae6999fp-5 -0x1.59d7f9f2696aep-5 0x1.2c982d5a962f8p-5 "
        "-0x1.eb4971b0e2042p-6 0x1.69d8db2108e80p-6 -0x1.ca985db20c4cep-7 "
        "0x1.dc05a340ebe81p-8 -0x1.7ea7b3a94275cp-9 0x1.ba3eb090bf138p-11 "
        "-0x1.44a5ad78bc4f3p-13 0x1.c4a6041cdd5f4p-17"
    ),
}  # fmt: skip

# From here on a**2 + 1 and a**2 - 1 are a**2.
_LARGE = {"f32": 2.0**13, "f64": 2.0**28}


class _Arc(NamedTuple):
    """asin of u as u + rest, where u is |x|, or sqrt((1 - |x|) / 2) if that is less.

    The rest includes what the rounded square root lacks.
    """

    is_large: Operand
    u: Operand
    rest: Operand


def asin(e: Emitter, x: Operand) -> Operand:
    """Arc sine.

    To 1/2, x + x**3 p(x**2) with p a minimax polynomial; above, as FreeBSD's
    msun/src/e_asin.c, pi/2 - 2 asin(sqrt((1 - |x|) / 2)), DLMF 4.24.6 halved.
    """
    arc = _arc(e, x)
    large = _from_half_pi(e, e.mul(arc.u, 2.0), e.mul(arc.rest, 2.0), 1)
    return e.copysign(e.select(arc.is_large, large, e.add(arc.u, arc.rest)), x)


def acos(e: Emitter, x: Operand) -> Operand:
    """Arc cosine: pi/2 - asin(x), and 2 asin(sqrt((1 - x) / 2)) for x > 1/2."""
    arc = _arc(e, x)
    near_zero = _from_half_pi(e, x, e.copysign(arc.rest, x), 1)
    doubled, rest = e.mul(arc.u, 2.0), e.mul(arc.rest, 2.0)
    below = _from_half_pi(e, doubled, rest, 2)
    large = e.select(e.lt(x, 0.0), below, e.add(doubled, rest))
    return e.select(arc.is_large, large, near_zero)


def _arc(e: Emitter, x: Operand) -> _Arc:
    magnitude = e.abs(x)
    is_large = e.gt(magnitude, 0.5)
    halved = e.mul(e.sub(e.like(1.0, x), magnitude), 0.5)
    root = e.sqrt(halved)
    product, error = e.two_product(root, root)
    lacking = e.div(e.sub(e.sub(halved, product), error), e.add(root, root))
    lacking = e.select(e.gt(root, 0.0), lacking, 0.0)
    u = e.select(is_large, root, magnitude)
    square = e.select(is_large, halved, e.mul(magnitude, magnitude))
    cubic = e.mul(horner(e, square, _ASIN[x.element]), square)
    rest = e.mul(cubic, u)
    return _Arc(is_large, u, e.select(is_large, e.add(rest, lacking), rest))


def _from_half_pi(e: Emitter, u: Operand, rest: Operand, times: int) -> Operand:
    """``times`` pi/2 minus (u + rest), rounded once but for small terms."""
    high, low = (part * times for part in _HALF_PI[u.element])
    first = e.sub(e.like(high, u), u)
    error = e.sub(e.sub(e.like(high, u), first), u)
    return e.add(first, e.add(error, e.sub(e.like(low, u), rest)))


def atan(e: Emitter, x: Operand) -> Operand:
    """Arc tangent: x + x**3 p(x**2) to 1; above, pi/2 - atan(1 / x), DLMF 4.24.17."""
    magnitude = e.abs(x)
    inverted = e.gt(magnitude, 1.0)
    ratio = e.div(
        e.select(inverted, 1.0, magnitude), e.select(inverted, magnitude, 1.0)
    )
    u, rest = ratio, _atan_rest(e, ratio)
    large = _from_half_pi(e, u, rest, 1)
    return e.copysign(e.select(inverted, large, e.add(u, rest)), x)


def atan2(e: Emitter, y: Operand, x: Operand) -> Operand:
    """The angle of the point (x, y), DLMF 4.23.22-26.

    The arc tangent of the lesser coordinate over the greater, then moved to its octant.
    """
    height, width = e.abs(y), e.abs(x)
    is_steep = e.gt(height, width)
    ratio = e.div(e.select(is_steep, width, height), e.select(is_steep, height, width))
    # Zeros and infinities alike are on the diagonal, or at its end.
    equal = e.select(e.eq(width, 0.0), e.like(0.0, x), 1.0)
    ratio = e.select(e.eq(height, width), equal, ratio)
    rest = _atan_rest(e, ratio)
    is_left = e.lt(e.bitcast(x, INTEGER_OF[x.element]), 0)
    turned = e.bit_xor(is_steep, is_left)
    u = e.select(turned, e.neg(ratio), ratio)
    rest = e.select(turned, e.neg(rest), rest)
    parts = []
    for half in _HALF_PI[x.element]:
        flat = e.select(is_left, e.like(2 * half, x), 0.0)
        parts.append(e.select(is_steep, e.like(half, x), flat))
    high, low = parts
    total, error = e.fast_two_sum(high, u)
    value = e.add(total, e.add(error, e.add(low, rest)))
    plain = e.bit_xor(e.bit_or(is_steep, is_left), True)
    return e.copysign(e.select(plain, e.add(u, rest), value), y)


def _atan_rest(e: Emitter, ratio: Operand) -> Operand:
    square = e.mul(ratio, ratio)
    return e.mul(e.mul(horner(e, square, _ATAN[ratio.element]), square), ratio)


def asinh(e: Emitter, x: Operand) -> Operand:
    """Inverse hyperbolic sine: log1p(a + a**2 / (1 + sqrt(a**2 + 1))), DLMF 4.37.16.

    a is |x|; where a**2 + 1 is a**2, log(a) + log(2).
    """
    magnitude = e.abs(x)
    limit = _LARGE[x.element]
    limited = minimum_keeping_nan(e, limit, magnitude)
    square = e.mul(limited, limited)
    root = e.sqrt(e.add(square, 1.0))
    small = e.add(limited, e.div(square, e.add(root, 1.0)))
    less = e.sub(magnitude, 1.0)
    return e.copysign(_log1p_or_doubled(e, less, small, magnitude, limit), x)


def acosh(e: Emitter, x: Operand) -> Operand:
    """Inverse hyperbolic cosine: log1p(t + sqrt(2 t + t**2)) of t = x - 1.

    DLMF 4.37.19.
    """
    t = e.sub(x, 1.0)
    limit = _LARGE[x.element]
    limited = minimum_keeping_nan(e, limit, t)
    small = e.add(
        limited, e.sqrt(e.multiply_add(limited, limited, e.add(limited, limited)))
    )
    value = _log1p_or_doubled(e, t, small, x, limit)
    return e.select(e.lt(x, 1.0), float("nan"), value)


def _log1p_or_doubled(
    e: Emitter, large: Operand, small: Operand, x: Operand, limit: float
) -> Operand:
    is_large = e.ge(x, limit)
    value = log1p(e, e.select(is_large, large, small))
    return e.add(value, e.select(is_large, e.like(_LN2, x), 0.0))


def atanh(e: Emitter, x: Operand) -> Operand:
    """Inverse hyperbolic tangent: log1p(2 a / (1 - a)) / 2 of a = |x|, DLMF 4.37.24.

    Below 1/2 the quotient is taken as 2 a + 2 a**2 / (1 - a), of which the first term
    is exact (FreeBSD's msun/src/e_atanh.c).
    """
    magnitude = e.abs(x)
    doubled = e.add(magnitude, magnitude)
    is_small = e.lt(magnitude, 0.5)
    part = e.select(is_small, e.mul(doubled, magnitude), doubled)
    quotient = e.div(part, e.sub(e.like(1.0, x), magnitude))
    argument = e.select(is_small, e.add(doubled, quotient), quotient)
    return e.copysign(e.mul(log1p(e, argument), 0.5), x)
