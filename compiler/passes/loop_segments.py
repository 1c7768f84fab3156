"""Loops in segments, of which reverse mode keeps one state each."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import TYPE_CHECKING, Any

from penstock.ir.dims import Size, dim_maximum, dim_minimum, symbol
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.types import TensorType, f64, i64
from penstock.passes.region_rules import copies, extract, fresh_symbol

if TYPE_CHECKING:
    from penstock.passes.pushforward import Pushforward, Tangent

__all__ = ["in_segments", "push_segmented"]

_COUNTER = TensorType(i64)


def push_segmented(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> tuple[list[Value], list[Tangent]]:
    """All results of a ``segmented``, and their tangents.

    Args:
        push: what builds.
        value: the Value.
        operands: its operands, built.
        tangents: theirs; ``None`` where zero.
    """
    from penstock.passes.push_control import Pushed

    (region,) = value.regions
    length: Any = value.attributes["length"]
    if push.linearize:
        return push.in_segments(length).run(region, operands, tangents)
    body = Pushed(push, region, [tangent is not None for tangent in tangents])
    moving = [i for i, tangent in enumerate(body.tangents) if tangent is not None]
    found = push.builder.results(
        push.builder.add(
            "segmented",
            *operands,
            *(tangent for tangent in tangents if tangent is not None),
            locations=value.locations,
            regions=(
                Function(
                    "body",
                    (*body.parameters, *body.given),
                    (*body.results, *(body.tangent(i) for i in moving)),
                ),
            ),
            length=length,
        )
    )
    ends: list[Tangent] = [None] * len(body.results)
    for position, tangent in zip(moving, found[len(ends) :], strict=True):
        ends[position] = tangent
    return found[: len(ends)], ends


def in_segments(
    builder: Builder, loop: Value, operands: Sequence[Value], length: Size
) -> list[Value]:
    """All results of a loop, as a loop over segments and one over what is left.

    A segment is a ``recompute``: what its turns need in reverse mode is computed again
    from the state with which it starts. So ``trip / length`` states are kept, and those
    of ``length`` turns at a time.

    Args:
        builder: of the Function that receives them.
        loop: the loop.
        operands: its operands, built.
        length: the turns of a segment; 0 for the square root of all, where the sum of
            both is least (Griewank and Walther, Evaluating Derivatives, chapter 12).
    """
    trip = builder.facts.normalize(_size(loop.attributes["trip"]))
    if length != 0:
        length = _at_most(length, trip)
        return _Segments(builder, loop, operands, length).results
    if isinstance(trip, int):
        return _Segments(builder, loop, operands, max(isqrt(trip), 1)).results
    number = Expression(builder, builder.add("dim", size=trip), loop.locations)
    root = number.astype(f64).apply("sqrt").apply("floor").astype(i64)
    root = root.apply("maximum", root.constant(1))
    name = symbol(fresh_symbol(builder.facts, "segment"))
    inner = Builder(builder.facts)
    parameters = copies(inner, operands, "a")
    results = _Segments(inner, loop, parameters, name).results
    return builder.results(
        builder.add(
            "bind",
            root.value,
            *operands,
            locations=loop.locations,
            regions=(Function("body", tuple(parameters), tuple(results)),),
            symbol=name,
        )
    )


def _at_most(length: Size, trip: Size) -> Size:
    """The turns of a segment, for which there is memory: not beyond the turns at all.

    Where there are no turns it is 1, since no number is divided by 0.
    """
    return dim_minimum(length, dim_maximum(trip, 1))


def _size(size: Any) -> Size:
    found: Size = size
    return found


class _Segments:
    """A loop over the segments of a loop, and one over the turns that are left.

    Attributes:
        results: all that the loop gives.
    """

    def __init__(
        self, builder: Builder, loop: Value, operands: Sequence[Value], length: Size
    ) -> None:
        attributes: Any = loop.attributes
        self.builder, self.loop, self.length = builder, loop, length
        self.reverse = attributes["reverse"]
        self.carried, self.sliced = attributes["carried"], attributes["sliced"]
        trip = builder.facts.normalize(attributes["trip"])
        self.count = builder.facts.normalize(trip // length)
        left = builder.facts.normalize(trip - self.count * length)
        end = self.carried + self.sliced
        state = list(operands[: self.carried])
        arrays, self.same = operands[self.carried : end], list(operands[end:])
        cut = self.count * length
        # What comes before what, and of which turns.
        parts = [(self.whole, 0, cut), (self.rest, cut, left)]
        stacks: dict[int, list[Value]] = {}
        for run, first, size in reversed(parts) if self.reverse else parts:
            # Of no turns at all there are stacks still.
            if size == 0 and (left != 0 or run == self.rest):
                continue
            own = [self.cut(array, first, size) for array in arrays]
            found = run(state, own, first, size)
            state = found[: self.carried]
            stacks[0 if first == 0 and run == self.whole else 1] = found[self.carried :]
        self.results = state + self.joined(stacks)

    def cut(self, array: Value, first: Size, size: Size) -> Value:
        """So many parts of an array, from the first on."""
        further = array.shape[1:]
        return self.builder.add(
            "slice",
            array,
            locations=self.loop.locations,
            start=(first, *[0] * len(further)),
            step=(1,) * len(array.shape),
            size=(size, *further),
        )

    def joined(self, stacks: dict[int, list[Value]]) -> list[Value]:
        """The stacks of all turns."""
        ordered = [stacks[key] for key in sorted(stacks)]
        return [
            parts[0]
            if len(parts) == 1
            else self.builder.add(
                "concatenate", *parts, locations=self.loop.locations, axis=0
            )
            for parts in zip(*ordered, strict=True)
        ]

    def turns(
        self,
        builder: Builder,
        operands: Sequence[Value],
        base: Value,
        trip: Size,
    ) -> list[Value]:
        """A loop of some turns, whose counter begins at a number."""
        (region,) = self.loop.regions
        inner = Builder(builder.facts)
        own = copies(inner, region.parameters, "a")
        start = inner.parameter("base", _COUNTER)
        given = dict(zip(region.parameters, own, strict=True))
        counter = region.parameters[0]
        given[counter] = inner.add("add", start, own[0])
        results = extract(inner, region.results, given)
        return builder.results(
            builder.add(
                "loop",
                *operands,
                base,
                locations=self.loop.locations,
                regions=(Function("body", (*own, start), tuple(results)),),
                trip=trip,
                carried=self.carried,
                sliced=self.sliced,
                reverse=self.reverse,
            )
        )

    def rest(
        self, state: list[Value], arrays: list[Value], first: Size, size: Size
    ) -> list[Value]:
        """The turns that are no whole segment."""
        base = self.builder.add("dim", size=first)
        operands = [*state, *arrays, *self.same]
        return self.turns(self.builder, operands, base, size)

    def whole(
        self, state: list[Value], arrays: list[Value], first: Size, size: Size
    ) -> list[Value]:
        """The turns of all segments."""
        builder, length = self.builder, self.length
        rows = [
            Expression(builder, array)
            .reshape((self.count, length, *array.shape[1:]))
            .value
            for array in arrays
        ]
        # One turn of the loop over segments.
        turn = Builder(builder.facts)
        number = turn.parameter("i", _COUNTER)
        elements = [
            turn.parameter(f"s{i}", row.tensor.with_shape(row.shape[1:]))
            for i, row in enumerate(rows)
        ]
        parameters = [
            *copies(turn, state, "a"), *elements, *copies(turn, self.same, "b"),
        ]  # fmt: skip
        base = turn.add("mul", number, turn.add("dim", size=length))
        segment = Builder(builder.facts)
        own = copies(segment, [*parameters, base], "a")
        results = self.turns(segment, own[:-1], own[-1], length)
        computed = turn.results(
            turn.add(
                "recompute",
                *parameters,
                base,
                locations=self.loop.locations,
                regions=(Function("body", tuple(own), tuple(results)),),
                serial=0,
            )
        )
        found = builder.results(
            builder.add(
                "loop",
                *state,
                *rows,
                *self.same,
                locations=self.loop.locations,
                regions=(Function("body", (number, *parameters), tuple(computed)),),
                trip=self.count,
                carried=self.carried,
                sliced=self.sliced,
                reverse=self.reverse,
            )
        )
        stacks = [
            Expression(builder, stack).reshape((size, *stack.shape[2:])).value
            for stack in found[self.carried :]
        ]
        return found[: self.carried] + stacks
