"""Fits the polynomials of the vector math functions, and prints their coefficients.

    python tools/fit_math.py [name ...]

Each fit is a minimax polynomial found with Remez' exchange algorithm (E. Remez, Comptes
Rendus 199, 1934), in 60 digits, and rounded to the precision that it is used in.
"""

from __future__ import annotations

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
            weights[i] * (sum(c * t for c, t in zip(coefficients, table[i], strict=True))
                          - values[i])
            for i in range(size)
        ]  # fmt: skip
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


def measure(wanted: Fit, coefficients: Sequence[Real]) -> Real:
    """The largest weighted error on a dense grid."""
    low, high = mpf(wanted.low), mpf(wanted.high)
    return max(
        abs(
            wanted.weight(x)
            * (mpmath.polyval(list(coefficients)[::-1], x) - wanted.function(x))
        )
        for x in (low + (high - low) * (i + mpf(1) / 3) / 1000 for i in range(1000))
    )


def _even(function: Function) -> Function:
    """A function of x as one of t = x * x."""
    return lambda t: function(mpmath.sqrt(t))


def _one(x: Real) -> Real:
    return mpf(1)


def _expm1_tail(x: Real) -> Real:
    if abs(x) < mpf("1e-12"):
        return mpf(1) / 2 + x / 6 + x * x / 24
    return (mpmath.expm1(x) - x) / (x * x)


FITS: list[Fit] = []
