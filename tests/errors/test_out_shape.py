"""The message ``out-shape``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.add(x, 1, out=np.zeros(4))
        """,
        (X,),
        """
        program.py:2:12: error: add: out= is f64[4], too small for the result [out-shape]
            |
          2 |     return np.add(x, 1, out=np.zeros(4))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: make it of the result's shape, or leave it out
        """,
    ),
    (
        """
        def f(x):
            return np.sum(x, axis=0, out=np.zeros((1, 4), np.float32))
        """,
        (X,),
        """
        program.py:2:12: error: add: out= is f32[1,4], but the result is f32[m] [out-shape]
            |
          2 |     return np.sum(x, axis=0, out=np.zeros((1, 4), np.float32))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: make it of the result's shape, or leave it out
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_out_shape(source, args, expected):
    assert message(source, *args) == text(expected)
