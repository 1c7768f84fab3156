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
from penstock.frontend.promotion import as_dtype, check_cast


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


def nanmax(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = NO_VALUE, where: Any = True,
) -> Any:  # fmt: skip
    """``np.nanmax``: nan where all elements are."""
    options = (axis, out, keepdims, initial, where)
    return _nan_extremum(numpy.max, -math.inf, "nanmax", a, *options)


def nanmin(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = NO_VALUE, where: Any = True,
) -> Any:  # fmt: skip
    """``np.nanmin``: nan where all elements are."""
    options = (axis, out, keepdims, initial, where)
    return _nan_extremum(numpy.min, math.inf, "nanmin", a, *options)


def _nan_extremum(
    extremum: Any, neutral: float, name: str, a: Any, axis: Any, out: Any,
    keepdims: Any, initial: Any, where: Any,
) -> Any:  # fmt: skip
    x = operand(a)
    options = {} if initial is NO_VALUE or initial is None else {"initial": initial}
    if where is not True and where is not NO_VALUE:
        options["where"] = where
    result = extremum(_without_nan(x, neutral), axis=axis, keepdims=keepdims, **options)
    if x.kind.is_float and "initial" not in options:
        none = numpy.isnan(x).all(axis=axis, keepdims=keepdims)
        nothing: Any = x.dtype.type(np.nan)
        if x.tracer.derivative_order:
            # That nan is one of theirs, and so is its derivative.
            nothing = extremum(x, axis=axis, keepdims=keepdims, **options)
        result = numpy.where(none, nothing, result)
    return deliver(name, result, out)


def _count(x: TracedArray, axis: Any, keepdims: Any, where: Any) -> Any:
    numbers = ~numpy.isnan(x)
    return numpy.sum(numbers, axis=axis, dtype=np.int64, keepdims=keepdims, where=where)


def _where_defined(
    x: TracedArray, defined: Any, result: Any, axis: Any, keepdims: Any
) -> Any:
    """A result, and nan where too few elements are numbers.

    The derivative of that nan by each of the elements is nan: what comes of no number
    is none, and zero would say that they do not matter.
    """
    nothing: Any = np.nan
    if x.tracer.derivative_order:
        nothing = numpy.sum(x * x.dtype.type(np.nan), axis=axis, keepdims=keepdims)
    return numpy.where(defined, result, nothing)


def _check_dtype(name: str, x: TracedArray, dtype: Any) -> None:
    """Raise a DtypeError if the mean of floats is asked for in integers."""
    if dtype is not None:
        check_cast(x.kind, as_dtype(dtype), "same_kind", f"{name} dtype=")


def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
    keepdims: Any = False, *, where: Any = True,
) -> Any:  # fmt: skip
    """``np.nanmean``."""
    x = operand(a)
    if not x.kind.is_float:
        return numpy.mean(x, axis, dtype, out, keepdims, where=where)
    _check_dtype("nanmean", x, dtype)
    total = nansum(x, axis, dtype, keepdims=keepdims, where=where)
    count = _count(x, axis, keepdims, where)
    result = total / count
    if x.tracer.derivative_order:
        result = _where_defined(x, count > 0, result, axis, keepdims)
    return deliver("nanmean", result.astype(x.dtype if dtype is None else dtype), out)


def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Any:  # fmt: skip
    """``np.nanvar``."""
    x = operand(a)
    if correction is not NO_VALUE:
        ddof = correction
    if not x.kind.is_float:
        more = {} if mean is NO_VALUE else {"mean": mean}
        return numpy.var(x, axis, dtype, out, ddof, keepdims, where=where, **more)
    _check_dtype("nanvar", x, dtype)
    center = nanmean(x, axis, dtype, keepdims=True, where=where)
    if mean is not NO_VALUE:
        center = mean
    # NumPy writes them into its copy of the array.
    deviation = (x - center).astype(x.dtype)
    deviation = numpy.where(numpy.isnan(x), x.dtype.type(0), deviation)
    squares = deviation * deviation
    total = numpy.sum(squares, axis=axis, dtype=dtype, keepdims=keepdims, where=where)
    freedom = _count(x, axis, keepdims, where) - ddof
    result = _where_defined(x, freedom > 0, total / freedom, axis, keepdims)
    return deliver("nanvar", result.astype(x.dtype if dtype is None else dtype), out)


def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Any:  # fmt: skip
    """``np.nanstd``."""
    from penstock.frontend.numpy_functions.reductions import root_of

    variance = nanvar(
        a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean,
        correction=correction,
    )  # fmt: skip
    return deliver("nanstd", root_of("nanstd", variance), out)


def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``np.nancumsum``."""
    return numpy.cumsum(_without_nan(operand(a), 0), axis, dtype, out)
