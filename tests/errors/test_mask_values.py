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
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_mask_values(source, args, expected):
    assert message(source, *args) == text(expected)
