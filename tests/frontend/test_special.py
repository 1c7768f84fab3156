"""Elementary and special functions of programs, held to NumPy and to exact values."""

# ruff: noqa: PLW0108 (what is compiled has to be a function with named parameters)

import math
import warnings
from itertools import product

import mpmath
import numpy as np
import pytest

import penstock as ps
from tests.sweeps import one_in

special = pytest.importorskip("scipy.special")

RANDOM = np.random.default_rng(1)
KINDS = (bool, np.int8, np.uint8, np.int64, np.uint64, np.float16, np.float32, float)
UFUNCS = [
    getattr(np, name)
    for name in dir(np)
    if isinstance(getattr(np, name), np.ufunc)
    and getattr(np, name).__name__ == name
    and getattr(np, name).signature is None
    and name not in ("power", "isnat")
]


def arguments(ufunc, dtype, size, random):
    arrays = []
    for place in range(ufunc.nin):
        if np.dtype(dtype).kind == "f":
            array = random.normal(0, 2, size).astype(dtype)
            tiny = np.finfo(dtype).tiny
            if size > 10:
                array[:8] = [0.0, -0.0, np.nan, np.inf, -np.inf, 1, -1, tiny]
                random.shuffle(array)
        elif dtype is bool:
            array = random.integers(0, 2, size).astype(bool)
        else:
            least = 0 if np.dtype(dtype).kind == "u" else -9
            array = random.integers(least, 9, size).astype(dtype)
            if ufunc is np.reciprocal:
                # What NumPy gives for 1 / 0 is not defined.
                array[array == 0] = 1
        if ufunc is np.ldexp and place == 1:
            array = random.integers(-60, 60, size).astype(np.int32)
        arrays.append(array)
    return arrays


@pytest.mark.parametrize(("ufunc", "dtype"), one_in(5, product(UFUNCS, KINDS)))
def test_ufuncs_agree_with_numpy(ufunc, dtype):
    compiled = ps.compile(lambda *arrays: ufunc(*arrays))
    random = np.random.default_rng(1)
    for size in (0, 1, 70):
        given = arguments(ufunc, dtype, size, random)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                wanted = ufunc(*given)
            except TypeError:
                return  # NumPy has no such loop
        got = compiled(*given)
        pairs = zip(got, wanted, strict=True) if ufunc.nout > 1 else [(got, wanted)]
        for left, right in pairs:
            assert left.dtype == right.dtype
            assert left.shape == right.shape
            # A sum of a number and a logarithm near minus that number cancels.
            cancels = ufunc in (np.logaddexp, np.logaddexp2)
            if ufunc in (np.fmax, np.fmin, np.maximum, np.minimum):
                # Of 0.0 and -0.0 NumPy gives either, by the place in a vector.
                left, right = (x + 0 if x.dtype != bool else x for x in (left, right))
            assert_near(left, right, 2.0 if cancels else 0.125)


def assert_near(left, right, least=0.125):
    if right.dtype.kind != "f":
        np.testing.assert_array_equal(left, right)
        return
    with np.errstate(all="ignore"):
        near = np.abs(left - right) <= 4 * np.spacing(np.maximum(np.abs(right), least))
        same = (left == right) | (np.isnan(left) & np.isnan(right))
        signs = (left != 0) | (right != 0) | (np.signbit(left) == np.signbit(right))
    assert np.all((near | same) & signs), (left, right)


def exact_gammaln(x):
    return mpmath.log(abs(mpmath.gamma(x)))


# name: exact function, intervals, the largest error in ulp.
SPECIAL = {
    "erf": (mpmath.erf, [(-3, 3)], 2),
    "erfc": (mpmath.erfc, [(-3, 3), (3, 26)], 2),
    "gammaln": (exact_gammaln, [(1e-3, 1), (1, 2.5), (2.5, 30), (30, 1e3)], 4),
    "digamma": (mpmath.digamma, [(1e-3, 1), (1, 2), (2, 8), (8, 1e4)], 4),
    "expit": (lambda x: 1 / (1 + mpmath.exp(-x)), [(-3, 3), (-700, 40)], 3),
    "logit": (lambda x: mpmath.log(x / (1 - x)), [(0, 1), (0.49, 0.51)], 3),
    "ndtr": (mpmath.ncdf, [(-2, 8)], 6),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_are_near_the_exact_ones(name, dtype):
    exact, intervals, bound = SPECIAL[name]
    function = getattr(special, name)
    parts = [RANDOM.uniform(low, high, 200) for low, high in intervals]
    x = np.concatenate(parts).astype(dtype)
    got = ps.compile(lambda x: function(x))(x)
    assert got.dtype == dtype
    with mpmath.workdps(40):
        wanted = [exact(mpmath.mpf(float(number))) for number in x]
        found = [mpmath.mpf(float(number)) for number in got]
        error = [abs(g - w) for g, w in zip(found, wanted, strict=True)]
        unit = [float(np.spacing(dtype(abs(float(w))))) for w in wanted]
    pairs = zip(error, unit, strict=True)
    assert max(float(e) / u for e, u in pairs) <= bound


@pytest.mark.parametrize("name", ["gammaln", "digamma"])
def test_between_the_negative_integers_errors_are_small_beside_the_terms(name):
    x = RANDOM.uniform(-20, -0.01, 300)
    function = getattr(special, name)
    exact = SPECIAL[name][0]
    got = ps.compile(lambda x: function(x))(x)
    with mpmath.workdps(40):
        wanted = np.array([float(exact(mpmath.mpf(number))) for number in x.tolist()])
    scale = 20 + np.abs(wanted)
    if name == "digamma":
        # Next to a pole the reduced argument, which is exact, is squared.
        scale += wanted**2
    assert np.max(np.abs(got - wanted) / scale) < 4e-15


def test_special_functions_at_their_edges():
    x = np.array([0.0, -0.0, -1.0, -2.0, np.inf, -np.inf, np.nan, 1.0, 2.0])
    for name in ("gammaln", "digamma", "erfc", "expit", "ndtr"):
        function = getattr(special, name)
        got = ps.compile(lambda x, function=function: function(x))(x)
        with np.errstate(all="ignore"):
            wanted = function(x)
        np.testing.assert_allclose(got, wanted, rtol=1e-14, err_msg=name)


def test_products_with_logarithms_are_zero_at_zero():
    x = np.array([0.0, 0.0, 0.0, 1.5, np.nan])
    y = np.array([0.0, np.nan, 2.0, 3.0, 1.0])
    for name in ("xlogy", "xlog1py"):
        function = getattr(special, name)
        got = ps.compile(lambda x, y, function=function: function(x, y))(x, y)
        np.testing.assert_allclose(got, function(x, y), rtol=1e-15, err_msg=name)


def test_steps_have_no_slope_and_shares_add_up():
    x = np.array([-1.5, -0.2, 0.4, 2.6])
    assert np.all(ps.grad(lambda x: np.rint(x).sum())(x) == 0)
    assert np.all(ps.grad(lambda x: np.trunc(x).sum())(x) == 0)
    assert np.all(ps.grad(lambda x: np.modf(x)[0].sum())(x) == 1)
    # Equal operands get half each, where a maximum would give one of them all.
    both = ps.grad(lambda x: np.logaddexp(x, x).sum())(x)
    np.testing.assert_allclose(both, np.ones(4), rtol=1e-15)
    one = ps.grad(lambda x, y: np.logaddexp(x, y).sum())(x, x.copy())
    np.testing.assert_allclose(one, np.full(4, 0.5), rtol=1e-15)
    assert math.isfinite(ps.grad(lambda x: special.expit(x))(-1000.0))
    assert ps.grad(lambda x: special.xlogy(x, 2.0))(0.0) == math.log(2)


def test_derivatives_of_sorted_and_cumulative_elements():
    x = np.array([3.0, 1.0, 2.0])
    weights = np.array([1.0, 10.0, 100.0])
    slope = ps.grad(lambda x: (np.sort(x) * weights).sum())(x)
    np.testing.assert_array_equal(slope, [100, 1, 10])
    slope = ps.grad(lambda x: (np.cumprod(x) * weights).sum())(x)
    np.testing.assert_allclose(slope, [1 + 10 + 200, 30 + 600, 300])
    slope = ps.grad(lambda x: (np.maximum.accumulate(x) * weights).sum())(x)
    np.testing.assert_array_equal(slope, [111, 0, 0])
