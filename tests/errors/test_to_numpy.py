"""The message ``to-numpy``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.float32(x)
        """,
        (X,),
        """
        program.py:2:12: error: a traced array cannot become a NumPy array: its elements are known only when the compiled function runs [to-numpy]
            |
          2 |     return np.float32(x)
            |            ^^^^^^^^^^^^^
          help: keep it traced: numpy functions take it as it is, and x.astype(np.float32) converts it
        """,
    ),
    (
        """
        import pickle

        def f(x):
            return pickle.dumps(x)
        """,
        (X,),
        """
        program.py:4:12: error: a traced array cannot be pickled: its elements are known only when the compiled function runs [to-numpy]
            |
          4 |     return pickle.dumps(x)
            |            ^^^^^^^^^^^^^^^
          help: pickle what the compiled function returns
        """,
    ),
    (
        """
        def f(x):
            return np.vectorize(lambda t: t * 2)(x)
        """,
        (X,),
        """
        program.py:2:12: error: a traced array cannot become a NumPy array: its elements are known only when the compiled function runs [to-numpy]
            |
          2 |     return np.vectorize(lambda t: t * 2)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: this function of NumPy or SciPy needs the elements: call it outside and pass the result in; what is done to each element is ps.vmap
        """,
    ),
    (
        """
        from scipy.interpolate import CubicSpline

        def f(x):
            return CubicSpline(np.arange(2.0), x)(0.5)
        """,
        (X,),
        """
        program.py:4:12: error: a traced array cannot become a NumPy array: its elements are known only when the compiled function runs [to-numpy]
            |
          4 |     return CubicSpline(np.arange(2.0), x)(0.5)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: this function of NumPy or SciPy needs the elements: call it outside and pass the result in; what is done to each element is ps.vmap
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_to_numpy(source, args, expected):
    assert message(source, *args) == text(expected)
