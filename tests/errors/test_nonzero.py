"""The message ``nonzero``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.where(x > 0)
        """,
        (X,),
        """
        program.py:2:12: error: where(condition) alone: how many elements hold is known only when the compiled function runs [nonzero]
            |
          2 |     return np.where(x > 0)
            |            ^^^^^^^^^^^^^^^
          help: choose elements with np.where(condition, a, b)
        """,
    ),
    (
        """
        def f(x):
            return x[np.flatnonzero(x)]
        """,
        (X,),
        """
        program.py:2:14: error: flatnonzero: how many elements hold is known only when the compiled function runs [nonzero]
            |
          2 |     return x[np.flatnonzero(x)]
            |              ^^^^^^^^^^^^^^^^^
          help: choose elements with np.where(condition, a, b)
        """,
    ),
    (
        """
        def f(x):
            return x.nonzero()
        """,
        (X,),
        """
        program.py:2:12: error: nonzero: how many elements hold is known only when the compiled function runs [nonzero]
            |
          2 |     return x.nonzero()
            |            ^^^^^^^^^^^
          help: choose elements with np.where(condition, a, b)
        """,
    ),
    *(
        (
            f"def f(x): return np.{name}(x)",
            (X,),
            f"""
        program.py:1:18: error: {name}: how many elements hold is known only when the compiled function runs [nonzero]
            |
          1 | def f(x): return np.{name}(x)
            |                  ^^^^^^{"^" * len(name)}
          help: choose elements with np.where(condition, a, b)
        """,
        )
        for name in ("nonzero", "argwhere", "flatnonzero")
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_nonzero(source, args, expected):
    assert message(source, *args) == text(expected)
