"""Functions that move elements without computing: views, joins, repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_shape, fits_into
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import host_integer
from penstock.frontend.layout import ReshapedCell, is_contiguous, reshape_is_view
from penstock.frontend.lift import convert, is_python_number, kind_of
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    integer_argument,
    normalize_axes,
    normalize_axis,
    operand,
    refuse,
    shape_of,
)
from penstock.frontend.promotion import Kind, check_cast, check_casting
from penstock.frontend.refusals import bad_value
from penstock.frontend.sizes import exact_quotient, make_equal
from penstock.frontend.views import (
    BroadcastStep,
    ReshapeStep,
    Step,
    TransposeStep,
)
from penstock.ir.dims import Size, product
from penstock.ir.errors import ShapeError, UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, bool_, f64, i64
from penstock.ir.wording import with_article


def reshape(a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> TracedArray:
    """``np.reshape``."""
    x = operand(a)
    if order == "F":
        turned = transpose(x)
        new = shape_of(x.tracer, shape)[::-1]
        return transpose(_reshaped(turned, _complete_shape(turned, new)))
    refuse("reshape", order=(order, "C"))
    sizes = _complete_shape(x, shape_of(x.tracer, shape))
    if copy:
        return fresh(x.tracer, _reshape_value(x, sizes))
    return _reshaped(x, sizes)


def _reshaped(x: TracedArray, sizes: tuple[Size, ...]) -> TracedArray:
    """A view or a copy, as NumPy makes it."""
    is_view = reshape_is_view(x, sizes)
    if is_view or type(x) is not TracedArray:
        return view_of(x, ReshapeStep(sizes), sizes)
    if is_view is None:
        return TracedArray(x.tracer, ReshapedCell(x, sizes))
    return fresh(x.tracer, _reshape_value(x, sizes))


def view_of(x: TracedArray, step: Step, sizes: tuple[Size, ...]) -> TracedArray:
    """A view; NumPy scalars have no memory to share, and stay scalars."""
    if type(x) is TracedArray:
        view = x.seen(step, sizes)
        # Made now, so that the graph names the line that asked for it.
        assert view.value is not None
        return view
    if isinstance(step, BroadcastStep):
        return fresh(x.tracer, x.value).seen(step, sizes)
    return wrap(x.tracer, step.take(x.tracer, x.value))


def _reshape_value(x: TracedArray, sizes: tuple[Size, ...]) -> Value:
    if sizes == x.sizes:
        return x.value
    return x.tracer.emit("reshape", x.value, shape=sizes)


def _complete_shape(x: TracedArray, shape: tuple[Size, ...]) -> tuple[Size, ...]:
    """A shape of as many elements as the array has, with its -1 worked out.

    Raises:
        ShapeError: there is none.
    """
    tracer = x.tracer
    total = product(x.sizes)
    # As for NumPy, any number below 0 is the -1 that is to be worked out.
    shape = tuple(s if tracer.ask(s, ">=", 0) else -1 for s in shape)
    unknown = [i for i, s in enumerate(shape) if isinstance(s, int) and s == -1]
    if len(unknown) > 1:
        raise bad_value(
            f"reshape: more than one size of {shape} is -1",
            hint="leave one size at most to be found",
        )
    if unknown:
        rest = product([s for i, s in enumerate(shape) if i != unknown[0]])
        quotient = None
        if tracer.ask(rest, "!=", 0):
            quotient = exact_quotient(tracer, total, rest)
        if quotient is None:
            raise _reshape_error(x, shape)
        shape = (*shape[: unknown[0]], quotient, *shape[unknown[0] + 1 :])
    if not make_equal(tracer, product(shape), total):
        raise _reshape_error(x, shape)
    return tuple(tracer.normalize(size) for size in shape)


def _reshape_error(x: TracedArray, shape: Sequence[Size]) -> ShapeError:
    tracer = x.tracer
    numbers = tracer.sizes_text((*x.sizes, *shape))
    where = f", where {numbers}" if numbers else ""
    wanted = ", ".join(map(str, shape))
    return ShapeError(
        user_location(),
        f"cannot reshape {x.tensor} into ({wanted}){where}",
        code="reshape",
        hint="the number of elements must stay the same",
    )


def ravel(a: Any, order: str = "C") -> TracedArray:
    """``np.ravel``: a view where the elements are contiguous."""
    x = operand(a)
    if order == "F":
        return ravel(transpose(x))
    refuse("ravel", order=(order, "C"))
    sizes = (product(x.sizes),)
    contiguous = is_contiguous(x)
    if contiguous is None:
        return TracedArray(x.tracer, ReshapedCell(x, sizes, ravels=True))
    if contiguous:
        return view_of(x, ReshapeStep(sizes), sizes)
    return fresh(x.tracer, _reshape_value(x, sizes))


def transpose(a: Any, axes: Any = None) -> TracedArray:
    """``np.transpose``."""
    x = operand(a)
    rank = len(x.sizes)
    if axes is None:
        order = tuple(reversed(range(rank)))
    else:
        order = tuple(normalize_axis(axis, rank) for axis in axes)
    if sorted(order) != list(range(rank)):
        raise bad_value(
            f"transpose: {axes} does not order the axes of {x.tensor}",
            hint="name each axis once, as in x.transpose(1, 0)",
        )
    if order == tuple(range(rank)):
        return (
            x
            if type(x) is not TracedArray
            else TracedArray(x.tracer, x.cell, x.path, x.sizes)
        )
    shape = tuple(x.sizes[axis] for axis in order)
    return view_of(x, TransposeStep(order), shape)


def matrix_transpose(x: Any, /) -> TracedArray:
    """``np.matrix_transpose``."""
    return swapaxes(x, -1, -2)


def swapaxes(a: Any, axis1: Any, axis2: Any) -> TracedArray:
    """``np.swapaxes``."""
    x = operand(a)
    rank = len(x.sizes)
    first, second = normalize_axis(axis1, rank), normalize_axis(axis2, rank)
    order = [*range(rank)]
    order[first], order[second] = second, first
    return transpose(x, order)


def moveaxis(a: Any, source: Any, destination: Any) -> TracedArray:
    """``np.moveaxis``."""
    x = operand(a)
    rank = len(x.sizes)
    sources, places = (
        [normalize_axis(axis, rank) for axis in axes]
        if isinstance(axes, (tuple, list))
        else [normalize_axis(axes, rank)]
        for axes in (source, destination)
    )
    if len(sources) != len(places):
        raise bad_value(
            "moveaxis: source and destination name different numbers of axes",
            hint="name a destination for each axis",
        )
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


def rollaxis(a: Any, axis: Any, start: Any = 0) -> TracedArray:
    """``np.rollaxis``."""
    x = operand(a)
    rank = len(x.sizes)
    place = integer_argument(start, "start= of rollaxis")
    place = place + rank if place < 0 else place
    axis = normalize_axis(axis, rank)
    order = [other for other in range(rank) if other != axis]
    order.insert(place - (axis < place), axis)
    return transpose(x, order)


def expand_dims(a: Any, axis: Any) -> TracedArray:
    """``np.expand_dims``."""
    x = operand(a)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    places = normalize_axes(axis, len(x.sizes) + count)
    sizes = [*x.sizes]
    for place in places:
        sizes.insert(place, 1)
    return view_of(x, ReshapeStep(tuple(sizes)), tuple(sizes))


def squeeze(a: Any, axis: Any = None) -> TracedArray:
    """``np.squeeze``: which sizes are 1 is asked where no axis is given."""
    x = operand(a)
    tracer = x.tracer
    if axis is None:
        places = [i for i, s in enumerate(x.sizes) if tracer.ask(s, "==", 1)]
    else:
        rank = len(x.sizes)
        # The one axis that NumPy lets a scalar have here.
        scalar = rank == 0 and axis in (0, -1) and not isinstance(axis, tuple)
        places = [] if scalar else [*normalize_axes(axis, rank)]
        for place in places:
            if not tracer.ask(x.sizes[place], "==", 1):
                raise bad_value(
                    f"squeeze: axis {place} of {x.tensor} is not of size 1",
                    hint="without axis= those axes go that are of size 1",
                )
    sizes = tuple(size for i, size in enumerate(x.sizes) if i not in places)
    return view_of(x, ReshapeStep(sizes), sizes)


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> TracedArray:
    """``np.broadcast_to``: a read-only view."""
    x = operand(array)
    target = shape_of(x.tracer, shape)
    fits = fits_into(x.tracer, x.sizes, target)
    sizes = tuple(map(x.tracer.normalize, target))
    if not fits:
        raise ShapeError(
            user_location(),
            f"cannot broadcast {x.tensor} to ({', '.join(map(str, sizes))})",
            code="broadcast-to",
            hint="align trailing axes, e.g. x[:, None]; only axes of size 1 repeat",
        )
    return _broadcast(x, sizes)


def _broadcast(x: TracedArray, sizes: tuple[Size, ...]) -> TracedArray:
    if x.sizes == sizes and not x.path and x.cell.owner:
        return TracedArray(x.tracer, x.cell)
    return view_of(x, BroadcastStep(sizes), sizes)


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[TracedArray, ...]:
    """``np.broadcast_arrays``."""
    arrays = arrays_of(args)
    tracer = arrays[0].tracer
    common = broadcast_shape(tracer, "broadcast_arrays", [x.sizes for x in arrays])
    sizes = tuple(map(tracer.normalize, common))
    # What has the shape already is NumPy's view of the whole, which can be written.
    return tuple(x if x.sizes == sizes else _broadcast(x, sizes) for x in arrays)


def _at_least(rank: int, arrays: Sequence[Any]) -> Any:
    found = []
    for x in arrays_of(arrays):
        sizes = x.sizes
        if rank == 3 and len(sizes) == 1:
            sizes = (1, *sizes, 1)
        elif rank == 3 and len(sizes) == 2:
            sizes = (*sizes, 1)
        else:
            sizes = (1,) * (rank - len(sizes)) + sizes
        same = sizes == x.sizes
        found.append(x if same else view_of(x, ReshapeStep(sizes), sizes))
    return found[0] if len(found) == 1 else tuple(found)


def atleast_1d(*arys: Any) -> Any:
    """``np.atleast_1d``."""
    return _at_least(1, arys)


def atleast_2d(*arys: Any) -> Any:
    """``np.atleast_2d``."""
    return _at_least(2, arys)


def atleast_3d(*arys: Any) -> Any:
    """``np.atleast_3d``."""
    return _at_least(3, arys)


def shape(a: Any) -> tuple[Any, ...]:
    """``np.shape``."""
    return operand(a).shape


def ndim(a: Any) -> int:
    """``np.ndim``."""
    return len(operand(a).sizes)


def size(a: Any, axis: Any = None) -> Any:
    """``np.size``."""
    x = operand(a)
    if axis is None:
        return host_integer(x.tracer, product(x.sizes))
    axes = normalize_axes(axis, len(x.sizes))
    return host_integer(x.tracer, product([x.sizes[i] for i in axes]))


def _check_number(kind: Kind | None, target: Dtype, casting: str) -> None:
    """Raise a DtypeError unless ``copyto`` takes Python's numbers by this rule.

    It takes integers for all dtypes but bool, and floats for floating ones, also where
    nothing may be lost or changed.
    """
    if isinstance(kind, Dtype):
        check_cast(kind, target, casting, "copyto")
        return
    check_casting(casting)
    weak = target.kind == "f" if kind is float else target is not bool_
    if not weak or casting == "equiv":
        check_cast(f64 if kind is float else i64, target, casting, "copyto")


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """``np.copyto``."""
    from penstock.frontend.assignment import assigned_array
    from penstock.frontend.ufuncs import call_ufunc

    if type(dst) is not TracedArray:
        raise UnsupportedError(
            user_location(),
            f"copyto: the destination is {with_article(type(dst).__name__)}, "
            "which is not traced",
            code="out-argument",
            hint="make it within the function: np.empty(...) or np.zeros(...)",
        )
    if is_python_number(src):
        _check_number(kind_of(src), dst.kind, casting)
    source = assigned_array(dst.tracer, src, dst.kind)
    if where is True:
        dst.assign(source, casting)
        return
    check_cast(source.kind, dst.kind, casting, "copyto")
    same = fresh(dst.tracer, convert(dst.tracer, source.value, dst.kind))
    if same.kind.kind == "b":
        call_ufunc(np.logical_and, (same, True), out=dst, where=where)
    else:
        call_ufunc(np.positive, (same,), out=dst, where=where)
