"""Contractions: tiles of rows, panels of columns, few rows, and what follows."""

import ml_dtypes
import numpy as np
import pytest

import penstock as ps
from tests.targets import need_target

random = np.random.default_rng(5)

SPECS = {
    # rows, terms and columns are named i, k, j.
    "plain": "ik,kj->ij",
    "right transposed": "ik,jk->ij",
    "left transposed": "ki,kj->ij",
    "both transposed": "ki,jk->ij",
    "result transposed": "ik,kj->ji",
    "batch": "bik,bkj->bij",
    "batch within": "ibk,jbk->bij",
    "batch last": "ikb,kjb->ijb",
    "two sums": "ikl,lkj->ij",
    "row of sums": "ik,k->i",
    "column of sums": "k,kj->j",
    "outer": "i,j->ij",
    "diagonal": "ii,ij->ij",
    "no rows": "k,k->",
}
SIZES = [
    {"i": 1, "k": 7, "j": 1, "b": 2, "l": 3},
    {"i": 3, "k": 1, "j": 67, "b": 1, "l": 2},
    {"i": 33, "k": 17, "j": 33, "b": 3, "l": 2},
    {"i": 70, "k": 40, "j": 131, "b": 2, "l": 1},
    {"i": 40, "k": 0, "j": 9, "b": 2, "l": 3},
    {"i": 0, "k": 5, "j": 40, "b": 2, "l": 3},
]


def operands(spec, sizes, dtype):
    for letters in spec.split("->")[0].split(","):
        shape = tuple(sizes[letter] for letter in letters)
        if np.dtype(dtype).kind in "iu":
            yield random.integers(0, 100, shape).astype(dtype)
        else:
            yield random.standard_normal(shape).astype(dtype)


def wanted(spec, arrays, dtype):
    """The sum in double precision, and how far off rounding may be."""
    if np.dtype(dtype).kind in "iu":
        return np.einsum(spec, *arrays), 0.0
    wide = [array.astype(np.float64) for array in arrays]
    bound = np.einsum(spec, *(abs(array) for array in wide))
    return np.einsum(spec, *wide), bound * 16 * float(ml_dtypes.finfo(dtype).eps)


def check(compiled, spec, sizes, dtype):
    arrays = list(operands(spec, sizes, dtype))
    found = compiled(*arrays)
    right, bound = wanted(spec, arrays, dtype)
    assert (found.dtype, found.shape) == (np.dtype(dtype), right.shape)
    assert np.all(abs(found.astype(right.dtype) - right) <= bound)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_all_sizes_are_served_by_the_same_loops(spec):
    compiled = ps.compile(lambda a, b: np.einsum(spec, a, b))
    for sizes in SIZES:
        check(compiled, spec, sizes, np.float32)


@pytest.mark.parametrize("target", ["x86-64-v4", "x86-64-v3", "x86-64"])
@pytest.mark.parametrize(
    "dtype", [np.float64, np.float16, ml_dtypes.bfloat16, np.int8, np.uint64]
)
def test_all_dtypes_on_all_targets(dtype, target, monkeypatch):
    need_target(target)
    monkeypatch.setenv("PENSTOCK_TARGET", target)
    for spec in ("ik,kj->ij", "ik,jk->ij", "ki,kj->ij"):
        compiled = ps.compile(lambda a, b, spec=spec: np.einsum(spec, a, b))
        for sizes in SIZES[:4]:
            check(compiled, spec, sizes, dtype)


@pytest.mark.parametrize("n", [5, 40])
def test_sizes_that_are_constants(n):
    w = random.standard_normal((n, n))
    for spec in ("ik,kj->ij", "ik,jk->ij", "ki,kj->ij"):
        x = random.standard_normal((n, n))
        compiled = ps.compile(lambda x, spec=spec: np.einsum(spec, x[:n, :n] * 1, w))
        np.testing.assert_allclose(compiled(x), np.einsum(spec, x, w), atol=1e-12)


def test_what_follows_is_computed_from_whole_tiles():
    def layer(x, w, b):
        y = x @ w
        return np.tanh(y + b), (y * 2).T

    compiled = ps.compile(layer)
    for rows, terms, columns in ((1, 3, 40), (33, 5, 7), (75, 40, 70)):
        x = random.standard_normal((rows, terms))
        w, b = random.standard_normal((terms, columns)), random.standard_normal(columns)
        for found, right in zip(compiled(x, w, b), layer(x, w, b), strict=True):
            np.testing.assert_allclose(found, right, atol=1e-12)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_what_follows_a_whole_panel(dtype):
    compiled = ps.compile(lambda a, b: a @ b + 1)
    for n in (65, 128, 200):
        a, b = (random.integers(0, 9, (n, n)).astype(dtype) for _ in range(2))
        np.testing.assert_array_equal(compiled(a, b), a @ b + 1)


def test_what_follows_sums_of_rows():
    compiled = ps.compile(lambda a, x: np.exp(a @ x) + 1)
    for rows in (1, 8, 29):
        a, x = random.standard_normal((rows, 20)), random.standard_normal(20)
        np.testing.assert_allclose(compiled(a, x), np.exp(a @ x) + 1, rtol=1e-12)


def test_views_are_read_where_they_are():
    compiled = ps.compile(lambda a, b: a @ b)
    a, b = random.standard_normal((90, 120)), random.standard_normal((100, 140))
    for x, y in (
        (a[::2, ::-2], b[:60, ::3]),
        (a.T[::2], b[90:, :][::-1].repeat(9, 0)),
        (a[:, :100], b[:, ::-1]),
        (np.broadcast_to(a[0, :100], (50, 100)), b),
    ):
        np.testing.assert_allclose(compiled(x, y), x @ y, atol=1e-11)


def test_one_sum_is_added_up_in_one_order_by_any_number_of_threads():
    compiled = ps.compile(lambda a, b: np.maximum(a @ b, 0))
    a = random.standard_normal((300, 500)).astype(np.float32)
    b = random.standard_normal((500, 200)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        with ps.config(threads=threads):
            results.append(compiled(a, b))
    assert all(np.array_equal(results[0], other) for other in results[1:])
