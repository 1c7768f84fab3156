"""Reverse derivatives of a graph: its linear part, transposed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from penstock.ir import derivative
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.location import Location, in_role
from penstock.passes.pull_control import adds_to_known, pull_control
from penstock.passes.pushforward import Pushforward
from penstock.passes.region_rules import dependent, is_zeros

__all__ = ["Cotangent", "Transposition", "pull_back"]

Cotangent = Value | None


def pull_back(
    builder: Builder,
    function: Function,
    arguments: Sequence[Value],
    cotangents: Sequence[Cotangent],
    wrt: Collection[int],
) -> tuple[list[Value], list[Cotangent]]:
    """A Function's results on the builder, and cotangents of its arguments.

    The derivative forward is linear in the tangents; reverse mode is that linear map
    transposed (Frostig et al., Decomposing reverse-mode automatic differentiation,
    2021).

    Args:
        builder: of the Function that receives them.
        function: a region, whose symbols are the receiver's.
        arguments: a Value for each parameter.
        cotangents: of the results; ``None`` where zero.
        wrt: the positions of arguments whose cotangents are wanted.

    Raises:
        UnsupportedError: an op on the way has no derivative.
    """
    tangents = [
        builder.parameter(f"d{position}", argument.type) if position in wrt else None
        for position, argument in enumerate(arguments)
    ]
    push = Pushforward(builder, linearize=True)
    results, outputs = push.run(function, arguments, tangents)
    inputs = [tangent for tangent in tangents if tangent is not None]
    return results, Transposition(builder, inputs, outputs).run(cotangents)


class Transposition:
    """The transpose of a graph that is linear in some inputs.

    Args:
        builder: of the graph.
        inputs: the parameters in which the outputs are linear.
        outputs: linear in the inputs; ``None`` where zero.
    """

    def __init__(
        self,
        builder: Builder,
        inputs: Sequence[Value],
        outputs: Sequence[Value | None],
    ) -> None:
        self.builder = builder
        self.inputs = inputs
        self.outputs = outputs
        ends = tuple(output for output in outputs if output is not None)
        values = Function("linear", tuple(inputs), ends).values
        self.linear = dependent(values, inputs)
        self.order = [value for value in values if value in self.linear]
        self.total: dict[Value, Value] = {}
        # The cotangents of Values of several results.
        self.parts: dict[Value, dict[int, Value]] = {}

    def run(
        self, cotangents: Sequence[Cotangent], known: Sequence[Cotangent] = ()
    ) -> list[Cotangent]:
        """The cotangents of the inputs.

        Args:
            cotangents: of the outputs; ``None`` where zero.
            known: for each input what its cotangent is added to, if anything is.
        """
        for value, part in zip(self.inputs, known, strict=False):
            if part is not None:
                self.total[value] = part
        for output, cotangent in zip(self.outputs, cotangents, strict=True):
            if output in self.linear and cotangent is not None:
                assert output is not None
                self.add(output, cotangent)
        for value in reversed(self.order):
            if value.regions:
                self.transpose_control(value)
                continue
            cotangent = self.total.pop(value, None)
            if cotangent is None:
                continue
            if value.is_op("get"):
                parts = self.parts.setdefault(value.operands[0], {})
                index = value.attributes["index"]
                assert isinstance(index, int)
                parts[index] = cotangent
            else:
                self.transpose_value(value, cotangent)
        found = [self.total.get(value) for value in self.inputs]
        self.check_linear([end for end in found if end is not None])
        return found

    def check_linear(self, found: Sequence[Value]) -> None:
        """Raise an UnsupportedError if cotangents depend on tangents.

        Rules of ops are linear in tangents; those of users may not be.
        """
        for value in Function("cotangents", (), tuple(found)).values:
            if value not in self.linear and any(
                operand in self.linear for operand in value.operands
            ):
                raise UnsupportedError(
                    value.loc,
                    "a rule of custom_jvp is not linear in the tangents",
                    code="nonlinear-rule",
                    hint="a tangent is a sum of the given tangents, each times a "
                    "factor",
                )

    def add(self, value: Value, cotangent: Value) -> None:
        """A further part of a Value's cotangent."""
        known = self.total.get(value)
        self.total[value] = (
            cotangent
            if known is None
            else _sum(self.builder, known, cotangent, in_role(value.locations, "*"))
        )

    def transpose_value(self, value: Value, cotangent: Value) -> None:
        """Give the operands of a Value their cotangents."""
        builder, loc = self.builder, in_role(value.locations, "*")
        operands = [Expression(builder, operand, loc) for operand in value.operands]
        for position, operand in enumerate(value.operands):
            if operand not in self.linear:
                continue
            found = derivative.transpose(
                value.op,
                Expression(builder, cotangent, loc),
                operands,
                position,
                value.attributes,
            )
            if found is not None:
                self.add(operand, found.value)

    def transpose_control(self, value: Value) -> None:
        """The same of control flow."""
        count = len(getattr(value.type, "elements", (None,)))
        own = self.parts.pop(value, {})
        single = self.total.pop(value, None)
        if single is not None:
            own[0] = single
        if not own:
            return
        flags = [operand in self.linear for operand in value.operands]
        cotangents = [own.get(i) for i in range(count)]
        known = [
            self.total.pop(operand, None) if yes and adds else None
            for operand, yes, adds in zip(
                value.operands, flags, adds_to_known(value), strict=True
            )
        ]
        found = pull_control(self.builder, value, flags, cotangents, known)
        for end in found:
            if end is not None:
                for made in (end, *end.operands) if end.is_op("get") else (end,):
                    made.locations = in_role(made.locations, "*")
        for operand, cotangent in zip(value.operands, found, strict=True):
            if cotangent is not None:
                self.add(operand, cotangent)


def _sum(
    builder: Builder, known: Value, part: Value, locations: tuple[Location, ...]
) -> Value:
    """The sum of two cotangents.

    What is zero but for the elements that were read is added to these alone: a turn
    of a loop that reads one element must not cost a sum of arrays.
    """
    for whole, few in ((known, part), (part, known)):
        if few.is_op("scatter_add") and is_zeros(few.operands[0]):
            return builder.add(
                "scatter_add",
                whole,
                *few.operands[1:],
                locations=few.locations,
                **few.attributes,
            )
    return builder.add("add", known, part, locations=locations)
