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
            return x.sum
        """,
        (X,),
        """
        program.py:1: error: the function returns a function, which a compiled function cannot return [result-type]
            |
          1 | def f(x):
            | ^^^^^^^^^
          help: return arrays, numbers, strings, and tuples, lists, dicts or dataclasses of them
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_result_type(source, args, expected):
    assert message(source, *args) == text(expected)
