"""Clusters around an op with loops of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from penstock.ir.dims import Size, product
from penstock.ir.graph.mapping import operand_mappings
from penstock.ir.graph.value import Value
from penstock.ir.loop.node import Buffer, Load, Scalar
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
from penstock.lower.schedule import TERM_PICOSECONDS, element_cost

__all__ = ["lower_nest"]


def lower_nest(cluster: Cluster, registers: int) -> list[KernelLaunch]:
    """The Kernel of one nest, its store extended by what consumes the result.

    Kernels that lay out operands for it come before it.
    """
    (value,) = [v for v in cluster.body.values if issubclass(v.op, Nest)]
    context = _Context(cluster, value, registers)
    assert issubclass(value.op, Nest)
    value.op.lower(context)
    return [*context.earlier, context.finish()]


def _row_size(value: Value, iterations: Size, in_place: bool) -> Size:
    """Elements of result and operands that one row of the parallel loop handles."""
    total: Size = 0 if in_place else value.tensor.size
    for operand in value.operands[in_place:]:
        total = operand.tensor.size + total
    return total // (iterations + 1) + 1 if iterations != 1 else total


class _Context(ValueContext):
    """What the lowering rule of an op with loops of its own sees."""

    def __init__(
        self, cluster: Cluster, value: Value, registers: int, suffix: str = ""
    ) -> None:
        self.cluster = cluster
        self.registers = registers
        self.writer: KernelWriter = cluster.start(suffix)
        super().__init__(self.writer.elements, value)
        self.in_place = cluster.in_place
        self.iterations: Size = 1
        self.results = [
            self.writer.result(index, "out" if cluster.body.results[index] is not value
                               or value.op.fuses_result else "inout")  # type: ignore[attr-defined]
            for index in range(len(cluster.body.results))
        ]  # fmt: skip
        self.efforts: tuple[tuple[Size, Size], tuple[Size, Size]] | None = None
        self.earlier: list[KernelLaunch] = []
        self._scratch = 0

    def finish(self) -> KernelLaunch:
        """The Kernel, and what it costs."""
        element = element_cost(self.cluster.flops(), 2)
        if self.efforts is None:
            cost = element * _row_size(self.value, self.iterations, self.in_place)
            return self.writer.finish(cost, cost * self.iterations)
        costs = [
            element * elements + TERM_PICOSECONDS * terms
            for elements, terms in self.efforts
        ]
        return self.writer.finish(*costs)

    def effort(self, each: tuple[Size, Size], whole: tuple[Size, Size]) -> None:
        """How many elements and terms of sums an iteration, and the whole, handle."""
        self.efforts = each, whole

    @contextmanager
    def before(self, type_: TensorType) -> Iterator[tuple[_Context, Buffer, Buffer]]:
        """A Kernel that fills an array for this one to read."""
        key = ("before", len(self.earlier))
        suffix = f"_{len(self.earlier)}"
        context = _Context(self.cluster, self.value, self.registers, suffix)
        target = context.writer.temporary(key, type_, "inout")
        yield context, target, self.writer.temporary(key, type_, "in")
        self.earlier.append(context.finish())

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

    def operand(
        self, position: int, indices: Sequence[Scalar], when: Scalar | None = None
    ) -> Scalar:
        """An element of an operand; zero where ``when`` does not hold."""
        found = super().operand(position, indices, when)
        if when is None or isinstance(found.definition, Load):
            return found
        # What is computed where it is read is not zero there, as what is loaded is.
        return self.builder.select(when, found, self.builder.constant(0, found.dtype))

    @property
    def is_consumed(self) -> bool:
        """Whether more is computed from the result than is stored of it."""
        return self.cluster.body.results != (self.value,)

    def store(self, indices: Sequence[Scalar], value: Scalar) -> None:
        """Write an element, and those of the Values that consume it."""
        body = self.cluster.body
        if not self.is_consumed:
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

    def local(self, type_: TensorType) -> Buffer:
        """Memory of each iteration of the parallel loop."""
        return self.writer.local(type_)

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
