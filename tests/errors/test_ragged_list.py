"""The message ``ragged-list``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.array([x, x[0]])
        """,
        (X,),
        """
        program.py:2:12: error: a list of arrays has an inhomogeneous shape: (n, m) with (m), where n = 3, m = 4 [ragged-list]
            |
          2 |     return np.array([x, x[0]])
            |            ^^^^^^^^^^^^^^^^^^^
          help: the parts of an array must all have the same shape
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_ragged_list(source, args, expected):
    assert message(source, *args) == text(expected)
