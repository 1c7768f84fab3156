"""The gamma function's logarithm and its derivatives, element by element.

f32 is computed in f64 and rounded once. In f64 positive arguments give results within a
few ulp; between the negative integers the functions cross zero, and there the error is
small beside 1, not beside the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from penstock.ir.errors import TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Floating, define
from penstock.ir.ops.families import Elementwise
from penstock.ir.types import Type, f64

_ULP = {"f32": 2.0, "f64": 4.0, "f16": 1.0, "bf16": 1.0}


def _hexadecimal(text: str) -> tuple[float, ...]:
    return tuple(float.fromhex(word) for word in text.split())


# log(gamma(x)) / ((x - 1) (x - 2)) as a polynomial in x - 3/2 for 0.7 <= x <= 2.5:
# tools/fit_math.py, LOG_GAMMA.
_LOG_GAMMA = _hexadecimal(
    "0x1.eeb95b094c191p-2 -0x1.2aed059bd608ap-3 0x1.01af62a2929a7p-4 "
    "-0x1.007aa83cee0b6p-5 0x1.133423527f990p-6 -0x1.34dbda14a424ep-7 "
    "0x1.64f0664e01f22p-8 -0x1.a503522ec4312p-9 0x1.f814b92d613a2p-10 "
    "-0x1.313e8a31e12ffp-10 0x1.750ac1a86e24dp-11 -0x1.cb450a8aa41bbp-12 "
    "0x1.1c76cbba19be5p-12 -0x1.62391908b47f8p-13 0x1.bace8c29e828cp-14 "
    "-0x1.15d2b9caea498p-14 0x1.6013c97f7d376p-15 -0x1.c05b1ab5695b4p-16 "
    "0x1.101223e9d85a8p-16 -0x1.43221b034e7bep-17 0x1.009d18b02c21cp-17 "
    "-0x1.b348e4d59bc5fp-18 0x1.006628870659ap-19 0x1.98bde1e9f4d17p-20 "
    "0x1.40694ec68cfc7p-20 -0x1.0e1e33d4b704cp-18 0x1.76b9e6e5e48d6p-20 "
    "0x1.bbbbc688a1b0fp-20 -0x1.ec0ea0e98f803p-21 -0x1.3ec9573a96d4cp-21 "
    "0x1.39d013f035d96p-21 -0x1.18b5506e6a933p-23"
)
# digamma(x) / (x - root) as a polynomial in x - 3/2 for 1 <= x <= 2: DIGAMMA.
_DIGAMMA = _hexadecimal(
    "0x1.e6f0cbb873616p-1 -0x1.b1cb63005ee98p-2 0x1.eca189b8e6f8cp-3 "
    "-0x1.2feeeb98a7890p-3 0x1.8512e59036a6ep-4 -0x1.fb44202a2af8ep-5 "
    "0x1.4de9aa18a12aep-5 -0x1.b9f8b1196722ep-6 0x1.2564712ea70f9p-6 "
    "-0x1.8635646a71a86p-7 0x1.03c0b87b61d59p-7 -0x1.5a069932b28c1p-8 "
    "0x1.cd1e1a3536066p-9 -0x1.336e96e8ea128p-9 0x1.99f15bb82405bp-10 "
    "-0x1.0faa6bfd41e06p-10 0x1.6923f9e3a2165p-11 -0x1.fe06eff84a4bbp-12 "
    "0x1.5a47746cb5869p-12 -0x1.2df120c9fa2e9p-13 0x1.6885379955dc0p-14 "
    "-0x1.77202448074b9p-13 0x1.0951734ed5a4ep-13"
)
_DIGAMMA_ROOT = (1.4616321449683622, 9.549995429965697e-17)
# What the asymptotic series, DLMF 5.11.1 and 5.11.2, add to their logarithms from 8 on,
# as polynomials in 1 / x**2: STIRLING and DIGAMMA_REST.
_STIRLING = _hexadecimal(
    "0x1.5555555555555p-4 -0x1.6c16c16c14af3p-9 0x1.a01a017e8984fp-11 "
    "-0x1.38134e15933d5p-11 0x1.b92c9353693c6p-11 -0x1.ef9809859b9fap-10 "
    "0x1.4c382b62bf23cp-8"
)
_DIGAMMA_REST = _hexadecimal(
    "0x1.5555555555555p-4 -0x1.1111111110d76p-7 0x1.04104101a969dp-8 "
    "-0x1.11110c2d77054p-8 0x1.f07735a8a6bc4p-8 -0x1.58e87a16d2c8bp-6 "
    "0x1.47dd02619ba37p-4 -0x1.3302feb1d58fep-2"
)
_ASYMPTOTIC = 8.0
# Bernoulli numbers B_2, B_4, ..., DLMF 24.2.
_BERNOULLI = (
    Fraction(1, 6), Fraction(-1, 30), Fraction(1, 42), Fraction(-1, 30),
    Fraction(5, 66), Fraction(-691, 2730), Fraction(7, 6), Fraction(-3617, 510),
    Fraction(43867, 798), Fraction(-174611, 330),
)  # fmt: skip

_absolute, _log, _sine, _tangent, _nearest = map(
    scalar.primitive, ("abs", "log", "sin", "tan", "round")
)
_fma = scalar.primitive("fma")


def _constant(x: Scalar, number: float) -> Scalar:
    assert x.builder is not None
    return x.builder.constant(number, x.dtype)


def _horner(x: Scalar, coefficients: Sequence[float]) -> Scalar:
    total = _constant(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = _fma(total, x, _constant(x, coefficient))
    return total


def _in_f64(x: Scalar, function: Callable[[Scalar], Scalar]) -> Scalar:
    return scalar.convert(function(scalar.convert(x, f64)), x.dtype)


def _log_gamma_from_0_7(y: Scalar) -> Scalar:
    """log(gamma(y)) for y >= 0.7.

    To 2.5 a minimax polynomial; to 8 by gamma(y) = (y - 1) gamma(y - 1), DLMF 5.5.1;
    from there on Stirling's series, DLMF 5.11.1.
    """
    rest, product = y, _constant(y, 1)
    for _ in range(6):
        above = (rest >= 2.5) & (y < _ASYMPTOTIC)
        rest = scalar.select(above, rest - 1.0, rest)
        product = scalar.select(above, product * rest, product)
    is_large = y >= _ASYMPTOTIC
    log = _log(scalar.select(is_large, y, product))
    low = (rest - 1.0) * (rest - 2.0) * _horner(rest - 1.5, _LOG_GAMMA) + log
    inverse = _constant(y, 1) / y
    series = _horner(inverse * inverse, _STIRLING) * inverse
    half_log_of_2_pi = 0.5 * math.log(2 * math.pi)
    high = (y - 0.5) * (log - 1.0) + (series + (half_log_of_2_pi - 0.5))
    return scalar.select(is_large, high, low)


def _log_gamma(x: Scalar) -> Scalar:
    """By reflection, DLMF 5.5.3, below 0; by recurrence, DLMF 5.5.1, to 0.7."""
    one = _constant(x, 1)
    is_negative, is_small = x < 0.0, x < 0.7
    y = scalar.select(is_small, _absolute(x) + 1.0, x)
    part = x - _nearest(x)
    divisor = scalar.select(is_small, x, one)
    sine = _absolute(_sine(part * math.pi))
    divisor = scalar.select(is_negative, sine, divisor)
    log, base = _log(divisor), _log_gamma_from_0_7(y)
    result = scalar.select(is_negative, math.log(math.pi) - log - base, base - log)
    is_pole = is_negative & part.equals(0)
    result = scalar.select(is_pole, _constant(x, math.inf), result)
    # Of -inf, which has no limit, SciPy says -inf.
    return scalar.select(_absolute(x).equals(math.inf), x, result)


def _digamma_from_1(y: Scalar) -> Scalar:
    """digamma(y) for y >= 1.

    To 2 a minimax polynomial times the distance from the root; to 8 by
    digamma(y) = digamma(y - 1) + 1 / (y - 1), DLMF 5.5.2; then the series DLMF 5.11.2.
    """
    is_large = y >= _ASYMPTOTIC
    rest, above, below = y, _constant(y, 0), _constant(y, 1)
    for _ in range(6):
        again = (rest > 2.0) & ~is_large
        rest = scalar.select(again, rest - 1.0, rest)
        # The sum of the reciprocals as one quotient.
        above = scalar.select(again, _fma(above, rest, below), above)
        below = scalar.select(again, below * rest, below)
    high, low = _DIGAMMA_ROOT
    near = ((rest - high) - low) * _horner(rest - 1.5, _DIGAMMA) + above / below
    inverse = _constant(y, 1) / y
    square = inverse * inverse
    far = _log(y) - (inverse * 0.5 + _horner(square, _DIGAMMA_REST) * square)
    return scalar.select(is_large, far, near)


def _digamma(x: Scalar) -> Scalar:
    """By reflection, DLMF 5.5.4, below 0; by recurrence, DLMF 5.5.2, to 1."""
    is_negative, is_small = x < 0.0, x < 1.0
    y = scalar.select(is_small, _absolute(x) + 1.0, x)
    part = x - _nearest(x)
    slope = math.pi * (_constant(x, 1) / _tangent(part * math.pi))
    less = scalar.select(is_small, _constant(x, 1) / x, _constant(x, 0))
    result = _digamma_from_1(y) - scalar.select(is_negative, slope, less)
    pole = is_negative & part.equals(0)
    return scalar.select(pole, _constant(x, math.nan), result)


def _power(x: Scalar, exponent: int) -> Scalar:
    result = x
    for _ in range(exponent - 1):
        result = result * x
    return result


def _cotangent_derivative(order: int) -> list[int]:
    """A derivative of cot(x) as a polynomial in cot(x), the constant first."""
    polynomial = [0, 1]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(polynomial)][1:]
        polynomial = [0] * (len(slope) + 2)
        for k, c in enumerate(slope):
            polynomial[k] -= c
            polynomial[k + 2] -= c
    return polynomial


def _series(order: int) -> list[float]:
    """Of the asymptotic series, DLMF 5.15.8: what multiplies 1 / z^(2 k), k = 1, ..."""
    return [
        float(b * math.factorial(2 * k + order - 1) / math.factorial(2 * k))
        for k, b in enumerate(_BERNOULLI, 1)
    ]


def _positive_polygamma(x: Scalar, order: int) -> Scalar:
    """(-1)^(order + 1) polygamma for x >= 0: the recurrence, then the series."""
    least = 12 + 2 * order
    total, z = _constant(x, 0), x
    for _ in range(least):
        again = z < float(least)
        term = _constant(x, math.factorial(order)) / _power(z, order + 1)
        total = scalar.select(again, total + term, total)
        z = scalar.select(again, z + 1.0, z)
    inverse = _constant(x, 1) / z
    square = inverse * inverse
    tail = _horner(square, [0.0, *_series(order)])
    first = tail + (math.factorial(order - 1) + inverse * (math.factorial(order) / 2))
    return total + first * _power(inverse, order)


def _polygamma(x: Scalar, order: int) -> Scalar:
    """By reflection, DLMF 5.15.6, below 0."""
    sign = -1.0 if order % 2 == 0 else 1.0
    is_negative = x < 0.0
    base = _positive_polygamma(scalar.select(is_negative, 1.0 - x, x), order) * sign
    part = x - _nearest(x)
    cotangent = _constant(x, 1) / _tangent(part * math.pi)
    derivative = _horner(cotangent, [float(c) for c in _cotangent_derivative(order)])
    derivative = derivative * math.pi ** (order + 1)
    below = base * (-sign) - derivative
    below = scalar.select(part.equals(0), _constant(x, math.nan), below)
    return scalar.select(is_negative, below, base)


_PI = np.longdouble("3.14159265358979323846264338327950288")


def _reference_log_gamma(x: Any) -> Any:
    """By the recurrence to 40, and Stirling's series, in extended precision."""
    wide = np.asarray(x).astype(np.longdouble)
    negative = wide < 0
    z = np.where(negative, 1 - wide, wide)
    product = np.ones_like(z)
    for _ in range(40):
        again = z < 40
        product = np.where(again, product * z, product)
        z = np.where(again, z + 1, z)
    result = (z - 0.5) * np.log(z) - z + np.log(2 * _PI) / 2 - np.log(product)
    for k, number in enumerate(_BERNOULLI, 1):
        divisor = number.denominator * 2 * k * (2 * k - 1)
        result = result + np.longdouble(number.numerator) / divisor / z ** (2 * k - 1)
    sine = np.abs(np.sin(_PI * (wide - np.round(wide))))
    result = np.where(negative, np.log(_PI) - np.log(sine) - result, result)
    result = np.where((wide == 1) | (wide == 2), 0, result)
    result = np.where(negative & (sine == 0), np.inf, result)
    return np.where(np.isinf(wide), wide, result).astype(x.dtype)


def _reference_polygamma(x: Any, order: int = 0) -> Any:
    """By the recurrence to 40, and the series, in extended precision."""
    wide = np.asarray(x).astype(np.longdouble)
    negative = wide < 0
    z = np.where(negative, 1 - wide, wide)
    total = np.zeros_like(z)
    sign = -1 if order % 2 == 0 else 1
    for _ in range(40):
        again = z < 40
        total = np.where(again, total + math.factorial(order) / z ** (order + 1), total)
        z = np.where(again, z + 1, z)
    lead = -np.log(z) if order == 0 else math.factorial(order - 1) / z**order
    lead = lead + math.factorial(order) / (2 * z ** (order + 1))
    for k, number in enumerate(_BERNOULLI, 1):
        term = number * math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        factor = np.longdouble(term.numerator) / np.longdouble(term.denominator)
        lead = lead + factor / z ** (2 * k + order)
    base = sign * (total + lead)
    part = wide - np.round(wide)
    cotangent = 1 / np.tan(_PI * part)
    slope = sum(
        c * cotangent**k for k, c in enumerate(_cotangent_derivative(order)) if c
    )
    below = -sign * base - _PI ** (order + 1) * slope
    below = np.where(part == 0, np.nan, below)
    result = np.where(negative, below, base)
    if order == 0:
        result = np.where(wide == np.inf, np.inf, result)
        result = np.where(wide == 0, -np.copysign(np.inf, wide), result)
    return result.astype(x.dtype)


@define
class LogarithmOfGamma(Elementwise):
    """log |gamma(x)| (``scipy.special.gammaln``); inf at 0 and the negative integers.

    x: float [...]  ->  float [...].      d gammaln x = digamma(x) dx      DLMF 5.2.2
    """

    name = "gammaln"
    operands = (Floating("x"),)
    reference = staticmethod(_reference_log_gamma)
    tolerance = _ULP
    source = "DLMF 5.2.1, 5.5, 5.11"
    flops = 150

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (x.apply("digamma"),)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        return _in_f64(x, _log_gamma)


@define
class Digamma(Elementwise):
    """The logarithmic derivative of the gamma function (``scipy.special.digamma``).

    x: float [...]  ->  float [...].      d digamma x = trigamma(x) dx     DLMF 5.2.2
    nan at the negative integers.
    """

    name = "digamma"
    operands = (Floating("x"),)
    reference = staticmethod(_reference_polygamma)
    tolerance = _ULP
    source = "DLMF 5.2.2, 5.5, 5.11"
    flops = 130

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (x.apply("polygamma", order=1),)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        return _in_f64(x, _digamma)


@define
class Polygamma(Elementwise):
    """A derivative of digamma: of first order the trigamma function.

    x: float [...]  ->  float [...].  d polygamma(n, x) = polygamma(n + 1, x) dx
    """

    name = "polygamma"
    operands = (Floating("x"),)
    attributes = ("order",)
    tolerance = {**_ULP, "f64": 8.0}
    source = "DLMF 5.15"
    flops = 200

    @staticmethod
    def reference(x: Any, *, order: int) -> Any:
        return _reference_polygamma(x, order)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The operand's type; the order is 1 to 20."""
        order = attributes["order"]
        if not (isinstance(order, int) and 1 <= order <= 20):
            raise TypeRuleError(f"polygamma: order {order} is not from 1 to 20")
        return super().infer_type(types, attributes)

    @staticmethod
    def partials(y: Expression, x: Expression, *, order: int) -> tuple[Any]:
        return (x.apply("polygamma", order=order + 1),)

    @staticmethod
    def lower(x: Scalar, *, order: int) -> Scalar:
        return _in_f64(x, lambda wide: _polygamma(wide, order))
