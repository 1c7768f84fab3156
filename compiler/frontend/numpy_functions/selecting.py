"""Functions that choose elements: by conditions, by indices, by rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_into, broadcast_shape
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.lift import as_array, convert, find_tracer, kind_of, value_of
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    arrays_of,
    deliver,
    normalize_axis,
    numpy,
    operand,
    refuse,
)
from penstock.frontend.promotion import Kind, check_cast, integer_range, result_dtype
from penstock.frontend.refusals import bad_index, bad_type, bad_value
from penstock.frontend.tracer import Tracer
from penstock.frontend.truths import python_truth
from penstock.frontend.ufuncs import call_ufunc
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, bool_, i64


def _common(tracer: Any, parts: tuple[Any, ...]) -> tuple[list[Any], Dtype]:
    kinds: list[Kind] = []
    found = []
    for part in parts:
        kind = kind_of(part)
        if kind is None:
            part = as_array(tracer, part)
            kind = part.kind
        found.append(part)
        kinds.append(kind)
    return found, result_dtype(kinds)


def _cast(tracer: Tracer, parts: Sequence[Any], dtype: Dtype) -> list[TracedArray]:
    """Arrays of one dtype; Python's integers wrap where they do not fit it."""
    return [fresh(tracer, convert(tracer, value_of(tracer, x), dtype)) for x in parts]


def unknown_count(name: str) -> UnsupportedError:
    """The error about a result of as many elements as some condition holds for."""
    return UnsupportedError(
        user_location(),
        f"{name}: how many elements hold is known only when the compiled function runs",
        code="nonzero",
        hint="choose elements with np.where(condition, a, b)",
    )


def where(condition: Any, x: Any = NO_VALUE, y: Any = NO_VALUE, /) -> Any:
    """``np.where`` with three arguments."""
    if x is NO_VALUE or y is NO_VALUE:
        raise unknown_count("where(condition) alone")
    tracer = find_tracer([condition, x, y])
    mask = as_array(tracer, condition)
    chosen = mask.value if mask.kind is bool_ else (mask != 0).value
    (first, second), dtype = _common(tracer, (x, y))
    # Python's integers wrap: NumPy makes them arrays before it casts.
    values = [convert(tracer, value_of(tracer, x), dtype) for x in (first, second)]
    shapes = [tracer.type_of(value).shape for value in (chosen, *values)]
    broadcast_shape(tracer, "where", shapes)
    ordered = all(
        part.in_order or len(part.sizes) < 2
        for part in (mask, first, second)
        if issubclass(type(part), TracedArray)
    )
    # NumPy's `where` gives an array of no axes, never a scalar.
    return fresh(tracer, tracer.emit("select", chosen, *values), ordered)


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """``np.select``."""
    if len(condlist) != len(choicelist):
        raise bad_value(
            f"select: {len(condlist)} conditions for {len(choicelist)} choices",
            hint="give a choice for each condition",
        )
    if not condlist:
        raise bad_value(
            "select: there are no conditions", hint="give one condition at least"
        )
    tracer = find_tracer([*condlist, *choicelist, default])
    parts, dtype = _common(tracer, (*choicelist, default))
    if any(kind_of(part) is int for part in parts[:-1]):
        # NumPy makes arrays of Python's integers here, and minds their dtype.
        check_cast(i64, dtype, "same_kind", "select")
    cast = _cast(tracer, parts, dtype)
    result: Any = cast[-1]
    for condition, choice in reversed([*zip(condlist, cast[:-1], strict=True)]):
        mask = as_array(tracer, condition)
        if mask.kind is not bool_:
            raise bad_type(
                f"select: a condition is {mask.tensor}, but must be bool",
                hint="compare it: condition != 0",
            )
        result = where(mask, choice, result)
    return result


def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """``np.choose``."""
    from penstock.frontend.numpy_functions.cumulative import within

    if mode not in ("raise", "wrap", "clip"):
        raise bad_value(
            f"choose: mode is {mode!r}, not 'raise', 'wrap' or 'clip'",
            hint="'wrap' goes around at the ends, 'clip' takes the nearest",
        )
    index = operand(a)
    check_cast(index.kind, i64, "safe", "choose: the indices")
    if mode == "wrap":
        index = index % len(choices)
    elif mode == "raise":
        index = within(index, len(choices))
    parts = _cast(index.tracer, *_common(index.tracer, tuple(choices)))
    result: Any = parts[-1]
    for number in range(len(parts) - 2, -1, -1):
        result = where(index <= number, parts[number], result)
    return deliver("choose", result, out, "unsafe")


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """``np.piecewise``; each function sees all elements."""
    array = operand(x)
    conditions = [as_array(array.tracer, c, bool_) for c in condlist]
    functions = [*funclist]
    if len(functions) == len(conditions) + 1:
        covered = conditions[0]
        for condition in conditions[1:]:
            covered = covered | condition
        conditions.append(~covered)
    elif len(functions) != len(conditions):
        raise bad_value(
            f"piecewise: {len(functions)} functions for {len(conditions)} parts",
            hint="give a function for each condition, and at most one for the rest",
        )
    result = numpy.zeros_like(array)
    for condition, function in zip(conditions, functions, strict=True):
        value = function(array, *args, **kw) if callable(function) else function
        np.copyto(result, value, casting="unsafe", where=condition)
    return result


def clip(
    a: Any,
    a_min: Any = NO_VALUE,
    a_max: Any = NO_VALUE,
    out: Any = None,
    *,
    min: Any = NO_VALUE,
    max: Any = NO_VALUE,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Any:
    """``np.clip``: the greater of the lower bound and the element, then the lesser."""
    x = operand(a)
    low = a_min if min is NO_VALUE else min
    high = a_max if max is NO_VALUE else max
    if x.kind.is_integer:
        # As NumPy's `_clip`: bounds beyond the dtype bound nothing.
        least, greatest = integer_range(x.kind)
        low = None if _is_int(low) and low <= least else low
        high = None if _is_int(high) and high >= greatest else high
    bounds = [b for b in (low, high) if b is not NO_VALUE and b is not None]
    if not bounds:
        same = call_ufunc(np.positive, (x,), dtype=dtype, casting=casting)
        return deliver("clip", same, out, casting)
    _, common = _common(x.tracer, (x, *bounds))
    given = dtype is not None or x.kind is common
    result: Any = x if given else x.astype(common.numpy)
    rule: dict[str, Any] = {"dtype": dtype, "casting": casting}
    if low is not NO_VALUE and low is not None:
        result = call_ufunc(np.maximum, (result, low), **rule)
    if high is not NO_VALUE and high is not None:
        result = call_ufunc(np.minimum, (result, high), **rule)
    return deliver("clip", result, out, casting)


def _is_int(bound: Any) -> bool:
    return type(bound) in (int, HostInteger)


def take(
    a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise"
) -> Any:
    """``np.take``."""
    tracer = find_tracer([a, indices])
    x = as_array(tracer, a)
    if axis is None or not x.sizes:
        x, axis = x.reshape(-1), 0 if axis is None else axis
    place = normalize_axis(axis, len(x.sizes))
    if isinstance(indices, (list, tuple)) and not indices:
        indices = np.empty(0, np.int64)
    index = as_array(tracer, indices)
    if index.kind is bool_:
        # No mask here: places 0 and 1.
        index = index.astype(np.int64)
    if not index.kind.is_integer:
        raise bad_type(
            f"take: the indices are {index.tensor}, but must be integers",
            hint="convert them: indices.astype(int)",
        )
    if mode == "clip":
        index = clip(index.astype(np.int64), 0, x.shape[place] - 1)
    elif mode == "wrap":
        index = index.astype(np.int64) % x.shape[place]
    elif mode != "raise":
        raise bad_value(
            f"take: mode is {mode!r}, but must be 'raise', 'wrap' or 'clip'",
            hint="'wrap' goes around at the ends, 'clip' takes the nearest",
        )
    value = tracer.emit("gather", x.value, index.value, axes=(place,))
    rank = len(index.sizes)
    others = [rank + i for i in range(len(x.sizes) - 1)]
    order = (*others[:place], *range(rank), *others[place:])
    if order != tuple(range(len(order))):
        value = tracer.emit("transpose", value, permutation=order)
    return deliver("take", wrap(tracer, value), out, "unsafe")


def _grid_indices(
    x: TracedArray, index: TracedArray, place: int
) -> tuple[list[Any], tuple[Any, ...]]:
    """Index arrays for each axis: ``index`` along one, the own index along others."""
    tracer = x.tracer
    if len(index.sizes) != len(x.sizes):
        raise bad_value(
            f"indices {index.tensor} and array {x.tensor} differ in rank",
            hint="add axes to the indices: indices[:, None]",
        )
    own = [s for i, s in enumerate(x.sizes) if i != place]
    theirs = [s for i, s in enumerate(index.sizes) if i != place]
    common = list(
        broadcast_shape(tracer, "take_along_axis", [tuple(own), tuple(theirs)])
    )
    common.insert(place, index.sizes[place])
    shape = tuple(map(tracer.normalize, common))
    values = []
    for axis in range(len(shape)):
        if axis != place:
            values.append(tracer.emit("iota", shape=shape, axis=axis, dtype=i64))
        elif index.sizes == shape:
            values.append(index.value)
        else:
            values.append(tracer.emit("broadcast_to", index.value, shape=shape))
    return values, shape


def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """``np.take_along_axis``."""
    tracer = find_tracer([arr, indices])
    x, index = as_array(tracer, arr), as_array(tracer, indices)
    if axis is None:
        x, axis = x.reshape(-1), 0
    if not index.kind.is_integer:
        raise bad_index(
            f"take_along_axis: the indices are {index.tensor}",
            hint="convert them: indices.astype(int)",
        )
    place = normalize_axis(axis, len(x.sizes))
    x = _spread_others(x, index, place)
    values, _ = _grid_indices(x, index, place)
    axes = tuple(range(len(x.sizes)))
    return wrap(tracer, tracer.emit("gather", x.value, *values, axes=axes))


def _spread_others(x: TracedArray, index: TracedArray, place: int) -> TracedArray:
    """An array repeated along axes of size 1 that the indices lengthen."""
    if len(index.sizes) != len(x.sizes):
        raise bad_value(
            f"indices {index.tensor} and array {x.tensor} differ in rank",
            hint="add axes to the indices: indices[:, None]",
        )
    tracer = x.tracer
    sizes = list(index.sizes)
    sizes[place] = x.sizes[place]
    common = broadcast_shape(tracer, "take_along_axis", [x.sizes, tuple(sizes)])
    shape = tuple(map(tracer.normalize, common))
    if shape == x.sizes:
        return x
    return fresh(tracer, tracer.emit("broadcast_to", x.value, shape=shape))


def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """``np.put_along_axis``."""
    x = operand(arr)
    tracer = x.tracer
    index = as_array(tracer, indices)
    if axis is None:
        flat = x.flatten()
        put_along_axis(flat, index, values, 0)
        x[...] = flat.reshape(x.shape)
        return
    place = normalize_axis(axis, len(x.sizes))
    grid, shape = _grid_indices(x, index, place)
    from penstock.frontend.assignment import assigned_array

    updates = broadcast_into(tracer, assigned_array(tracer, values, x.kind), shape)
    updates = convert(tracer, updates, x.kind)
    axes = tuple(range(len(x.sizes)))
    x.write(tracer.emit("scatter", x.value, updates, *grid, axes=axes))


def sort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """``np.sort``."""
    refuse("sort", order=(order, None))
    x = operand(a)
    if axis is None:
        x, axis = x.reshape(-1), 0
    place = normalize_axis(axis, len(x.sizes))
    return fresh(x.tracer, x.tracer.emit("sort", x.value, axis=place), x.in_order)


def sort_in_place(
    a: TracedArray,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
) -> None:
    """``ndarray.sort``."""
    a.check_writable()
    a.write(sort(a, axis, kind, order).value)


def isclose(
    a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Any:
    """``np.isclose``: |a - b| <= atol + rtol |b|, equal infinities included."""
    x, y = arrays_of([a, b])
    # NumPy makes the second inexact, so that no difference of integers wraps around.
    y = y.astype(result_dtype([y.kind, float]).numpy)
    near = abs(x - y) <= atol + rtol * abs(y)
    close = (near & numpy.isfinite(y)) | (x == y)
    if equal_nan:
        close = close | (numpy.isnan(x) & numpy.isnan(y))
    return close


def allclose(
    a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Any:
    """``np.allclose``."""
    return python_truth(isclose(a, b, rtol, atol, equal_nan).all())


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """``np.array_equal``."""
    x, y = arrays_of([a1, a2])
    if len(x.sizes) != len(y.sizes):
        return False
    for left, right in zip(x.sizes, y.sizes, strict=True):
        if not x.tracer.ask(left, "==", right):
            return False
    same = x == y
    if equal_nan:
        same = same | (numpy.isnan(x) & numpy.isnan(y))
    return python_truth(same.all())


def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """``np.nan_to_num``."""
    array = operand(x)
    if not array.kind.is_float:
        return array.copy() if copy else array
    limits = np.finfo(array.dtype)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    dtype = array.dtype.type
    result = numpy.where(numpy.isnan(array), dtype(nan), array)
    result = numpy.where(array == math.inf, dtype(high), result)
    result = numpy.where(array == -math.inf, dtype(low), result)
    if copy:
        return result
    array.assign(result)
    return array


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """``np.fill_diagonal`` of a matrix; elements are used again where they run out."""
    refuse("fill_diagonal", wrap=(wrap, False))
    x = operand(a)
    if len(x.sizes) < 2:
        raise bad_value(
            f"fill_diagonal: {x.tensor} must have at least two axes",
            hint="write to an array of one axis by an index: x[0] = value",
        )
    if len(x.sizes) != 2:
        raise UnsupportedError(
            user_location(),
            f"fill_diagonal of {x.tensor}: only matrices are supported",
            hint="assign by indices: i = np.arange(n); x[i, i, i] = value",
            code="unsupported-argument",
        )
    from penstock.frontend.numpy_functions.creation import eye
    from penstock.frontend.numpy_functions.ranges import arange

    if not np.ndim(val):
        x[eye(x.shape[0], x.shape[1], dtype=bool)] = val
        return
    given = operand(val).ravel()
    if given.size:
        places = arange(min(x.shape))
        x[places, places] = given[places % given.size]


def isneginf(x: Any, out: Any = None) -> Any:
    """``np.isneginf``."""
    return deliver("isneginf", operand(x) == -math.inf, out)


def isposinf(x: Any, out: Any = None) -> Any:
    """``np.isposinf``."""
    return deliver("isposinf", operand(x) == math.inf, out)


def isscalar(element: Any) -> bool:
    """``np.isscalar``."""
    return not isinstance(element, np.ndarray)
