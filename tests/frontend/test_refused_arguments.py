"""What NumPy refuses, or takes for objects, is an error at the user's line."""

from fractions import Fraction

import numpy as np
import pytest

from penstock.ir.errors import UnsupportedError
from tests.frontend.running import check, check_refused, run

X = np.arange(6.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.arange([1, 2]) + x[0],
        lambda x: np.diff(x, 1.0),
        lambda x: np.diag(x, 1.0),
        lambda x: x.reshape("a"),
        lambda x: x.sum(axis=1.0),
        lambda x: x.sum(axis=False),
        lambda x: x.max(axis=[]),
        lambda x: x.mean(axis=[0]),
        lambda x: np.zeros(True) + x[0],
        lambda x: np.ones((2, True)) + x[0],
        lambda x: x.astype(np.array(3)),
        lambda x: x.astype("zz"),
        lambda x: x.sum(dtype="zz"),
        lambda x: np.zeros(3, "zz") + x[0],
        lambda x: x < np.dtype("f4"),
        lambda x: x + None,
        lambda x: x + object(),
        lambda x: None * x,
        lambda x: x < None,
        lambda x: np.zeros(3).sum(axis=1.0) + x,
        lambda x: np.choose(x, [x, x], mode="clip"),
        lambda x: np.choose(x.astype("u8"), [x, x], mode="clip"),
        lambda x: np.unravel_index(x, (2, 3)),
        lambda x: np.ravel_multi_index((x, x), (6, 6)),
    ],
)
def test_wrong_types(function):
    check_refused(function, X)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x: np.array([np.nan, 1], int) + x[0], ValueError),
        (lambda x: np.array([np.inf, 1], int) + x[0], OverflowError),
        (lambda x: x.reshape(4, -1), ValueError),
        (lambda x: np.einsum("i1", x.reshape(2, 3)), ValueError),
        (lambda x: np.einsum("...j->j", x.reshape(2, 3)), ValueError),
    ],
)
def test_wrong_values(function, error):
    check_refused(function, X, error=error)


@pytest.mark.parametrize("convert", [int, np.int64, round])
def test_an_integer_of_what_has_none(convert):
    def f(c):
        return convert(c)

    check_refused(f, float("nan"), error=ValueError)
    check_refused(f, float("-inf"), error=OverflowError)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.roll(x, 1.0),
        lambda x: np.repeat(x, 2.0),
        lambda x: np.rot90(x[None], 1.0),
        lambda x: np.split(x, 2.0),
        lambda x: np.zeros("") + x,
        lambda x: np.repeat(x, []),
    ],
)
def test_what_numpy_may_take_but_is_no_integer(function):
    with pytest.raises(TypeError, match=r"test_refused_arguments\.py:\d+"):
        run(function, X)


def test_errors_of_the_users_own_functions_stay_as_they_are():
    def cell(i, j):
        raise ValueError("mine")

    def own(x):
        return np.fromfunction(cell, (2, 2)) + x[0]

    with pytest.raises(ValueError, match=r"^mine$"):
        run(own, X)


class Given:
    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return self.x


def test_objects_that_give_traced_arrays():
    check(lambda x: (x + Given(x), np.add(x, Given(x)), Given(x) * x), X)
    check(lambda x: (np.array(Given(x)), np.asarray(Given(x))), X)
    check(lambda x: np.stack([x, Given(x)]), X)
    with pytest.raises(ValueError, match=r"test_refused_arguments\.py:\d+"):
        run(lambda x: np.sum(Given(x)), X)


class Reflected:
    def __radd__(self, other):
        return other

    __rmul__ = __rpow__ = __radd__


class First(Reflected):
    __array_priority__ = 1.0


class Sequence:
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return [0.0, 1.0, 2.0, 3.0, 4.0, 5.0][index]

    def __radd__(self, other):
        return "not asked"


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + Reflected(),
        lambda x: x * Reflected(),
        lambda x: x ** Reflected(),
        lambda x: x + Sequence(),
        lambda x: x ** Fraction(1, 2),
        lambda x: x * Fraction(1, 2),
        lambda x: Fraction(1, 2) * x,
        lambda x: x == np.dtype("f4"),
    ],
)
def test_arithmetic_of_arrays_with_objects(function):
    """The whole array was given to the object's own method."""
    with pytest.raises(UnsupportedError, match="operand-type"):
        run(function, X)


def test_objects_that_go_before_arrays():
    check(lambda x: x + First(), X)
    assert run(lambda x: x.sum() + Reflected(), X) == X.sum()


def test_equality_with_objects():
    check(lambda x: (x == None, x != "a", x == object(), x != int), X)  # noqa: E711, E721
