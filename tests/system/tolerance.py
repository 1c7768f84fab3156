"""How far rounded results may be from NumPy's: arrays of bounds, element by element.

Both NumPy and compiled code are within half of a bound of the exact number. The bound
of a sum is that of Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed.,
section 4.2: n - 1 units of rounding of the sum of magnitudes, in any order of summing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "mean_bound",
    "product_bound",
    "sum_bound",
    "ulps",
    "variance_bound",
]

Bound = np.ndarray[Any, Any]


def _magnitudes(array: Any) -> Bound:
    return np.abs(np.asarray(array).astype(np.float64))


def ulps(result: Any, count: float) -> Bound:
    """So many units in the last place of each element."""
    result = np.asarray(result)
    if result.dtype.kind != "f":
        return np.zeros(result.shape)
    limits = np.finfo(result.dtype)
    unit = _magnitudes(result) * float(limits.eps)
    return count * (unit + float(limits.smallest_subnormal))


def _scaled(result: Any, magnitude: Any, count: float) -> Bound:
    """``count`` roundings of numbers as large as ``magnitude``."""
    dtype = np.asarray(result).dtype
    if dtype.kind != "f":
        return np.zeros(np.shape(result))
    limits = np.finfo(dtype)
    unit = magnitude * float(limits.eps) + float(limits.smallest_subnormal)
    # What overflows in one order of summing may not do so in another.
    return np.where(magnitude < float(limits.max), count * unit, np.inf)


def _count(terms: Any, result: Any) -> float:
    return float(np.size(terms) / max(np.size(result), 1))


def sum_bound(result: Any, terms: Any, **options: Any) -> Bound:
    """The bound of ``np.sum(terms, **options)``, which gave ``result``."""
    total = np.sum(_magnitudes(terms), **options)
    return _scaled(result, total, _count(terms, total) + 2)


def mean_bound(result: Any, terms: Any, **options: Any) -> Bound:
    """The bound of ``np.mean``."""
    count = max(_count(terms, result), 1.0)
    mean = np.sum(_magnitudes(terms), **options) / count
    # NumPy sums halves as singles; what overflows there is no matter here.
    return _scaled(result, mean, count + 4)


def variance_bound(result: Any, terms: Any, **options: Any) -> Bound:
    """The bound of ``np.var``: Higham, section 1.9, for the two passes."""
    count = max(_count(terms, result), 1.0)
    square = np.sum(_magnitudes(terms) ** 2, **options) / count
    return _scaled(result, 4 * square, count + 8)


def product_bound(result: Any, left: Any, right: Any) -> Bound:
    """The bound of ``left @ right``."""
    magnitude = np.dot(_magnitudes(left), _magnitudes(right))
    if magnitude.shape != np.shape(result):
        magnitude = np.matmul(_magnitudes(left), _magnitudes(right))
    length = np.shape(left)[-1] if np.ndim(left) else 1
    return _scaled(result, magnitude, length + 2)
