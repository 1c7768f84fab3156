"""The message ``mask-and-index``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x[x[:, 0] > 0, 1]
        """,
        (X,),
        """
        program.py:2:12: error: a boolean mask together with other indices is not supported [mask-and-index]
            |
          2 |     return x[x[:, 0] > 0, 1]
            |            ^^^^^^^^^^^^^^^^^
          help: index first: x[i][mask], or choose with np.where
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_mask_and_index(source, args, expected):
    assert message(source, *args) == text(expected)
