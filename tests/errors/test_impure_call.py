"""The message ``impure-call``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        import random

        def f(x):
            return x * random.random()
        """,
        (X,),
        """
        program.py:4:16: error: random.random would run once, while tracing, and its result be the same in every call [impure-call]
            |
          4 |     return x * random.random()
            |                ^^^^^^^^^^^^^^^
          help: use ps.random, with a key that is passed in: ps.random.key(seed)
        """,
    ),
    (
        """
        def f(x):
            return x + np.random.rand(4)
        """,
        (X,),
        """
        program.py:2:16: error: np.random.rand would run once, while tracing, and its result be the same in every call [impure-call]
            |
          2 |     return x + np.random.rand(4)
            |                ^^^^^^^^^^^^^^^^^
          help: use ps.random, with a key that is passed in: ps.random.key(seed)
        """,
    ),
    (
        """
        from time import time

        def f(x):
            return x * time()
        """,
        (X,),
        """
        program.py:4:16: error: time.time would run once, while tracing, and its result be the same in every call [impure-call]
            |
          4 |     return x * time()
            |                ^^^^^^
          help: call it outside the compiled function and pass the result in
        """,
    ),
    (
        """
        import os

        def f(x):
            return x, os.urandom(2)
        """,
        (X,),
        """
        program.py:4:15: error: os.urandom would run once, while tracing, and its result be the same in every call [impure-call]
            |
          4 |     return x, os.urandom(2)
            |               ^^^^^^^^^^^^^
          help: call it outside the compiled function and pass the result in
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_impure_call(source, args, expected):
    assert message(source, *args) == text(expected)
