"""Random numbers on one thread and on two, beside NumPy's own generators."""

import json
import os
from functools import partial

import numpy as np

import penstock as ps
from benchmarks.measure import (
    Table,
    fresh_process,
    interleaved,
    seconds_per_call,
    verdict,
)

BAR = 1.0
SIZE = 10_000_000
ROUNDS = 7
DTYPES = (np.float64, np.float32)


def measure_here(threads: int) -> None:
    """Print the medians by draw and system as JSON."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:threads])
    key = ps.random.key(0)
    generators = {
        "PCG64": np.random.Generator(np.random.PCG64(0)),
        "Philox": np.random.Generator(np.random.Philox(0)),
    }
    medians = {}
    for dtype in DTYPES:
        for name, ours, theirs in (
            ("uniform", ps.random.uniform, "random"),
            ("normal", ps.random.normal, "standard_normal"),
        ):
            draws = {"penstock": partial(ours, key, (SIZE,), dtype)}
            for system, generator in generators.items():
                draws[system] = partial(getattr(generator, theirs), SIZE, dtype)
            samples = {
                system: partial(seconds_per_call, draw, (), 1)
                for system, draw in draws.items()
            }
            medians[f"{name} {np.dtype(dtype)}"] = interleaved(samples, ROUNDS)
    print(json.dumps(medians))


def run() -> Table:
    """Measure in processes of one and of two threads."""
    rows: list[tuple[str, ...]] = []
    for threads in (1, 2):
        medians = fresh_process(
            f"from benchmarks.workloads import random; random.measure_here({threads})",
            OMP_NUM_THREADS=str(threads),
        )
        for draw, by_name in medians.items():
            times = {name: 1e9 * t / SIZE for name, t in by_name.items()}
            ratio = times["penstock"] / min(times["PCG64"], times["Philox"])
            rows.append(
                (
                    f"{draw}, {threads} thread{'s' * (threads > 1)}",
                    *(f"{times[name]:.2f}" for name in ("penstock", "PCG64", "Philox")),
                    f"{ratio:.2f}",
                    f"{BAR:.1f}",
                    verdict(ratio, BAR),
                )
            )
    return Table(
        f"random: {SIZE:.0e} numbers, ns each, interleaved, medians; NumPy draws on "
        "one thread",
        ("", "penstock", "PCG64", "Philox", "of NumPy's best", "bar", "within"),
        rows,
    )
