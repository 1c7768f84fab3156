"""The message ``mask-values``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            y = x.copy()
            y[x > 5] = [1, 2, 3, 4, 5, 6]
            return y
        """,
        (X,),
        """
        program.py:3:5: error: assigning i64[6] to the elements that a mask selects [mask-values]
            |
          3 |     y[x > 5] = [1, 2, 3, 4, 5, 6]
            |     ^^^^^^^^
          help: assign a scalar, or choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x, mask):
            y = x.copy()
            y[mask] = [1, 2, 3]
            return y
        """,
        (X, X > 8),
        """
        program.py:3:5: error: assigning i64[3] to the elements that a mask selects [mask-values]
            |
          3 |     y[mask] = [1, 2, 3]
            |     ^^^^^^^
          help: arrays from outside are read at each call: for a mask that stays, pass or capture a tuple of bools, and index with np.array(mask)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_mask_values(source, args, expected):
    assert message(source, *args) == text(expected)
