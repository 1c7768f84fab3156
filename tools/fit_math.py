"""Fits the polynomials of the vector math functions, and prints their coefficients.

    python tools/fit_math.py [name ...]

Each fit is a minimax polynomial found with Remez' exchange algorithm (E. Remez, Comptes
Rendus 199, 1934), in 60 digits, and rounded to the precision that it is used in.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath
from mpmath import mp, mpf

Real = Any
Function = Callable[[Real], Real]

mp.dps = 60


class Fit(NamedTuple):
    """A polynomial to find.

    Args:
        name: the constant that it becomes in the source.
        function: what the polynomial approximates.
        low: where the interval begins.
        high: where it ends.
        degree: of the polynomial.
        bits: precision of the coefficients, 24 or 53.
        weight: what the error is multiplied by, to make it relative to the result
            that the polynomial is part of.
    """

    name: str
    function: Function
    low: float
    high: float
    degree: int
    bits: int
    weight: Function


def rounded(value: Real, bits: int) -> Real:
    """Round to the nearest float of 24 or 53 bits."""
    if bits == 53:
        return mpf(float(value))
    return mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def remez(
    function: Function, weight: Function, low: Real, high: Real, powers: Sequence[int]
) -> tuple[list[Real], Real]:
    """Find the minimax combination of some powers; the coefficients and the error."""
    count = len(powers) + 1
    low, high = mpf(low), mpf(high)
    size = 24 * count
    grid = [
        (low + high) / 2
        - (high - low) / 2 * mpmath.cos(mp.pi * (i + mpf(1) / 2) / size)
        for i in range(size)
    ]
    values = [function(x) for x in grid]
    weights = [weight(x) for x in grid]
    table = [[x**power for power in powers] for x in grid]
    chosen = [round(i * (size - 1) / (count - 1)) for i in range(count)]
    coefficients: list[Real] = []
    worst = mpf(0)
    for _ in range(40):
        matrix = mpmath.matrix(count, count)
        right = mpmath.matrix(count, 1)
        for row, index in enumerate(chosen):
            for column in range(len(powers)):
                matrix[row, column] = table[index][column] * weights[index]
            matrix[row, count - 1] = (-1) ** row
            right[row] = values[index] * weights[index]
        solution = mpmath.lu_solve(matrix, right)
        coefficients = [solution[i] for i in range(len(powers))]
        level = abs(solution[count - 1])
        errors = [
            weight_at * (mpmath.fdot(coefficients, row) - value)
            for weight_at, row, value in zip(weights, table, values, strict=True)
        ]
        worst = max(abs(error) for error in errors)
        chosen = exchange(errors, count)
        if worst <= level * mpf("1.0001"):
            break
    return coefficients, worst


def exchange(errors: Sequence[Real], count: int) -> list[int]:
    """Choose ``count`` extrema of alternating sign, the largest run of them."""
    extrema: list[int] = []
    for index, error in enumerate(errors):
        if extrema and (errors[extrema[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[extrema[-1]]):
                extrema[-1] = index
        else:
            extrema.append(index)
    while len(extrema) > count:
        if len(extrema) - count == 1:
            drop = 0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1
            extrema.pop(drop)
            continue
        smallest = min(range(len(extrema)), key=lambda i: abs(errors[extrema[i]]))
        # A removed extremum takes a neighbour with it, to keep the signs alternating.
        extrema.pop(smallest)
        if 0 < smallest < len(extrema):
            left, right = extrema[smallest - 1], extrema[smallest]
            weaker = (
                smallest - 1 if abs(errors[left]) < abs(errors[right]) else smallest
            )
            extrema.pop(weaker)
    while len(extrema) < count:
        gaps = [i for i in range(len(errors)) if i not in extrema]
        extrema = sorted([*extrema, gaps[len(gaps) // 2]])
    return extrema


def fit(wanted: Fit) -> tuple[list[Real], Real]:
    """Find rounded coefficients, the constant first, and the weighted error."""
    powers = range(wanted.degree + 1)
    found, _ = remez(wanted.function, wanted.weight, wanted.low, wanted.high, powers)
    rounded_ones = [rounded(value, wanted.bits) for value in found]
    return rounded_ones, measure(wanted, rounded_ones)


def polynomial(coefficients: Sequence[Real], x: Real) -> Real:
    """The value of a polynomial, its constant given first."""
    total = mpf(0)
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def measure(wanted: Fit, coefficients: Sequence[Real]) -> Real:
    """The largest weighted error on a dense grid."""
    low, high = mpf(wanted.low), mpf(wanted.high)
    return max(
        abs(wanted.weight(x) * (polynomial(coefficients, x) - wanted.function(x)))
        for x in (low + (high - low) * (i + mpf(1) / 3) / 1000 for i in range(1000))
    )


def of_square(function: Function) -> Function:
    """A function of x as one of t = x * x."""
    return lambda t: function(mpmath.sqrt(t))


def series(function: Function, *terms: Real) -> Function:
    """A function whose formula loses its digits near 0: there, the given series."""

    def evaluate(x: Real) -> Real:
        if abs(x) < mpf(10) ** -15:
            return polynomial(terms, x)
        return function(x)

    return evaluate


def one(x: Real) -> Real:
    """Leave the error as it is."""
    return mpf(1)


def nearly(power: int, least: str = "0.05") -> Function:
    """Weigh by a power of x, but never by 0."""
    return lambda x: abs(x) ** power + mpf(least)


LN2 = mpmath.log(2)
HALF_LN2 = LN2 / 2 * mpf("1.001")
ANGLE = (mp.pi / 4 * mpf("1.02")) ** 2

exp_tail = series(lambda x: (mpmath.expm1(x) - x) / x**2, mpf(1) / 2, mpf(1) / 6)
exp2_tail = series(
    lambda x: (mpmath.expm1(x * LN2) / x - LN2) / x, LN2**2 / 2, LN2**3 / 6
)
tanh_tail = of_square(series(lambda x: (mpmath.tanh(x) - x) / x**3, -mpf(1) / 3))
sinh_tail = of_square(series(lambda x: (mpmath.sinh(x) - x) / x**3, mpf(1) / 6))
sin_tail = of_square(series(lambda x: (mpmath.sin(x) - x) / x**3, -mpf(1) / 6))
cos_tail = of_square(
    series(lambda x: (mpmath.cos(x) - 1 + x * x / 2) / x**4, mpf(1) / 24)
)
tan_tail = of_square(series(lambda x: (mpmath.tan(x) - x) / x**3, mpf(1) / 3))
log_tail = series(
    lambda f: (mpmath.log1p(f) - f + f * f / 2) / f**3, mpf(1) / 3, -mpf(1) / 4
)
log_square = series(lambda r: (mpmath.log1p(r) - r) / r**2, -mpf(1) / 2, mpf(1) / 3)
atanh_tail = of_square(
    series(lambda s: (2 * mpmath.atanh(s) - 2 * s) / s**3, mpf(2) / 3)
)
atanh_second_tail = of_square(
    series(lambda s: (mpmath.atanh(s) / s - 1 - s * s / 3) / s**4, mpf(1) / 5)
)
log2_tail = series(lambda f: mpmath.log1p(f) / (f * LN2), 1 / LN2, -1 / LN2 / 2)
erf_tail = of_square(
    series(lambda x: mpmath.erf(x) / x - 1, 2 / mpmath.sqrt(mp.pi) - 1)
)

asin_tail = of_square(series(lambda x: (mpmath.asin(x) - x) / x**3, mpf(1) / 6))
atan_tail = of_square(series(lambda x: (mpmath.atan(x) - x) / x**3, -mpf(1) / 3))


def scaled_erfc(t: Real) -> Real:
    """(1 + 2 a) exp(a**2) erfc(a), nearly constant, of t = (a - 4) / (a + 4)."""
    a = 4 * (1 + t) / (1 - t)
    return (1 + 2 * a) * mpmath.exp(a * a) * mpmath.erfc(a)


def log_gamma_factor(z: Real) -> Real:
    """log(gamma(x)) / ((x - 1) (x - 2)) of z = x - 3/2."""
    x = z + mpf(3) / 2
    if min(abs(x - 1), abs(x - 2)) < mpf(10) ** -20:
        return mpmath.euler if x < mpf(3) / 2 else 1 - mpmath.euler
    return mpmath.loggamma(x) / ((x - 1) * (x - 2))


DIGAMMA_ROOT = mpmath.findroot(mpmath.digamma, 1.46)


def digamma_factor(z: Real) -> Real:
    """digamma(x) / (x - root) of z = x - 3/2."""
    x = z + mpf(3) / 2
    if abs(x - DIGAMMA_ROOT) < mpf(10) ** -20:
        return mpmath.psi(1, DIGAMMA_ROOT)
    return mpmath.digamma(x) / (x - DIGAMMA_ROOT)


def stirling_rest(t: Real) -> Real:
    """What Stirling's formula lacks of log(gamma(x)), times x, of t = 1 / x**2."""
    if t < mpf(10) ** -16:
        return mpf(1) / 12 - t / 360
    x = 1 / mpmath.sqrt(t)
    formula = (x - mpf(1) / 2) * mpmath.log(x) - x + mpmath.log(2 * mp.pi) / 2
    return (mpmath.loggamma(x) - formula) * x


def digamma_rest(t: Real) -> Real:
    """(log(x) - 1/(2 x) - digamma(x)) x**2 of t = 1 / x**2."""
    if t < mpf(10) ** -16:
        return mpf(1) / 12 - t / 120
    x = 1 / mpmath.sqrt(t)
    return (mpmath.log(x) - 1 / (2 * x) - mpmath.digamma(x)) * x * x


def log2_erfc(x: Real) -> Real:
    """The exponent that the error function's distance from 1 has."""
    return -mpmath.log(mpmath.erfc(x), 2)


def exp2(x: Real) -> Real:
    """Two to the power of x."""
    return mpf(2) ** x


FITS = [
    Fit("EXP_F32", exp_tail, -HALF_LN2, HALF_LN2, 4, 24, nearly(1)),
    Fit("EXP_F64", exp_tail, -HALF_LN2, HALF_LN2, 9, 53, nearly(1)),
    Fit("EXP2_F32", exp2_tail, -mpf("0.5003"), mpf("0.5003"), 4, 24, nearly(1)),
    Fit("EXP2_F64", exp2_tail, -mpf("0.5003"), mpf("0.5003"), 10, 53, nearly(1)),
    Fit("TANH_F32", tanh_tail, 0, mpf("0.262") ** 2, 2, 24, lambda t: t),
    Fit("TANH_F64", tanh_tail, 0, mpf("0.262") ** 2, 6, 53, lambda t: t),
    Fit("SINH_F32", sinh_tail, 0, 1, 3, 24, lambda t: t),
    Fit("SINH_F64", sinh_tail, 0, 1, 6, 53, lambda t: t),
    Fit("SIN_F32", sin_tail, 0, ANGLE, 2, 24, lambda t: t),
    Fit("SIN_F64", sin_tail, 0, ANGLE, 5, 53, nearly(1)),
    Fit("COS_F32", cos_tail, 0, ANGLE, 2, 24, lambda t: t**2),
    Fit("COS_F64", cos_tail, 0, ANGLE, 5, 53, nearly(2)),
    Fit("TAN_F32", tan_tail, 0, ANGLE, 6, 24, lambda t: t),
    Fit("TAN_F64", tan_tail, 0, ANGLE, 14, 53, lambda t: t),
    Fit("LOG_F32", log_tail, -mpf("0.2501"), mpf("0.5001"), 8, 24, nearly(2, "0.02")),
    Fit("LOG_F64", atanh_tail, 0, mpf("0.0404"), 7, 53, one),
    Fit("LOG_TABLE_F32", log_square, -mpf("0.0323"), mpf("0.0626"), 3, 24, nearly(1)),
    Fit("LOG_TABLE_F64", log_square, -mpf("0.0323"), mpf("0.0626"), 8, 53, nearly(1)),
    Fit("POW_LOG2", log2_tail, -mpf("0.2501"), mpf("0.5001"), 14, 53, one),
    Fit("POW_EXP2", exp2, -mpf("0.5001"), mpf("0.5001"), 6, 53, one),
    Fit("POW_TABLE", log2_tail, -mpf("0.0323"), mpf("0.0626"), 6, 53, one),
    Fit("POW_ATANH", atanh_second_tail, 0, mpf("0.0405"), 7, 53, one),
    Fit("ERF_F32", erf_tail, 0, mpf("0.93") ** 2, 6, 24, one),
    Fit("ERF_F64", erf_tail, 0, 1, 11, 53, one),
    Fit("ERF_LOG_F32", log2_erfc, mpf("0.92"), 4, 6, 24, mpmath.erfc),
    Fit("ERF_LOG_F64", log2_erfc, mpf("0.99"), 6, 16, 53, mpmath.erfc),
    Fit("ASIN_F32", asin_tail, 0, mpf("0.2501"), 4, 24, lambda t: t),
    Fit("ASIN_F64", asin_tail, 0, mpf("0.2501"), 11, 53, lambda t: t),
    Fit("ATAN_F32", atan_tail, 0, 1, 8, 24, lambda t: t),
    Fit("ATAN_F64", atan_tail, 0, 1, 19, 53, lambda t: t),
    Fit("CBRT_F32", mpmath.cbrt, mpf("0.7499"), mpf("1.5001"), 4, 24, one),
    Fit("CBRT_F64", mpmath.cbrt, mpf("0.7499"), mpf("1.5001"), 5, 53, one),
    Fit("ERFC", scaled_erfc, -1, mpf("0.75"), 24, 53, one),
    Fit("LOG_GAMMA", log_gamma_factor, -mpf("0.801"), mpf("1.001"), 31, 53, one),
    Fit("DIGAMMA", digamma_factor, -mpf("0.501"), mpf("0.501"), 22, 53, one),
    Fit("STIRLING", stirling_rest, 0, mpf(1) / 64, 6, 53, lambda t: mpf(1) / 64),
    Fit("DIGAMMA_REST", digamma_rest, 0, mpf(1) / 64, 7, 53, lambda t: mpf(1) / 64),
]


class Row(NamedTuple):
    """A polynomial around the centre of an interval, the constant first."""

    center: Real
    coefficients: list[Real]


def quarter_rows(function: Function, one_from: float) -> list[Row]:
    """Rows for quarters of the octaves from 1/16 to 16, by their bits modulo 32.

    Each centre is chosen so that the function of it is very nearly a float (S. Gal,
    "Computing elementary functions: a new approach for achieving high accuracy and good
    performance", 1986). The first row also serves what is below it. From ``one_from``
    on the function is 1.
    """
    rows: list[Row] = [Row(mpf(0), [])] * 32
    for quarter in range(-16, 16):
        octave = mpf(2) ** (quarter // 4)
        low = octave * (4 + quarter % 4) / 4
        high = octave * (5 + quarter % 4) / 4
        (bits,) = struct.unpack("I", struct.pack("f", float(low)))
        if quarter == -16:
            low = mpf(0)
        rows[bits >> 21 & 31] = quarter_row(function, low, high, one_from)
    return rows


def quarter_row(function: Function, low: Real, high: Real, one_from: float) -> Row:
    """A row of degree 5 for one interval."""
    if low > one_from:
        return Row(rounded(low, 24), [mpf(1)] + [mpf(0)] * 5)
    high = min(high, mpf(one_from))
    step = (high - low) / 10000
    candidates = [rounded((low + high) / 2 + i * step, 24) for i in range(-200, 201)]
    center = mpf(0)
    if low:
        center = min(candidates, key=lambda c: distance_from_float(function(c)))
    value, derivative = function(center), mpmath.diff(function, center)

    def slope(x: Real) -> Real:
        if abs(x) < mpf(10) ** -15:
            return derivative
        return (function(center + x) - value) / x

    found, _ = remez(slope, one, low - center, high - center, range(5))
    return Row(center, [rounded(c, 24) for c in (value, *found)])


def distance_from_float(value: Real) -> Real:
    """How far a number is from the nearest f32."""
    return abs(value - rounded(value, 24))


def log_rows(bits: int) -> list[tuple[Real, Real, Real, Real]]:
    """Rows for sixteenths of 1 to 2: c, close to 1/x, -log(c) in two parts, -log2(c).

    The ends have c = 1 and c = 1/2, and the logarithm of the latter is ln 2 as it is
    used elsewhere, so that nothing is left at x = 1 seen from either side. Of the rest
    c is such that its logarithm is very nearly a float (Gal, 1986); for f64 the first
    part is a multiple of 2**-42, so that its sum with multiples of ln 2 is exact.
    """
    rows = []
    for i in range(16):
        middle = 1 / (1 + (i + mpf(1) / 2) / 16)
        candidates = [
            rounded(middle * (1 + mpf(k) / 2**18), 24) for k in range(-400, 401)
        ]
        c = min(candidates, key=lambda c: distance_from_float(-mpmath.log(c)))
        c = {0: mpf(1), 15: mpf(1) / 2}.get(i, c)
        logarithm = -mpmath.log(c)
        if bits == 24:
            high = rounded(logarithm, 24)
        elif i == 15:
            high = mpf(6.93147180369123816490e-01)
        else:
            high = mpmath.nint(logarithm * 2**42) / 2**42
        to_base_2 = rounded(logarithm / LN2, 53)
        rows.append((c, high, rounded(logarithm - high, bits), to_base_2))
    return rows


def words(values: Sequence[Real], bits: int = 24) -> str:
    """The bits of floats in hexadecimal, a line for each 32 bytes."""
    kind, count = (">f", 8) if bits == 24 else (">d", 4)
    digits = [struct.pack(kind, float(value)).hex() for value in values]
    return "\n".join(
        f'    "{" ".join(digits[i : i + count])} "'
        for i in range(0, len(digits), count)
    )


def main() -> None:
    """Print the fits that are named, or all."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", help="such as EXP_F32 or TANH_ROWS")
    names = parser.parse_args().names
    for wanted in FITS:
        if not names or wanted.name in names:
            found, error = fit(wanted)
            print(f"{wanted.name}: error 2**{float(mpmath.log(error, 2)):.1f}")
            single = wanted.bits == 24
            for value in found:
                number = float(value)
                print(f"    {number!r}," if single else f"    {number.hex()}")
    for name, function, one_from in (
        ("TANH_ROWS", mpmath.tanh, 9.02),
        ("ERF_ROWS", mpmath.erf, 3.95),
    ):
        if names and name not in names:
            continue
        rows = quarter_rows(function, one_from)
        if name == "ERF_ROWS":
            # The argument itself takes the place of its row's constant.
            slope = series(lambda x: mpmath.erf(x) / x - 1, 2 / mpmath.sqrt(mp.pi) - 1)
            found, _ = remez(slope, one, 0, 0.078125, range(5))
            rows[12] = Row(mpf(0), [mpf(0), *(rounded(c, 24) for c in found)])
        print(f"{name}: centres, then coefficients from the constant up")
        print(words([row.center for row in rows]))
        for power in range(6):
            print(words([row.coefficients[power] for row in rows]))
    for bits in (24, 53):
        if not names or f"LOG_ROWS_{bits}" in names:
            print(f"LOG_ROWS_{bits}: factors, logarithms in two parts, to base 2")
            for part in zip(*log_rows(bits), strict=True):
                print(words(part, bits))


if __name__ == "__main__":
    main()
