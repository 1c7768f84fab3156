"""Transformed functions as SciPy's minimizers take them."""

import numpy as np
import pytest
import scipy.optimize

import penstock as ps


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "SLSQP", "TNC"])
def test_value_and_gradient(method):
    found = scipy.optimize.minimize(
        ps.value_and_grad(rosenbrock), np.zeros(5), jac=True, method=method, tol=1e-9
    )
    np.testing.assert_allclose(found.x, 1, atol=1e-4)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-exact", "trust-ncg"])
def test_with_second_derivatives(method):
    found = scipy.optimize.minimize(
        ps.value_and_grad(rosenbrock), np.zeros(5), jac=True, method=method,
        hess=ps.hessian(rosenbrock), tol=1e-10,
    )  # fmt: skip
    np.testing.assert_allclose(found.x, 1, atol=1e-6)


def test_jacobian_of_least_squares():
    t = np.linspace(0, 1, 20)
    measured = 2 * np.exp(-3 * t)

    def residuals(p):
        return p[0] * np.exp(-p[1] * t) - measured

    found = scipy.optimize.least_squares(
        ps.compile(residuals), [1.0, 1.0], jac=ps.jacfwd(residuals)
    )
    np.testing.assert_allclose(found.x, [2, 3], rtol=1e-6)
