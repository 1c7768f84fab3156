"""Random numbers of the traced program, by range or by distribution."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_into
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.host_reals import HostReal
from penstock.frontend.lift import as_array, convert, value_of
from penstock.frontend.numpy_functions.arguments import numpy
from penstock.frontend.promotion import as_dtype, integer_range
from penstock.frontend.random_keys import (
    WORD,
    draw,
    draw_shape,
    fraction,
    positive_fraction,
    scaled,
)
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Traced, Tracer, require_tracer
from penstock.ir.dims import Size
from penstock.ir.types import Dtype, f32, f64, i64, u64

__all__ = ["bernoulli", "check_bounds", "integers", "normal", "uniform"]


def _floating(name: str, dtype: Any) -> Dtype:
    kind = as_dtype(dtype)
    if not kind.is_float:
        raise bad_type(
            f"{name}: the dtype is {kind}, but must be floating",
            hint="use np.float32 or np.float64",
        )
    return kind


def _is_constant(number: Any) -> bool:
    return type(number) in (int, float)


def _is_number(number: Any) -> bool:
    return _is_constant(number) or type(number) in (HostInteger, HostReal)


def _spread(
    tracer: Tracer, number: Any, shape: tuple[Size, ...], kind: Dtype
) -> TracedArray:
    """A parameter of a distribution, in the dtype of the draw and within its shape."""
    if _is_number(number):
        return wrap(tracer, value_of(tracer, number, kind))
    array = as_array(tracer, number)
    converted = wrap(tracer, convert(tracer, array.value, kind))
    return fresh(tracer, broadcast_into(tracer, converted, shape))


def uniform(key: Any, shape: Any, dtype: Any, low: Any, high: Any) -> Any:
    """``ps.random.uniform``; bounds of ``None`` are 0 and 1."""
    tracer = require_tracer("ps.random.uniform")
    kind = _floating("uniform", dtype)
    sizes = draw_shape(tracer, shape)
    word, _ = draw(tracer, key, sizes)
    unit = fraction(word, kind)
    if low is None and high is None:
        return fresh(tracer, unit.value)
    low, high = 0.0 if low is None else low, 1.0 if high is None else high
    least = _spread(tracer, low, sizes, kind)
    end = _spread(tracer, high, sizes, kind)
    span = end - least
    number = least + unit * span
    # Rounding may give `high`: it stands for `low` then, as if on a circle, which
    # leaves equal numbers equally likely.
    number = numpy.where(number < end, number, least)
    if not (_is_constant(low) and _is_constant(high)):
        is_valid = (span > 0) & (span < math.inf)
        number = numpy.where(is_valid, number, kind.numpy.type(math.nan))
    return fresh(tracer, number.value)


def check_bounds(low: Any, high: Any, dtype: np.dtype[Any]) -> None:
    """Raise a ValueError for numbers between which ``uniform`` finds no others."""
    if not (_is_number(low) and _is_number(high)):
        return
    is_valid = low < high
    if is_valid and _is_constant(low) and _is_constant(high):
        with np.errstate(over="ignore"):
            least, end = (np.asarray(x).astype(dtype) for x in (low, high))
            is_valid = bool(least < end) and bool(np.isfinite(end - least))
    if not is_valid:
        raise bad_value(
            f"uniform: low is {_shown(low)} and high is {_shown(high)}, between which "
            f"there is no range of {dtype}",
            "low must be less than high, and high - low finite",
        )


def _shown(number: Any) -> Any:
    if type(number) is HostReal:
        return number.concrete()
    if type(number) is HostInteger:
        return number.tracer.number(number.size)
    return number


def normal(key: Any, shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
    """``ps.random.normal``; a location and scale of ``None`` are 0 and 1."""
    tracer = require_tracer("ps.random.normal")
    kind = _floating("normal", dtype)
    sizes = draw_shape(tracer, shape)
    if _is_number(scale) and not scale >= 0:
        raise bad_value(
            f"normal: scale is {_shown(scale)}, which is negative",
            "a scale is at least 0",
        )
    first, second = draw(tracer, key, sizes)
    wide = f64 if kind is f64 else f32
    # Box and Muller (1958): of a point of the plane, the radius and the angle.
    radius = numpy.sqrt(-2.0 * numpy.log(positive_fraction(first, wide)))
    turn = wrap(tracer, convert(tracer, second.value, i64)) >> 11
    angle = wrap(tracer, convert(tracer, turn.value, wide)) * (math.tau * 2.0**-53)
    number = wrap(tracer, convert(tracer, (radius * numpy.cos(angle)).value, kind))
    if scale is not None:
        number = number * _spread(tracer, scale, sizes, kind)
    if loc is not None:
        number = number + _spread(tracer, loc, sizes, kind)
    return fresh(tracer, number.value)


def integers(key: Any, shape: Any, low: Any, high: Any, dtype: Any) -> Any:
    """``ps.random.integers``."""
    tracer = require_tracer("ps.random.integers")
    kind = as_dtype(dtype)
    if not kind.is_integer:
        raise bad_type(
            f"integers: the dtype is {kind}, but must be an integer one",
            hint="use np.int32, np.int64 or another integer dtype",
        )
    low, high = _bound("low", low), _bound("high", high)
    if not _is_less(low, high):
        raise bad_value(
            f"integers: low is {_shown(low)} and high is {_shown(high)}, between which "
            "there is no integer",
            "high is one more than the greatest integer that is wanted",
        )
    least, greatest = integer_range(kind)
    if _is_less(low, least) or _is_less(greatest + 1, high):
        raise bad_value(
            f"integers: from {_shown(low)} up to {_shown(high)} is more than {kind} "
            "holds",
            "give a wider dtype=",
        )
    first, second = draw(tracer, key, draw_shape(tracer, shape))
    base = _bound_word(tracer, low)
    span = _bound_word(tracer, high) - base
    offset = scaled(first, second, span)
    if _is_constant(low) or _is_constant(high):
        # All 2^64 integers are one range, whose size no word holds. Sizes alone are
        # never so far apart.
        offset = numpy.where(span == 0, first, offset)
    return fresh(tracer, convert(tracer, (base + offset).value, kind))


def _is_less(left: Any, right: Any) -> bool:
    """Whether one bound is less; sizes are not compared with what no size is."""
    if type(left) is HostInteger and _is_constant(right) and right >= WORD // 2:
        return True
    if type(right) is HostInteger and _is_constant(left) and left >= WORD // 2:
        return False
    return bool(left < right)


def _bound(name: str, number: Any) -> Any:
    if issubclass(type(number), Traced) and type(number) is not HostInteger:
        raise bad_type(
            f"integers: {name} is known only when the program runs",
            "scale ps.random.uniform, or pass an int of Python",
        )
    return number if type(number) is HostInteger else operator.index(number)


def _bound_word(tracer: Tracer, number: Any) -> Any:
    if type(number) is HostInteger:
        return wrap(tracer, convert(tracer, value_of(tracer, number, i64), u64))
    return wrap(tracer, tracer.constant(number % WORD, u64))


def bernoulli(key: Any, p: Any, shape: Any) -> Any:
    """``ps.random.bernoulli``."""
    tracer = require_tracer("ps.random.bernoulli")
    if _is_number(p):
        if not 0 <= p <= 1:
            raise bad_value(
                f"bernoulli: p is {_shown(p)}, which is no probability",
                "a probability is at least 0 and at most 1",
            )
        own: tuple[Size, ...] = ()
    else:
        own = as_array(tracer, p).sizes
    sizes = own if shape is None else draw_shape(tracer, shape)
    word, _ = draw(tracer, key, sizes)
    chance = _spread(tracer, p, sizes, f64)
    return fresh(tracer, (fraction(word, f64) < chance).value)
