"""Fusion: which Values share a kernel, chosen by the memory traffic that it saves."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir.graph.mapping import Mapping, operand_mappings
from penstock.ir.graph.value import Function, Value
from penstock.ir.guards import Facts
from penstock.ir.ops.families import Elementwise, Movement, Nest, Reduction
from penstock.ir.ops.joining import is_long_join
from penstock.ir.types import TensorType
from penstock.passes.fusion_groups import Group, GroupGraph, Lane
from penstock.passes.fusion_lanes import agrees, is_flattened, lane_through, same_loops
from penstock.passes.fusion_saving import Saving
from penstock.passes.fusion_updates import is_moved_within, written_only
from penstock.passes.fusion_write import ClusterWriter

__all__ = ["fuse"]


def fuse(
    function: Function, *, strided: frozenset[str] = frozenset(), save: bool = True
) -> Function:
    """Put Values that share loops into clusters.

    Every array that is left between clusters lies in memory; within a cluster there
    are only scalars. A Value joins the cluster of its operands where each of its
    elements needs the elements of the same loop iteration, so whatever joins saves a
    store and a load of the array. Reductions end a pass over their axes; what reads
    them runs in a further pass over the row, which is still in cache.

    Requires: no composite ops; simplified. ``strided`` names parameters whose
    elements may not lie in C order, so that reshapes of them are not free.

    Before: %0 = exp %x ; %1 = tanh %0 ; return %1
    After:  %0 = cluster %x { %0 = exp %x ; %1 = tanh %0 ; return %1 } ; return %0
    """
    return Fuser(function, strided, function.facts, save).run()


# What is computed again in every kernel that reads it, at most so many Values of it.
_INLINE_LIMIT = 32
# Each pass over a row computes what it needs again from the row in memory, so a long
# chain of reductions would cost the square of its length.
_MOST_PASSES = 4
# What a backend compiles at once grows faster than its length: above so many
# instructions a further kernel costs less than a longer one.
_MOST_WEIGHT = 800
_VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "slice"})


class Fuser:
    """Decides which Values share loops, one Value after the other.

    Attributes:
        function: what is fused.
        users: what reads each Value.
        graph: the groups so far.
        inline: what is computed where it is read: views of memory, counters, scalars;
            with the number of Values that this computes.
        alias: other shapes of arrays in memory, with the array.
        strided: the names of parameters whose elements may not lie in C order.
        facts: what is known of sizes: those of the outermost Function.
        readers: for each array in memory, the groups that read all of it along their
            loops, and the loop of each of its axes.
        arrays: the same the other way round.
    """

    def __init__(
        self,
        function: Function,
        strided: frozenset[str],
        facts: Facts,
        save: bool = True,
    ) -> None:
        self.function = function
        self.save = save
        self.facts = facts
        self.users = function.uses()
        self.graph = GroupGraph()
        self.group_of = self.graph.group_of
        self.inline: dict[Value, int] = {}
        self.alias: dict[Value, Value] = {}
        self.strided = strided
        self.readers: dict[Value, dict[tuple[Group, Lane], None]] = {}
        self.arrays: dict[Group, dict[Value, None]] = {}
        self.written_only = written_only(function, facts)

    def run(self, is_region: bool = False) -> Function:
        """The Function in clusters; ``is_region`` if it is part of control flow."""
        self.place_all()
        saving = Saving(self)
        if self.save:
            saving.choose()
        return ClusterWriter(self, saving, is_region).write()

    # Where a Value goes.

    def place_all(self) -> None:
        """Give each Value its place."""
        for value in self.function.values:
            self.place(value)

    def place(self, value: Value) -> None:
        op = value.op
        if value.regions or op.name == "get":
            self.place_control(value)
            return
        cost = 1 + sum(self.inline.get(o, 0) for o in value.operands)
        if op.family == "create" or self.is_scalar(value):
            array = op.name == "const" and value.tensor.size != 1
            if not array and cost <= _INLINE_LIMIT:
                self.inline[value] = cost
                return
            if array:
                return
        if value in self.written_only and cost <= _INLINE_LIMIT:
            if not any(operand in self.group_of for operand in value.operands):
                self.inline[value] = cost
                return
        users = self.users[value]
        if op.name in _VIEWS and not is_flattened(value, users):
            if not is_moved_within(value, users, self.facts) and self.place_view(value):
                return
        if is_long_join(value):
            # Each operand is copied by itself: nothing shares loops with that.
            self.place_alone(value, "map").closed = True
        elif issubclass(op, (Elementwise, Movement)):
            self.place_pointwise(value)
        elif issubclass(op, Reduction):
            self.place_reduction(value)
        elif issubclass(op, Nest):
            group = self.place_alone(value, "nest")
            group.closed = not op.fuses_result

    def is_scalar(self, value: Value) -> bool:
        """Whether this is arithmetic on scalars, cheap enough to repeat."""
        return (
            issubclass(value.op, (Elementwise, Movement))
            and value.tensor.shape == ()
            and value.op.family in ("elementwise", "movement")
            and all(operand.tensor.shape == () for operand in value.operands)
            and all(operand not in self.group_of for operand in value.operands)
        )

    def place_view(self, value: Value) -> bool:
        (source,) = value.operands
        if source in self.group_of and value.op.name != "reshape":
            # Along the same loops it joins its operand; else the operand is stored.
            if value.op.name != "slice":
                return False
        if value.op.name == "reshape":
            if source in self.inline and source not in self.alias:
                self.inline[value] = self.inline[source] + 1
                return True
            if source in self.group_of and self.mappings(value)[0] is not None:
                return False
            if not self.is_strided(source):
                self.alias[value] = self.alias.get(source, source)
                return True
        self.inline[value] = 1 + self.inline.get(source, 0)
        return True

    def is_strided(self, value: Value) -> bool:
        return value.is_op("parameter") and value.attributes["name"] in self.strided

    def mappings(self, value: Value) -> list[Mapping | None]:
        """How the operands' axes lie along the Value's."""
        return operand_mappings(value, self.facts)

    # Groups that a Value needs complete, as opposed to those that it may join.

    def needed(self, value: Value) -> set[Group]:
        """Groups that must have run before the Value can be read from memory."""
        value = self.alias.get(value, value)
        if value in self.group_of:
            return {self.group_of[value]}
        if value in self.inline:
            return {g for operand in value.operands for g in self.needed(operand)}
        return set()

    def place_pointwise(self, value: Value) -> None:
        mappings = self.mappings(value)
        needed: set[Group] = set()
        joinable: list[tuple[Value, tuple[int | None, ...]]] = []
        for operand, mapping in zip(value.operands, mappings, strict=True):
            if mapping is not None and operand in self.group_of:
                joinable.append((operand, mapping))
            else:
                needed |= self.needed(operand)
        group: Group | None = None
        lane: Lane = ()
        for operand, mapping in joinable:
            if group is None:
                found = self.try_join(value, operand, mapping, needed)
                if found is not None:
                    group, lane = found
            elif self.group_of[operand] is not group:
                group, lane = self.try_merge(
                    value, group, lane, operand, mapping, needed
                )
        if group is None or not agrees(group, lane, joinable):
            others = needed | {self.group_of[operand] for operand, _ in joinable}
            group, lane = self.sibling(value, mappings, others) or self.start(value)
        outside = {self.group_of[operand] for operand, _ in joinable} - {group}
        self.enter(group, value, lane, needed | outside)
        self.note_reads(group, value, lane, mappings)

    def start(self, value: Value) -> tuple[Group, Lane]:
        group = self.graph.new_group("map")
        return group, self.graph.new_loops(group, value.shape)

    def enter(self, group: Group, value: Value, lane: Lane, needed: set[Group]) -> None:
        after = max(
            (
                group.passes[o] + issubclass(o.op, Reduction)
                for o in value.operands
                if self.group_of.get(o) is group
            ),
            default=0,
        )
        self.graph.add_dependencies(group, needed)
        self.graph.put(group, value, lane, after)

    def note_reads(
        self,
        group: Group,
        value: Value,
        lane: Lane,
        mappings: Sequence[tuple[int | None, ...] | None],
    ) -> None:
        """Remember which arrays a group reads along its loops, for siblings."""
        for operand, mapping in zip(value.operands, mappings, strict=True):
            if mapping is None or operand in self.group_of or operand in self.inline:
                continue
            own = tuple(None if axis is None else lane[axis] for axis in mapping)
            if {loop for loop in own if loop is not None} == group.all_loops:
                self.note_reader(operand, group, own)

    def note_reader(self, array: Value, group: Group, own: Lane) -> None:
        self.readers.setdefault(array, {})[group, own] = None
        self.arrays.setdefault(group, {})[array] = None

    def try_join(
        self,
        value: Value,
        operand: Value,
        mapping: Sequence[int | None],
        needed: set[Group],
    ) -> tuple[Group, Lane] | None:
        group = self.group_of[operand]
        if group.closed or group.weight > _MOST_WEIGHT:
            return None
        if not self.graph.may_depend(group, needed):
            return None
        others = {self.group_of[o] for o in value.operands if o in self.group_of} - {
            group
        }
        if not self.graph.may_depend(group, others):
            return None
        lane, added = lane_through(value, group, operand, mapping)
        own = frozenset(loop for loop in lane if loop is not None)
        if not added:
            if own not in (group.all_loops, group.outer):
                return None
            return (group, tuple(lane)) if self.fits(group, value, lane) else None
        spread = tuple(value.shape[axis] for axis in added)
        return self.spread(group, value, lane, added, spread)

    def spread(
        self,
        group: Group,
        value: Value,
        lane: list[int | None],
        added: list[int],
        sizes: tuple[object, ...],
    ) -> tuple[Group, Lane] | None:
        """Join as rows that are spread along new, inner loops."""
        own = frozenset(loop for loop in lane if loop is not None)
        if group.kind == "nest" or not own or own != group.outer:
            return None
        last_kept = max(axis for axis, loop in enumerate(lane) if loop is not None)
        if last_kept > min(added):
            return None  # repeated along outer loops: cheaper to store it once
        if not group.inner:
            new = self.graph.new_loops(group, [value.shape[axis] for axis in added])
            group.inner = frozenset(loop for loop in new if loop is not None)
            group.kind = "rows"
        else:
            # The reduced axes again, as when a row is scaled by its own sum.
            inner = sorted(group.inner)
            if [group.loops[loop] for loop in inner] != list(sizes):
                return None
            new = tuple(inner)
        for axis, loop in zip(added, new, strict=True):
            lane[axis] = loop
        return (group, tuple(lane)) if self.fits(group, value, lane) else None

    def fits(self, group: Group, value: Value, lane: Sequence[int | None]) -> bool:
        """Whether the loops of a group can compute this Value."""
        if group.kind == "nest":
            first = group.members[0]
            return tuple(lane) == group.lanes[first]
        if group.outer or not group.inner:
            return True
        # A reduction of everything runs in parallel blocks: nothing that needs its
        # result can share its pass.
        whole = any(loop is not None for loop in lane)
        after = any(
            group.passes.get(o, 0) or issubclass(o.op, Reduction)
            for o in value.operands
            if self.group_of.get(o) is group
        )
        return not (whole and after)

    def try_merge(
        self,
        value: Value,
        group: Group,
        lane: Lane,
        operand: Value,
        mapping: Sequence[int | None],
        needed: set[Group],
    ) -> tuple[Group, Lane]:
        """Merge another operand's group with the one that the Value joins."""
        other = self.group_of[operand]
        # What the Value reads besides must not wait for either of the two.
        needed = needed | {
            self.group_of[o] for o in value.operands if o in self.group_of
        }
        needed -= {group, other}
        if (
            "nest" in (group.kind, other.kind)
            or other.closed
            or group.weight + other.weight > _MOST_WEIGHT
            or not group.outer
            or not self.graph.may_merge(group, other)
            or not self.graph.may_depend(other, needed)
        ):
            return group, lane
        renamed = same_loops(group, lane, other, operand, mapping)
        if renamed is None:
            return group, lane
        inner = frozenset(renamed[loop] for loop in other.inner)
        reached = frozenset(renamed.values())
        if reached == group.all_loops:
            if inner and group.inner and inner != group.inner:
                return group, lane
            if inner and not group.inner:
                group.inner, group.kind = inner, "rows"
        elif other.inner or reached != group.outer:
            return group, lane
        if reached == group.all_loops and len(other.members) > len(group.members):
            # The smaller moves, so that a long chain of merges stays cheap.
            back = {loop: own for own, loop in renamed.items()}
            other.kind, other.inner = (
                group.kind,
                frozenset(back[i] for i in group.inner),
            )
            lane = tuple(None if i is None else back[i] for i in lane)
            group, other, renamed = other, group, back
        self.graph.merge(group, other, renamed)
        for array in self.arrays.pop(other, ()):
            readers = self.readers[array]
            for reader, own in list(readers):
                if reader is other:
                    del readers[reader, own]
                    lane_now = tuple(None if i is None else renamed[i] for i in own)
                    self.note_reader(array, group, lane_now)
        return group, lane

    def sibling(
        self,
        value: Value,
        mappings: Sequence[tuple[int | None, ...] | None],
        needed: set[Group],
    ) -> tuple[Group, Lane] | None:
        """A group that reads the same array along the same loops."""
        for operand, mapping in zip(value.operands, mappings, strict=True):
            if mapping is None:
                continue
            for group, own in self.readers.get(operand, ()):
                if group.closed or group.kind == "nest":
                    continue
                if group.weight > _MOST_WEIGHT:
                    continue
                if group.index not in self.graph.groups:
                    continue
                if not self.graph.may_depend(group, needed):
                    continue
                lane: list[int | None] = [None] * len(value.shape)
                for loop, axis in zip(own, mapping, strict=True):
                    if axis is not None:
                        lane[axis] = loop
                complete = all(
                    size == 1 or lane[axis] is not None
                    for axis, size in enumerate(value.shape)
                )
                reached = frozenset(loop for loop in lane if loop is not None)
                if complete and reached == group.all_loops:
                    return group, tuple(lane)
        return None

    def place_reduction(self, value: Value) -> None:
        (operand,) = value.operands
        axes = value.attributes["axes"]
        assert isinstance(axes, tuple)
        found = self.reduce_in_group(value, operand, axes)
        if found is None:
            found = self.reduce_in_sibling(value, operand, axes)
        if found is None:
            group = self.graph.new_group("rows")
            type_ = self.facts.normalize_type(operand.type)
            assert isinstance(type_, TensorType)
            whole = self.graph.new_loops(group, type_.shape)
            if operand not in self.group_of and operand not in self.inline:
                self.note_reader(operand, group, whole)
        else:
            group, whole = found
        reduced = frozenset(loop for axis in axes if (loop := whole[axis]) is not None)
        group.inner, group.kind = reduced, "rows"
        group.reduced[value] = whole
        if value.attributes["keepdims"]:
            lane = tuple(None if a in axes else loop for a, loop in enumerate(whole))
        else:
            lane = tuple(loop for a, loop in enumerate(whole) if a not in axes)
        needed = set() if found and operand in self.group_of else self.needed(operand)
        self.enter(group, value, lane, needed - {group})
        # Without loops of its own it would run over inner loops that others bring.
        group.closed = not reduced

    def reduce_in_group(
        self, value: Value, operand: Value, axes: Sequence[int]
    ) -> tuple[Group, Lane] | None:
        group = self.group_of.get(operand)
        if group is None or group.closed or group.kind == "nest":
            return None
        whole = group.lanes[operand]
        if frozenset(loop for loop in whole if loop is not None) != group.all_loops:
            return None
        return (group, whole) if self.may_reduce(group, whole, axes, operand) else None

    def may_reduce(
        self, group: Group, whole: Lane, axes: Sequence[int], operand: Value
    ) -> bool:
        reduced = frozenset(loop for axis in axes if (loop := whole[axis]) is not None)
        if not reduced or (group.inner and group.inner != reduced):
            return False
        if group.passes.get(operand, 0) >= _MOST_PASSES:
            return False
        if reduced == group.all_loops and group.passes.get(operand, 0):
            return False
        return bool(group.inner) or all(
            frozenset(loop for loop in lane if loop is not None) == group.all_loops
            for lane in group.lanes.values()
        )

    def reduce_in_sibling(
        self, value: Value, operand: Value, axes: Sequence[int]
    ) -> tuple[Group, Lane] | None:
        if operand in self.group_of or operand in self.inline:
            return None
        needed = self.needed(operand)
        for group, own in self.readers.get(operand, ()):
            if (
                group.index in self.graph.groups
                and not group.closed
                and group.kind != "nest"
                and frozenset(loop for loop in own if loop is not None)
                == group.all_loops
                and self.graph.may_depend(group, needed)
                and self.may_reduce(group, own, axes, operand)
            ):
                return group, own
        return None

    def place_control(self, value: Value) -> None:
        """Control flow runs for itself; what it gives is in memory."""
        if value.is_op("get"):
            group = self.group_of[value.operands[0]]
            self.enter(group, value, (), set())
            return
        from penstock.ir.graph.unrolled import unrolled_weight

        # One kernel of scalars, where it is not too long for that.
        weight = unrolled_weight(value, self.facts.number)
        kind = "control" if weight is None else "scalars"
        group = self.graph.new_group(kind)
        needed = {g for operand in value.operands for g in self.needed(operand)}
        self.enter(group, value, (), needed)
        group.closed = True

    def place_alone(self, value: Value, kind: str) -> Group:
        group = self.graph.new_group(kind)
        lane = self.graph.new_loops(group, value.shape)
        needed = {g for operand in value.operands for g in self.needed(operand)}
        self.enter(group, value, lane, needed)
        return group
