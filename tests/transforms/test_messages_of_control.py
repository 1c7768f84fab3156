"""The messages of branches and loops."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import text
from tests.transforms.messages import message

X = np.arange(1.0, 4.0)

CASES = {
    "condition of several": (
        """
        def f(x):
            return ps.cond(x > 0, np.sin, np.cos, x)
        """,
        X,
        """
        program.py:2:12: error: the condition of cond is bool[n], but a condition is one element [condition-shape]
            |
          2 |     return ps.cond(x > 0, np.sin, np.cos, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: reduce it with .any() or .all()
        """,
    ),
    "branches nest otherwise": (
        """
        def f(x):
            return ps.cond(x.sum() > 0, lambda x: x, lambda x: (x,), x)
        """,
        X,
        """
        program.py:2:12: error: the branches of cond differ: (*,) is not * [carried-structure]
            |
          2 |     return ps.cond(x.sum() > 0, lambda x: x, lambda x: (x,), x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return the same nesting of arrays every time
        """,
    ),
    "branches of other dtypes": (
        """
        def f(x):
            return ps.cond(x.sum() > 0, lambda x: x, lambda x: x > 0, x)
        """,
        X,
        """
        program.py:2:12: error: cond is bool[n] here and f64[n] there [carried-dtype]
            |
          2 |     return ps.cond(x.sum() > 0, lambda x: x, lambda x: x > 0, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert one of them: x.astype(dtype)
        """,
    ),
    "branches of other shapes": (
        """
        def f(x):
            return ps.cond(x.sum() > 0, lambda x: x, lambda x: x.sum(), x)
        """,
        X,
        """
        program.py:2:12: error: cond is f64[] here and f64[n] there [carried-shape]
            |
          2 |     return ps.cond(x.sum() > 0, lambda x: x, lambda x: x.sum(), x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: arrays keep their shape from turn to turn, and in all branches
        """,
    ),
    "no branch": (
        """
        def f(x):
            return ps.switch(x.sum() > 0, [], x)
        """,
        X,
        """
        error: switch: there is no function [no-branch]
        """,
    ),
    "no length of segments": (
        """
        def f(x):
            return ps.while_loop(lambda x: x.sum() > 1, np.sin, x, checkpoint=0)
        """,
        X,
        """
        program.py:2:12: error: while_loop: checkpoint is 0 [segment-length]
            |
          2 |     return ps.while_loop(lambda x: x.sum() > 1, np.sin, x, checkpoint=0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give the turns of a segment, at least 1, or True
        """,
    ),
    "loop changes its nesting": (
        """
        def f(x):
            return ps.fori_loop(0, 3, lambda i, x: (x, x), x)
        """,
        X,
        """
        program.py:2:12: error: fori_loop changes its nesting: (*, *) is not * [carried-structure]
            |
          2 |     return ps.fori_loop(0, 3, lambda i, x: (x, x), x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return the same nesting of arrays every time
        """,
    ),
    "loop changes its shape": (
        """
        def f(x):
            return ps.fori_loop(0, 3, lambda i, x: x.sum(), x)
        """,
        X,
        """
        program.py:2:12: error: fori_loop is f64[] here and f64[n] there [carried-shape]
            |
          2 |     return ps.fori_loop(0, 3, lambda i, x: x.sum(), x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: arrays keep their shape from turn to turn, and in all branches
        """,
    ),
    "counter of floats": (
        """
        def f(x):
            return ps.fori_loop(0, x.sum(), lambda i, x: x, x)
        """,
        X,
        """
        program.py:2:12: error: fori_loop counts to f64[], but must to an integer [counter-dtype]
            |
          2 |     return ps.fori_loop(0, x.sum(), lambda i, x: x, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert it: n.astype(int)
        """,
    ),
    "scan over a number": (
        """
        def f(x):
            return ps.scan(lambda c, y: (c + y, None), 0.0, x.sum())
        """,
        X,
        """
        program.py:2:12: error: scan: xs is f64[], which has no axis to go along [scan-axis]
            |
          2 |     return ps.scan(lambda c, y: (c + y, None), 0.0, x.sum())
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give each array a first axis, or capture what does not change
        """,
    ),
    "scan of no length": (
        """
        def f(x):
            return ps.scan(lambda c, y: (c, None), x)
        """,
        X,
        """
        program.py:2:12: error: scan: neither xs nor length says how often [scan-length]
            |
          2 |     return ps.scan(lambda c, y: (c, None), x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass length=n
        """,
    ),
    "scan without a pair": (
        """
        def f(x):
            return ps.scan(lambda c, y: c + y, 0.0, x)
        """,
        X,
        """
        program.py:2:12: error: scan: the function must return a pair: the carried value, and what is stacked [scan-result]
            |
          2 |     return ps.scan(lambda c, y: c + y, 0.0, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return carry, None where there is nothing to stack
        """,
    ),
}


@pytest.mark.parametrize(("source", "argument", "expected"), CASES.values(), ids=CASES)
def test_messages_of_control(source, argument, expected):
    assert message(source, argument) == text(expected)
