"""``np.pad``."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, fresh
from penstock.frontend.host_numbers import host_integer
from penstock.frontend.lift import as_array, convert
from penstock.frontend.numpy_functions.arguments import (
    numpy,
    operand,
    size_argument,
)
from penstock.frontend.numpy_functions.joining import along
from penstock.frontend.refusals import bad_value
from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location

__all__ = ["pad"]


def pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    """``np.pad`` by constants, edges, reflections and periods."""
    x = operand(array)
    widths = _per_axis(x, pad_width)
    for low, high in widths:
        if not (x.tracer.ask(low, ">=", 0) and x.tracer.ask(high, ">=", 0)):
            raise bad_value("pad: a width is negative")
    values = options.pop("constant_values", 0)
    reflect_type = options.pop("reflect_type", "even")
    if options or reflect_type != "even" or mode not in _MODES:
        what = (
            f"mode={mode!r}"
            if mode not in _MODES
            else f"{min(options, default='reflect_type')}="
        )
        raise UnsupportedError(
            user_location(),
            f"pad with {what} is not supported",
            code="unsupported-argument",
            hint=f"supported modes: {', '.join(_MODES)}",
        )
    if mode == "empty":
        values = 0
    if mode in ("constant", "empty"):
        return _pad_constant(x, widths, values)
    result = x
    for axis, (low, high) in enumerate(widths):
        if (low != 0 or high != 0) and x.tracer.ask(x.sizes[axis], "==", 0):
            raise bad_value(
                f"pad: axis {axis} of {x.tensor} is empty, and cannot be extended",
                hint="mode='constant' extends empty axes",
            )
        result = _MODES[mode](result, axis, low, high)
    return fresh(x.tracer, x.value) if result is x else result


def _per_axis(x: TracedArray, given: Any) -> list[tuple[Size, Size]]:
    """Widths before and after each axis, however they were given."""
    tracer, rank = x.tracer, len(x.sizes)
    if isinstance(given, dict):
        pairs: list[Any] = [(0, 0)] * rank
        for axis, pair in given.items():
            pairs[axis] = pair
        given = pairs
    if type(given) is np.ndarray:
        given = given.tolist()
    if not isinstance(given, (tuple, list)):
        given = ((given, given),)
    elif not any(isinstance(pair, (tuple, list)) for pair in given):
        given = ((given[0], given[-1]),)
    if len(given) == 1:
        given = [*given] * rank
    if len(given) != rank:
        raise bad_value(f"pad: the widths do not fit the {rank} axes of {x.tensor}")
    found = []
    for pair in given:
        both = pair if isinstance(pair, (tuple, list)) else (pair, pair)
        low, high = both[0], both[-1]
        found.append((size_argument(tracer, low), size_argument(tracer, high)))
    return found


def _pad_constant(x: TracedArray, widths: list[tuple[Size, Size]], values: Any) -> Any:
    tracer = x.tracer
    if not isinstance(values, (tuple, list)):
        # Python's integers wrap: NumPy makes them arrays before it casts.
        fill = convert(tracer, as_array(tracer, values).value, x.kind)
        if not x.sizes:
            return fresh(tracer, x.value)
        value = tracer.emit(
            "pad",
            x.value,
            fill,
            low=tuple(low for low, _ in widths),
            high=tuple(high for _, high in widths),
        )
        return fresh(tracer, value, x.in_order)
    pairs = [*values]
    if not any(isinstance(pair, (tuple, list)) for pair in pairs):
        pairs = [(pairs[0], pairs[-1])]
    if len(pairs) == 1:
        pairs = pairs * len(x.sizes)
    result: Any = x
    for axis, ((low, high), pair) in enumerate(zip(widths, pairs, strict=True)):
        for before, after, number in ((low, 0, pair[0]), (0, high, pair[-1])):
            only = [(0, 0)] * len(x.sizes)
            only[axis] = (before, after)  # type: ignore[assignment]
            result = _pad_constant(result, only, number)  # type: ignore[arg-type]
    return result


def _joined(x: TracedArray, axis: int, before: list[Any], after: list[Any]) -> Any:
    return numpy.concatenate([*before, x, *after], axis=axis)


def _pad_edge(x: TracedArray, axis: int, low: Size, high: Size) -> Any:
    rank = len(x.sizes)
    before, after = [], []
    if low != 0:
        first = x[along(axis, rank, slice(0, 1))]
        before = [numpy.repeat(first, host_integer(x.tracer, low), axis=axis)]
    if high != 0:
        last = x[along(axis, rank, slice(-1, None))]
        after = [numpy.repeat(last, host_integer(x.tracer, high), axis=axis)]
    return _joined(x, axis, before, after) if before or after else x


def _pad_reflect(x: TracedArray, axis: int, low: Size, high: Size) -> Any:
    return _mirrored(x, axis, low, high, skip=1)


def _pad_symmetric(x: TracedArray, axis: int, low: Size, high: Size) -> Any:
    return _mirrored(x, axis, low, high, skip=0)


def _mirrored(x: TracedArray, axis: int, low: Size, high: Size, skip: int) -> Any:
    """Reflections at the borders, again and again where the axis is too short.

    With ``skip`` the border element itself is not repeated.
    """
    tracer, rank = x.tracer, len(x.sizes)
    if low == 0 and high == 0:
        return x
    size = x.sizes[axis]
    if skip and tracer.ask(size, "==", 1):
        return _pad_edge(x, axis, low, high)
    reach = size - skip
    first = low if tracer.ask(low, "<=", reach) else reach
    last = high if tracer.ask(high, "<=", reach) else reach
    total = host_integer(tracer, size)
    head = x[along(axis, rank, slice(skip, host_integer(tracer, first) + skip))]
    tail = x[
        along(
            axis, rank, slice(total - skip - host_integer(tracer, last), total - skip)
        )
    ]
    flipped = [numpy.flip(head, axis)], [numpy.flip(tail, axis)]
    result = _joined(x, axis, *flipped)
    return _mirrored(result, axis, low - first, high - last, skip)


def _pad_wrap(x: TracedArray, axis: int, low: Size, high: Size) -> Any:
    tracer, rank = x.tracer, len(x.sizes)
    if low == 0 and high == 0:
        return x
    size = x.sizes[axis]
    first = low if tracer.ask(low, "<=", size) else size
    last = high if tracer.ask(high, "<=", size) else size
    total = host_integer(tracer, size)
    before: list[Any] = []
    after: list[Any] = []
    while low != 0:
        before.insert(
            0, x[along(axis, rank, slice(total - host_integer(tracer, first), None))]
        )
        low = low - first
        first = low if tracer.ask(low, "<=", size) else size
    while high != 0:
        after.append(x[along(axis, rank, slice(None, host_integer(tracer, last)))])
        high = high - last
        last = high if tracer.ask(high, "<=", size) else size
    return _joined(x, axis, before, after)


_MODES: dict[str, Any] = {
    "constant": None,
    "empty": None,
    "edge": _pad_edge,
    "reflect": _pad_reflect,
    "symmetric": _pad_symmetric,
    "wrap": _pad_wrap,
}
