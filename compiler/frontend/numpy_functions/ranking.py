"""Quantiles and sliding windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array
from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.host_numbers import HostNumber
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
from penstock.frontend.numpy_functions.shaping import view_of
from penstock.frontend.refusals import bad_value
from penstock.frontend.views import WindowStep
from penstock.ir.dims import Size

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
    return moved.reshape((*(x.shape[i] for i in kept), -1)), axes


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
    """``np.quantile`` with linear interpolation (Hyndman and Fan 1996, type 7)."""
    refuse("quantile", method=(method, "linear"), weights=(weights, None))
    return _quantile("quantile", a, q, kind_of(q) in (int, float), axis, out, keepdims)


def _quantile(
    name: str, a: Any, q: Any, weak: bool, axis: Any, out: Any, keepdims: Any
) -> Any:
    """Quantiles in the dtypes of NumPy's own steps; ``weak`` for a Python number."""
    tracer = find_tracer([a, q])
    x, places = as_array(tracer, a), as_array(tracer, q)
    if len(places.sizes) > 1:
        raise bad_value(f"{name}: q is {places.tensor}, but must have one axis at most")
    lines, axes = lines_of(x, axis)
    ordered = numpy.moveaxis(numpy.sort(lines, axis=-1), -1, 0)
    last = ordered.shape[0] - 1
    place = _checked(name, q, places, last) * last
    if place.kind.is_float:
        low = numpy.floor(place)
        lower = numpy.take(ordered, low.astype(np.int64), axis=0)
        above = numpy.minimum(low.astype(np.int64) + 1, last)
        upper = numpy.take(ordered, above, axis=0)
        result = between(lower, upper, place - low, weak)
    else:
        result = numpy.take(ordered, place, axis=0)
    if x.kind.is_float:
        result = numpy.where(numpy.isnan(ordered[-1]), ordered[-1], result)
    if keepdims:
        result = restored(result, x, axes)
    if not result.sizes:
        result = result[()]
    return deliver(name, result, out)


def _checked(name: str, q: Any, places: TracedArray, last: Any) -> TracedArray:
    """The places of quantiles between 0 and 1.

    Of those that only the running program knows, the ones beyond become places that
    no array has, which is its error.
    """
    known = constant_array(places.tracer, places.value)
    if known is not None or issubclass(type(q), HostNumber):
        inside = 0 <= q <= 1 if known is None else np.all((known >= 0) & (known <= 1))
        if not inside:
            raise bad_value(f"{name}: a quantile lies outside its range")
        return places
    beyond = numpy.full_like(places, 2)
    kept = numpy.where((places >= 0) & (places <= 1), places, beyond)
    return wrap(places.tracer, kept.value)


def between(lower: Any, upper: Any, part: Any, weak: bool) -> Any:
    """NumPy's ``_lerp``: from the nearer end, so that both ends are exact."""
    step = upper - lower
    rest = 1 - part
    if weak:
        dtype = np.result_type(step.dtype, 0.5)
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
    refuse("percentile", method=(method, "linear"), weights=(weights, None))
    weak = kind_of(q) in (int, float)
    parts = q / 100 if weak else numpy.true_divide(q, 100)
    return _quantile("percentile", a, parts, weak, axis, out, keepdims)


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
            f"sliding_window_view: {len(windows)} windows for {len(axes)} axes"
        )
    result = array
    for place, window in zip(axes, windows, strict=True):
        width = size_argument(tracer, window)
        count: Size = result.sizes[place] - width + 1
        if not tracer.ask(count, ">=", 1):
            raise bad_value(
                f"sliding_window_view: axis {place} of {array.tensor} is shorter than "
                "the window"
            )
        before, after = result.sizes[:place], result.sizes[place + 1 :]
        sizes = tuple(map(tracer.normalize, (*before, count, *after, width)))
        result = view_of(result, WindowStep(place, count, width), sizes)
    return result
