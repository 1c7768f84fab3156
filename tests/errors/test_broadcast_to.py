"""The message ``broadcast-to``."""

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.broadcast_to(x, (2, 5))
        """,
        (X,),
        """
        program.py:2:12: error: cannot broadcast f32[n,m] to (2, 5) [broadcast-to]
            |
          2 |     return np.broadcast_to(x, (2, 5))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: align trailing axes, e.g. x[:, None]; only axes of size 1 repeat
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_broadcast_to(source, args, expected):
    assert message(source, *args) == text(expected)
