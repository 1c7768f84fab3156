"""Builds the Plan of a fused Function: buffers, launches, and the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.ir.attributes import Constant, attribute_symbols
from penstock.ir.dims import Size, substitute_dim, symbol
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.location import Location
from penstock.ir.loop.node import Kernel
from penstock.ir.loop.text_print import print_kernel
from penstock.ir.plan.node import Launch, Plan, PlanBuffer, PlanStatement
from penstock.ir.reals import Real
from penstock.ir.types import TensorType
from penstock.lower.arena import lay_out_arena
from penstock.lower.cluster import Cluster, KernelLaunch
from penstock.lower.collapse import collapse
from penstock.lower.control import CONTROL, lower_control
from penstock.lower.element import ErrorTable
from penstock.lower.in_place import InPlace
from penstock.lower.joined import lower_long_join, writes_long_join
from penstock.lower.nest import lower_nest
from penstock.lower.pointwise import lower_pointwise
from penstock.lower.schedule import chunk_of
from penstock.lower.updated import lower_update

__all__ = ["lower_function"]


def lower_function(
    function: Function,
    *,
    strided: frozenset[str] = frozenset(),
    reals: frozenset[str] = frozenset(),
    returned: Sequence[Size | Real] = (),
    registers: int = 32,
) -> Plan:
    """The Plan of a fused Function.

    Args:
        function: of clusters, ``get``, ``reshape`` and constants.
        strided: the names of parameters whose strides are given at run time.
        reals: the names of parameters that are float arguments, passed by value.
        returned: host numbers that are results of the user's function.
        registers: how many vector registers the machine has.

    Raises:
        UnsupportedError: the Function has an op that cannot be compiled yet.
    """
    return PlanBuilder(function, strided, reals, returned, registers).build()


class PlanBuilder:
    def __init__(
        self,
        function: Function,
        strided: frozenset[str],
        reals: frozenset[str],
        returned: Sequence[Size | Real],
        registers: int,
    ) -> None:
        self.function = function
        self.registers = registers
        self.errors = ErrorTable()
        self.facts = function.facts
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
        self.has_many_clusters = len(function.values) > 1
        # Kernels that copy arrays, by what they do.
        self.copies: dict[str, Kernel] = {}
        self.lowered: dict[
            Any, tuple[Cluster, list[KernelLaunch], tuple[str, ...]]
        ] = {}
        # Clusters of several results that have been lowered, and what takes these.
        self.clusters_done: set[Value] = set()
        self.memory = InPlace()
        # Values that are written into the memory of what they update.
        self.in_place: set[Value] = set()
        self.gets: dict[Value, dict[Any, Value]] = {}
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
        self.lower_body(function, self.results)
        body, arena = lay_out_arena(self.body, self.temporaries, self.facts)
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

    def lower_body(
        self, function: Function, wanted: Sequence[PlanBuffer | None]
    ) -> list[PlanBuffer]:
        """Lower all Values of a Function.

        Args:
            function: it, whose parameters have their buffers.
            wanted: where its results belong; ``None`` for wherever they are.

        Returns:
            Where the results are.
        """
        for value in function.values:
            self.clusters_done.discard(value)
            if value.is_op("get"):
                index = value.attributes["index"]
                self.gets.setdefault(value.operands[0], {})[index] = value
        result_of: dict[Value, PlanBuffer] = {}
        own = set(function.values)
        copied = []
        for result, buffer in zip(function.results, wanted, strict=True):
            if buffer is None:
                continue
            base = result
            while base.is_op("reshape"):
                (base,) = base.operands
            if base in result_of or base not in own or base.is_op("const"):
                copied.append((result, buffer))
            else:
                result_of[base] = buffer
        self.share_memory(function, result_of)
        for value in self.memory.order(function):
            self.lower(value, result_of)
        for result, buffer in copied:
            self.copy(self.buffer_of[result], buffer)
        return [
            self.buffer_of[result] if buffer is None else buffer
            for result, buffer in zip(function.results, wanted, strict=True)
        ]

    def share_memory(
        self, function: Function, result_of: dict[Value, PlanBuffer]
    ) -> None:
        """Have updates of arrays that nothing else reads happen in place."""
        updates = self.memory.updates(function)
        for value in reversed(function.values):
            if value not in updates:
                continue
            array = updates[value]
            if array in function.parameters:
                # Its memory may be taken only if it is meant for the result.
                if result_of.get(value) is self.buffer_of[array]:
                    self.in_place.add(value)
                continue
            made_here = array.op.name in CONTROL or array.op.name in ("cluster", "get")
            if not made_here or array in result_of:
                continue
            buffer = result_of.get(value) or self.temporary(value.tensor)
            result_of[value] = result_of[array] = buffer
            self.in_place.add(value)

    def copy(self, source: PlanBuffer, target: PlanBuffer) -> None:
        """Copy an array."""
        if source is target:
            return
        outside, inside = Builder(self.facts), Builder(self.facts)
        array = outside.parameter("a", source.type)
        parameter = inside.parameter("a0", source.type)
        axes = [axis for axis, size in enumerate(source.type.shape) if size != 1]
        cluster = outside.add(
            "cluster",
            array,
            regions=(Function("body", (parameter,), (parameter,)),),
            kind="map",
            loops=tuple(source.type.shape[axis] for axis in axes),
            inner=(),
            results=(
                tuple(
                    axes.index(axis) if axis in axes else None
                    for axis in range(source.type.rank)
                ),
            ),
            reductions=(),
        )
        self.buffer_of[array] = source
        self.lower_cluster(cluster, [target])

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
        elif name in CONTROL:
            if isinstance(value.type, TensorType):
                (buffer,) = lower_control(self, value, [result_of.get(value)])
                self.buffer_of[value] = buffer
            elif value not in self.gets:
                lower_control(self, value, [None] * len(value.type.elements))  # type: ignore[union-attr]
        elif name == "get":
            (cluster,) = value.operands
            if cluster not in self.clusters_done:
                self.clusters_done.add(cluster)
                gets = self.gets[cluster]
                count = len(cluster.type.elements)  # type: ignore[union-attr]
                wanted = [
                    result_of.get(gets[i]) if i in gets else None for i in range(count)
                ]
                lowered = cluster.op.name in CONTROL
                buffers = (
                    lower_control(self, cluster, wanted)
                    if lowered
                    else self.lower_cluster(cluster, wanted)
                )
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
        cluster, launches, renamed = self.kernels_of(value, strided)
        results = [
            self.temporary(result.tensor) if buffer is None else buffer
            for result, buffer in zip(value.regions[0].results, wanted, strict=True)
        ]
        if isinstance(value.type, TensorType):
            self.buffer_of[value] = results[0]
        own: dict[Any, PlanBuffer] = {}
        given = dict(zip(cluster.body.parameters, arguments, strict=True))
        for launch in launches:
            self.launch(launch, given, results, own, renamed)
        return results

    def kernels_of(
        self, value: Value, strided: Sequence[bool]
    ) -> tuple[Cluster, list[KernelLaunch], Mapping[str, Size]]:
        """The Kernels of a cluster; those of an equal one, if there was one before.

        Those of an op with loops of its own follow from shapes alone, so equal up to
        the names of sizes is equal enough; the names are given with them.
        """
        key = None
        symbols: tuple[str, ...] = ()
        if self.has_many_clusters:
            key, symbols = self.key_of(value, strided)
            if key in self.lowered:
                cluster, launches, known = self.lowered[key]
                for launch in launches:
                    _add_locations(launch.kernel, value.locations)
                return cluster, launches, _renamed(known, symbols)
        name = f"{self.function.name}_{self.cluster_count}"
        self.cluster_count += 1
        errors = len(self.errors.errors)
        in_place = value in self.in_place
        cluster = Cluster.of(value, name, strided, self.errors, in_place)
        if cluster.kind == "nest":
            launches = lower_nest(cluster, self.registers)
            for launch in launches[:-1]:
                self.share(launch)
        elif cluster.kind == "scalars":
            from penstock.lower.unrolled import lower_unrolled

            launches = lower_unrolled(cluster)
        elif in_place:
            launches = [lower_update(cluster)]
        elif writes_long_join(cluster):
            launches = [*lower_long_join(cluster, self.facts)]
            for launch in launches:
                self.share(launch)
        else:
            cluster = collapse(cluster)
            launches = lower_pointwise(cluster, self.facts)
        if key is not None and len(self.errors.errors) == errors:
            # Kernels that report errors belong to their own line.
            self.lowered[key] = cluster, launches, symbols
        return cluster, launches, {}

    def share(self, launch: KernelLaunch) -> None:
        """Launch a Kernel that copies an array the way an equal one does."""
        kernel = launch.kernel
        text = print_kernel(kernel, canonical=True)
        known = self.copies.setdefault(text, kernel)
        if known is not kernel:
            _add_locations(known, kernel.locations)
            launch.kernel = known
            own = {
                name: launch.renamed.get(name, symbol(name)) for name in kernel.sizes
            }
            launch.renamed = dict(zip(known.sizes, own.values(), strict=True))

    def key_of(
        self, value: Value, strided: Sequence[bool]
    ) -> tuple[Any, tuple[str, ...]]:
        """What a cluster's Kernels depend on, and the symbols that this leaves out."""
        (body,) = value.regions
        attributes: dict[str, Any] = dict(value.attributes)
        symbols: tuple[str, ...] = ()
        names: Mapping[str, Size] = {}
        if attributes["kind"] == "nest" and _symbols(body) <= {*body.symbols}:
            symbols = body.symbols
            names = {name: symbol(f"s{i}") for i, name in enumerate(symbols)}
        text = print_function(body, canonical=bool(names), locations=False)
        loops = [substitute_dim(size, names) for size in attributes.pop("loops")]
        rest = repr(sorted(attributes.items()))
        in_place = value in self.in_place
        return (text, str(loops), rest, tuple(strided), in_place), symbols

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
        renamed: Mapping[str, Size],
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
                    own[key] = self.temporary(type_.substitute(renamed))
                buffers.append(own[key])
        kernel = launch.kernel
        sizes = {
            name: substitute_dim(launch.renamed.get(name, symbol(name)), renamed)
            for name in kernel.sizes
        }
        sizes = {name: size for name, size in sizes.items() if size != symbol(name)}
        cost, work = (substitute_dim(s, renamed) for s in (launch.cost, launch.work))
        self.work = work + self.work
        self.body.append(Launch(kernel, tuple(buffers), chunk_of(cost), sizes))


def _renamed(old: Sequence[str], new: Sequence[str]) -> Mapping[str, Size]:
    pairs = zip(old, new, strict=True)
    return {one: symbol(other) for one, other in pairs if one != other}


def _add_locations(kernel: Kernel, locations: Sequence[Location]) -> None:
    every = (*kernel.locations, *locations)
    kernel.locations = tuple(dict.fromkeys(every))


def _symbols(body: Function) -> set[str]:
    """All symbols that a cluster's body mentions."""
    names: set[str] = set()
    for value in body.values:
        names |= attribute_symbols(value.tensor.shape)
        for attribute in value.attributes.values():
            names |= attribute_symbols(attribute)
    return names
