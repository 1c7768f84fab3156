"""The message ``size-mismatch``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.concatenate([x, x[:, 1:]])
        """,
        (X,),
        """
        program.py:2:12: error: concatenate: sizes m and m - 1 differ (m = 4) [size-mismatch]
            |
          2 |     return np.concatenate([x, x[:, 1:]])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: only the sizes along axis 0 may differ
        """,
    ),
    (
        """
        def f(x, y):
            return np.einsum('ij,jk->ik', x, y)
        """,
        (
            X,
            X,
        ),
        """
        program.py:2:12: error: product of f32[n,m] and f32[k,p]: sizes m and k differ (m = 4, k = 3) [size-mismatch]
            |
          2 |     return np.einsum('ij,jk->ik', x, y)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: sizes that are multiplied and summed must be equal
        """,
    ),
    (
        """
        def f(x):
            return np.dot(x, x)
        """,
        (X,),
        """
        program.py:2:12: error: product of f32[n,m] and f32[n,m]: sizes m and n differ (m = 4, n = 3) [size-mismatch]
            |
          2 |     return np.dot(x, x)
            |            ^^^^^^^^^^^^
          help: sizes that are multiplied and summed must be equal
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_size_mismatch(source, args, expected):
    assert message(source, *args) == text(expected)
