"""The message ``out-argument``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.add(x, 1, out=[0])
        """,
        (X,),
        """
        program.py:2:12: error: add: out= is a list, which is not traced [out-argument]
            |
          2 |     return np.add(x, 1, out=[0])
            |            ^^^^^^^^^^^^^^^^^^^^^
          help: make it within the function: np.empty(...) or np.zeros(...)
        """,
    ),
    (
        """
        def f(x):
            return np.sum(x, axis=0, out=[0])
        """,
        (X,),
        """
        program.py:2:12: error: add: out= is a list, which is not traced [out-argument]
            |
          2 |     return np.sum(x, axis=0, out=[0])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: make it within the function: np.empty(...) or np.zeros(...)
        """,
    ),
    (
        """
        def f(x):
            np.copyto([1, 2], x)
            return x
        """,
        (X,),
        """
        program.py:2:5: error: copyto: the destination is a list, which is not traced [out-argument]
            |
          2 |     np.copyto([1, 2], x)
            |     ^^^^^^^^^^^^^^^^^^^^
          help: make it within the function: np.empty(...) or np.zeros(...)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_out_argument(source, args, expected):
    assert message(source, *args) == text(expected)
