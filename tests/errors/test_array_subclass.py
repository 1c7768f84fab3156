"""The message ``array-subclass``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import message, text

CASES = [
    (
        """
        def f(x):
            return x
        """,
        (np.ma.array([1.0, 2.0]),),
        """
        program.py:1: error: argument x is a MaskedArray, a subclass of np.ndarray that may compute by other rules [array-subclass]
            |
          1 | def f(x):
            | ^^^^^^^^^
          help: pass a plain one: np.asarray(x), or x.filled(...) for masked ones
        """,
    ),
    (
        """
        class Tenfold(np.ndarray):
            def __mul__(self, other):
                return np.asarray(self) * 10 * other

        W = np.ones(2).view(Tenfold)

        def f(x):
            return x + W * 2
        """,
        (np.ones(2),),
        """
        program.py:8:16: error: global W is a Tenfold, a subclass of np.ndarray that may compute by other rules [array-subclass]
            |
          8 |     return x + W * 2
            |                ^
          help: pass a plain one: np.asarray(x)
        """,
    ),
    (
        """
        class Tenfold(np.float64):
            def __mul__(self, other):
                return float(self) * 10 * other

        def f(x, scale=Tenfold(2.0)):
            return scale * x
        """,
        (np.ones(2),),
        """
        program.py:5: error: argument scale is a Tenfold, a subclass of a NumPy scalar that may compute by other rules [array-subclass]
            |
          5 | def f(x, scale=Tenfold(2.0)):
            | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass a plain one: np.asarray(x)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_array_subclass(source, args, expected):
    assert message(source, *args) == text(expected)
