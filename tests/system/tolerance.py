"""How far rounded results may be from NumPy's, computed beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sum_bound", "ulps"]


def ulps(result: Any, count: float) -> Any:
    """So many units in the last place of each element."""
    result = np.asarray(result)
    if result.dtype.kind != "f":
        return np.zeros(result.shape)
    information = np.finfo(result.dtype)
    size = np.abs(result.astype(np.float64))
    return count * (
        size * float(information.eps) + float(information.smallest_subnormal)
    )


def sum_bound(result: Any, terms: Any, **options: Any) -> Any:
    """What any order of summation may be off by, for a sum of these terms."""
    terms = np.abs(np.asarray(terms).astype(np.float64))
    options.pop("dtype", None)
    total = np.sum(terms, **options)
    count = terms.size / max(np.size(total), 1)
    result = np.asarray(result)
    bound = (count + 2) * float(np.finfo(result.dtype).eps) * total
    return np.where(total < float(np.finfo(result.dtype).max), bound, np.inf)
