"""How the axes of operands lie along the axes of a result.

Fusion may put a producer and its consumer into one loop nest where each axis of
the producer is an axis of the consumer. A consumer that reads its operand at other
indices (a slice, a gather) needs it in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir.dims import Size
from penstock.ir.graph.value import Value
from penstock.ir.guards import Facts
from penstock.ir.ops.families import Elementwise
from penstock.ir.ops.movement import inverse, matching_groups

__all__ = ["Mapping", "merges_axes", "operand_mappings"]

Mapping = tuple[int | None, ...]
"""For each axis of an operand the axis of the result, ``None`` for one of size 1."""


def operand_mappings(value: Value, facts: Facts | None = None) -> list[Mapping | None]:
    """The mapping of each operand; ``None`` where other indices are read.

    Args:
        value: the consumer.
        facts: what is known of sizes, where operands may be parameters of a Function
            with guards: a parameter's own type does not say that ``m == 1``.
    """
    operands = value.operands
    shapes = [
        operand.shape if facts is None else facts.normalize_type(operand.type).shape  # type: ignore[union-attr]
        for operand in operands
    ]
    if issubclass(value.op, Elementwise):
        return [_aligned(shape, len(value.shape)) for shape in shapes]
    name = value.op.name
    if name == "broadcast_to":
        return [_aligned(shapes[0], len(value.shape))]
    if name == "transpose":
        permutation = value.attributes["permutation"]
        return [inverse(permutation)]
    if name == "reshape":
        return [_reshaped(value.shape, shapes[0])]
    if name == "update_slice":
        return [tuple(range(len(value.shape))), None]
    if name == "gather":
        count = len(shapes[1])
        return [None, *(tuple(range(count)) for _ in operands[1:])]
    return [None if shape else () for shape in shapes]


def _aligned(shape: Sequence[Size], rank: int) -> Mapping:
    first = rank - len(shape)
    return tuple(None if s == 1 else first + axis for axis, s in enumerate(shape))


def _reshaped(shape: Sequence[Size], source: Sequence[Size]) -> Mapping | None:
    """A mapping if axes of size 1 come and go, and no others merge or split."""
    mapping: list[int | None] = [None] * len(source)
    for own, other in matching_groups(shape, source):
        own = [axis for axis in own if shape[axis] != 1]
        other = [axis for axis in other if source[axis] != 1]
        if len(own) > 1 or len(other) > 1 or len(own) != len(other):
            return None
        if own:
            mapping[other[0]] = own[0]
    return tuple(mapping)


def merges_axes(reshape: Value) -> bool:
    """Whether it takes divisions to find a reshape's elements in its operand."""
    source = reshape.operands[0].shape
    return any(
        sum(source[axis] != 1 for axis in other) > 1
        for _, other in matching_groups(reshape.shape, source)
    )
