"""Reductions that leave nan out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    deliver,
    numpy,
    operand,
)
from penstock.frontend.numpy_functions.norms import root


def _without_nan(x: TracedArray, filling: float) -> TracedArray:
    if not x.kind.is_float:
        return x
    filled: TracedArray = numpy.where(numpy.isnan(x), x.dtype.type(filling), x)
    return filled


def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = NO_VALUE, where: Any = True,
) -> Any:  # fmt: skip
    """``np.nansum``."""
    from penstock.frontend.numpy_functions.reductions import sum_

    return sum_(_without_nan(operand(a), 0), axis, dtype, out, keepdims, initial, where)


def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = NO_VALUE, where: Any = True,
) -> Any:  # fmt: skip
    """``np.nanprod``."""
    from penstock.frontend.numpy_functions.reductions import prod

    return prod(_without_nan(operand(a), 1), axis, dtype, out, keepdims, initial, where)


def nanmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """``np.nanmax``: nan where all elements are."""
    return _nan_extremum(numpy.max, -math.inf, "nanmax", a, axis, out, keepdims)


def nanmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """``np.nanmin``: nan where all elements are."""
    return _nan_extremum(numpy.min, math.inf, "nanmin", a, axis, out, keepdims)


def _nan_extremum(
    extremum: Any, neutral: float, name: str, a: Any, axis: Any, out: Any, keepdims: Any
) -> Any:
    x = operand(a)
    result = extremum(_without_nan(x, neutral), axis=axis, keepdims=keepdims)
    if x.kind.is_float:
        none = numpy.isnan(x).all(axis=axis, keepdims=keepdims)
        result = numpy.where(none, x.dtype.type(np.nan), result)
    return deliver(name, result, out)


def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False
) -> Any:
    """``np.nanmean``."""
    x = operand(a)
    if not x.kind.is_float:
        return numpy.mean(x, axis, dtype, out, keepdims)
    total = nansum(x, axis, dtype, keepdims=keepdims)
    count = numpy.sum(~numpy.isnan(x), axis=axis, dtype=np.int64, keepdims=keepdims)
    result = (total / count).astype(x.dtype if dtype is None else dtype)
    return deliver("nanmean", result, out)


def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """``np.nanvar``."""
    x = operand(a)
    if not x.kind.is_float:
        return numpy.var(x, axis, dtype, out, ddof, keepdims)
    center = nanmean(x, axis, dtype, keepdims=True)
    deviation = numpy.where(numpy.isnan(x), x.dtype.type(0), x - center)
    total = numpy.sum(deviation * deviation, axis=axis, dtype=dtype, keepdims=keepdims)
    count = numpy.sum(~numpy.isnan(x), axis=axis, dtype=np.int64, keepdims=keepdims)
    freedom = count - ddof
    result = numpy.where(freedom > 0, total / freedom, np.nan)
    return deliver("nanvar", result.astype(x.dtype if dtype is None else dtype), out)


def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """``np.nanstd``."""
    variance = nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims)
    return deliver("nanstd", root(variance), out)


def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``np.nancumsum``."""
    return numpy.cumsum(_without_nan(operand(a), 0), axis, dtype, out)
