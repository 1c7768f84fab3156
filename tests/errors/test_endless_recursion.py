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
        program.py:2:12: error: the function calls itself without end while it is traced [endless-recursion]
            |
          2 |     return f(x + 1)
            |            ^^^^^^^^
          help: what is traced cannot end a recursion: recurse on sizes and Python numbers, and choose elements with np.where
        """,
    ),
    (
        """
        def f(x):
            return g(x) + x.T

        def g(x):
            y = x * 2
            return f(y) - 1
        """,
        (X,),
        """
        program.py:2:12: error: the function calls itself without end while it is traced [endless-recursion]
            |
          2 |     return g(x) + x.T
            |            ^^^^
          help: what is traced cannot end a recursion: recurse on sizes and Python numbers, and choose elements with np.where
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_endless_recursion(source, args, expected):
    assert message(source, *args) == text(expected)
