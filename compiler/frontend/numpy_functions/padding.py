"""``np.pad``."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array
from penstock.frontend.handles import TracedArray, fresh
from penstock.frontend.host_numbers import host_integer
from penstock.frontend.lift import (
    as_array,
    convert,
    is_python_number,
    kind_of,
    stored_value,
)
from penstock.frontend.numpy_functions.arguments import (
    numpy,
    operand,
    size_argument,
)
from penstock.frontend.numpy_functions.joining import along
from penstock.frontend.promotion import integer_range
from penstock.frontend.refusals import bad_value
from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import bool_

__all__ = ["pad"]


def pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    """``np.pad`` in all modes but functions."""
    x = operand(array)
    widths = [
        (size_argument(x.tracer, low), size_argument(x.tracer, high))
        for low, high in _pairs(x, pad_width, "the widths do")
    ]
    for low, high in widths:
        if not (x.tracer.ask(low, ">=", 0) and x.tracer.ask(high, ">=", 0)):
            raise bad_value(
                "pad: a width is negative", hint="cut elements off by a slice: x[1:]"
            )
    if mode not in _MODES:
        raise UnsupportedError(
            user_location(),
            f"pad with mode={mode!r} is not supported",
            code="unsupported-argument",
            hint=f"supported modes: {', '.join(_MODES)}",
        )
    taken, extend = _MODES[mode]
    for name in options:
        if name != taken:
            raise bad_value(
                f"pad: mode={mode!r} takes no {name}=",
                hint=f"it takes {taken}=" if taken else "leave it out",
            )
    given = options.get(taken)
    if extend is None:
        values = 0 if given is None else given
        return _pad_constant(x, widths, values)
    if mode == "linear_ramp":
        each: list[Any] = _pairs(x, 0 if given is None else given, "end_values= do")
    elif mode in _STATISTICS:
        each = _pairs(x, given, "stat_length= does")
    else:
        each = [given] * len(widths)
    result = x
    for axis, ((low, high), option) in enumerate(zip(widths, each, strict=True)):
        if low == high == 0 or not x.tracer.ask(x.sizes[axis], "==", 0):
            pass
        elif x.tracer.ask(low, "==", 0) and x.tracer.ask(high, "==", 0):
            continue
        else:
            raise bad_value(
                f"pad: axis {axis} of {x.tensor} is empty, and cannot be extended",
                hint="mode='constant' extends empty axes",
            )
        result = extend(result, axis, low, high, option)
    return fresh(x.tracer, x.value) if result is x else result


def _pairs(x: TracedArray, given: Any, what: str) -> list[tuple[Any, Any]]:
    """What is given before and after each axis, however it was given."""
    rank = len(x.sizes)
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
        raise bad_value(
            f"pad: {what} not fit the {rank} axes of {x.tensor}",
            hint="give a pair for all axes, or one for each: ((1, 1), (2, 2))",
        )
    both = [p if isinstance(p, (tuple, list)) else (p, p) for p in given]
    return [(pair[0], pair[-1]) for pair in both]


def _pad_constant(x: TracedArray, widths: list[tuple[Size, Size]], values: Any) -> Any:
    tracer = x.tracer
    if not isinstance(values, (tuple, list)):
        fill = _fill(x, values)
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
    pairs = _pairs(x, values, "constant_values= do")
    result: Any = x
    for axis, ((low, high), pair) in enumerate(zip(widths, pairs, strict=True)):
        for before, after, number in ((low, 0, pair[0]), (0, high, pair[-1])):
            only = [(0, 0)] * len(x.sizes)
            only[axis] = (before, after)  # type: ignore[assignment]
            result = _pad_constant(result, only, number)  # type: ignore[arg-type]
    return result


def _fill(x: TracedArray, value: Any) -> Value:
    """What an array is filled up with, in its dtype: integers have to fit.

    NumPy wraps integers of unsigned dtypes alone.
    """
    tracer = x.tracer
    array = as_array(tracer, value)
    known = constant_array(tracer, array.value)
    if known is not None and known.size == 1:
        value = known.reshape(()).item()
    if x.kind.is_integer and is_python_number(value):
        if x.kind.kind == "i" or kind_of(value) is float:
            return stored_value(tracer, value, x.kind)
    filled = convert(tracer, array.value, x.kind)
    wraps = x.kind.kind == "u" and not array.kind.is_float
    if not x.kind.is_integer or array.kind is x.kind or wraps or array.kind is bool_:
        return filled
    text = f"pad: a number that fills does not fit {x.kind}"
    fits = _fits(array, *integer_range(x.kind))
    return tracer.emit("require", filled, fits.value, text=text, code="bad-argument")


def _fits(number: Any, least: int, greatest: int) -> Any:
    """Whether a number is within the range of an integer dtype when cut off."""
    if not number.kind.is_float:
        return (number >= least) & (number <= greatest)
    # Doubles hold the ends of 64 bits, but not what lies next to the least one.
    double = number.astype(np.float64)
    below = double >= least if least == -(1 << 63) else double > least - 1
    return below & (double < float(greatest + 1))


def _joined(x: TracedArray, axis: int, before: list[Any], after: list[Any]) -> Any:
    return numpy.concatenate([*before, x, *after], axis=axis)


def _pad_edge(x: TracedArray, axis: int, low: Size, high: Size, _: Any) -> Any:
    rank = len(x.sizes)
    first, last = slice(0, 1), slice(-1, None)
    return _repeated(
        x, axis, low, high, x[along(axis, rank, first)], x[along(axis, rank, last)]
    )


def _repeated(
    x: TracedArray, axis: int, low: Size, high: Size, first: Any, last: Any
) -> Any:
    """What has size 1 along the axis, again and again before and after it."""
    before, after = [], []
    if low != 0:
        before = [numpy.repeat(first, host_integer(x.tracer, low), axis=axis)]
    if high != 0:
        after = [numpy.repeat(last, host_integer(x.tracer, high), axis=axis)]
    return _joined(x, axis, before, after) if before or after else x


def _pad_statistic(mode: str) -> Any:
    def extend(x: TracedArray, axis: int, low: Size, high: Size, lengths: Any) -> Any:
        ends = [_statistic(x, axis, mode, lengths[0], False)]
        ends.append(_statistic(x, axis, mode, lengths[1], True))
        return _repeated(x, axis, low, high, *ends)

    return extend


def _statistic(x: TracedArray, axis: int, mode: str, length: Any, at_end: bool) -> Any:
    """A statistic of the first or last elements, or of all."""
    tracer, chosen = x.tracer, x
    if length is not None:
        count = size_argument(tracer, length)
        if not tracer.ask(count, ">=", 0):
            raise bad_value(
                "pad: stat_length= is negative", hint="leave it out to use all elements"
            )
        if tracer.ask(count, "<", x.sizes[axis]):
            if mode in ("maximum", "minimum") and tracer.ask(count, "==", 0):
                raise bad_value(
                    f"pad: stat_length=0 has no {mode}",
                    hint="leave it out to use all elements",
                )
            size, part = x.shape[axis], host_integer(tracer, count)
            ends = slice(size - part, None) if at_end else slice(0, part)
            chosen = x[along(axis, len(x.sizes), ends)]
    found = _STATISTICS[mode](chosen, axis=axis, keepdims=True)
    if x.kind.is_integer:
        found = numpy.round(found)
    return found.astype(x.dtype)


def _pad_ramp(x: TracedArray, axis: int, low: Size, high: Size, ends: Any) -> Any:
    """Numbers from the given ends, which are reached, to the elements at the border."""
    tracer, rank = x.tracer, len(x.sizes)
    sides: list[list[Any]] = []
    for width, end, place in ((low, ends[0], 0), (high, ends[1], -1)):
        if width == 0:
            sides.append([])
            continue
        border = x[along(axis, rank, place)]
        count = host_integer(tracer, width)
        ramp = numpy.linspace(
            as_array(tracer, end), border, count, endpoint=False, dtype=x.dtype
        )
        moved = numpy.moveaxis(ramp, 0, axis)
        sides.append([moved if place == 0 else numpy.flip(moved, axis)])
    return _joined(x, axis, *sides) if sides[0] or sides[1] else x


def _pad_reflect(x: TracedArray, axis: int, low: Size, high: Size, how: Any) -> Any:
    return _mirrored(x, axis, low, high, _is_odd(how), skip=1)


def _pad_symmetric(x: TracedArray, axis: int, low: Size, high: Size, how: Any) -> Any:
    return _mirrored(x, axis, low, high, _is_odd(how), skip=0)


def _is_odd(how: Any) -> bool:
    if how not in (None, "even", "odd"):
        raise bad_value(
            f"pad: reflect_type={how!r} is neither 'even' nor 'odd'",
            hint="'even' mirrors the elements, 'odd' also turns them over at the edge",
        )
    return bool(how == "odd")


def _mirrored(
    x: TracedArray, axis: int, low: Size, high: Size, odd: bool, skip: int
) -> Any:
    """Reflections at the borders, again and again where the axis is too short.

    With ``skip`` the border element itself is not repeated; ``odd`` ones are reflected
    in its value too.
    """
    tracer, rank = x.tracer, len(x.sizes)
    if low == 0 and high == 0:
        return x
    own = x.sizes[axis]
    if tracer.ask(own, "==", 1):
        return _pad_edge(x, axis, low, high, None)
    result = x
    while low != 0 or high != 0:
        # Whole periods, so that what is reflected twice continues the pattern.
        size = result.sizes[axis]
        reach = (size - skip) // (own - skip) * (own - skip)
        first = low if tracer.ask(low, "<=", reach) else reach
        last = high if tracer.ask(high, "<=", reach) else reach
        total = host_integer(tracer, size)
        start, stop = host_integer(tracer, first), host_integer(tracer, last)
        head = result[along(axis, rank, slice(skip, start + skip))]
        end = slice(total - skip - stop, total - skip)
        tail = result[along(axis, rank, end)]
        flipped = [numpy.flip(head, axis), numpy.flip(tail, axis)]
        if odd:
            borders = slice(0, 1), slice(-1, None)
            flipped = [
                (2 * result[along(axis, rank, border)] - part).astype(x.dtype)
                for border, part in zip(borders, flipped, strict=True)
            ]
        result = _joined(result, axis, flipped[:1], flipped[1:])
        low, high = tracer.normalize(low - first), tracer.normalize(high - last)
    return result


def _pad_wrap(x: TracedArray, axis: int, low: Size, high: Size, _: Any) -> Any:
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


_STATISTICS: dict[str, Any] = {
    "maximum": numpy.max,
    "minimum": numpy.min,
    "mean": numpy.mean,
    "median": numpy.median,
}

# For each mode the option that it takes, and what extends an axis.
_MODES: dict[str, tuple[str, Any]] = {
    "constant": ("constant_values", None),
    "empty": ("", None),
    "edge": ("", _pad_edge),
    "reflect": ("reflect_type", _pad_reflect),
    "symmetric": ("reflect_type", _pad_symmetric),
    "wrap": ("", _pad_wrap),
    "linear_ramp": ("end_values", _pad_ramp),
    **{mode: ("stat_length", _pad_statistic(mode)) for mode in _STATISTICS},
}
