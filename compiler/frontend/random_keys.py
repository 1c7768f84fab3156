"""Keys of random numbers, and the words that are drawn with them.

Element i of a draw, counted in C order, is made of block i under the key alone. So a
longer draw begins with the numbers of a shorter one, and neither threads nor the order
of loops change a number.
"""

from __future__ import annotations

from typing import Any

from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.lift import as_array, convert
from penstock.frontend.numpy_functions.arguments import numpy, shape_of
from penstock.frontend.promotion import as_dtype
from penstock.frontend.refusals import bad_type
from penstock.frontend.tracer import Tracer, require_tracer
from penstock.ir.dims import Size, product
from penstock.ir.errors import DtypeError, NumberRangeError, ShapeError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, f32, f64, i64, u64

__all__ = [
    "WORD", "bits", "draw", "draw_shape", "exponential", "fold_in", "fraction",
    "key_of", "positive_fraction", "scaled", "seed_word", "size_word", "split",
]  # fmt: skip

WORD = 1 << 64
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
    if not -(WORD // 2) <= seed < WORD:
        raise NumberRangeError(
            user_location(),
            f"the seed {seed} does not fit 64 bits",
            code="integer-range",
            hint="take it modulo 2**64",
        )
    return seed % WORD


def _pair(
    tracer: Tracer, words: tuple[Value, Value], shape: tuple[Size, ...]
) -> TracedArray:
    """Two words as the last axis of keys."""
    parts = [tracer.emit("reshape", word, shape=(*shape, 1)) for word in words]
    return fresh(tracer, tracer.emit("concatenate", *parts, axis=len(shape)))


def words_of(tracer: Tracer, key: Any) -> tuple[Value, Value]:
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
    word, stream = words_of(tracer, key)
    (size,) = draw_shape(tracer, (count,))
    apart = tracer.emit("xor", stream, tracer.constant(_SPLIT, u64))
    block = counter(tracer, (size,))
    halves = _philox(tracer, block, (word, apart))
    return _pair(tracer, halves, (size,))


def fold_in(key: Any, data: Any) -> TracedArray:
    """``ps.random.fold_in``."""
    tracer = require_tracer("ps.random.fold_in")
    word, stream = words_of(tracer, key)
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


def draw_shape(tracer: Tracer, shape: Any) -> tuple[Size, ...]:
    """The shape of a draw, which is not negative."""
    sizes = shape_of(tracer, shape)
    for size in sizes:
        tracer.require_size(size)
    return tuple(tracer.normalize(size) for size in sizes)


def counter(tracer: Tracer, shape: tuple[Size, ...]) -> Value:
    """The number of each element in C order."""
    if not shape:
        return tracer.constant(0, u64)
    terms = []
    for axis, size in enumerate(shape):
        own = tuple(size if a == axis else 1 for a in range(len(shape)))
        term = tracer.emit("iota", shape=own, axis=axis, dtype=u64)
        if axis < len(shape) - 1:
            stride = tracer.normalize(product(shape[axis + 1 :]))
            term = tracer.emit("mul", term, size_word(tracer, stride))
        terms.append(term)
    found = terms[0]
    for term in terms[1:]:
        found = tracer.emit("add", found, term)
    return found


def size_word(tracer: Tracer, size: Size) -> Value:
    """A size as a word."""
    if isinstance(size, int):
        return tracer.constant(size, u64)
    return convert(tracer, tracer.emit("dim", size=size), u64)


def draw(
    tracer: Tracer, key: Any, shape: tuple[Size, ...]
) -> tuple[TracedArray, TracedArray]:
    """128 bits for each element, as two words of 64."""
    words = words_of(tracer, key)
    first, second = _philox(tracer, counter(tracer, shape), words)
    return wrap(tracer, first), wrap(tracer, second)


def bits(key: Any, shape: Any, dtype: Any) -> TracedArray:
    """``ps.random.bits``."""
    tracer = require_tracer("ps.random.bits")
    kind = as_dtype(dtype)
    if kind.kind != "u":
        raise bad_type(
            f"bits: the dtype is {kind}, but must be an unsigned integer",
            hint="use np.uint32 or np.uint64",
        )
    word, _ = draw(tracer, key, draw_shape(tracer, shape))
    return fresh(tracer, convert(tracer, top_bits(word, kind.bits).value, kind))


def top_bits(word: TracedArray, count: int) -> Any:
    """The highest bits of words, as the lowest of the results."""
    return word if count == 64 else word >> (64 - count)


# How many bits a float in [0, 1) is made of: what the fraction holds exactly.
_PRECISION = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}


def fraction(word: TracedArray, kind: Dtype) -> Any:
    """A multiple of 2^-precision in [0, 1), each as likely."""
    count = _PRECISION[kind.name]
    wide = f64 if kind is f64 else f32
    integer = convert(word.tracer, top_bits(word, count).value, i64)
    number = wrap(word.tracer, convert(word.tracer, integer, wide))
    unit = number * 2.0**-count
    return wrap(word.tracer, convert(word.tracer, unit.value, kind))


def positive_fraction(word: TracedArray, kind: Dtype) -> Any:
    """A number in (0, 1], of 53 bits, rounded to the dtype."""
    integer = convert(word.tracer, (top_bits(word, 53) + 1).value, i64)
    return wrap(word.tracer, convert(word.tracer, integer, kind)) * 2.0**-53


def scaled(high: Any, low: Any, span: Any) -> Any:
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


def exponential(word: TracedArray, kind: Dtype) -> Any:
    """Positive numbers of the exponential distribution."""
    return -numpy.log1p(-positive_fraction(word, kind))
