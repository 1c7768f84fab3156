"""The message ``generator``."""

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            yield x
        """,
        (X,),
        """
        program.py:1: error: a generator or coroutine cannot be compiled [generator]
            |
          1 | def f(x):
            | ^^^^^^^^^
          help: compile the function that it calls, and yield outside
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_generator(source, args, expected):
    assert message(source, *args) == text(expected)
