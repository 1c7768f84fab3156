"""The message ``unsupported-builtin``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return eval('x + 1')
        """,
        (X,),
        """
        program.py:2:12: error: eval() is not supported in a compiled function [unsupported-builtin]
            |
          2 |     return eval('x + 1')
            |            ^^^^^^^^^^^^^
          help: write the code itself into the function
        """,
    ),
    (
        """
        def f(x):
            return x * sum(globals().values())
        """,
        (X,),
        """
        program.py:2:20: error: globals() as a whole is not supported in a compiled function [unsupported-builtin]
            |
          2 |     return x * sum(globals().values())
            |                    ^^^^^^^^^^^^^^^^^^
          help: ask for the names that it needs: globals()['name']
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_unsupported_builtin(source, args, expected):
    assert message(source, *args) == text(expected)
