"""Cumulative sums, products and extrema, also such that pass over nan."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.numpy_functions.arguments import (
    deliver,
    normalize_axis,
    numpy,
    operand,
)
from penstock.frontend.numpy_functions.creation import ones
from penstock.frontend.numpy_functions.ranges import arange
from penstock.frontend.numpy_functions.reductions import accumulated, cast_to
from penstock.frontend.refusals import bad_value
from penstock.ir.types import bool_

__all__ = [
    "accumulate_op", "cumprod", "cumsum", "cumulative_prod", "cumulative_sum",
    "nanargmax", "nanargmin", "nancumprod", "within",
]  # fmt: skip


def accumulate_op(op: str, x: TracedArray, axis: Any, out: Any, name: str) -> Any:
    """A cumulative op along an axis of an array; of all elements where it is None."""
    if axis is None or not x.sizes:
        x = x.reshape(-1)
    place = 0 if axis is None else normalize_axis(axis, len(x.sizes))
    result = wrap(x.tracer, x.tracer.emit(op, x.value, axis=place), x.in_order)
    return deliver(name, result, out)


def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``np.cumsum``."""
    x = operand(a)
    x = cast_to(x, accumulated(np.add, x.kind, dtype, out))
    if x.kind is bool_:
        return accumulate_op("cummax", x, axis, out, "cumsum")
    if axis is None or not x.sizes:
        x = x.reshape(-1)
    place = 0 if axis is None else normalize_axis(axis, len(x.sizes))
    result = wrap(x.tracer, x.tracer.emit("cumsum", x.value, axis=place), x.in_order)
    return deliver("cumsum", result, out, "unsafe")


def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None,
    include_initial: bool = False,
) -> Any:  # fmt: skip
    """``np.cumulative_sum``."""
    array = numpy.atleast_1d(operand(x))
    if axis is None and len(array.sizes) != 1:
        raise bad_value(
            f"cumulative_sum: {array.tensor} needs axis=",
            hint="name it, axis=0, or flatten the array: x.ravel()",
        )
    place = 0 if axis is None else normalize_axis(axis, len(array.sizes))
    result = cumsum(array, place, dtype)
    if include_initial:
        first = numpy.zeros_like(numpy.take(result, [], place))
        shape = [*first.shape]
        shape[place] = 1
        result = numpy.concatenate(
            [numpy.zeros_like(result, shape=tuple(shape)), result], place
        )
    return deliver("cumulative_sum", result, out)


def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``np.cumprod``: small integers become NumPy's default integers."""
    x = operand(a)
    if dtype is None and out is not None:
        dtype = out.dtype
    if dtype is None and x.kind.kind in "biu":
        dtype = np.uint64 if x.kind.kind == "u" else np.int64
    if dtype is not None and x.dtype != dtype:
        x = x.astype(dtype)
    op = "cummin" if x.kind is bool_ else "cumprod"
    return accumulate_op(op, x, axis, out, "cumprod")


def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``np.nancumprod``."""
    x = operand(a)
    if x.kind.is_float:
        x = numpy.where(numpy.isnan(x), x.dtype.type(1), x)
    return cumprod(x, axis, dtype, out)


def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None,
    include_initial: bool = False,
) -> Any:  # fmt: skip
    """``np.cumulative_prod``."""
    array = operand(x)
    if axis is None and len(array.sizes) != 1:
        raise bad_value(
            f"cumulative_prod: {array.tensor} needs axis=",
            hint="name it, axis=0, or flatten the array: x.ravel()",
        )
    place = 0 if axis is None else normalize_axis(axis, len(array.sizes))
    result = cumprod(array, place, dtype)
    if include_initial:
        shape = [1 if i == place else size for i, size in enumerate(result.shape)]
        first = ones(tuple(shape), result.dtype)
        result = numpy.concatenate([first, result], place)
    return deliver("cumulative_prod", result, out)


def nanargmax(
    a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False
) -> Any:
    """``np.nanargmax``; an IndexError where all elements are nan."""
    return _nan_argument(numpy.argmax, -math.inf, a, axis, out, keepdims)


def nanargmin(
    a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False
) -> Any:
    """``np.nanargmin``; an IndexError where all elements are nan."""
    return _nan_argument(numpy.argmin, math.inf, a, axis, out, keepdims)


def _nan_argument(
    argument: Any, filling: float, a: Any, axis: Any, out: Any, keepdims: Any
) -> Any:
    x = operand(a)
    place = argument(_filled(x, filling), axis=axis, keepdims=keepdims)
    if x.kind.is_float:
        none = numpy.all(numpy.isnan(x), axis=axis, keepdims=keepdims)
        place = within(numpy.where(none, x.size, place), x.size)
    return deliver("nanargmax", place, out)


def within(index: Any, size: Any) -> Any:
    """Indices that are checked, when the program runs, to be below a size."""
    return numpy.take(arange(size), numpy.where(index < 0, size, index))


def _filled(x: TracedArray, filling: float) -> TracedArray:
    if not x.kind.is_float:
        return x
    filled: TracedArray = numpy.where(numpy.isnan(x), x.dtype.type(filling), x)
    return filled
