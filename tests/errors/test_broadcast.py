"""The message ``broadcast``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x, y):
            return x + y
        """,
        (
            X,
            X[:, :3],
        ),
        """
        program.py:2:12: error: add: cannot broadcast (n, m) with (n, p), where n = 3, m = 4, p = 3 [broadcast]
            |
          2 |     return x + y
            |            ^^^^^
          help: align trailing axes, e.g. x[:, None]
        """,
    ),
    (
        """
        def f(x):
            return np.where(x > 0, x, x[:, 0])
        """,
        (X,),
        """
        program.py:2:12: error: where: cannot broadcast (n, m) with (n), where n = 3, m = 4 [broadcast]
            |
          2 |     return np.where(x > 0, x, x[:, 0])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: align trailing axes, e.g. x[:, None]
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_broadcast(source, args, expected):
    assert message(source, *args) == text(expected)
