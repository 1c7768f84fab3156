"""The message ``unsupported-function``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        from scipy.linalg import expm

        def f(x):
            return expm(x)
        """,
        (X,),
        """
        program.py:4:12: error: scipy.linalg.expm is not supported [unsupported-function]
            |
          4 |     return expm(x)
            |            ^^^^^^^
          help: compute it outside the compiled function and pass the result in
        """,
    ),
    (
        """
        def f(x):
            return np.linalg.inv(x)
        """,
        (X,),
        """
        program.py:2:12: error: numpy.linalg.inv is not supported [unsupported-function]
            |
          2 |     return np.linalg.inv(x)
            |            ^^^^^^^^^^^^^^^^
          help: compute it outside the compiled function and pass the result in
        """,
    ),
    (
        """
        def f(x):
            return x.byteswap()
        """,
        (X,),
        """
        program.py:2:12: error: ndarray.byteswap is not supported [unsupported-function]
            |
          2 |     return x.byteswap()
            |            ^^^^^^^^^^
          help: compute it outside the compiled function and pass the result in
        """,
    ),
    (
        """
        def f(x):
            return x.flat[0]
        """,
        (X,),
        """
        program.py:2:12: error: ndarray.flat is not supported [unsupported-function]
            |
          2 |     return x.flat[0]
            |            ^^^^^^
          help: index x.reshape(-1) instead
        """,
    ),
    (
        """
        def f(x):
            y = x * 2
            y.shape = -1
            return y
        """,
        (X,),
        """
        program.py:3:5: error: setting ndarray.shape is not supported [unsupported-function]
            |
          3 |     y.shape = -1
            |     ^^^^^^^
          help: make a view of that shape: y = x.reshape(shape)
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_unsupported_function(source, args, expected):
    assert message(source, *args) == text(expected)
