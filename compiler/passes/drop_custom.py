"""What only derivatives ask about goes when they are taken."""

from __future__ import annotations

from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.graph_pass import graph_pass
from penstock.passes.region_rules import extract
from penstock.passes.rewrite import rewrite

__all__ = ["drop_custom"]


@graph_pass("drop-custom")
def drop_custom(function: Function) -> Function:
    """Put functions in the place of ops that carry their derivatives too.

    ``stop_gradient`` and ``segmented`` go likewise, and the clusters of a graph that
    was printed when it had been fused already.

    Requires: no transforms.    Keeps: every bit.

    Before: %0 = custom_jvp %x {count=1} { function(%a) { %b = exp %a ; return %b }
            rule(%a, %da) { ... } } ; return %0
    After:  %0 = exp %x ; return %0
    """
    return rewrite(function, _drop)


def _drop(builder: Builder, value: Value) -> Value | None:
    if value.is_op("stop_gradient"):
        return value.operands[0]
    if value.is_op("get"):
        (carrier,), index = value.operands, value.attributes["index"]
    else:
        carrier, index = value, 0
    if carrier.op.family != "custom" and carrier.op.name not in (
        "segmented",
        "cluster",
    ):
        return None
    if carrier is value and len(carrier.regions[0].results) != 1:
        return None
    region = carrier.regions[0]
    given = dict(zip(region.parameters, carrier.operands, strict=True))
    assert isinstance(index, int)
    return extract(builder, region.results, given)[index]
