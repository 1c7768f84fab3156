"""Builds a Function again, Value by Value, with some of them replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Facts

__all__ = ["Visit", "inline", "rewrite"]

Visit = Callable[[Builder, Value], "Value | None"]


def rewrite(
    function: Function, visit: Visit, *, facts: Facts | None = None
) -> Function:
    """The Function with Values replaced, and those of its regions.

    Args:
        function: what to build again.
        visit: called with each Value once its operands are final, operands first;
            it returns another Value of the builder of the same type, or ``None`` to
            keep the one that it was given. It makes Values by the builder.
        facts: what is known of sizes; those of the outermost Function.

    Returns:
        The new Function, or the same object if nothing changed. Equal Values are
        merged and sizes are written as the facts say.
    """
    known = function.facts if facts is None else facts
    builder = Builder(known)
    parameters = function.parameters
    if facts is not None:
        # A region's own parameters are written in normal sizes too.
        parameters = tuple(_normal_parameter(builder, p) for p in parameters)
    replaced = dict(zip(function.parameters, parameters, strict=True))
    changed = parameters != function.parameters
    for old in function.values:
        operands = [replaced[operand] for operand in old.operands]
        new = _rebuild(builder, old, operands, visit)
        final = visit(builder, new)
        if final is not None and final is not new:
            changed, new = True, final
        else:
            changed = changed or _differs(new, old)
        replaced[old] = new
    if not changed and len(set(replaced.values())) == len(replaced):
        return function
    return Function(
        function.name,
        parameters,
        tuple(replaced[result] for result in function.results),
        integers=function.integers,
        effects=tuple(replaced[effect] for effect in function.effects),
        guards=function.guards,
    )


def _differs(new: Value, old: Value) -> bool:
    """Whether a Value changed when it was built again: sizes, or a region."""
    return (
        (new.type is not old.type and new.type != old.type)
        or (new.attributes is not old.attributes and new.attributes != old.attributes)
        or new.regions != old.regions
    )


def _normal_parameter(builder: Builder, parameter: Value) -> Value:
    type_ = builder.facts.normalize_type(parameter.type)
    if type_ == parameter.type:
        return parameter
    name = str(parameter.attributes["name"])
    return builder.parameter(name, type_, parameter.locations)


def _rebuild(
    builder: Builder, old: Value, operands: Sequence[Value], visit: Visit
) -> Value:
    if not old.regions:
        return builder.rebuild(old, operands)
    regions = tuple(
        rewrite(region, visit, facts=builder.facts) for region in old.regions
    )
    return builder.add(
        old.op, *operands, locations=old.locations, regions=regions, **old.attributes
    )


def inline(
    builder: Builder, function: Function, arguments: Sequence[Value]
) -> tuple[Value, ...]:
    """The results of a Function as Values of the builder.

    Args:
        builder: of the Function that receives them.
        function: a region, whose symbols are the receiver's.
        arguments: a Value for each parameter.
    """
    copied = dict(zip(function.parameters, arguments, strict=True))
    for value in function.values:
        operands = [copied[operand] for operand in value.operands]
        copied[value] = builder.rebuild(value, operands)
    return tuple(copied[result] for result in function.results)
