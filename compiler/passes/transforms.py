"""Puts derivatives and batches in the place of the ops that stand for them."""

from __future__ import annotations

from penstock.ir.graph.value import Function
from penstock.passes.graph_pass import graph_pass

__all__ = ["transforms"]


@graph_pass("transforms")
def transforms(function: Function) -> Function:
    """Replace jvp, vjp and vmap by the graphs that they stand for.

    Transforms within the Function of a transform are replaced before it.

    Requires: nothing.    Keeps: the meaning; after it there are no such ops.

    Before: %0 = vjp %x, %dy {wrt=(0,), of=(0,)} { %0 = sin %x ; return %0 } ;
            %1 = get %0 {index=1} ; return %1
    After:  %0 = cos %x ; %1 = scale %dy, %0 ; return %1
    """
    if not any(value.regions for value in function.values):
        return function
    # Most programs have none: they do without what follows.
    from penstock.passes.transform_expansion import without_transforms

    # Transforms of loops declare sizes that are born while these run.
    return without_transforms(function, function.facts.copy())
