"""Ops that are compositions of others."""

from __future__ import annotations

from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.graph_pass import graph_pass
from penstock.passes.rewrite import rewrite

__all__ = ["expand"]


@graph_pass("expand")
def expand(function: Function) -> Function:
    """Put the definition of each composite op in its place.

    Requires: nothing.    Keeps: every bit; after it there are no composite ops.

    Before: %0 = argmax %x {axis=0, keepdims=false} ; return %0    (of integers)
    After:  %0 = max %x {axes=(0,), keepdims=true} ; %1 = equal %x, %0 ;
            %2 = iota ... ; %3 = select %1, %2, ... ; %4 = min %3 ... ; return %4
    """
    return rewrite(function, _expand)


def _expand(builder: Builder, value: Value) -> Value | None:
    if value.op.family != "composite":
        return None
    operands = (Expression(builder, operand) for operand in value.operands)
    result: Expression = value.op.expand(*operands, **value.attributes)  # type: ignore[attr-defined]
    return result.value
