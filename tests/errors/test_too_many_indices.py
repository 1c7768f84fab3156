"""The message ``too-many-indices``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x[0, 0, 0]
        """,
        (X,),
        """
        program.py:2:12: error: too many indices: f32[n,m] has 2 axes, but 3 are indexed [too-many-indices]
            |
          2 |     return x[0, 0, 0]
            |            ^^^^^^^^^^
          help: index at most once for each axis; None and ... take none
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_too_many_indices(source, args, expected):
    assert message(source, *args) == text(expected)
