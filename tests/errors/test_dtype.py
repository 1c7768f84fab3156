"""The message ``dtype``."""

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
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_dtype(source, args, expected):
    assert message(source, *args) == text(expected)
