"""Batching of control flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.bound_sizes import batch_bind
from penstock.passes.custom import batch_custom

__all__ = ["batch_control"]

Batched = tuple[list[Value], list[bool]]


def batch_control(
    builder: Builder,
    value: Value,
    operands: Sequence[Value],
    batched: Sequence[bool],
    size: Size,
) -> Batched:
    """All results of control flow for a whole batch, and which have the batch axis.

    Args:
        builder: of the Function that receives them.
        value: the Value.
        operands: its operands, built, with the batch as first axis where batched.
        batched: which of them are.
        size: of the batch.
    """
    rule = _RULES.get(value.op.name)
    if rule is None:
        raise UnsupportedError(
            value.loc, f"{value.op.name} cannot be batched", code="batching"
        )
    found: Batched = rule(builder, value, list(operands), list(batched), size)
    return found


class BatchedRegion:
    """A region for a whole batch, on a builder of its own.

    Attributes:
        builder: of the region.
        parameters: its parameters, batched as they are given.
        results: what it returns.
        flags: which results have the batch axis.
    """

    def __init__(
        self, outer: Builder, region: Function, batched: Sequence[bool], size: Size
    ) -> None:
        from penstock.passes.batching import batch

        self.builder = builder = Builder(outer.facts)
        self.size = size
        self.parameters = []
        for i, (p, yes) in enumerate(zip(region.parameters, batched, strict=True)):
            type_ = p.tensor.with_shape((size, *p.shape)) if yes else p.type
            self.parameters.append(builder.parameter(f"a{i}", type_, p.locations))
        self.results, self.flags = batch(
            builder, region, self.parameters, batched, size
        )

    def result(self, position: int, batched: bool) -> Value:
        """A result with the batch axis, or as it is."""
        found = self.results[position]
        if batched and not self.flags[position]:
            return spread(self.builder, found, self.size)
        return found


def spread(builder: Builder, value: Value, size: Size) -> Value:
    """A Value repeated along a first axis."""
    expression = Expression(builder, value)
    return expression.broadcast_to((size, *expression.shape)).value


def _inline(
    builder: Builder, region: Function, operands: Sequence[Value],
    batched: Sequence[bool], size: Size,
) -> Batched:  # fmt: skip
    from penstock.passes.batching import batch

    return batch(builder, region, operands, batched, size)


_UPDATES = ("scatter", "scatter_add")


def _updates(value: Value) -> tuple[Value, list[Value]]:
    """An array, and the updates after which it is this Value, in order."""
    found: list[Value] = []
    while value.op.name in _UPDATES:
        found.insert(0, value)
        value = value.operands[0]
    return value, found


def _choose_updates(builder: Builder, condition: Value, yes: Value, no: Value) -> Value:
    """Element by element of a batch, one of two arrays.

    Where both are updates of one array, each is done for those that chose it, so that
    a branch in a loop costs what it writes: the others write what is there, or add
    -0.0, which changes no bit.
    """
    (start, own), (other, further) = _updates(yes), _updates(no)
    if start is not other or not start.dtype.is_float:
        return _choose(builder, condition, yes, no)
    # What both begin with is done for all.
    found = start
    while own and further and own[0] is further[0]:
        found, own, further = own[0], own[1:], further[1:]
    for update in (*own, *further):
        _, new, *indices = update.operands
        if update.is_op("scatter"):
            old = builder.add("gather", found, *indices, **update.attributes)
        else:
            old = Expression(builder, new).constant(-0.0).broadcast_to(new.shape).value
        both = (new, old) if update in own else (old, new)
        found = builder.add(
            update.op,
            found,
            _choose(builder, condition, *both),
            *indices,
            locations=update.locations,
            **update.attributes,
        )
    return found


def _choose(builder: Builder, condition: Value, yes: Value, no: Value) -> Value:
    """Element by element of a batch, one of two arrays."""
    rank = len(yes.shape)
    shape = (condition.shape[0], *([1] * (rank - 1)))
    spread_ = builder.add("reshape", condition, shape=shape) if rank > 1 else condition
    return builder.add("select", spread_, yes, no)


def _batch_if(
    builder: Builder,
    value: Value,
    operands: list[Value],
    batched: list[bool],
    size: Size,
) -> Batched:
    if batched[0]:
        # Both are computed for all; what was not chosen is dropped.
        both = [
            _inline(builder, region, operands[1:], batched[1:], size)
            for region in value.regions
        ]
        columns = zip(*both[0], *both[1], strict=True)
        return [
            _choose_updates(
                builder,
                operands[0],
                a if has_a else spread(builder, a, size),
                b if has_b else spread(builder, b, size),
            )
            for a, has_a, b, has_b in columns
        ], [True] * len(both[0][0])
    branches = [
        BatchedRegion(builder, region, batched[1:], size) for region in value.regions
    ]
    flags = [a or b for a, b in zip(*(b.flags for b in branches), strict=True)]
    regions = tuple(
        Function(
            name,
            tuple(branch.parameters),
            tuple(branch.result(i, flag) for i, flag in enumerate(flags)),
        )
        for name, branch in zip(value.op.region_names, branches, strict=True)
    )
    found = builder.add("if", *operands, locations=value.locations, regions=regions)
    return builder.results(found), flags


def _batch_inline(
    builder: Builder,
    value: Value,
    operands: list[Value],
    batched: list[bool],
    size: Size,
) -> Batched:
    body = BatchedRegion(builder, value.regions[0], batched, size)
    found = builder.add(
        value.op,
        *operands,
        locations=value.locations,
        regions=(Function("body", tuple(body.parameters), tuple(body.results)),),
        **value.attributes,
    )
    return builder.results(found), body.flags


def _settled(
    builder: Builder, region: Function, batched: list[bool], first: int, count: int,
    size: Size,
) -> tuple[BatchedRegion, list[bool]]:  # fmt: skip
    """A body whose carried parameters are batched as what it returns for them is."""
    flags = list(batched)
    while True:
        body = BatchedRegion(builder, region, flags, size)
        grown = [
            a or b
            for a, b in zip(
                flags[first : first + count], body.flags[:count], strict=True
            )
        ]
        if grown == flags[first : first + count]:
            return body, flags
        flags[first : first + count] = grown


def _batch_while(
    builder: Builder,
    value: Value,
    operands: list[Value],
    batched: list[bool],
    size: Size,
) -> Batched:
    cond, body = value.regions
    count = len(operands)
    settled, flags = _settled(builder, body, batched, 0, count, size)
    test = BatchedRegion(builder, cond, flags, size)
    if test.flags[0]:
        # Elements whose condition does not hold any more stay as they are.
        flags = [
            flag or result is not parameter
            for flag, result, parameter in zip(
                flags, body.results, body.parameters, strict=True
            )
        ]
        settled, flags = _settled(builder, body, flags, 0, count, size)
        test = BatchedRegion(builder, cond, flags, size)
        inner = settled.builder
        (holds,), _ = _inline(inner, cond, settled.parameters, flags, size)
        results = [
            _choose(inner, holds, settled.result(i, True), settled.parameters[i])
            if flag and settled.results[i] is not settled.parameters[i]
            else settled.results[i]
            for i, flag in enumerate(flags)
        ]
        holding = test.builder.add("any", test.results[0], axes=(0,), keepdims=False)
    else:
        results = [settled.result(i, flag) for i, flag in enumerate(flags)]
        holding = test.results[0]
    started = [
        spread(builder, operand, size) if flag and not had else operand
        for operand, flag, had in zip(operands, flags, batched, strict=True)
    ]
    found = builder.add(
        "while",
        *started,
        locations=value.locations,
        regions=(
            Function("cond", tuple(test.parameters), (holding,)),
            Function("body", tuple(settled.parameters), tuple(results)),
        ),
    )
    return builder.results(found), flags


def _batch_loop(
    builder: Builder,
    value: Value,
    operands: list[Value],
    batched: list[bool],
    size: Size,
) -> Batched:
    attributes: Any = value.attributes
    carried, sliced = attributes["carried"], attributes["sliced"]
    body, flags = _settled(
        builder, value.regions[0], [False, *batched], 1, carried, size
    )
    flags = flags[1:]
    started = [
        spread(builder, operand, size) if flag and not had else operand
        for operand, flag, had in zip(operands, flags, batched, strict=True)
    ]
    for position in range(carried, carried + sliced):
        if flags[position]:
            # Turns go along the first axis.
            expression = Expression(builder, started[position], value.locations)
            started[position] = expression.move_axis(0, 1).value
    count = len(body.results)
    results = [
        body.result(i, flags[i]) if i < carried else body.results[i]
        for i in range(count)
    ]
    found = builder.results(
        builder.add(
            "loop",
            *started,
            locations=value.locations,
            regions=(Function("body", tuple(body.parameters), tuple(results)),),
            **attributes,
        )
    )
    ends = flags[:carried] + body.flags[carried:]
    for position in range(carried, count):
        if ends[position]:
            expression = Expression(builder, found[position], value.locations)
            found[position] = expression.move_axis(1, 0).value
    return found, ends


_RULES: dict[str, Any] = {
    "bind": batch_bind,
    "custom_jvp": batch_custom,
    "custom_vjp": batch_custom,
    "if": _batch_if,
    "loop": _batch_loop,
    "recompute": _batch_inline,
    "segmented": _batch_inline,
    "while": _batch_while,
}
