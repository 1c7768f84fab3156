"""What derivatives are where there is a choice: the table in docs/transforms.md."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import penstock as ps
from penstock import nn

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "transforms.md").read_text()
ROWS = re.findall(r"^\| `(.+?)` at `(.+?)` \| `(.+?)` \|", PAGE, re.M)
SECOND = re.findall(r"^\| of `(.+?)` at `(.+?)` \| `(.+?)` \|", PAGE, re.M)
NAMES = {"np": np, "ps": ps, "inf": np.inf}


def test_the_page_has_tables():
    assert len(ROWS) > 15
    assert len(SECOND) > 10


@pytest.mark.parametrize(("code", "place", "expected"), ROWS)
def test_derivatives_are_as_the_page_says(code, place, expected):
    function = eval(f"lambda x: ({code}).sum()", NAMES)
    x = np.array(eval(place, NAMES), np.float64)
    wanted = np.array(eval(expected, NAMES), np.float64)
    np.testing.assert_array_equal(ps.grad(function)(x), wanted)
    along = [ps.jvp(function, (x,), (e.reshape(x.shape),))[1] for e in np.eye(x.size)]
    np.testing.assert_array_equal(np.reshape(along, x.shape), wanted)


@pytest.mark.parametrize(("code", "place", "expected"), SECOND)
def test_second_derivatives_are_as_the_page_says(code, place, expected):
    function = eval(f"lambda x: {code}", NAMES)
    x = np.array(eval(place, NAMES), np.float64)
    wanted = np.array(eval(expected, NAMES), np.float64)
    for outer, inner in itertools.product((ps.jacfwd, ps.jacrev), repeat=2):
        np.testing.assert_array_equal(outer(inner(function))(x), wanted)


@pytest.mark.parametrize("function", [np.std, np.nanstd, lambda x: x.std(ddof=1)])
def test_the_second_derivative_of_a_deviation_of_0_is_not_finite(function):
    for outer, inner in itertools.product((ps.jacfwd, ps.jacrev), repeat=2):
        assert not np.isfinite(outer(inner(function))(np.full(2, 3.0))).any()


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)]
)
def test_derivatives_of_sinc_are_exact_near_0(dtype, tolerance):
    near = np.array([0, 1e-30, 1e-5, -1e-3, 0.02, 0.3], dtype)
    far = np.array([0.4, -1.3, 4], dtype)

    def derivatives(x):
        """Of orders 1 to 3: integrals of t^n cos(x t + n pi / 2) over t from 0 to 1."""
        t, weights = np.polynomial.legendre.leggauss(40)
        t, weights = (t + 1) / 2, weights / 2
        angles = np.pi * x.astype(np.float64)[:, None] * t
        return [
            (weights * (np.pi * t) ** n * np.cos(angles + n * np.pi / 2)).sum(1)
            for n in (1, 2, 3)
        ]

    first = ps.grad(np.sinc)
    second = ps.grad(first)
    third = ps.grad(second)
    for x in (near, far):
        for f, wanted in zip((first, second, third), derivatives(x), strict=True):
            found = [f(each) for each in x]
            np.testing.assert_allclose(found, wanted, 40 * tolerance, 8 * tolerance)
    # So does the first keep its relative accuracy towards 0.
    small = np.array([1e-5, -1e-3], dtype)
    square = (np.pi * small.astype(np.float64)) ** 2
    exact = -(np.pi**2) * small * (1 / 3 - square / 30 + square**2 / 840)
    np.testing.assert_allclose([first(x) for x in small], exact, 4 * tolerance)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_value_of_a_norm_is_the_same_beside_its_derivative(dtype):
    x = np.array([300, 0.5], dtype)
    with np.errstate(over="ignore"):
        plain = np.linalg.norm(x)
    value, _ = ps.value_and_grad(np.linalg.norm)(x)
    assert value.dtype == dtype
    np.testing.assert_allclose(value, plain, 1e-3)


def test_extrema_at_indices_have_the_derivative_of_their_nan():
    def f(x):
        largest = np.zeros(2)
        np.maximum.at(largest, np.array([0, 0, 1]), x)
        return largest.sum()

    for place, wanted in (
        ([1.0, np.nan, 2.0], [0.0, 1.0, 1.0]),
        ([np.nan, np.nan, -1.0], [0.5, 0.5, 0.0]),
    ):
        x = np.array(place)
        np.testing.assert_array_equal(ps.grad(f)(x), wanted)
        np.testing.assert_array_equal(ps.jacfwd(f)(x), wanted)


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        (nn.elu, 1.0, 1.0),  # the second from the left
        (nn.silu, 0.5, 0.5),
        (nn.gelu, 0.5, np.sqrt(2 / np.pi)),
        (nn.sigmoid, 0.25, 0.0),
        (nn.softplus, 0.5, 0.25),
        (scipy.special.log_expit, 0.5, -0.25),
    ],
)
def test_smooth_activations_are_smooth_at_0(function, first, second):
    np.testing.assert_allclose(ps.grad(function)(0.0), first, 1e-15)
    np.testing.assert_allclose(ps.hessian(function)(0.0), second, 1e-15)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "softplus", "gelu"])
def test_activations_pass_a_nan_on(name):
    function = getattr(nn, name)
    assert np.isnan(function(np.float64(np.nan)))
    assert np.isnan(ps.compile(function)(np.nan))
    assert ps.grad(function)(np.nan) != 0
