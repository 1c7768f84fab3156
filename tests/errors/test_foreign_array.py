"""The message ``foreign-array``."""

import numpy as np

from tests.errors.program import message, text


class Tensor:
    """An array of another library."""

    def __array__(self, dtype=None, copy=None):
        return np.ones(3)


def test_foreign_array():
    expected = """
        program.py:1: error: argument x is a tests.errors.test_foreign_array.Tensor, not a NumPy array [foreign-array]
            |
          1 | def f(x): return x
            | ^^^^^^^^^^^^^^^^^^
          help: convert it first: np.asarray(x)
        """  # noqa: E501
    assert message("def f(x): return x", Tensor()) == text(expected)
