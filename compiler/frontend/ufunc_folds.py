"""Methods of any ufunc, step by step: ``np.subtract.reduce``, ``np.multiply.at``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.frontend.control import repeat_over, repeat_times
from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.indexing import Gathered
from penstock.frontend.lift import as_array
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    deliver,
    normalize_axis,
    numpy,
    operand,
    reduced_axes,
)
from penstock.frontend.numpy_functions.cumulative import within
from penstock.frontend.promotion import as_dtype, check_cast, loop_dtypes
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.ufuncs import call_ufunc
from penstock.ir.errors import DtypeError
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, bool_

__all__ = ["accumulate", "at", "reduce", "reduceat", "within_loop"]

_TRUTHS = (np.logical_and, np.logical_or, np.logical_xor)
# Those whose order does not matter, so that NumPy takes several axes at once.
_SUMS = (np.add, np.multiply)


def within_loop(ufunc: np.ufunc, array: Any, dtype: Any, method: str) -> TracedArray:
    """An array in the dtype in which a ufunc combines its elements.

    Raises:
        TypeError: the ufunc does not combine two of them to one of the same dtype.
    """
    if ufunc.nin != 2 or ufunc.nout != 1 or ufunc.signature is not None:
        raise bad_type(
            f"{ufunc.__name__}.{method}: only ufuncs of two operands do so",
            hint="use one of two operands, such as np.add",
        )
    x = operand(array)
    if ufunc in _TRUTHS:
        return x if x.kind is bool_ else operand(x.astype(bool))
    if dtype is None and ufunc in _SUMS and x.kind.kind in "biu":
        dtype = np.uint64 if x.kind.kind == "u" else np.int64
    kinds = loop_dtypes(ufunc, (x.kind, x.kind), dtype)
    if kinds[0] is not kinds[2]:
        raise DtypeError(
            user_location(),
            f"{ufunc.__name__}.{method}: of two {x.kind} it makes a {kinds[2]}, which "
            "does not combine with the next",
            code="dtype",
            hint="convert before, or pass dtype=",
        )
    wanted: Dtype = kinds[0] if dtype is None else as_dtype(dtype)
    return x if x.kind is wanted else operand(x.astype(wanted.numpy))


def reduce(
    ufunc: np.ufunc, array: Any, axis: Any, dtype: Any, out: Any, keepdims: Any,
    initial: Any, where: Any,
) -> Any:  # fmt: skip
    """One element after the other, as NumPy does: any ufunc of two operands."""
    name = f"{ufunc.__name__}.reduce"
    x = within_loop(ufunc, array, dtype, "reduce")
    rank = len(x.sizes)
    axes = reduced_axes(axis, rank) if rank else ()
    if len(axes) > 1 and not _takes_axes_together(ufunc, x.kind):
        raise bad_value(
            f"{name}: its order matters, so it takes one axis",
            hint="go along one axis after the other",
        )
    if initial is None or initial is NO_VALUE:
        initial = None if initial is None else ufunc.identity
    lines = _lines(x, axes)
    holds = None
    if where is not True and where is not NO_VALUE:
        if initial is None:
            raise bad_value(
                f"{name} with where= needs initial=",
                hint="give the result of no elements: initial=0",
            )
        mask = as_array(x.tracer, where)
        check_cast(mask.kind, bool_, "safe", f"{name} where=")
        holds = _lines(numpy.broadcast_to(mask, x.shape), axes)
    if initial is None:
        if x.tracer.ask(lines.sizes[0], "==", 0):
            raise bad_value(
                f"{name} of no elements: {x.tensor} is empty",
                hint="ask for its size before: if x.size",
            )
        total = lines[0]
        lines = lines[1:]
    else:
        first = as_array(x.tracer, _element(initial, x.kind))
        total = numpy.broadcast_to(first, lines.shape[1:])

    def step(total: Any, part: Any) -> tuple[Any, Any]:
        element, chosen = part
        combined = call_ufunc(ufunc, (total, element))
        if chosen is not None:
            combined = numpy.where(chosen, combined, total)
        return combined, None

    result = repeat_over(step, total, (lines, holds), None, False)[0]
    if keepdims:
        shape = [1 if i in axes else size for i, size in enumerate(x.shape)]
        result = result.reshape(tuple(shape))
    return deliver(name, result, out, "unsafe")


def _takes_axes_together(ufunc: np.ufunc, dtype: Dtype) -> bool:
    """Whether NumPy does; it says so of no ufunc but by doing it."""
    try:
        ufunc.reduce(np.ones((1, 1), dtype.numpy), axis=(0, 1))
    except ValueError:
        return False
    return True


def _element(number: Any, dtype: Dtype) -> Any:
    """A number as an element: -1 is all bits of an unsigned one."""
    if isinstance(number, (bool, int, float, np.generic)):
        return np.array(number).astype(dtype.numpy)[()]
    return operand(number).astype(dtype.numpy)


def _lines(x: TracedArray, axes: tuple[int, ...]) -> TracedArray:
    """The array with these axes as one, which comes first."""
    kept = [i for i in range(len(x.sizes)) if i not in axes]
    moved = numpy.transpose(x, (*axes, *kept))
    # Not -1, which stands for any size where another is 0.
    count = math.prod(x.shape[i] for i in axes)
    lines: TracedArray = moved.reshape((count, *(x.shape[i] for i in kept)))
    return lines


def accumulate(ufunc: np.ufunc, array: Any, axis: Any, dtype: Any, out: Any) -> Any:
    """All results on the way: of any ufunc of two operands."""
    name = f"{ufunc.__name__}.accumulate"
    x = within_loop(ufunc, array, dtype, "accumulate")
    if not x.sizes:
        raise bad_type(
            f"{name}: a scalar has no axis to accumulate along",
            hint="give it an axis: x[None]",
        )
    place = normalize_axis(axis, len(x.sizes))
    if x.tracer.ask(x.sizes[place], "==", 0):
        return deliver(name, x.copy(), out, "unsafe")
    lines = numpy.moveaxis(x, place, 0)

    def step(total: Any, element: Any) -> tuple[Any, Any]:
        combined = call_ufunc(ufunc, (total, element))
        return combined, combined

    following = repeat_over(step, lines[0], lines[1:], None, False)[1]
    joined = numpy.concatenate([lines[:1], following])
    return deliver(name, numpy.moveaxis(joined, 0, place), out, "unsafe")


def reduceat(
    ufunc: np.ufunc, array: Any, indices: Any, axis: Any, dtype: Any, out: Any
) -> Any:
    """The slices from each index up to the next, each reduced."""
    name = f"{ufunc.__name__}.reduceat"
    x = within_loop(ufunc, array, dtype, "reduceat")
    starts = as_array(x.tracer, indices)
    if len(starts.sizes) != 1 or not (starts.kind.is_integer or starts.sizes[0] == 0):
        raise bad_type(
            f"{name}: the indices are {starts.tensor}, not i64[n]",
            hint="convert and flatten them: indices.astype(int).ravel()",
        )
    place = normalize_axis(axis, len(x.sizes))
    lines = numpy.moveaxis(x, place, 0)
    starts = within(starts.astype(np.int64), lines.shape[0])
    end = as_array(x.tracer, lines.shape[0]).reshape(1)
    stops = numpy.concatenate([starts, end])[1:]

    def fold(_: Any, ends: Any) -> tuple[Any, Any]:
        start, stop = ends

        def turn(k: Any, total: Any) -> Any:
            return call_ufunc(ufunc, (total, lines[k]))

        return None, repeat_times(start + 1, stop, turn, lines[start])

    result = repeat_over(fold, None, (starts, stops), None, False)[1]
    return deliver(name, numpy.moveaxis(result, 0, place), out, "unsafe")


def at(ufunc: np.ufunc, array: TracedArray, gathered: Gathered, values: Any) -> None:
    """One place after the other, so that one that comes twice is changed twice."""
    tracer, source = array.tracer, gathered.source
    name = f"{ufunc.__name__}.at"
    operands = 1 if values is NO_VALUE else 2
    if ufunc.nin != operands or ufunc.nout != 1 or ufunc.signature is not None:
        raise bad_type(
            f"{name}: the ufunc does not take {operands} operands",
            hint="pass the array, the indices, and the other operands of the ufunc",
        )
    count = len(gathered.index_shape)
    indices = [wrap(tracer, i).reshape(-1) for i in gathered.indices]
    length = indices[0].shape[0]
    updates = None
    if values is not NO_VALUE:
        rest = [s for axis, s in enumerate(source.shape) if axis not in gathered.axes]
        inner = wrap(tracer, gathered.indices[0]).shape
        shape = (*rest[: gathered.place], *inner, *rest[gathered.place :])
        spread = numpy.broadcast_to(as_array(tracer, values), shape)
        ends = range(gathered.place, gathered.place + count)
        updates = numpy.moveaxis(spread, tuple(ends), tuple(range(count)))
        updates = updates.reshape((length, *rest))
    key: list[Any] = [slice(None)] * len(source.sizes)

    def turn(k: Any, whole: Any) -> Any:
        for axis, index in zip(gathered.axes, indices, strict=True):
            key[axis] = index[k]
        place = tuple(key)
        given = (whole[place],) if updates is None else (whole[place], updates[k])
        # NumPy converts whatever comes out: half of an integer is cut to one.
        whole[place] = call_ufunc(ufunc, given)
        return whole

    source.assign(repeat_times(0, length, turn, source.copy()), "same_kind")
