"""Clusters of kind ``map`` and ``rows``: loops over a domain, in passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product as every

from penstock.ir.dims import Size, product
from penstock.ir.graph.value import Value
from penstock.ir.guards import Facts
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.ops.families import Reduction
from penstock.ir.types import TensorType
from penstock.lower.cluster import (
    Cluster,
    KernelLaunch,
    KernelWriter,
    Rows,
    ceil_divide,
    rows_of,
)
from penstock.lower.fold import FoldingBuilder
from penstock.lower.kept_rows import choose_kept
from penstock.lower.schedule import (
    BLOCK,
    COLUMN_BLOCK,
    REDUCTION_BLOCK,
    SHORT_LOOP,
    element_cost,
    is_short,
)
from penstock.lower.segments import SegmentBuilder, has_segments, in_order

__all__ = ["lower_pointwise"]

# Of a row that is written out, instructions at most.
_MOST_UNROLLED = 200


def lower_pointwise(cluster: Cluster, facts: Facts) -> list[KernelLaunch]:
    """The Kernels of a cluster without loops of its own.

    Args:
        cluster: of kind ``map`` or ``rows``.
        facts: what is known of sizes.
    """
    if cluster.reductions and not cluster.outer and cluster.loops:
        return _lower_whole_reduction(cluster)
    if has_segments(cluster):
        trial = _RowKernel(cluster, cuts=())
        trial.lower()
        cuts = in_order(trial.segments.asked, facts) if trial.segments else []
        if cuts:
            return [_RowKernel(cluster, cuts).lower()]
    return [_RowKernel(cluster).lower()]


class _Domain:
    """The loops of a Kernel while it is built."""

    def __init__(self, writer: KernelWriter) -> None:
        self.writer = writer
        self.builder = writer.builder
        self.cluster = writer.cluster
        self.index: dict[int, Scalar] = {}

    def at(self, lane: Sequence[int | None]) -> list[Scalar]:
        """The indices along a lane."""
        zero = self.builder.size(0)
        return [zero if loop is None else self.index[loop] for loop in lane]

    def element_cost(self) -> int:
        """Picoseconds for one element of the domain."""
        body = self.cluster.body
        accesses = len(body.parameters) + len(body.results)
        return element_cost(self.cluster.flops(), accesses)


def _combine(
    domain: _Domain, reduction: Value, total: Scalar, element: Scalar
) -> Scalar:
    assert issubclass(reduction.op, Reduction)
    builder = domain.builder
    return builder.apply(
        reduction.op.combine, total, builder.convert(element, total.dtype)
    )


def _identity(domain: _Domain, reduction: Value) -> Scalar:
    assert issubclass(reduction.op, Reduction)
    dtype = reduction.dtype.compute
    return domain.builder.constant(reduction.op.identity(dtype), dtype)


def reduction_levels(cluster: Cluster) -> list[list[Value]]:
    """The reductions, grouped by how many others each must wait for."""
    level: dict[Value, int] = {}
    levels: list[list[Value]] = []
    for value in cluster.body.values:
        own = max((level.get(operand, 0) for operand in value.operands), default=0)
        if value in cluster.reductions:
            while len(levels) <= own:
                levels.append([])
            levels[own].append(value)
            own += 1
        level[value] = own
    return levels


def _unrolled_loops(cluster: Cluster) -> tuple[int, ...]:
    """The last loops, where they are short and simple enough to be written out."""
    if cluster.inner:
        return ()
    loops = len(cluster.loops)
    each = cluster.flops() + 2 * len(cluster.body.values)
    first, count = loops, 1
    while first and is_short(size := cluster.loops[first - 1]):
        assert isinstance(size, int)
        first, count = first - 1, count * size
    whole = tuple(range(loops))
    for lane in cluster.result_lanes:
        if tuple(loop for loop in lane if loop is not None) != whole:
            return ()
    if not first or not 0 < count <= SHORT_LOOP or count * each > _MOST_UNROLLED:
        return ()
    return whole[first:]


class _RowKernel:
    """One Kernel: a parallel loop over the outer loops, passes over the inner.

    Args:
        cluster: what it computes.
        cuts: where the blocked loop is cut, in order; ``None`` if it is not looked at.
    """

    def __init__(self, cluster: Cluster, cuts: Sequence[Size] | None = None) -> None:
        self.cluster = cluster
        last = len(cluster.loops) - 1
        # A row that is too short for vectors is written out.
        self.unrolled = _unrolled_loops(cluster)
        self.segments: SegmentBuilder | None = None
        if self.unrolled:
            self.writer = cluster.start(builder=FoldingBuilder(cluster.name))
        elif cuts is not None and cluster.loops:
            self.segments = SegmentBuilder(cluster.name, cluster.loops[-1], cuts)
            self.writer = cluster.start(builder=self.segments)
        else:
            self.writer = cluster.start()
        self.builder = self.writer.builder
        self.domain = _Domain(self.writer)
        self.results = [
            self.writer.result(index) for index in range(len(cluster.body.results))
        ]
        # The innermost loop runs along vectors, whether it is reduced or not; a row
        # too short to fill one is walked through for a whole vector of rows.
        self.vector_inside = last in cluster.inner
        outer = cluster.outer
        if self.vector_inside and outer and is_short(cluster.loops[last]):
            self.vector_inside = False
            last = outer[-1]
        last -= len(self.unrolled)
        self.blocked = None if self.vector_inside or last < 0 else last

    def lower(self) -> KernelLaunch:
        cluster, loops = self.cluster, self.cluster.loops
        own = (self.blocked, *self.unrolled)
        outer = [loop for loop in cluster.outer if loop not in own]
        blocked = None if self.blocked is None else loops[self.blocked]
        block = COLUMN_BLOCK if cluster.inner else BLOCK
        with rows_of(self.builder, [loops[i] for i in outer], blocked, block) as rows:
            self.domain.index.update(zip(outer, rows.indices, strict=True))
            if self.blocked is None:
                self.passes()
            else:
                assert rows.stop is not None
                for start, stop in self.cut(rows):
                    # Rows that are written out keep the machine busy alone.
                    with self.builder.loop(
                        "vector",
                        stop,
                        start=start,
                        hint="j",
                        unroll=1 if self.unrolled else 0,
                    ) as loop:
                        self.domain.index[self.blocked] = loop.index
                        if self.segments is not None:
                            self.segments.index = loop.index
                        self.passes()
        each = self.domain.element_cost()
        cost = each * product([loops[i] for i in cluster.inner])
        if blocked is not None:
            cost = cost * block
        return self.writer.finish(cost, each * product(list(loops)))

    def cut(self, rows: Rows) -> Iterator[tuple[Scalar, Scalar]]:
        """Where the loops over a block start and stop."""
        start, stop = rows.start, rows.stop
        assert start is not None
        assert stop is not None
        if self.segments is not None:
            for number, size in enumerate(self.segments.cuts):
                self.segments.segment = number
                cut = self.builder.size(size)
                yield start, self.builder.apply("minimum", stop, cut)
                start = self.builder.apply("maximum", start, cut)
            self.segments.segment = len(self.segments.cuts)
        yield start, stop

    def passes(self) -> None:
        """Compute what one iteration of the outer loops computes."""
        elements = self.writer.elements
        levels = reduction_levels(self.cluster)
        kept = choose_kept(self.cluster, levels)
        for number, level in enumerate(levels):
            totals = self.reduce(
                level, {v: result for v, (n, result) in kept.items() if n == number}
            )
            for reduction, total in zip(level, totals, strict=True):
                elements.known[reduction] = self.builder.convert(total, reduction.dtype)
            for value, (n, result) in kept.items():
                if n == number:
                    elements.buffers[value] = self.results[result]
        body = self.cluster.body
        self.write_results({r for v, (_, r) in kept.items() if body.results[r] is v})

    def write_results(self, written: set[int]) -> None:
        """The last pass, for all results that none before has stored."""
        cluster = self.cluster
        inner = set(cluster.inner)
        rows: list[int] = []
        full: list[int] = []
        for index, lane in enumerate(cluster.result_lanes):
            if index in written:
                continue
            (full if inner & set(lane) else rows).append(index)
        self.store(rows)
        if full:

            def store_element(totals: list[Scalar]) -> list[Scalar]:
                self.store(full)
                return totals

            self.inner_loops([], store_element, vector=self.vector_inside)

    def store_rows(self, results: Sequence[int]) -> None:
        """Write all elements of a row of results."""
        body, lanes = self.cluster.body, self.cluster.result_lanes
        stores: list[list[tuple[list[Scalar], Scalar]]] = [[] for _ in results]
        sizes = [range(self.cluster.loops[loop]) for loop in self.unrolled]  # type: ignore[arg-type]
        for place in every(*sizes):
            numbers = map(self.builder.size, place)
            self.domain.index.update(zip(self.unrolled, numbers, strict=True))
            wanted = [(body.results[i], self.domain.at(lanes[i])) for i in results]
            scalars = self.writer.elements.elements(wanted)
            for own, (_, indices), scalar in zip(stores, wanted, scalars, strict=True):
                own.append((indices, scalar))
        # Side by side, so that the stores of a row can be made into one.
        for result, own in zip(results, stores, strict=True):
            for indices, scalar in own:
                self.builder.store(self.results[result], indices, scalar)

    def store(self, indices: Sequence[int]) -> None:
        body, lanes = self.cluster.body, self.cluster.result_lanes
        if self.unrolled:
            self.store_rows(indices)
            return
        wanted = [(body.results[i], self.domain.at(lanes[i])) for i in indices]
        scalars = self.writer.elements.elements(wanted)
        for i, (_, place), scalar in zip(indices, wanted, scalars, strict=True):
            self.builder.store(self.results[i], place, scalar)

    def reduce(self, level: list[Value], kept: dict[Value, int]) -> list[Scalar]:
        """One pass over the inner loops: all reductions of a level.

        Args:
            level: the reductions.
            kept: Values to store for a later pass, each in the row of a result.
        """
        start = [_identity(self.domain, reduction) for reduction in level]

        def step(totals: list[Scalar]) -> list[Scalar]:
            wanted = [
                (r.operands[0], self.domain.at(self.cluster.reductions[r]))
                for r in level
            ]
            elements = self.writer.elements.elements(wanted)
            for value, result in kept.items():
                self.keep(value, result)
            return [
                _combine(self.domain, reduction, total, element)
                for reduction, total, element in zip(
                    level, totals, elements, strict=True
                )
            ]

        combines = [r.op.combine for r in level if issubclass(r.op, Reduction)]
        return self.inner_loops(start, step, combines, vector=self.vector_inside)

    def inner_loops(
        self,
        start: list[Scalar],
        step: Callable[[list[Scalar]], list[Scalar]],
        combines: Sequence[str] = (),
        *,
        vector: bool,
    ) -> list[Scalar]:
        """Run over the inner loops, the last of them by vectors if asked."""
        inner = list(self.cluster.inner)

        def nest(position: int, totals: list[Scalar]) -> list[Scalar]:
            if position == len(inner):
                return step(totals)
            is_last = vector and position == len(inner) - 1
            carries = [
                (total, combine)
                for total, combine in zip(totals, combines, strict=False)
            ]
            with self.builder.loop(
                "vector" if is_last else "serial",
                self.builder.size(self.cluster.loops[inner[position]]),
                carries=carries,
                hint="k",
            ) as loop:
                self.domain.index[inner[position]] = loop.index
                loop.update(*nest(position + 1, loop.carried))
            return loop.results

        return nest(0, start)

    def keep(self, value: Value, result: int) -> None:
        """Store an element for a later pass in the row of a result."""
        place = self.domain.at(self.cluster.result_lanes[result])
        (scalar,) = self.writer.elements.elements([(value, place)])
        self.builder.store(self.results[result], place, scalar)


def _lower_whole_reduction(cluster: Cluster) -> list[KernelLaunch]:
    """Reduce everything: blocks in parallel, then their partial results.

    The blocks depend on the sizes alone, so the result does not depend on threads.
    """
    (level,) = reduction_levels(cluster)
    *outer, last = cluster.loops
    blocks = ceil_divide(last, REDUCTION_BLOCK)
    partials = product([*outer, blocks])
    return [
        _partial_kernel(cluster, level, outer, last, partials),
        _final_kernel(cluster, level, partials),
    ]


def _partial_kernel(
    cluster: Cluster,
    level: list[Value],
    outer: Sequence[Size],
    last: Size,
    partials: Size,
) -> KernelLaunch:
    writer = cluster.start("_partial")
    builder, domain = writer.builder, _Domain(writer)
    full = [i for i, lane in enumerate(cluster.result_lanes) if lane]
    full = [
        i for i in full if any(loop is not None for loop in cluster.result_lanes[i])
    ]
    results = {i: writer.result(i) for i in full}
    stores = {
        r: writer.temporary(r, TensorType(r.dtype.compute, (partials,)), "out")
        for r in level
    }
    with rows_of(builder, outer, last, REDUCTION_BLOCK) as rows:
        domain.index.update(enumerate(rows.indices))
        carries = [
            (_identity(domain, r), r.op.combine)
            for r in level
            if issubclass(r.op, Reduction)
        ]
        assert rows.stop is not None
        with builder.loop(
            "vector", rows.stop, start=rows.start, carries=carries, hint="k"
        ) as loop:
            domain.index[len(outer)] = loop.index
            wanted = [(r.operands[0], domain.at(cluster.reductions[r])) for r in level]
            wanted += [
                (cluster.body.results[i], domain.at(cluster.result_lanes[i]))
                for i in full
            ]
            elements = writer.elements.elements(wanted)
            for i, place, scalar in zip(
                full, (p for _, p in wanted[len(level) :]), elements[len(level) :],
                strict=True,
            ):  # fmt: skip
                builder.store(results[i], place, scalar)
            loop.update(
                *(
                    _combine(domain, r, total, element)
                    for r, total, element in zip(
                        level, loop.carried, elements, strict=False
                    )
                )
            )
        for r, total in zip(level, loop.results, strict=True):
            builder.store(stores[r], [rows.number], total)
    cost = domain.element_cost()
    work = cost * product([*outer, last])
    return writer.finish(cost * REDUCTION_BLOCK, work)


def _final_kernel(cluster: Cluster, level: list[Value], partials: Size) -> KernelLaunch:
    writer = cluster.start("_final")
    builder, domain = writer.builder, _Domain(writer)
    sources: dict[Value, Buffer] = {
        r: writer.temporary(r, TensorType(r.dtype.compute, (partials,)), "in")
        for r in level
    }
    scalars = [
        i
        for i, lane in enumerate(cluster.result_lanes)
        if all(loop is None for loop in lane)
    ]
    results = {i: writer.result(i) for i in scalars}
    carries = [
        (_identity(domain, r), r.op.combine)
        for r in level
        if issubclass(r.op, Reduction)
    ]
    with builder.loop(
        "vector", builder.size(partials), carries=carries, hint="b"
    ) as loop:
        loop.update(
            *(
                _combine(domain, r, total, builder.load(sources[r], [loop.index]))
                for r, total in zip(level, loop.carried, strict=True)
            )
        )
    for r, total in zip(level, loop.results, strict=True):
        writer.elements.known[r] = builder.convert(total, r.dtype)
    for i in scalars:
        result = cluster.body.results[i]
        place = [builder.size(0)] * result.tensor.rank
        (scalar,) = writer.elements.elements([(result, place)])
        builder.store(results[i], place, scalar)
    cost = domain.element_cost()
    return writer.finish(cost, cost)
