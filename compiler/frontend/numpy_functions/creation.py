"""Functions that make arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_into, require_equal
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.layout import ReshapedCell, is_contiguous
from penstock.frontend.lift import (
    as_array,
    convert,
    is_traced,
    value_of,
)
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    c_integer,
    integer_argument,
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
from penstock.ir.types import Dtype, f64, i64


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: Any = 0,
    like: Any = None,
) -> TracedArray:
    """``np.array``."""
    tracer = tracer_of(object)
    refuse("array", like=(like, None), ndmax=(0 if ndmax == 0 else ndmax, 0))
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
        line: TracedArray = found.reshape(1)
        return line
    contiguous = is_contiguous(found)
    if contiguous is None:
        return TracedArray(found.tracer, ReshapedCell(found, found.sizes, ravels=True))
    return found if contiguous else fresh(found.tracer, found.value)


def copy(a: Any, order: str = "K", subok: bool = False) -> TracedArray:
    """``np.copy``."""
    return array(a, order=order)


def _filled(tracer: Tracer, shape: tuple[Size, ...], number: Any, dtype: Dtype) -> Any:
    value = value_of(tracer, number, dtype)
    shape = tuple(tracer.normalize(size) for size in shape)
    if shape:
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
    # NumPy makes it of two ranges, which are empty up to numbers below 0.
    rows, columns = (
        size if tracer.ask(size, ">=", 0) else 0
        for size in shape_of(tracer, (N, N if M is None else M))
    )
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
        raise bad_type(
            "tril and triu take no scalars", hint="make it a matrix: x.reshape(1, 1)"
        )
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
        raise bad_value(
            f"diag: {x.tensor} has neither one nor two axes",
            hint="np.diagonal(x, 0, -2, -1) has those of each matrix",
        )
    offset = integer_argument(k, "k= of diag")
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
        raise bad_value(
            "diagonal: the two axes are the same",
            hint="name two axes: np.diagonal(x, 0, 0, 1)",
        )
    x = numpy.moveaxis(x, (first, second), (-2, -1))
    number = c_integer(offset, "the offset of a diagonal")
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
        raise bad_value(
            f"meshgrid: indexing is {indexing!r}, but must be 'xy' or 'ij'",
            hint="'ij' has an axis for each array in order, 'xy' swaps the first two",
        )
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
    if sparse:
        # NumPy makes each of a range, which is empty up to numbers below 0.
        shape = tuple(size if tracer.ask(size, ">=", 0) else 0 for size in shape)
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
    """``np.vander``."""
    column = operand(x)
    if len(column.sizes) != 1:
        raise bad_value(
            f"vander: {column.tensor} must have one axis", hint="flatten it: x.ravel()"
        )
    tracer = column.tracer
    column = column.astype(result_dtype([column.kind, i64]).numpy)
    count = column.sizes[0] if N is None else size_argument(tracer, N)
    if tracer.ask(count, "<", 0):
        raise bad_value(
            f"vander: {tracer.number(count)} columns are wanted", hint="use N=0 or more"
        )
    if tracer.ask(count, "==", 0):
        return numpy.empty((column.shape[0], 0), column.dtype)
    ones = numpy.ones_like(column)[:, None]
    repeated = broadcast_into(
        tracer, column[:, None], (*column.sizes, tracer.normalize(count - 1))
    )
    powers = numpy.cumprod(fresh(tracer, repeated), axis=1)
    result = numpy.concatenate((ones, powers), axis=1)
    return result if increasing else result[:, ::-1].copy()


def require_square(x: TracedArray, name: str) -> None:
    """Raise a ShapeError unless the last two sizes are equal, which is guarded."""
    require_equal(x.tracer, name, x.sizes[-2], x.sizes[-1], "the matrix must be square")
