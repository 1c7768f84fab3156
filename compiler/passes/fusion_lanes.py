"""How the loops of a group lie along the axes of Values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.ir.graph.mapping import merges_axes
from penstock.ir.graph.value import Value
from penstock.passes.fusion_groups import Group, Lane

__all__ = ["agrees", "is_flattened", "lane_through", "same_loops"]


def agrees(
    group: Group,
    lane: Lane,
    operands: Sequence[tuple[Value, tuple[int | None, ...]]],
) -> bool:
    """Whether all operands that the group computes lie along a Value's loops.

    Those of a square do not where it meets the sums of its own rows as columns.
    """
    return all(
        axis is None or loop is None or lane[axis] == loop
        for operand, mapping in operands
        if operand in group.lanes
        for loop, axis in zip(group.lanes[operand], mapping, strict=True)
    )


def lane_through(
    value: Value, group: Group, operand: Value, mapping: Sequence[int | None]
) -> tuple[list[int | None], list[int]]:
    """The Value's loops as its operand has them, and the axes that it adds."""
    lane: list[int | None] = [None] * len(value.shape)
    covered = set()
    for loop, axis in zip(group.lanes[operand], mapping, strict=True):
        if axis is not None and loop is not None:
            lane[axis] = loop
            covered.add(axis)
    added = [
        axis
        for axis, size in enumerate(value.shape)
        if size != 1 and axis not in covered
    ]
    return lane, added


def same_loops(
    group: Group,
    lane: Lane,
    other: Group,
    operand: Value,
    mapping: Sequence[int | None],
) -> dict[int, int] | None:
    """The loop of one group that each of the other's loops is, if all are one."""
    renamed: dict[int, int] = {}
    for loop, axis in zip(other.lanes[operand], mapping, strict=True):
        if loop is None:
            continue
        target = lane[axis] if axis is not None else None
        if target is None or group.loops[target] != other.loops[loop]:
            return None
        renamed[loop] = target
    rest = sorted(other.all_loops - renamed.keys())
    if rest:
        # Its inner loops are not the Value's: they may be the group's own.
        inner = sorted(group.inner - set(renamed.values()))
        sizes = [group.loops[loop] for loop in inner]
        if set(rest) != other.inner or [other.loops[i] for i in rest] != sizes:
            return None
        renamed.update(zip(rest, inner, strict=True))
    return renamed


def is_flattened(view: Value, users: Iterable[Value]) -> bool:
    """Whether a reshape takes the elements of a view along axes that it does not have.

    To find these in the view would take a division for each element; to store the view
    first is what NumPy does too, and then the reshape is free.
    """
    return not view.is_op("reshape") and any(
        user.is_op("reshape") and merges_axes(user) for user in users
    )
