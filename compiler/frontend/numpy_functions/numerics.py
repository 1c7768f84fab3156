"""Differences, integrals, rounding, and what real numbers answer of complex ones."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    deliver,
    normalize_axes,
    normalize_axis,
    numpy,
    operand,
    refuse,
)
from penstock.frontend.numpy_functions.joining import along
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.views import ReadOnlyStep
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import bool_


def diff(
    a: Any, n: Any = 1, axis: Any = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE
) -> Any:
    """``np.diff``."""
    x = operand(a)
    count = operator.index(n)
    if count < 0:
        raise bad_value(f"diff: the order {count} is negative")
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
    refuse("ediff1d", to_end=(to_end, None), to_begin=(to_begin, None))
    x = operand(ary).reshape(-1)
    return x[1:] - x[:-1]


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """``np.gradient`` with constant spacing and first-order edges."""
    x = operand(f)
    refuse("gradient", edge_order=(edge_order == 1, True))
    rank = len(x.sizes)
    axes = normalize_axes(axis, rank)
    spacing = [*varargs] or [1.0]
    if len(spacing) == 1:
        spacing = spacing * len(axes)
    if len(spacing) != len(axes):
        raise bad_type(f"gradient: {len(spacing)} spacings do not fit {len(axes)} axes")
    if x.kind.is_integer:
        x = x.astype(np.float64)
    found = []
    for place, by in zip(axes, spacing, strict=True):
        if operand_like(x, by).sizes:
            raise UnsupportedError(
                user_location(),
                "gradient with spacing by arrays is not supported",
                code="unsupported-argument",
            )
        if not x.tracer.ask(x.sizes[place], ">=", 2):
            raise bad_value(
                f"gradient: axis {place} of {x.tensor} has fewer than 2 elements"
            )

        def part(low: Any, high: Any, place: int = place) -> Any:
            return x[along(place, rank, slice(low, high))]

        inner = (part(2, None) - part(None, -2)) / (2.0 * by)
        first = (part(1, 2) - part(0, 1)) / by
        last = (part(-1, None) - part(-2, -1)) / by
        found.append(numpy.concatenate([first, inner, last], axis=place))
    return found[0] if len(found) == 1 else tuple(found)


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
    digits = operator.index(decimals)
    if x.kind is bool_:
        if digits:
            raise bad_type(f"round: bools are not rounded to {digits} decimals")
        return deliver("round", numpy.rint(x), out)
    if not x.kind.is_float:
        if digits >= 0:
            return deliver("round", x.copy(), out)
        # NumPy rounds integers as doubles (PyArray_Round).
        tens = 10.0**-digits
        rounded = numpy.rint(x.astype(np.float64) / tens) * tens
        return deliver("round", rounded.astype(x.dtype), out)
    if digits == 0:
        return deliver("round", numpy.rint(x), out)
    factor = 10.0 ** abs(digits)
    if digits > 0:
        return deliver("round", numpy.rint(x * factor) / factor, out)
    return deliver("round", numpy.rint(x / factor) * factor, out)


def fix(x: Any, out: Any = None) -> Any:
    """``np.fix``."""
    return deliver("fix", numpy.trunc(operand(x)), out)


def sinc(x: Any) -> Any:
    """``np.sinc``: sin(pi x) / (pi x), with a tiny number for zero."""
    array = operand(x)
    scaled = math.pi * numpy.where(array == 0, 1.0e-20, array)
    return numpy.sin(scaled) / scaled


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
