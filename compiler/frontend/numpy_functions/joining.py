"""Functions that join, split, repeat and rearrange arrays."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array, host_size
from penstock.frontend.broadcasting import require_equal
from penstock.frontend.handles import TracedArray, fresh
from penstock.frontend.host_numbers import HostInteger, host_integer
from penstock.frontend.lift import as_array, convert, kind_of
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    deliver,
    integer_argument,
    normalize_axes,
    normalize_axis,
    numpy,
    operand,
    shape_of,
    size_argument,
)
from penstock.frontend.numpy_functions.ranges import arange
from penstock.frontend.numpy_functions.shaping import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand_dims,
    moveaxis,
    ravel,
    reshape,
    swapaxes,
    transpose,
)
from penstock.frontend.promotion import as_dtype, check_cast, result_dtype
from penstock.frontend.refusals import bad_index, bad_value
from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location


def concatenate(
    arrays: Any,
    /,
    axis: Any = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Any:
    """``np.concatenate``."""
    parts = [*arrays] if isinstance(arrays, TracedArray) else arrays_of(arrays)
    if not parts:
        raise bad_value(
            "concatenate: there are no arrays to join", hint="pass one array at least"
        )
    tracer = parts[0].tracer
    kinds = [kind_of(part) for part in parts]
    common = (
        result_dtype([kind for kind in kinds if kind is not None])
        if dtype is None
        else as_dtype(dtype)
    )
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    rank = len(parts[0].sizes)
    if any(len(part.sizes) != rank for part in parts) or rank == 0:
        raise bad_value(
            "concatenate: the arrays must have the same number of axes, at least one: "
            + ", ".join(str(part.tensor) for part in parts),
            hint="pass the arrays as one list: np.concatenate([a, b])"
            if isinstance(arrays, TracedArray)
            else "add axes to those that have fewer: x[None]",
        )
    for part in parts:
        check_cast(part.kind, common, casting, "concatenate")
    place = normalize_axis(axis, rank)
    for part in parts[1:]:
        for i in range(rank):
            if i != place:
                require_equal(
                    tracer, "concatenate", parts[0].sizes[i], part.sizes[i],
                    f"only the sizes along axis {place} may differ",
                )  # fmt: skip
    values = [convert(tracer, part.value, common) for part in parts]
    value = (
        values[0]
        if len(values) == 1
        else tracer.emit("concatenate", *values, axis=place)
    )
    ordered = all(part.in_order for part in parts)
    return deliver("concatenate", fresh(tracer, value, ordered), out, casting)


def stack(
    arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None,
    casting: str = "same_kind",
) -> Any:  # fmt: skip
    """``np.stack``."""
    parts = arrays_of([*arrays])
    if not parts:
        raise bad_value(
            "stack: there are no arrays to join", hint="pass one array at least"
        )
    tracer = parts[0].tracer
    first = parts[0].sizes
    for part in parts[1:]:
        if len(part.sizes) != len(first):
            raise bad_value(
                f"stack: {parts[0].tensor} and {part.tensor} differ",
                hint="make them equal in shape, or use np.concatenate",
            )
        for left, right in zip(first, part.sizes, strict=True):
            require_equal(
                tracer,
                "stack",
                left,
                right,
                hint="make them equal in shape, or use np.concatenate",
            )
    place = normalize_axis(axis, len(first) + 1)
    grown = [expand_dims(part, place) for part in parts]
    return concatenate(grown, place, out, dtype=dtype, casting=casting)


def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """``np.vstack``."""
    return concatenate(_as_list(atleast_2d(*tup)), 0, dtype=dtype, casting=casting)


def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """``np.hstack``."""
    parts = _as_list(atleast_1d(*tup))
    axis = 0 if len(parts[0].sizes) == 1 else 1
    return concatenate(parts, axis, dtype=dtype, casting=casting)


def dstack(tup: Any) -> Any:
    """``np.dstack``."""
    return concatenate(_as_list(atleast_3d(*tup)), 2)


def column_stack(tup: Any) -> Any:
    """``np.column_stack``."""
    parts = [
        part if len(part.sizes) > 1 else transpose(atleast_2d(part))
        for part in arrays_of([*tup])
    ]
    return concatenate(parts, 1)


def _as_list(arrays: Any) -> list[TracedArray]:
    return [*arrays] if isinstance(arrays, tuple) else [arrays]


def along(axis: int, rank: int, part: slice | int) -> tuple[Any, ...]:
    """The index that takes a part of one axis."""
    return (*([slice(None)] * axis), part, *([slice(None)] * (rank - axis - 1)))


def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """``np.array_split``."""
    x = operand(ary)
    place = normalize_axis(axis, len(x.sizes))
    if isinstance(indices_or_sections, (tuple, list, np.ndarray)):
        cuts: list[Any] = [0, *indices_or_sections, None]
    else:
        count = integer_argument(indices_or_sections, "a number of sections")
        if count <= 0:
            raise bad_value(
                f"array_split: {count} sections are too few",
                hint="use 1 section or more",
            )
        total = host_integer(x.tracer, x.sizes[place])
        each, extra = divmod(total, count)
        cuts = [0]
        for i in range(count):
            cuts.append(cuts[-1] + each + (1 if i < extra else 0))
    rank = len(x.sizes)
    return [x[along(place, rank, slice(*ends))] for ends in pairwise(cuts)]


def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """``np.split``."""
    x = operand(ary)
    place = normalize_axis(axis, len(x.sizes))
    if not isinstance(indices_or_sections, (tuple, list, np.ndarray)):
        count = integer_argument(indices_or_sections, "a number of sections")
        if count <= 0 or not x.tracer.ask(x.sizes[place] % count, "==", 0):
            raise bad_value(
                f"split: {x.tensor} has no {count} equal parts",
                hint="np.array_split makes parts whose sizes differ by one",
            )
    return array_split(x, indices_or_sections, place)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``np.hsplit``."""
    x = operand(ary)
    return split(x, indices_or_sections, 1 if len(x.sizes) > 1 else 0)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``np.vsplit``."""
    x = operand(ary)
    if len(x.sizes) < 2:
        raise bad_value(
            f"vsplit: {x.tensor} must have at least two axes",
            hint="np.split takes arrays of one axis",
        )
    return split(x, indices_or_sections, 0)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``np.dsplit``."""
    return split(ary, indices_or_sections, 2)


def unstack(x: Any, /, *, axis: Any = 0) -> tuple[Any, ...]:
    """``np.unstack``."""
    return tuple(moveaxis(x, axis, 0))


def flip(m: Any, axis: Any = None) -> Any:
    """``np.flip``."""
    x = operand(m)
    axes = normalize_axes(axis, len(x.sizes))
    backwards = slice(None, None, -1)
    return x[tuple(backwards if i in axes else slice(None) for i in range(x.ndim))]


def fliplr(m: Any) -> Any:
    """``np.fliplr``."""
    return flip(m, 1)


def flipud(m: Any) -> Any:
    """``np.flipud``."""
    return flip(m, 0)


def rot90(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    """``np.rot90``."""
    x = operand(m)
    first, second = (normalize_axis(axis, len(x.sizes)) for axis in axes)
    turns = integer_argument(k, "k= of rot90") % 4
    if turns == 0:
        return x[...]
    if turns == 2:
        return flip(flip(x, first), second)
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second)


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """``np.roll``."""
    x = operand(a)
    if axis is None:
        rolled = roll(ravel(x), shift, 0)
        return reshape(fresh(x.tracer, rolled.value), x.shape)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = _shifts(shift)
    if len(shifts) == 1:
        shifts = tuple(shifts) * len(axes)
    elif len(axes) == 1:
        axes = tuple(axes) * len(shifts)
    result = x
    for by, one in zip(shifts, axes, strict=True):
        place = normalize_axis(one, len(x.sizes))
        size = host_integer(x.tracer, x.sizes[place])
        if not x.tracer.ask(x.sizes[place], "!=", 0):
            continue
        if _is_unknown(by):
            # Each place takes what is so many before it.
            source = (arange(size) - by) % size
            result = numpy.take(result, source, place)
            continue
        offset = host_integer(x.tracer, size_argument(x.tracer, by)) % size
        rank = len(x.sizes)
        head = result[along(place, rank, slice(size - offset, None))]
        tail = result[along(place, rank, slice(None, size - offset))]
        result = concatenate([head, tail], place)
    return result.copy() if result is x else result


def _shifts(shift: Any) -> tuple[Any, ...]:
    if isinstance(shift, TracedArray) and len(shift.sizes) == 1:
        return tuple(shift)
    return tuple(shift) if isinstance(shift, (tuple, list)) else (shift,)


def _is_unknown(number: Any) -> bool:
    """Whether it is an integer that is known only when the program runs."""
    if not issubclass(type(number), TracedArray):
        return False
    is_integer = not number.sizes and number.kind.is_integer
    return is_integer and host_size(number.tracer, number.value) is None


def tile(A: Any, reps: Any) -> Any:
    """``np.tile``."""
    x = operand(A)
    counts = shape_of(x.tracer, reps)
    rank = max(len(counts), len(x.sizes))
    counts = (1,) * (rank - len(counts)) + counts
    sizes = (1,) * (rank - len(x.sizes)) + x.sizes
    counts = tuple(map(partial(_repetitions, x), counts, sizes))
    spread = tuple(s for size in sizes for s in (1, size))
    full = tuple(
        s for count, size in zip(counts, sizes, strict=True) for s in (count, size)
    )
    value = x.tracer.emit("reshape", x.value, shape=spread)
    value = x.tracer.emit("broadcast_to", value, shape=full)
    merged = tuple(size * count for count, size in zip(counts, sizes, strict=True))
    return fresh(x.tracer, x.tracer.emit("reshape", value, shape=merged))


def _repetitions(x: TracedArray, count: Size, size: Size) -> Size:
    """How often an axis is repeated: NumPy does not ask where it is empty."""
    if x.tracer.ask(count, ">=", 0) or not x.tracer.ask(size, "==", 0):
        return count
    return 0


def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    """``np.repeat`` by one count for all, or by constant counts."""
    x = operand(a)
    if axis is None or not x.sizes:
        x, axis = ravel(x), 0 if axis is None else axis
    place = normalize_axis(axis, len(x.sizes))
    if isinstance(repeats, (tuple, list)) or np.ndim(repeats) == 1:
        return _repeat_each(x, repeats, place)
    sizes = [*x.sizes]
    count = _repetitions(x, size_argument(x.tracer, repeats), sizes[place])
    thin = (*sizes[: place + 1], 1, *sizes[place + 1 :])
    full = (*sizes[: place + 1], count, *sizes[place + 1 :])
    value = x.tracer.emit("reshape", x.value, shape=thin)
    value = x.tracer.emit("broadcast_to", value, shape=full)
    sizes[place] = sizes[place] * count
    return fresh(x.tracer, x.tracer.emit("reshape", value, shape=tuple(sizes)))


def _repeat_each(x: TracedArray, repeats: Any, place: int) -> Any:
    counts = as_array(x.tracer, repeats)
    known = constant_array(x.tracer, counts.value)
    if known is None:
        raise UnsupportedError(
            user_location(),
            "repeat by traced counts: the size of the result would be known only when "
            "the compiled function runs",
            code="repeat-count",
            hint="repeat by one Python integer, or by a list of constants",
        )
    if known.size == 1:
        return repeat(x, int(known.reshape(())), place)
    size = x.tracer.pin(x.sizes[place])
    return numpy.take(x, numpy.repeat(np.arange(size), known), axis=place)


def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """``np.append``."""
    x, y = arrays_of([arr, values])
    if axis is None:
        return concatenate([ravel(x), ravel(y)], 0)
    return concatenate([x, y], axis)


def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """``np.delete`` of one place, of constant places, or of a slice."""
    x = operand(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, len(x.sizes))
    if (
        issubclass(type(obj), TracedArray)
        and obj.kind.kind in "iu"
        and obj.tensor.size == 1
    ):
        return _delete_one(x, reshape(obj, ()), axis)
    if isinstance(obj, (slice, tuple, list, np.ndarray, bool, np.bool_)):
        size = x.tracer.pin(x.sizes[axis])
        kept = np.delete(np.arange(size), _constant_places(x.tracer, obj))
        return numpy.take(x, kept, axis=axis)
    return _delete_one(x, obj, axis)


def _constant_places(tracer: Tracer, places: Any) -> Any:
    """Places with nothing traced in them.

    Raises:
        UnsupportedError: some are known only when the compiled function runs.
    """
    if isinstance(places, (tuple, list)):
        return [_constant_places(tracer, place) for place in places]
    if type(places) is HostInteger:
        return integer_argument(places, "a place")
    if not issubclass(type(places), TracedArray):
        return places
    known = constant_array(tracer, places.value)
    if known is None:
        raise UnsupportedError(
            user_location(),
            "delete of traced places: the size of the result would be known only when "
            "the compiled function runs",
            code="selection-size",
            hint="delete one place, or a list of constants",
        )
    return known


def _delete_one(x: TracedArray, place: Any, axis: int) -> Any:
    tracer, size = x.tracer, x.sizes[axis]
    if issubclass(type(place), TracedArray) and host_size(tracer, place.value) is None:
        # The index is checked when the program runs.
        position = arange(host_integer(tracer, size))[place]
        kept = arange(host_integer(tracer, size - 1))
        return numpy.take(x, kept + (kept >= position), axis=axis)
    extent = host_integer(tracer, size)
    position = host_integer(tracer, size_argument(tracer, place))
    position = position + extent if position < 0 else position
    if position < 0 or position >= extent:
        raise bad_index(
            f"delete: there is no place {place!r} along axis {axis}",
            hint="places go from 0 to size - 1, and from -1 backwards to -size",
        )
    rank = len(x.sizes)
    head = x[along(axis, rank, slice(None, position))]
    tail = x[along(axis, rank, slice(position + 1, None))]
    return concatenate([head, tail], axis)
