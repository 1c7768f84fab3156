"""The message ``write-to-input``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            x[0] = 1
            return x
        """,
        (X,),
        """
        program.py:2:5: error: cannot write to argument x: it belongs to the caller [write-to-input]
            |
          2 |     x[0] = 1
            |     ^^^^
          help: write to a copy: x = x.copy()
        """,
    ),
    (
        """
        def f(x):
            x += 1
            return x
        """,
        (X,),
        """
        program.py:2:5: error: cannot write to argument x: it belongs to the caller [write-to-input]
            |
          2 |     x += 1
            |     ^^^^^^
          help: write to a copy: x = x.copy()
        """,
    ),
    (
        """
        W = np.ones(3)

        def f(x):
            W[0] = 2
            return x * W[0]
        """,
        (X,),
        """
        program.py:4:5: error: cannot write to global W: it belongs to the caller [write-to-input]
            |
          4 |     W[0] = 2
            |     ^^^^
          help: write to a copy: new = W.copy()
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_write_to_input(source, args, expected):
    assert message(source, *args) == text(expected)
