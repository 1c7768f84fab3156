"""The messages of derivatives and batches."""

# ruff: noqa: E501

import numpy as np
import pytest

from tests.errors.program import text
from tests.transforms.messages import message

X = np.arange(1.0, 4.0)
N = np.arange(3)
X32 = X.astype(np.float32)

CASES = {
    "gradient of an array": (
        """
        def f(x):
            return ps.grad(lambda x: x * x)(x)
        """,
        X,
        """
        program.py:2:12: error: grad needs a function that returns one floating number, not f64[n] [gradient-result]
            |
          2 |     return ps.grad(lambda x: x * x)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return a sum or mean; with more than one result use ps.jacrev or ps.vjp, and has_aux=True for what is only passed on
        """,
    ),
    "gradient of integers": (
        """
        def f(x):
            return ps.grad(lambda x: (x > 0).sum())(x)
        """,
        X,
        """
        program.py:2:12: error: grad needs a function that returns one floating number, not i64[] [gradient-result]
            |
          2 |     return ps.grad(lambda x: (x > 0).sum())(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return a sum or mean; with more than one result use ps.jacrev or ps.vjp, and has_aux=True for what is only passed on
        """,
    ),
    "gradient of nothing": (
        """
        def f(x):
            return ps.grad(lambda x: None)(x)
        """,
        X,
        """
        program.py:2:12: error: grad needs a function that returns one floating number, not None [gradient-result]
            |
          2 |     return ps.grad(lambda x: None)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return a sum or mean; with more than one result use ps.jacrev or ps.vjp, and has_aux=True for what is only passed on
        """,
    ),
    "gradient of several": (
        """
        def f(x):
            return ps.grad(lambda x: (x.sum(), x))(x)
        """,
        X,
        """
        program.py:2:12: error: grad needs a function that returns one floating number, not a tuple of f64[], f64[n] [gradient-result]
            |
          2 |     return ps.grad(lambda x: (x.sum(), x))(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return a sum or mean; with more than one result use ps.jacrev or ps.vjp, and has_aux=True for what is only passed on
        """,
    ),
    "by integers": (
        """
        def f(n):
            return ps.grad(lambda n: (n * n).sum())(n)
        """,
        N,
        """
        program.py:2:12: error: argument 0 is i64[n], which has no derivative [derivative-dtype]
            |
          2 |     return ps.grad(lambda n: (n * n).sum())(n)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: choose floating arguments with argnums, or convert them with x.astype(float)
        """,
    ),
    "by an integer in a dict": (
        """
        def f(x):
            return ps.grad(lambda p: (p['x'] * p['n']).sum())({'x': x, 'n': 3})
        """,
        X,
        """
        program.py:2:12: error: argument 0['n'] is i64[], which has no derivative [derivative-dtype]
            |
          2 |     return ps.grad(lambda p: (p['x'] * p['n']).sum())({'x': x, 'n': 3})
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: choose floating arguments with argnums, or convert them with x.astype(float)
        """,
    ),
    "primals without a tuple": (
        """
        def f(x):
            return ps.jvp(np.sin, x, x)
        """,
        X,
        """
        program.py:2:12: error: the primals of jvp are f64[n], not a tuple of arguments [direction-structure]
            |
          2 |     return ps.jvp(np.sin, x, x)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: pass tuples, of one too: ps.jvp(f, (x,), (t,))
        """,
    ),
    "a tangent without a tuple": (
        """
        def f(x):
            return ps.jvp(lambda x: x * x, (2.0,), 1.0)
        """,
        X,
        """
        program.py:2:12: error: the tangents of jvp are a float, not a tuple of arguments [direction-structure]
            |
          2 |     return ps.jvp(lambda x: x * x, (2.0,), 1.0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass tuples, of one too: ps.jvp(f, (x,), (t,))
        """,
    ),
    "by a text": (
        """
        def f(x):
            return ps.grad(lambda kind, x: x.sum(), (0, 1))('relu', x)
        """,
        X,
        """
        program.py:2:12: error: argument 0 is str, which has no derivative [derivative-dtype]
            |
          2 |     return ps.grad(lambda kind, x: x.sum(), (0, 1))('relu', x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: choose floating arguments with argnums, or convert them with x.astype(float)
        """,
    ),
    "no such argument": (
        """
        def f(x):
            return ps.grad(lambda x: x.sum(), argnums=1)(x)
        """,
        X,
        """
        program.py:2:12: error: argnums 1 does not fit 1 argument by position [bad-argnums]
            |
          2 |     return ps.grad(lambda x: x.sum(), argnums=1)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass what is differentiated by position
        """,
    ),
    "argument twice": (
        """
        def f(x):
            return ps.grad(lambda x, y: (x * y).sum(), argnums=(0, -2))(x, x)
        """,
        X,
        """
        program.py:2:12: error: argnums (0, -2) names an argument twice [bad-argnums]
            |
          2 |     return ps.grad(lambda x, y: (x * y).sum(), argnums=(0, -2))(x, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: name each argument once
        """,
    ),
    "argument by name": (
        """
        def f(x):
            return ps.jacrev(lambda x: x, argnums='x')(x)
        """,
        X,
        """
        program.py:2:12: error: argnums is 'x', but must be a position or a tuple of them [bad-argnums]
            |
          2 |     return ps.jacrev(lambda x: x, argnums='x')(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: positions count from 0: argnums=(0, 2)
        """,
    ),
    "no function": (
        """
        def f(x):
            return ps.grad(x)
        """,
        X,
        """
        program.py:2:12: error: grad: array([1., 2., 3.]) cannot be called [not-a-function]
            |
          2 |     return ps.grad(x)
            |            ^^^^^^^^^^
          help: pass the function itself: ps.grad(f)(x)
        """,
    ),
    "no aux": (
        """
        def f(x):
            return ps.grad(lambda x: x.sum(), has_aux=True)(x)
        """,
        X,
        """
        program.py:2:12: error: with has_aux the function must return a pair: the result, and what is passed on beside it [bad-aux]
            |
          2 |     return ps.grad(lambda x: x.sum(), has_aux=True)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return result, aux
        """,
    ),
    "tangents nested otherwise": (
        """
        def f(x):
            return ps.jvp(np.sin, (x,), ([x],))
        """,
        X,
        """
        program.py:2:12: error: the tangents are ([*],), but must be (*,) [direction-structure]
            |
          2 |     return ps.jvp(np.sin, (x,), ([x],))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give one for each array, nested in the same way
        """,
    ),
    "too many tangents": (
        """
        def f(x):
            return ps.jvp(np.sin, (x,), (x, x))
        """,
        X,
        """
        program.py:2:12: error: the tangents are (*, *), but must be (*,) [direction-structure]
            |
          2 |     return ps.jvp(np.sin, (x,), (x, x))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give one for each array, nested in the same way
        """,
    ),
    "tangent of another shape": (
        """
        def f(x):
            return ps.jvp(np.sin, (x,), (x[:2],))
        """,
        X,
        """
        program.py:2:12: error: the tangent of argument 0 is f64[m], but must be f64[n] (m = 2, n = 3) [direction-shape]
            |
          2 |     return ps.jvp(np.sin, (x,), (x[:2],))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: it has the shape of what it belongs to
        """,
    ),
    "tangent of another rank": (
        """
        def f(x):
            return ps.jvp(np.sin, (x,), (1.0,))
        """,
        X,
        """
        program.py:2:12: error: the tangent of argument 0 is f64[], but must be f64[n] (n = 3) [direction-shape]
            |
          2 |     return ps.jvp(np.sin, (x,), (1.0,))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: it has the shape of what it belongs to
        """,
    ),
    "tangent of another dtype": (
        """
        def f(x):
            return ps.jvp(np.sin, (x,), (x.astype(np.float64),))
        """,
        X32,
        """
        program.py:2:12: error: the tangent of argument 0 is f64[m], but must be f32[n] [direction-dtype]
            |
          2 |     return ps.jvp(np.sin, (x,), (x.astype(np.float64),))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: convert it: x.astype(np.float32)
        """,
    ),
    "cotangents nested otherwise": (
        """
        def f(x):
            y, pullback = ps.vjp(lambda x: {'y': x}, x)
            return pullback(x)
        """,
        X,
        """
        program.py:3:12: error: the cotangents are *, but must be {'y': *} [direction-structure]
            |
          3 |     return pullback(x)
            |            ^^^^^^^^^^^
          help: give one for each array, nested in the same way
        """,
    ),
    "cotangent of another shape": (
        """
        def f(x):
            y, pullback = ps.vjp(lambda x: {'y': x}, x)
            return pullback({'y': x[1:]})
        """,
        X,
        """
        program.py:3:12: error: the cotangent of the result['y'] is f64[m], but must be f64[n] (m = 2, n = 3) [direction-shape]
            |
          3 |     return pullback({'y': x[1:]})
            |            ^^^^^^^^^^^^^^^^^^^^^^
          help: it has the shape of what it belongs to
        """,
    ),
    "no batch": (
        """
        def f(x):
            return ps.vmap(np.sin, in_axes=None)(x)
        """,
        X,
        """
        program.py:2:12: error: vmap: no argument has a batch axis [no-batch]
            |
          2 |     return ps.vmap(np.sin, in_axes=None)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: in_axes must name an axis of at least one argument
        """,
    ),
    "batches differ": (
        """
        def f(x):
            return ps.vmap(np.add)(x, x[:2])
        """,
        X,
        """
        program.py:2:12: error: vmap: sizes n and m differ (n = 3, m = 2) [size-mismatch]
            |
          2 |     return ps.vmap(np.add)(x, x[:2])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: the axes named by in_axes need one size
        """,
    ),
    "no such batch axis": (
        """
        def f(x):
            return ps.vmap(np.sin, in_axes=1)(x)
        """,
        X,
        """
        program.py:2:12: error: vmap: in_axes of argument 0: axis 1 is out of bounds for an array of 1 axes [bad-axis]
            |
          2 |     return ps.vmap(np.sin, in_axes=1)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: axes count from 0, and from -1 backwards
        """,
    ),
    "no axis at all": (
        """
        def f(x):
            return ps.vmap(np.sin)(x.sum())
        """,
        X,
        """
        program.py:2:12: error: vmap: in_axes of argument 0: axis 0 is out of bounds for an array of 0 axes [bad-axis]
            |
          2 |     return ps.vmap(np.sin)(x.sum())
            |            ^^^^^^^^^^^^^^^^^^^^^^^^
          help: axes count from 0, and from -1 backwards
        """,
    ),
    "axes do not fit": (
        """
        def f(x):
            return ps.vmap(np.add, in_axes=(0,))(x, x)
        """,
        X,
        """
        program.py:2:12: error: vmap: in_axes (0,) does not fit (*, *) [bad-axes]
            |
          2 |     return ps.vmap(np.add, in_axes=(0,))(x, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give one axis for all, or one for each part
        """,
    ),
    "axes of a dict do not fit": (
        """
        def f(x):
            return ps.vmap(lambda p: p['a'], in_axes=({'b': 0},))({'a': x})
        """,
        X,
        """
        program.py:2:12: error: vmap: in_axes {'b': 0} does not fit {'a': *} [bad-axes]
            |
          2 |     return ps.vmap(lambda p: p['a'], in_axes=({'b': 0},))({'a': x})
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give one axis for all, or one for each part
        """,
    ),
    "axes of results do not fit": (
        """
        def f(x):
            return ps.vmap(np.sin, out_axes=(0, 0))(x)
        """,
        X,
        """
        program.py:2:12: error: vmap: out_axes (0, 0) does not fit * [bad-axes]
            |
          2 |     return ps.vmap(np.sin, out_axes=(0, 0))(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give one axis for all, or one for each part
        """,
    ),
    "no such result axis": (
        """
        def f(x):
            return ps.vmap(np.sin, out_axes=1)(x)
        """,
        X,
        """
        program.py:2:12: error: vmap: out_axes of the result: axis 1 is out of bounds for an array of 1 axes [bad-axis]
            |
          2 |     return ps.vmap(np.sin, out_axes=1)(x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: axes count from 0, and from -1 backwards
        """,
    ),
    "result is not the same for all": (
        """
        def f(x):
            return ps.vmap(lambda x, y: {'a': x}, (0, None), out_axes=None)(x, x)
        """,
        X,
        """
        program.py:2:12: error: vmap: out_axes of the result['a'] is None, but the result is not the same for all [batched-result]
            |
          2 |     return ps.vmap(lambda x, y: {'a': x}, (0, None), out_axes=None)(x, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give it an axis in out_axes, or reduce it outside
        """,
    ),
    "write to an outer array": (
        """
        @ps.compile
        def f(x):
            kept = np.zeros(3)
            def g(x):
                kept[0] = x[0]
                return x.sum()
            return ps.grad(g)(x)
        """,
        X,
        """
        program.py:5:9: error: cannot write to an array that was made outside the function that is transformed or repeated [write-to-outer]
            |
          5 |         kept[0] = x[0]
            |         ^^^^^^^
          help: pass the array to the function, and return the new one
        """,
    ),
    "leak": (
        """
        @ps.compile
        def f(x):
            kept = {}
            def g(x):
                kept['y'] = x * 2
                return x.sum()
            return ps.grad(g)(x) + kept['y']
        """,
        X,
        """
        program.py:7:12: error: a traced array was used after the function that it belongs to had been traced [leaked-value]
            |
          7 |     return ps.grad(g)(x) + kept['y']
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return it from that function, which is traced once: ps.scan stacks what each turn returns, has_aux=True passes it out of ps.grad
        """,
    ),
    "leak to a global": (
        """
        kept = []

        def g(x):
            kept.append(x)
            return x.sum()

        f = ps.grad(g)
        """,
        X,
        """
        program.py:4:5: error: cannot change global kept: it belongs to the caller [write-to-state]
            |
          4 |     kept.append(x)
            |     ^^^^^^^^^^^^^^
          help: change a copy, list(x), and return it
        """,
    ),
}


@pytest.mark.parametrize(("source", "argument", "expected"), CASES.values(), ids=CASES)
def test_messages_of_transforms(source, argument, expected):
    assert message(source, argument) == text(expected)
