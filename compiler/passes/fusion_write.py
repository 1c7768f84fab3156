"""Writes the Function in which each group of Values is a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.ir.attributes import Attribute
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.ops.control import arguments_of
from penstock.ir.ops.families import Reduction
from penstock.passes.fusion_groups import Group, Lane

if TYPE_CHECKING:
    from penstock.passes.fuse import Fuser
    from penstock.passes.fusion_saving import Saving

__all__ = ["ClusterWriter"]


class ClusterWriter:
    """Writes the Function in which each group is a cluster."""

    def __init__(self, fuser: Fuser, saving: Saving, is_region: bool = False) -> None:
        self.fuser = fuser
        self.saving = saving
        self.function = fuser.function
        self.is_region = is_region
        self.builder = Builder(fuser.facts)
        # For each array in memory, the Value of the new Function.
        self.stored: dict[Value, Value] = {p: p for p in self.function.parameters}

    def write(self) -> Function:
        live = self.saving.live(self.saving.again)
        order = {v: position for position, v in enumerate(self.function.values)}
        for group in self.fuser.graph.in_order():
            if group.kind == "control":
                self.write_control(group)
                continue
            outputs, computed = live[group]
            if outputs:
                # In order, so that no long chain of operands recurses.
                again = sorted(
                    computed.difference(group.members), key=order.__getitem__
                )
                own = [member for member in group.members if member in computed]
                self.write_cluster(group, again + own, outputs)
        results: list[Value] = []
        taken = set(self.function.parameters)
        for result in self.function.results:
            if result in self.fuser.inline and result not in self.fuser.alias:
                written = self.write_inline(result)
            else:
                written = self.in_memory(result)
            # Results share memory neither with arguments nor with each other; what
            # control flow gives is put where it belongs by whoever runs it.
            while not self.is_region and (
                (base := _base(written)) in taken or base.is_op("const")
            ):
                written = self.write_copy(written)
            taken.add(_base(written))
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

    def write_control(self, group: Group) -> None:
        """Control flow whose parts are fused in themselves."""
        value, *gets = group.members
        operands = [
            self.write_inline(operand)
            if operand in self.fuser.inline and operand not in self.fuser.alias
            else self.in_memory(operand)
            for operand in value.operands
        ]
        regions = []
        for region in value.regions:
            strided = frozenset(
                str(parameter.attributes["name"])
                for parameter, operand in zip(
                    region.parameters, arguments_of(value, region), strict=True
                )
                if operand is not None and self.fuser.is_strided(operand)
            )
            fuser = type(self.fuser)(region, strided, self.fuser.facts, self.fuser.save)
            regions.append(fuser.run(is_region=True))
        self.stored[value] = new = self.builder.add(
            value.op,
            *operands,
            locations=value.locations,
            regions=tuple(regions),
            **value.attributes,
        )
        for get in gets:
            self.stored[get] = self.builder.rebuild(get, [new])

    def write_copy(self, written: Value) -> Value:
        """A copy of an array of the new Function."""
        region = Builder(self.fuser.facts)
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
        region = Builder(self.fuser.facts)
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

        for member in members:
            read(member)
        results = tuple(read(output) for output in outputs)
        body = Function("body", tuple(parameters), results)
        old = {new: value for value, new in inside.items()}
        reductions = [v for v in body.values if issubclass(v.op, Reduction)]
        numbers = {
            loop: number for number, loop in enumerate(_loop_order(group, outputs))
        }

        def numbered(lane: Lane) -> Attribute:
            return tuple(None if loop is None else numbers[loop] for loop in lane)

        # Those of inlined Values too: an array may be nothing but these. A constant
        # is shared by all lines that write it, which are not this cluster's.
        locations = tuple(
            dict.fromkeys(
                loc
                for value in body.values
                if not value.is_op("const")
                for loc in value.locations
            )
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
