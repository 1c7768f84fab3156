"""The message ``integer-power``."""

import linecache

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArgumentError
from tests.errors.program import text
from tests.frontend.running import run

SOURCE = "def f(i, n):\n    return i**n + 1\n"

EXPECTED = """
program.py:2:12: error: power: i64[n] to a negative power is no integer, where n = 3 [integer-power]
    |
  2 |     return i**n + 1
    |            ^^^^
  help: make the base floating: x.astype(float)
"""  # noqa: E501
I = np.arange(1, 4)  # noqa: E741


@pytest.fixture
def power():
    linecache.cache["program.py"] = (
        len(SOURCE), None, SOURCE.splitlines(keepends=True), "program.py"
    )  # fmt: skip
    names = {}
    exec(compile(SOURCE, "program.py", "exec"), names)
    return names["f"]


def test_integer_power(power):
    f = ps.compile(power)
    np.testing.assert_array_equal(f(I, I), I**I + 1)
    for _ in range(2):
        with pytest.raises(ArgumentError) as caught:
            f(I, I - 2)
        assert str(caught.value) == text(EXPECTED)
    assert isinstance(caught.value, ValueError)
    assert f.stats().variants == 1


def test_integer_power_in_the_evaluator(power):
    with pytest.raises(ArgumentError) as caught:
        run(power, I, I - 2)
    assert str(caught.value) == text(EXPECTED.replace(", where n = 3", ""))


def test_one_power_of_several_is_negative(power):
    f = ps.compile(ps.vmap(power, (None, 0)))
    exponents = np.array([[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(f(I, exponents), I**exponents + 1)
    exponents[1, 2] = -1
    with pytest.raises(ValueError, match="to a negative power"):
        f(I, exponents)


def test_a_derivative_passes_by_integer_powers():
    """They are constants to it, and refused in it too."""

    def f(x, i, n):
        return np.sum(x * i**n)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(ps.grad(f)(x, I, I), I**I)
    with pytest.raises(ValueError, match="to a negative power"):
        ps.grad(f)(x, I, -I)
