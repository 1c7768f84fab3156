"""Counts what a Plan does at given sizes: all launches of all its Kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from penstock.ir.dims import evaluate_dim
from penstock.ir.loop.count import KernelCount, count_kernel
from penstock.ir.plan.node import (
    Element,
    Launch,
    Plan,
    PlanBind,
    PlanBuffer,
    PlanIf,
    PlanLoop,
    PlanStatement,
    PlanWhile,
    Swap,
)

__all__ = ["PlanCount", "count_launches", "count_plan"]


class PlanCount:
    """What one run of a Plan does.

    Attributes:
        flops: floating-point operations.
        bytes_moved: bytes that its Kernels read and write.
        launches: how often a Kernel is launched.
    """

    def __init__(self) -> None:
        self.flops = 0
        self.bytes_moved = 0
        self.launches = 0


def count_plan(plan: Plan, sizes: Mapping[str, int]) -> PlanCount:
    """Count what a Plan does.

    Args:
        plan: a verified Plan.
        sizes: the value of each of its symbols. What is born within it is 1 unless it
            is given too.

    Returns:
        The counts. Of a branch both bodies count, and the body of a loop whose turns
        depend on data counts once.
    """
    total, sizes = PlanCount(), dict(sizes)
    for bind in plan.statements():
        if isinstance(bind, PlanBind):
            sizes.setdefault(bind.symbol, 1)
    counts = count_launches(plan, sizes)

    def add(body: Sequence[PlanStatement], times: int) -> None:
        for statement in body:
            if isinstance(statement, Launch):
                total.flops += times * counts[statement].flops
                total.bytes_moved += times * counts[statement].bytes_moved
                total.launches += times
            elif isinstance(statement, PlanIf):
                add(statement.then, times)
                add(statement.otherwise, times)
            elif isinstance(statement, PlanWhile):
                add(statement.before, times)
                add(statement.body, times)
            elif isinstance(statement, PlanBind):
                add(statement.body, times)
            elif isinstance(statement, PlanLoop):
                add(statement.body, times * evaluate_dim(statement.trip, sizes))

    add(plan.body, 1)
    return total


def count_launches(plan: Plan, sizes: Mapping[str, int]) -> dict[Launch, KernelCount]:
    """Count what each launch of a Plan does.

    Of a temporary no more is read than was written: a copy of an operand has rows that
    fill up its last tile, and how high that is depends on the machine.

    Args:
        plan: a verified Plan.
        sizes: the value of each of its symbols, and of those born within it.
    """
    known: dict[tuple[object, ...], KernelCount] = {}
    counts: dict[Launch, KernelCount] = {}
    written = dict.fromkeys(_written_once(plan), 0)
    for launch in plan.statements():
        if not isinstance(launch, Launch):
            continue
        kernel, here = launch.kernel, launch.kernel_sizes(sizes)
        pairs = dict(zip(kernel.arguments, launch.arguments, strict=True))
        filled = {
            own: written[buffer]
            for own, buffer in pairs.items()
            if own.mode == "in" and buffer in written
        }
        key = (kernel, *(here[name] for name in kernel.sizes), *filled.items())
        if key not in known:
            known[key] = count_kernel(kernel, here, filled)
        counts[launch] = known[key]
        for own, buffer in pairs.items():
            if own.mode != "in" and buffer in written:
                written[buffer] = counts[launch].bytes_written // own.dtype.itemsize
    return counts


def _written_once(plan: Plan) -> Iterator[PlanBuffer]:
    """Temporaries that one launch writes, which writes nothing else, for others."""
    writers: dict[PlanBuffer, int] = {}
    top = {id(statement) for statement in plan.body}
    for statement in plan.statements():
        if isinstance(statement, Launch):
            kernel = statement.kernel
            pairs = [*zip(kernel.arguments, statement.arguments, strict=True)]
            targets = [buffer for own, buffer in pairs if own.mode != "in"]
            alone = len(targets) == 1 and id(statement) in top
            for buffer in targets:
                writers[buffer] = writers.get(buffer, 0) + (1 if alone else 2)
        elif isinstance(statement, Swap):
            writers.update({statement.first: 2, statement.second: 2})
        elif isinstance(statement, Element):
            writers[statement.whole] = writers[statement.buffer] = 2
    for buffer, count in writers.items():
        if count == 1 and buffer.role == "temporary":
            yield buffer
