"""Fusion: which Values share a kernel, chosen by the memory traffic that it saves."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir.attributes import Attribute
from penstock.ir.graph.mapping import Mapping, operand_mappings
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.ops.families import Elementwise, Movement, Nest, Reduction
from penstock.ir.types import TensorType
from penstock.passes.fusion_groups import Group, GroupGraph, Lane

__all__ = ["fuse"]


def fuse(function: Function, *, strided: frozenset[str] = frozenset()) -> Function:
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
    return _Fuser(function, strided).run()


# What is computed again in every kernel that reads it, at most so many Values of it.
_INLINE_LIMIT = 32
_VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "slice"})


class _Fuser:
    def __init__(self, function: Function, strided: frozenset[str]) -> None:
        self.function = function
        self.graph = GroupGraph()
        self.group_of = self.graph.group_of
        # Computed where they are read: views of memory, counters, scalars; with the
        # number of Values that this computes.
        self.inline: dict[Value, int] = {}
        # Other shapes of arrays in memory, with the array.
        self.alias: dict[Value, Value] = {}
        self.strided = strided
        self.readers: dict[Value, list[tuple[Group, Lane]]] = {}

    def run(self) -> Function:
        for value in self.function.values:
            self.place(value)
        return _ClusterWriter(self).write()

    # Where a Value goes.

    def place(self, value: Value) -> None:
        op = value.op
        if op.family == "create" or self.is_scalar(value):
            cost = 1 + sum(self.inline.get(o, 0) for o in value.operands)
            array = op.name == "const" and value.tensor.size != 1
            if not array and cost <= _INLINE_LIMIT:
                self.inline[value] = cost
                return
            if array:
                return
        if op.name in _VIEWS and self.place_view(value):
            return
        if issubclass(op, (Elementwise, Movement)):
            self.place_pointwise(value)
        elif issubclass(op, Reduction):
            self.place_reduction(value)
        elif issubclass(op, Nest):
            self.place_nest(value)

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
        return operand_mappings(value, self.function.facts)

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
                lane = self.try_merge(value, group, lane, operand, mapping, needed)
        if group is None:
            others = needed | {self.group_of[operand] for operand, _ in joinable}
            group, lane = self.sibling(value, mappings, others) or self.start(value)
        outside = {self.group_of[operand] for operand, _ in joinable} - {group}
        self.enter(group, value, lane, needed | outside)
        self.note_reads(group, value, lane, mappings)

    def start(self, value: Value) -> tuple[Group, Lane]:
        group = self.graph.new_group("map")
        return group, self.graph.new_loops(group, value.shape)

    def enter(
        self, group: Group, value: Value, lane: Lane, needed: set[Group]
    ) -> None:
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
                self.readers.setdefault(operand, []).append((group, own))

    def lane_through(
        self, value: Value, group: Group, operand: Value, mapping: Sequence[int | None]
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

    def try_join(
        self,
        value: Value,
        operand: Value,
        mapping: Sequence[int | None],
        needed: set[Group],
    ) -> tuple[Group, Lane] | None:
        group = self.group_of[operand]
        if group.closed or not self.graph.may_depend(group, needed):
            return None
        others = {
            self.group_of[o] for o in value.operands if o in self.group_of
        } - {group}
        if not self.graph.may_depend(group, others):
            return None
        lane, added = self.lane_through(value, group, operand, mapping)
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
    ) -> Lane:
        """Merge another operand's group into the one that the Value joins."""
        other = self.group_of[operand]
        if "nest" in (group.kind, other.kind) or other.closed:
            return lane
        if not self.graph.may_merge(group, other):
            return lane
        if not self.graph.may_depend(other, needed):
            return lane
        renamed: dict[int, int] = {}
        for loop, axis in zip(other.lanes[operand], mapping, strict=True):
            if loop is None:
                continue
            target = lane[axis] if axis is not None else None
            if target is None or group.loops[target] != other.loops[loop]:
                return lane
            renamed[loop] = target
        if other.all_loops - renamed.keys():
            # Its inner loops are not the Value's: they may be the group's own.
            rest = sorted(other.all_loops - renamed.keys())
            inner = sorted(group.inner - set(renamed.values()))
            if (
                set(rest) != set(other.inner)
                or [other.loops[a] for a in rest] != [group.loops[b] for b in inner]
                or len(rest) != len(inner)
            ):
                return lane
            renamed.update(zip(rest, inner, strict=True))
        inner_there = frozenset(renamed[loop] for loop in other.inner)
        reached = frozenset(renamed.values())
        if reached == group.all_loops:
            if inner_there and group.inner and inner_there != group.inner:
                return lane
            if inner_there and not group.inner:
                if not inner_there < group.all_loops and group.outer:
                    return lane
                group.inner, group.kind = inner_there, "rows"
        elif not (reached == group.outer and not other.inner):
            return lane
        if not group.outer:
            return lane
        self.graph.merge(group, other, renamed)
        for readers in self.readers.values():
            readers[:] = [
                (group, tuple(None if i is None else renamed[i] for i in own))
                if reader is other
                else (reader, own)
                for reader, own in readers
            ]
        return lane

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
            type_ = self.function.facts.normalize_type(operand.type)
            assert isinstance(type_, TensorType)
            whole = self.graph.new_loops(group, type_.shape)
            if operand not in self.group_of and operand not in self.inline:
                self.readers.setdefault(operand, []).append((group, whole))
        else:
            group, whole = found
        reduced = frozenset(
            loop for axis in axes if (loop := whole[axis]) is not None  # type: ignore[index]
        )
        group.inner, group.kind = reduced, "rows"
        group.reduced[value] = whole
        if value.attributes["keepdims"]:
            lane = tuple(None if a in axes else loop for a, loop in enumerate(whole))
        else:
            lane = tuple(loop for a, loop in enumerate(whole) if a not in axes)
        needed = set() if found and operand in self.group_of else self.needed(operand)
        self.enter(group, value, lane, needed - {group})

    def reduce_in_group(
        self, value: Value, operand: Value, axes: Sequence[object]
    ) -> tuple[Group, Lane] | None:
        group = self.group_of.get(operand)
        if group is None or group.closed or group.kind == "nest":
            return None
        whole = group.lanes[operand]
        if frozenset(loop for loop in whole if loop is not None) != group.all_loops:
            return None
        return (group, whole) if self.may_reduce(group, whole, axes, operand) else None

    def may_reduce(
        self, group: Group, whole: Lane, axes: Sequence[object], operand: Value
    ) -> bool:
        reduced = frozenset(
            loop for axis in axes if (loop := whole[axis]) is not None  # type: ignore[index]
        )
        if not reduced or (group.inner and group.inner != reduced):
            return False
        if reduced == group.all_loops and group.passes.get(operand, 0):
            return False
        return bool(group.inner) or all(
            frozenset(loop for loop in lane if loop is not None) == group.all_loops
            for lane in group.lanes.values()
        )

    def reduce_in_sibling(
        self, value: Value, operand: Value, axes: Sequence[object]
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

    def place_nest(self, value: Value) -> None:
        group = self.graph.new_group("nest")
        lane = self.graph.new_loops(group, value.shape)
        needed = {g for operand in value.operands for g in self.needed(operand)}
        self.enter(group, value, lane, needed)
        assert issubclass(value.op, Nest)
        group.closed = not value.op.fuses_result


class _ClusterWriter:
    """Writes the Function in which each group is a cluster."""

    def __init__(self, fuser: _Fuser) -> None:
        self.fuser = fuser
        self.function = fuser.function
        self.builder = Builder(self.function.facts)
        # For each array in memory, the Value of the new Function.
        self.stored: dict[Value, Value] = {p: p for p in self.function.parameters}

    def write(self) -> Function:
        outputs = self.outputs()
        for group in self.fuser.graph.in_order():
            self.write_cluster(group, group.members, outputs[group.index])
        results: list[Value] = []
        taken = set(self.function.parameters)
        for result in self.function.results:
            if result in self.fuser.inline and result not in self.fuser.alias:
                written = self.write_inline(result)
            else:
                written = self.in_memory(result)
            # Results share memory neither with arguments nor with each other.
            while (base := _base(written)) in taken or base.is_op("const"):
                written = self.write_copy(written)
            taken.add(base)
            results.append(written)
        return Function(
            self.function.name,
            self.function.parameters,
            tuple(results),
            integers=self.function.integers,
            effects=self.function.effects,
            guards=self.function.guards,
        )

    def write_inline(self, result: Value) -> Value:
        """A result that is computed where it is read, in memory of its own."""
        group = _whole_group(result)
        return self.write_cluster(group, [], [result])[0]

    def write_copy(self, written: Value) -> Value:
        """A copy of an array of the new Function."""
        region = Builder(self.function.facts)
        type_ = region.facts.normalize_type(written.type)
        parameter = region.parameter("a0", type_, written.locations)
        lane = _whole_group(parameter).lanes[parameter]
        return self.builder.add(
            "cluster",
            written,
            regions=(Function("body", (parameter,), (parameter,)),),
            locations=written.locations,
            kind="map",
            loops=tuple(size for size in parameter.shape if size != 1),
            inner=(),
            results=(lane,),
            reductions=(),
        )

    def outputs(self) -> dict[int, list[Value]]:
        """For each group, the members that others read, in order."""
        fuser = self.fuser
        read: set[Value] = set(self.function.results)
        for value in self.function.values:
            group = fuser.group_of.get(value)
            for operand in value.operands:
                if fuser.group_of.get(operand) is not group or group is None:
                    read.add(operand)
                elif issubclass(value.op, (Elementwise, Movement)):
                    mappings = dict(
                        zip(value.operands, fuser.mappings(value), strict=True)
                    )
                    assert mappings[operand] is not None, "a group reads itself"
        read |= {fuser.alias[value] for value in read if value in fuser.alias}
        return {
            index: [member for member in group.members if member in read]
            for index, group in fuser.graph.groups.items()
        }

    def in_memory(self, value: Value) -> Value:
        """An array in memory as a Value of the new Function."""
        if value not in self.stored:
            if value in self.fuser.alias:
                (source,) = value.operands
                self.stored[value] = self.builder.rebuild(
                    value, [self.in_memory(source)]
                )
            else:
                assert value.is_op("const"), value
                self.stored[value] = self.builder.rebuild(value, [])
        return self.stored[value]

    def write_cluster(
        self, group: Group, members: Sequence[Value], outputs: Sequence[Value]
    ) -> list[Value]:
        region = Builder(self.function.facts)
        inside: dict[Value, Value] = {}
        parameters: list[Value] = []
        arguments: list[Value] = []
        own = set(members)
        fuser = self.fuser

        def read(value: Value) -> Value:
            if value in inside:
                return inside[value]
            if value in own or (value in fuser.inline and value not in fuser.alias):
                inside[value] = region.rebuild(value, [read(o) for o in value.operands])
            else:
                argument = self.in_memory(value)
                name = f"a{len(parameters)}"
                type_ = region.facts.normalize_type(argument.type)
                inside[value] = region.parameter(name, type_, value.locations)
                parameters.append(inside[value])
                arguments.append(argument)
            return inside[value]

        # In order, so that no long chain of operands recurses.
        for member in members:
            read(member)
        results = tuple(read(output) for output in outputs)
        body = Function("body", tuple(parameters), results)
        old = {new: value for value, new in inside.items()}
        reductions = [v for v in body.values if issubclass(v.op, Reduction)]
        numbers = {loop: number for number, loop in enumerate(_loop_order(group, outputs))}

        def numbered(lane: Lane) -> Attribute:
            return tuple(None if loop is None else numbers[loop] for loop in lane)
        locations = tuple(
            dict.fromkeys(loc for member in members for loc in member.locations)
        )
        cluster = self.builder.add(
            "cluster",
            *arguments,
            regions=(body,),
            locations=locations,
            kind=group.kind,
            loops=tuple(group.loops[loop] for loop in numbers),
            inner=tuple(n for loop, n in numbers.items() if loop in group.inner),
            results=tuple(numbered(group.lanes[output]) for output in outputs),
            reductions=tuple(
                numbered(group.reduced[old[reduction]]) for reduction in reductions
            ),
        )
        if len(outputs) == 1:
            written = [cluster]
        else:
            written = [
                self.builder.add("get", cluster, index=index)
                for index in range(len(outputs))
            ]
        if members:
            self.stored.update(zip(outputs, written, strict=True))
        return written


def _base(value: Value) -> Value:
    """The array in memory of which this is another shape."""
    while value.is_op("reshape"):
        (value,) = value.operands
    return value


def _whole_group(value: Value) -> Group:
    """A group of one Value, with a loop for each axis that is not of size 1."""
    group = Group(-1, "map")
    lane: list[int | None] = []
    for size in value.shape:
        if size == 1:
            lane.append(None)
        else:
            lane.append(len(group.loops))
            group.loops[len(group.loops)] = size
    group.lanes[value] = tuple(lane)
    return group


def _loop_order(group: Group, outputs: Sequence[Value]) -> list[int]:
    """The loops from outermost to innermost: as the largest result has its axes.

    A result that is written along its last axis is written at full speed; without
    such a result, what a reduction reads decides.
    """
    lanes = [group.lanes[value] for value in outputs]
    lanes += [group.lanes[value] for value in group.members]
    lanes += [tuple(sorted(group.loops))]
    complete = (
        [loop for loop in lane if loop is not None]
        for lane in lanes
        if {loop for loop in lane if loop is not None} == group.all_loops
    )
    return next(complete)
