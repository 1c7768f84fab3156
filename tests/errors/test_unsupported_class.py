"""The message ``unsupported-class``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        class Opaque:
            def __getattribute__(self, name):
                return object.__getattribute__(self, name)

        opaque = Opaque()

        def f(x):
            return x * opaque.w
        """,
        (X,),
        """
        program.py:8:16: error: the class Opaque defines __getattribute__, which is not supported in compiled functions [unsupported-class]
            |
          8 |     return x * opaque.w
            |                ^^^^^^
          help: define __getattr__ instead
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_unsupported_class(source, args, expected):
    assert message(source, *args) == text(expected)
