"""Reads of arrays that are the same for all turns, taken out of loops.

A derivative that goes back through a loop sums up the cotangents of what all turns
read. Of an array of which they read a part this is the part; of one of which each
turn reads its own element, as slices of a scan are, there is nothing to sum up.
"""

from __future__ import annotations

from typing import Any

from penstock.ir.dims import Size
from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.region_rules import copies, extract, reached

__all__ = ["with_reads_outside"]

# What a turn sees of an array that is the same for all, without computing.
_PARTS = frozenset({"slice", "reshape", "transpose"})


def with_reads_outside(builder: Builder, loop: Value) -> Function | None:
    """A loop as a Function of its operands that reads before it what it can.

    ``x[3]`` is read once, and ``x[i]`` of the counter ``i`` becomes a slice, where all
    turns are known to be within the array. ``None`` if there is nothing of the kind.

    Args:
        builder: one that knows the sizes.
        loop: a Value of op ``loop``.
    """
    reads = _Reads(builder, loop)
    return reads.function() if reads.parts or reads.rows else None


class _Reads:
    """What the body of a loop reads of its invariants.

    Attributes:
        parts: Values of the body that depend on invariants alone, in order.
        rows: elements at the counter, each with the array and the first position.
    """

    def __init__(self, builder: Builder, loop: Value) -> None:
        attributes: Any = loop.attributes
        self.loop, self.facts = loop, builder.facts
        self.trip: Size = attributes["trip"]
        self.carried, self.sliced = attributes["carried"], attributes["sliced"]
        (self.body,) = loop.regions
        counter, *own = self.body.parameters
        self.invariants = own[self.carried + self.sliced :]
        outside = set(self.invariants)
        self.parts: list[Value] = []
        self.rows: dict[Value, tuple[Value, int]] = {}
        for value in self.body.values:
            if value.op.name in _PARTS and value.operands[0] in outside:
                outside.add(value)
                self.parts.append(value)
            elif value.is_op("gather") and value.operands[0] in outside:
                array, *indices = value.operands
                first = _distance(indices[0], counter)
                if first is not None and self.is_within(value, first):
                    self.rows[value] = array, first

    def is_within(self, read: Value, first: int) -> bool:
        """Whether all turns read an element that there is, along the first axis."""
        whole = read.operands[0].shape[0]
        return (
            read.attributes["axes"] == (0,)
            and first >= 0
            and self.facts.decide(self.trip + first, "<=", whole) is True
        )

    def function(self) -> Function:
        """The loop with all of them before it."""
        builder = Builder(self.facts)
        operands = copies(builder, self.loop.operands, "a")
        end = self.carried + self.sliced
        known = dict(zip(self.invariants, operands[end:], strict=True))
        parts = extract(builder, self.parts, known)
        rows = [
            self.rows_of(builder, known[array], first)
            for array, first in self.rows.values()
        ]
        # The body, with further parameters for what was read before.
        inner = Builder(self.facts)
        counter, *own = copies(inner, self.body.parameters, "a")
        elements = copies(inner, list(self.rows), "e")
        more = copies(inner, self.parts, "p")
        given = dict(zip(self.body.parameters, (counter, *own), strict=True))
        given.update(zip(self.rows, elements, strict=True))
        given.update(zip(self.parts, more, strict=True))
        results = tuple(extract(inner, self.body.results, given))
        # Of what is the same for all turns, what they read still.
        same = [
            *zip(own[end:], operands[end:], strict=True),
            *zip(more, parts, strict=True),
        ]
        names = tuple(name for name, _ in same)
        read = reached(Function("read", names, results), range(len(results)))
        same = [pair for i, pair in enumerate(same) if i in read]
        body = Function(
            "body",
            (counter, *own[:end], *elements, *(name for name, _ in same)),
            results,
        )
        attributes = {**self.loop.attributes, "sliced": self.sliced + len(rows)}
        loop = builder.add(
            "loop",
            *operands[:end],
            *rows,
            *(operand for _, operand in same),
            locations=self.loop.locations,
            regions=(body,),
            **attributes,
        )
        return Function("loop", tuple(operands), tuple(builder.results(loop)))

    def rows_of(self, builder: Builder, array: Value, first: int) -> Value:
        """The elements that the turns read."""
        further = array.shape[1:]
        return builder.add(
            "slice",
            array,
            locations=self.loop.locations,
            start=(first, *[0] * len(further)),
            step=(1,) * len(array.shape),
            size=(self.trip, *further),
        )


def _distance(index: Value, counter: Value) -> int | None:
    """By how much an index is more than the counter, if that is known."""
    if index is counter:
        return 0
    if index.op.name not in ("add", "sub"):
        return None
    left, right = index.operands
    if index.is_op("add") and left.is_op("const"):
        left, right = right, left
    if not right.is_op("const") or right.shape != ():
        return None
    constant: Any = right.attributes["value"]
    number = int(constant.array)
    inner = _distance(left, counter)
    if inner is None:
        return None
    return inner + (number if index.is_op("add") else -number)
