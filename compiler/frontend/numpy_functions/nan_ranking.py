"""Medians and quantiles that pass over nan."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.lift import as_array, kind_of
from penstock.frontend.numpy_functions.arguments import (
    deliver,
    numpy,
    operand,
    refuse,
)
from penstock.frontend.numpy_functions.quantile_methods import check_method, located
from penstock.frontend.numpy_functions.ranking import between, lines_of, restored
from penstock.frontend.refusals import bad_value

__all__ = ["nanmedian", "nanpercentile", "nanquantile"]


def _sorted_numbers(lines: TracedArray) -> tuple[Any, Any]:
    """Lines in order, nan last, and how many numbers each has."""
    count = numpy.sum(~numpy.isnan(lines), axis=-1, dtype=np.int64, keepdims=True)
    return numpy.sort(lines, axis=-1), count


def nanmedian(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """``np.nanmedian``: the middle of the numbers; nan where there are none."""
    x = operand(a)
    if not x.kind.is_float:
        return numpy.median(x, axis, out, False, keepdims)
    lines, axes = lines_of(x, axis)
    if x.tracer.ask(lines.sizes[-1], "==", 0):
        return numpy.median(x, axis, out, False, keepdims)
    ordered, count = _sorted_numbers(lines)
    low = numpy.maximum((count - 1) // 2, 0)
    high = numpy.minimum(count // 2, lines.shape[-1] - 1)
    high = numpy.where(count == 0, low, high)
    parts = [numpy.take_along_axis(ordered, place, -1) for place in (low, high)]
    result = numpy.mean(numpy.concatenate(parts, -1), axis=-1)
    result = restored(result, x, axes) if keepdims else result
    return deliver("nanmedian", result[()] if not result.sizes else result, out)


def nanquantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    """``np.nanquantile`` by all methods; nan where there are no numbers."""
    refuse("nanquantile", weights=(weights, None))
    check_method("nanquantile", method)
    x = operand(a)
    if not x.kind.is_float:
        return numpy.quantile(x, q, axis, out, False, method, keepdims)
    places = as_array(x.tracer, q)
    if len(places.sizes) > 1:
        raise bad_value(
            f"nanquantile: q is {places.tensor}, but must have one axis at most",
            hint="flatten it: q.ravel()",
        )
    lines, axes = lines_of(x, axis)
    if x.tracer.ask(lines.sizes[-1], "==", 0):
        raise bad_value(
            f"nanquantile of no elements: {x.tensor} is empty",
            hint="ask for its size before: if x.size",
        )
    weak = kind_of(q) in (int, float)
    ordered, count = _sorted_numbers(lines)
    elements = numpy.maximum(count, 1)

    def one(place: Any) -> Any:
        inside = (place >= 0) & (place <= 1)
        first, second, part = located(method, elements, numpy.where(inside, place, 0.0))
        # No array has the place of what is no quantile.
        first = numpy.where(inside, first, lines.shape[-1])
        result = numpy.take_along_axis(ordered, first, -1)
        if part is not None:
            upper = numpy.take_along_axis(ordered, second, -1)
            result = between(result, upper, part, weak)
        return result[..., 0]

    if not places.sizes:
        result = one(places)
    else:
        number = x.tracer.pin(places.sizes[0])
        result = numpy.stack([one(places[k]) for k in range(number)])
    if keepdims:
        result = restored(result, x, axes)
    return deliver("nanquantile", result[()] if not result.sizes else result, out)


def nanpercentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: Any = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    """``np.nanpercentile``."""
    if kind_of(q) in (int, float):
        parts = q / 100
    else:
        parts = numpy.true_divide(as_array(operand(a).tracer, q), 100)
    return nanquantile(a, parts, axis, out, False, method, keepdims, weights=weights)
