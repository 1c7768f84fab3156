"""The loops of sorts: stable, of any dtype, of lines of any length.

A few numbers, where it is known how many, are sorted in registers, as many lines at a
time as a vector has lanes. Many lines are sorted side by side in memory
(``penstock.ir.ops.sorting_lanes``), unless they are very long. Of what is left, short
lines are sorted by counting, and others by their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from penstock.ir.dims import Size, dim_minimum, product
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Scalar
from penstock.ir.ops.families import NestContext
from penstock.ir.ops.sort_keys import key_dtype, sort_key
from penstock.ir.ops.sorting_lanes import SideBySide
from penstock.ir.types import Dtype, TensorType, i64

__all__ = ["lower_sort"]

# Lines of so many elements are sorted in registers: longer ones do not fit.
_MOST_IN_REGISTERS = 10
# Lines that one iteration of the parallel loop takes then.
_LINES = 1024
# Measured: to these lengths counting the smaller elements is faster than a radix sort.
_SHORT = {8: 128, 16: 128, 32: 192, 64: 192}
# Bits of a digit: more make fewer passes, and more lists to append to in each, whose
# lengths are added up for every line.
_DIGIT_BITS = 8
_LONG_DIGIT_BITS = {8: 8, 16: 8, 32: 11, 64: 11}
# Lines from which on the long digits are faster.
_LONG = 8192
# The lines are shared by so many iterations of the parallel loop, each with memory to
# sort in of its own. To have some for each line would fill the cache with it.
_SHARES = 64


class _Line:
    """The line of elements that is being sorted, and the memory to do it in.

    Args:
        context: of the op.
        axis: the axis along which it lies.
        positions: whether the positions of its elements are wanted.
    """

    def __init__(self, context: NestContext, axis: int, positions: bool) -> None:
        self.context = context
        self.builder: KernelBuilder = context.builder
        self.axis = axis
        self.positions = positions
        shape, source = context.type.shape, context.types[0].dtype
        self.outer = [a for a in range(len(shape)) if a != axis]
        self.size = self.builder.size(shape[axis])
        self.key = key_dtype(source)
        self.short = _SHORT[self.key.bits]
        self.digit_bits = _DIGIT_BITS, _LONG_DIGIT_BITS[self.key.bits]
        self.is_long = self.size >= _LONG
        self.lines = product([shape[a] for a in self.outer])
        self.shares = dim_minimum(self.lines, _SHARES)
        item = i64 if positions else source
        # Two arrays each, of which one is read while the other is written.
        self.items = context.scratch(TensorType(item, (self.shares, 2, shape[axis])))
        length = shape[axis] if positions else self.short
        self.keys = context.scratch(TensorType(self.key, (self.shares, 2, length)))
        counts = max(self.digits(bits) << bits for bits in self.digit_bits)
        self.counts = context.scratch(TensorType(i64, (self.shares, counts)))
        self.at: dict[int, Scalar] = {}
        self.row = self.builder.constant(0, i64)

    def digits(self, bits: int) -> int:
        """How many digits of so many bits a key has."""
        return -(-self.key.bits // bits)

    def by_length(self, of_bits: Callable[[int], int], dtype: Dtype) -> Scalar:
        """A number that depends on how many bits a digit of the line has."""
        short, long = (
            self.builder.constant(of_bits(bits), dtype) for bits in self.digit_bits
        )
        return self.builder.select(self.is_long, long, short)

    @property
    def radix(self) -> Scalar:
        """How many digits there are."""
        return self.by_length(lambda bits: 1 << bits, i64)

    @contextmanager
    def each(self) -> Iterator[None]:
        """The loop over the lines of a share."""
        builder, shape = self.builder, self.context.type.shape
        lines, shares = builder.size(self.lines), builder.size(self.shares)
        share = self.row
        start, stop = (lines * part // shares for part in (share, share + 1))
        with builder.loop("serial", stop, start=start, hint="l") as loop:
            rest = loop.index
            for a in reversed(self.outer[1:]):
                size = builder.size(shape[a])
                self.at[a], rest = rest % size, rest // size
            self.at.update(dict.fromkeys(self.outer[:1], rest))
            yield

    def place(self, index: Scalar) -> list[Scalar]:
        """The indices of an element of the line."""
        return [self.at.get(a, index) for a in range(len(self.at) + 1)]

    def load(self, index: Scalar) -> tuple[Scalar, Scalar]:
        """An element's key, and what is to be moved with it."""
        x = self.context.operand(0, self.place(index))
        return sort_key(x), index if self.positions else x

    def load_moved(self, half: Scalar, index: Scalar) -> tuple[Scalar, Scalar]:
        """The same after some passes."""
        item = self.builder.load(self.items, [self.row, half, index])
        if self.positions:
            return self.builder.load(self.keys, [self.row, half, index]), item
        return sort_key(item), item

    def store_moved(
        self, half: Scalar, index: Scalar, key: Scalar, item: Scalar
    ) -> None:
        """Put an element into one of the arrays."""
        self.builder.store(self.items, [self.row, half, index], item)
        if self.positions:
            self.builder.store(self.keys, [self.row, half, index], key)

    def digit(self, key: Scalar, shift: Scalar) -> Scalar:
        """A digit of a key, as an index."""
        mask = self.by_length(lambda bits: (1 << bits) - 1, self.key)
        digit = self.builder.apply("shift_right", key, shift) & mask
        return self.builder.convert(digit, i64)

    def store(self, index: Scalar, item: Scalar) -> None:
        """Write an element of the result."""
        self.builder.store(self.context.result(), self.place(index), item)


def lower_sort(context: NestContext, axis: int, *, positions: bool) -> None:
    """Sort the operand's lines along an axis.

    Args:
        context: of an op of one operand, whose result has its shape.
        axis: the axis.
        positions: whether to store where the elements were rather than themselves.
    """
    size = context.type.shape[axis]
    if isinstance(size, int) and 1 <= size <= _MOST_IN_REGISTERS:
        _sort_in_registers(context, axis, size, positions)
        return
    line = _Line(context, axis, positions)
    builder = context.builder
    lanes = SideBySide(context, axis, positions) if line.outer else None
    with context.rows([line.shares]) as (line.row,):
        if lanes is None:
            _sort_one_by_one(line)
            return
        with builder.when(lanes.serves):
            lanes.sort(line.row)
        with builder.when(~lanes.serves):
            _sort_one_by_one(line)


def _sort_one_by_one(line: _Line) -> None:
    with line.each():
        is_short = line.size <= line.short
        with line.builder.when(is_short):
            _sort_short(line)
        with line.builder.when(~is_short):
            _sort_long(line)


def _sort_in_registers(
    context: NestContext, axis: int, size: int, positions: bool
) -> None:
    """Neighbours change places until all are in order, in a vector of lines at a time.

    Only neighbours do, and no equal ones, so that their order stays (Knuth, TAOCP 3,
    5.3.4, exercise 5.3.4-36).
    """
    builder, shape = context.builder, context.type.shape
    outer = [a for a in range(len(shape)) if a != axis]
    blocked: Size = shape[outer[-1]] if outer else 1
    with context.tiles([shape[a] for a in outer[:-1]], blocked, _LINES) as tile:
        rows, start, stop = tile
        kind = "vector" if outer else "serial"
        with builder.loop(kind, stop, start=start, hint="l") as loop:
            at = dict(zip(outer, (*rows, loop.index), strict=False))
            places = [
                [at.get(a, builder.size(number)) for a in range(len(shape))]
                for number in range(size)
            ]
            items = [context.operand(0, place) for place in places]
            keys = list(map(sort_key, items))
            if positions:
                items = [builder.size(number) for number in range(size)]
            for last in reversed(range(1, size)):
                for here in range(last):
                    pair = slice(here, here + 2)
                    changes = keys[here + 1] < keys[here]
                    keys[pair] = _exchanged(changes, *keys[pair])
                    items[pair] = _exchanged(changes, *items[pair])
            for place, item in zip(places, items, strict=True):
                builder.store(context.result(), place, item)


def _exchanged(changes: Scalar, first: Scalar, second: Scalar) -> list[Scalar]:
    builder = changes.builder
    assert builder is not None
    return [
        builder.select(changes, second, first),
        builder.select(changes, first, second),
    ]


def _sort_short(line: _Line) -> None:
    """Each element's place is how many come before it: all pairs are compared.

    A vector of elements is compared at a time, with numbers as wide as the keys.
    """
    builder, row, size = line.builder, line.row, line.size
    zero, one = builder.constant(0, i64), builder.constant(1, i64)
    none, single = builder.constant(0, line.key), builder.constant(1, line.key)
    with builder.loop("vector", size, hint="c") as loop:
        key, _ = line.load(loop.index)
        builder.store(line.keys, [row, zero, loop.index], key)
    with builder.loop("vector", size, hint="i") as here:
        own = builder.load(line.keys, [row, zero, here.index])
        number = builder.convert(here.index, line.key)
        with builder.loop("serial", size, carries=[(none, None)], hint="j") as there:
            other = builder.load(line.keys, [row, zero, there.index])
            earlier = builder.convert(there.index, line.key) < number
            before = (other < own) | (other.equals(own) & earlier)
            count = there.carried[0]
            there.update(builder.select(before, count + single, count))
        builder.store(line.keys, [row, one, here.index], there.results[0])
    with builder.loop("serial", size, hint="c") as loop:
        _, item = line.load(loop.index)
        place = builder.load(line.keys, [row, one, loop.index])
        line.store(builder.convert(place, i64), item)


def _sort_long(line: _Line) -> None:
    """A radix sort from the last digit on (Knuth, TAOCP 3, 5.2.5 R).

    Digits that are the same in all keys are passed over.
    """
    builder, size = line.builder, line.size
    zero, one = builder.constant(0, i64), builder.constant(1, i64)
    _count_digits(line)
    carries = [(zero, None), (builder.constant(0, line.key), None)]
    digits = line.by_length(line.digits, i64)
    with builder.loop("serial", digits, carries=carries, hint="p") as loop:
        half, shift = loop.carried
        first = loop.index * line.radix
        key, _ = line.load_moved(half, zero)
        same = builder.load(line.counts, [line.row, first + line.digit(key, shift)])
        is_needed = ~same.equals(size)
        other = one - half
        _add_up(line, first)
        stop = builder.select(is_needed, size, zero)
        with builder.loop("serial", stop, hint="c") as moved:
            key, item = line.load_moved(half, moved.index)
            count = [line.row, first + line.digit(key, shift)]
            place = builder.load(line.counts, count)
            builder.store(line.counts, count, place + 1)
            line.store_moved(other, place, key, item)
        bits = line.by_length(int, line.key)
        loop.update(builder.select(is_needed, other, half), shift + bits)
    half = loop.results[0]
    with builder.loop("vector", size, hint="c") as copy:
        _, item = line.load_moved(half, copy.index)
        line.store(copy.index, item)


def _count_digits(line: _Line) -> None:
    """Copy the line, and count how often it has each digit in each place."""
    builder, row = line.builder, line.row
    zero = builder.constant(0, i64)
    total = line.by_length(lambda bits: line.digits(bits) << bits, i64)
    with builder.loop("vector", total, hint="d") as loop:
        builder.store(line.counts, [row, loop.index], zero)
    with builder.loop("serial", line.size, hint="c") as loop:
        key, item = line.load(loop.index)
        line.store_moved(zero, loop.index, key, item)

        def count_digit(digit: int) -> None:
            shift = line.by_length(lambda bits: digit * bits, line.key)
            index = line.digit(key, shift) + line.radix * digit
            count = builder.load(line.counts, [row, index])
            builder.store(line.counts, [row, index], count + 1)

        more, few = map(line.digits, line.digit_bits)
        for digit in range(few):
            count_digit(digit)
        if more > few:
            with builder.when(~line.is_long):
                for digit in range(few, more):
                    count_digit(digit)


def _add_up(line: _Line, first: Scalar) -> None:
    """Turn the counts of digits into the places where their elements begin."""
    builder = line.builder
    start = [(builder.constant(0, i64), None)]
    with builder.loop("serial", line.radix, carries=start, hint="d") as loop:
        place = [line.row, first + loop.index]
        count = builder.load(line.counts, place)
        builder.store(line.counts, place, loop.carried[0])
        loop.update(loop.carried[0] + count)
