"""Builds Functions again without transforms."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Facts
from penstock.ir.ops.transform import is_differentiable
from penstock.passes.batching import batch, with_batch_first
from penstock.passes.pullback import pull_back
from penstock.passes.pushforward import Pushforward

__all__ = ["without_transforms"]


def without_transforms(function: Function, facts: Facts) -> Function:
    """The Function with graphs in the place of its transforms.

    Args:
        function: a Function or a region.
        facts: of the outermost Function.
    """
    if not has_transforms(function):
        return function
    return Expansion(Builder(facts)).of(function)


def has_transforms(function: Function) -> bool:
    """Whether a Function, or a region of it, has transforms."""
    return any(
        value.op.family == "transform"
        or any(has_transforms(region) for region in value.regions)
        for value in function.values
    )


class Expansion:
    """Builds a Function again without transforms."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def of(self, function: Function) -> Function:
        parameters = {p: p for p in function.parameters}
        known: dict[Value, Value] = dict(parameters)
        # The results of transforms, each with those of its Function after it.
        several: dict[Value, list[Value]] = {}
        for value in function.values:
            if value.is_op("get") and value.operands[0] in several:
                index = value.attributes["index"]
                known[value] = several[value.operands[0]][index]
                continue
            operands = [
                known[operand] for operand in value.operands if operand in known
            ]
            if value.op.family == "transform":
                region = without_transforms(value.regions[0], self.builder.facts)
                found = self.expanded(value, region, operands)
                if len(found) == 1:
                    known[value] = found[0]
                else:
                    several[value] = found
            else:
                regions = tuple(
                    without_transforms(region, self.builder.facts)
                    for region in value.regions
                )
                known[value] = self.builder.rebuild(value, operands, regions)
        return Function(
            function.name,
            function.parameters,
            tuple(known[result] for result in function.results),
            integers=function.integers,
            effects=tuple(known[effect] for effect in function.effects),
            guards=function.guards,
        )

    def expanded(
        self, value: Value, region: Function, operands: Sequence[Value]
    ) -> list[Value]:
        """All results of a transform."""
        if value.is_op("vmap"):
            return self.batched(value, region, operands)
        wrt = value.attributes["wrt"]
        count = len(region.parameters)
        arguments, given = operands[:count], operands[count:]
        if value.is_op("jvp"):
            tangents: list[Value | None] = [None] * count
            for position, tangent in zip(wrt, given, strict=True):
                tangents[position] = tangent
            results, ends = Pushforward(self.builder).run(region, arguments, tangents)
            wanted = [
                (result, end)
                for result, end in zip(results, ends, strict=True)
                if is_differentiable(result.type)
            ]
            return results + [self.present(end, like) for like, end in wanted]
        cotangents: list[Value | None] = [None] * len(region.results)
        for position, cotangent in zip(value.attributes["of"], given, strict=True):
            cotangents[position] = cotangent
        results, found = pull_back(
            self.builder, region, arguments, cotangents, frozenset(wrt)
        )
        return results + [
            self.present(cotangent, arguments[position])
            for position, cotangent in zip(wrt, found, strict=True)
        ]

    def present(self, derivative: Value | None, like: Value) -> Value:
        """A derivative, zeros where there is none."""
        if derivative is not None:
            return derivative
        expression = Expression(self.builder, like)
        return expression.constant(0).broadcast_to(expression.shape).value

    def batched(
        self, value: Value, region: Function, operands: Sequence[Value]
    ) -> list[Value]:
        axes, size = value.attributes["axes"], value.attributes["size"]
        arguments = [
            operand
            if axis is None
            else with_batch_first(self.builder, operand, axis, size)
            for operand, axis in zip(operands, axes, strict=True)
        ]
        flags = [axis is not None for axis in axes]
        results, has_axis = batch(self.builder, region, arguments, flags, size)
        return [
            result if has else with_batch_first(self.builder, result, None, size)
            for result, has in zip(results, has_axis, strict=True)
        ]
