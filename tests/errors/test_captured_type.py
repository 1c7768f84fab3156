"""The message ``captured-type``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        import collections
        queue = collections.deque([1, 2])

        def f(x):
            return x * queue[0]
        """,
        (X,),
        """
        program.py:5:16: error: global queue is a deque, which cannot be captured [captured-type]
            |
          5 |     return x * queue[0]
            |                ^^^^^
          help: use a list, a dict, or an object of your own
        """,
    ),
    (
        """
        class Items(list):
            pass

        items = Items([1])

        def f(x):
            return x * items[0]
        """,
        (X,),
        """
        program.py:7:16: error: global items is of Items, a subclass of list, which cannot be captured [captured-type]
            |
          7 |     return x * items[0]
            |                ^^^^^
          help: pass it as an argument, or capture a plain object
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_captured_type(source, args, expected):
    assert message(source, *args) == text(expected)
