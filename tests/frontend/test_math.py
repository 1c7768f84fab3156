"""Python's ``math`` module, roundings of numbers, and builtins that compare."""

import math
from math import sqrt

import numpy as np
import pytest

from penstock.ir.errors import TraceError
from tests.frontend.running import check, run, serves, traced

FUNCTIONS = ("sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "fabs")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_numbers_need_no_guard_on_the_number(name):
    function = getattr(math, name)

    def f(x, rate):
        return x * function(rate), x + function(len(x))

    x = np.array([1.0, 2.0, 3.0])
    check(f, x, 0.25, ulp=2)
    found = traced(f, x, 0.25)
    assert serves(found, f, x[:2], 0.75)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("number", [-2.0, -1.0, 0.0, 1e300, math.inf, math.nan])
def test_domains_are_pythons(name, number):
    function = getattr(math, name)

    def f(x, rate):
        return x * function(rate)

    x = np.array([1.0])
    try:
        function(number)
    except (ValueError, OverflowError) as error:
        with pytest.raises(type(error)):
            run(f, x, number)
        # A variant for numbers inside the domain serves none outside.
        assert not serves(traced(f, x, 0.25), f, x, number)
    else:
        check(f, x, number, ulp=2)


def test_sizes_stay_symbolic_under_a_root():
    def f(q):
        return q / math.sqrt(q.shape[-1]), q * sqrt(len(q))

    check(f, np.ones((2, 3), np.float32))
    found = traced(f, np.ones((2, 3), np.float32))
    assert serves(found, f, np.ones((5, 64), np.float32))


def test_other_functions_fix_the_number():
    def f(x, rate):
        return x * math.erf(rate), math.factorial(len(x)), math.pi, math.hypot(rate, 1)

    check(f, np.ones(3), 0.5)
    assert not serves(traced(f, np.ones(3), 0.5), f, np.ones(3), 0.25)


ROUNDINGS = {
    "int": int,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}


@pytest.mark.parametrize("name", ROUNDINGS)
def test_roundings_guard_the_answer(name):
    rounding = ROUNDINGS[name]

    def f(x, scale):
        return x * rounding(3 * scale)

    x = np.ones(2)
    numbers = [k / 24 for k in range(-30, 31)]
    for first in (-0.9, -0.2, 0.05, 0.45, 0.7, 1.0, -1.0, 0.5, -0.5):
        check(f, x, first)
        found = traced(f, x, first)
        served = [number for number in numbers if serves(found, f, x, number)]
        for number in served:
            assert rounding(3 * number) == rounding(3 * first)
        alike = [n for n in numbers if rounding(3 * n) == rounding(3 * first)]
        # A half rounds to an even neighbour, and so stands for itself alone.
        assert len(served) >= (1 if name == "round" else len(alike))
    for bad in (math.inf, math.nan):
        with pytest.raises((ValueError, OverflowError)):
            run(f, x, bad)


def test_rounding_of_scalars():
    check(lambda x: (round(x[0], 1), round(x.sum(), 2)), np.array([1.26, 2.31]))
    check(lambda x: round(x[0], 1), np.array([1.26, 2.31], np.float32))
    check(lambda x: round(x[0], -1), np.array([126, 2]))
    with pytest.raises(TraceError):
        run(lambda x: round(x[0]), np.ones(2))


@pytest.mark.parametrize(
    ("function", "instead"),
    [
        (lambda x: max(x[0], x[1]), "np.maximum"),
        (lambda x: max(-x), r"x\.max"),
        (lambda x: min(x[0], 2.0), "np.minimum"),
        (lambda x: sorted(-x), r"np\.sort"),
        (lambda x: math.exp(x[0]), "np.exp"),
    ],
)
def test_builtins_say_what_serves_instead(function, instead):
    with pytest.raises(TraceError, match=f"help: .*{instead}"):
        run(function, np.ones(2))


def test_builtins_on_numbers_are_pythons():
    def f(x, n):
        return max(n, 2), min(len(x), 2), sorted([3, n, 1]), max([], default=n), x

    check(f, np.ones(3), 5)
