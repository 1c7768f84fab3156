"""Differences, integrals, rounding, and what real numbers answer of complex ones."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import require_equal
from penstock.frontend.handles import TracedArray
from penstock.frontend.lift import kind_of
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    c_integer,
    deliver,
    integer_argument,
    normalize_axes,
    normalize_axis,
    numpy,
    operand,
    refuse,
)
from penstock.frontend.numpy_functions.joining import along
from penstock.frontend.promotion import check_cast
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Traced
from penstock.frontend.views import ReadOnlyStep
from penstock.ir.types import bool_


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """``np.astype``."""
    return operand(x).astype(dtype, copy=copy)


def diff(
    a: Any, n: Any = 1, axis: Any = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE
) -> Any:
    """``np.diff``."""
    x = operand(a)
    count = integer_argument(n, "n= of diff")
    if count < 0:
        raise bad_value(
            f"diff: the order {count} is negative", hint="use an order of 0 or more"
        )
    if count == 0:
        return x
    rank = len(x.sizes)
    place = normalize_axis(axis, rank)
    before, after = (
        [] if end is NO_VALUE else [_end(x, end, place)] for end in (prepend, append)
    )
    if before or after:
        x = numpy.concatenate([*before, x, *after], axis=place)
    for _ in range(count):
        later = x[along(place, rank, slice(1, None))]
        earlier = x[along(place, rank, slice(None, -1))]
        x = later != earlier if x.kind.kind == "b" else later - earlier
    return x


def _end(x: TracedArray, value: Any, place: int) -> TracedArray:
    """What ``diff`` puts before or after an array; a scalar is spread."""
    extra = operand_like(x, value)
    if extra.sizes:
        return extra
    shape = tuple(1 if i == place else size for i, size in enumerate(x.shape))
    spread: TracedArray = numpy.broadcast_to(extra, shape)
    return spread


def operand_like(x: TracedArray, value: Any) -> TracedArray:
    """A value as an array of the same trace."""
    from penstock.frontend.lift import as_array

    return as_array(x.tracer, value)


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """``np.ediff1d``."""
    x = operand(ary).reshape(-1)
    parts = [x[1:] - x[:-1]]
    for name, ends, at in (("to_begin", to_begin, 0), ("to_end", to_end, 2)):
        if ends is not None:
            flat = operand_like(x, ends).reshape(-1)
            check_cast(flat.kind, x.kind, "same_kind", f"ediff1d {name}=")
            parts.insert(at, flat.astype(x.dtype))
    return numpy.concatenate(parts) if len(parts) > 1 else parts[0]


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """``np.gradient`` (its notes have the formulas of uneven spacing)."""
    x = operand(f)
    if edge_order not in (1, 2):
        raise bad_value(
            f"gradient: edge_order is {edge_order}, but 1 and 2 there are",
            hint="1 takes two elements at each end, 2 takes three",
        )
    rank = len(x.sizes)
    axes = normalize_axes(axis, rank)
    spacing = [*varargs] or [1.0]
    if len(spacing) == 1:
        spacing = spacing * len(axes)
    if len(spacing) != len(axes):
        raise bad_type(
            f"gradient: {len(spacing)} spacings do not fit {len(axes)} axes",
            hint="give one for all axes, or one for each",
        )
    if x.kind.is_integer:
        x = x.astype(np.float64)
    found = []
    for place, by in zip(axes, spacing, strict=True):
        if not x.tracer.ask(x.sizes[place], ">=", edge_order + 1):
            raise bad_value(
                f"gradient: axis {place} of {x.tensor} has fewer than {edge_order + 1} "
                "elements",
                hint="name the axes that have enough elements: axis=",
            )
        points = operand_like(x, by)
        if not points.sizes:
            found.append(_even_gradient(x, place, by, edge_order))
            continue
        if len(points.sizes) != 1:
            raise bad_value(
                f"gradient: spacing by {points.tensor}, not by one axis",
                hint="give a number, or a coordinate for each element along the axis",
            )
        require_equal(
            x.tracer,
            "gradient",
            points.sizes[0],
            x.sizes[place],
            hint="give a coordinate for each element along the axis",
        )
        steps = diff(points if points.kind.is_float else points.astype(np.float64))
        shape: list[Any] = [1] * rank
        shape[place] = -1
        found.append(
            _uneven_gradient(x, place, steps.reshape(tuple(shape)), edge_order)
        )
    return found[0] if len(found) == 1 else tuple(found)


def _slices(x: TracedArray, place: int) -> Any:
    def part(low: Any, high: Any) -> Any:
        return x[along(place, len(x.sizes), slice(low, high))]

    return part


def _even_gradient(x: TracedArray, place: int, by: Any, order: int) -> Any:
    part = _slices(x, place)
    inner = (part(2, None) - part(None, -2)) / (2.0 * by)
    if order == 1:
        first = (part(1, 2) - part(0, 1)) / by
        last = (part(-1, None) - part(-2, -1)) / by
    else:
        a, b, c = -1.5 / by, 2.0 / by, -0.5 / by
        first = a * part(0, 1) + b * part(1, 2) + c * part(2, 3)
        a, b, c = 0.5 / by, -2.0 / by, 1.5 / by
        last = a * part(-3, -2) + b * part(-2, -1) + c * part(-1, None)
    return numpy.concatenate([first, inner, last], axis=place)


def _uneven_gradient(x: TracedArray, place: int, steps: Any, order: int) -> Any:
    part, step = _slices(x, place), _slices(steps, place)
    d1, d2 = step(None, -1), step(1, None)
    a = -d2 / (d1 * (d1 + d2))
    b = (d2 - d1) / (d1 * d2)
    c = d1 / (d2 * (d1 + d2))
    inner = a * part(None, -2) + b * part(1, -1) + c * part(2, None)
    if order == 1:
        first = (part(1, 2) - part(0, 1)) / step(0, 1)
        last = (part(-1, None) - part(-2, -1)) / step(-1, None)
    else:
        d1, d2 = step(0, 1), step(1, 2)
        a = -(2.0 * d1 + d2) / (d1 * (d1 + d2))
        b = (d1 + d2) / (d1 * d2)
        c = -d1 / (d2 * (d1 + d2))
        first = a * part(0, 1) + b * part(1, 2) + c * part(2, 3)
        d1, d2 = step(-2, -1), step(-1, None)
        a = d2 / (d1 * (d1 + d2))
        b = -(d2 + d1) / (d1 * d2)
        c = (2.0 * d2 + d1) / (d2 * (d1 + d2))
        last = a * part(-3, -2) + b * part(-2, -1) + c * part(-1, None)
    return numpy.concatenate([first, inner, last], axis=place)


def unwrap(
    p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * np.pi
) -> Any:
    """``np.unwrap`` of floats."""
    x = operand(p)
    if not x.kind.is_float:
        if not isinstance(period, float):
            refuse("unwrap", period=(period, None))
        x = x.astype(np.float64)
    place = normalize_axis(axis, len(x.sizes))
    half = period / 2
    steps = diff(x, axis=place)
    within = (steps + half) % period - half
    within = numpy.where((within == -half) & (steps > 0), half, within)
    changes = within - steps
    least = half if discont is None else discont
    changes = numpy.where(abs(steps) < least, 0.0, changes)
    first = x[along(place, len(x.sizes), slice(0, 1))]
    rest = x[along(place, len(x.sizes), slice(1, None))]
    moved = rest + numpy.cumsum(changes, axis=place)
    return numpy.concatenate([first, moved], axis=place).astype(x.dtype)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    """``np.trapezoid``."""
    values = operand(y)
    rank = len(values.sizes)
    place = normalize_axis(axis, rank)
    if x is None:
        widths = dx
    else:
        points = operand_like(values, x)
        widths = diff(points) if len(points.sizes) == 1 else diff(points, axis=place)
        if len(points.sizes) == 1:
            shape: list[Any] = [1] * rank
            shape[place] = -1
            widths = widths.reshape(tuple(shape))
    later = values[along(place, rank, slice(1, None))]
    earlier = values[along(place, rank, slice(None, -1))]
    return (widths * (later + earlier) / 2.0).sum(place)


def round_(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    """``np.round``: scaled, rounded to even, and scaled back, as NumPy does."""
    x = operand(a)
    digits = c_integer(decimals, "the number of decimals")
    if x.kind is bool_:
        if digits:
            raise bad_type(
                f"round: bools are not rounded to {digits} decimals",
                hint="convert them: x.astype(int)",
            )
        return deliver("round", numpy.rint(x), out)
    if not x.kind.is_float:
        if digits >= 0:
            return deliver("round", x.copy(), out)
        # NumPy rounds integers as doubles (PyArray_Round).
        tens = _power_of_ten(-digits)
        rounded = numpy.rint(x.astype(np.float64) / tens) * tens
        return deliver("round", rounded.astype(x.dtype), out)
    if digits == 0:
        return deliver("round", numpy.rint(x), out)
    factor = _power_of_ten(abs(digits))
    there, back = numpy.multiply, numpy.divide
    if digits < 0:
        there, back = back, there
    # In the array's dtype: bf16 with a number is f32.
    whole = numpy.rint(there(x, factor).astype(x.dtype))
    return deliver("round", back(whole, factor).astype(x.dtype), out)


def _power_of_ten(exponent: int) -> float:
    # Where Python raises for what no double holds, NumPy goes on with infinity.
    return 10.0**exponent if exponent <= sys.float_info.max_10_exp else math.inf


def fix(x: Any, out: Any = None) -> Any:
    """``np.fix``."""
    return deliver("fix", numpy.trunc(operand(x)), out)


def sinc(x: Any) -> Any:
    """``np.sinc``: sin(pi x) / (pi x), with a tiny number for zero.

    The derivatives of that quotient cancel near 0; those of its power series do not.
    """
    array = operand(x)
    scaled = math.pi * numpy.where(array == 0, 1.0e-20, array)
    quotient = numpy.sin(scaled) / scaled
    if not array.tracer.derivative_order:
        return quotient
    scaled = math.pi * array
    return numpy.where(abs(scaled) < 1, _sinc_series(scaled * scaled), quotient)


def _sinc_series(square: Any) -> Any:
    """sin(x) / x of x^2 below 1: DLMF 4.19.1.

    Six terms more than the value takes, for derivatives of higher order.
    """
    total: Any = -1 / math.factorial(31)
    for k in range(14, -1, -1):
        total = total * square + (-1) ** k / math.factorial(2 * k + 1)
    return total


def real(val: Any) -> Any:
    """``np.real``."""
    return operand(val)


def imag(val: Any) -> Any:
    """``np.imag``."""
    zeros = numpy.zeros_like(operand(val))
    step = ReadOnlyStep("the imaginary part of real numbers")
    return zeros.seen(step, zeros.sizes) if zeros.sizes else zeros


def angle(z: Any, deg: bool = False) -> Any:
    """``np.angle`` of real numbers: 0 or pi."""
    x = operand(z)
    dtype = np.angle(np.ones(1, x.dtype)).dtype
    half = np.angle(np.full(1, -1, dtype), deg)[0]
    negative = x < 0
    if x.kind.is_float:
        negative = negative | ((x == 0) & (1 / x < 0))
    found = numpy.where(negative, half, dtype.type(0))
    return numpy.where(numpy.isnan(x), x, found) if x.kind.is_float else found


def isreal(x: Any) -> Any:
    """``np.isreal``."""
    return numpy.ones_like(operand(x), dtype=bool)


def iscomplex(x: Any) -> Any:
    """``np.iscomplex``."""
    return numpy.zeros_like(operand(x), dtype=bool)


def isrealobj(x: Any) -> bool:
    """``np.isrealobj``."""
    return True


def iscomplexobj(x: Any) -> bool:
    """``np.iscomplexobj``."""
    return False


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """``np.result_type``: of traced arrays and numbers as of NumPy's."""
    return np.result_type(*map(_dtype_or_number, arrays_and_dtypes))


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """``np.can_cast``."""
    return np.can_cast(_dtype_or_number(from_), to, casting)


def _dtype_or_number(value: Any) -> Any:
    """What stands for a value where only its dtype counts."""
    if not issubclass(type(value), Traced):
        return value
    kind = kind_of(value)
    return kind(0) if isinstance(kind, type) else value.dtype
