"""What is kept in memory for the backward part of a gradient, by minimum cut.

Groups that reverse mode made read arrays of others. Each such array is either kept in
memory until then, or computed again, where it is read, from arrays that are. Keeping
costs a store and a load of its bytes; an array that is in memory anyway costs the load
alone. The least bytes are a minimum cut between what cannot be computed again cheaply
and what is read (Jain et al., Checkmate, 2020, has the question; the cut is that of
Horace He's ``min_cut_rematerialization_partition`` in PyTorch).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from penstock.ir.graph.value import Value
from penstock.ir.ops.families import Elementwise, Nest, Reduction
from penstock.passes.fusion_groups import Group
from penstock.passes.nominal import bytes_of, elements_of

if TYPE_CHECKING:
    from penstock.passes.fuse import Fuser

__all__ = ["Saving", "is_backward"]

# Views through which a kernel reads an array at the indices of its own loops.
_SAME_ELEMENTS = frozenset({"broadcast_to", "transpose"})
# What a gradient may compute, as a multiple of what its function does. It is to be at
# most 4, and passes over a row may compute some of it again.
_MOST_FLOPS = 3
# What a kernel computes again, at most so many Values of it.
_MOST_AGAIN = 64


def is_backward(value: Value) -> bool:
    """Whether reverse mode made the Value, and no code of the user's too."""
    places = value.locations
    return bool(places) and all(place.role for place in places)


class Saving:
    """Which Values the groups of a gradient compute again.

    Attributes:
        again: Values that a backward group computes itself, where it does not need
            them in memory.
    """

    def __init__(self, fuser: Fuser) -> None:
        self.fuser = fuser
        self.again: frozenset[Value] = frozenset()
        # For each group what it reads of other groups and of arguments; and those of
        # them that it needs in memory.
        self.reads: dict[Group, dict[Value, None]] = {}
        self.needs: dict[Group, set[Value]] = {}
        self.backward = {
            group
            for group in fuser.graph.groups.values()
            if group.kind != "control" and any(map(is_backward, group.members))
        }

    def choose(self) -> None:
        """Decide what is computed again."""
        if not self.backward:
            return
        self.note_reads()
        wanted = self.wanted()
        if not wanted:
            return
        barred: set[Value] = set()
        while True:
            again = self.cut(wanted, barred)
            costly = self.too_costly(again)
            if not costly:
                self.again = frozenset(again)
                return
            barred |= costly

    # What groups read.

    def note_reads(self) -> None:
        for group in self.fuser.graph.groups.values():
            self.reads[group] = {}
            self.needs[group] = set()
            for member in group.members:
                hard = not issubclass(member.op, (Elementwise, Reduction))
                for operand, in_memory in self.sources(member, hard):
                    if self.fuser.group_of.get(operand) is group:
                        continue
                    self.reads[group][operand] = None
                    if in_memory:
                        self.needs[group].add(operand)

    def sources(self, value: Value, hard: bool) -> Iterator[tuple[Value, bool]]:
        """The arrays that a Value is computed from, and whether in memory."""
        fuser = self.fuser
        for operand in value.operands:
            if operand in fuser.alias:
                yield fuser.alias[operand], True
            elif operand in fuser.inline:
                same = issubclass(operand.op, Elementwise)
                same = same or operand.op.name in _SAME_ELEMENTS
                yield from self.sources(operand, hard or not same)
            else:
                yield operand, hard

    def in_memory(self) -> set[Value]:
        """Arrays that are in memory whatever is chosen."""
        fuser = self.fuser
        found = set(fuser.function.parameters)
        for group, reads in self.reads.items():
            if group in self.backward:
                found |= self.needs[group]
                found |= {value for value in reads if not self.is_cheap(value)}
            else:
                found |= reads.keys()
        for result in fuser.function.results:
            if result in fuser.inline and result not in fuser.alias:
                found |= {source for source, _ in self.sources(result, False)}
            else:
                found.add(fuser.alias.get(result, result))
        return found

    def wanted(self) -> dict[Value, None]:
        """What backward groups read of other groups, and might compute again."""
        return {
            value: None
            for group in self.fuser.graph.groups.values()
            if group in self.backward
            for value in self.reads[group]
            if value not in self.needs[group] and self.is_cheap(value)
        }

    def is_cheap(self, value: Value) -> bool:
        """Whether a Value may be computed again where it is read."""
        return (
            value in self.fuser.group_of
            and issubclass(value.op, Elementwise)
            and isinstance(value.op.flops, int)
            and not any(hard for _, hard in self.sources(value, False))
        )

    # The cut.

    def cut(self, wanted: Iterable[Value], barred: set[Value]) -> set[Value]:
        """What is computed again at the least cost of what is kept."""
        in_memory = self.in_memory()
        weights: dict[Value, int] = {}
        edges: list[tuple[Value, Value]] = []
        sources: list[Value] = []
        pending = list(wanted)
        while pending:
            value = pending.pop()
            if value in weights:
                continue
            # To keep one more array is worse than to read as much of others.
            is_there = value in in_memory
            weights[value] = 4 * bytes_of(value) * (1 if is_there else 2)
            weights[value] += not is_there
            if value in barred or not self.is_cheap(value):
                sources.append(value)
                continue
            before = dict.fromkeys(source for source, _ in self.sources(value, False))
            edges += [(source, value) for source in before]
            pending += before
        sinks = dict.fromkeys(wanted)
        # What a group that has a choice reads anyway costs it nothing.
        for group in self.backward:
            if any(value in sinks for value in self.reads[group]):
                sinks.update(
                    (value, None)
                    for value in self.reads[group]
                    if value in weights and value in in_memory
                )
        from penstock.passes.minimum_cut import minimum_cut

        kept = minimum_cut(weights, edges, sources, sinks)
        again: set[Value] = set()
        pending = [value for value in wanted if value not in kept]
        while pending:
            value = pending.pop()
            if value in again or value in kept:
                continue
            again.add(value)
            pending += (source for source, _ in self.sources(value, False))
        return again

    # What the choice comes to.

    def live(
        self, again: Collection[Value]
    ) -> dict[Group, tuple[list[Value], set[Value]]]:
        """For each group the members that others read, and all that it computes.

        Args:
            again: Values that backward groups compute themselves.
        """
        fuser = self.fuser
        read: set[Value] = set()
        for result in fuser.function.results:
            if result in fuser.inline and result not in fuser.alias:
                read |= {source for source, _ in self.sources(result, False)}
            else:
                read.add(fuser.alias.get(result, result))
        found = {}
        for group in reversed(fuser.graph.in_order()):
            if group.kind == "control":
                outputs, pending = group.members, list(group.members)
            else:
                outputs = [member for member in group.members if member in read]
                pending = list(outputs)
            computed = set(pending)
            own = group in self.backward
            while pending:
                value = pending.pop()
                for source, _ in self.sources(value, False):
                    inside = fuser.group_of.get(source) is group
                    if inside or (
                        own and source in again and source not in self.needs[group]
                    ):
                        if source not in computed:
                            computed.add(source)
                            pending.append(source)
                    else:
                        read.add(source)
            found[group] = outputs, computed
        return found

    def too_costly(self, again: set[Value]) -> set[Value]:
        """Values that are not to be computed again after all, for their flops."""
        live = self.live(again)
        forward = sum(
            flops_of(value)
            for value in self.fuser.function.values
            if not is_backward(value)
        )
        total = 0
        costs: dict[Value, int] = {}
        for group, (_, computed) in live.items():
            if len(computed) > len(group.members) + _MOST_AGAIN:
                return set(again)
            for value in computed:
                flops = flops_of(value)
                total += flops
                if self.fuser.group_of[value] is not group:
                    costs[value] = costs.get(value, 0) + flops
        if total <= _MOST_FLOPS * forward:
            return set()
        most = max(costs.values(), default=0)
        return {value for value, flops in costs.items() if flops == most}


def flops_of(value: Value) -> int:
    """The flops of a Value at nominal sizes, none for those that fuse with nothing.

    A gradient has two contractions for each of its function's, and none of them is
    computed again; beside them the rest would hardly count.
    """
    flops = value.op.flops
    if not isinstance(flops, int) or issubclass(value.op, Nest):
        return 0
    if issubclass(value.op, Reduction):
        value = value.operands[0]
    return flops * elements_of(value)
