"""The message ``result-type``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x, {1, 2}
        """,
        (X,),
        """
        program.py:2:5: error: the function returns a set, which a compiled function cannot return [result-type]
            |
          2 |     return x, {1, 2}
            |     ^^^^^^^^^^^^^^^^
          help: return arrays, numbers, strings, and tuples, lists, dicts or dataclasses of them
        """,
    ),
    (
        """
        def f(x):
            return object()
        """,
        (X,),
        """
        program.py:2:5: error: the function returns an object, which a compiled function cannot return [result-type]
            |
          2 |     return object()
            |     ^^^^^^^^^^^^^^^
          help: return arrays, numbers, strings, and tuples, lists, dicts or dataclasses of them
        """,
    ),
    (
        """
        def f(x):
            return x.sum
        """,
        (X,),
        """
        program.py:2:5: error: the function returns a function, which a compiled function cannot return [result-type]
            |
          2 |     return x.sum
            |     ^^^^^^^^^^^^
          help: return arrays, numbers, strings, and tuples, lists, dicts or dataclasses of them
        """,
    ),
    (
        """
        def f(x, numbers):
            return numbers
        """,
        (X, iter([1])),
        """
        program.py:2:5: error: the function returns a list_iterator, which a compiled function cannot return [result-type]
            |
          2 |     return numbers
            |     ^^^^^^^^^^^^^^
          help: return arrays, numbers, strings, and tuples, lists, dicts or dataclasses of them
        """,
    ),
    (
        """
        def f(x):
            if len(x) > 5:
                return x
            return {1, 2}
        """,
        (X,),
        """
        program.py:1: error: the function returns a set, which a compiled function cannot return [result-type]
            |
          1 | def f(x):
            | ^^^^^^^^^
          help: return arrays, numbers, strings, and tuples, lists, dicts or dataclasses of them
        """,
    ),
    (
        """
        def f(x):
            return {"label": f"{x=}"}
        """,
        (X,),
        """
        program.py:2:5: error: the function returns 'x=<traced f32[n,m]>', which shows the type of a traced array in place of its elements [result-type]
            |
          2 |     return {"label": f"{x=}"}
            |     ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return the array and make its text outside
        """,
    ),
    (
        """
        class Scale:
            def __call__(self, x):
                return 2 * x
        def f(x):
            return Scale()
        """,
        (X,),
        """
        program.py:5:5: error: the function returns a Scale, which a compiled function cannot return [result-type]
            |
          5 |     return Scale()
            |     ^^^^^^^^^^^^^^
          help: return arrays, numbers, strings, and tuples, lists, dicts or dataclasses of them
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_result_type(source, args, expected):
    assert message(source, *args) == text(expected)
