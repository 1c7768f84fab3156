"""The message ``bad-index``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x + np.take([1, 2], 5)
        """,
        (X,),
        """
        program.py:2:16: error: numpy.take: index 5 is out of bounds for axis 0 with size 2 [bad-index]
            |
          2 |     return x + np.take([1, 2], 5)
            |                ^^^^^^^^^^^^^^^^^^
          help: see help(numpy.take) for what it takes
        """,
    ),
    (
        """
        def f(x):
            return x[1.5]
        """,
        (X,),
        """
        program.py:2:12: error: a float is no index [bad-index]
            |
          2 |     return x[1.5]
            |            ^^^^^^
          help: index by integers, slices, ..., None, or arrays of integers or bools
        """,
    ),
    (
        """
        def f(x):
            return x[x]
        """,
        (X,),
        """
        program.py:2:12: error: f32[n,m] is no index [bad-index]
            |
          2 |     return x[x]
            |            ^^^^
          help: index by integers: a half is n // 2, and i.astype(int) converts
        """,
    ),
    (
        """
        def f(x):
            return x[..., 0, ...]
        """,
        (X,),
        """
        program.py:2:12: error: an index holds more than one ... [bad-index]
            |
          2 |     return x[..., 0, ...]
            |            ^^^^^^^^^^^^^^
          help: keep one ..., and write : for the other axes
        """,
    ),
    (
        """
        def f(x):
            return np.take_along_axis(x, x, 0)
        """,
        (X,),
        """
        program.py:2:12: error: take_along_axis: the indices are f32[n,m] [bad-index]
            |
          2 |     return np.take_along_axis(x, x, 0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert them: indices.astype(int)
        """,
    ),
    (
        """
        def f(x, m):
            return x[m]
        """,
        (X, np.ones(2, bool)),
        """
        program.py:2:12: error: boolean index: sizes n and k differ (n = 3, k = 2) [bad-index]
            |
          2 |     return x[m]
            |            ^^^^
          help: a mask must have the sizes of the axes that it indexes
        """,
    ),
    (
        """
        def f(x, i):
            return x[i, [0, 1]]
        """,
        (X, np.array([0, 1, 2])),
        """
        program.py:2:12: error: index arrays: cannot broadcast (k) with (2), where k = 3 [bad-index]
            |
          2 |     return x[i, [0, 1]]
            |            ^^^^^^^^^^^^
          help: align trailing axes, e.g. x[:, None]
        """,
    ),
    (
        """
        def f(x):
            return np.delete(x, 3, axis=0)
        """,
        (X,),
        """
        program.py:2:12: error: delete: there is no place 3 along axis 0 [bad-index]
            |
          2 |     return np.delete(x, 3, axis=0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^
          help: places go from 0 to size - 1, and from -1 backwards to -size
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_bad_index(source, args, expected):
    assert message(source, *args) == text(expected)
