"""The message ``shift-count``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import message, text

CASES = [
    (
        """
        def f(i):
            return i << i
        """,
        (np.arange(4),),
        """
        program.py:2:12: error: shifting i64[n] by counts that are not a constant [shift-count]
            |
          2 |     return i << i
            |            ^^^^^^
          help: shift by a Python integer, or multiply by a power of two
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_shift_count(source, args, expected):
    assert message(source, *args) == text(expected)
