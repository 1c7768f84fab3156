"""Random numbers of the traced program: counters under a key, made into numbers.

Element i of a draw, counted in C order, is made of block i under the key alone. So a
longer draw begins with the numbers of a shorter one, and neither threads nor the order
of loops change a number.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_into
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import HostInteger, host_integer
from penstock.frontend.host_reals import HostReal
from penstock.frontend.lift import as_array, convert, value_of
from penstock.frontend.numpy_functions.arguments import (
    normalize_axis,
    numpy,
    shape_of,
)
from penstock.frontend.promotion import as_dtype, integer_range
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Traced, Tracer, require_tracer
from penstock.ir.dims import Size, product
from penstock.ir.errors import DtypeError, NumberRangeError, ShapeError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, f32, f64, i64, u64

__all__ = [
    "bernoulli",
    "bits",
    "categorical",
    "check_bounds",
    "check_weights",
    "choice",
    "fold_in",
    "integers",
    "key_of",
    "normal",
    "permutation",
    "seed_word",
    "split",
    "uniform",
]

_WORD = 1 << 64
# They keep the blocks from which keys are made apart from those of numbers: the
# fractions of the golden ratio and of the root of 3 in binary.
_SPLIT = 0x9E3779B97F4A7C15
_FOLD = 0xBB67AE8584CAA73B


def key_of(seed: Any) -> TracedArray:
    """``ps.random.key`` of a traced seed."""
    tracer = require_tracer("ps.random.key")
    array = as_array(tracer, seed_word(seed) if type(seed) is int else seed)
    if array.sizes or not array.kind.is_integer:
        raise DtypeError(
            user_location(),
            f"a seed is {array.tensor}, but must be an integer",
            code="random-seed",
            hint="for a key of every seed, use ps.vmap(ps.random.key)",
        )
    word = convert(tracer, array.value, u64)
    return _pair(tracer, (word, tracer.constant(0, u64)), ())


def seed_word(seed: int) -> int:
    """A seed of 64 bits, modulo 2^64.

    Raises:
        NumberRangeError: it has more.
    """
    if not -(_WORD // 2) <= seed < _WORD:
        raise NumberRangeError(
            user_location(),
            f"the seed {seed} does not fit 64 bits",
            code="integer-range",
            hint="take it modulo 2**64",
        )
    return seed % _WORD


def _pair(
    tracer: Tracer, words: tuple[Value, Value], shape: tuple[Size, ...]
) -> TracedArray:
    """Two words as the last axis of keys."""
    parts = [tracer.emit("reshape", word, shape=(*shape, 1)) for word in words]
    return fresh(tracer, tracer.emit("concatenate", *parts, axis=len(shape)))


def _words(tracer: Tracer, key: Any) -> tuple[Value, Value]:
    """The two words of a key."""
    array = as_array(tracer, key)
    if array.kind is not u64:
        raise DtypeError(
            user_location(),
            f"a key is {array.tensor}, but must be u64[2]",
            code="random-key",
            hint="make one with ps.random.key(seed)",
        )
    if len(array.sizes) != 1 or not tracer.ask(array.sizes[0], "==", 2):
        raise ShapeError(
            user_location(),
            f"a key is {array.tensor}, but must be u64[2]",
            code="random-key",
            hint="of several keys take one, keys[i], or use ps.vmap",
        )
    return array[0].value, array[1].value


def split(key: Any, count: Any) -> TracedArray:
    """``ps.random.split``."""
    tracer = require_tracer("ps.random.split")
    word, stream = _words(tracer, key)
    (size,) = _shape(tracer, (count,))
    apart = tracer.emit("xor", stream, tracer.constant(_SPLIT, u64))
    block = _counter(tracer, (size,))
    halves = _philox(tracer, block, (word, apart))
    return _pair(tracer, halves, (size,))


def fold_in(key: Any, data: Any) -> TracedArray:
    """``ps.random.fold_in``."""
    tracer = require_tracer("ps.random.fold_in")
    word, stream = _words(tracer, key)
    array = as_array(tracer, data)
    if array.sizes or not array.kind.is_integer:
        raise DtypeError(
            user_location(),
            f"fold_in: data is {array.tensor}, but must be an integer",
            code="random-seed",
            hint="fold several integers in one after the other",
        )
    apart = tracer.emit("xor", stream, tracer.constant(_FOLD, u64))
    block = convert(tracer, array.value, u64)
    return _pair(tracer, _philox(tracer, block, (word, apart)), ())


def _philox(
    tracer: Tracer, block: Value, words: tuple[Value, Value]
) -> tuple[Value, Value]:
    first = tracer.emit("philox", block, *words, half=0)
    return first, tracer.emit("philox", block, *words, half=1)


def _shape(tracer: Tracer, shape: Any) -> tuple[Size, ...]:
    """The shape of a draw, which is not negative."""
    sizes = shape_of(tracer, shape)
    for size in sizes:
        if not tracer.ask(size, ">=", 0):
            raise bad_value(f"a size is {tracer.number(size)}, which is negative")
    return tuple(tracer.normalize(size) for size in sizes)


def _counter(tracer: Tracer, shape: tuple[Size, ...]) -> Value:
    """The number of each element in C order."""
    if not shape:
        return tracer.constant(0, u64)
    terms = []
    for axis, size in enumerate(shape):
        own = tuple(size if a == axis else 1 for a in range(len(shape)))
        term = tracer.emit("iota", shape=own, axis=axis, dtype=u64)
        if axis < len(shape) - 1:
            stride = tracer.normalize(product(shape[axis + 1 :]))
            term = tracer.emit("mul", term, _size_word(tracer, stride))
        terms.append(term)
    found = terms[0]
    for term in terms[1:]:
        found = tracer.emit("add", found, term)
    return found


def _size_word(tracer: Tracer, size: Size) -> Value:
    if isinstance(size, int):
        return tracer.constant(size, u64)
    return convert(tracer, tracer.emit("dim", size=size), u64)


def _draw(
    tracer: Tracer, key: Any, shape: tuple[Size, ...]
) -> tuple[TracedArray, TracedArray]:
    """128 bits for each element, as two words of 64."""
    words = _words(tracer, key)
    first, second = _philox(tracer, _counter(tracer, shape), words)
    return wrap(tracer, first), wrap(tracer, second)


def bits(key: Any, shape: Any, dtype: Any) -> TracedArray:
    """``ps.random.bits``."""
    tracer = require_tracer("ps.random.bits")
    kind = as_dtype(dtype)
    if kind.kind != "u":
        raise bad_type(f"bits: the dtype is {kind}, but must be an unsigned integer")
    word, _ = _draw(tracer, key, _shape(tracer, shape))
    return fresh(tracer, convert(tracer, _top(word, kind.bits).value, kind))


def _top(word: TracedArray, count: int) -> Any:
    """The highest bits of words, as the lowest of the results."""
    return word if count == 64 else word >> (64 - count)


# How many bits a float in [0, 1) is made of: what the fraction holds exactly.
_PRECISION = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}


def _floating(name: str, dtype: Any) -> Dtype:
    kind = as_dtype(dtype)
    if not kind.is_float:
        raise bad_type(f"{name}: the dtype is {kind}, but must be floating")
    return kind


def _fraction(word: TracedArray, kind: Dtype) -> Any:
    """A multiple of 2^-precision in [0, 1), each as likely."""
    count = _PRECISION[kind.name]
    wide = f64 if kind is f64 else f32
    integer = convert(word.tracer, _top(word, count).value, i64)
    number = wrap(word.tracer, convert(word.tracer, integer, wide))
    unit = number * 2.0**-count
    return wrap(word.tracer, convert(word.tracer, unit.value, kind))


def _positive_fraction(word: TracedArray, kind: Dtype) -> Any:
    """A number in (0, 1], of 53 bits, rounded to the dtype."""
    integer = convert(word.tracer, (_top(word, 53) + 1).value, i64)
    return wrap(word.tracer, convert(word.tracer, integer, kind)) * 2.0**-53


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
    sizes = _shape(tracer, shape)
    word, _ = _draw(tracer, key, sizes)
    unit = _fraction(word, kind)
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
    sizes = _shape(tracer, shape)
    if _is_number(scale) and not scale >= 0:
        raise bad_value(
            f"normal: scale is {_shown(scale)}, which is negative",
            "a scale is at least 0",
        )
    first, second = _draw(tracer, key, sizes)
    wide = f64 if kind is f64 else f32
    # Box and Muller (1958): of a point of the plane, the radius and the angle.
    radius = numpy.sqrt(-2.0 * numpy.log(_positive_fraction(first, wide)))
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
        raise bad_type(f"integers: the dtype is {kind}, but must be an integer one")
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
    first, second = _draw(tracer, key, _shape(tracer, shape))
    base = _bound_word(tracer, low)
    span = _bound_word(tracer, high) - base
    offset = _scaled(first, second, span)
    if _is_constant(low) or _is_constant(high):
        # All 2^64 integers are one range, whose size no word holds. Sizes alone are
        # never so far apart.
        offset = numpy.where(span == 0, first, offset)
    return fresh(tracer, convert(tracer, (base + offset).value, kind))


def _is_less(left: Any, right: Any) -> bool:
    """Whether one bound is less; sizes are not compared with what no size is."""
    if type(left) is HostInteger and _is_constant(right) and right >= _WORD // 2:
        return True
    if type(right) is HostInteger and _is_constant(left) and left >= _WORD // 2:
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
    return wrap(tracer, tracer.constant(number % _WORD, u64))


def _scaled(high: Any, low: Any, span: Any) -> Any:
    """The 128 bits (high, low) times a span, without the lowest 128 bits.

    A multiply in place of a remainder (Lemire, Fast random integer generation in an
    interval, 2019, without rejection): one integer is more likely than another by at
    most 2^-64 of its probability.
    """
    middle = high * span
    total = middle + _high_product(low, span)
    carry = wrap(high.tracer, convert(high.tracer, (total < middle).value, u64))
    return _high_product(high, span) + carry


def _high_product(x: Any, y: Any) -> Any:
    """The upper 64 bits of products (Knuth, TAOCP 2, 4.3.1 M, in digits of 2^32)."""
    mask = 0xFFFFFFFF
    x_low, x_high, y_low, y_high = x & mask, x >> 32, y & mask, y >> 32
    cross = x_high * y_low + ((x_low * y_low) >> 32)
    other = x_low * y_high + (cross & mask)
    return x_high * y_high + (cross >> 32) + (other >> 32)


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
    sizes = own if shape is None else _shape(tracer, shape)
    word, _ = _draw(tracer, key, sizes)
    chance = _spread(tracer, p, sizes, f64)
    return fresh(tracer, (_fraction(word, f64) < chance).value)


def permutation(key: Any, x: Any, axis: Any) -> Any:
    """``ps.random.permutation``."""
    tracer = require_tracer("ps.random.permutation")
    if type(x) is HostInteger or isinstance(x, int):
        (size,) = _shape(tracer, (x,))
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
    word, _ = _draw(tracer, key, (size,))
    return numpy.argsort(word, stable=True)


def choice(key: Any, a: Any, shape: Any, replace: Any, p: Any) -> Any:
    """``ps.random.choice``."""
    tracer = require_tracer("ps.random.choice")
    array = None
    if type(a) is HostInteger or isinstance(a, int):
        (size,) = _shape(tracer, (a,))
    else:
        array = as_array(tracer, a)
        if not array.sizes:
            raise bad_type(
                f"choice: {array.tensor} has no axis to choose along",
                "pass an int of Python, or an array with an axis",
            )
        size = array.sizes[0]
    sizes = _shape(tracer, shape)
    wanted = tracer.normalize(product(sizes))
    most = size if not replace else wanted
    if tracer.ask(wanted, ">", most) or (
        tracer.ask(size, "==", 0) and tracer.ask(wanted, ">", 0)
    ):
        raise bad_value(
            f"choice: {tracer.number(wanted)} of {tracer.number(size)} elements",
            None if replace else "with replace=True an element may be chosen again",
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
    first, second = _draw(tracer, key, sizes)
    if weights is None:
        count = wrap(tracer, _size_word(tracer, size))
        offset = _scaled(first, second, count)
        return wrap(tracer, convert(tracer, offset.value, i64))
    up_to = numpy.cumsum(weights)
    # In [0, total): where rounding gives the total, the last one that is possible.
    at = _fraction(first, f64) * up_to[-1]
    at = numpy.minimum(at, numpy.nextafter(up_to[-1], 0.0))
    return numpy.searchsorted(up_to, at, side="right")


def _without_replacement(
    tracer: Tracer, key: Any, size: Size, wanted: Size, weights: TracedArray | None
) -> Any:
    if weights is None:
        order = _order(tracer, key, size)
    else:
        # Who is first when each has an exponential time of its rate: Efraimidis and
        # Spirakis, Weighted random sampling with a reservoir (2006).
        word, _ = _draw(tracer, key, (size,))
        order = numpy.argsort(_exponential(word, f64) / weights, stable=True)
    return order[: host_integer(tracer, wanted)]


def _exponential(word: TracedArray, kind: Dtype) -> Any:
    """Positive numbers of the exponential distribution."""
    return -numpy.log1p(-_positive_fraction(word, kind))


def categorical(key: Any, logits: Any, axis: Any, shape: Any) -> Any:
    """``ps.random.categorical``."""
    tracer = require_tracer("ps.random.categorical")
    array = as_array(tracer, logits)
    kind = array.kind if array.kind.is_float else f64
    if not array.sizes:
        raise bad_type(f"categorical: {array.tensor} has no axis to choose along")
    along = normalize_axis(axis, len(array.sizes))
    moved = numpy.moveaxis(array, along, -1)
    batch, count = moved.sizes[:-1], moved.sizes[-1]
    sizes = batch if shape is None else _shape(tracer, shape)
    wide = f64 if kind is f64 else f32
    value = convert(tracer, moved.value, wide)
    spread = fresh(tracer, broadcast_into(tracer, wrap(tracer, value), (*sizes, count)))
    word, _ = _draw(tracer, key, (*sizes, count))
    # The greatest of logits with noise of Gumbel's distribution (Gumbel, 1954).
    return numpy.argmax(spread - numpy.log(_exponential(word, wide)), -1)
