"""Forward derivatives of a graph: each Value, and its tangent beside it."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir import derivative
from penstock.ir.dims import Size
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.location import in_role
from penstock.passes.push_control import push_control

__all__ = ["Pushforward", "Tangent"]

Tangent = Value | None


class Pushforward:
    """Builds Functions with the tangents of what they compute.

    Args:
        builder: of the Function that receives the Values.
        linearize: whether the tangents are to be transposed, so that what is linear
            must stand apart from what is not.
        segments: the turns after which a loop keeps its state, the others being
            computed again; 0 for the square root of all; ``None`` to keep all.
    """

    def __init__(
        self, builder: Builder, linearize: bool = False, segments: Size | None = None
    ) -> None:
        self.builder = builder
        self.linearize = linearize
        self.segments = segments

    def in_segments(self, length: Size | None) -> Pushforward:
        """The same for loops in segments."""
        return Pushforward(self.builder, self.linearize, length)

    def inner(self, builder: Builder) -> Pushforward:
        """The same within a region."""
        return Pushforward(builder, self.linearize)

    def run(
        self,
        function: Function,
        arguments: Sequence[Value],
        tangents: Sequence[Tangent],
    ) -> tuple[list[Value], list[Tangent]]:
        """A Function's results, and their tangents.

        Args:
            function: a region, whose symbols are the receiver's.
            arguments: a Value for each parameter.
            tangents: of the arguments; ``None`` where zero.

        Raises:
            UnsupportedError: an op on the way has no derivative.
        """
        known = dict(zip(function.parameters, arguments, strict=True))
        tangent_of = dict(zip(function.parameters, tangents, strict=True))
        # All results of a Value that has several, with their tangents.
        several: dict[Value, tuple[list[Value], list[Tangent]]] = {}
        for value in function.values:
            if value.is_op("get") and value.operands[0] in several:
                results, ends = several[value.operands[0]]
                index = value.attributes["index"]
                known[value], tangent_of[value] = results[index], ends[index]
                continue
            operands = [known[operand] for operand in value.operands]
            own = [tangent_of[operand] for operand in value.operands]
            if value.regions and any(tangent is not None for tangent in own):
                results, ends = push_control(self, value, operands, own)
                if len(results) == 1:
                    known[value], tangent_of[value] = results[0], ends[0]
                else:
                    several[value] = results, ends
                continue
            known[value] = new = self.builder.rebuild(value, operands)
            if self.linearize:
                # A gradient within is forward to the one around it.
                new.locations = in_role(new.locations, "")
            tangent_of[value] = self.tangent(new, operands, own)
        return (
            [known[result] for result in function.results],
            [tangent_of[result] for result in function.results],
        )

    def tangent(
        self, value: Value, operands: Sequence[Value], tangents: Sequence[Tangent]
    ) -> Tangent:
        """The tangent of a Value without regions."""
        if all(tangent is None for tangent in tangents):
            return None
        builder = self.builder
        loc = in_role(value.locations, "'") if self.linearize else value.locations
        found = derivative.jvp(
            value.op,
            Expression(builder, value, loc),
            [Expression(builder, operand, loc) for operand in operands],
            [None if t is None else Expression(builder, t, loc) for t in tangents],
            value.attributes,
        )
        return None if found is None else found.value
