"""The message ``endless-recursion``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return f(x + 1)
        """,
        (X,),
        """
        program.py:2: error: the function calls itself without end while it is traced [endless-recursion]
            |
          2 |     return f(x + 1)
            |     ^^^^^^^^^^^^^^^
          help: a condition on traced values cannot end a recursion: use ps.while_loop, or recurse on sizes and Python numbers
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_endless_recursion(source, args, expected):
    assert message(source, *args) == text(expected)
