"""The message ``matmul``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x, y):
            return x @ y
        """,
        (
            X,
            X,
        ),
        """
        program.py:2:12: error: matmul: cannot multiply f32[n,m] with f32[k,p], where n = 3, m = 4, k = 3, p = 4 [matmul]
            |
          2 |     return x @ y
            |            ^^^^^
          help: the last size of the first must be the last but one of the second
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_matmul(source, args, expected):
    assert message(source, *args) == text(expected)
