"""The message ``slice-end``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x[: x[0].argmax()]
        """,
        (X,),
        """
        program.py:2:12: error: the end of a slice is a traced integer: the size of the result would be known only when the compiled function runs [slice-end]
            |
          2 |     return x[: x[0].argmax()]
            |            ^^^^^^^^^^^^^^^^^^
          help: slice by Python integers or sizes, or select with np.where
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_slice_end(source, args, expected):
    assert message(source, *args) == text(expected)
