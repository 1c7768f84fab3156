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
        error: argument x is a MaskedArray, which computes by other rules than arrays [array-subclass]
          help: pass a plain array: np.asarray(x), or x.filled(...) for masked ones
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_array_subclass(source, args, expected):
    assert message(source, *args) == text(expected)
