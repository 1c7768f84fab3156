"""The message ``broadcast-into``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            y = x.copy()
            y[0] = [1, 2, 3]
            return y
        """,
        (X,),
        """
        program.py:3:5: error: assignment: i64[3] does not broadcast to i64[m] [broadcast-into]
            |
          3 |     y[0] = [1, 2, 3]
            |     ^^^^
          help: the right side may only repeat along axes of size 1
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_broadcast_into(source, args, expected):
    assert message(source, *args) == text(expected)
