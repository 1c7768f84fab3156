"""Merging of Values that compute the same."""

from __future__ import annotations

from penstock.ir.graph.value import Builder, Function, Value, merge_locations
from penstock.passes.algebra import MIRRORED, is_commutative
from penstock.passes.graph_pass import graph_pass
from penstock.passes.rewrite import rewrite

__all__ = ["cse"]


@graph_pass("cse")
def cse(function: Function) -> Function:
    """Merge Values that compute the same, with exchanged operands too.

    Equal Values of one Function are one Value already, since it interns them; this
    finds ``y + x`` beside ``x + y`` and ``y > x`` beside ``x < y``, and what becomes
    equal by that, within each region too.

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

    return rewrite(function, visit)
