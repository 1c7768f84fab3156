"""The message ``bool-index``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x[x.sum() > 0]
        """,
        (X,),
        """
        program.py:2:12: error: indexing with a single bool is not supported [bool-index]
            |
          2 |     return x[x.sum() > 0]
            |            ^^^^^^^^^^^^^^
          help: choose with np.where(condition, a, b)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_bool_index(source, args, expected):
    assert message(source, *args) == text(expected)
