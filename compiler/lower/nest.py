"""Clusters around an op with loops of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from penstock.ir.dims import Size, product
from penstock.ir.graph.mapping import operand_mappings
from penstock.ir.graph.value import Value
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.ops.families import Nest
from penstock.ir.types import TensorType
from penstock.lower.cluster import (
    Cluster,
    KernelLaunch,
    KernelWriter,
    ceil_divide,
    rows_of,
)
from penstock.lower.element import ValueContext
from penstock.lower.schedule import element_cost

__all__ = ["lower_nest"]


def lower_nest(cluster: Cluster) -> list[KernelLaunch]:
    """The Kernel of one nest, its store extended by what consumes the result."""
    (value,) = [v for v in cluster.body.values if issubclass(v.op, Nest)]
    context = _Context(cluster, value)
    assert issubclass(value.op, Nest)
    value.op.lower(context)
    iterations = context.iterations
    per_row = element_cost(cluster.flops(), 2) * _row_size(value, iterations)
    return [context.writer.finish(per_row, per_row * iterations)]


def _row_size(value: Value, iterations: Size) -> Size:
    """Elements of result and operands that one row of the parallel loop handles."""
    total: Size = value.tensor.size
    for operand in value.operands:
        total = operand.tensor.size + total
    return total // (iterations + 1) + 1 if iterations != 1 else total


class _Context(ValueContext):
    """What the lowering rule of an op with loops of its own sees."""

    def __init__(self, cluster: Cluster, value: Value) -> None:
        self.cluster = cluster
        self.writer: KernelWriter = cluster.start()
        super().__init__(self.writer.elements, value)
        self.in_place = cluster.in_place
        self.iterations: Size = 1
        self.results = [
            self.writer.result(index, "out" if cluster.body.results[index] is not value
                               or value.op.fuses_result else "inout")  # type: ignore[attr-defined]
            for index in range(len(cluster.body.results))
        ]  # fmt: skip
        self._scratch = 0

    @contextmanager
    def rows(self, sizes: Sequence[Size]) -> Iterator[tuple[Scalar, ...]]:
        """The parallel loop over all indices of some axes."""
        self.iterations = product(list(sizes))
        with rows_of(self.builder, sizes) as rows:
            yield rows.indices

    @contextmanager
    def tiles(
        self, sizes: Sequence[Size], blocked: Size, block: int
    ) -> Iterator[tuple[tuple[Scalar, ...], Scalar, Scalar]]:
        """The parallel loop over blocks of one axis and all indices of others."""
        self.iterations = product([*sizes, ceil_divide(blocked, block)])
        with rows_of(self.builder, sizes, blocked, block, by_block=True) as rows:
            assert rows.start is not None
            assert rows.stop is not None
            yield rows.indices, rows.start, rows.stop

    def store(self, indices: Sequence[Scalar], value: Scalar) -> None:
        """Write an element, and those of the Values that consume it."""
        body = self.cluster.body
        if body.results == (self.value,):
            self.builder.store(self.results[0], indices, value)
            return
        self.elements.known[self.value] = value
        wanted = [(result, self.place(result, indices)) for result in body.results]
        scalars = self.elements.elements(wanted)
        for buffer, (_, place), scalar in zip(
            self.results, wanted, scalars, strict=True
        ):
            self.builder.store(buffer, place, scalar)
        del self.elements.known[self.value]

    def place(self, result: Value, indices: Sequence[Scalar]) -> list[Scalar]:
        """Where a consumer has the element at these indices of the nest."""
        lanes = self.cluster.result_lanes
        lane = lanes[self.cluster.body.results.index(result)]
        loops = [axis for axis, size in enumerate(self.type.shape) if size != 1]
        zero = self.builder.size(0)
        return [zero if loop is None else indices[loops[loop]] for loop in lane]

    def result(self) -> Buffer:
        """The result itself, to read back what was stored."""
        return self.results[0]

    def scratch(self, type_: TensorType) -> Buffer:
        """Memory for the Kernel's own use."""
        self._scratch += 1
        return self.writer.temporary(("scratch", self._scratch), type_, "inout")

    def is_contiguous(self, position: int, axis: int) -> bool:
        """Whether neighbours along an operand's axis are neighbours in memory."""
        value = self.value.operands[position]
        while value not in self.elements.buffers:
            mappings = operand_mappings(value)
            if len(mappings) != 1:
                return all(mapping is not None for mapping in mappings)
            if value.is_op("slice"):
                step = value.attributes["step"]
                if step[axis] != 1:
                    return False
            elif mappings[0] is None:
                return False
            elif axis in mappings[0]:
                axis = mappings[0].index(axis)
            else:
                return True  # the same element for all neighbours
            value = value.operands[0]
        buffer = self.elements.buffers[value]
        return axis == buffer.type.rank - 1 and not buffer.strided
