"""Axes of one size are not one axis: rows stay rows where arrays are square.

The sizes of a square array are known to be equal, so that nothing in the types keeps
apart a sum of rows that is laid along the rows, and one that is laid across them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps


def sums_both_ways(a: Any) -> Any:
    sums = a.sum(axis=1)
    doubled = sums * 2
    return doubled[:, None] + sums


def both_and_each(a: Any) -> Any:
    b = a[0] * 3
    product = b[:, None] * b
    return product + b, product + b[:, None]


def softmax_laid_across(a: Any) -> Any:
    e = np.exp2(np.floor(a))
    return e / e.sum(axis=1), e / e.sum(axis=1, keepdims=True)


def steps(a: Any) -> Any:
    for _ in range(3):
        a = a - a.max(axis=1)
        a = a.T + a.min(axis=0)[:, None]
    return a


PROGRAMS: list[Callable[[Any], Any]] = [
    lambda a: (a * 2) / (a * 2).sum(axis=1),
    lambda a: (a * 2) / (a * 2).sum(axis=0),
    lambda a: (a * 2) / (a * 2).sum(axis=0)[:, None],
    lambda a: (a * 2) / (a * 2).sum(axis=1, keepdims=True),
    lambda a: (a * 2) + (a * 2).T,
    lambda a: (a * 2) + (a * 2)[::-1],
    lambda a: (a * 2) + (a * 2)[:, ::-1],
    lambda a: (a * 2) + a[:, 0] * 2,
    lambda a: (a * 2) + (a[0] * 2)[:, None],
    lambda a: a - a.max(axis=1) + a.max(axis=0),
    lambda a: (a > a.min(axis=1)).sum(axis=0) + (a > 0).sum(axis=1),
    lambda a: np.cumsum(a, axis=0) - a.sum(axis=1),
    lambda a: np.where(a > a.sum(axis=1), a, a.sum(axis=0)),
    lambda a: (a @ a) + (a @ a).sum(axis=1),
    lambda a: (a * a.sum(axis=1)).sum(axis=1) + a.sum(axis=0),
    lambda a: np.outer(a.sum(axis=1), a.sum(axis=0)) + a.sum(axis=1),
    lambda a: a.sum(axis=1)[:, None] - a.sum(axis=1)[None, :],
    lambda a: np.sort(a, axis=1) + np.sort(a, axis=0) - a.sum(axis=1),
    lambda a: a + np.diagonal(a) + np.diagonal(a)[:, None] + a.sum(axis=1),
    lambda a: a + a.sum(axis=1, dtype=np.float64).astype(np.float32),
    lambda a: a + a.max(axis=1).astype(np.float32),
    lambda a: a[a.argmax(axis=1)] + a[:, a.argmin(axis=0)] + a.sum(axis=1),
    sums_both_ways,
    both_and_each,
    softmax_laid_across,
    steps,
]


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
@pytest.mark.parametrize("dtype", ["f8", "f4", "i4"])
def test_square(number: int, dtype: str) -> None:
    function = PROGRAMS[number]
    # The first call decides what is known of the sizes.
    for sizes in ((3, 2, 17, 1, 70), (1, 3), (64, 5)):
        compiled = ps.compile(function)
        for size in sizes:
            rng = np.random.default_rng(size)
            # Whole numbers, so that every order of adding gives the same bits.
            a = rng.integers(-8, 9, (size, size)).astype(dtype)
            with np.errstate(all="ignore"):
                expected = function(a)
            got = compiled(a)
            if not isinstance(expected, tuple):
                got, expected = (got,), (expected,)
            for one, other in zip(got, expected, strict=True):
                assert one.dtype == other.dtype
                np.testing.assert_array_equal(one, other)


def test_a_cube_keeps_its_axes_apart() -> None:
    def function(a: Any) -> Any:
        planes, rows = a.sum(axis=0), a.sum(axis=(1, 2))
        return (
            a + planes + rows,
            a - a.sum(axis=2)[:, None] + a.sum(axis=1)[..., None],
            (a * 2).transpose(1, 2, 0) + planes * rows[:, None],
            np.einsum("ijk,kij->jik", a, a) + a.max(axis=1),
        )

    compiled = ps.compile(function)
    for size in (4, 1, 3, 9):
        a = np.random.default_rng(size).integers(-8, 9, (size,) * 3).astype(float)
        for got, expected in zip(compiled(a), function(a), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_two_square_arrays_of_other_sizes() -> None:
    def function(a: Any, b: Any) -> Any:
        return a.sum(axis=1) + b.sum(axis=0), a @ b + a.sum(axis=1), a.T * b.sum(axis=1)

    compiled = ps.compile(function)
    for size in (3, 8, 33):
        rng = np.random.default_rng(size)
        a, b = (rng.integers(-8, 9, (size, size)).astype(float) for _ in range(2))
        for got, expected in zip(compiled(a, b), function(a, b), strict=True):
            np.testing.assert_array_equal(got, expected)
