"""What all kinds of clusters share on their way to Kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from penstock.ir.dims import Size, product
from penstock.ir.graph.value import Function, Value
from penstock.ir.location import Location
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Buffer, Kernel, Scalar
from penstock.ir.ops.families import Reduction
from penstock.ir.record import Node, Record
from penstock.ir.types import TensorType
from penstock.lower.element import Elements, ErrorTable

__all__ = [
    "Cluster",
    "KernelLaunch",
    "KernelWriter",
    "Lane",
    "Rows",
    "ceil_divide",
    "each_element",
    "reductions_of",
    "rows_of",
]

Lane = tuple[int | None, ...]


def reductions_of(body: Function) -> list[Value]:
    """The reductions of a cluster's body, in order."""
    return [value for value in body.values if issubclass(value.op, Reduction)]


class KernelLaunch(Node):
    """A Kernel, and what to launch it on.

    Attributes:
        kernel: the Kernel.
        arguments: for each of its Buffers a Value of the cluster's body, an index
            into the cluster's results, or the type of a temporary of the cluster's
            own: ``("parameter", value)``, ``("result", index)``,
            ``("temporary", key, type)``.
        cost: picoseconds that one iteration of its parallel loop takes, roughly.
        work: picoseconds that all of it takes on one thread. It is a polynomial in
            sizes, so that the sum over a long program stays short.
        renamed: the Kernel's sizes as the cluster's, where their names differ.
    """

    kernel: Kernel
    arguments: list[tuple[Any, ...]]
    cost: Size
    work: Size
    renamed: Mapping[str, Size] = MappingProxyType({})


class Cluster(Node):
    """A cluster that is being lowered.

    Attributes:
        name: of its Kernels.
        body: its Function.
        kind: ``"map"``, ``"rows"``, ``"nest"`` or ``"scalars"``.
        loops: the sizes of its loops, outermost first.
        inner: the numbers of the loops that run within the others.
        result_lanes: for each result of the body, the loop of each axis.
        reductions: for each reduction of the body, the loops of its operand's axes.
        strided: for each parameter of the body, whether its strides are given only at
            run time.
        errors: the program's table.
        locations: the user's lines that it computes.
        in_place: whether its result is in the memory of what it updates.
    """

    name: str
    body: Function
    kind: str
    loops: tuple[Size, ...]
    inner: tuple[int, ...]
    result_lanes: tuple[Lane, ...]
    reductions: dict[Value, Lane]
    strided: dict[Value, bool]
    errors: ErrorTable
    locations: tuple[Location, ...] = ()
    in_place: bool = False

    @classmethod
    def of(
        cls,
        value: Value,
        name: str,
        strided: Sequence[bool],
        errors: ErrorTable,
        in_place: bool = False,
    ) -> Cluster:
        """The cluster that a Value of op ``cluster`` is."""
        attributes: Any = value.attributes
        (body,) = value.regions
        return cls(
            name,
            body,
            attributes["kind"],
            attributes["loops"],
            attributes["inner"],
            attributes["results"],
            dict(zip(reductions_of(body), attributes["reductions"], strict=True)),
            dict(zip(body.parameters, strided, strict=True)),
            errors,
            value.locations,
            in_place,
        )

    @property
    def outer(self) -> list[int]:
        """The loops around the inner ones, outermost first."""
        return [loop for loop in range(len(self.loops)) if loop not in self.inner]

    def start(
        self, suffix: str = "", builder: KernelBuilder | None = None
    ) -> KernelWriter:
        """Begin a Kernel that reads the cluster's parameters."""
        return KernelWriter(self, builder or KernelBuilder(self.name + suffix))

    def flops(self) -> int:
        """Floating-point operations for one element of the whole domain, roughly."""
        total = 0
        for value in self.body.values:
            flops = value.op.flops
            if isinstance(flops, int):
                total += flops
        return total


class KernelWriter:
    """A Kernel of a cluster that is being built."""

    def __init__(self, cluster: Cluster, builder: KernelBuilder) -> None:
        self.cluster = cluster
        self.builder = builder
        self.arguments: list[tuple[Any, ...]] = []
        buffers = {}
        for number, parameter in enumerate(cluster.body.parameters):
            buffers[parameter] = self.builder.buffer(
                f"a{number}",
                parameter.tensor,
                "in",
                strided=cluster.strided[parameter],
            )
            self.arguments.append(("parameter", parameter))
        self.elements = Elements(self.builder, cluster.body, buffers, cluster.errors)

    def result(self, index: int, mode: str = "out") -> Buffer:
        """The Buffer of one of the cluster's results."""
        type_ = self.cluster.body.results[index].tensor
        self.arguments.append(("result", index))
        return self.builder.buffer(f"r{index}", type_, mode)

    def temporary(self, key: Any, type_: TensorType, mode: str) -> Buffer:
        """Memory that lives as long as the cluster runs, shared by its Kernels."""
        name = f"t{sum(a[0] == 'temporary' for a in self.arguments)}"
        self.arguments.append(("temporary", key, type_))
        return self.builder.buffer(name, type_, mode)

    def local(self, type_: TensorType) -> Buffer:
        """Memory of each iteration of the parallel loop."""
        name = f"l{sum(a[0] == 'local' for a in self.arguments)}"
        self.arguments.append(("local",))
        return self.builder.buffer(name, type_, "local")

    def finish(self, cost: Size, work: Size) -> KernelLaunch:
        """The Kernel and its launch; Buffers that it does not touch are dropped."""
        kernel = self.builder.finish()
        used = _buffers_used(kernel)
        kept = [
            (buffer, argument)
            for buffer, argument in zip(kernel.buffers, self.arguments, strict=True)
            if buffer in used
        ]
        kernel.buffers = tuple(buffer for buffer, _ in kept)
        kernel.locations = self.cluster.locations
        arguments = [argument for _, argument in kept if argument[0] != "local"]
        return KernelLaunch(kernel, arguments, cost, work)


def _buffers_used(kernel: Kernel) -> set[Buffer]:
    used = set()
    for statement in kernel.body.walk():
        buffer = getattr(statement, "buffer", None)
        if buffer is not None:
            used.add(buffer)
    return used


class Rows(Record):
    """The parallel loop of a Kernel.

    Attributes:
        indices: the index of each of its axes.
        start, stop: the part of the blocked axis that this iteration covers, if an
            axis is blocked.
        number: which iteration this is.
    """

    indices: tuple[Scalar, ...]
    number: Scalar
    start: Scalar | None = None
    stop: Scalar | None = None


def ceil_divide(size: Size, divisor: int) -> Size:
    """How many pieces of ``divisor`` it takes to cover ``size``."""
    return (size + (divisor - 1)) // divisor


@contextmanager
def rows_of(
    builder: KernelBuilder,
    sizes: Sequence[Size],
    blocked: Size | None = None,
    block: int = 1,
    *,
    by_block: bool = False,
) -> Iterator[Rows]:
    """One parallel loop over all indices of some axes, and blocks of a last one.

    A single loop has enough iterations to share whichever axis is long. Its number
    is taken apart into indices once for each row.

    Args:
        builder: the Kernel's.
        sizes: the sizes of the axes.
        blocked: the size of one more axis, cut into blocks.
        block: how many indices a block covers.
        by_block: whether all other indices are gone through for a block before the
            next, because what they share is then in cache; else the blocks of a row
            come one after the other.
    """
    blocks = None if blocked is None else ceil_divide(blocked, block)
    total = product([*sizes, 1 if blocks is None else blocks])
    with builder.loop("parallel", builder.size(total), hint="p") as loop:
        rest = loop.index
        start = stop = None
        if blocked is not None:
            number = rest
            if blocks == 1:
                number = builder.size(0)
            elif by_block and product(list(sizes)) != 1:
                count = builder.size(product(list(sizes)))
                number, rest = rest // count, rest % count
            elif product(list(sizes)) != 1:
                count = builder.size(blocks)  # type: ignore[arg-type]
                number, rest = rest % count, rest // count
            start = number * builder.size(block)
            stop = builder.size(blocked)
            if blocks != 1:
                stop = builder.apply("minimum", start + block, stop)
        indices: list[Scalar] = []
        remaining = [axis for axis, size in enumerate(sizes) if size != 1]
        for axis in reversed(range(len(sizes))):
            if axis not in remaining:
                indices.append(builder.size(0))
                continue
            remaining.remove(axis)
            if not remaining:
                indices.append(rest)
                continue
            size = builder.size(sizes[axis])
            indices.append(rest % size)
            rest = rest // size
        indices.reverse()
        for index, length in zip(indices, sizes, strict=True):
            builder.state_below(index, length)
        yield Rows(tuple(indices), loop.index, start, stop)


def each_element(
    builder: KernelBuilder,
    loops: Sequence[Size],
    block: int,
    write: Callable[[list[Scalar]], None],
) -> None:
    """Rows in parallel, and vectors along blocks of the last loop, if there is one.

    Args:
        builder: the Kernel's.
        loops: their sizes, outermost first.
        block: how many indices of the last loop a block covers.
        write: emits what is done for the indices of one element.
    """
    outer, last = loops[:-1], loops[-1:]
    with rows_of(builder, outer, last[0] if last else None, block) as rows:
        if rows.stop is None:
            write([])
            return
        with builder.loop("vector", rows.stop, start=rows.start, hint="j") as loop:
            write([*rows.indices, loop.index])
