"""The messages of rules that users give for derivatives."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import text
from tests.transforms.messages import message

X = np.arange(1.0, 4.0)
X32 = X.astype(np.float32)

CASES = {
    "no function": (
        """
        def f(x):
            return ps.custom_jvp(x)
        """,
        X,
        """
        program.py:2:12: error: custom_jvp: array([1., 2., 3.]) cannot be called [not-a-function]
            |
          2 |     return ps.custom_jvp(x)
            |            ^^^^^^^^^^^^^^^^
          help: pass the function itself: ps.custom_jvp(f)
        """,
    ),
    "nothing to compute again": (
        """
        def f(x):
            return ps.checkpoint(x)
        """,
        X,
        """
        program.py:2:12: error: checkpoint: array([1., 2., 3.]) cannot be called [not-a-function]
            |
          2 |     return ps.checkpoint(x)
            |            ^^^^^^^^^^^^^^^^
          help: pass the function itself: ps.checkpoint(f)
        """,
    ),
    "no rule": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        def f(x):
            return double(x)
        """,
        X,
        """
        program.py:6:12: error: double has no derivative yet [missing-rule]
            |
          6 |     return double(x)
            |            ^^^^^^^^^
          help: give it one with double.defjvp
        """,
    ),
    "no pair": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        double.defjvp(lambda primals, tangents: tangents[0])
        f = ps.grad(lambda x: double(x).sum())
        """,
        X,
        """
        program.py:6:23: error: the rule of custom_jvp must return a pair [custom-result]
            |
          6 | f = ps.grad(lambda x: double(x).sum())
            |                       ^^^^^^^^^
          help: return result, tangent
        """,
    ),
    "another result": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        double.defjvp(lambda primals, tangents: (primals, tangents[0]))
        f = ps.grad(lambda x: double(x).sum())
        """,
        X,
        """
        program.py:6:23: error: the rule of custom_jvp returns (*,) as its result, but the function * [custom-result]
            |
          6 | f = ps.grad(lambda x: double(x).sum())
            |                       ^^^^^^^^^
          help: return what the function returns
        """,
    ),
    "result of another shape": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        double.defjvp(lambda primals, tangents: (primals[0].sum(), tangents[0]))
        f = ps.grad(lambda x: double(x).sum())
        """,
        X,
        """
        program.py:6:23: error: the result of the rule is f64[], but must be f64[n] (n = 3) [direction-shape]
            |
          6 | f = ps.grad(lambda x: double(x).sum())
            |                       ^^^^^^^^^
          help: it has the shape of what it belongs to
        """,
    ),
    "tangent nested otherwise": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        double.defjvp(lambda primals, tangents: (primals[0] * 2, tangents))
        f = ps.grad(lambda x: double(x).sum())
        """,
        X,
        """
        program.py:6:23: error: the rule's tangents are (*,), but must be * [direction-structure]
            |
          6 | f = ps.grad(lambda x: double(x).sum())
            |                       ^^^^^^^^^
          help: give one for each array, nested in the same way
        """,
    ),
    "tangent of another shape": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        double.defjvp(lambda primals, tangents: (primals[0] * 2, tangents[0].sum()))
        f = ps.grad(lambda x: double(x).sum())
        """,
        X,
        """
        program.py:6:23: error: the rule's tangent is f64[], but must be f64[n] (n = 3) [direction-shape]
            |
          6 | f = ps.grad(lambda x: double(x).sum())
            |                       ^^^^^^^^^
          help: it has the shape of what it belongs to
        """,
    ),
    "tangent of another dtype": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        double.defjvp(lambda primals, tangents: (primals[0] * 2, tangents[0] * np.ones(3)))
        f = ps.grad(lambda x: double(x).sum())
        """,
        X32,
        """
        program.py:6:23: error: the rule's tangent is f64[3], but must be f32[n] [direction-dtype]
            |
          6 | f = ps.grad(lambda x: double(x).sum())
            |                       ^^^^^^^^^
          help: convert it: x.astype(np.float32)
        """,
    ),
    "not linear": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        @double.defjvp
        def rule(primals, tangents):
            return primals[0] * 2, tangents[0] * np.sin(tangents[0])

        f = ps.grad(lambda x: double(x).sum())
        """,
        X,
        """
        program.py:7:42: error: the tangent that the rule of double returns is not linear in those of the arguments [nonlinear-rule]
            |
          7 |     return primals[0] * 2, tangents[0] * np.sin(tangents[0])
            |                                          ^^^^^^^^^^^^^^^^^^^
          help: a tangent is a sum of the given tangents, each times a factor
        """,
    ),
    "not zero": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        @double.defjvp
        def rule(primals, tangents):
            return primals[0] * 2, np.ones(3)

        f = ps.jacfwd(lambda x: double(x))
        """,
        X,
        """
        program.py:7:28: error: the tangent that the rule of double returns is not zero where those of the arguments are [nonlinear-rule]
            |
          7 |     return primals[0] * 2, np.ones(3)
            |                            ^^^^^^^^^^
          help: a tangent is a sum of the given tangents, each times a factor
        """,
    ),
    "affine": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        @double.defjvp
        def rule(primals, tangents):
            end = 2 * tangents[0] + 1
            return primals[0] * 2, end

        f = lambda x: ps.jvp(double, (x,), (x,))
        """,
        X,
        """
        program.py:7:11: error: the tangent that the rule of double returns is not linear in those of the arguments [nonlinear-rule]
            |
          7 |     end = 2 * tangents[0] + 1
            |           ^^^^^^^^^^^^^^^^^^^
          help: a tangent is a sum of the given tangents, each times a factor
        """,
    ),
    "not linear in a loop": (
        """
        @ps.custom_jvp
        def double(x):
            return x * 2

        @double.defjvp
        def rule(primals, tangents):
            end = ps.fori_loop(0, 3, lambda i, s: s * s, tangents[0])
            return primals[0] * 2, end

        f = ps.grad(lambda x: double(x).sum())
        """,
        X,
        """
        program.py:7:43: error: a rule of custom_jvp is not linear in the tangents [nonlinear-rule]
            |
          7 |     end = ps.fori_loop(0, 3, lambda i, s: s * s, tangents[0])
            |                                           ^^^^^
          help: a tangent is a sum of the given tangents, each times a factor
        """,
    ),
    "captured": (
        """
        def f(w):
            @ps.custom_jvp
            def scaled(x):
                return x * w
            scaled.defjvp(lambda primals, tangents: (primals[0] * w, tangents[0] * w))
            return scaled(w).sum()

        f = ps.grad(f)
        """,
        X,
        """
        program.py:6:12: error: the rule of custom_jvp says nothing of an array that its function reads beside its arguments, by which it is differentiated [custom-capture]
            |
          6 |     return scaled(w).sum()
            |            ^^^^^^^^^
          help: pass the array as an argument that is not in nondiff_argnums, or through ps.stop_gradient
        """,
    ),
    "by keyword": (
        """
        @ps.custom_jvp
        def power(x, *, n):
            return x ** n

        power.defjvp(lambda primals, tangents: (primals, tangents))

        def f(x):
            return power(x, n=2)
        """,
        X,
        """
        program.py:8:12: error: power has a rule for its derivative, which takes arguments by position, but n is given by keyword [custom-keyword]
            |
          8 |     return power(x, n=2)
            |            ^^^^^^^^^^^^^
          help: let the function take it by position
        """,
    ),
    "no pair forward": (
        """
        @ps.custom_vjp
        def scaled(x, y):
            return x * y

        scaled.defvjp(lambda x, y: x * y, lambda kept, g: (g, g))
        f = ps.grad(lambda x: scaled(x, x).sum())
        """,
        X,
        """
        program.py:6:23: error: the forward rule of custom_vjp must return a pair [custom-result]
            |
          6 | f = ps.grad(lambda x: scaled(x, x).sum())
            |                       ^^^^^^^^^^^^
          help: return result, residuals
        """,
    ),
    "no tuple backward": (
        """
        @ps.custom_vjp
        def scaled(x, y):
            return x * y

        scaled.defvjp(lambda x, y: (x * y, x), lambda kept, g: g)
        f = ps.grad(lambda x: scaled(x, x).sum())
        """,
        X,
        """
        program.py:6:23: error: the backward rule of custom_vjp must return a tuple with the cotangents of 2 arguments [custom-result]
            |
          6 | f = ps.grad(lambda x: scaled(x, x).sum())
            |                       ^^^^^^^^^^^^
          help: return (cotangent,) for one argument, None where it is zero
        """,
    ),
    "cotangents nested otherwise": (
        """
        @ps.custom_vjp
        def scaled(x, y):
            return x * y

        scaled.defvjp(lambda x, y: (x * y, x), lambda kept, g: (g, [g]))
        f = ps.grad(lambda x: scaled(x, x).sum())
        """,
        X,
        """
        program.py:6:23: error: the backward rule of custom_vjp returns [*] for an argument * [custom-result]
            |
          6 | f = ps.grad(lambda x: scaled(x, x).sum())
            |                       ^^^^^^^^^^^^
          help: nest cotangents as the arguments, None where they are zero
        """,
    ),
    "cotangent of another shape": (
        """
        @ps.custom_vjp
        def scaled(x, y):
            return x * y

        scaled.defvjp(lambda x, y: (x * y, x), lambda kept, g: (g, g[:2]))
        f = ps.grad(lambda x: scaled(x, x).sum())
        """,
        X,
        """
        program.py:6:23: error: the cotangent of argument 1 is f64[2], but must be f64[n] (n = 3) [direction-shape]
            |
          6 | f = ps.grad(lambda x: scaled(x, x).sum())
            |                       ^^^^^^^^^^^^
          help: it has the shape of what it belongs to
        """,
    ),
    "custom_vjp forward": (
        """
        @ps.custom_vjp
        def scaled(x, y):
            return x * y

        scaled.defvjp(lambda x, y: (x * y, x), lambda kept, g: (g, g))
        f = ps.jacfwd(lambda x: scaled(x, x))
        """,
        X,
        """
        program.py:6:25: error: a function with custom_vjp has no derivative in forward mode [derivative]
            |
          6 | f = ps.jacfwd(lambda x: scaled(x, x))
            |                         ^^^^^^^^^^^^
          help: give it a rule with ps.custom_jvp, which serves both modes
        """,
    ),
}


@pytest.mark.parametrize(("source", "argument", "expected"), CASES.values(), ids=CASES)
def test_messages_of_rules(source, argument, expected):
    assert message(source, argument) == text(expected)
