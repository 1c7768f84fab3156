"""Merges loops over axes that lie together in memory.

A Kernel over ``f32[n,m]`` whose arrays all lie in C order is one over ``f32[n*m]``: one
long loop, with one tail, whatever the shape of the array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from penstock.ir.dims import Size, product
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.mapping import Mapping, operand_mappings
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.ops.families import Elementwise, Reduction
from penstock.lower.cluster import Cluster, Lane, reductions_of

__all__ = ["collapse"]

_TRANSPARENT = frozenset({"reshape", "broadcast_to"})
# Elements of some operands further on along the same loops.
_SHIFTED = frozenset({"slice", "concatenate", "pad", "update_slice"})


def collapse(cluster: Cluster) -> Cluster:
    """The cluster with as few loops as compute the same.

    Two neighbouring loops become one where every array has both of their axes side by
    side or neither, and both are inner loops or neither is. The body is written anew:
    each Value has one axis for each loop that is left, of size 1 where it does not
    vary along that loop.

    Before: loops=(n, m)  f32[n,m] add f32[n,m]
    After:  loops=(n*m,)  f32[n*m] add f32[n*m]
    """
    lanes = _lanes(cluster)
    if lanes is None:
        return cluster
    runs = _runs(cluster, lanes)
    if len(runs) == len(cluster.loops):
        return cluster
    return _Writer(cluster, lanes, runs).write()


class _NoLanes(Exception):  # noqa: N818
    """Some array of the cluster is read in a way that merged loops cannot."""


def _lanes(cluster: Cluster) -> dict[Value, Lane] | None:
    """The loops of each Value's axes; None if some array is read in another way."""
    if any(cluster.strided.values()):
        return None
    try:
        return _find_lanes(cluster)
    except _NoLanes:
        return None


def _find_lanes(cluster: Cluster) -> dict[Value, Lane]:
    body, steady = cluster.body, steady_values(cluster)
    lanes: dict[Value, Lane] = {}

    def note(value: Value, lane: Lane) -> None:
        loops = [loop for loop in lane if loop is not None]
        if loops != sorted(loops) or lanes.setdefault(value, lane) != lane:
            raise _NoLanes

    for result, lane in zip(body.results, cluster.result_lanes, strict=True):
        note(result, lane)
    for reduction, lane in cluster.reductions.items():
        note(reduction.operands[0], lane)
        note(reduction, _reduced_lane(reduction, lane))
    for value in reversed(body.values):
        if value not in lanes or value in steady or value in cluster.reductions:
            continue
        for operand, mapping in zip(
            value.operands, _mappings(value, lanes[value]), strict=True
        ):
            if operand not in steady:
                lane = lanes[value]
                note(operand, tuple(None if a is None else lane[a] for a in mapping))
    # What steady Values read keeps its shape, so nothing else may want it in another.
    read = {operand for value in steady for operand in value.operands}
    moving = {value: lane for value, lane in lanes.items() if value not in steady}
    if len(moving) < len(lanes) or read.intersection(moving):
        raise _NoLanes
    return moving


def steady_values(cluster: Cluster) -> set[Value]:
    """Values of one element that no reduction of the cluster has a part in.

    They are the same in all iterations, so they are left as they are: ``b[1]`` in
    ``b[1] * x`` is read from an array whose shape has nothing to do with the loops. So
    is what a gather picks from.
    """
    moving: set[Value] = set()
    steady: set[Value] = set()
    for value in cluster.body.values:
        if issubclass(value.op, Reduction) or moving.intersection(value.operands):
            moving.add(value)
        elif value.tensor.size == 1 and value.operands:
            steady.add(value)
    # And what they alone are computed from.
    uses = cluster.body.uses()
    for value in reversed([*cluster.body.parameters, *cluster.body.values]):
        users = uses[value]
        if users and all(user in steady or _picks_from(user, value) for user in users):
            steady.add(value)
    return steady


def _picks_from(value: Value, table: Value) -> bool:
    """Whether a Value reads another only where its positions say."""
    return value.is_op("gather") and table not in value.operands[1:]


def _keeps_axes(value: Value, lane: Lane) -> bool:
    """Whether a part of an array, or a joined one, has one element along no loop.

    Its operands then have one too.
    """
    return all(
        loop is not None or all(operand.shape[axis] == 1 for operand in _parts(value))
        for axis, loop in enumerate(lane)
    )


def _parts(value: Value) -> Sequence[Value]:
    """The operands that lie along the loops of a part of an array, or a joined one."""
    return value.operands[:1] if value.is_op("pad") else value.operands


def _mappings(value: Value, lane: Lane) -> list[Mapping]:
    """How the operands' axes lie along a Value's; raises where merging loses that."""
    if value.op.name in _SHIFTED:
        if not _keeps_axes(value, lane):
            raise _NoLanes
        # Along the same loops, from another start: see `_shifts_rows`.
        own = tuple(range(len(value.shape)))
        return [own if part.shape else () for part in value.operands]
    if value.is_op("gather"):
        index = tuple(range(len(value.operands[1].shape)))
        return [(), *(index for _ in value.operands[1:])]
    known = issubclass(value.op, Elementwise) or value.op.name in _TRANSPARENT
    mappings = [m for m in operand_mappings(value) if m is not None]
    if (not known and value.operands) or len(mappings) < len(value.operands):
        raise _NoLanes
    if value.is_op("iota"):
        raise _NoLanes
    return mappings


def _reduced_lane(reduction: Value, lane: Lane) -> Lane:
    axes = reduction.attributes["axes"]
    assert isinstance(axes, tuple)
    if reduction.attributes["keepdims"]:
        return tuple(None if a in axes else loop for a, loop in enumerate(lane))
    return tuple(loop for a, loop in enumerate(lane) if a not in axes)


def _runs(cluster: Cluster, lanes: dict[Value, Lane]) -> list[list[int]]:
    """The loops, those that become one together."""
    runs: list[list[int]] = []
    for loop in range(len(cluster.loops)):
        if runs and _may_join(cluster, lanes, runs[-1], loop):
            runs[-1].append(loop)
        else:
            runs.append([loop])
    return runs


def _may_join(
    cluster: Cluster, lanes: dict[Value, Lane], run: Sequence[int], second: int
) -> bool:
    first = run[-1]
    if (first in cluster.inner) != (second in cluster.inner):
        return False
    for value, lane in lanes.items():
        if (first in lane) != (second in lane):
            return False
        if second not in lane:
            continue
        if value.is_op("gather") and len(value.operands[1].shape) <= lane.index(first):
            return False
        # Part of the rows is a run of memory only if it is whole rows.
        if value.op.name in _SHIFTED and (
            _shifts(value, lane.index(second))
            or _attribute(value, "step", lane.index(run[0]), 1) != 1
        ):
            return False
    return True


def _attribute(value: Value, name: str, axis: int, default: Any) -> Any:
    """What an op says of an axis."""
    attribute: Any = value.attributes.get(name)
    return default if attribute is None else attribute[axis]


def _shifts(value: Value, axis: int) -> bool:
    """Whether a part of an array, or a joined one, is another along an axis."""
    return (
        any(part.shape[axis] != value.shape[axis] for part in _parts(value))
        or _attribute(value, "start", axis, 0) != 0
        or _attribute(value, "step", axis, 1) != 1
        or _attribute(value, "low", axis, 0) != 0
    )


class _Writer:
    def __init__(
        self, cluster: Cluster, lanes: dict[Value, Lane], runs: list[list[int]]
    ) -> None:
        self.cluster = cluster
        self.lanes = lanes
        self.runs = runs
        self.builder = Builder(cluster.body.facts)
        self.written: dict[Value, Expression] = {}

    def write(self) -> Cluster:
        cluster, body = self.cluster, self.cluster.body
        parameters = []
        for parameter in body.parameters:
            type_ = parameter.tensor
            if parameter in self.lanes:
                type_ = type_.with_shape(self.own_shape(parameter))
            new = self.builder.parameter(
                str(parameter.attributes["name"]), type_, parameter.locations
            )
            parameters.append(new)
            expression = Expression(self.builder, new)
            if parameter in self.lanes and type_.shape:
                expression = expression.reshape(self.shape(parameter))
            self.written[parameter] = expression
        steady = steady_values(cluster)
        for value in body.values:
            if value in steady:
                operands = [self.written[operand].value for operand in value.operands]
                new = self.builder.rebuild(value, operands)
                self.written[value] = Expression(self.builder, new)
            else:
                self.written[value] = self.rebuild(value)
        results = tuple(
            self.full(result).reshape(self.own_shape(result)).value
            for result in body.results
        )
        new_body = Function(body.name, tuple(parameters), results)
        whole = tuple(range(len(self.runs)))
        return Cluster(
            cluster.name,
            new_body,
            cluster.kind,
            tuple(product([cluster.loops[loop] for loop in run]) for run in self.runs),
            tuple(n for n, run in enumerate(self.runs) if run[0] in cluster.inner),
            tuple(self.own_runs(result) for result in body.results),
            dict.fromkeys(reductions_of(new_body), whole),
            {
                new: cluster.strided[old]
                for new, old in zip(parameters, body.parameters, strict=True)
            },
            cluster.errors,
            cluster.locations,
        )

    def own_runs(self, value: Value) -> tuple[int, ...]:
        """The runs along which a Value varies, in order."""
        varying = set(self.lanes[value])
        return tuple(n for n, run in enumerate(self.runs) if run[0] in varying)

    def run_size(self, value: Value, run: int) -> Size:
        """How many elements a Value has along a run."""
        lane = self.lanes[value]
        return product(
            [
                s
                for s, loop in zip(value.shape, lane, strict=True)
                if loop in self.runs[run]
            ]
        )

    def own_shape(self, value: Value) -> tuple[Size, ...]:
        """A Value's shape without axes along which it does not vary."""
        return tuple(self.run_size(value, run) for run in self.own_runs(value))

    def shape(self, value: Value) -> tuple[Size, ...]:
        """A Value's shape with one axis for each run."""
        return tuple(self.run_size(value, run) for run in range(len(self.runs)))

    def whole(self, value: Value) -> Expression:
        """A Value as an operand: with an axis for each run, or none at all."""
        written = self.written[value]
        return written if value in self.lanes else written.reshape(())

    def full(self, value: Value) -> Expression:
        """A Value, spread over all loops that it stands for."""
        written = self.whole(value)
        if value not in self.lanes or (not written.rank and not self.own_runs(value)):
            return written
        return written.broadcast_to(self.shape(value))

    def rebuild(self, value: Value) -> Expression:
        if not value.operands:
            new = self.builder.rebuild(value, [])
            expression = Expression(self.builder, new)
            return expression.reshape(self.shape(value)) if new.shape else expression
        if value.op.name in _SHIFTED:
            return self.shifted(value)
        if value.is_op("gather"):
            return self.gather(value)
        operands = [self.whole(operand) for operand in value.operands]
        if value.op.name in _TRANSPARENT:
            return operands[0]
        if issubclass(value.op, Reduction):
            axes = tuple(
                n for n, run in enumerate(self.runs) if run[0] in self.cluster.inner
            )
            new = self.builder.add(
                value.op,
                self.full(value.operands[0]).value,
                locations=value.locations,
                axes=axes,
                keepdims=True,
            )
            return Expression(self.builder, new)
        return self.add(value, operands, value.attributes)

    def add(
        self, value: Value, operands: Iterable[Expression], attributes: Any
    ) -> Expression:
        """The same op on other operands."""
        new = self.builder.add(
            value.op,
            *(operand.value for operand in operands),
            locations=value.locations,
            **attributes,
        )
        return Expression(self.builder, new)

    def gather(self, value: Value) -> Expression:
        """Elements of the same array, at positions that lie along the runs."""
        table, *indices = value.operands
        positions = [
            self.full(i).reshape(self.own_shape(i) if i in self.lanes else ())
            for i in indices
        ]
        operands = [self.written[table], *positions]
        return self.add(value, operands, value.attributes).reshape(self.shape(value))

    def shifted(self, value: Value) -> Expression:
        """The same of whole rows: from as many rows' elements further on."""
        lane = self.lanes[value]
        attributes: dict[str, Any] = dict(value.attributes)
        if value.is_op("concatenate"):
            loop = lane[value.attributes["axis"]]
            if loop is None:
                return self.whole(value.operands[0])  # a single one
            (axis,) = (n for n, run in enumerate(self.runs) if loop in run)
            attributes["axis"] = axis
        for name in attributes.keys() - {"axis"}:
            attributes[name] = tuple(
                self.along_run(value, name, run) for run in self.runs
            )
        operands = []
        for operand in value.operands:
            part = self.full(operand)
            if not operand.shape:
                part = part.reshape(())
            elif operand not in self.lanes:
                part = part.reshape((1,) * len(self.runs))
            operands.append(part)
        return self.add(value, operands, attributes)

    def along_run(self, value: Value, name: str, run: Sequence[int]) -> Size:
        """What an attribute says of the first axis of a run, in elements of it."""
        axes = [axis for axis, loop in enumerate(self.lanes[value]) if loop in run]
        if not axes:
            return 1 if name in ("step", "size") else 0
        first: Size = _attribute(value, name, axes[0], 0)
        if name == "step":
            return first
        return product([first, *(value.shape[axis] for axis in axes[1:])])
