"""Batching of control flow.

A batch takes both sides of a branch, and the turns of the longest loop. Elements that
would not have gone there must neither raise an error there nor turn for ever: where
that might be, they go as copies of one that does go there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.bound_sizes import batch_bind
from penstock.passes.custom import batch_custom
from penstock.passes.region_rules import copies, zeros_like

__all__ = ["batch_control"]

Batched = tuple[list[Value], list[bool]]
Prepare = Callable[[Builder, list[Value], Sequence[bool]], list[Value]]


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
        arguments: what it computes with: those, unless ``prepare`` makes others.
        results: what it returns.
        flags: which results have the batch axis.
    """

    def __init__(
        self,
        outer: Builder,
        region: Function,
        batched: Sequence[bool],
        size: Size,
        prepare: Prepare | None = None,
    ) -> None:
        from penstock.passes.batching import batch

        self.builder = builder = Builder(outer.facts)
        self.size = size
        self.parameters = []
        for i, (p, yes) in enumerate(zip(region.parameters, batched, strict=True)):
            type_ = p.tensor.with_shape((size, *p.shape)) if yes else p.type
            self.parameters.append(builder.parameter(f"a{i}", type_, p.locations))
        self.arguments = (
            prepare(builder, self.parameters, batched) if prepare else self.parameters
        )
        self.results, self.flags = batch(builder, region, self.arguments, batched, size)

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


def _is_total(region: Function) -> bool:
    """Whether a region ends without an error, whatever it is given."""
    return all(
        value.op.total and all(map(_is_total, value.regions)) for value in region.values
    )


def _of_those(
    builder: Builder, holds: Value, operands: Sequence[Value], batched: Sequence[bool]
) -> list[Value]:
    """Operands of the elements of a batch for which a condition holds.

    The others get those of the first of these, of which there must be one.
    """
    first = builder.add("argmax", holds, axis=0, keepdims=False)
    return [
        _choose(
            builder, holds, operand, builder.add("gather", operand, first, axes=(0,))
        )
        if yes
        else operand
        for operand, yes in zip(operands, batched, strict=True)
    ]


def _side(
    builder: Builder,
    region: Function,
    holds: Value,
    operands: Sequence[Value],
    batched: Sequence[bool],
    size: Size,
) -> list[Value]:
    """The results of one side of a branch, for those elements that take it."""
    if _is_total(region):
        found, flags = _inline(builder, region, operands, batched, size)
        return [
            a if has else spread(builder, a, size)
            for a, has in zip(found, flags, strict=True)
        ]
    given = [holds, *operands]
    inner, idle = Builder(builder.facts), Builder(builder.facts)
    chosen, *own = copies(inner, given, "a")
    safe = _of_those(inner, chosen, own, batched)
    found, flags = _inline(inner, region, safe, batched, size)
    results = [
        a if has else spread(inner, a, size)
        for a, has in zip(found, flags, strict=True)
    ]
    unused = tuple(copies(idle, given, "a"))
    zeros = tuple(zeros_like(idle, result) for result in results)
    ran = builder.add(
        "if",
        builder.add("any", holds, axes=(0,), keepdims=False),
        *given,
        locations=holds.locations,
        regions=(
            Function("then", (chosen, *own), tuple(results)),
            Function("else", unused, zeros),
        ),
    )
    return builder.results(ran)


def _batch_if(
    builder: Builder,
    value: Value,
    operands: list[Value],
    batched: list[bool],
    size: Size,
) -> Batched:
    if batched[0]:
        # Both are computed for all; what was not chosen is dropped.
        condition = operands[0]
        both = [
            _side(builder, region, holds, operands[1:], batched[1:], size)
            for region, holds in zip(
                value.regions, (condition, builder.add("not", condition)), strict=True
            )
        ]
        results = [
            _choose_updates(builder, condition, a, b)
            for a, b in zip(*both, strict=True)
        ]
        return results, [True] * len(results)
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
    size: Size, prepare: Prepare | None = None,
) -> tuple[BatchedRegion, list[bool]]:  # fmt: skip
    """A body whose carried parameters are batched as what it returns for them is."""
    flags = list(batched)
    while True:
        body = BatchedRegion(builder, region, flags, size, prepare)
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

        def of_running(
            inner: Builder, own: list[Value], batched: Sequence[bool]
        ) -> list[Value]:
            (holds,), _ = _inline(inner, cond, own, batched, size)
            return _of_those(inner, holds, own, batched)

        settled, flags = _settled(
            builder, body, flags, 0, count, size,
            None if _is_total(body) else of_running,
        )  # fmt: skip
        test = BatchedRegion(builder, cond, flags, size)
        inner, own = settled.builder, settled.parameters
        (holds,), _ = _inline(inner, cond, own, flags, size)
        results = [
            _choose(inner, holds, settled.result(i, True), own[i])
            if flag and settled.results[i] is not settled.arguments[i]
            else own[i]
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
