"""Counts what a Plan does at given sizes: all launches of all its Kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.ir.dims import evaluate_dim
from penstock.ir.loop.count import KernelCount, count_kernel
from penstock.ir.loop.node import Kernel
from penstock.ir.plan.node import (
    Launch,
    Plan,
    PlanBind,
    PlanIf,
    PlanLoop,
    PlanStatement,
    PlanWhile,
)

__all__ = ["PlanCount", "count_plan"]


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
    known: dict[tuple[Kernel, tuple[int, ...]], KernelCount] = {}

    def add(body: Sequence[PlanStatement], times: int) -> None:
        for statement in body:
            if isinstance(statement, Launch):
                kernel = statement.kernel
                here = statement.kernel_sizes(sizes)
                key = kernel, tuple(here[name] for name in kernel.sizes)
                if key not in known:
                    known[key] = count_kernel(kernel, here)
                total.flops += times * known[key].flops
                total.bytes_moved += times * known[key].bytes_moved
                total.launches += times
            elif isinstance(statement, PlanIf):
                add(statement.then, times)
                add(statement.otherwise, times)
            elif isinstance(statement, PlanWhile):
                add(statement.before, times)
                add(statement.body, times)
            elif isinstance(statement, PlanBind):
                sizes.setdefault(statement.symbol, 1)
                add(statement.body, times)
            elif isinstance(statement, PlanLoop):
                add(statement.body, times * evaluate_dim(statement.trip, sizes))

    add(plan.body, 1)
    return total
