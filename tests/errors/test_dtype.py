"""The message ``dtype``."""

import ml_dtypes
import numpy as np
import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return (x > 0) - (x < 1)
        """,
        (X,),
        """
        program.py:2:12: error: subtract: takes no bool and bool [dtype]
            |
          2 |     return (x > 0) - (x < 1)
            |            ^^^^^^^^^^^^^^^^^
          help: for bools, use a ^ b or np.logical_xor(a, b)
        """,
    ),
    (
        """
        def f(x):
            return x & 1
        """,
        (X,),
        """
        program.py:2:12: error: bitwise_and: takes no f32 and int [dtype]
            |
          2 |     return x & 1
            |            ^^^^^
          help: convert before: x.astype(dtype)
        """,
    ),
    (
        """
        def f(x, n):
            return np.concatenate([x, n])
        """,
        (np.ones(3, ml_dtypes.bfloat16), np.arange(3)),
        """
        program.py:2:12: error: bf16 and i64 have no dtype in common [dtype]
            |
          2 |     return np.concatenate([x, n])
            |            ^^^^^^^^^^^^^^^^^^^^^^
          help: convert one of them: .astype(np.float32)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_dtype(source, args, expected):
    assert message(source, *args) == text(expected)
