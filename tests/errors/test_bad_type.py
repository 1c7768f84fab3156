"""The message ``bad-type``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x + np.sum([1, 2], axis=[0])
        """,
        (X,),
        """
        program.py:2:16: error: numpy.sum: 'list' object cannot be interpreted as an integer [bad-type]
            |
          2 |     return x + np.sum([1, 2], axis=[0])
            |                ^^^^^^^^^^^^^^^^^^^^^^^^
          help: see help(numpy.sum) for what it takes
        """,
    ),
    (
        """
        def f(x):
            return np.power(x)
        """,
        (X,),
        """
        program.py:2:12: error: numpy.power takes 2 to 3 arguments by position, but is given 1 [bad-type]
            |
          2 |     return np.power(x)
            |            ^^^^^^^^^^^
          help: pass its operands, then arrays for its results if need be
        """,
    ),
    (
        """
        def f(x):
            return pow(x, 3, 7)
        """,
        (X,),
        """
        program.py:2:12: error: pow: with a third argument all of them must be Python's integers [bad-type]
            |
          2 |     return pow(x, 3, 7)
            |            ^^^^^^^^^^^^
          help: of arrays, where the power fits its dtype: x**n % m
        """,
    ),
    (
        """
        def f(x):
            return float(x)
        """,
        (X,),
        """
        program.py:2:12: error: float() of f32[n,m]: only arrays of one element have a number [bad-type]
            |
          2 |     return float(x)
            |            ^^^^^^^^
          help: index one of them: x[0]
        """,
    ),
    (
        """
        def f(x):
            return range(x)
        """,
        (X,),
        """
        program.py:2:12: error: f32[n,m] is no index or count: only integer scalars are [bad-type]
            |
          2 |     return range(x)
            |            ^^^^^^^^
          help: use a Python integer, or a size such as x.shape[0]
        """,
    ),
    (
        """
        def f(x):
            return np.take(x, x)
        """,
        (X,),
        """
        program.py:2:12: error: take: the indices are f32[n,m], but must be integers [bad-type]
            |
          2 |     return np.take(x, x)
            |            ^^^^^^^^^^^^^
          help: convert them: indices.astype(int)
        """,
    ),
    (
        """
        def f(x):
            return x['a' : 'b']
        """,
        (X,),
        """
        program.py:2:12: error: a str is no end of a slice [bad-type]
            |
          2 |     return x['a' : 'b']
            |            ^^^^^^^^^^^^
          help: use integers, sizes or nothing, as in x[1:n]
        """,
    ),
    (
        """
        def f(x):
            return np.select([x], [x])
        """,
        (X,),
        """
        program.py:2:12: error: select: a condition is f32[n,m], but must be bool [bad-type]
            |
          2 |     return np.select([x], [x])
            |            ^^^^^^^^^^^^^^^^^^^
          help: compare it: condition != 0
        """,
    ),
    (
        """
        def f(x):
            return np.zeros(x)
        """,
        (X,),
        """
        program.py:2:12: error: f32[n,m] is no size: only integer scalars are [bad-type]
            |
          2 |     return np.zeros(x)
            |            ^^^^^^^^^^^
          help: use a Python integer, or a size such as x.shape[0]
        """,
    ),
    (
        """
        def f(x):
            return np.average(x, weights=x[0])
        """,
        (X,),
        """
        program.py:2:12: error: average: weights f32[m] need as many axes as axis= names [bad-type]
            |
          2 |     return np.average(x, weights=x[0])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give weights of x's shape, or one for each along the axis
        """,
    ),
    (
        """
        def f(x):
            return np.gradient(x, 1, 2, 3)
        """,
        (X,),
        """
        program.py:2:12: error: gradient: 3 spacings do not fit 2 axes [bad-type]
            |
          2 |     return np.gradient(x, 1, 2, 3)
            |            ^^^^^^^^^^^^^^^^^^^^^^^
          help: give one for all axes, or one for each
        """,
    ),
    (
        """
        def f(x):
            np.add.at([1, 2], x[0].astype(int), 1)
            return x
        """,
        (X,),
        """
        program.py:2:5: error: add.at: a list is not traced [bad-type]
            |
          2 |     np.add.at([1, 2], x[0].astype(int), 1)
            |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: make it an array within the function: np.array(...)
        """,
    ),
    (
        """
        def f(x):
            return np.tril(x.sum())
        """,
        (X,),
        """
        program.py:2:12: error: tril and triu take no scalars [bad-type]
            |
          2 |     return np.tril(x.sum())
            |            ^^^^^^^^^^^^^^^^
          help: make it a matrix: x.reshape(1, 1)
        """,
    ),
    (
        """
        def f(x):
            return np.add.accumulate(x.sum())
        """,
        (X,),
        """
        program.py:2:12: error: add.accumulate: a scalar has no axis to accumulate along [bad-type]
            |
          2 |     return np.add.accumulate(x.sum())
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give it an axis: x[None]
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_bad_type(source, args, expected):
    assert message(source, *args) == text(expected)
