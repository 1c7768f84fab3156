"""Random orders and choices of the traced program."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_into
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import HostInteger, host_integer
from penstock.frontend.lift import as_array, convert
from penstock.frontend.numpy_functions.arguments import normalize_axis, numpy
from penstock.frontend.random_keys import (
    draw,
    draw_shape,
    exponential,
    fraction,
    scaled,
    size_word,
)
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Tracer, require_tracer
from penstock.ir.dims import Size, product
from penstock.ir.types import f32, f64, i64

__all__ = ["categorical", "check_weights", "choice", "permutation"]


def permutation(key: Any, x: Any, axis: Any) -> Any:
    """``ps.random.permutation``."""
    tracer = require_tracer("ps.random.permutation")
    if type(x) is HostInteger or isinstance(x, int):
        (size,) = draw_shape(tracer, (x,))
        return _order(tracer, key, size)
    array = as_array(tracer, x)
    if not array.sizes:
        raise bad_type(
            f"permutation: {array.tensor} has no axis to permute",
            "pass an int of Python, or an array with an axis",
        )
    along = normalize_axis(axis, len(array.sizes))
    return numpy.take(array, _order(tracer, key, array.sizes[along]), along)


def _order(tracer: Tracer, key: Any, size: Size) -> Any:
    """All indices in random order: those that sort random words."""
    word, _ = draw(tracer, key, (size,))
    return numpy.argsort(word, stable=True)


def choice(key: Any, a: Any, shape: Any, replace: Any, p: Any) -> Any:
    """``ps.random.choice``."""
    tracer = require_tracer("ps.random.choice")
    array = None
    if type(a) is HostInteger or isinstance(a, int):
        (size,) = draw_shape(tracer, (a,))
    else:
        array = as_array(tracer, a)
        if not array.sizes:
            raise bad_type(
                f"choice: {array.tensor} has no axis to choose along",
                "pass an int of Python, or an array with an axis",
            )
        size = array.sizes[0]
    sizes = draw_shape(tracer, shape)
    wanted = tracer.normalize(product(sizes))
    most = size if not replace else wanted
    if tracer.ask(wanted, ">", most) or (
        tracer.ask(size, "==", 0) and tracer.ask(wanted, ">", 0)
    ):
        raise bad_value(
            f"choice: {tracer.number(wanted)} of {tracer.number(size)} elements",
            hint="choose from one element at least"
            if replace
            else "with replace=True an element may be chosen again",
        )
    weights = None if p is None else _weights(tracer, p, size)
    if replace:
        index = _with_replacement(tracer, key, size, sizes, weights)
    else:
        index = _without_replacement(tracer, key, size, wanted, weights)
        index = wrap(tracer, tracer.emit("reshape", index.value, shape=sizes))
    return index if array is None else numpy.take(array, index, 0)


def check_weights(p: Any, shape: Any) -> None:
    """Raise a ValueError for weights, known as numbers, that no choice can be by.

    Args:
        p: the weights, or ``None``.
        shape: of what is chosen without replacement, or ``None``.
    """
    if p is None:
        return
    weights = np.asarray(p, np.float64)
    least = 1 if shape is None else math.prod(np.atleast_1d(shape).tolist())
    if (weights < 0).any() or not np.isfinite(weights).all():
        found = weights[(weights < 0) | ~np.isfinite(weights)].flat[0]
        raise bad_value(
            f"choice: p has the weight {found}", "a weight is finite and at least 0"
        )
    if np.count_nonzero(weights) < least:
        raise bad_value(
            f"choice: of {weights.size} weights {np.count_nonzero(weights)} are above "
            f"0, but {least} must be",
            "choose fewer elements, or with replace=True",
        )


def _weights(tracer: Tracer, p: Any, size: Size) -> TracedArray:
    array = as_array(tracer, p)
    if len(array.sizes) != 1 or not tracer.ask(array.sizes[0], "==", size):
        raise bad_value(
            f"choice: p is {array.tensor}, but {tracer.number(size)} elements are "
            "chosen from",
            "give one probability for each element",
        )
    return wrap(tracer, convert(tracer, array.value, f64))


def _with_replacement(
    tracer: Tracer,
    key: Any,
    size: Size,
    sizes: tuple[Size, ...],
    weights: TracedArray | None,
) -> Any:
    first, second = draw(tracer, key, sizes)
    if weights is None:
        count = wrap(tracer, size_word(tracer, size))
        offset = scaled(first, second, count)
        return wrap(tracer, convert(tracer, offset.value, i64))
    up_to = numpy.cumsum(weights)
    # In [0, total): where rounding gives the total, the last one that is possible.
    at = fraction(first, f64) * up_to[-1]
    at = numpy.minimum(at, numpy.nextafter(up_to[-1], 0.0))
    index = numpy.searchsorted(up_to, at, side="right")
    # Weights that mean nothing, as nan, must not lead beyond the end.
    return numpy.minimum(index, host_integer(tracer, size) - 1)


def _without_replacement(
    tracer: Tracer, key: Any, size: Size, wanted: Size, weights: TracedArray | None
) -> Any:
    if weights is None:
        order = _order(tracer, key, size)
    else:
        # Who is first when each has an exponential time of its rate: Efraimidis and
        # Spirakis, Weighted random sampling with a reservoir (2006).
        word, _ = draw(tracer, key, (size,))
        order = numpy.argsort(exponential(word, f64) / weights, stable=True)
    return order[: host_integer(tracer, wanted)]


def categorical(key: Any, logits: Any, axis: Any, shape: Any) -> Any:
    """``ps.random.categorical``."""
    tracer = require_tracer("ps.random.categorical")
    array = as_array(tracer, logits)
    kind = array.kind if array.kind.is_float else f64
    if not array.sizes:
        raise bad_type(
            f"categorical: {array.tensor} has no axis to choose along",
            hint="give it an axis: x[None]",
        )
    along = normalize_axis(axis, len(array.sizes))
    moved = numpy.moveaxis(array, along, -1)
    batch, count = moved.sizes[:-1], moved.sizes[-1]
    sizes = batch if shape is None else draw_shape(tracer, shape)
    wide = f64 if kind is f64 else f32
    value = convert(tracer, moved.value, wide)
    spread = fresh(tracer, broadcast_into(tracer, wrap(tracer, value), (*sizes, count)))
    word, _ = draw(tracer, key, (*sizes, count))
    # The greatest of logits with noise of Gumbel's distribution (Gumbel, 1954).
    return numpy.argmax(spread - numpy.log(exponential(word, wide)), -1)
