"""The message ``unsupported-argument``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.sum(x, wheer=1)
        """,
        (X,),
        """
        program.py:2:12: error: numpy.sum: got an unexpected keyword argument 'wheer' [unsupported-argument]
            |
          2 |     return np.sum(x, wheer=1)
            |            ^^^^^^^^^^^^^^^^^^
          help: did you mean where=?
        """,
    ),
    (
        """
        def f(x):
            return np.sort(x, order='a')
        """,
        (X,),
        """
        program.py:2:12: error: sort with order='a' is not supported [unsupported-argument]
            |
          2 |     return np.sort(x, order='a')
            |            ^^^^^^^^^^^^^^^^^^^^^
          help: leave it out, or compute that outside and pass it in
        """,
    ),
    (
        """
        def f(x):
            return np.pad(x, 1, mode=np.add)
        """,
        (X,),
        """
        program.py:2:12: error: pad with mode=<ufunc 'add'> is not supported [unsupported-argument]
            |
          2 |     return np.pad(x, 1, mode=np.add)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: supported modes: constant, empty, edge, reflect, symmetric, wrap, linear_ramp, maximum, minimum, mean, median
        """,
    ),
    (
        """
        def f(x):
            return np.nanquantile(x, 0.5, weights=x)
        """,
        (X,),
        """
        program.py:2:12: error: nanquantile with weights= is not supported [unsupported-argument]
            |
          2 |     return np.nanquantile(x, 0.5, weights=x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: leave it out, or compute that outside and pass it in
        """,
    ),
    (
        """
        def f(x):
            return np.linalg.norm(x, 2)
        """,
        (X,),
        """
        program.py:2:12: error: norm of a matrix with ord=2 needs singular values, which are not supported [unsupported-argument]
            |
          2 |     return np.linalg.norm(x, 2)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: supported: 'fro', 1, -1, inf, -inf
        """,
    ),
    (
        """
        def f(x):
            return np.exp(x, extobj=[])
        """,
        (X,),
        """
        program.py:2:12: error: numpy.exp with extobj= is not supported [unsupported-argument]
            |
          2 |     return np.exp(x, extobj=[])
            |            ^^^^^^^^^^^^^^^^^^^^
          help: leave it out, or compute that outside and pass it in
        """,
    ),
    (
        """
        def f(x):
            return np.add.reduce(x, axes=0)
        """,
        (X,),
        """
        program.py:2:12: error: numpy.add.reduce: got an unexpected keyword argument 'axes' [unsupported-argument]
            |
          2 |     return np.add.reduce(x, axes=0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^
          help: did you mean axis=?
        """,
    ),
    (
        """
        def f(x):
            return x.reshape(12, order='A')
        """,
        (X,),
        """
        program.py:2:12: error: reshape with order='A' is not supported [unsupported-argument]
            |
          2 |     return x.reshape(12, order='A')
            |            ^^^^^^^^^^^^^^^^^^^^^^^^
          help: leave it out, or compute that outside and pass it in
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_unsupported_argument(source, args, expected):
    assert message(source, *args) == text(expected)
