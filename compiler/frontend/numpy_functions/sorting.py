"""Sorting, searching in sorted tables, and counting by them."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.lift import as_array, find_tracer, kind_of
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    known_to_hold,
    normalize_axis,
    numpy,
    operand,
    refuse,
    size_argument,
)
from penstock.frontend.numpy_functions.creation import full, zeros
from penstock.frontend.promotion import result_dtype
from penstock.frontend.refusals import bad_type, bad_value
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import f64

__all__ = [
    "argpartition", "argsort", "bincount", "digitize", "histogram",
    "histogram_bin_edges", "interp", "isin", "lexsort", "partition", "searchsorted",
]  # fmt: skip

# To this length comparing all pairs beats sorting.
_FEW = 16


def argsort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """``np.argsort``, always stable."""
    refuse("argsort", order=(order, None))
    x = operand(a)
    if axis is None or not x.sizes:
        x, axis = x.reshape(-1), 0
    place = normalize_axis(axis, len(x.sizes))
    return fresh(x.tracer, x.tracer.emit("argsort", x.value, axis=place), x.in_order)


def partition(
    a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """``np.partition``: all are sorted, which puts those at ``kth`` in place."""
    refuse("partition", order=(order, None))
    _check_kth(operand(a), kth, axis)
    return numpy.sort(a, axis)


def argpartition(
    a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """``np.argpartition``: all elements are sorted."""
    refuse("argpartition", order=(order, None))
    _check_kth(operand(a), kth, axis)
    return argsort(a, axis)


def _check_kth(x: TracedArray, kth: Any, axis: Any) -> None:
    tracer = x.tracer
    flat = x.reshape(-1) if axis is None else x
    size = flat.sizes[0 if axis is None else normalize_axis(axis, len(flat.sizes))]
    for one in kth if isinstance(kth, (tuple, list)) else [kth]:
        place = size_argument(tracer, one)
        inside = tracer.ask(place, "<", size) and tracer.ask(place + size, ">=", 0)
        if not inside:
            raise bad_value(
                f"partition: kth={place} is out of bounds for {x.tensor}",
                hint="places go from 0 to size - 1, and from -1 backwards to -size",
            )


def lexsort(keys: Any, axis: Any = -1) -> Any:
    """``np.lexsort``: stable sorts, from the last key to the first."""
    parts = [*keys] if isinstance(keys, (tuple, list)) else [*operand(keys)]
    if not parts:
        raise bad_type("lexsort: there are no keys", hint="pass one key at least")
    first, *rest = arrays_of(parts)
    order = argsort(first, axis)
    for key in rest:
        sorted_key = numpy.take_along_axis(key, order, axis)
        order = numpy.take_along_axis(order, argsort(sorted_key, axis), axis)
    return order


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """``np.searchsorted``: a binary search for each number."""
    if side not in ("left", "right"):
        raise bad_value(
            f"searchsorted: side is {side!r}, but must be 'left' or 'right'",
            hint="'left' comes before equal elements, 'right' behind them",
        )
    tracer = find_tracer([a, v] if sorter is None else [a, v, sorter])
    kinds = [kind_of(part) for part in (a, v)]
    parts = [as_array(tracer, part) for part in (a, v)]
    dtype = result_dtype(
        [part.kind if k is None else k for part, k in zip(parts, kinds, strict=True)]
    )
    table, x = (
        part if part.kind is dtype else as_array(tracer, given, dtype)
        if not isinstance(given, TracedArray) else part.astype(dtype.numpy)
        for part, given in zip(parts, (a, v), strict=True)
    )  # fmt: skip
    if len(table.sizes) != 1:
        raise bad_value(
            f"searchsorted: the table is {table.tensor}, not of one axis",
            hint="search each row by itself, as by ps.vmap",
        )
    if sorter is not None:
        table = numpy.take(table, sorter)
    found = tracer.emit("searchsorted", table.value, x.value, side=side, batch_axes=0)
    return wrap(tracer, found, x.in_order)


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """``np.digitize``, for bins that ascend or descend."""
    points, edges = arrays_of([x, bins])
    if len(edges.sizes) != 1:
        raise bad_value(
            f"digitize: the bins are {edges.tensor}, not of one axis",
            hint="flatten and sort them: np.sort(bins, axis=None)",
        )
    side = "left" if right else "right"
    ascending = searchsorted(edges, points, side)
    if edges.tracer.ask(edges.sizes[0], "<", 2):
        return ascending
    if not _may_ascend(edges) and not _may_ascend(edges[::-1]):
        raise bad_value(
            "digitize: the bins neither ascend nor descend",
            hint="sort them: np.sort(bins)",
        )
    backwards = edges.shape[0] - searchsorted(edges[::-1], points, side)
    return wrap(
        edges.tracer,
        numpy.where(edges[0] > edges[-1], backwards, ascending).value,
        points.in_order,
    )


def _may_ascend(edges: TracedArray) -> bool:
    """Whether a table ascends, or is known only when the compiled function runs."""
    return not known_to_hold((edges[:-1] > edges[1:]).any())


def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """``np.interp``: linear between neighbours, constant beyond the ends."""
    points, xs, ys = (part.astype(np.float64) for part in arrays_of([x, xp, fp]))
    tracer = xs.tracer
    if tracer.ask(xs.sizes[0], "==", 0):
        raise bad_value(
            "interp: there are no points to interpolate between",
            hint="give one point at least",
        )
    if not tracer.ask(xs.sizes[0], "==", ys.sizes[0]):
        raise bad_value(
            f"interp: {xs.tensor} and {ys.tensor} differ in length",
            hint="give a value for each point",
        )
    if period is not None:
        period = abs(period)
        points, xs = points % period, xs % period
        order = argsort(xs)
        xs, ys = xs[order], ys[order]
        xs = numpy.concatenate([xs[-1:] - period, xs, xs[:1] + period])
        ys = numpy.concatenate([ys[-1:], ys, ys[:1]])
        left = right = None
    count = xs.shape[0]
    upper = numpy.clip(
        searchsorted(xs, points, "right"), 1, numpy.maximum(count - 1, 1)
    )
    lower = upper - 1
    if tracer.ask(xs.sizes[0], "==", 1):
        upper = lower
    x0, x1 = numpy.take(xs, lower), numpy.take(xs, upper)
    y0, y1 = numpy.take(ys, lower), numpy.take(ys, upper)
    slope = (y1 - y0) / (x1 - x0)
    # From the end that is met exactly: its number comes out, with the slope beside it.
    at_end = points == x1
    from_end = slope * (points - x1) + y1
    result = numpy.where(at_end, from_end, slope * (points - x0) + y0)
    met = numpy.where(at_end, y1, numpy.where(points == x0, y0, result))
    result = numpy.where(numpy.isnan(result), met, result)
    low = ys[0] if left is None else left
    high = ys[-1] if right is None else right
    result = numpy.where(points < xs[0], low, result)
    result = numpy.where(points > xs[-1], high, result)
    return numpy.where(numpy.isnan(points), points, result)[()]


def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False,
    *, kind: Any = None,
) -> Any:  # fmt: skip
    """``np.isin``: all pairs are compared, or a sorted table is searched."""
    x, table = arrays_of([element, test_elements])
    size = table.value.tensor.size
    if isinstance(size, int) and size <= _FEW:
        found = (x.reshape((*x.shape, 1)) == table.reshape(-1)).any(axis=-1)
    else:
        found = _is_in_sorted(x, table.reshape(-1))
    # An array without axes, too, is no scalar, as NumPy's.
    return fresh(x.tracer, (~found if invert else found).value, x.in_order)


def _is_in_sorted(x: TracedArray, table: TracedArray) -> Any:
    if x.tracer.ask(table.sizes[0], "==", 0):
        return full(x.shape, False)
    dtype = result_dtype([x.kind, table.kind]).numpy
    x, ordered = x.astype(dtype), numpy.sort(table.astype(dtype))
    place = numpy.minimum(searchsorted(ordered, x), ordered.shape[0] - 1)
    return numpy.take(ordered, place) == x


def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """``np.bincount`` of numbers below ``minlength``; larger ones are an IndexError."""
    numbers = operand(x)
    tracer = numbers.tracer
    length = size_argument(tracer, minlength)
    if len(numbers.sizes) != 1 or not numbers.kind.is_integer:
        raise bad_type(
            f"bincount: {numbers.tensor} is no list of integers",
            hint="convert and flatten them: x.astype(int).ravel()",
        )
    tracer.require_size(length, "bincount: minlength= is")
    if tracer.ask(length, "==", 0):
        raise UnsupportedError(
            user_location(),
            "bincount without minlength=: how many bins there are is known only when "
            "the compiled function runs",
            code="unsupported-argument",
            hint="give minlength=, which no number may reach",
        )
    number = numbers.astype(np.int64)
    # A negative index would count from the end.
    index = numpy.where(number < 0, minlength, number)
    if weights is None:
        total, amount = zeros(minlength, np.int64), 1
    else:
        amount = as_array(tracer, weights).astype(np.float64)
        total = zeros(minlength, np.float64)
    np.add.at(total, index, amount)
    return total


def _edges(a: TracedArray, bins: Any, limits: Any, weights: Any) -> Any:
    if isinstance(bins, str):
        refuse("histogram", bins=(bins, None))
    given = bins if isinstance(bins, (list, tuple)) else None
    if given is not None or len(getattr(bins, "shape", ())) > 0:
        edges = as_array(a.tracer, bins)
        if len(edges.sizes) != 1:
            raise bad_value(
                f"histogram: the edges are {edges.tensor}, not of one axis",
                hint="flatten and sort them: np.sort(edges, axis=None)",
            )
        if not _may_ascend(edges):
            raise bad_value(
                "histogram: the edges do not ascend", hint="sort them: np.sort(edges)"
            )
        return edges, None
    count = size_argument(a.tracer, bins)
    if not a.tracer.ask(count, ">=", 1):
        raise bad_value(
            f"histogram: {a.tracer.number(count)} bins", hint="use 1 bin or more"
        )
    if limits is None:
        empty = a.tracer.ask(a.value.tensor.size, "==", 0)
        low, high = (0.0, 1.0) if empty else (numpy.min(a), numpy.max(a))
    else:
        low, high = limits
        if known_to_hold(low > high):
            raise bad_value(
                f"histogram: the range from {low!r} to {high!r} descends",
                hint="give the lower end first",
            )
    kind = (a.kind if a.kind.is_float else f64).numpy
    first, last = (as_array(a.tracer, part).astype(kind) for part in (low, high))
    same = first == last
    first = numpy.where(same, first - kind.type(0.5), first)[()]
    last = numpy.where(same, last + kind.type(0.5), last)[()]
    return numpy.linspace(first, last, bins + 1, dtype=kind), (first, last)


def histogram_bin_edges(
    a: Any, bins: Any = 10, range: Any = None, weights: Any = None
) -> Any:
    """``np.histogram_bin_edges`` for a number of bins, or their edges."""
    return _edges(operand(a).reshape(-1), bins, range, weights)[0]


def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """``np.histogram`` for a number of bins, or their edges."""
    x = operand(a).reshape(-1)
    edges, limits = _edges(x, bins, range, weights)
    amount = None if weights is None else as_array(x.tracer, weights).reshape(-1)
    counts = (
        _by_search(x, edges, amount)
        if limits is None
        else _by_arithmetic(x, edges, limits, amount)
    )
    if density:
        widths = edges[1:] - edges[:-1]
        counts = counts / widths / numpy.sum(counts)
    return counts, edges


def _by_arithmetic(x: TracedArray, edges: Any, limits: Any, amount: Any) -> Any:
    """Bins of equal width, as NumPy's: the quotient, mended by comparing edges."""
    first, last = limits
    count = edges.shape[0] - 1
    wide = x.astype(edges.dtype)
    kept = (wide >= first) & (wide <= last)
    inside = numpy.where(kept, wide, first)
    place = (inside - first) / (last - first) * count
    index = place.astype(np.int64)
    index = numpy.where(index == count, index - 1, index)
    index = numpy.where(inside < numpy.take(edges, index), index - 1, index)
    above = (inside >= numpy.take(edges, index + 1)) & (index != count - 1)
    index = numpy.where(above, index + 1, index)
    return _counted(index, kept, count, amount)


def _by_search(x: TracedArray, edges: Any, amount: Any) -> Any:
    count = edges.shape[0] - 1
    if x.tracer.ask(edges.sizes[0], "<", 2):
        # One edge bounds no bin; NumPy counts nothing, also between no edges at all.
        return zeros(0, np.int64 if amount is None else amount.dtype)
    index = searchsorted(edges, x, "right") - 1
    index = numpy.where(x == edges[-1], count - 1, index)
    kept = (x >= edges[0]) & (x <= edges[-1])
    return _counted(numpy.where(kept, index, 0), kept, count, amount)


def _counted(index: Any, kept: Any, count: Any, amount: Any) -> Any:
    dtype = np.dtype(np.int64) if amount is None else amount.dtype
    total = zeros(count, dtype)
    one = dtype.type(1) if amount is None else amount
    np.add.at(total, index, numpy.where(kept, one, dtype.type(0)))
    return total
