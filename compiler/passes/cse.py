"""Merging of Values that compute the same."""

from __future__ import annotations

from penstock.ir.graph.value import Builder, Function, Value, merge_locations
from penstock.ir.guards import Facts
from penstock.ir.ops.families import Reduction
from penstock.passes.algebra import MIRRORED, is_commutative
from penstock.passes.graph_pass import graph_pass
from penstock.passes.rewrite import rewrite

__all__ = ["cse"]


@graph_pass("cse")
def cse(function: Function) -> Function:
    """Merge Values that compute the same, with exchanged operands too.

    Equal Values of one Function are one Value already, since it interns them; this
    finds ``y + x`` beside ``x + y`` and ``y > x`` beside ``x < y``, and what becomes
    equal by that, within each region too. Of a reduction that keeps its axes beside
    the same one that does not, the second becomes a shape of the first.

    Requires: nothing.    Keeps: every bit, the order of effects, recomputation.

    Before: %0 = add %x, %y ; %1 = add %y, %x ; %2 = mul %0, %1 ; return %2
    After:  %0 = add %x, %y ; %1 = mul %0, %0 ; return %1
    """
    # What each Value would be with its operands exchanged; operands are part of the
    # key, so regions, which have Values of their own, cannot be mixed up.
    mirrored: dict[tuple[str, Value, Value], Value] = {}

    def visit(builder: Builder, value: Value) -> Value | None:
        if len(value.operands) != 2:
            return None
        left, right = value.operands
        name = value.op.name
        found = mirrored.get((name, left, right))
        if found is not None:
            merge_locations(found, value.locations)
            return found
        if name in MIRRORED or is_commutative(value):
            mirrored[MIRRORED.get(name, name), right, left] = value
        return None

    return _reduce_once(rewrite(function, visit), function.facts)


def _reduce_once(function: Function, facts: Facts) -> Function:
    """Take a reduction from one that keeps its axes, if that is computed too."""
    keeping = {_reduced(v) for v in function.values if _is_reduction(v, True)}
    twins = {
        v for v in function.values if _is_reduction(v, False) and _reduced(v) in keeping
    }
    regions = {
        value: tuple(_reduce_once(region, facts) for region in value.regions)
        for value in function.values
        if value.regions
    }
    if not twins and all(value.regions == new for value, new in regions.items()):
        return function
    builder = Builder(facts)
    made: dict[Value, Value] = {p: p for p in function.parameters}
    for value in function.values:
        operands = [made[operand] for operand in value.operands]
        if value in twins:
            attributes = {**value.attributes, "keepdims": True}
            whole = builder.add(
                value.op, *operands, locations=value.locations, **attributes
            )
            made[value] = builder.add(
                "reshape", whole, locations=value.locations, shape=value.shape
            )
        else:
            made[value] = builder.rebuild(value, operands, regions.get(value))
    return Function(
        function.name,
        function.parameters,
        tuple(made[result] for result in function.results),
        integers=function.integers,
        effects=tuple(made[effect] for effect in function.effects),
        guards=function.guards,
    )


def _is_reduction(value: Value, keepdims: bool) -> bool:
    return issubclass(value.op, Reduction) and value.attributes["keepdims"] is keepdims


def _reduced(value: Value) -> tuple[object, ...]:
    return value.op.name, value.operands[0], value.attributes["axes"]
