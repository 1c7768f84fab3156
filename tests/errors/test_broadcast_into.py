"""The message ``broadcast-into``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            y = x.copy()
            y[0] = [1, 2, 3]
            return y
        """,
        (X,),
        """
        program.py:3:5: error: assignment: i64[3] does not broadcast to i64[m] [broadcast-into]
            |
          3 |     y[0] = [1, 2, 3]
            |     ^^^^
          help: the right side may only repeat along axes of size 1
        """,
    ),
    (
        """
        def f(x):
            y = x.copy()
            np.add.at(y, 1, np.array([5.0]))
            return y
        """,
        (X[:, 0],),
        """
        program.py:3:5: error: add.at: f64[1] does not broadcast to f64[] [broadcast-into]
            |
          3 |     np.add.at(y, 1, np.array([5.0]))
            |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: the last operand may have no more axes than that: take x[0] of it
        """,
    ),
    (
        """
        def f(x, y):
            y = y.copy()
            np.divide.at(y, [0, 1], x)
            return y
        """,
        (X[:, 0], X),
        """
        program.py:3:5: error: divide.at: f32[n] does not broadcast to f32[2,k] [broadcast-into]
            |
          3 |     np.divide.at(y, [0, 1], x)
            |     ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: the last operand may only repeat along axes of size 1
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_broadcast_into(source, args, expected):
    assert message(source, *args) == text(expected)
