"""What derivatives of any function keep."""

from itertools import product

import numpy as np
import pytest

import penstock as ps
from tests.sweeps import one_in

random = np.random.default_rng(4)
W = random.normal(size=(3, 3))


def mixed(x):
    h = np.tanh(W @ x) * x
    return ps.scan(lambda c, r: (np.sin(c) + r * c, c * r), x.sum(), h)[1] + h[::-1]


def branching(x):
    y = ps.cond(x[0] > 0, lambda: np.exp(-x * x), lambda: x**3)
    return np.where(y > 0.1, y * x, np.sort(x)) + ps.checkpoint(np.tanh)(y)


FUNCTIONS = [mixed, branching, lambda x: np.cumsum(x) * x.max() / (1 + x.std())]
every_function = pytest.mark.parametrize("function", FUNCTIONS)
X = random.normal(size=3)


@every_function
def test_forward_and_reverse_agree(function):
    v, c = random.normal(size=(2, 3))
    _, tangent = ps.jvp(function, (X,), (v,))
    _, pullback = ps.vjp(function, X)
    np.testing.assert_allclose(c @ tangent, pullback(c)[0] @ v, rtol=1e-12)


@every_function
def test_both_jacobians_agree(function):
    forward = ps.jacfwd(function)(X)
    np.testing.assert_allclose(ps.jacrev(function)(X), forward, rtol=1e-12, atol=1e-14)
    rows = [ps.grad(lambda x, i=i: function(x)[i])(X) for i in range(3)]
    np.testing.assert_allclose(rows, forward, rtol=1e-12, atol=1e-14)


@every_function
def test_hessians_are_symmetric_however_they_are_computed(function):
    def scalar(x):
        return (function(x) ** 2).sum()

    wanted = ps.hessian(scalar)(X)
    np.testing.assert_allclose(wanted, wanted.T, rtol=1e-10, atol=1e-12)
    # ps.hessian itself is jacfwd of jacrev.
    for outer, inner in [
        (ps.jacfwd, ps.jacfwd), (ps.jacrev, ps.jacfwd), (ps.jacrev, ps.grad),
    ]:  # fmt: skip
        found = outer(inner(scalar))(X)
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@every_function
def test_linearized_functions_are_linear(function):
    _, derivative = ps.linearize(function, X)
    u, v = random.normal(size=(2, 3))
    np.testing.assert_allclose(
        derivative(2 * u - 3 * v), 2 * derivative(u) - 3 * derivative(v), rtol=1e-11
    )
    _, pullback = ps.vjp(function, X)
    (joint,), (a,), (b,) = pullback(2 * u - 3 * v), pullback(u), pullback(v)
    np.testing.assert_allclose(joint, 2 * a - 3 * b, rtol=1e-11)


@every_function
def test_third_derivatives_agree(function):
    def along(x):
        return ps.jvp(ps.grad(lambda z: function(z).sum()), (x,), (X,))[1]

    forward = ps.jacfwd(along)(X)
    np.testing.assert_allclose(ps.jacrev(along)(X), forward, rtol=1e-9, atol=1e-11)


_INFINITE = [np.sqrt, np.log, lambda x: 1 / x, lambda x: x**0.5, np.cbrt, np.arccos]


_FINITE = [np.sqrt, np.log, np.exp, np.tanh, np.abs, lambda x: x * x, lambda x: 2 / x]


@pytest.mark.parametrize(("first", "second"), one_in(5, product(_INFINITE, _FINITE)))
def test_the_branch_that_is_not_chosen_gives_no_nan(first, second):
    def safe(x):
        return np.where(x > 1, x, second(first(x))).sum()

    x = np.array([2.0, 3.0, 5.0])
    outside = np.where(x > 4, 0.0, x)

    def masked(x):
        # Elements of 0, where the derivatives are infinite, are not chosen.
        return np.where(x > 1, second(np.abs(first(x / 10))), 0).sum()

    for derivative in (ps.grad, ps.jacfwd):
        np.testing.assert_array_equal(derivative(safe)(x), np.ones(3))
        once = derivative(masked)
        assert np.isfinite(once(outside)).all()
        assert once(outside)[2] == 0
        twice = derivative(lambda x, once=once: once(x).sum())
        assert twice(outside)[2] == 0
