"""How much code a loop is once its arrays are scalars.

A loop whose state is a few numbers runs fastest as one kernel that keeps them in
registers: each array is taken apart into its elements. That takes sizes that are known
when it is compiled, and few enough elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod

from penstock.ir.dims import Size
from penstock.ir.graph.value import Function, Value
from penstock.ir.ops.contraction import Contract
from penstock.ir.ops.families import Elementwise, Movement, Reduction
from penstock.ir.ops.index import Gather, Scatter
from penstock.ir.ops.letters import letter_sizes
from penstock.ir.types import TensorType

__all__ = ["MOST_ELEMENTS", "MOST_INSTRUCTIONS", "changing", "unrolled_weight"]

MOST_INSTRUCTIONS = 2100
"""Longer code keeps too much in memory. Measured on Kalman filters: six states (1500
instructions) take a third of what a kernel for each product takes, eight (2100) the
same."""

MOST_ELEMENTS = 64
"""Of an array that is taken apart."""

# Longer rows are faster as vectors.
_MOST_OF_A_VECTOR = 16

Known = Callable[[Size], int | None]


def unrolled_weight(
    value: Value, known: Known, needed: dict[Size, int] | None = None
) -> int | None:
    """Instructions that ``if``, ``while`` or ``loop`` has once its arrays are scalars.

    Args:
        value: one of these.
        known: the number that a size is when the loop is compiled, if there is one.
        needed: filled with the sizes that have to be numbers, and these.

    Returns:
        Roughly how many; ``None`` if it has to be compiled otherwise, because it has
        too many elements, or sizes that are not known.
    """
    try:
        weight = _Weigher(known, needed).control(value, outermost=True)
    except _NotUnrolledError:
        return None
    return weight if weight <= MOST_INSTRUCTIONS else None


def changing(value: Value) -> list[int]:
    """The numbers of the carried values that a turn may change."""
    region = value.regions[-1]
    if value.is_op("while"):
        pairs = zip(region.parameters, region.results, strict=True)
    else:
        carried = value.attributes["carried"]
        assert isinstance(carried, int)
        own = region.parameters[1 : 1 + carried]
        pairs = zip(own, region.results[:carried], strict=True)
    return [k for k, (before, after) in enumerate(pairs) if before is not after]


class _NotUnrolledError(Exception):
    pass


class _Weigher:
    def __init__(self, known: Known, needed: dict[Size, int] | None) -> None:
        self.known = known
        self.needed = {} if needed is None else needed

    def numbers(self, sizes: Iterable[Size]) -> list[int]:
        """What sizes are that have to be known."""
        numbers = []
        for size in sizes:
            number = self.known(size)
            if number is None:
                raise _NotUnrolledError
            self.needed[size] = number
            numbers.append(number)
        return numbers

    def elements(self, value: Value) -> int:
        """How many elements a Value has, few and known."""
        if not isinstance(value.type, TensorType):
            raise _NotUnrolledError
        count = prod(self.numbers(value.tensor.shape))
        # What has no elements is not worth a case of its own.
        if not 1 <= count <= MOST_ELEMENTS:
            raise _NotUnrolledError
        return count

    def few(self, value: Value) -> int | None:
        """How many elements a Value has, if they are few; they need not be."""
        numbers = [self.known(size) for size in value.tensor.shape]
        count = prod(number for number in numbers if number is not None)
        return None if None in numbers or not 1 <= count <= MOST_ELEMENTS else count

    def region(self, region: Function) -> int:
        if region.effects:
            raise _NotUnrolledError
        weight = 0
        for value in region.values:
            weight += self.value(value)
            if weight > MOST_INSTRUCTIONS:
                raise _NotUnrolledError
        return weight

    def value(self, value: Value) -> int:
        op = value.op
        if value.is_op("get"):
            return 0
        if value.regions:
            return self.control(value)
        flops = op.flops if isinstance(op.flops, int) else 1
        if issubclass(op, Movement) and not value.is_op("const"):
            count = self.few(value)
            if count is None:
                # Nothing is computed but where its elements are read.
                return 0
            if issubclass(op, Gather):
                return count * (8 + (self.few(value.operands[0]) or 0))
            return count
        count = self.elements(value)
        if op.family == "composite":
            # Before passes expand it.
            return 4 * sum(map(self.elements, value.operands))
        if issubclass(op, Movement):
            return 0
        if issubclass(op, Elementwise):
            scale = 1 if count <= _MOST_OF_A_VECTOR else 4
            return count * max(flops, 1) * scale
        if issubclass(op, Reduction):
            return self.elements(value.operands[0])
        if issubclass(op, Contract):
            types = [operand.tensor for operand in value.operands]
            sizes = letter_sizes(str(value.attributes["spec"]), types)
            return prod(self.numbers(sizes.values()))
        if issubclass(op, Scatter):
            return count * self.elements(value.operands[1]) * 2
        raise _NotUnrolledError

    def control(self, value: Value, outermost: bool = False) -> int:
        if value.is_op("recompute"):
            return self.region(value.regions[0])
        if value.is_op("if"):
            weight = sum(map(self.region, value.regions))
            return weight + sum(map(self.elements, value.regions[0].results))
        if value.is_op("while"):
            cond, body = value.regions
            for number in changing(value):
                self.elements(body.results[number])
            # The condition is computed before the first turn, and in each.
            return 2 * self.region(cond) + self.region(body)
        if value.is_op("loop"):
            (body,) = value.regions
            carried = value.attributes["carried"]
            assert isinstance(carried, int)
            for number in changing(value):
                self.elements(body.results[number])
            for stacked in body.results[carried:]:
                self.elements(stacked)
                if not outermost:
                    raise _NotUnrolledError
            return self.region(body)
        raise _NotUnrolledError
