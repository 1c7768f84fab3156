"""The message ``index-out-of-bounds``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x[3]
        """,
        (X,),
        """
        program.py:2:12: error: index 3 is out of bounds for axis 0 with size 3 [index-out-of-bounds]
            |
          2 |     return x[3]
            |            ^^^^
        """,
    ),
    (
        """
        def f(x):
            return x[0, -5]
        """,
        (X,),
        """
        program.py:2:12: error: index -5 is out of bounds for axis 1 with size 4 [index-out-of-bounds]
            |
          2 |     return x[0, -5]
            |            ^^^^^^^^
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_index_out_of_bounds(source, args, expected):
    assert message(source, *args) == text(expected)
