"""Groups of Values that will share a loop nest, kept acyclic."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.ir.dims import Size
from penstock.ir.graph.value import Value

__all__ = ["Group", "GroupGraph", "Lane"]

Lane = tuple[int | None, ...]
"""For each axis of a Value the loop of its group, ``None`` for an axis of size 1."""


class Group:
    """Values that share a loop nest.

    Attributes:
        index: its number, in order of creation.
        kind: ``"map"``, ``"rows"`` (with inner loops), ``"nest"``, ``"scalars"``
            (control flow as one kernel) or ``"control"`` (that of the plan).
        loops: the size of each loop by its number.
        inner: loops that are run, perhaps several times, within the others: those
            that reductions reduce, or along which a row is spread.
        members: its Values, operands first.
        lanes: for each member, its loops.
        passes: for each member, after how many reductions over the inner loops it
            can be computed.
        reduced: for each member that is a reduction, the loops of its operand.
        closed: whether no Value may join any more.
        weight: how much code its kernel will have, roughly in instructions.
    """

    def __init__(self, index: int, kind: str) -> None:
        self.index = index
        self.kind = kind
        self.loops: dict[int, Size] = {}
        self.inner: frozenset[int] = frozenset()
        self.members: list[Value] = []
        self.lanes: dict[Value, Lane] = {}
        self.passes: dict[Value, int] = {}
        self.reduced: dict[Value, Lane] = {}
        self.closed = False
        self.weight = 0

    @property
    def all_loops(self) -> frozenset[int]:
        """The numbers of all loops."""
        return frozenset(self.loops)

    @property
    def outer(self) -> frozenset[int]:
        """The loops around the inner ones."""
        return self.all_loops - self.inner

    def add(self, value: Value, lane: Lane, after: int) -> None:
        """Add a member."""
        self.members.append(value)
        self.lanes[value] = lane
        self.passes[value] = after
        flops = value.op.flops
        self.weight += 1 + (flops if isinstance(flops, int) else 0)


class GroupGraph:
    """All groups, and which must run before which.

    Ancestors are kept as bit sets, so that the question whether a merge would make
    a cycle costs one operation.
    """

    def __init__(self) -> None:
        self.groups: dict[int, Group] = {}
        self.group_of: dict[Value, Group] = {}
        self._ancestors: dict[int, int] = {}
        # Those that are ancestors of any other, or were.
        self._awaited = 0
        self._count = 0
        self._loops = 0

    def new_group(self, kind: str) -> Group:
        """A new, empty group."""
        group = Group(self._count, kind)
        self.groups[group.index] = group
        self._ancestors[group.index] = 0
        self._count += 1
        return group

    def new_loops(self, group: Group, shape: Iterable[Size]) -> Lane:
        """Give the group a loop for each axis that is not of size 1."""
        lane: list[int | None] = []
        for size in shape:
            if size == 1:
                lane.append(None)
                continue
            group.loops[self._loops] = size
            lane.append(self._loops)
            self._loops += 1
        return tuple(lane)

    def put(self, group: Group, value: Value, lane: Lane, after: int) -> None:
        """Add a Value to a group."""
        group.add(value, lane, after)
        self.group_of[value] = group

    def depends(self, later: Group, earlier: Group) -> bool:
        """Whether one group must run after another."""
        return bool(self._ancestors[later.index] >> earlier.index & 1)

    def may_depend(self, group: Group, needed: Iterable[Group]) -> bool:
        """Whether the group can run after all of these without a cycle."""
        return all(
            other is not group and not self.depends(other, group) for other in needed
        )

    def add_dependencies(self, group: Group, needed: Iterable[Group]) -> None:
        """Have the group, and whatever runs after it, run after these."""
        before = 0
        for other in needed:
            before |= self._ancestors[other.index] | 1 << other.index
        if before & ~self._ancestors[group.index] == 0:
            return
        self._awaited |= before
        self._ancestors[group.index] |= before
        own = 1 << group.index
        if self._awaited & own:
            for index, ancestors in self._ancestors.items():
                if ancestors & own:
                    self._ancestors[index] = ancestors | before

    def may_merge(self, first: Group, second: Group) -> bool:
        """Whether the two can be one: neither needs the other complete."""
        return not self.depends(first, second) and not self.depends(second, first)

    def merge(self, target: Group, source: Group, renamed: dict[int, int]) -> None:
        """Move all of a group's members into another, renaming its loops."""
        for value in source.members:
            lane = tuple(
                None if loop is None else renamed[loop] for loop in source.lanes[value]
            )
            self.put(target, value, lane, source.passes[value])
            if value in source.reduced:
                target.reduced[value] = tuple(
                    None if i is None else renamed[i] for i in source.reduced[value]
                )
        before = self._ancestors.pop(source.index)
        del self.groups[source.index]
        gone = 1 << source.index
        own = 1 << target.index
        before = (before | self._ancestors[target.index]) & ~gone & ~own
        self._ancestors[target.index] = before
        if self._awaited & (gone | own):
            self._awaited |= own
            for index, ancestors in self._ancestors.items():
                if ancestors & (gone | own):
                    self._ancestors[index] = (ancestors & ~gone) | own | before

    def in_order(self) -> list[Group]:
        """The groups, each after those that it depends on."""
        return sorted(
            self.groups.values(),
            key=lambda g: (self._ancestors[g.index].bit_count(), g.index),
        )
