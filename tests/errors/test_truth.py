"""The message ``truth``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x if x.sum() > 0 else -x
        """,
        (X,),
        """
        program.py:2:17: error: the truth of traced bool[] is not known while tracing [truth]
            |
          2 |     return x if x.sum() > 0 else -x
            |                 ^^^^^^^^^^^
          help: choose elements with np.where(condition, a, b), branch with ps.cond, loop with ps.while_loop; if and while may ask for sizes and Python numbers
        """,
    ),
    (
        """
        def f(x):
            while x[0, 0] < 1:
                x = x * 2
            return x
        """,
        (X,),
        """
        program.py:2:11: error: the truth of traced bool[] is not known while tracing [truth]
            |
          2 |     while x[0, 0] < 1:
            |           ^^^^^^^^^^^
          help: choose elements with np.where(condition, a, b), branch with ps.cond, loop with ps.while_loop; if and while may ask for sizes and Python numbers
        """,
    ),
    (
        """
        def f(x, flag):
            return x if flag else -x
        """,
        (X, np.True_),
        """
        program.py:2:12: error: the truth of traced bool[] is not known while tracing [truth]
            |
          2 |     return x if flag else -x
            |            ^^^^^^^^^^^^^^^^^
          help: pass a Python number: bool(flag); NumPy's scalars count as arrays
        """,
    ),
    (
        """
        def f(x):
            return max(x[0, 0], 2.0)
        """,
        (X,),
        """
        program.py:2:12: error: max() asks for the elements of traced arrays, which are known only when the compiled function runs [truth]
            |
          2 |     return max(x[0, 0], 2.0)
            |            ^^^^^^^^^^^^^^^^^
          help: use np.maximum(a, b) or x.max()
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_truth(source, args, expected):
    assert message(source, *args) == text(expected)
