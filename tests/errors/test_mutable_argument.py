"""The message ``mutable-argument``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x, names):
            return x
        """,
        (
            X,
            {"a"},
        ),
        """
        program.py:1: error: argument names is a set, which could change unnoticed [mutable-argument]
            |
          1 | def f(x, names):
            | ^^^^^^^^^^^^^^^^
          help: pass a tuple, list, dict or frozenset
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_mutable_argument(source, args, expected):
    assert message(source, *args) == text(expected)
