"""Quantiles and sliding windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array
from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.host_numbers import HostNumber, host_integer
from penstock.frontend.lift import as_array, find_tracer, kind_of
from penstock.frontend.numpy_functions.arguments import (
    deliver,
    normalize_axes,
    normalize_axis,
    numpy,
    operand,
    refuse,
    size_argument,
)
from penstock.frontend.numpy_functions.quantile_methods import check_method, located
from penstock.frontend.numpy_functions.shaping import view_of
from penstock.frontend.promotion import result_dtype
from penstock.frontend.refusals import bad_value
from penstock.frontend.views import WindowStep
from penstock.ir.dims import Size, product

__all__ = [
    "median",
    "percentile",
    "quantile",
    "sliding_window_view",
]


def lines_of(x: TracedArray, axis: Any) -> tuple[TracedArray, tuple[int, ...]]:
    """The elements to rank as one last axis, and the axes that they were."""
    rank = len(x.sizes)
    axes = normalize_axes(axis, rank)
    kept = [i for i in range(rank) if i not in axes]
    moved = numpy.transpose(x, (*kept, *axes))
    # Not -1, which no size is where another axis is empty.
    count = host_integer(x.tracer, product([x.sizes[i] for i in axes]))
    return moved.reshape((*(x.shape[i] for i in kept), count)), axes


def restored(result: Any, x: TracedArray, axes: tuple[int, ...]) -> Any:
    """A result with size 1 where elements were ranked."""
    shape = tuple(1 if i in axes else size for i, size in enumerate(x.shape))
    lead = result.shape[: len(result.sizes) - (len(x.sizes) - len(axes))]
    return result.reshape((*lead, *shape))


def median(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    """``np.median``: the mean of the two middle elements; nan if any is nan."""
    x = operand(a)
    lines, axes = lines_of(x, axis)
    if x.tracer.ask(lines.sizes[-1], "==", 0):
        return deliver("median", numpy.mean(x, axis=axis, keepdims=keepdims), out)
    ordered = numpy.sort(lines, axis=-1)
    count = lines.shape[-1]
    middle = [ordered[..., (count - 1) // 2], ordered[..., count // 2]]
    result = numpy.mean(numpy.stack(middle), axis=0)
    if x.kind.is_float:
        last = ordered[..., -1]
        result = numpy.where(numpy.isnan(last), last, result)
    if keepdims:
        result = restored(result, x, axes)
    return deliver("median", result, out)


def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """``np.quantile`` by all its methods; with weights as NumPy, by one."""
    weak = kind_of(q) in (int, float)
    return _quantile("quantile", a, q, weak, axis, out, keepdims, method, weights)


def _quantile(
    name: str, a: Any, q: Any, weak: bool, axis: Any, out: Any, keepdims: Any,
    method: str, weights: Any,
) -> Any:  # fmt: skip
    """Quantiles in the dtypes of NumPy's own steps; ``weak`` for a Python number."""
    check_method(name, method)
    tracer = find_tracer([a, q, weights])
    x, places = as_array(tracer, a), as_array(tracer, q)
    if len(places.sizes) > 1:
        raise bad_value(
            f"{name}: q is {places.tensor}, but must have one axis at most",
            hint="flatten it: q.ravel()",
        )
    places = _checked(name, q, places)
    lines, axes = lines_of(x, axis)
    if weights is not None:
        if method != "inverted_cdf":
            raise bad_value(
                f"{name}: weights need method='inverted_cdf'",
                hint="give it, or leave the weights out",
            )
        result = _weighted(name, x, lines, places, as_array(tracer, weights), axis)
    else:
        ordered = numpy.moveaxis(numpy.sort(lines, axis=-1), -1, 0)
        count = ordered.shape[0]
        if places.kind.is_float:
            first, second, part = located(method, count, places)
            # No array has the place of what is no quantile.
            first = numpy.where(places > 1, count, first)
            result = numpy.take(ordered, first, axis=0)
            if part is not None:
                upper = numpy.take(ordered, second, axis=0)
                result = between(result, upper, part, weak)
        elif method == "linear":
            result = numpy.take(ordered, places * (count - 1), axis=0)
        else:
            raise bad_value(
                f"{name}: q is {places.tensor}, but method={method!r} needs floats",
                hint="convert it: q.astype(float)",
            )
        if x.kind.is_float:
            result = numpy.where(numpy.isnan(ordered[-1]), ordered[-1], result)
    if keepdims:
        result = restored(result, x, axes)
    if not result.sizes:
        result = result[()]
    return deliver(name, result, out)


def _weighted(
    name: str, x: TracedArray, lines: TracedArray, places: Any, weights: Any, axis: Any
) -> Any:
    """The first elements up to which the weights make the part ``places`` of all."""
    if len(weights.sizes) == len(x.sizes):
        beside, _ = lines_of(numpy.broadcast_to(weights, x.shape), axis)
    elif len(weights.sizes) == 1 and axis is not None:
        beside = numpy.broadcast_to(weights, lines.shape)
    else:
        raise bad_value(
            f"{name}: weights {weights.tensor} do not fit {x.tensor}",
            hint="give a weight for each element along the axis",
        )
    order = numpy.argsort(lines, axis=-1)
    ordered = numpy.take_along_axis(lines, order, axis=-1)
    sums = numpy.cumsum(
        numpy.take_along_axis(beside, order, axis=-1), axis=-1, dtype=np.float64
    )
    parts = sums / sums[..., -1:]
    if places.kind.is_float:
        parts = parts.astype(places.dtype)
    # The quantile 0 is the first element that has a weight.
    parts = numpy.where(parts == 0, parts.dtype.type(-1), parts)
    count = lines.shape[-1]
    # Weights that are none make the index of no element, which is an error.
    wrong = numpy.any(beside < 0, axis=-1) | numpy.isnan(parts[..., -1])

    def one(place: Any) -> Any:
        below = numpy.sum(parts < place, axis=-1, dtype=np.int64)
        index = numpy.where(wrong | (place > 1), count, numpy.minimum(below, count - 1))
        found = numpy.take_along_axis(ordered, index[..., None], axis=-1)[..., 0]
        if x.kind.is_float:
            found = numpy.where(numpy.isnan(ordered[..., -1]), ordered[..., -1], found)
        return found

    if not places.sizes:
        return one(places)
    return numpy.stack([one(places[k]) for k in range(x.tracer.pin(places.sizes[0]))])


def _checked(name: str, q: Any, places: TracedArray) -> TracedArray:
    """The quantiles, between 0 and 1.

    Of those that only the running program knows, the ones beyond become 2.
    """
    known = constant_array(places.tracer, places.value)
    if known is not None or issubclass(type(q), HostNumber):
        inside = 0 <= q <= 1 if known is None else np.all((known >= 0) & (known <= 1))
        if not inside:
            raise bad_value(
                f"{name}: a quantile lies outside its range",
                hint="quantiles go from 0 to 1, percentiles from 0 to 100",
            )
        return places
    beyond = numpy.full_like(places, 2)
    kept = numpy.where((places >= 0) & (places <= 1), places, beyond)
    return wrap(places.tracer, kept.value)


def between(lower: Any, upper: Any, part: Any, weak: bool) -> Any:
    """NumPy's ``_lerp``: from the nearer end, so that both ends are exact."""
    step = upper - lower
    rest = 1 - part
    if weak:
        dtype = result_dtype([step.kind, float]).numpy
        part, rest = part.astype(dtype), rest.astype(dtype)
    shape = (*part.shape, *([1] * (len(lower.sizes) - len(part.sizes))))
    part, rest = part.reshape(shape), rest.reshape(shape)
    return numpy.where(part >= 0.5, upper - step * rest, lower + step * part)


def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """``np.percentile``."""
    weak = kind_of(q) in (int, float)
    parts = q / 100 if weak else numpy.true_divide(q, 100)
    return _quantile("percentile", a, parts, weak, axis, out, keepdims, method, weights)


def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False,
    writeable: bool = False,
) -> Any:  # fmt: skip
    """``np.lib.stride_tricks.sliding_window_view``: read-only, as NumPy's is."""
    refuse("sliding_window_view", writeable=(writeable, False))
    array = operand(x)
    tracer, rank = array.tracer, len(array.sizes)
    windows = (
        window_shape if isinstance(window_shape, (tuple, list)) else [window_shape]
    )
    if axis is None:
        axes = [*range(rank)]
    else:
        given = axis if isinstance(axis, (tuple, list)) else [axis]
        axes = [normalize_axis(one, rank) for one in given]
    if len(windows) != len(axes):
        raise bad_value(
            f"sliding_window_view: {len(windows)} windows for {len(axes)} axes",
            hint="give a window for each axis that axis= names",
        )
    result = array
    for place, window in zip(axes, windows, strict=True):
        width = size_argument(tracer, window)
        tracer.require_size(width, "sliding_window_view: a window is")
        count: Size = result.sizes[place] - width + 1
        if not tracer.ask(count, ">=", 1):
            raise bad_value(
                f"sliding_window_view: axis {place} of {array.tensor} is shorter than "
                "the window",
                hint="use a shorter window, or pad the array: np.pad(x, ...)",
            )
        before, after = result.sizes[:place], result.sizes[place + 1 :]
        sizes = tuple(map(tracer.normalize, (*before, count, *after, width)))
        result = view_of(result, WindowStep(place, count, width), sizes)
    return result
