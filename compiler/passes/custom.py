"""Derivatives and batches of what states its own derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.ops.transform import is_differentiable
from penstock.passes.linear_rules import require_linear
from penstock.passes.region_rules import dependent, extract, zeros_like

if TYPE_CHECKING:
    from penstock.passes.batch_control import BatchedRegion
    from penstock.passes.pushforward import Pushforward, Tangent

__all__ = ["batch_custom", "pull_transposed", "push_custom"]

_Pushed = tuple[list[Value], "list[Tangent]"]


def push_custom(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> _Pushed:
    """All results of a Value with a derivative of its own, and their tangents.

    Args:
        push: what builds.
        value: the Value.
        operands: its operands, built.
        tangents: theirs; ``None`` where zero.

    Raises:
        UnsupportedError: its rule does not say what is asked.
    """
    count: Any = value.attributes["count"]
    if any(tangent is not None for tangent in tangents[count:]):
        raise UnsupportedError(
            value.loc,
            f"the rule of {value.op.name} says nothing of an array that its function "
            "reads beside its arguments, by which it is differentiated",
            code="custom-capture",
            hint="pass the array as an argument that is not in nondiff_argnums, or "
            "through ps.stop_gradient",
        )
    if value.is_op("custom_jvp"):
        return _push_by_jvp(push, value, operands, tangents, count)
    if not push.linearize:
        raise UnsupportedError(
            value.loc,
            "a function with custom_vjp has no derivative in forward mode",
            code="derivative",
            hint="give it a rule with ps.custom_jvp, which serves both modes",
        )
    return _push_by_vjp(push, value, operands, tangents, count)


def _inlined(
    builder: Builder, region: Function, arguments: Sequence[Value]
) -> list[Value]:
    given = dict(zip(region.parameters, arguments, strict=True))
    return extract(builder, region.results, given)


def _with_tangents(results: Sequence[Value], found: Sequence[Tangent]) -> _Pushed:
    """The tangents of floats, each beside its result."""
    rest = iter(found)
    ends = [next(rest) if is_differentiable(r.type) else None for r in results]
    return list(results), ends


def _push_by_jvp(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
    count: int,
) -> _Pushed:
    builder = push.builder
    own = zip(operands[:count], tangents[:count], strict=True)
    given = [
        zeros_like(builder, operand) if tangent is None else tangent
        for operand, tangent in own
        if is_differentiable(operand.type)
    ]
    rule = value.regions[1]
    places = slice(count, count + len(given))
    inner = rule.results[len(value.regions[0].results) :]
    require_linear(rule, rule.parameters[places], inner)
    found = _inlined(builder, rule, [*operands[:count], *given, *operands[count:]])
    results = found[: len(value.regions[0].results)]
    ends = found[len(results) :]
    # A tangent that does not come from tangents is zero.
    moving = dependent(rule.values, rule.parameters[places])
    return _with_tangents(
        results,
        [e if i in moving else None for e, i in zip(ends, inner, strict=True)],
    )


def _push_by_vjp(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
    count: int,
) -> _Pushed:
    function, forward, backward = value.regions
    builder = push.builder
    found = _inlined(builder, forward, operands)
    results, residuals = (
        found[: len(function.results)],
        found[len(function.results) :],
    )
    if not any(is_differentiable(result.type) for result in results):
        return results, [None] * len(results)
    # The cotangents that are wanted: of the arguments that have tangents.
    own = [
        tangent
        for operand, tangent in zip(operands[:count], tangents[:count], strict=True)
        if is_differentiable(operand.type)
    ]
    wanted = [
        end for end, tangent in zip(backward.results, own, strict=True) if tangent
    ]
    first = len(residuals)
    last = len(backward.parameters) - (len(operands) - count)
    parameters = backward.parameters
    body = Function(
        "body",
        (*parameters[:first], *parameters[last:], *parameters[first:last]),
        tuple(wanted),
    )
    linear = builder.add(
        "transposed",
        *residuals,
        *operands[count:],
        *(tangent for tangent in own if tangent),
        locations=value.locations,
        regions=(body,),
        count=first + len(operands) - count,
    )
    return _with_tangents(results, builder.results(linear))


def pull_transposed(
    builder: Builder,
    value: Value,
    linear: Sequence[bool],
    cotangents: Sequence[Value | None],
) -> list[Value | None]:
    """The cotangents of the operands of a ``transposed``: what its body returns."""
    count: Any = value.attributes["count"]
    (body,) = value.regions
    given = [
        zeros_like(builder, parameter) if cotangent is None else cotangent
        for parameter, cotangent in zip(
            body.parameters[count:], cotangents, strict=True
        )
    ]
    found = _inlined(builder, body, [*value.operands[:count], *given])
    return [None] * count + list(found)


def batch_custom(
    builder: Builder,
    value: Value,
    operands: list[Value],
    batched: list[bool],
    size: Size,
) -> tuple[list[Value], list[bool]]:
    """The same with regions for a whole batch; see ``batch_control``."""
    count: Any = value.attributes["count"]
    maker = _batched_jvp if value.is_op("custom_jvp") else _batched_vjp
    regions, flags = maker(builder, value, batched[:count], batched[count:], size)
    found = builder.add(
        value.op, *operands, locations=value.locations, regions=regions, count=count
    )
    return builder.results(found), flags


def _region(name: str, body: BatchedRegion, flags: Sequence[bool]) -> Function:
    """A batched region whose results have the batch axis where it is said."""
    results = tuple(body.result(i, flag) for i, flag in enumerate(flags))
    return Function(name, tuple(body.parameters), results)


def _of_floats(values: Sequence[Value], flags: Sequence[bool]) -> list[bool]:
    pairs = zip(values, flags, strict=True)
    return [flag for value, flag in pairs if is_differentiable(value.type)]


def _either(left: Sequence[bool], right: Sequence[bool]) -> list[bool]:
    return [a or b for a, b in zip(left, right, strict=True)]


_Made = tuple[tuple[Function, ...], list[bool]]


def _batched_jvp(
    builder: Builder, value: Value, own: list[bool], read: list[bool], size: Size
) -> _Made:
    from penstock.passes.batch_control import BatchedRegion

    function, rule = value.regions
    body = BatchedRegion(builder, function, [*own, *read], size)
    moving = _of_floats(function.parameters[: len(own)], own)
    derived = BatchedRegion(builder, rule, [*own, *moving, *read], size)
    count = len(function.results)
    flags = _either(body.flags, derived.flags[:count])
    # A tangent has the axis where its result has it.
    places = [i for i, r in enumerate(function.results) if is_differentiable(r.type)]
    for place, flag in zip(places, derived.flags[count:], strict=True):
        flags[place] = flags[place] or flag
    ends = [*flags, *(flags[place] for place in places)]
    return (_region("function", body, flags), _region(rule.name, derived, ends)), flags


def _batched_vjp(
    builder: Builder, value: Value, own: list[bool], read: list[bool], size: Size
) -> _Made:
    from penstock.passes.batch_control import BatchedRegion

    function, forward, backward = value.regions
    body = BatchedRegion(builder, function, [*own, *read], size)
    ahead = BatchedRegion(builder, forward, [*own, *read], size)
    count = len(function.results)
    flags = _either(body.flags, ahead.flags[:count])
    residuals = ahead.flags[count:]
    given = _of_floats(function.results, flags)
    behind = BatchedRegion(builder, backward, [*residuals, *given, *read], size)
    wanted = _of_floats(function.parameters[: len(own)], own)
    results = []
    for i, flag in enumerate(wanted):
        found = behind.result(i, flag)
        if behind.flags[i] and not flag:
            # An argument that is the same for all gets the sum of their cotangents.
            found = Expression(behind.builder, found).sum((0,)).value
        results.append(found)
    return (
        _region("function", body, flags),
        _region("forward", ahead, [*flags, *residuals]),
        Function("backward", tuple(behind.parameters), tuple(results)),
    ), flags
