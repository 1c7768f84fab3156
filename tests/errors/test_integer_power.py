"""The message ``integer-power``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import message, text

CASES = [
    (
        """
        def f(i):
            return i**i
        """,
        (np.arange(4),),
        """
        program.py:2:12: error: i64[n] to the power of signed integers that are not constant [integer-power]
            |
          2 |     return i**i
            |            ^^^^
          help: the exponents might be negative: make them unsigned, e.g. n.astype(np.uint64), or the base floating
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_integer_power(source, args, expected):
    assert message(source, *args) == text(expected)
