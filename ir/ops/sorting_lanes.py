"""Lines sorted side by side: each lane of a vector has a line of its own.

All lines are put in order by the same exchanges, so nothing is asked of one element
alone, and no element moves from lane to lane.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir.dims import dim_minimum, product
from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.ops.families import NestContext
from penstock.ir.ops.sort_keys import key_dtype, number_of_key, signed_key
from penstock.ir.ops.sorting_network import Pairs, sort_by_exchanges
from penstock.ir.types import DTYPES, Dtype, TensorType, i32, i64

__all__ = ["SideBySide"]

# Bytes that an element of all lines of a group takes: a line of the cache.
_GROUP_BYTES = 64
# Measured: longer lines are sorted sooner one by one, by their digits. By the number
# of integers that are sorted for an element.
_LONGEST = {1: 16384, 2: 4096}
# As in ``penstock.ir.ops.sorting``: iterations of the parallel loop with memory each.
_SHARES = 64


class SideBySide:
    """Groups of lines, as many as fill a line of the cache with an element of each.

    Args:
        context: of an op of one operand, whose result has its shape.
        axis: the axis along which the lines lie.
        positions: whether to store where the elements were rather than themselves.

    Attributes:
        serves: whether there are enough lines, and they are short enough.
    """

    def __init__(self, context: NestContext, axis: int, positions: bool) -> None:
        self.context = context
        self.builder = context.builder
        self.axis = axis
        self.positions = positions
        shape, self.source = context.type.shape, context.types[0].dtype
        self.outer = [a for a in range(len(shape)) if a != axis]
        self.size = self.builder.size(shape[axis])
        self.dtypes = _dtypes_sorted(self.source, positions)
        self.width = _GROUP_BYTES // max(dtype.itemsize for dtype in self.dtypes)
        lines = product([shape[a] for a in self.outer])
        self.lines = self.builder.size(lines)
        shares = dim_minimum(lines // self.width, _SHARES)
        self.shares = self.builder.size(shares)
        longest = _LONGEST[len(self.dtypes)]
        length = (dim_minimum(shape[axis], longest) + 7) // 8 * 8
        self.padded = (self.size + 7) // 8 * 8
        self.memory = [
            context.scratch(TensorType(dtype, (shares, length, self.width)))
            for dtype in self.dtypes
        ]
        enough = self.lines >= self.width
        self.serves = enough & (self.size <= longest) & (self.size > 1)

    def sort(self, share: Scalar) -> None:
        """Sort the lines of one iteration of the parallel loop, if it has any."""
        builder, width = self.builder, self.width
        with builder.when(share < self.shares):
            start = self.lines * share // self.shares
            stop = self.lines * (share + 1) // self.shares
            groups = (stop - start + (width - 1)) // width
            with builder.loop("serial", groups, hint="g") as loop:
                # The last group takes lines of the one before again, to be whole.
                first = builder.apply(
                    "minimum", start + loop.index * width, stop - width
                )
                self._sort_group(share, first)

    def _sort_group(self, share: Scalar, first: Scalar) -> None:
        builder = self.builder
        width = builder.size(self.width)
        has_negative_zero = self._load(share, first)

        def exchange(places: Sequence[Scalar], pairs: Pairs) -> None:
            with builder.loop("vector", width, hint="l") as lanes:
                self._exchange([share, lanes.index], places, pairs)

        sort_by_exchanges(builder, self.padded, exchange)
        with (
            builder.loop("serial", self.size, hint="c") as loop,
            builder.loop("vector", width, hint="l") as lanes,
        ):
            item = self._decoded([share, lanes.index], loop.index)
            self._store_result(first + lanes.index, loop.index, item)
        if has_negative_zero is not None:
            with (
                builder.when(has_negative_zero),
                builder.loop("serial", width, hint="l") as again,
            ):
                self._restore_zeros(first + again.index)

    def _place(self, line: Scalar, index: Scalar) -> list[Scalar]:
        """The indices of an element of a line."""
        at, shape, rest = {self.axis: index}, self.context.type.shape, line
        for a in reversed(self.outer[1:]):
            size = self.builder.size(shape[a])
            at[a], rest = rest % size, rest // size
        at[self.outer[0]] = rest
        return [at[a] for a in range(len(shape))]

    def _load(self, share: Scalar, first: Scalar) -> Scalar | None:
        """Copy the keys of a group; gives whether one is of -0, where that matters."""
        builder, width = self.builder, self.builder.size(self.width)
        finds = self.source.is_float and not self.positions
        none = builder.constant(0, self.dtypes[0])
        found = [(none, "or")] if finds else []
        with builder.loop("serial", self.size, carries=found, hint="c") as loop:
            before = [(carried, "or") for carried in loop.carried]
            with builder.loop(
                "vector", width, carries=before, hint="l", unroll=len(found)
            ) as lanes:
                x = self.context.operand(
                    0, self._place(first + lanes.index, loop.index)
                )
                row = [share, lanes.index]
                self._put(row, loop.index, self._encoded(x, loop.index))
                for carried in lanes.carried:
                    key = key_dtype(self.source)
                    is_one = scalar.bitcast(x, key).equals(1 << (key.bits - 1))
                    one = builder.constant(1, none.dtype)
                    lanes.update(carried | builder.select(is_one, one, none))
            loop.update(*lanes.results)
        last = [
            builder.constant((1 << (dtype.bits - 1)) - 1, dtype)
            for dtype in self.dtypes
        ]
        with (
            builder.loop("serial", self.padded, start=self.size, hint="c") as rest,
            builder.loop("vector", width, hint="l") as lanes,
        ):
            self._put([share, lanes.index], rest.index, last)
        return ~loop.results[0].equals(none) if finds else None

    def _encoded(self, x: Scalar, index: Scalar) -> list[Scalar]:
        """What is sorted for an element: numbers that are compared in turn."""
        builder, key = self.builder, signed_key(x)
        if not self.positions:
            return [key]
        if len(self.dtypes) == 2:
            return [key, index]
        (dtype,) = self.dtypes
        half = builder.constant(dtype.bits // 2, dtype)
        high = builder.apply("shift_left", builder.convert(key, dtype), half)
        return [high | builder.convert(index, dtype)]

    def _decoded(self, row: list[Scalar], index: Scalar) -> Scalar:
        """The result for an element that is in its place."""
        builder = self.builder
        found = self._get(row, index)[-1]
        if not self.positions:
            return number_of_key(found, self.source)
        if len(self.dtypes) == 1:
            low = builder.constant((1 << (found.dtype.bits // 2)) - 1, found.dtype)
            found = found & low
        return builder.convert(found, i64)

    def _get(self, row: list[Scalar], index: Scalar) -> list[Scalar]:
        share, lane = row
        return [self.builder.load(m, [share, index, lane]) for m in self.memory]

    def _put(self, row: list[Scalar], index: Scalar, fields: list[Scalar]) -> None:
        share, lane = row
        for memory, field in zip(self.memory, fields, strict=True):
            self.builder.store(memory, [share, index, lane], field)

    def _exchange(
        self, row: list[Scalar], places: Sequence[Scalar], pairs: Pairs
    ) -> None:
        """Put elements at some places in order, by pairs of their numbers."""
        found = [self._get(row, place) for place in places]
        for one, other in pairs:
            found[one], found[other] = self._in_order(found[one], found[other])
        for place, fields in zip(places, found, strict=True):
            self._put(row, place, fields)

    def _in_order(
        self, left: list[Scalar], right: list[Scalar]
    ) -> tuple[list[Scalar], list[Scalar]]:
        builder = self.builder
        if len(left) == 1:
            first = builder.apply("minimum", left[0], right[0])
            return [first], [builder.apply("maximum", left[0], right[0])]
        same = left[0].equals(right[0])
        changes = (right[0] < left[0]) | (same & (right[1] < left[1]))
        both = list(zip(left, right, strict=True))
        return (
            [builder.select(changes, b, a) for a, b in both],
            [builder.select(changes, a, b) for a, b in both],
        )

    def _store_result(self, line: Scalar, index: Scalar, item: Scalar) -> None:
        self.builder.store(self.context.result(), self._place(line, index), item)

    def _restore_zeros(self, line: Scalar) -> None:
        """Write the zeros of a line with their signs, in the order that they had."""
        builder = self.builder
        before = [(builder.size(0), None)]

        def element(index: Scalar) -> Scalar:
            return self.context.operand(0, self._place(line, index))

        with builder.loop("serial", self.size, carries=before, hint="c") as loop:
            (count,) = loop.carried
            is_before = element(loop.index) < 0
            loop.update(builder.select(is_before, count + 1, count))
        place = [(loop.results[0], None)]
        with builder.loop("serial", self.size, carries=place, hint="c") as loop:
            (count,), x = loop.carried, element(loop.index)
            is_zero = x.equals(0)
            with builder.when(is_zero):
                self._store_result(line, count, x)
            loop.update(builder.select(is_zero, count + 1, count))


def _dtypes_sorted(source: Dtype, positions: bool) -> list[Dtype]:
    """Of what is sorted for an element: its key, its position, or both in one."""
    bits = key_dtype(source).bits
    if not positions:
        return [DTYPES[f"i{bits}"]]
    if bits <= 16:
        return [i32]
    return [i64] if bits == 32 else [i64, i64]
