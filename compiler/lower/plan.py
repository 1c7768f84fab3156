"""Builds the Plan of a fused Function: buffers, launches, and the arena."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.ir.attributes import Constant
from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.value import Function, Value
from penstock.ir.plan.node import Alloc, Free, Launch, Plan, PlanBuffer, PlanStatement
from penstock.ir.reals import Real
from penstock.ir.types import TensorType
from penstock.lower.cluster import Cluster, KernelLaunch
from penstock.lower.collapse import collapse
from penstock.lower.element import ErrorTable
from penstock.lower.nest import lower_nest
from penstock.lower.pointwise import lower_pointwise
from penstock.lower.schedule import chunk_of

__all__ = ["lower_function"]


def lower_function(
    function: Function,
    *,
    strided: frozenset[str] = frozenset(),
    reals: frozenset[str] = frozenset(),
    returned: Sequence[Size | Real] = (),
) -> Plan:
    """The Plan of a fused Function.

    Args:
        function: of clusters, ``get``, ``reshape`` and constants.
        strided: the names of parameters whose strides are given at run time.
        reals: the names of parameters that are float arguments, passed by value.
        returned: host numbers that are results of the user's function.

    Raises:
        UnsupportedError: the Function has an op that cannot be compiled yet.
    """
    return _PlanBuilder(function, strided, reals, returned).build()


class _PlanBuilder:
    def __init__(
        self,
        function: Function,
        strided: frozenset[str],
        reals: frozenset[str],
        returned: Sequence[Size | Real],
    ) -> None:
        self.function = function
        self.errors = ErrorTable()
        self.returned = tuple(
            number if isinstance(number, Real) else function.facts.normalize(number)
            for number in returned
        )
        self.buffer_of: dict[Value, PlanBuffer] = {}
        self.body: list[PlanStatement] = []
        self.constants: list[PlanBuffer] = []
        self.temporaries: list[PlanBuffer] = []
        self.work: Size = 0
        self.cluster_count = 0
        clusters = sum(value.is_op("cluster") for value in function.values)
        self.has_many_clusters = clusters > 1
        self.lowered: dict[Any, tuple[Cluster, list[KernelLaunch]]] = {}
        # Clusters of several results that have been lowered, and what takes these.
        self.clusters_done: set[Value] = set()
        self.gets: dict[Value, dict[Any, Value]] = {}
        for value in function.values:
            if value.is_op("get"):
                index = value.attributes["index"]
                self.gets.setdefault(value.operands[0], {})[index] = value
        self.parameters = []
        for value in function.parameters:
            name = str(value.attributes["name"])
            role = "real" if name in reals else "parameter"
            buffer = PlanBuffer(name, value.tensor, role, name in strided)
            self.parameters.append(buffer)
            self.buffer_of[value] = buffer
        self.results = [
            PlanBuffer(f"result{index}", value.tensor, "result")
            for index, value in enumerate(function.results)
        ]

    def build(self) -> Plan:
        """Lower every Value in order, then lay out the temporaries."""
        function = self.function
        result_of = self.result_buffers()
        for value in function.values:
            self.lower(value, result_of)
        body, arena = lay_out_arena(self.body, self.temporaries)
        return Plan(
            function.name,
            tuple(self.parameters),
            function.integers,
            tuple(self.results),
            function.guards,
            tuple(self.constants),
            arena,
            body,
            tuple(self.errors.errors),
            self.returned,
            self.work // 1000,
        )

    def result_buffers(self) -> dict[Value, PlanBuffer]:
        """The result that each Value in memory is to be written to."""
        found = {}
        for result, buffer in zip(self.function.results, self.results, strict=True):
            while result.is_op("reshape"):
                (result,) = result.operands
            found[result] = buffer
        return found

    def lower(self, value: Value, result_of: dict[Value, PlanBuffer]) -> None:
        name = value.op.name
        if name == "const":
            constant = value.attributes["value"]
            assert isinstance(constant, Constant)
            buffer = PlanBuffer(
                f"constant{len(self.constants)}",
                value.tensor,
                "constant",
                data=constant.array,
            )
            self.constants.append(buffer)
            self.buffer_of[value] = buffer
        elif name == "reshape":
            self.buffer_of[value] = self.buffer_of[value.operands[0]]
        elif name == "cluster":
            if isinstance(value.type, TensorType):
                self.lower_cluster(value, [result_of.get(value)])
        elif name == "get":
            (cluster,) = value.operands
            if cluster not in self.clusters_done:
                self.clusters_done.add(cluster)
                gets = self.gets[cluster]
                count = len(cluster.regions[0].results)
                wanted = [
                    result_of.get(gets[i]) if i in gets else None for i in range(count)
                ]
                buffers = self.lower_cluster(cluster, wanted)
                for index, other in gets.items():
                    self.buffer_of[other] = buffers[index]
        else:
            raise UnsupportedError(
                value.loc, f"{name} cannot be compiled yet", code="not-compiled"
            )

    def lower_cluster(
        self, value: Value, wanted: Sequence[PlanBuffer | None]
    ) -> list[PlanBuffer]:
        arguments = [self.buffer_of[operand] for operand in value.operands]
        strided = [buffer.strided for buffer in arguments]
        cluster, launches = self.kernels_of(value, strided)
        results = [
            self.temporary(result.tensor) if buffer is None else buffer
            for result, buffer in zip(value.regions[0].results, wanted, strict=True)
        ]
        if isinstance(value.type, TensorType):
            self.buffer_of[value] = results[0]
        own: dict[Any, PlanBuffer] = {}
        given = dict(zip(cluster.body.parameters, arguments, strict=True))
        for launch in launches:
            self.launch(launch, given, results, own)
        return results

    def kernels_of(
        self, value: Value, strided: Sequence[bool]
    ) -> tuple[Cluster, list[KernelLaunch]]:
        """The Kernels of a cluster; those of an equal one, if there was one before."""
        key = None
        if self.has_many_clusters:
            body = print_function(value.regions[0], locations=False)
            key = (body, repr(sorted(value.attributes.items())), tuple(strided))
            if key in self.lowered:
                return self.lowered[key]
        name = f"{self.function.name}_{self.cluster_count}"
        self.cluster_count += 1
        errors = len(self.errors.errors)
        cluster = Cluster.of(value, name, strided, self.errors)
        if cluster.kind == "nest":
            launches = lower_nest(cluster)
        else:
            cluster = collapse(cluster)
            launches = lower_pointwise(cluster)
        if key is not None and len(self.errors.errors) == errors:
            # Kernels that report errors belong to their own line.
            self.lowered[key] = cluster, launches
        return cluster, launches

    def temporary(self, type_: TensorType) -> PlanBuffer:
        buffer = PlanBuffer(f"t{len(self.temporaries)}", type_, "temporary")
        self.temporaries.append(buffer)
        return buffer

    def launch(
        self,
        launch: KernelLaunch,
        given: dict[Value, PlanBuffer],
        results: Sequence[PlanBuffer],
        own: dict[Any, PlanBuffer],
    ) -> None:
        buffers = []
        for argument in launch.arguments:
            if argument[0] == "parameter":
                buffers.append(given[argument[1]])
            elif argument[0] == "result":
                buffers.append(results[argument[1]])
            else:
                _, key, type_ = argument
                if key not in own:
                    own[key] = self.temporary(type_)
                buffers.append(own[key])
        self.work = launch.work + self.work
        self.body.append(Launch(launch.kernel, tuple(buffers), chunk_of(launch.cost)))


_ALIGNMENT = 64


def lay_out_arena(
    body: Sequence[PlanStatement], temporaries: Sequence[PlanBuffer]
) -> tuple[list[PlanStatement], Size]:
    """Place temporaries so that those that live at different times share memory.

    Returns:
        The statements with an Alloc before the first use of each temporary and a Free
        after its last, and the size of the arena in bytes.
    """
    wanted = set(temporaries)
    first: dict[PlanBuffer, int] = {}
    last: dict[PlanBuffer, int] = {}
    for position, statement in enumerate(body):
        assert isinstance(statement, Launch)
        for buffer in statement.arguments:
            if buffer in wanted:
                first.setdefault(buffer, position)
                last[buffer] = position
    arena = _Arena()
    laid_out: list[PlanStatement] = []
    for position, statement in enumerate(body):
        assert isinstance(statement, Launch)
        own = [b for b in dict.fromkeys(statement.arguments) if b in wanted]
        laid_out += [
            Alloc(buffer, arena.take(buffer))
            for buffer in own
            if first[buffer] == position
        ]
        laid_out.append(statement)
        for buffer in own:
            if last[buffer] == position:
                laid_out.append(Free(buffer))
                arena.give_back(buffer)
    return laid_out, arena.size


@dataclass(eq=False)
class _Place:
    """Memory of the arena: so many bytes from the offset on, but for a common part."""

    constant: int
    offset: Size


class _Arena:
    """Memory for temporaries.

    A temporary takes over the smallest place of a dead one that is known to be large
    enough: by as many bytes or by a constant more, since sizes may be symbolic. Else
    it gets a new place at the end.
    """

    def __init__(self) -> None:
        self.size: Size = 0
        self.free: dict[Size, list[_Place]] = {}
        self.taken: dict[PlanBuffer, _Place] = {}

    def take(self, buffer: PlanBuffer) -> Size:
        """A place for a temporary: its offset."""
        symbolic, constant = _parts(_bytes(buffer))
        places = self.free.setdefault(symbolic, [])
        place = min(
            (place for place in places if place.constant >= constant),
            key=lambda place: place.constant,
            default=None,
        )
        if place is None:
            place = _Place(constant, self.size)
            room = (_bytes(buffer) + (_ALIGNMENT - 1)) // _ALIGNMENT * _ALIGNMENT
            self.size = room + self.size
        else:
            places.remove(place)
        self.taken[buffer] = place
        return place.offset

    def give_back(self, buffer: PlanBuffer) -> None:
        """The temporary is dead."""
        symbolic, _ = _parts(_bytes(buffer))
        self.free[symbolic].append(self.taken.pop(buffer))


def _bytes(buffer: PlanBuffer) -> Size:
    return buffer.type.size * buffer.type.dtype.itemsize


def _parts(size: Size) -> tuple[Size, int]:
    """A size as one without a constant, and the constant."""
    if isinstance(size, int):
        return 0, size
    constant = dict(size.terms).get((), 0)
    return size - constant, constant
