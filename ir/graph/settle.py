"""Functions with every size in the form that what is known of sizes gives it."""

from __future__ import annotations

from penstock.ir.attributes import map_sizes
from penstock.ir.dims import Dim
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Facts

__all__ = ["settled"]


def settled(function: Function, facts: Facts, *, is_region: bool = False) -> Function:
    """The Function, built again if it was made before something was known.

    Args:
        function: a Function or a region.
        facts: of the outermost Function.
        is_region: whether its parameters are written in normal sizes too.
    """
    if not facts.replacements:
        return function
    if is_region and function.settled_form is facts.form:
        return function
    if not _is_stale(function, facts, is_region):
        return function
    builder = Builder(facts)
    parameters = function.parameters
    if is_region:
        parameters = tuple(
            builder.parameter(
                str(p.attributes["name"]), facts.normalize_type(p.type), p.locations
            )
            for p in parameters
        )
    made: dict[Value, Value] = dict(zip(function.parameters, parameters, strict=True))
    for value in function.values:
        operands = [made[operand] for operand in value.operands]
        made[value] = builder.rebuild(value, operands)
    found = Function(
        function.name,
        parameters,
        tuple(made[result] for result in function.results),
        integers=function.integers,
        effects=tuple(made[effect] for effect in function.effects),
        guards=function.guards,
    )
    if is_region:
        found.settled_form = facts.form
    return found


def _is_stale(function: Function, facts: Facts, is_region: bool) -> bool:
    """Whether a size is in another form; a region that is not remembers that."""
    if is_region:
        if function.settled_form is facts.form:
            return False
        if any(facts.normalize_type(p.type) != p.type for p in function.parameters):
            return True
    stale = any(
        facts.normalize_type(value.type) != value.type
        or any(
            map_sizes(attribute, facts.normalize) != attribute
            for attribute in value.attributes.values()
            if isinstance(attribute, (Dim, tuple))
        )
        or any(_is_stale(region, facts, True) for region in value.regions)
        for value in function.values
    )
    if is_region and not stale:
        function.settled_form = facts.form
    return stale
