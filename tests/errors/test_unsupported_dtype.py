"""The message ``unsupported-dtype``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(z):
            return z + 1
        """,
        (np.array([1j]),),
        """
        program.py:1: error: argument z is an array of dtype complex128, which is not supported [unsupported-dtype]
            |
          1 | def f(z):
            | ^^^^^^^^^
          help: use bool, an integer or a floating dtype
        """,
    ),
    (
        """
        import functools

        @functools.partial(lambda g: g)
        @functools.partial(
            lambda g: g,
        )
        def f(z):
            return z
        """,
        (np.array(["a"]),),
        """
        program.py:7: error: argument z is an array of dtype <U1, which is not supported [unsupported-dtype]
            |
          7 | def f(z):
            | ^^^^^^^^^
          help: use bool, an integer or a floating dtype
        """,
    ),
    (
        """
        def f(x):
            return x * 1j
        """,
        (X,),
        """
        program.py:2:12: error: arrays of dtype complex128 are not supported [unsupported-dtype]
            |
          2 |     return x * 1j
            |            ^^^^^^
          help: use bool, an integer or a floating dtype
        """,
    ),
    (
        """
        def f(x):
            return x.astype(complex)
        """,
        (X,),
        """
        program.py:2:12: error: arrays of dtype complex128 are not supported [unsupported-dtype]
            |
          2 |     return x.astype(complex)
            |            ^^^^^^^^^^^^^^^^^
          help: use bool, an integer or a floating dtype
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_unsupported_dtype(source, args, expected):
    assert message(source, *args) == text(expected)
