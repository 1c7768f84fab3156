"""Functions that make arrays."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_into, require_equal
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import host_integer, size_of
from penstock.frontend.lift import (
    as_array,
    convert,
    is_traced,
    kind_of,
    stored_value,
    value_of,
)
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    normalize_axis,
    numpy,
    operand,
    refuse,
    shape_of,
    size_argument,
    tracer_of,
)
from penstock.frontend.numpy_functions.shaping import view_of
from penstock.frontend.promotion import as_dtype, result_dtype
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Tracer
from penstock.frontend.views import DiagonalStep
from penstock.ir.dims import Size
from penstock.ir.types import Dtype, bool_, f64, i64


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    like: Any = None,
) -> TracedArray:
    """``np.array``."""
    tracer = tracer_of(object)
    refuse("array", like=(like, None))
    wanted = None if dtype is None else as_dtype(dtype)
    if order == "F":
        order = "K"
    found = as_array(tracer, object, wanted)
    if len(found.sizes) < ndmin:
        shape = (1,) * (ndmin - len(found.sizes)) + found.sizes
        value = tracer.emit("reshape", found.value, shape=shape)
        return fresh(tracer, value)
    if copy or type(found) is not TracedArray:
        return fresh(tracer, found.value, found.in_order or order == "C")
    return found


def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: Any = None,
    like: Any = None,
) -> TracedArray:
    """``np.asarray``."""
    refuse("asarray", like=(like, None))
    if copy:
        return array(a, dtype)
    tracer = tracer_of(a)
    wanted = None if dtype is None else as_dtype(dtype)
    found = as_array(tracer, a, wanted)
    return found if type(found) is TracedArray else fresh(tracer, found.value)


def asanyarray(
    a: Any, dtype: Any = None, order: Any = None, *, device: Any = None,
    copy: Any = None, like: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.asanyarray``."""
    return asarray(a, dtype, order, copy=copy, like=like)


def ascontiguousarray(a: Any, dtype: Any = None, *, like: Any = None) -> TracedArray:
    """``np.ascontiguousarray``."""
    refuse("ascontiguousarray", like=(like, None))
    found = asarray(a, dtype)
    if not found.sizes:
        return found.reshape(1)
    return found if found.in_order else fresh(found.tracer, found.value)


def copy(a: Any, order: str = "K", subok: bool = False) -> TracedArray:
    """``np.copy``."""
    return array(a, order=order)


def _filled(tracer: Tracer, shape: tuple[Size, ...], number: Any, dtype: Dtype) -> Any:
    value = value_of(tracer, number, dtype)
    shape = tuple(tracer.normalize(size) for size in shape)
    if shape:
        for size in shape:
            if not tracer.ask(size, ">=", 0):
                raise bad_value(f"a size is {tracer.number(size)}, which is negative")
        value = tracer.emit("broadcast_to", value, shape=shape)
    return fresh(tracer, value)


def zeros(
    shape: Any, dtype: Any = float, order: str = "C", *, device: Any = None,
    like: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.zeros``."""
    return _create("zeros", shape, 0, dtype, order, like)


def ones(
    shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None,
    like: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.ones``."""
    return _create("ones", shape, 1, dtype, order, like)


def empty(
    shape: Any, dtype: Any = float, order: str = "C", *, device: Any = None,
    like: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.empty``: zeros, since reading what was never written must not differ."""
    return _create("empty", shape, 0, dtype, order, like)


def _create(
    name: str, shape: Any, number: Any, dtype: Any, order: str, like: Any
) -> TracedArray:
    refuse(name, like=(like, None), order=(order, "C"))
    tracer = tracer_of(shape)
    wanted = f64 if dtype is None else as_dtype(dtype)
    found: TracedArray = _filled(tracer, shape_of(tracer, shape), number, wanted)
    return found


def full(
    shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *,
    device: Any = None, like: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.full``."""
    refuse("full", like=(like, None), order=(order, "C"))
    tracer = tracer_of(fill_value, shape)
    sizes = shape_of(tracer, shape)
    if dtype is None and not isinstance(fill_value, (list, tuple)):
        wanted = value_of(tracer, fill_value).dtype
    else:
        wanted = as_array(tracer, fill_value).kind if dtype is None else as_dtype(dtype)
    if type(fill_value) is float and wanted.is_integer:
        # Also nan and infinities, whatever NumPy makes of them here.
        with np.errstate(invalid="ignore"):
            fill_value = np.asarray(fill_value).astype(wanted.numpy)[()]
    elif isinstance(fill_value, float) and wanted.is_integer:
        # The same of an argument: a cast, where a write would check that it fits.
        fill_value = as_array(tracer, fill_value)
    elif isinstance(fill_value, (bool, int, float)) and not is_traced(fill_value):
        found: TracedArray = _filled(tracer, sizes, fill_value, wanted)
        return found
    source = as_array(tracer, fill_value, wanted)
    return fresh(tracer, broadcast_into(tracer, source, sizes))


def _like(
    name: str, a: Any, number: Any, dtype: Any, order: str, subok: bool, shape: Any
) -> TracedArray:
    x = operand(a) if is_traced(a) or isinstance(a, np.ndarray) else None
    if x is None:
        x = as_array(tracer_of(a), a)
    tracer = x.tracer
    wanted = x.kind if dtype is None else as_dtype(dtype)
    sizes = x.sizes if shape is None else shape_of(tracer, shape)
    found: TracedArray = _filled(tracer, sizes, number, wanted)
    found.cell.ordered = x.in_order or order == "C" or len(sizes) < 2
    return found


def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, *, device: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.zeros_like``."""
    return _like("zeros_like", a, 0, dtype, order, subok, shape)


def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, *, device: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.ones_like``."""
    return _like("ones_like", a, 1, dtype, order, subok, shape)


def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, *, device: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.empty_like``: zeros."""
    return _like("empty_like", prototype, 0, dtype, order, subok, shape)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, *, device: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.full_like``."""
    x = operand(a)
    wanted = x.kind if dtype is None else as_dtype(dtype)
    sizes = x.shape if shape is None else shape
    found = full(sizes, fill_value, wanted.numpy)
    found.cell.ordered = x.in_order or len(found.sizes) < 2
    return found


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
        raise bad_type("arange: bools have two numbers, but more are wanted")
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
            raise ZeroDivisionError("division by zero")
        return max(0, math.ceil((last - first) / delta))
    by = tracer.pin(by)
    if by == 0:
        raise bad_value("arange: the step is 0")
    span = high - low if by > 0 else low - high
    if not tracer.ask(span, ">=", 0):
        return 0
    return tracer.normalize(span if abs(by) == 1 else (span + (abs(by) - 1)) // abs(by))


def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: Any = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """``np.linspace``."""
    tracer = tracer_of(start, stop, num)
    count = size_argument(tracer, num)
    refuse("linspace", axis=(axis, 0))
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


def eye(
    N: Any, M: Any = None, k: Any = 0, dtype: Any = float, order: str = "C", *,
    device: Any = None, like: Any = None,
) -> TracedArray:  # fmt: skip
    """``np.eye``."""
    refuse("eye", like=(like, None), order=(order, "C"))
    tracer = tracer_of(N, M)
    rows = size_argument(tracer, N)
    columns = rows if M is None else size_argument(tracer, M)
    wanted = f64 if dtype is None else as_dtype(dtype)
    row, column = _grid(tracer, rows, columns)
    on = column - row == k
    return fresh(tracer, convert(tracer, on.value, wanted))


def identity(n: Any, dtype: Any = None, *, like: Any = None) -> TracedArray:
    """``np.identity``."""
    return eye(n, dtype=float if dtype is None else dtype, like=like)


def _grid(tracer: Tracer, rows: Size, columns: Size) -> tuple[TracedArray, TracedArray]:
    row = tracer.emit("iota", shape=(rows, 1), axis=0, dtype=i64)
    column = tracer.emit("iota", shape=(1, columns), axis=1, dtype=i64)
    return wrap(tracer, row), wrap(tracer, column)


def tri(
    N: Any, M: Any = None, k: Any = 0, dtype: Any = float, *, like: Any = None
) -> Any:
    """``np.tri``."""
    tracer = tracer_of(N, M)
    rows = size_argument(tracer, N)
    columns = rows if M is None else size_argument(tracer, M)
    row, column = _grid(tracer, rows, columns)
    return (column - row <= k).astype(dtype)


def tril(m: Any, k: Any = 0) -> Any:
    """``np.tril``."""
    return _triangle(m, k, lower=True)


def triu(m: Any, k: Any = 0) -> Any:
    """``np.triu``."""
    return _triangle(m, k, lower=False)


def _triangle(m: Any, k: Any, lower: bool) -> Any:
    x = operand(m)
    if not x.sizes:
        raise bad_type("tril and triu take no scalars")
    if len(x.sizes) < 2:
        x = numpy.broadcast_to(x, (x.shape[0], x.shape[0]))
    row, column = _grid(x.tracer, x.sizes[-2], x.sizes[-1])
    offset = column - row
    kept = offset <= k if lower else offset >= k
    return numpy.where(kept, x, x.dtype.type(0))


def diag(v: Any, k: Any = 0) -> Any:
    """``np.diag``."""
    x = operand(v)
    if len(x.sizes) == 2:
        return diagonal(x, k)
    if len(x.sizes) != 1:
        raise bad_value(f"diag: {x.tensor} has neither one nor two axes")
    offset = operator.index(k)
    size = x.sizes[0] + abs(offset)
    row, column = _grid(x.tracer, size, size)
    # On the diagonal, the lesser of row and column counts the elements of v.
    spread = numpy.pad(x, (max(offset, 0), max(-offset, 0)))
    return numpy.where(column - row == offset, spread, x.dtype.type(0))


def diagflat(v: Any, k: Any = 0) -> Any:
    """``np.diagflat``."""
    return diag(operand(v).reshape(-1), k)


def diagonal(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    """``np.diagonal``: a view that is read-only, as NumPy's is."""
    x = operand(a)
    rank, tracer = len(x.sizes), x.tracer
    first, second = normalize_axis(axis1, rank), normalize_axis(axis2, rank)
    if first == second:
        raise bad_value("diagonal: the two axes are the same")
    x = numpy.moveaxis(x, (first, second), (-2, -1))
    number = operator.index(offset)
    x = x[..., max(-number, 0) :, max(number, 0) :]
    rows, columns = x.sizes[-2], x.sizes[-1]
    if rows != columns:
        if tracer.ask(rows, "<", columns):
            x = x[..., : x.shape[-2]]
        else:
            x = x[..., : x.shape[-1], :]
    return view_of(x, DiagonalStep(writable=False), x.sizes[:-1])


def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> Any:
    """``np.meshgrid``."""
    if indexing not in ("xy", "ij"):
        raise bad_value(f"meshgrid: indexing is {indexing!r}, but must be 'xy' or 'ij'")
    arrays = arrays_of(xi)
    rank = len(arrays)
    found = []
    for position, x in enumerate(arrays):
        shape: list[Any] = [1] * rank
        shape[position] = -1
        found.append(x.reshape(tuple(shape)))
    if indexing == "xy" and rank > 1:
        found = [numpy.swapaxes(x, 0, 1) for x in found]
    if not sparse:
        found = [*numpy.broadcast_arrays(*found)]
    return tuple([x.copy() for x in found] if copy else found)


def indices(dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    """``np.indices``."""
    tracer = tracer_of(*dimensions)
    shape = shape_of(tracer, dimensions)
    wanted = as_dtype(dtype)
    rank = len(shape)
    grids = []
    for axis in range(rank):
        sizes = tuple(
            size if axis == i or not sparse else 1 for i, size in enumerate(shape)
        )
        value = tracer.emit("iota", shape=sizes, axis=axis, dtype=wanted)
        grids.append(fresh(tracer, value))
    return tuple(grids) if sparse else numpy.stack(grids)


def fromfunction(
    function: Any, shape: Any, *, dtype: Any = float, like: Any = None, **kwargs: Any
) -> Any:
    """``np.fromfunction``."""
    return function(*indices(shape, dtype), **kwargs)


def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """``np.vander`` with a constant number of columns."""
    column = operand(x)
    if len(column.sizes) != 1:
        raise bad_value(f"vander: {column.tensor} must have one axis")
    column = column.astype(np.promote_types(column.dtype, int))
    count = column.tracer.pin(column.sizes[0]) if N is None else operator.index(N)
    one = numpy.ones_like(column)
    columns = [one]
    for _ in range(count - 1):
        columns.append(columns[-1] * column)
    columns = columns[:count]
    if not columns:
        return numpy.empty((column.shape[0], 0), column.dtype)
    return numpy.stack(columns if increasing else columns[::-1], axis=1)


def require_square(x: TracedArray, name: str) -> None:
    """Raise a ShapeError unless the last two sizes are equal, which is guarded."""
    require_equal(x.tracer, name, x.sizes[-2], x.sizes[-1], "the matrix must be square")
