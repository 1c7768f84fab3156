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
        program.py:2:12: error: cond: the first function returns f64[n], the second bool[n], where n = 3 [carried-dtype]
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
        program.py:2:12: error: cond: the first function returns f64[n], the second f64[], where n = 3 [carried-shape]
            |
          2 |     return ps.cond(x.sum() > 0, lambda x: x, lambda x: x.sum(), x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: arrays keep their shape from turn to turn, and in all branches
        """,
    ),
    "branches that are no functions": (
        """
        def f(x):
            return ps.cond(x.sum() > 0, x, -x)
        """,
        X,
        """
        program.py:2:12: error: cond: array([1., 2., 3.]) cannot be called [not-a-function]
            |
          2 |     return ps.cond(x.sum() > 0, x, -x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass functions: ps.cond(condition, lambda: a, lambda: b)
        """,
    ),
    "condition of a loop that is no function": (
        """
        def f(x):
            return ps.while_loop(x.sum() > 0, np.sin, x)
        """,
        X,
        """
        program.py:2:12: error: while_loop: np.True_ cannot be called [not-a-function]
            |
          2 |     return ps.while_loop(x.sum() > 0, np.sin, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass functions: ps.while_loop(lambda x: condition, lambda x: next, initial)
        """,
    ),
    "body of a loop that is no function": (
        """
        def f(x):
            return ps.fori_loop(0, 3, x, np.sin)
        """,
        X,
        """
        program.py:2:12: error: fori_loop: array([1., 2., 3.]) cannot be called [not-a-function]
            |
          2 |     return ps.fori_loop(0, 3, x, np.sin)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass functions: ps.fori_loop(lower, upper, lambda i, x: next, initial)
        """,
    ),
    "body of a loop without the counter": (
        """
        def f(x):
            return ps.fori_loop(0, 3, lambda x: x * 2, x)
        """,
        X,
        """
        program.py:2:12: error: fori_loop calls its function with 2 arguments, but it takes (x) [bad-call]
            |
          2 |     return ps.fori_loop(0, 3, lambda x: x * 2, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: as in ps.fori_loop(lower, upper, lambda i, x: next, initial)
        """,
    ),
    "branch that takes an operand": (
        """
        def f(x):
            return ps.cond(x.sum() > 0, lambda x: x, lambda x: -x)
        """,
        X,
        """
        program.py:2:12: error: cond calls its function with 0 arguments, but it takes (x) [bad-call]
            |
          2 |     return ps.cond(x.sum() > 0, lambda x: x, lambda x: -x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: as in ps.cond(condition, lambda: a, lambda: b)
        """,
    ),
    "body of a scan that is no function": (
        """
        def f(x):
            return ps.scan(0.0, x)
        """,
        X,
        """
        program.py:2:12: error: scan: 0.0 cannot be called [not-a-function]
            |
          2 |     return ps.scan(0.0, x)
            |            ^^^^^^^^^^^^^^^
          help: pass functions: ps.scan(lambda x, element: (next, stacked), initial, xs)
        """,
    ),
    "functions of a switch side by side": (
        """
        def f(x):
            return ps.switch(1, np.sin, np.cos, x)
        """,
        X,
        """
        program.py:2:12: error: switch: a ufunc is no list of functions [not-a-function]
            |
          2 |     return ps.switch(1, np.sin, np.cos, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass all of them in one: ps.switch(i, [lambda: a, lambda: b])
        """,
    ),
    "array that grows in a loop": (
        """
        def f(x):
            return ps.fori_loop(0, 3, lambda i, s: np.append(s, s), x)
        """,
        X,
        """
        program.py:2:12: error: fori_loop: a turn takes f64[n], and returns f64[2*n], where n = 3 [carried-shape]
            |
          2 |     return ps.fori_loop(0, 3, lambda i, s: np.append(s, s), x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
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
        program.py:2:12: error: switch: there is no function [no-branch]
            |
          2 |     return ps.switch(x.sum() > 0, [], x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give at least one
        """,
    ),
    "scan of fewer elements than turns": (
        """
        def f(x):
            return ps.scan(lambda c, a: (c + a, c), 0.0, x, length=4)
        """,
        X,
        """
        program.py:2:12: error: scan: xs has 3 elements, but length is 4 [size-mismatch]
            |
          2 |     return ps.scan(lambda c, a: (c + a, c), 0.0, x, length=4)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: slice them: one turn takes one element of each
        """,
    ),
    "scan of arrays of different lengths": (
        """
        def f(x):
            return ps.scan(lambda c, a: (c, a[0]), 0.0, (x, x[1:]))
        """,
        X,
        """
        program.py:2:12: error: scan: xs[1] has 2 elements, but xs[0] has 3 [size-mismatch]
            |
          2 |     return ps.scan(lambda c, a: (c, a[0]), 0.0, (x, x[1:]))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: slice them: one turn takes one element of each
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
    "loop without a return": (
        """
        def f(x):
            def body(i, x):
                x = x * 2
            return ps.fori_loop(0, 3, body, x)
        """,
        X,
        """
        program.py:4:12: error: fori_loop changes its nesting: None is not * [carried-structure]
            |
          4 |     return ps.fori_loop(0, 3, body, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: end the function with return: one without returns None
        """,
    ),
    "loop changes its shape": (
        """
        def f(x):
            return ps.fori_loop(0, 3, lambda i, x: x.sum(), x)
        """,
        X,
        """
        program.py:2:12: error: fori_loop: a turn takes f64[n], and returns f64[], where n = 3 [carried-shape]
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
        program.py:2:12: error: fori_loop: a bound is f64[], but must be an integer [counter-dtype]
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
    "loop to an unsigned number": (
        """
        def f(x):
            return ps.fori_loop(0, x, lambda i, c: c, 0)
        """,
        np.uint64(2**63 + 5),
        """
        program.py:2:12: error: fori_loop: a bound is u64[], but counters are i64 [counter-dtype]
            |
          2 |     return ps.fori_loop(0, x, lambda i, c: c, 0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert it: n.astype(np.int64)
        """,
    ),
    "loop to what no counter holds": (
        """
        def f(x):
            return ps.fori_loop(0, 2**64 + 5, lambda i, c: c + 1, x)
        """,
        X,
        """
        program.py:2:12: error: the Python integer 18446744073709551621 does not fit i64 [integer-range]
            |
          2 |     return ps.fori_loop(0, 2**64 + 5, lambda i, c: c + 1, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give it a dtype of its own, e.g. np.int64(...)
        """,
    ),
    "scan of a length below 0": (
        """
        def f(x):
            return ps.scan(lambda c, y: (c, None), 0, length=x)
        """,
        -5,
        """
        program.py:2:12: error: scan: length is -5, below 0 [bad-argument]
            |
          2 |     return ps.scan(lambda c, y: (c, None), 0, length=x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give a length of 0 or more
        """,
    ),
    "scan of a length beyond 64 bits": (
        """
        def f(x):
            return ps.scan(lambda c, y: (c, None), x, length=2**64 + 5)
        """,
        X,
        """
        program.py:2:12: error: the Python integer 18446744073709551621 does not fit i64 [integer-range]
            |
          2 |     return ps.scan(lambda c, y: (c, None), x, length=2**64 + 5)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give it a dtype of its own, e.g. np.int64(...)
        """,
    ),
    "scan of a fraction of turns": (
        """
        def f(x):
            return ps.scan(lambda c, y: (c, None), 0, length=2.5)
        """,
        X,
        """
        program.py:2:12: error: scan: length is f64[], but must be a Python integer [scan-length]
            |
          2 |     return ps.scan(lambda c, y: (c, None), 0, length=2.5)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass length=n
        """,
    ),
    "switch by a fraction": (
        """
        def f(x):
            return ps.switch(1.7, [np.sin, np.cos, np.tanh], x)
        """,
        X,
        """
        program.py:2:12: error: switch: the index is f64[], but must be an integer [counter-dtype]
            |
          2 |     return ps.switch(1.7, [np.sin, np.cos, np.tanh], x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert it: n.astype(int)
        """,
    ),
    "switch by several": (
        """
        def f(x):
            return ps.switch(x.astype(int), [np.sin, np.cos], x)
        """,
        X,
        """
        program.py:2:12: error: switch: the index is i64[n], but must be an integer [counter-dtype]
            |
          2 |     return ps.switch(x.astype(int), [np.sin, np.cos], x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert it: n.astype(int)
        """,
    ),
}


@pytest.mark.parametrize(("source", "argument", "expected"), CASES.values(), ids=CASES)
def test_messages_of_control(source, argument, expected):
    assert message(source, argument) == text(expected)
