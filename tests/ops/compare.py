"""What counts as the right result: the reference's bits, or an op's tolerance."""

import ml_dtypes
import numpy as np

from penstock.ir.types import bf16, dtype_of
from tests.ops.cases import Array, Case

_ORDERED = {2: np.int16, 4: np.int32, 8: np.int64}


def same(left: Array, right: Array) -> bool:
    """Equal to the bit, but for which nan it is."""
    return left.shape == right.shape and largest_distance(left, right) == 0


def largest_distance(left: Array, right: Array) -> float:
    """The most representable numbers between two elements; inf where one is nan.

    Numbers without fractions, and zeros of both signs, are equal or infinitely far.
    """
    if left.dtype != right.dtype:
        return np.inf
    dtype = dtype_of(left.dtype)
    assert dtype is not None
    if left.size == 0:
        return 0
    if not dtype.is_float:
        return 0 if np.array_equal(left, right) else np.inf
    nan_left, nan_right = np.isnan(left), np.isnan(right)
    zero_left, zero_right = left == 0, right == 0
    wrong = nan_left != nan_right
    wrong |= (zero_left & zero_right) & (np.signbit(left) != np.signbit(right))
    if np.any(wrong):
        return np.inf
    distance = np.abs(_ordered(left) - _ordered(right))
    return float(np.max(np.where(nan_left, 0, distance)))


def _ordered(array: Array) -> Array:
    """Numbers such that neighbouring floats are neighbours; a float each."""
    bits = array.view(_ORDERED[array.dtype.itemsize]).astype(np.longdouble)
    least = np.longdouble(2) ** (8 * array.dtype.itemsize - 1)
    return np.where(bits < 0, -least - bits, bits)


def precise(case: Case) -> Array:
    """The reference, computed more precisely and rounded once.

    NumPy's own functions err by more than an ULP in f32.
    """
    dtype = dtype_of(case.arrays[0].dtype)
    assert dtype is not None
    of_doubles = case.op.name in ("erf", "erfc")
    wide = np.longdouble if dtype.bits == 64 and not of_doubles else np.float64
    with np.errstate(all="ignore"):
        operands = (array.astype(wide) for array in case.arrays)
        result = case.op.reference(*operands, **case.attributes)
        return np.asarray(result).astype(dtype.numpy)


def difference(case: Case, got: Array, wanted: Array) -> str:
    """What is wrong with a result, or nothing."""
    dtype = dtype_of(wanted.dtype)
    assert dtype is not None
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        return f"{case} gave {got.dtype}{list(got.shape)}"
    allowed = case.op.tolerance.get(dtype.name, 0) if dtype.is_float else 0
    if allowed and case.op.family == "elementwise":
        wanted = precise(case)
    elif allowed:
        return _beyond_magnitude(case, got, wanted, allowed)
    distance = largest_distance(got, wanted)
    if distance <= allowed:
        return ""
    return f"{case} is {distance} ULP off:\n{got}\nbut should be\n{wanted}"


def _beyond_magnitude(case: Case, got: Array, wanted: Array, allowed: float) -> str:
    """Sums err relative to the sum of the magnitudes of their terms."""
    magnitudes = [np.abs(a) if a.dtype.kind in "fV" else a for a in case.arrays]
    with np.errstate(all="ignore"):
        attributes = case.attributes
        if case.op.family == "reduction":
            attributes = {
                "axis": attributes["axes"],
                "keepdims": attributes["keepdims"],
            }
        scale = case.op.reference(*magnitudes, **attributes)
        limits = ml_dtypes.finfo if dtype_of(wanted.dtype) is bf16 else np.finfo
        limit = (
            allowed * float(limits(wanted.dtype).eps) * np.asarray(scale, np.float64)
        )
        error = np.abs(got.astype(np.float64) - wanted.astype(np.float64))
        finite = np.isfinite(wanted.astype(np.float64))
        tiny = float(limits(wanted.dtype).smallest_subnormal)
        beyond = np.where(finite, ~(error <= limit + allowed * tiny), False)
    if largest_distance(np.where(finite, 0, got), np.where(finite, 0, wanted)):
        beyond = True
    if not np.any(beyond):
        return ""
    return f"{case} is too far off:\n{got}\nbut should be\n{wanted}"
