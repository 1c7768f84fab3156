"""The message ``reshape``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x.reshape(5, -1)
        """,
        (X,),
        """
        program.py:2:12: error: cannot reshape f32[n,m] into (5, -1), where n = 3, m = 4 [reshape]
            |
          2 |     return x.reshape(5, -1)
            |            ^^^^^^^^^^^^^^^^
          help: the number of elements must stay the same
        """,
    ),
    (
        """
        def f(x):
            return x.reshape(2, 5)
        """,
        (X,),
        """
        program.py:2:12: error: cannot reshape f32[n,m] into (2, 5), where n = 3, m = 4 [reshape]
            |
          2 |     return x.reshape(2, 5)
            |            ^^^^^^^^^^^^^^^
          help: the number of elements must stay the same
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_reshape(source, args, expected):
    assert message(source, *args) == text(expected)
