"""The message ``element``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        import math
        def f(x):
            return math.sqrt(x[0, 0])
        """,
        (X,),
        """
        program.py:3:12: error: float() asks for the element of traced f32[], which is known only when the compiled function runs [element]
            |
          3 |     return math.sqrt(x[0, 0])
            |            ^^^^^^^^^^^^^^^^^^
          help: use np.sqrt
        """,
    ),
    (
        """
        def f(x, n):
            return np.zeros(n) + x[0]
        """,
        (X, np.int64(4)),
        """
        program.py:2:12: error: an index or a count asks for the element of traced i64[], which is known only when the compiled function runs [element]
            |
          2 |     return np.zeros(n) + x[0]
            |            ^^^^^^^^^^^
          help: pass a Python number: int(n); NumPy's scalars count as arrays
        """,
    ),
    (
        """
        def f(x, counts):
            return [x[k] for k in range(counts[1])]
        """,
        (X, np.arange(3)),
        """
        program.py:2:27: error: an index or a count asks for the element of traced i64[], which is known only when the compiled function runs [element]
            |
          2 |     return [x[k] for k in range(counts[1])]
            |                           ^^^^^^^^^^^^^^^^
          help: make counts a tuple of ints: Python's numbers are known while tracing
        """,
    ),
    (
        """
        def f(x):
            return float(x[0, 0])
        """,
        (X,),
        """
        program.py:2:12: error: float() asks for the element of traced f32[], which is known only when the compiled function runs [element]
            |
          2 |     return float(x[0, 0])
            |            ^^^^^^^^^^^^^^
          help: keep it an array: arithmetic and numpy functions take it as it is
        """,
    ),
    (
        """
        def f(x):
            return range(x.argmax())
        """,
        (X,),
        """
        program.py:2:12: error: an index or a count asks for the element of traced i64[], which is known only when the compiled function runs [element]
            |
          2 |     return range(x.argmax())
            |            ^^^^^^^^^^^^^^^^^
          help: index an array, np.array(items)[i], not a list; so many turns of a loop are ps.fori_loop(0, n, ...)
        """,
    ),
    (
        """
        def f(x):
            return [1.0, 2.0][x.argmax()]
        """,
        (X,),
        """
        program.py:2:12: error: an index or a count asks for the element of traced i64[], which is known only when the compiled function runs [element]
            |
          2 |     return [1.0, 2.0][x.argmax()]
            |            ^^^^^^^^^^^^^^^^^^^^^^
          help: index an array, np.array(items)[i], not a list; so many turns of a loop are ps.fori_loop(0, n, ...)
        """,
    ),
    (
        """
        def f(x):
            for i in range(int(x.sum())):
                x = x * i
            return x
        """,
        (X,),
        """
        program.py:2:20: error: int() asks for the element of traced f32[], which is known only when the compiled function runs [element]
            |
          2 |     for i in range(int(x.sum())):
            |                    ^^^^^^^^^^^^
          help: keep it an array: x.astype(int); so many turns of a loop are ps.fori_loop(0, n, ...)
        """,
    ),
    (
        """
        def f(x):
            return x[0, 0].item()
        """,
        (X,),
        """
        program.py:2:12: error: item() asks for the element of traced f32[], which is known only when the compiled function runs [element]
            |
          2 |     return x[0, 0].item()
            |            ^^^^^^^^^^^^^^
          help: keep it an array: arithmetic and numpy functions take it as it is
        """,
    ),
    (
        """
        def f(x):
            return x.tolist()
        """,
        (X,),
        """
        program.py:2:12: error: tolist() asks for the elements of traced f32[n,m], which are known only when the compiled function runs [element]
            |
          2 |     return x.tolist()
            |            ^^^^^^^^^^
          help: keep it an array: arithmetic and numpy functions take it as it is
        """,
    ),
    (
        """
        def f(x):
            return f"{x:.2f}"
        """,
        (X,),
        """
        program.py:2:12: error: format() asks for the elements of traced f32[n,m], which are known only when the compiled function runs [element]
            |
          2 |     return f"{x:.2f}"
            |            ^^^^^^^^^^
          help: return it and format it outside; print(x), repr(x) and f'{x=}' show its type
        """,
    ),
    (
        """
        def f(x):
            label = "loss %s" % x.sum()
            return x, label
        """,
        (X,),
        """
        program.py:2:13: error: str() asks for the elements of traced f32[], which are known only when the compiled function runs [element]
            |
          2 |     label = "loss %s" % x.sum()
            |             ^^^^^^^^^^^^^^^^^^^
          help: return it and format it outside; print(x), repr(x) and f'{x=}' show its type
        """,
    ),
    (
        """
        def f(x):
            return int("{}".format(x.sum()))
        """,
        (X,),
        """
        program.py:2:16: error: format() asks for the elements of traced f32[], which are known only when the compiled function runs [element]
            |
          2 |     return int("{}".format(x.sum()))
            |                ^^^^^^^^^^^^^^^^^^^^
          help: return it and format it outside; print(x), repr(x) and f'{x=}' show its type
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_element(source, args, expected):
    assert message(source, *args) == text(expected)
