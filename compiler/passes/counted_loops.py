"""Loops of unknown length as loops of a length that is counted first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.ir.dims import Size, symbol
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.types import TensorType, i64
from penstock.passes.bound_sizes import tangents_of_bind
from penstock.passes.loop_segments import in_segments
from penstock.passes.region_rules import copies, extract, fresh_symbol, reached

if TYPE_CHECKING:
    from penstock.passes.pushforward import Pushforward, Tangent

__all__ = ["push_repeated", "repeated_by_count"]

_COUNTER = TensorType(i64)


def push_repeated(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
    active: Sequence[bool],
) -> tuple[list[Value], list[Tangent]]:
    """All results of a ``while``, and tangents that can be transposed.

    It counts its turns. The tangents are those of a loop of so many turns: that one
    keeps what its linear part reads, in memory of a size that is known by then.

    Args:
        push: what builds.
        value: the Value.
        operands: its operands, built.
        tangents: theirs; ``None`` where zero.
        active: which of the carried values come to have tangents.
    """
    builder, body = push.builder, value.regions[1]
    results, count = _counted(builder, value, operands)
    ends = list(tangents)
    moving = [
        i
        for i, (result, parameter) in enumerate(
            zip(body.results, body.parameters, strict=True)
        )
        if active[i] and result is not parameter
    ]
    if moving:
        repeated = _repeated(builder, value, operands, count, push.segments)
        found = tangents_of_bind(push, repeated, [count, *operands], [None, *tangents])
        for i in moving:
            ends[i] = found[i]
    return results, ends


def repeated_by_count(
    builder: Builder, value: Value, operands: Sequence[Value]
) -> Value:
    """A ``while`` as a ``bind`` of the number of its turns, around a loop."""
    cond, body = value.regions
    # Only what the condition depends on: the rest may be unknown where this runs.
    needed = reached(cond, [0])
    while True:
        grown = needed | reached(body, needed)
        if grown == needed:
            break
        needed = grown
    kept = sorted(needed)
    part = builder.add(
        "while",
        *(operands[i] for i in kept),
        locations=value.locations,
        regions=(
            Function("cond", tuple(cond.parameters[i] for i in kept), cond.results),
            Function(
                "body",
                tuple(body.parameters[i] for i in kept),
                tuple(body.results[i] for i in kept),
            ),
        ),
    )
    _, count = _counted(builder, part, part.operands)
    return _repeated(builder, value, operands, count, None)


def _counted(
    builder: Builder, value: Value, operands: Sequence[Value]
) -> tuple[list[Value], Value]:
    """All results of a ``while``, and how many turns it took."""
    regions = []
    for region, counts in zip(value.regions, (False, True), strict=True):
        inner = Builder(builder.facts)
        parameters = copies(inner, region.parameters, "a")
        counter = inner.parameter("count", _COUNTER)
        given = dict(zip(region.parameters, parameters, strict=True))
        results = extract(inner, region.results, given)
        if counts:
            results.append(inner.add("add", counter, inner.constant(1, i64)))
        regions.append(Function(region.name, (*parameters, counter), tuple(results)))
    found = builder.results(
        builder.add(
            "while",
            *operands,
            builder.constant(0, i64),
            locations=value.locations,
            regions=tuple(regions),
        )
    )
    return found[:-1], found[-1]


def _repeated(
    builder: Builder,
    value: Value,
    operands: Sequence[Value],
    count: Value,
    segments: Size | None,
) -> Value:
    """A ``bind`` of the number of turns, around as many of a ``while``'s body."""
    body = value.regions[1]
    name = fresh_symbol(builder.facts, "turns")
    inner = Builder(builder.facts)
    parameters = copies(inner, operands, "a")
    results = list(parameters)
    carried = [
        i
        for i, (result, parameter) in enumerate(
            zip(body.results, body.parameters, strict=True)
        )
        if result is not parameter
    ]
    same = [i for i in range(len(parameters)) if i not in carried]
    counter = inner.parameter("i", _COUNTER)
    region = Function(
        "body",
        (
            counter,
            *(body.parameters[i] for i in carried),
            *(body.parameters[i] for i in same),
        ),
        tuple(body.results[i] for i in carried),
    )
    trip: Size = symbol(name)
    arguments = [parameters[i] for i in (*carried, *same)]
    loop = inner.add(
        "loop",
        *arguments,
        locations=value.locations,
        regions=(region,),
        trip=trip,
        carried=len(carried),
        sliced=0,
        reverse=False,
    )
    found = (
        inner.results(loop)
        if segments is None
        else in_segments(inner, loop, arguments, segments)
    )
    for i, result in zip(carried, found, strict=True):
        results[i] = result
    return builder.add(
        "bind",
        count,
        *operands,
        locations=value.locations,
        regions=(Function("body", tuple(parameters), tuple(results)),),
        symbol=trip,
    )
