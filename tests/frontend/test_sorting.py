"""Sorts, searches, counts and cumulative functions, compiled and held to NumPy."""

# ruff: noqa: PLW0108 (what is compiled has to be a function with named parameters)

from contextlib import nullcontext
from itertools import product

import numpy as np
import pytest

import penstock as ps
from penstock.ir.dims import evaluate_dim
from tests.frontend.running import assert_same, check
from tests.sweeps import one_in

RANDOM = np.random.default_rng(3)
A = RANDOM.normal(size=(5, 7))
I = RANDOM.integers(-5, 9, (5, 7))  # noqa: E741
B = A > 0
N = np.where(RANDOM.random((5, 7)) < 0.3, np.nan, A)
V = RANDOM.normal(size=40)
VN = np.where(np.arange(40) == 3, np.nan, V)
TABLE = np.sort(RANDOM.normal(size=25))
LONG = RANDOM.normal(size=500)
SMALL = RANDOM.integers(0, 9, 500)
EMPTY, ONE = np.zeros(0), np.ones(1)
ZEROS = np.array([0.0, -0.0, np.nan, -np.inf, 0.0, np.inf, -0.0, np.nan, -1.0, 5e-324])
DTYPES = [
    bool, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64,
    np.uint64, np.float16, np.float32, np.float64,
]  # fmt: skip


def agree(function, *args):
    """The compiled function gives NumPy's results, up to rounding."""
    with np.errstate(all="ignore"):
        expected = function(*(array.copy() for array in args))
    assert_same(ps.compile(function)(*args), expected, 64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 2, 100, 193, 700])
def test_sorts_are_numpys_stable_ones(dtype, size):
    x = (RANDOM.normal(size=size) * 40).astype(dtype)
    if x.dtype.kind == "f" and size > 10:
        x[:10] = np.resize(ZEROS, 10).astype(dtype)
    agree(lambda x: (np.sort(x, kind="stable"), np.argsort(x, kind="stable")), x)


# All dtypes, for this machine or another.
TARGETS = product([None, "x86-64", "x86-64-v3"], DTYPES)
each_target = pytest.mark.parametrize(("target", "dtype"), one_in(5, TARGETS))


@each_target
def test_many_short_lines_are_sorted_side_by_side(dtype, target):
    both = lambda x: (np.sort(x, kind="stable"), np.argsort(x, kind="stable"))  # noqa: E731
    with ps.config(target=target) if target else nullcontext():
        for size in (1, 2, 3, 8) if target is None else (5,):
            x = (RANDOM.normal(size=(141, size)) * 40).astype(dtype)
            if x.dtype.kind == "f":
                x[:60] = np.resize(ZEROS.astype(dtype), (60, size))
            agree(both, x)


def test_few_numbers_are_sorted_in_registers():
    text = ps.compile(lambda x: np.sort(x)).lower(np.ones((200, 3))).text("loops")
    assert "vector %l" in text
    assert text.count(" less ") == 3
    assert text.count(" load ") == text.count("  store ") == 3


def test_memory_to_sort_in_does_not_grow_with_the_number_of_lines():
    plan = ps.compile(lambda x: np.sort(x)).lower(np.ones((2, 3))).compilation.plan
    most = evaluate_dim(plan.arena, {"n": 10**4, "m": 300})
    assert evaluate_dim(plan.arena, {"n": 10**6, "m": 300}) == most


@each_target
def test_many_lines_are_sorted_side_by_side(dtype, target):
    both = lambda x: (np.sort(x, kind="stable"), np.argsort(x, kind="stable"))  # noqa: E731
    sizes = (11, 64, 75) if target is None else (40,)
    with ps.config(target=target) if target else nullcontext():
        for size in sizes:
            x = (RANDOM.normal(size=(67, size)) * 40).astype(dtype)
            if x.dtype.kind == "f":
                x[:30, ::2] = np.resize(ZEROS.astype(dtype), x[:30, ::2].shape)
            agree(both, x)
            agree(both, x.T[:, ::-1].copy().T)


def test_lines_of_any_length_are_sorted_side_by_side():
    f = ps.compile(lambda x: (np.sort(x), np.argsort(x, kind="stable")))
    g = ps.compile(lambda x: (np.sort(x, 0), np.argsort(x, 0, kind="stable")))
    for size in (*range(11, 70), 127, 128, 129, 200, 500, 513, 1000, 4095, 4096, 4097):
        x = RANDOM.integers(-50, 50, (16, size)).astype(np.float32)
        for found, axis in ((f(x), 1), (g(x.T.copy()), 0)):
            line = x if axis else x.T
            np.testing.assert_array_equal(found[0], np.sort(line, axis))
            np.testing.assert_array_equal(
                found[1], np.argsort(line, axis, kind="stable")
            )


def test_lines_of_all_lengths():
    for size in (8191, 8192, 9000):
        x = RANDOM.normal(size=(3, size))
        agree(lambda x: (np.sort(x), np.argsort(x)), x)
    for lines in (1, 63, 64, 65, 200):
        x = RANDOM.normal(size=(lines, 30, 2))
        agree(lambda x: np.sort(x, axis=1), x)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_sorts_along_axes(axis):
    for x in (A, I, B, N, A.T, A[::2, ::-1], np.zeros((0, 3)), np.zeros((3, 0))):
        agree(lambda x: np.sort(x, axis, kind="stable"), x)
        agree(lambda x: np.argsort(x, axis, kind="stable"), x)
    agree(lambda x: x.argsort(0, kind="stable"), I)


def test_long_lines_of_few_digits_take_few_passes():
    """Digits that are the same in all keys are passed over, whichever they are."""
    for shift in (0, 8, 11, 33, 55):
        x = SMALL << shift
        agree(lambda x: (np.sort(x), np.argsort(x, kind="stable")), x)
        agree(lambda x: np.sort(x), -x)
    agree(lambda x: np.argsort(x, kind="stable"), np.full(400, 7.5))


def test_sorts_by_several_keys():
    agree(lambda x: np.lexsort((x[0], x[1])), I)
    agree(lambda x: np.lexsort(x), I)


def test_partitions_put_an_element_in_its_place():
    agree(lambda x: np.partition(x, 3)[..., 3], A)
    agree(lambda x: np.partition(x, -2, axis=0)[-2], I)

    def chosen(x):
        return np.take_along_axis(x, np.argpartition(x, 3), -1)[..., 3]

    agree(chosen, A)


TABLES = [
    (TABLE, VN), (TABLE.astype(np.float32), V), (EMPTY, V), (ONE, V), (TABLE, EMPTY),
    (np.arange(9), V), (np.arange(9), SMALL), (TABLE, A), (np.repeat(TABLE, 3), TABLE),
    (np.append(TABLE, [np.nan, np.nan]), VN), (np.array([False, True]), B),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_searches(number):
    agree(
        lambda t, v: (
            np.searchsorted(t, v),
            np.searchsorted(t, v, "right"),
            np.searchsorted(t, v[:1]),
            t.searchsorted(v),
        ),
        *TABLES[number],
    )


def test_searches_of_scalars_and_by_sorters():
    agree(lambda t: (np.searchsorted(t, 0.5), np.searchsorted(t, 1)), TABLE)
    agree(lambda t, v: np.searchsorted(t, v, sorter=np.argsort(t)), V, V)


def test_bins_ascend_or_descend():
    agree(
        lambda t, v: (
            np.digitize(v, t),
            np.digitize(v, t, right=True),
            np.digitize(v, t[::-1]),
            np.digitize(v, t[::-1], right=True),
            np.digitize(v, t[:1]),
        ),
        TABLE,
        VN,
    )


@pytest.mark.parametrize("right", [False, True])
def test_numbers_that_equal_an_edge_are_binned_as_numpys(right):
    x = np.array([-2, -1, -0.5, 0, 1, 2, 3])
    for edges in ([2.0, 0.0, -1.0], [-1.0, 0.0, 2.0], [0.0, 0.0], [2.0, 2.0, 1.0]):
        agree(lambda x, b: np.digitize(x, b, right=right), x, np.array(edges))
        check(lambda x: np.digitize(x, edges, right=right), x)  # noqa: B023


def test_bins_in_no_order_are_refused():
    """As by NumPy, where they are known while tracing."""
    for refused in (
        lambda x: np.digitize(x, [1, 3, 2]),
        lambda x: np.histogram(x, [3, 2, 1]),
        lambda x: np.histogram(x, [[1, 2]]),
        lambda x: np.histogram(x, 0),
        lambda x: np.histogram(x, 5, range=(3, 1)),
        lambda x: np.bincount(x.astype(int), minlength=-1),
    ):
        for function in (refused, ps.compile(refused)):
            with pytest.raises(ValueError):  # noqa: PT011
                function(ONE)
    for refused in (
        lambda x, low, high: np.histogram(x, 5, range=(low, high)),
        lambda x, low, high: np.histogram(x, int(high)),
    ):
        with pytest.raises(ps.errors.ArgumentError):
            ps.compile(refused)(ONE, 3.0, -1.0)


def test_a_histogram_of_one_edge_has_no_bin():
    agree(lambda x: np.histogram(x, [0.5]), V)
    agree(lambda x: np.histogram(x, np.zeros(0)), ONE[:0])


def test_counts_of_an_unknown_number_of_bins_are_refused():
    count = ps.compile(lambda i, n: np.bincount(i, minlength=n))
    np.testing.assert_array_equal(count(SMALL, 9), np.bincount(SMALL, minlength=9))
    with pytest.raises(ps.errors.UnsupportedError, match="without minlength"):
        count(SMALL, 0)


def test_interpolation():
    agree(
        lambda v, t: (
            np.interp(v, t, t * t),
            np.interp(v, t, t, left=-9.0, right=9.0),
            np.interp(0.3, t, t),
        ),
        VN,
        TABLE,
    )
    agree(lambda v, t: np.interp(v, t, t), V, ONE)
    agree(lambda v, t: np.interp(v, t, t * t, period=2.0), V, TABLE)


def test_membership():
    for table in (np.arange(3), np.arange(40), SMALL[:30] * 2, np.zeros(0, np.int64)):
        agree(lambda a, b: (np.isin(a, b), np.isin(a, b, invert=True)), I, table)
    agree(lambda a, b: np.isin(a, b), N, np.append(N.ravel()[:20], V))


def test_counts():
    agree(lambda i: np.bincount(i, minlength=9), SMALL)
    agree(lambda i: np.bincount(i, minlength=12), SMALL.astype(np.uint8))
    agree(lambda i, w: np.bincount(i, w, minlength=9), SMALL, LONG)
    for bad in (-1, 9):
        with pytest.raises(IndexError):
            ps.compile(lambda i: np.bincount(i, minlength=9))(np.array([1, bad]))


@pytest.mark.parametrize("x", [LONG, LONG.astype(np.float32), V, SMALL, np.ones(5)])
def test_histograms(x):
    agree(
        lambda x: (
            np.histogram(x, 7),
            np.histogram(x, bins=5, range=(-1.0, 1.0)),
            np.histogram(x, 8, density=True),
            np.histogram(x, bins=np.array([-2.0, -0.5, 0.0, 0.1, 3.0])),
            np.histogram_bin_edges(x, 4),
        ),
        x,
    )


def test_histograms_of_weights():
    agree(lambda x: np.histogram(x, 6, weights=x * x), LONG)


@pytest.mark.parametrize("x", [A, A.astype(np.float32), I, I.astype(np.uint8), B, N])
def test_cumulative_functions(x):
    agree(
        lambda x: (
            np.cumprod(x),
            np.cumprod(x, axis=1),
            x.cumprod(0),
            np.multiply.accumulate(x),
            np.maximum.accumulate(x),
            np.minimum.accumulate(x, axis=1),
            np.logical_or.accumulate(x, axis=1),
            np.logical_and.accumulate(x),
            np.cumulative_prod(x, axis=1),
            np.cumulative_prod(x, axis=0, include_initial=True),
            np.nancumprod(x, axis=0),
        ),
        x,
    )


def test_functions_that_pass_over_nan():
    for x in (N, A, I):
        agree(
            lambda x: (
                np.nanmedian(x, axis=0),
                np.nanmedian(x, axis=1, keepdims=True),
                np.nanmedian(x),
                np.nanargmax(x),
                np.nanargmin(x, axis=1),
            ),
            x,
        )
    with pytest.raises(IndexError):
        ps.compile(lambda x: np.nanargmax(x))(np.full(3, np.nan))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_quantiles_that_pass_over_nan(dtype):
    x = np.nan_to_num(N, nan=5).astype(dtype) if dtype is np.int64 else N.astype(dtype)
    agree(
        lambda x: (
            np.nanquantile(x, 0.3),
            np.nanquantile(x, 0.5, axis=0),
            np.nanpercentile(x, 25, axis=1, keepdims=True),
            np.nanquantile(x, [0.0, 0.1, 1.0], axis=1),
        ),
        x,
    )


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.add])
@pytest.mark.parametrize("x", [V, V.astype(np.float32), SMALL[:40], VN])
def test_updates_at_repeated_positions(ufunc, x):
    def updated(x, index):
        total = x[:9].copy()
        ufunc.at(total, index, x)
        rows = np.stack([x[:4], x[4:8]])
        ufunc.at(rows, (slice(None), [0, 2, 0]), 3)
        return total, rows

    agree(updated, x, SMALL[:40])
    with pytest.raises(IndexError):
        ps.compile(updated)(x, SMALL[:40] + 5)


def test_covariances():
    for x in (A, I):
        agree(
            lambda x: (
                np.cov(x),
                np.cov(x, ddof=0),
                np.cov(x, rowvar=False),
                np.cov(x[0]),
                np.cov(x[0], x[1]),
                np.cov(x, bias=True),
                np.corrcoef(x[0], x[1]),
            ),
            x,
        )
    agree(lambda x: np.cov(x, aweights=np.arange(1.0, 8.0)), A)
    agree(lambda x: np.cov(x, fweights=np.arange(1, 8)), A)


def test_polynomials():
    agree(
        lambda x: (
            np.polyval(x[0], x),
            np.polyval([1, 2, 3], x),
            np.polyder(x[0]),
            np.polyint(x[0], 2, [1, 2]),
            np.polyadd(x[0], x[1, :3]),
        ),
        A,
    )
    np.testing.assert_allclose(
        ps.compile(lambda x: np.polymul(x[0], x[1]))(A), np.polymul(A[0], A[1])
    )


def test_positions_in_grids():
    agree(
        lambda i: (
            np.unravel_index(i, (3, 4, 5)),
            np.unravel_index(i, (9, 9), order="F"),
            np.ravel_multi_index((i % 3, i % 4), (3, 4)),
            np.ravel_multi_index((i, i), (3, 4), mode="clip"),
            np.ravel_multi_index((i, i), (3, 4), mode="wrap", order="F"),
        ),
        SMALL,
    )
    for call in (
        lambda i: np.unravel_index(i, (2, 2)),
        lambda i: np.ravel_multi_index((i, i), (9, 2)),
    ):
        with pytest.raises(IndexError):
            ps.compile(call)(SMALL)


def test_choices():
    index = SMALL[:40] % 3

    def chosen(i, x):
        parts = [x, -x, 7.0]
        return i.choose(parts), *(
            np.choose(i * 2 - 2, parts, mode=mode) for mode in ("clip", "wrap")
        )

    agree(chosen, index, V)
    with pytest.raises(IndexError):
        ps.compile(chosen)(index + 1, V)


def test_selections_and_blocks():
    agree(
        lambda x: (
            np.compress([True, False, True], x, axis=0),
            x.compress([0, 1, 1], axis=1),
            np.compress(np.array([1, 0, 1]) > 0, x, axis=0),
            np.extract([[True, False]] * 2, x[:2, :2]),
            np.block([[x, x * 2], [x * 3, x]]),
            np.block([x[0], x[1]]),
        ),
        A,
    )


def test_traces_say_what_they_mean():
    """The reference evaluator, too, at other sizes than those traced."""
    check(lambda x: (np.sort(x), np.argsort(x, kind="stable")), V)
    check(lambda x: (np.cumprod(x), np.maximum.accumulate(x)), V)
    check(lambda t, v: np.searchsorted(np.sort(t), v), V, V)


def test_leading_zeros_of_constant_coefficients_are_trimmed():
    """They stayed in front of the product."""
    for f in (
        lambda x: np.polymul([0, 0, 1, 2], x),
        lambda x: np.polymul(x, [0.0, 0.0]),
        lambda x: np.polymul([3.0], x),
        lambda x: np.polymul(np.array([0, 5]), np.zeros(3)) + x[0],
    ):
        np.testing.assert_allclose(ps.compile(f)(A[0]), f(A[0]))
