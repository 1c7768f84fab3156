"""Which elements are exchanged to put any elements in order: a network of merges.

Sorted blocks are merged into ones of twice their length: each element of the first is
exchanged with that at the mirrored place of the second, and then elements at half that
distance, a quarter, and so on (Knuth, TAOCP 3, 5.3.4, on bitonic sorting). Of three
steps, eight elements are exchanged in registers, so that memory is read and written
once. An element beyond the last would be greater than all: it never moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Scalar

__all__ = ["Exchange", "Pairs", "sort_by_exchanges"]

Pairs = tuple[tuple[int, int], ...]
Exchange = Callable[[Sequence[Scalar], Pairs], None]

_STEPS_OF_TWO: Pairs = (
    (0, 2), (1, 3), (4, 6), (5, 7), (0, 1), (2, 3), (4, 5), (6, 7),
)  # fmt: skip
# Eight elements at one distance from each other, and those at mirrored places.
_THREE_STEPS: Pairs = ((0, 4), (1, 5), (2, 6), (3, 7), *_STEPS_OF_TWO)
_MIRRORED: Pairs = ((0, 7), (1, 6), (2, 5), (3, 4), *_STEPS_OF_TWO)
# Eight elements in no order (Knuth, TAOCP 3, 5.2.2 M).
_ALL_EIGHT: Pairs = (
    (0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6),
    (0, 4), (1, 5), (2, 6), (3, 7), (2, 4), (3, 5), (1, 2), (3, 4), (5, 6),
)  # fmt: skip
# The distances 4, 32, 256, ...: so many steps are left that they come in threes.
_IN_THREES = sum(4 << bit for bit in range(0, 60, 3))


def sort_by_exchanges(builder: KernelBuilder, size: Scalar, exchange: Exchange) -> None:
    """Sort elements by exchanges that do not depend on what they are.

    Args:
        builder: of the Kernel.
        size: how many elements there are: a multiple of 8, but not 0.
        exchange: puts elements at some places in order, by pairs of their numbers.
    """
    _Network(builder, size, exchange).sort()


class _Network:
    def __init__(
        self, builder: KernelBuilder, size: Scalar, exchange: Exchange
    ) -> None:
        self.builder = builder
        self.size = size
        self.exchange = exchange
        # No size has more bits.
        self.most = builder.size(62)

    def sort(self) -> None:
        builder, size = self.builder, self.size
        with builder.loop("serial", size, step=8, hint="c") as loop:
            self.exchange([loop.index + number for number in range(8)], _ALL_EIGHT)
        eight = builder.size(8)
        grows = [(eight < size, None), (eight, None)]
        with builder.loop("serial", self.most, carries=grows, test=True) as loop:
            half = loop.carried[1]
            self.merge_ends(half)
            self.merge_middles(self.shifted(half, 3))
            twice = half + half
            loop.update(twice < size, twice)

    def shifted(self, number: Scalar, bits: int) -> Scalar:
        """A number without its last bits."""
        return self.builder.apply("shift_right", number, self.builder.size(bits))

    def merge_ends(self, half: Scalar) -> None:
        """The first three steps of merging blocks with those that follow them."""
        builder, block = self.builder, half + half
        whole = self.size - self.size % block
        quarter = self.shifted(half, 2)
        with builder.loop("serial", self.shifted(whole, 3), hint="c") as loop:
            low = builder.apply("and", loop.index, quarter - 1)
            start = (loop.index - low) * 8
            first, last = start + low, start + block - 1 - low
            before = [first + quarter * number for number in range(4)]
            behind = [last - quarter * number for number in reversed(range(4))]
            self.exchange([*before, *behind], _MIRRORED)
        rest = self.size - whole
        with builder.when(half < rest):
            with builder.loop("serial", half, start=block - rest, hint="c") as loop:
                mirrored = whole + block - 1 - loop.index
                self.exchange([whole + loop.index, mirrored], ((0, 1),))
            self.steps(whole, self.shifted(half, 1), builder.size(2))

    def merge_middles(self, distance: Scalar) -> None:
        """The further steps of merging: at this distance, and all that are smaller."""
        builder, zero = self.builder, self.builder.size(0)
        halves = [(zero < distance, None), (distance, None)]
        with builder.loop("serial", self.most, carries=halves, test=True) as loop:
            distance = loop.carried[1]
            mask = builder.apply("and", distance, builder.size(_IN_THREES))
            in_threes = zero < mask
            block = distance + distance
            whole = builder.select(in_threes, self.size - self.size % block, zero)
            self.three_steps(whole, self.shifted(distance, 2))
            count = builder.select(in_threes, builder.size(3), builder.size(1))
            self.steps(whole, distance, count)
            smaller = builder.apply("shift_right", distance, count)
            loop.update(zero < smaller, smaller)

    def three_steps(self, stop: Scalar, distance: Scalar) -> None:
        """Exchange elements at four times a distance, at twice, and at the distance."""
        builder = self.builder
        with builder.loop("serial", self.shifted(stop, 3), hint="c") as loop:
            low = builder.apply("and", loop.index, distance - 1)
            first = (loop.index - low) * 8 + low
            places = [first + distance * number for number in range(8)]
            self.exchange(places, _THREE_STEPS)

    def steps(self, start: Scalar, distance: Scalar, count: Scalar) -> None:
        """Exchange elements at a distance, then at half of it, and so on.

        Args:
            start: the place from which on elements are exchanged: a block begins there.
            distance: a power of two.
            count: how many steps there are.
        """
        builder, size = self.builder, self.size
        count = builder.select(start < size, count, builder.size(0))
        with builder.loop("serial", count, carries=[(distance, None)]) as steps:
            (distance,) = steps.carried
            block = distance + distance
            zero = builder.size(0)
            span = builder.apply("maximum", size - start - distance, zero)
            rest = builder.apply("minimum", span % block, distance)
            pairs = span // block * distance + rest
            with builder.loop("serial", pairs, hint="c") as loop:
                low = builder.apply("and", loop.index, distance - 1)
                place = start + loop.index + loop.index - low
                self.exchange([place, place + distance], ((0, 1),))
            steps.update(self.shifted(distance, 1))
