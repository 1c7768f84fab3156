"""What a gradient costs beside its function: flops, memory traffic, and time."""

import json
import os
from collections.abc import Callable
from functools import partial
from time import thread_time
from typing import Any

import penstock as ps
from benchmarks.gradients import SUBJECTS, Subject
from benchmarks.measure import (
    Table,
    fresh_process,
    interleaved,
    verdict,
)
from penstock.ir.dims import evaluate_dim
from penstock.ir.plan.count import PlanCount, count_plan

BAR = 4.0
ROUNDS = 15
SCALE = 16
# Each sample takes at least so long.
SAMPLE = 2e-3


def count_of(compiled: Any, arguments: tuple[Any, ...]) -> tuple[PlanCount, int]:
    """Count what a compiled function does, and the memory between its kernels."""
    compilation = compiled.lower(*arguments).compilation
    sizes = compilation.traced.hints
    return count_plan(compilation.plan, sizes), evaluate_dim(
        compilation.plan.arena, sizes
    )


def ratios(subject: Subject, scale: int) -> tuple[float, float]:
    """Count the flops and bytes of a gradient, as multiples of the function's."""
    arguments = subject.arguments(scale)
    alone, _ = count_of(ps.compile(subject.function), arguments)
    both, _ = count_of(ps.value_and_grad(subject.function, subject.wrt), arguments)
    return both.flops / alone.flops, both.bytes_moved / alone.bytes_moved


def seconds_per_call(
    function: Callable[..., Any], arguments: tuple[Any, ...], count: int
) -> float:
    """Time calls by what the thread computed, whatever else the machine does."""
    start = thread_time()
    for _ in range(count):
        function(*arguments)
    return (thread_time() - start) / count


def measure_here(name: str) -> None:
    """Print the medians of a function and of its gradient as JSON."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    subject = next(one for one in SUBJECTS if one.name == name)
    arguments = subject.arguments(SCALE)
    functions = {
        "function": ps.compile(subject.function),
        "gradient": ps.value_and_grad(subject.function, subject.wrt),
    }
    samples = {}
    for key, function in functions.items():
        function(*arguments)
        once = min(seconds_per_call(function, arguments, 1) for _ in range(3))
        count = max(1, round(SAMPLE / once))
        samples[key] = partial(seconds_per_call, function, arguments, count)
    medians = interleaved(samples, ROUNDS)
    print(json.dumps([medians["function"], medians["gradient"]]))


def run() -> Table:
    """Count and time each subject in a process of one thread.

    Times are those of the thread. The time of a gradient is held to the bar where its
    traffic is within it.
    """
    rows: list[tuple[str, ...]] = []
    for subject in SUBJECTS:
        flops, traffic = ratios(subject, SCALE)
        alone, both = fresh_process(
            "from benchmarks.workloads import gradients; "
            f"gradients.measure_here({subject.name!r})",
            OMP_NUM_THREADS="1",
        )
        time = both / alone
        held = [flops] + ([time] if traffic <= BAR else [])
        rows.append(
            (
                subject.name,
                f"{flops:.2f}",
                f"{traffic:.2f}",
                f"{time:.2f}",
                f"{1e6 * alone:.0f}",
                f"{1e6 * both:.0f}",
                verdict(max(held), BAR),
            )
        )
    return Table(
        f"gradients: value_and_grad as a multiple of the function; bar {BAR:.0f}",
        ("", "flops", "bytes", "time", "function us", "gradient us", "within"),
        rows,
    )
