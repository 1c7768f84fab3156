"""The message ``cast``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            y = np.zeros(x.shape, int)
            y += x
            return y
        """,
        (X,),
        """
        program.py:3:5: error: add: cannot cast f64 to i64 by the rule 'same_kind' [cast]
            |
          3 |     y += x
            |     ^^^^^^
          help: convert it first: .astype('int64')
        """,
    ),
    (
        """
        def f(x):
            return np.sqrt(x, out=np.zeros(x.shape, int))
        """,
        (X,),
        """
        program.py:2:12: error: sqrt: cannot cast f32 to i64 by the rule 'same_kind' [cast]
            |
          2 |     return np.sqrt(x, out=np.zeros(x.shape, int))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert it first: .astype('int64')
        """,
    ),
    (
        """
        def f(x):
            return x.astype(int, casting='safe')
        """,
        (X,),
        """
        program.py:2:12: error: astype: cannot cast f32 to i64 by the rule 'safe' [cast]
            |
          2 |     return x.astype(int, casting='safe')
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert it first: .astype('int64')
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_cast(source, args, expected):
    assert message(source, *args) == text(expected)
