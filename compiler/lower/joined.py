"""Joins of many arrays: a Kernel for each of them, that copies it into its place.

One Kernel for all would ask of each element which array it comes from. Where a part of
the result starts, and where in an array a part of it does, are sizes that are given at
the launch: then the Kernels of most parts are one.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.ir.attributes import attribute_symbols
from penstock.ir.dims import Size, product, symbol
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Facts
from penstock.ir.loop.node import Scalar
from penstock.ir.ops.joining import is_long_join
from penstock.ir.types import TensorType
from penstock.lower.cluster import Cluster, KernelLaunch, each_element
from penstock.lower.collapse import collapse
from penstock.lower.schedule import BLOCK, element_cost

__all__ = ["lower_long_join", "writes_long_join"]


def writes_long_join(cluster: Cluster) -> bool:
    """Whether a cluster does no more than join many arrays."""
    return cluster.kind == "map" and is_long_join(cluster.body.results[0])


def lower_long_join(cluster: Cluster, facts: Facts) -> Iterator[KernelLaunch]:
    """The Kernels of a join, in the order of its operands.

    Args:
        cluster: of a join and what computes elements of its operands.
        facts: what is known of sizes.
    """
    (join,) = cluster.body.results
    axis, start, size = join.attributes["axis"], 0, join.tensor.size
    for number, operand in enumerate(join.operands):
        yield _Part(cluster, number, facts).lower(start, size)
        start = operand.shape[axis] + start


class _Part:
    """One operand of a join, and its Kernel."""

    def __init__(self, cluster: Cluster, number: int, facts: Facts) -> None:
        (join,) = cluster.body.results
        self.whole = join.tensor
        self.axis: int = join.attributes["axis"]
        self.names: dict[str, Size] = {}
        self.taken: set[str] = set()
        operand = join.operands[number]
        # All of the result along the axes before: then it is one block of memory.
        self.is_block = all(size == 1 for size in self.whole.shape[: self.axis])
        axes = [axis for axis, size in enumerate(operand.shape) if size != 1]
        lane = tuple(
            axes.index(axis) if axis in axes else None
            for axis in range(operand.tensor.rank)
        )
        body = self.body_of(operand, cluster.body.parameters, Builder(facts))
        part = Cluster(
            f"{cluster.name}_{number}",
            body,
            "map",
            tuple(operand.shape[axis] for axis in axes),
            (),
            (lane,),
            {},
            {own: cluster.strided[own] for own in body.parameters},
            cluster.errors,
            (*cluster.locations,),
        )
        self.cluster = collapse(part) if self.is_block else part
        # Merged axes make other parameters of them.
        self.given = dict(
            zip(self.cluster.body.parameters, body.parameters, strict=True)
        )

    def named(self, hint: str, size: Size) -> Size:
        """A size that the launch gives, as a symbol of the Kernel's own."""
        name, number = hint, 0
        while name in self.taken:
            number += 1
            name = f"{hint}{number}"
        self.taken.add(name)
        self.names[name] = size
        return symbol(name)

    def body_of(
        self, operand: Value, parameters: tuple[Value, ...], builder: Builder
    ) -> Function:
        """What computes the operand, its slices from wherever the launch says."""
        body = Function("body", parameters, (operand,))
        for value in (*body.values, operand):
            self.taken |= attribute_symbols(value.tensor.shape)
            for attribute in value.attributes.values():
                self.taken |= attribute_symbols(attribute)
        new: dict[Value, Value] = {}
        for value in body.values:
            operands = [new.get(own, own) for own in value.operands]
            attributes = dict(value.attributes)
            if value.is_op("slice"):
                attributes["start"] = tuple(
                    first if first == 0 else self.named("from", first)
                    for first in attributes["start"]
                )
            new[value] = builder.add(
                value.op, *operands, locations=value.locations, **attributes
            )
        result = new.get(operand, operand)
        read = {own for value in new.values() for own in value.operands} | {result}
        own = tuple(parameter for parameter in parameters if parameter in read)
        return Function("body", own, (result,))

    def lower(self, start: Size, size: Size) -> KernelLaunch:
        """The Kernel that writes the operand into the result.

        Args:
            start: where along the axis.
            size: how many elements the result has.
        """
        cluster, whole, axis = self.cluster, self.whole, self.axis
        (result,), (lane,) = cluster.body.results, cluster.result_lanes
        writer = cluster.start()
        builder = writer.builder
        if self.is_block:
            shape: tuple[Size, ...] = (self.named("whole", size),)
            start = start * product(list(whole.shape[axis + 1 :]))
        else:
            length = self.named("whole", whole.shape[axis])
            shape = (*whole.shape[:axis], length, *whole.shape[axis + 1 :])
        first = builder.size(0 if start == 0 else self.named("start", start))
        target = builder.buffer("r0", TensorType(whole.dtype, shape), "out")
        writer.arguments.append(("result", 0))

        def store(loops: list[Scalar]) -> None:
            zero = builder.size(0)
            indices = [zero if loop is None else loops[loop] for loop in lane]
            (element,) = writer.elements.elements([(result, indices)])
            if not self.is_block:
                place = [*indices]
                place[axis] = indices[axis] + first
            else:
                flat = zero
                for index, size in zip(indices, result.shape, strict=True):
                    flat = flat * builder.size(size) + index
                place = [flat + first]
            builder.store(target, place, element)

        each_element(builder, cluster.loops, BLOCK, store)
        each = element_cost(cluster.flops(), 2)
        launch = writer.finish(
            each * BLOCK if cluster.loops else each, each * product(list(cluster.loops))
        )
        launch.arguments = [
            ("parameter", self.given[argument[1]])
            if argument[0] == "parameter"
            else argument
            for argument in launch.arguments
        ]
        launch.renamed = {
            name: self.names.get(name, symbol(name)) for name in launch.kernel.sizes
        }
        return launch
