"""Derivatives and batches of what is of a size that is born while a program runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.ir.dims import Size
from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.region_rules import copies

if TYPE_CHECKING:
    from penstock.passes.pushforward import Pushforward, Tangent

__all__ = ["batch_bind", "push_bind", "tangents_of_bind"]


def push_bind(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> tuple[list[Value], list[Tangent]]:
    """All results of a ``bind``, and their tangents.

    Nothing of the size leaves it. So what is to be transposed, which stands in a
    ``bind`` of its own, computes again what it reads.

    Args:
        push: what builds.
        value: the Value.
        operands: its operands, built.
        tangents: theirs; ``None`` where zero.
    """
    builder = push.builder
    if push.linearize:
        results = builder.results(builder.rebuild(value, operands))
        return results, tangents_of_bind(push, value, operands, tangents)
    from penstock.passes.push_control import Pushed

    (region,) = value.regions
    body = Pushed(push, region, [tangent is not None for tangent in tangents[1:]])
    moving = [i for i, tangent in enumerate(body.tangents) if tangent is not None]
    found = _bind(
        builder,
        value,
        [*operands, *(tangent for tangent in tangents if tangent is not None)],
        (*body.parameters, *body.given),
        (*body.results, *(body.tangent(i) for i in moving)),
    )
    ends: list[Tangent] = [None] * len(body.results)
    for position, tangent in zip(moving, found[len(ends) :], strict=True):
        ends[position] = tangent
    return found[: len(ends)], ends


def tangents_of_bind(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> list[Tangent]:
    """The tangents of the results of a ``bind``, in one of their own.

    Args:
        push: what builds.
        value: the ``bind``.
        operands: its operands, built.
        tangents: theirs; ``None`` where zero.
    """
    from penstock.passes.push_control import Pushed

    (region,) = value.regions
    body = Pushed(push, region, [tangent is not None for tangent in tangents[1:]])
    moving = [i for i, tangent in enumerate(body.tangents) if tangent is not None]
    ends: list[Tangent] = [None] * len(body.results)
    if moving:
        found = _bind(
            push.builder,
            value,
            [*operands, *(tangent for tangent in tangents if tangent is not None)],
            (*body.parameters, *body.given),
            [body.tangent(i) for i in moving],
        )
        for position, tangent in zip(moving, found, strict=True):
            ends[position] = tangent
    return ends


def _bind(
    builder: Builder,
    value: Value,
    operands: Sequence[Value],
    parameters: Sequence[Value],
    results: Sequence[Value],
) -> list[Value]:
    return builder.results(
        builder.add(
            "bind",
            *operands,
            locations=value.locations,
            regions=(Function("body", tuple(parameters), tuple(results)),),
            **value.attributes,
        )
    )


def batch_bind(
    builder: Builder,
    value: Value,
    operands: list[Value],
    batched: list[bool],
    size: Size,
) -> tuple[list[Value], list[bool]]:
    """A ``bind`` for a whole batch.

    Where its number differs within the batch it runs for one element after the other:
    there is no one size for what is in it.
    """
    from penstock.passes.batch_control import BatchedRegion

    (region,) = value.regions
    if not batched[0]:
        body = BatchedRegion(builder, region, batched[1:], size)
        found = _bind(builder, value, operands, body.parameters, body.results)
        return found, body.flags
    inner = Builder(builder.facts)
    counter = inner.parameter("i", value.operands[0].type)
    sliced = [i for i, yes in enumerate(batched) if yes]
    same = [i for i, yes in enumerate(batched) if not yes]
    own = copies(inner, value.operands, "a")
    results = inner.results(inner.rebuild(value, own))
    turn = Function(
        "body",
        (counter, *(own[i] for i in sliced), *(own[i] for i in same)),
        tuple(results),
    )
    loop = builder.add(
        "loop",
        *(operands[i] for i in (*sliced, *same)),
        locations=value.locations,
        regions=(turn,),
        trip=size,
        carried=0,
        sliced=len(sliced),
        reverse=False,
    )
    return builder.results(loop), [True] * len(results)
