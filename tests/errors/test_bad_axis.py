"""The message ``bad-axis``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x.sum(2)
        """,
        (X,),
        """
        program.py:2:12: error: axis 2 is out of bounds for an array of 2 axes [bad-axis]
            |
          2 |     return x.sum(2)
            |            ^^^^^^^^
          help: axes count from 0, and from -1 backwards
        """,
    ),
    (
        """
        def f(x):
            return np.swapaxes(x, 0, -3)
        """,
        (X,),
        """
        program.py:2:12: error: axis -3 is out of bounds for an array of 2 axes [bad-axis]
            |
          2 |     return np.swapaxes(x, 0, -3)
            |            ^^^^^^^^^^^^^^^^^^^^^
          help: axes count from 0, and from -1 backwards
        """,
    ),
    (
        """
        def f(x):
            return x[None]
        """,
        (np.zeros((1,) * 64),),
        """
        program.py:2:12: error: reshape: the result would have 65 axes, but arrays have 64 at most [bad-axis]
            |
          2 |     return x[None]
            |            ^^^^^^^
          help: merge axes: x.reshape(...)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_bad_axis(source, args, expected):
    assert message(source, *args) == text(expected)
