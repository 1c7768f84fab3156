"""The message ``uncertain-view``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            y = x.T + 1
            flat = y.reshape(-1)
            flat[0] = 1
            return y
        """,
        (X,),
        """
        program.py:4:5: error: whether NumPy would make this reshaped array a view or a copy depends on the memory layout, and one of the two is written [uncertain-view]
            |
          4 |     flat[0] = 1
            |     ^^^^^^^
          help: say which: x.reshape(...).copy(), or write before reshaping
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_uncertain_view(source, args, expected):
    assert message(source, *args) == text(expected)
