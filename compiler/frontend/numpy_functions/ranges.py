"""Ranges of numbers: ``arange``, ``linspace`` and ``logspace``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import host_integer, size_of
from penstock.frontend.lift import (
    as_array,
    convert,
    kind_of,
    stored_value,
    value_of,
)
from penstock.frontend.numpy_functions.arguments import (
    normalize_axis,
    numpy,
    refuse,
    size_argument,
    tracer_of,
)
from penstock.frontend.promotion import as_dtype, result_dtype
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.types import Dtype, bool_, f64, i64


def arange(
    start: Any, stop: Any = None, step: Any = None, dtype: Any = None, *,
    device: Any = None, like: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.arange``: the count of elements must be known from host numbers."""
    refuse("arange", like=(like, None))
    tracer = tracer_of(start, stop, step)
    if stop is None:
        start, stop = 0, start
    if step is None:
        step = 1
    first, last, by = (_host_number(tracer, part) for part in (start, stop, step))
    if dtype is None:
        # At least NumPy's default integer, whatever the arguments are.
        kinds = [kind for kind in map(kind_of, (start, stop, step)) if kind is not None]
        wanted = result_dtype([i64, *kinds])
    else:
        wanted = as_dtype(dtype)
    count = _range_count(tracer, first, last, by)
    if dtype is not None and wanted.is_integer:
        return _integer_range(tracer, first, first + by, count, wanted)
    if wanted is bool_ and not tracer.ask(count, "<=", 2):
        raise bad_type(
            "arange: bools have two numbers, but more are wanted",
            hint="convert them afterwards: np.arange(n).astype(bool)",
        )
    if wanted.is_integer or wanted is bool_:
        index = tracer.emit("iota", shape=(count,), axis=0, dtype=i64)
        result = wrap(tracer, index)
        if not (type(by) is int and by == 1):
            result = result * by
        if not (type(first) is int and first == 0):
            result = result + first
        return fresh(tracer, convert(tracer, result.value, wanted))
    # NumPy adds multiples of the second element's distance from the first.
    index = tracer.emit("iota", shape=(count,), axis=0, dtype=f64)
    delta = (first + by) - first
    result = wrap(tracer, index) * np.float64(1) * delta + first
    return fresh(tracer, convert(tracer, result.value, wanted))


def _integer_range(
    tracer: Tracer, first: Any, second: Any, count: Size, dtype: Dtype
) -> TracedArray:
    """A range by its first two numbers, which NumPy writes into the array first."""
    places = tracer.emit("iota", shape=(count,), axis=0, dtype=dtype)
    if not tracer.ask(count, ">", 0):
        return fresh(tracer, places)
    start = wrap(tracer, stored_value(tracer, first, dtype))
    if not tracer.ask(count, ">", 1):
        return fresh(tracer, (wrap(tracer, places) + start).value)
    step = wrap(tracer, stored_value(tracer, second, dtype)) - start
    return fresh(tracer, (wrap(tracer, places) * step + start).value)


def _host_number(tracer: Tracer, number: Any) -> Any:
    """A number of the host program; sizes among traced scalars are such."""
    if issubclass(type(number), TracedArray):
        return host_integer(tracer, size_argument(tracer, number))
    if isinstance(number, np.generic):
        return number.item()
    return number


def _range_count(tracer: Tracer, start: Any, stop: Any, step: Any) -> Size:
    """How many numbers a range has: ceil((stop - start) / step), at least 0."""
    low, high, by = (size_of(part) for part in (start, stop, step))
    if low is None or high is None or by is None:
        exact = (float(part) for part in (start, stop, step))
        first, last, delta = exact
        if delta == 0:
            raise bad_value(
                "arange: the step is 0",
                hint="use a step that leads from the first number to the last",
            )
        count = (last - first) / delta
        # Also nan and infinity.
        if not count < _MOST:
            raise bad_value(
                f"arange: from {first} to {last} by {delta} are more numbers than "
                "an array can hold",
                hint="use a larger step, or an end that is nearer",
            )
        return max(0, math.ceil(max(count, 0.0)))
    by = tracer.pin(by)
    if by == 0:
        raise bad_value(
            "arange: the step is 0",
            hint="use a step that leads from the first number to the last",
        )
    span = high - low if by > 0 else low - high
    if not tracer.ask(span, ">=", 0):
        return 0
    return tracer.normalize(span if abs(by) == 1 else (span + (abs(by) - 1)) // abs(by))


# Elements that no array can hold.
_MOST = 2.0**63


def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: Any = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """``np.linspace``."""
    tracer = tracer_of(start, stop, num)
    count = size_argument(tracer, num)
    divisor = count - 1 if endpoint else count
    low, high = _float_ends(tracer, start, stop)
    inner = low.kind
    wanted = inner if dtype is None else as_dtype(dtype)
    places = tracer.emit("iota", shape=(count,), axis=0, dtype=f64)
    index = wrap(tracer, convert(tracer, places, inner))
    index = index.reshape((-1,) + (1,) * max(len(low.sizes), len(high.sizes)))
    delta = high - low
    if tracer.ask(divisor, ">", 0):
        step = delta / host_integer(tracer, divisor)
        # NumPy's own formula (numpy/_core/function_base.py), so that bits are equal.
        result = index * step + low
        if endpoint and tracer.ask(count, ">", 1):
            result = numpy.concatenate(
                [result[:-1], numpy.broadcast_to(high, result[-1:].shape)]
            )
    else:
        step = math.nan
        result = index * delta + low
    if wanted.is_integer:
        result = numpy.floor(result)
    if axis != 0:
        result = numpy.moveaxis(result, 0, normalize_axis(axis, len(result.sizes)))
    value = convert(tracer, result.value, wanted)
    return (fresh(tracer, value), step) if retstep else fresh(tracer, value)


def _float_ends(tracer: Tracer, start: Any, stop: Any) -> list[TracedArray]:
    """Both ends of a range in the floating dtype that they have in common."""
    ends = [part if kind_of(part) else as_array(tracer, part) for part in (start, stop)]
    common = result_dtype([kind for kind in map(kind_of, ends) if kind is not None])
    dtype = common if common.is_float else f64
    return [wrap(tracer, value_of(tracer, end, dtype)) for end in ends]


def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: Any = 0,
) -> Any:  # fmt: skip
    """``np.logspace``."""
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    result = numpy.power(base, exponents)
    return result if dtype is None else result.astype(dtype)
