"""bfloat16 with other dtypes and Python's numbers: as NumPy with ml_dtypes."""

import warnings

import ml_dtypes
import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import DtypeError

B = np.array([1, 2, 4], ml_dtypes.bfloat16)
SQUARE = np.diag(B)
N = np.array([1, 2, 3])
C = np.array([True, False, True])


def changed(ufunc, key, value):
    def function(b):
        b = b.copy()
        ufunc.at(b, key, value)
        return b

    return function


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (changed(np.add, [0, 0], 1), (B,)),
        (changed(np.add, [0, 0], N[:2]), (B,)),
        (changed(np.maximum, [0], 3), (B,)),
        (changed(np.multiply, [2, 2], 1.5), (B,)),
        (lambda n, b: n @ b, (N, SQUARE)),
        (lambda n, b: b @ n, (N.astype("i1"), SQUARE)),
        (lambda x, b: b @ x, (N.astype("f4"), SQUARE)),
        (lambda n, b: n + b, (N, B)),
        (lambda x, b: x + b, (N.astype("f2"), B)),
        (lambda b: b + 1, (B,)),
        (lambda b: b * 1.5, (B,)),
        (lambda b: np.searchsorted(b, 3), (B,)),
        (lambda c, b: np.where(c, 1, b), (C, B)),
        (lambda c, b: np.where(c, 1.5, b), (C, B)),
        (lambda c, b: np.concatenate([c, b]), (C, B)),
        (lambda n, b: np.concatenate([n, b]), (N.astype("u1"), B)),
        (lambda b: np.round(b / 3, 1), (B,)),
        (lambda b: np.round(b * 37, -1), (B,)),
        (lambda b: b.sum(), (B,)),
        (lambda b: np.sqrt(b + b), (B,)),
    ],
)
def test_dtypes_and_numbers_are_numpys(function, args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = function(*args)
    found = ps.compile(function)(*args)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "function",
    [
        lambda n, b: np.searchsorted(n, b[::-1]),
        lambda n, b: np.convolve(n, b[::-1]),
        lambda n, b: np.concatenate([b, n]),
        lambda n, b: np.stack([b, n]),
        lambda n, b: np.where(n > 1, n, b),
        lambda n, b: np.einsum("i,i->", n, b),
        lambda n, b: np.dot(n, b[::-1]),
        lambda n, b: np.array([n[0], b[0]]),
        lambda n, b: np.isin(n, b[::-1]),
        lambda n, b: np.choose(n % 2, [n, b]),
        lambda n, b: np.vander(b),
    ],
)
def test_without_a_dtype_in_common_there_is_an_error_with_its_line(function):
    with pytest.raises(DtypeError, match="have no dtype in common") as caught:
        ps.compile(function)(N, B)
    assert caught.value.code == "dtype"
    assert caught.value.loc.file == __file__
    assert isinstance(caught.value, TypeError)


def test_products_and_clipping_of_one_dtype_keep_it():
    """Where NumPy, which has no loop for it, gives f32."""
    for function in (lambda b: b @ b, lambda b: np.clip(b, 0, 1)):
        found = ps.compile(function)(SQUARE)
        assert found.dtype == ml_dtypes.bfloat16
        np.testing.assert_array_equal(found, function(SQUARE))


@pytest.mark.parametrize(
    "dtype", [ml_dtypes.bfloat16, np.float16, np.float32, np.float64]
)
@pytest.mark.parametrize(
    "function",
    [
        np.maximum,
        np.minimum,
        np.fmax,
        np.fmin,
        lambda x, y: np.clip(x, y, None),
        lambda x, y: np.clip(x, None, y),
        lambda x, y: np.maximum(x, 0 * y),
    ],
)
def test_which_of_two_zeros_is_chosen(function, dtype):
    """Whole vectors of them: of fewer, NumPy's fmax and fmin give the other."""
    signs = np.array([0.0, -0.0]).astype(dtype)
    x, y = (np.tile(a.reshape(-1), 32) for a in np.meshgrid(signs, signs))

    def chosen(x, y):
        return function(x, y)

    got, want = ps.compile(chosen)(x, y), chosen(x, y)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))
