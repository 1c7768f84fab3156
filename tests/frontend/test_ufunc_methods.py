"""Methods of ufuncs beside NumPy's, their derivatives, and their batches."""

import functools
from itertools import product

import numpy as np
import pytest

import penstock as ps
from tests.sweeps import one_in

random = np.random.default_rng(11)
A = random.normal(size=(3, 4))
V = random.normal(size=6)
N = np.where(random.random((3, 4)) < 0.3, np.nan, A)
WHOLE = random.integers(0, 9, (3, 4))
M = A > 0
BYTES = WHOLE.astype(np.uint8)


def agree(function, *args):
    """Compiled, a function gives what it gives by itself, in dtypes and shapes too.

    One that returns a list is one program for all that is in it.
    """
    wanted = function(*args)
    found = ps.compile(function)(*args)
    if isinstance(wanted, list):
        same(found, wanted)
    else:
        same([found], [wanted])


def same(found, wanted):
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        one, other = np.asarray(one), np.asarray(other)
        assert (one.dtype, one.shape) == (other.dtype, other.shape), number
        rtol = 1e-6 if one.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(one, other, rtol, err_msg=f"number {number}")


REDUCTIONS = {
    np.subtract: A,
    np.divide: A,
    np.floor_divide: WHOLE + 1,
    np.remainder: A,
    np.power: abs(A),
    np.hypot: A,
    np.arctan2: A,
    np.logaddexp: A,
    np.logaddexp2: A,
    np.fmax: N,
    np.fmin: N,
    np.copysign: A,
    np.bitwise_and: WHOLE,
    np.bitwise_or: BYTES,
    np.bitwise_xor: M,
    np.logical_xor: A,
    np.left_shift: WHOLE,
    np.gcd: WHOLE,
    np.lcm: WHOLE + 1,
    np.equal: M,
}


def fold(ufunc, x, axis, keepdims=False):
    """What ``ufunc.reduce`` means, one element after the other.

    On processors with AVX-512, NumPy 2.4's own ``power.reduce`` and ``arctan2.reduce``
    along neighbouring elements combine the first element with the last one alone.
    """
    found = functools.reduce(ufunc, np.moveaxis(x, axis, 0))
    return np.expand_dims(found, axis) if keepdims else found


@pytest.mark.parametrize("ufunc", one_in(2, REDUCTIONS), ids=lambda u: u.__name__)
def test_any_ufunc_of_two_operands_folds(ufunc):
    x = REDUCTIONS[ufunc]
    axes = (0, 1, -1)
    ways = [(axis, keepdims) for axis in axes for keepdims in (False, True)]
    found = ps.compile(
        lambda x: [ufunc.reduce(x, axis=axis, keepdims=k) for axis, k in ways]
    )(x)
    same(found, [fold(ufunc, x, *way) for way in ways])
    agree(lambda x: [ufunc.accumulate(x, axis=axis) for axis in axes], x)
    found = ps.compile(
        lambda x: [ufunc.reduceat(x, [0, 2, 1], axis=axis) for axis in axes]
    )(x)
    wanted = []
    for axis in axes:
        parts = [
            np.take(x, part, axis) for part in ([0, 1], [2], range(1, x.shape[axis]))
        ]
        whole = np.stack([fold(ufunc, part, axis) for part in parts], axis)
        dtype = ufunc.reduceat(x, [0, 2, 1], axis=axis).dtype
        wanted.append(whole.astype(dtype))
    same(found, wanted)
    agree(lambda x: ufunc.reduce(x[0, :1]), x)
    try:
        wanted = ufunc.reduce(x, axis=None)
    except ValueError:
        with pytest.raises(ValueError, match="its order matters"):
            ps.compile(lambda x: ufunc.reduce(x, axis=None))(x)
    else:
        found = ps.compile(lambda x: ufunc.reduce(x, axis=(0, 1)))(x)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_folds_of_some_elements_and_of_none():
    agree(lambda x, m: np.fmax.reduce(x, axis=0, where=m, initial=-9.0), N, M)
    agree(lambda x, m: np.bitwise_or.reduce(x, axis=1, where=m), WHOLE, M)
    agree(lambda x, m: np.bitwise_and.reduce(x, axis=1, where=m, initial=6), BYTES, M)
    agree(lambda x: np.subtract.reduce(x, initial=10.0), V)
    agree(lambda x: np.gcd.reduce(x, axis=0), np.zeros((0, 3), np.int64))
    agree(lambda x: np.bitwise_or.reduce(x, axis=-1), np.zeros((0, 3), np.uint64))
    agree(lambda x: np.bitwise_or.reduce(x, axis=0), np.zeros((2, 3, 0), np.uint64))
    agree(lambda x: np.fmax.accumulate(x, axis=0), np.zeros(0))
    for function in (
        lambda x: np.fmax.reduce(x, axis=0),
        lambda x: np.fmax.reduce(x, where=x > 0),
    ):
        with pytest.raises(ValueError, match="fmax"):
            ps.compile(function)(np.zeros(0))


def test_folds_that_there_are_not():
    with pytest.raises(TypeError, match=r"equal\.reduce: of two i64 it makes a bool"):
        ps.compile(lambda x: np.equal.reduce(x, axis=0))(WHOLE)
    with pytest.raises(TypeError, match="only ufuncs of two operands"):
        ps.compile(lambda x: np.exp.reduce(x, axis=0))(V)
    with pytest.raises(TypeError, match="no axis to accumulate"):
        ps.compile(lambda x: np.fmax.accumulate(x[0]))(V)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.subtract])
def test_slices_are_reduced(ufunc):
    at = np.array([5, 0, 0, 3])
    xs = [V, V.astype(np.float32), WHOLE[0], A, M if ufunc is np.add else A]
    agree(
        lambda xs, at: [
            ufunc.reduceat(x, i, axis=0) for x, i in zip(xs, at, strict=True)
        ],
        xs,
        [at % len(x) for x in xs],
    )
    agree(lambda xs: [ufunc.reduceat(x, [1, 2, 0]) for x in xs], xs)
    agree(lambda x: ufunc.reduceat(x, []), V)
    for wrong in (-1, 6):
        with pytest.raises(IndexError):
            ps.compile(lambda x, i: ufunc.reduceat(x, i) * 1)(V, np.array([0, wrong]))
    compiled = ps.compile(lambda x, i: ufunc.reduceat(x, i) * 1)
    for size in (6, 50, 7):
        x = random.normal(size=size)
        i = random.integers(0, size, size)
        np.testing.assert_allclose(compiled(x, i), ufunc.reduceat(x, i), rtol=1e-10)
    assert compiled.stats().variants <= 3


@pytest.mark.parametrize(
    "ufunc", [np.multiply, np.divide, np.power, np.fmax, np.hypot, np.arctan2]
)
def test_places_that_come_twice_are_changed_twice(ufunc):
    x, y = abs(A) + 1, abs(A[::-1]) + 1

    def changed(x, y, i):
        x = x.copy()
        ufunc.at(x, (i, i), y[0, 0])
        ufunc.at(x, [0, 0, 1], y)
        ufunc.at(x, (slice(None), [3, 0, 3]), y[:, :3])
        ufunc.at(x.T, ([[0, 1], [1, 1]], 2), y[:2, :2])
        ufunc.at(x, x > 2, 0.5)
        ufunc.at(x, 1, y[2])
        return x

    agree(changed, x, y, np.array([2, 0, 2]))
    with pytest.raises(IndexError):
        ps.compile(changed)(x, y, np.array([2, 0, 3]))


def test_changes_of_rows_without_elements():
    def changed(x, i):
        x = x.copy()
        np.hypot.at(x, i, 1)
        return x

    agree(changed, np.zeros((3, 0)), np.array([[0, 2], [0, 1]]))
    agree(changed, np.zeros((0, 0, 2)), np.zeros((0, 0, 2), np.int64))


def test_changes_by_ufuncs_of_one_operand_and_of_bits():
    def changed(x, n, m, i):
        x, n, m = x.copy(), n.copy(), m.copy()
        np.negative.at(x, i)
        np.sqrt.at(x, abs(x) > 9)
        np.square.at(x, (slice(None), 1))
        np.bitwise_xor.at(n, (i, 1), 5)
        np.logical_or.at(m, i, True)
        return x + n + m

    agree(changed, A, WHOLE, M, np.array([0, 0, 2]))
    with pytest.raises(TypeError, match=r"modf\.at"):
        ps.compile(lambda x: np.modf.at(x.copy(), [0]))(V)
    halved = ps.compile(lambda n: np.divide.at(n := n.copy(), [0, 0], 2.5) or n)
    np.testing.assert_array_equal(halved(np.array([9, 7])), [1, 7])


def scaled(x, y):
    x = x.copy()
    np.multiply.at(x, [0, 0, 2], y[:3])
    return x


SMOOTH = {
    "divide.reduce": lambda x, y: np.divide.reduce(x) * y,
    "hypot.reduce": lambda x, y: np.hypot.reduce(x) * y,
    "logaddexp.accumulate": lambda x, y: np.logaddexp.accumulate(x) * y,
    "multiply.reduceat": lambda x, y: np.multiply.reduceat(x * y, [0, 3, 1]),
    "multiply.at": scaled,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_and_batches(name):
    function, x, y = SMOOTH[name], abs(V) + 0.5, V[::-1] + 0.1
    ps.check_grads(function, (x, y), order=1)
    rows = np.stack([x, 2 * x, x + y**2])
    found = ps.vmap(function, (0, None))(rows, y)
    for one, row in zip(found, rows, strict=True):
        np.testing.assert_allclose(one, function(row, y), rtol=1e-12)


METHODS = [
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
    "lower",
    "higher",
    "midpoint",
    "nearest",
]


Q = np.array([0.0, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0])
QUANTILES = [
    (lambda x, q, how: np.quantile(x, q, axis=1, **how), A, Q),
    (lambda x, how: np.quantile(x, 0.4, keepdims=True, **how), WHOLE),
    (lambda x, p, how: np.percentile(x, p, **how), A.astype(np.float32), 30.0),
    (lambda x, how: np.percentile(x, 50, axis=0, **how), N),
    (lambda x, how: np.nanquantile(x, [0.1, 0.5, 1.0], axis=1, **how), N),
    (lambda x, how: np.quantile(x[:5], np.arange(6) / 5, **how), V),
    (lambda x, how: np.quantile(x[:1], 0.7, **how), V),
]


@pytest.mark.parametrize("number", range(len(QUANTILES)))
def test_quantiles_by_every_method(number):
    # Of all methods in one program, which sorts only once.
    function, *args = QUANTILES[number]
    agree(lambda *xs: [function(*xs, {"method": name}) for name in METHODS], *args)


def test_derivatives_of_quantiles_by_every_method():
    ps.check_grads(
        lambda x: [np.quantile(x, 0.37, method=m) for m in METHODS], (V,), order=1
    )


@pytest.mark.parametrize("method", METHODS)
def test_there_are_no_quantiles_beyond_one(method):
    with pytest.raises(IndexError):
        ps.compile(lambda x, q: np.quantile(x, q, method=method))(V[:1], Q + 0.5)


def test_quantiles_of_what_has_weights():
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    how = {"method": "inverted_cdf"}
    agree(lambda x, w: np.quantile(x, 0.3, axis=1, weights=w, **how), A, weights)
    agree(lambda x, w: np.quantile(x, [0.0, 0.5, 1.0], weights=w, **how), A, abs(A))
    agree(lambda x, w: np.percentile(x, [30, 60], axis=0, weights=w, **how), N, abs(A))
    with pytest.raises(ValueError, match="inverted_cdf"):
        ps.compile(lambda x, w: np.quantile(x, 0.3, weights=w))(A, abs(A))
    with pytest.raises(IndexError):
        ps.compile(lambda x, w: np.quantile(x, 0.3, weights=w, **how))(A, A)


_PLACES = (slice(1, None), ..., [True, True, False, True], [1, 3], "above")
_WRITES = product(
    [np.add, np.subtract, np.multiply, np.maximum],
    ["u8", "i8", "f4", "f2"],
    [300, 0.1, 3, True],
    _PLACES,
)


@pytest.mark.parametrize(("ufunc", "dtype", "number", "place"), one_in(3, _WRITES))
def test_numbers_of_at_are_arrays_wherever_they_go(ufunc, dtype, number, place):
    def function(x):
        x = x.copy()
        ufunc.at(x, x > 2 if place == "above" else place, number)
        return x

    large = {"f2": 101, "f4": 2**24 - 1}.get(dtype, 2**54 + 1)
    x = np.array([1, 77, large, 3]).astype(dtype)
    try:
        wanted = function(x)
    except TypeError:
        with pytest.raises(TypeError):
            ps.compile(function)(x)
    else:
        np.testing.assert_array_equal(ps.compile(function)(x), wanted)


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.maximum, np.divide])
@pytest.mark.parametrize(
    ("place", "shape"),
    [
        (1, (1,)),
        ([1, 2], (1, 2)),
        ([1, 2], (3,)),
        (slice(0, 2), (1, 2)),
        (slice(0, 0), (1, 1)),
        (..., (1, 5)),
        (np.array(1), (1,)),
        ([], (3,)),
    ],
)
def test_at_takes_no_more_axes_than_it_changes(ufunc, place, shape):
    def f(x, values):
        x = x.copy()
        ufunc.at(x, place, values)
        return x

    x, values = np.zeros(5), np.ones(shape)
    for function in (f, ps.compile(f)):
        with pytest.raises(ValueError, match="broadcast"):
            function(x, values)
