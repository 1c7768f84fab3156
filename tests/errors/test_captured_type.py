"""The message ``captured-type``."""

# ruff: noqa: E501

import pytest

import penstock as ps
from penstock.ir.errors import PenstockError
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
        program.py:7:16: error: global items is of Items, a subclass of list, which cannot be watched for changes [captured-type]
            |
          7 |     return x * items[0]
            |                ^^^^^
          help: use a plain one: list(...)
        """,
    ),
    (
        """
        from collections import deque

        class Recent(deque):
            pass

        recent = Recent([1])

        def f(x):
            return x * recent[0]
        """,
        (X,),
        """
        program.py:9:16: error: global recent is of Recent, a subclass of deque, which cannot be watched for changes [captured-type]
            |
          9 |     return x * recent[0]
            |                ^^^^^^
          help: pass what it holds as arguments
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_captured_type(source, args, expected):
    assert message(source, *args) == text(expected)


class Metres(float):
    """A number of a class of its own."""


def test_an_argument_of_such_a_class():
    """It is not told to be passed as an argument, which it is."""
    with pytest.raises(PenstockError) as caught:
        ps.compile(lambda x, y: x * y)(X, Metres(1.5))
    line = caught.value.loc.line
    assert str(caught.value) == text(
        f"""
        {__file__}:{line}:9: error: y is of Metres, a subclass of float, which cannot be watched for changes [captured-type]
             |
        {line:>4} |         ps.compile(lambda x, y: x * y)(X, Metres(1.5))
             |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use a plain one: float(...)
        """
    )
