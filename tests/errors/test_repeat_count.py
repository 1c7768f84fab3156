"""The message ``repeat-count``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.repeat(x, x[:, 0].astype(int), axis=0)
        """,
        (X,),
        """
        program.py:2:12: error: repeat by traced counts: the size of the result would be known only when the compiled function runs [repeat-count]
            |
          2 |     return np.repeat(x, x[:, 0].astype(int), axis=0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: repeat by one Python integer, or by a list of constants
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_repeat_count(source, args, expected):
    assert message(source, *args) == text(expected)
