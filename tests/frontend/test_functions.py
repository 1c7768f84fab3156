"""NumPy's functions and methods, held against NumPy."""

import re
from pathlib import Path

import numpy as np
import pytest

import penstock as ps
from penstock.frontend.numpy_functions.table import FUNCTIONS
from penstock.ir.errors import ArgumentError, UnsupportedError
from tests.frontend.arrays import (
    BOOLS,
    BYTES,
    CUBE,
    HALF,
    INTEGERS,
    SHORT,
    SQUARE,
    WITH_NAN,
    V,
    X,
    Y,
)
from tests.frontend.running import check, run, traced

REDUCTIONS = {
    "sum": (
        lambda x: (x.sum(), x.sum(0), x.sum(axis=1, keepdims=True), np.sum(x, (0, 1))),
        X,
    ),
    "sum options": (
        lambda x: (x.sum(initial=3.0), np.sum(x, where=x > 0), x.sum(dtype=np.float64)),
        X,
    ),
    "sum of integers": (
        lambda a: (a.sum(), a.prod(), np.sum(a, axis=1), a.max()),
        SHORT,
    ),
    "sum of unsigned": (lambda u: (u.sum(), np.prod(u, axis=1), u.min()), BYTES),
    "sum of halves": (lambda h: (h.sum(), h.mean(), h.var(), h.max()), HALF),
    "sum into": (lambda x: np.sum(x, axis=0, out=np.empty(x.shape[1], np.float32)), X),
    "bools": (
        lambda b: (
            b.sum(),
            b.any(),
            b.all(0),
            b.mean(),
            np.count_nonzero(b, axis=1),
            b.max(),
        ),
        BOOLS,
    ),
    "any of numbers": (
        lambda i: (np.any(i), np.all(i, axis=1), i.any(where=i > 9)),
        INTEGERS,
    ),
    "extrema": (
        lambda x: (
            x.max(),
            x.min(1),
            np.max(x, axis=0, keepdims=True),
            np.amax(x),
            np.amin(x),
        ),
        X,
    ),
    "extrema with nan": (
        lambda x: (x.max(), x.min(axis=0), np.max(x, initial=5.0)),
        WITH_NAN,
    ),
    "places": (
        lambda x: (
            x.argmax(),
            x.argmin(0),
            np.argmax(x, axis=1, keepdims=True),
            np.argmin(x),
        ),
        X,
    ),
    "ranges": (lambda x: (np.ptp(x), np.ptp(x, axis=0)), X),
    "means": (lambda x: (x.mean(), x.mean(0), x.mean((0, 1), keepdims=True)), X),
    "dtype of the sums alone": (
        lambda x: (
            np.var(x * 1e6 + 3e9, axis=1, dtype=np.float32),
            np.std(x * 100, dtype=np.int64),
            np.mean(x, axis=0, dtype=np.int16),
        ),
        X.astype(np.float64),
    ),
    "means of integers": (
        lambda i: (i.mean(), i.var(), np.average(i, axis=0)),
        INTEGERS,
    ),
    "spreads": (
        lambda x: (
            x.var(),
            x.var(1, ddof=1),
            x.std(0, keepdims=True),
            np.std(x, ddof=1),
        ),
        X,
    ),
    "masked means": (lambda x: (np.mean(x, where=x > 0), np.var(x, where=x > 0)), X),
    "averages": (
        lambda x, v: (
            np.average(x),
            np.average(x, weights=abs(x)),
            np.average(x, 1, weights=abs(v)),
            np.average(x, axis=0, returned=True),
        ),
        X,
        V,
    ),
    "medians": (
        lambda x: (np.median(x), np.median(x, axis=1), np.median(x, 0, keepdims=True)),
        X,
    ),
    "medians with nan": (lambda x: (np.median(x), np.median(x, axis=1)), WITH_NAN),
    "quantiles": (
        lambda x: (
            np.quantile(x, 0.3),
            np.quantile(x, [0.1, 0.9], axis=1),
            np.percentile(x, 25, axis=0),
            np.quantile(x, 0.5, keepdims=True),
            np.percentile(x, [0, 100]),
        ),
        Y,
    ),
    "running sums": (
        lambda x, i: (
            x.cumsum(),
            x.cumsum(0),
            np.cumsum(i, axis=1),
            np.cumsum(i > 0),
            np.cumulative_sum(x, axis=1, include_initial=True),
        ),
        X,
        INTEGERS,
    ),
    "without nan": (
        lambda x: (
            np.nansum(x),
            np.nanprod(x, axis=0),
            np.nanmax(x),
            np.nanmin(x, axis=1),
            np.nanmean(x),
            np.nanmean(x, axis=0),
            np.nanvar(x),
            np.nanstd(x, axis=1),
            np.nancumsum(x, axis=1),
            np.nanmax(x, axis=0),
            np.nan_to_num(x),
        ),
        WITH_NAN,
    ),
    "without nan of integers": (
        lambda i: (np.nansum(i), np.nanmean(i), np.nanmax(i)),
        INTEGERS,
    ),
    "norms": (
        lambda x, v: (
            np.linalg.norm(v, 1),
            np.linalg.norm(x, np.inf),
            np.linalg.norm(x, 1),
            np.linalg.norm(v, -np.inf),
            np.linalg.norm(v, 0),
            np.linalg.norm(v, np.inf),
            np.linalg.vector_norm(x, axis=1, ord=1),
        ),
        X,
        V,
    ),
}

MOVEMENT = {
    "reshape": (
        lambda x: (
            x.reshape(2, 6),
            x.reshape(-1),
            x.reshape((3, 2, 2)),
            np.reshape(x, (4, -1)),
            np.reshape(x, (4, 3), order="F"),
            x.reshape(x.shape[1], -1),
            x.reshape(x.size),
            x.reshape(np.prod(x.shape)),
            x.reshape((*x.shape, 1)),
            x.reshape(x.shape[::-1]),
        ),
        X,
    ),
    "flat": (
        lambda x: (x.ravel(), x.flatten(), x.T.ravel(), np.ravel(x, order="F")),
        X,
    ),
    "axes": (
        lambda x: (
            x.T,
            x.transpose(2, 0, 1),
            np.transpose(x, (1, 0, 2)),
            np.swapaxes(x, 0, -1),
            np.moveaxis(x, 0, -1),
            np.moveaxis(x, (0, 1), (1, 2)),
            np.rollaxis(x, 2),
            x.mT,
            np.matrix_transpose(x),
            np.permute_dims(x, (2, 1, 0)),
            x.swapaxes(0, 1),
        ),
        CUBE,
    ),
    "units": (
        lambda x: (
            x[None],
            np.expand_dims(x, (0, 2)),
            np.squeeze(x[None]),
            x[:, None].squeeze(1),
            np.atleast_1d(x[0, 0]),
            np.atleast_2d(x[0]),
            np.atleast_3d(x),
            np.atleast_2d(x, x[0]),
        ),
        X,
    ),
    "broadcasts": (
        lambda v: (np.broadcast_to(v, (3, 4)), np.broadcast_arrays(v, v[:, None])),
        V,
    ),
    "joins": (
        lambda x, y: (
            np.concatenate([x, y]),
            np.concatenate((x, y), axis=1),
            np.concatenate([x, y], None),
            np.stack([x, x], 1),
            np.vstack([x, x[0]]),
            np.hstack([x, x]),
            np.dstack([x, x]),
            np.column_stack([x[0], x[1]]),
            np.hstack([x[0], x[1]]),
            np.concat([x, x]),
            np.append(x, x),
            np.append(x, x, axis=0),
        ),
        X,
        Y,
    ),
    "conversions": (
        lambda x: (np.astype(x, np.int16), np.astype(x, "f8", copy=False)),
        X,
    ),
    "splits": (
        lambda x: (
            np.split(x, 2, axis=1),
            np.array_split(x, 2),
            np.hsplit(x, [1, 3]),
            np.vsplit(x, 3),
            np.array_split(x[0], 3),
            np.unstack(x),
            np.dsplit(x[..., None], 1),
        ),
        X,
    ),
    "flips": (
        lambda x: (
            np.flip(x),
            np.flip(x, 0),
            np.fliplr(x),
            np.flipud(x),
            np.rot90(x),
            np.rot90(x, 2),
            np.rot90(x, 3),
            np.rot90(x, -1),
            np.rot90(x, 4),
        ),
        X,
    ),
    "rolls": (
        lambda x: (
            np.roll(x, 1),
            np.roll(x, -2, axis=1),
            np.roll(x, (1, 2), (0, 1)),
            np.roll(x, 9, 0),
        ),
        X,
    ),
    "repetitions": (
        lambda x: (
            np.tile(x, 2),
            np.tile(x, (2, 1, 1)),
            np.repeat(x, 2),
            np.repeat(x, 3, axis=0),
            x.repeat([1, 0, 2], axis=0),
            np.tile(x[0], (3, 1)),
        ),
        X,
    ),
    "deletions": (
        lambda x: (
            np.delete(x, 1, axis=0),
            np.delete(x, [0, 2], axis=1),
            np.delete(x, -1),
        ),
        X,
    ),
    "paddings": (
        lambda x: (
            np.pad(x, 1),
            np.pad(x, ((1, 2), (0, 3))),
            np.pad(x, 1, mode="edge"),
            np.pad(x, 2, mode="reflect"),
            np.pad(x, 2, mode="symmetric"),
            np.pad(x, 3, mode="wrap"),
            np.pad(x, ((0, 0), (1, 1)), constant_values=5),
            np.pad(x, 7, mode="reflect"),
            np.pad(x, 9, mode="wrap"),
            np.pad(x, 9, mode="symmetric"),
            np.pad(x, (1, 0)),
            np.pad(x, 1, constant_values=((1, 2), (3, 4))),
            np.pad(x, {0: (1, 2)}),
            np.pad(x, ((0, 1), (2, 0)), mode="edge"),
        ),
        X,
    ),
    "windows": (
        lambda x: (
            np.lib.stride_tricks.sliding_window_view(x, 2, axis=1),
            np.lib.stride_tricks.sliding_window_view(x, (2, 3)),
        ),
        X,
    ),
    "shapes": (
        lambda x: (
            np.ndim(x),
            np.shape(x),
            np.size(x),
            np.size(x, 1),
            x.size,
            x.ndim,
            x.shape,
            len(x),
            x.nbytes,
            x.itemsize,
            np.isscalar(x),
            np.iscomplexobj(x),
            np.isrealobj(x),
        ),
        X,
    ),
}

CREATION = {
    "likes": (
        lambda x: (
            np.zeros_like(x),
            np.ones_like(x, dtype=int),
            np.full_like(x, 7),
            np.empty_like(x, shape=(2, 0)),
            np.zeros_like(x, shape=(2,)),
        ),
        X,
    ),
    "filled": (
        lambda x: (
            np.zeros(x.shape),
            np.ones((x.shape[0], 2), np.float32),
            np.full((2, 3), 1.5),
            np.full(2, x[0, 0]),
            np.empty((2, 0)),
            np.zeros(3, bool),
            np.full(x.shape, 3),
            np.full((2, 4), x[0]),
        ),
        X,
    ),
    "ranges": (
        lambda x: (
            np.arange(x.shape[1]),
            np.arange(2, 9, 3),
            np.arange(9, 2, -2),
            np.arange(0.0, 1.0, 0.3),
            np.arange(5, dtype=np.float32),
            np.arange(3, 1),
            np.arange(1, x.shape[0] * 2, 2),
            np.arange(np.int32(4)),
        ),
        X,
    ),
    "matrices": (
        lambda x: (
            np.eye(3),
            np.eye(x.shape[0], x.shape[1], 1),
            np.identity(2),
            np.tri(3),
            np.tri(2, 3, -1),
            np.eye(x.shape[1], dtype=np.float32),
        ),
        X,
    ),
    "triangles": (
        lambda x: (np.tril(x), np.triu(x, 1), np.tril(x[0]), np.triu(x, -1)),
        SQUARE,
    ),
    "windows": (
        lambda x: tuple(
            window(size)
            for window in (np.hanning, np.hamming, np.blackman, np.bartlett)
            for size in (x.shape[0], x.shape[1], x.shape[0] - x.shape[0])
        ),
        X,
    ),
    "windows of one point": (
        lambda x: (np.hanning(len(x)), np.kaiser(len(x), 8.6), np.bartlett(len(x))),
        X[:1],
    ),
    "windows of kaiser": (lambda x: np.kaiser(x.shape[1], 5), X),
    "indices of triangles": (
        lambda x: (
            np.triu_indices(x.shape[0], 1),
            np.tril_indices(x.shape[0], -1, x.shape[1]),
            np.triu_indices_from(x),
            np.tril_indices_from(x, k=1),
            np.diag_indices(x.shape[0]),
            x[np.triu_indices_from(x)],
        ),
        X,
    ),
    "result types": (
        lambda x: (
            np.zeros(2, np.result_type(x, np.float32)),
            np.zeros(2, np.result_type(x.astype(np.float32), x.shape[0], 2.5)),
            np.can_cast(x, np.float32),
            np.can_cast(x.astype(np.int8), np.float32),
        ),
        X,
    ),
    "diagonals": (
        lambda x, v: (
            np.diag(v),
            np.diag(v, 1),
            np.diag(v, -2),
            np.diag(x),
            np.diagonal(x, 1),
            np.diag(x, -1),
            np.diagflat(x[:2, :2]),
            x.diagonal(),
            np.linalg.diagonal(x),
        ),
        SQUARE,
        V,
    ),
    "grids": (
        lambda v: (
            np.meshgrid(v, v[:2]),
            np.meshgrid(v, v[:2], indexing="ij", sparse=True),
            np.indices((2, 3)),
            np.indices((2, 3), sparse=True),
            np.fromfunction(lambda i, j: i + 2 * j, (2, 3)),
        ),
        V,
    ),
    "from lists": (
        lambda x: (
            np.array([x[0, 0], 1.0, 2]),
            np.array([[1, 2], [3, 4]]),
            np.asarray([x[0], x[1]]),
            np.array(x, dtype=np.float64),
            np.array(3),
            np.array([1, 2], np.uint8),
            np.array([x, x]),
            np.array(x, ndmin=3),
            np.asanyarray(x),
            np.ascontiguousarray(x.T),
            np.array([[x[0, 0], 2], [3, x[1, 1]]]),
            np.copy(x),
            np.array([]),
        ),
        X,
    ),
    "conversions": (
        lambda x: (
            x.astype(np.float64),
            x.astype(int),
            x.astype(bool),
            x.astype("f2"),
            x.astype(np.int8),
            x.astype(x.dtype),
            x.copy(),
        ),
        X,
    ),
    "vandermonde": (lambda v: (np.vander(v, 3), np.vander(v, 2, increasing=True)), V),
}

SELECTION = {
    "where": (
        lambda x, v: (
            np.where(x > v, x, v),
            np.where(x > 0, 1, 0),
            np.where(x > 0, x, 0),
            np.where(x > 0, x, 2.5),
            np.where([True, False, True, True], x, 0),
        ),
        X,
        V,
    ),
    "clip": (
        lambda x, u: (
            np.clip(x, -1, 1),
            x.clip(0),
            np.clip(x, None, 0.5),
            np.clip(u, 3, 100),
            x.clip(max=1),
            np.clip(u, 0, 300),
            np.clip(u, -1, 30),
            np.clip(x, u / 100, 1),
            np.clip(x, min=0, max=1),
        ),
        X,
        BYTES,
    ),
    "take": (
        lambda x: (
            np.take(x, [0, 2], axis=1),
            np.take(x, 1),
            np.take(x, np.array([[0, 1], [2, 1]]), axis=0),
            x.take([0, 5]),
            np.take(x, [7, -9], mode="wrap"),
            np.take(x, [-1, 99], mode="clip"),
            np.take(x, []),
        ),
        X,
    ),
    "take along": (
        lambda x: (
            np.take_along_axis(x, np.argmax(x, axis=1)[:, None], axis=1),
            np.take_along_axis(x, np.argmax(x, axis=0)[None], axis=0),
        ),
        X,
    ),
    "put along": (lambda x: _put(x.copy()), X),
    "sort": (
        lambda x: (np.sort(x), np.sort(x, axis=0), np.sort(x, axis=None), _sorted(x)),
        X,
    ),
    "sort with nan": (lambda x: np.sort(x, axis=1), WITH_NAN),
    "search": (
        lambda x, v: (
            np.searchsorted(np.sort(v), x),
            np.searchsorted(np.sort(v), v, side="right"),
            np.digitize(x, [-1.0, 0.0, 1.0]),
            np.digitize(x, [-1.0, 1.0], right=True),
            np.sort(v).searchsorted(x),
        ),
        X,
        V,
    ),
    "interpolate": (
        lambda x: (
            np.interp(x, [0.0, 1.0, 2.0], [1.0, 3.0, 2.0]),
            np.interp(x, [0.0, 1.0], [1.0, 3.0], left=-1, right=9),
        ),
        Y,
    ),
    "membership": (
        lambda i: (np.isin(i, [1, 2]), np.isin(i, i[0], invert=True)),
        INTEGERS,
    ),
    "closeness": (
        lambda x, y: (np.isclose(x, y), np.isclose(x, x), np.isclose(x, np.nan)),
        X,
        Y,
    ),
    "cases": (
        lambda x: (
            np.select([x > 1, x > 0], [x, 2 * x], -1.0),
            np.piecewise(x, [x < 0, x >= 0], [lambda t: -t, lambda t: t]),
            np.piecewise(x, [x < 0], [-1, 1]),
            np.choose(np.array([0, 1, 1]), [x[0, :3], x[1, :3]], mode="clip"),
        ),
        X,
    ),
    "differences": (
        lambda x, b: (
            np.diff(x),
            np.diff(x, axis=0),
            np.diff(x, 2),
            np.diff(b),
            np.diff(x, prepend=0),
            np.diff(x, append=x[:, :1]),
            np.ediff1d(x),
            np.gradient(x),
            np.gradient(x, 0.5, axis=1),
            np.diff(x, n=0),
        ),
        X,
        BOOLS,
    ),
    "integrals": (
        lambda x, v: (
            np.trapezoid(x),
            np.trapezoid(x, dx=0.5, axis=0),
            np.trapezoid(x, v),
        ),
        X,
        V,
    ),
    "complex questions": (
        lambda x: (np.isreal(x), np.iscomplex(x), np.imag(x), np.angle(x)),
        X,
    ),
    "fills": (lambda x: _filled(x.copy()), SQUARE),
    "copies": (lambda x: _copied(np.zeros_like(x), x), X),
}

PRODUCTS = {
    "dot": (
        lambda x, s, v: (
            np.dot(x, s),
            np.dot(v, v),
            np.dot(x, v),
            x.dot(s),
            np.dot(2, x),
        ),
        X,
        SQUARE,
        V,
    ),
    "inner and outer": (
        lambda x, v: (
            np.inner(x, x),
            np.outer(v, v),
            np.vdot(v, v),
            np.kron(v[:2], v),
            np.kron(x[:2, :2], x),
            np.linalg.outer(v, v),
            np.linalg.vecdot(x, x),
            np.linalg.matmul(x, x.T),
            np.vecdot(v, v),
        ),
        X,
        V,
    ),
    "tensordot": (
        lambda x, s: (
            np.tensordot(x, s, 1),
            np.tensordot(x, x, ([0], [0])),
            np.tensordot(x, x, 2),
            np.linalg.tensordot(x, s, axes=1),
            np.tensordot(x, s, (1, 0)),
            np.tensordot(s, s, 0),
        ),
        X,
        SQUARE,
    ),
    "einsum": (
        lambda x, s: (
            np.einsum("ij,jk->ik", x, s),
            np.einsum("ii", s),
            np.einsum("ii->i", s),
            np.einsum("ij->ji", x),
            np.einsum("ij,jk,kl->il", x, s, s),
            np.einsum("...j,jk", x, s),
            np.einsum("ij,ij->", x, x),
            np.einsum(x, [0, 1], s, [1, 2], [0, 2]),
            np.einsum("ij,j->i", x, s[0]),
            np.einsum("i...->...", x),
            np.einsum("ij,k->kij", x, s[0]),
        ),
        X,
        SQUARE,
    ),
    "traces": (lambda s: (np.trace(s), s.trace(1), np.linalg.trace(s)), SQUARE),
    "cross": (
        lambda a: (
            np.cross(a[:, :3], a[::-1, :3]),
            np.linalg.cross(a[0, :3], a[1, :3]),
        ),
        X,
    ),
    "norm": (
        lambda x: (
            np.linalg.norm(x),
            np.linalg.norm(x, axis=1),
            np.linalg.norm(x, "fro"),
            np.linalg.matrix_norm(x),
        ),
        X,
    ),
    "powers": (
        lambda s: (np.linalg.matrix_power(s, 1), np.linalg.matrix_power(s, 5)),
        SQUARE,
    ),
    "chains": (lambda x, s: np.linalg.multi_dot([x, s, s, s[0]]), X, SQUARE),
    "convolve": (
        lambda v, w: (
            np.convolve(v, w),
            np.convolve(v, w, "same"),
            np.convolve(v, w, "valid"),
            np.correlate(v, w),
            np.correlate(v, w, "full"),
            np.convolve(w, v, "same"),
            np.correlate(w, v, "full"),
        ),
        Y[0],
        Y[1, :3],
    ),
    "matrix and vector": (lambda x, v: (np.matvec(x, v), np.vecmat(v, x.T)), X, V),
    "half": (lambda h: (h @ h.T, np.dot(h[0], h[1])), HALF),
}


def _put(x):
    np.put_along_axis(x, np.array([[1], [0], [2]]), 9, axis=1)
    return x


def _sorted(x):
    x = x.copy()
    x.sort(axis=0)
    return x


def _filled(x):
    np.fill_diagonal(x, 3)
    y = x.copy()
    y.fill(2)
    z, w, v = x.copy(), x.T.copy(), x.copy()
    np.fill_diagonal(z, [1, 2])
    np.fill_diagonal(w, x)
    np.fill_diagonal(v, [])
    return x, y, z, w, v


def _copied(target, x):
    np.copyto(target, x, where=x > 0)
    other = np.zeros(x.shape)
    np.copyto(other, x)
    np.copyto(other[0], 1)
    return target, other


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    function, *arrays = REDUCTIONS[name]
    check(function, *arrays, ulp=4)


@pytest.mark.parametrize("name", MOVEMENT)
def test_movement(name):
    function, *arrays = MOVEMENT[name]
    check(function, *arrays)


@pytest.mark.parametrize("name", CREATION)
def test_creation(name):
    function, *arrays = CREATION[name]
    check(function, *arrays)


@pytest.mark.parametrize("name", SELECTION)
def test_selection(name):
    function, *arrays = SELECTION[name]
    check(function, *arrays, ulp=2)


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name):
    function, *arrays = PRODUCTS[name]
    got = run(function, *arrays)
    expected = function(*arrays)
    got, expected = (
        parts if isinstance(parts, tuple) else (parts,) for parts in (got, expected)
    )
    for left, right in zip(got, expected, strict=True):
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        bound = 64 * np.finfo(left.dtype).eps
        np.testing.assert_allclose(left, right, rtol=bound, atol=bound * 16)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 9])
def test_linspace_has_numpys_bits(count):
    check(
        lambda: (np.linspace(0.1, 1, count), np.linspace(0, 2, count, endpoint=False))
    )


def test_linspace_between_arrays_and_as_integers():
    check(lambda v: np.linspace(0, v, 5), V.astype(np.float64))
    check(lambda: np.linspace(0, 10, 4, dtype=int))
    check(lambda x: np.linspace(0.0, 1.0, x.shape[1], retstep=True), X)
    check(lambda: np.logspace(0, 2, 3), ulp=4)


def test_equality_of_arrays_is_an_array_of_one_bool():
    got = run(
        lambda x, y: (np.array_equal(x, y), np.allclose(x, x), np.array_equal(x, x[0])),
        X,
        Y,
    )
    assert [bool(part) for part in got] == [False, True, False]


def test_convolution_of_images_is_scipys():
    signal = pytest.importorskip("scipy.signal")
    image, kernel = Y, Y[:2, :3]
    for mode in ("full", "same", "valid"):
        got = run(
            lambda x, k, mode=mode: (
                signal.convolve(x, k, mode),
                signal.correlate(x, k, mode),
            ),
            image,
            kernel,
        )
        np.testing.assert_allclose(
            got[0], signal.convolve(image, kernel, mode), rtol=1e-12
        )
        np.testing.assert_allclose(
            got[1], signal.correlate(image, kernel, mode), rtol=1e-12
        )


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", "i8"])
def test_integer_convolutions_are_exact(dtype):
    v, w = (np.arange(k, 9 * k, k, "i8") * 2**k // 3 for k in (9, 5))
    check(
        lambda v, w: (np.convolve(v, w), np.correlate(v, w, "same")),
        v.astype(dtype),
        w[:3].astype(dtype),
    )


@pytest.mark.parametrize("dtypes", ["i1 i1", "u2 u2", "i4 u1", "i8 i8", "? i4"])
def test_convolutions_of_integer_images_are_scipys(dtypes):
    signal = pytest.importorskip("scipy.signal")
    numbers = np.arange(60).reshape(3, 4, 5) ** 5 - 7
    first, second = dtypes.split()
    image, kernel = numbers.astype(first), numbers[1:, :2, ::2].astype(second)
    for mode in ("full", "same", "valid"):
        for name in ("convolve", "correlate"):
            function = getattr(signal, name)
            for x, k in ((image, kernel), (image[0], kernel[0])):
                got = run(lambda x, k, f=function, m=mode: f(x, k, m), x, k)
                wanted = function(x, k, mode, "direct")
                assert got.dtype == wanted.dtype
                np.testing.assert_array_equal(got, wanted)


def test_empty_arrays():
    empty = np.zeros((0, 4), np.float32)
    check(
        lambda x: (x.sum(), x.sum(0), x.prod(), x + 1, x.reshape(4, 0), x.mean(1)),
        empty,
    )
    with pytest.raises(ValueError, match="no elements"):
        traced(lambda x: x.max(), empty)
    with pytest.raises(ValueError, match="no elements"):
        traced(lambda x: x.argmin(0), empty)


def test_constants_keep_numpys_own_answers():
    check(lambda x: x * np.prod((2, 3)) + np.finfo(x.dtype).eps, X)
    check(lambda x: x + np.hanning(4), X)
    check(lambda x: x[np.ix_([0, 2], [1, 3])], X)
    check(lambda x: (x[np.tril_indices(3)], np.dtype("f4") == x.dtype), X)


def test_every_function_of_the_table_is_tested():
    source = "".join(
        path.read_text() for path in Path(__file__).parent.glob("test_*.py")
    )
    used = set(re.findall(r"\.(\w+)\b", source))
    names = {function.__name__ for function in FUNCTIONS}
    assert not names - used


def test_what_the_table_lacks_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"numpy\.linalg\.inv is not supported"):
        traced(lambda x: np.linalg.inv(x) + 1, SQUARE)
    with pytest.raises(UnsupportedError, match=r"numpy\.sum: .*'wheer'"):
        traced(lambda x: np.sum(x, wheer=1), X)
    with pytest.raises(UnsupportedError, match=r"numpy\.fft\.fft is not supported"):
        traced(lambda x: np.fft.fft(x) + 1, X)
    with pytest.raises(UnsupportedError, match=r"ndarray\.byteswap is not supported"):
        traced(lambda x: x.byteswap(), X)
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        traced(lambda x: x.frobnicate(), X)


def test_vander_of_any_number_of_columns():
    """One graph for all: the columns are not written out one by one."""
    f = ps.compile(lambda x, n: (np.vander(x, n), np.vander(x, n, increasing=True)))
    x = np.array([0.5, 3.0, -1.25, 1.0])
    for count in (2, 3, 70):
        for found, increasing in zip(f(x, count), (False, True), strict=True):
            wanted = np.vander(x, count, increasing=increasing)
            np.testing.assert_array_equal(found, wanted)
    assert f.stats().variants == 1
    assert len(f.lower(x, 2000).text("trace").splitlines()) < 40
    assert f(x, 0)[0].shape == (4, 0)
    with pytest.raises(ArgumentError, match="vander: -1 columns are wanted"):
        f(x, -1)
    square = ps.compile(lambda x: np.vander(x) + 0)
    for size in (2, 4, 5):
        np.testing.assert_array_equal(square(x[:size]), np.vander(x[:size]))
    assert square.stats().variants == 1


PATCHED = """
import numpy as np
import penstock as ps

own, x = np.sum, np.ones(3)
np.sum = lambda a: own(a) + 1
try:
    ps.compile(lambda x: np.sum(x))(x)
except ps.errors.UnsupportedError:
    pass
np.sum = own
print(ps.compile(lambda x: np.sum(x))(x))
"""


def test_a_function_that_was_replaced_for_a_while_is_numpys_again(fresh_python):
    assert fresh_python(PATCHED).split() == ["3.0"]
