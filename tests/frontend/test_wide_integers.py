"""Integers beyond int64: as indices, shifts and operands of sizes."""

import numpy as np
import pytest

from tests.frontend.running import check, check_refused

X = np.arange(5.0)
WIDE = (2**63, 2**64 + 3, 10**30, -(2**63) - 1, -(2**70))


@pytest.mark.parametrize("index", [np.uint64(2**64 - 1), np.uint64(2**63)])
@pytest.mark.parametrize("make", [np.uint64, np.array])
def test_an_unsigned_index_does_not_wrap(index, make):
    """It was read as int64: the last element."""

    def write(x, i):
        y = x.copy()
        y[i] = 5
        return y

    index = make(index)
    outside = (IndexError, OverflowError)
    check_refused(lambda x: x[index], X, error=outside)
    check_refused(lambda x: write(x, index), X, error=outside)
    for f in (write, lambda x, i: x[i], lambda x, i: x[[0, 1], None][..., i]):
        with pytest.raises(outside):
            check(f, X, index)


def test_an_unsigned_index_within():
    check(lambda x, i: (x[i], x[:, None][i]), X, np.uint64(2))
    check(lambda x: x[np.uint64(2)], X)


@pytest.mark.parametrize("number", WIDE)
def test_rolling_by_wide_integers(number):
    check(lambda x: np.roll(x, number), X)
    check(lambda x: np.roll(x[:, None] * x, (number, 1), (0, 1)), X)


@pytest.mark.parametrize("number", WIDE)
def test_wide_integers_divided_by_sizes(number):
    def f(x):
        n = x.shape[0]
        return number % n, number // n, divmod(number, n), n % number, n // number

    check(f, X)
    check(lambda n: (number % n, n // number), 5)


@pytest.mark.parametrize("number", [2**31, -(2**63)])
@pytest.mark.parametrize(
    "function",
    [
        lambda x, n: (x[:, None] * x).diagonal(n),
        lambda x, n: np.trace(x[:, None] * x, n),
        np.round,
    ],
)
def test_what_numpy_takes_as_32_bits(function, number):
    check_refused(lambda x: function(x, number), X, error=OverflowError)


def test_more_decimals_than_doubles_hold():
    x = np.array([1.5, 2.25, 1e300])
    for decimals in (308, 309, 400, -308, -400, 2**31 - 1):
        check(lambda x, decimals=decimals: np.round(x, decimals), x)
