"""Batching of a graph: each Value for all elements of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.op import Unsupported
from penstock.passes.batch_control import batch_control

__all__ = ["batch", "with_batch_first"]


def batch(
    builder: Builder,
    function: Function,
    arguments: Sequence[Value],
    batched: Sequence[bool],
    size: Size,
) -> tuple[list[Value], list[bool]]:
    """A Function's results on the builder for a whole batch, and which have the axis.

    Args:
        builder: of the Function that receives them.
        function: a region, whose symbols are the receiver's.
        arguments: a Value for each parameter, with the batch as its first axis where
            it is batched.
        batched: which arguments have a batch axis.
        size: of the batch.

    Raises:
        UnsupportedError: an op on the way cannot be batched.
    """
    known = dict(zip(function.parameters, arguments, strict=True))
    has_axis = dict(zip(function.parameters, batched, strict=True))
    several: dict[Value, tuple[list[Value], list[bool]]] = {}
    for value in function.values:
        if value.is_op("get") and value.operands[0] in several:
            results, flags = several[value.operands[0]]
            index = value.attributes["index"]
            known[value], has_axis[value] = results[index], flags[index]
            continue
        operands = [known[operand] for operand in value.operands]
        own = [has_axis[operand] for operand in value.operands]
        if value.regions and any(own):
            results, flags = batch_control(builder, value, operands, own, size)
            if len(results) == 1:
                known[value], has_axis[value] = results[0], flags[0]
            else:
                several[value] = results, flags
            continue
        has_axis[value] = any(own)
        known[value] = (
            _batched(builder, value, operands, own)
            if any(own)
            else builder.rebuild(value, operands)
        )
    return (
        [known[result] for result in function.results],
        [has_axis[result] for result in function.results],
    )


def _batched(
    builder: Builder, value: Value, operands: list[Value], batched: list[bool]
) -> Value:
    rule = value.op.batch
    if rule is None or isinstance(rule, Unsupported):
        why = "" if rule is None else f": {rule.why}"
        raise UnsupportedError(
            value.loc, f"{value.op.name} cannot be batched{why}", code="batching"
        )
    expressions = [
        Expression(builder, operand, value.locations) for operand in operands
    ]
    found: Expression = rule(expressions, batched, **value.attributes)
    return found.value


def with_batch_first(
    builder: Builder, value: Value, axis: int | None, size: Size
) -> Value:
    """A Value with its batch axis first; repeated along one if it has none."""
    expression = Expression(builder, value)
    if axis is None:
        return expression.broadcast_to((size, *expression.shape)).value
    return expression.move_axis(axis, 0).value
