"""The message ``operand-type``."""

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.add(x, 'a')
        """,
        (X,),
        """
        program.py:2:12: error: a str is no array or number [operand-type]
            |
          2 |     return np.add(x, 'a')
            |            ^^^^^^^^^^^^^^
          help: numpy functions take arrays, numbers, and lists of them
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_operand_type(source, args, expected):
    assert message(source, *args) == text(expected)
