"""The messages of ``ps.check_grads`` and ``ps.compare``."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import text
from tests.transforms.messages import message

X = np.arange(1.0, 4.0)
N = np.arange(3)

CASES = {
    "wrong derivative": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        double.defjvp(lambda primals, tangents: (primals[0] * 2, tangents[0] * 3))

        def f(x):
            ps.check_grads(lambda p: {'y': double(p['x'])}, ({'x': x},))
        """,
        X,
        """
        error: the derivative of result['y'] by argument 0['x'] in forward mode does not agree with differences: at [2] 1.92126795, differences 1.2808453 (3 of 3 elements) [wrong-derivative]
          help: at a kink neither is right: choose other arguments; where rounding is to blame, set eps, rtol or atol
        """,
    ),
    "wrong in reverse mode": (
        """
        @ps.custom_vjp
        def scaled(x, y):
            return x * y

        scaled.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g))

        def f(x):
            ps.check_grads(scaled, (x, x), modes=('reverse',))
        """,
        X,
        """
        error: the derivative of result by argument 1 in reverse mode does not agree with differences: -0.62499969, differences -1.64125632 [wrong-derivative]
          help: at a kink neither is right: choose other arguments; where rounding is to blame, set eps, rtol or atol
        """,
    ),
    "nothing to check": (
        """
        def f(n):
            ps.check_grads(np.negative, (n,))
        """,
        N,
        """
        error: check_grads: no argument is floating [bad-check]
          help: pass a tuple of arguments, of which some are arrays of floats
        """,
    ),
    "no tuple": (
        """
        def f(x):
            ps.check_grads(np.sin, x)
        """,
        X,
        """
        error: check_grads: args must be a tuple of arguments, not ndarray [bad-check]
          help: one argument is a tuple too: ps.check_grads(f, (x,))
        """,
    ),
    "integers come of it": (
        """
        def f(x):
            ps.check_grads(lambda x: (x > 1, np.argmax(x)), (x,))
        """,
        X,
        """
        error: check_grads: no result is floating [bad-check]
          help: integers and bools have no derivative: return an array of floats
        """,
    ),
    "no such mode": (
        """
        def f(x):
            ps.check_grads(np.sin, (x,), modes=('backward',))
        """,
        X,
        """
        error: check_grads has no modes ('backward',) of order 2 [bad-check]
          help: modes are 'forward' and 'reverse', and the order is at least 1
        """,
    ),
    "wrong value": (
        """
        def f(x):
            other = ps.compile(lambda x: (x, x + 1))
            other.__wrapped__ = lambda x: (x, x)
            ps.compare(other, x)
        """,
        X,
        """
        error: the compiled result is off in result[1]: at [0] 2, NumPy 1 (3 of 3 elements) [wrong-result]
          help: please report it, with the program
        """,
    ),
    "wrong dtype": (
        """
        def f(x):
            other = ps.compile(lambda x: {'y': x > 0})
            other.__wrapped__ = lambda x: {'y': x}
            ps.compare(other, x)
        """,
        X,
        """
        error: the compiled result is bool[3] in result['y'], NumPy's float64[3] [wrong-result]
          help: please report it, with the program
        """,
    ),
    "wrong nesting": (
        """
        def f(x):
            other = ps.compile(lambda x: (x,))
            other.__wrapped__ = lambda x: x
            ps.compare(other, x)
        """,
        X,
        """
        error: the compiled result is (*,), NumPy's * [wrong-result]
          help: please report it, with the program
        """,
    ),
    "wrong integer": (
        """
        def f(x):
            other = ps.compile(lambda x: x * x)
            other.__wrapped__ = lambda x: x
            ps.compare(other, x)
        """,
        N,
        """
        error: the compiled result is 4 in result at [2], NumPy's 2 [wrong-result]
          help: please report it, with the program
        """,
    ),
    "nothing to compare with": (
        """
        def f(x):
            ps.compare(ps.grad(np.sum), x)
        """,
        X,
        """
        error: compare: NumPy knows nothing of grad_sum [bad-check]
          help: compare the function itself, and check derivatives with ps.check_grads
        """,
    ),
}


@pytest.mark.parametrize(("source", "argument", "expected"), CASES.values(), ids=CASES)
def test_messages_of_checks(source, argument, expected):
    assert message(source, argument) == text(expected)
