"""The message ``write-to-view``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            y = np.broadcast_to(x.sum(), (3,))
            y[0] = 1
            return y
        """,
        (X,),
        """
        program.py:3:5: error: cannot write to a broadcast array: elements share their memory [write-to-view]
            |
          3 |     y[0] = 1
            |     ^^^^
          help: write to a copy: x = x.copy()
        """,
    ),
    (
        """
        def f(x):
            d = x.copy().diagonal()
            d[0] = 1
            return d
        """,
        (X,),
        """
        program.py:3:5: error: cannot write to a diagonal: NumPy makes it read-only [write-to-view]
            |
          3 |     d[0] = 1
            |     ^^^^
          help: write to a copy: x = x.copy()
        """,
    ),
    (
        """
        def f(x):
            w = np.lib.stride_tricks.sliding_window_view(x.copy(), 2, axis=0)
            w[0] = 1
            return w
        """,
        (X,),
        """
        program.py:3:5: error: cannot write to a sliding window: NumPy makes it read-only [write-to-view]
            |
          3 |     w[0] = 1
            |     ^^^^
          help: write to a copy: x = x.copy()
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_write_to_view(source, args, expected):
    assert message(source, *args) == text(expected)
