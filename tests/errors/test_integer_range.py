"""The message ``integer-range``."""

import numpy as np
import pytest

from tests.errors.program import message, text

CASES = [
    (
        """
        def f(u):
            return u + 300
        """,
        (np.zeros(3, np.uint8),),
        """
        program.py:2:12: error: the Python integer 300 does not fit u8 [integer-range]
            |
          2 |     return u + 300
            |            ^^^^^^^
          help: give it a dtype of its own, e.g. np.int64(...)
        """,
    ),
    (
        """
        def f(u, n):
            return u * n
        """,
        (
            np.zeros(3, np.int8),
            200,
        ),
        """
        program.py:2:12: error: the Python integer 200 does not fit i8 [integer-range]
            |
          2 |     return u * n
            |            ^^^^^
          help: give it a dtype of its own, e.g. np.int64(...)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_integer_range(source, args, expected):
    assert message(source, *args) == text(expected)
