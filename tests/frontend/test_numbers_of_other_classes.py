"""Members of enumerations, and others of classes derived from ``int`` and ``float``.

NumPy minds the dtype of their numbers, int64 and float64, unlike that of Python's own.
"""

import enum

import numpy as np
import pytest

from tests.frontend.running import check, check_refused


class Level(enum.IntEnum):
    LOW = 3
    HIGH = 300


class Flag(enum.IntFlag):
    A = 1
    B = 2


class Share(float, enum.Enum):
    HALF = 0.5
    NONE = float("nan")


class Count(int):
    pass


NUMBERS = (Level.LOW, Level.HIGH, Flag.B, Flag.A | Flag.B, Share.HALF)
DTYPES = ("?", "i1", "u1", "u8", "f2", "f4")


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
@pytest.mark.parametrize("dtype", DTYPES)
def test_they_promote_as_numpy_scalars(dtype, number):
    x = np.array([0, 1, 1], dtype)
    functions = (
        lambda x, n: (x * n, n * x, x < n, x == n),
        lambda x, n: x**n,
        lambda x, n: (np.where(x > 0, x, n), np.maximum(x, n), np.clip(x, 0, n)),
        lambda x, n: (np.stack([x, x + n]), np.array([n, 1]), np.full(2, n)),
        lambda x, n: (x.sum() * n, x + np.array([n, 1, 1]), np.multiply(n, x)),
    )
    for f in functions:
        check(lambda x, f=f: f(x, number), x)
        check(f, x, number)


def test_one_made_inside_counts_so_too():
    check(lambda x: (x * Level(3), x * Count(2), x + int(Level.LOW)), np.ones(2, "i1"))


def test_written_into_an_array_they_have_to_fit():
    def f(x, number):
        x = x.copy()
        x[0] = number
        x[1:] = number
        return x

    x = np.arange(3, dtype=np.int8)
    check(f, x, Level.LOW)
    check(f, x, Share.HALF)
    check_refused(f, x, Level.HIGH, error=OverflowError)
    check_refused(f, x, Share.NONE, error=ValueError)
