"""tanh-GELU in float32 on one thread, against every peer that is installed."""

import json
import os
from functools import partial

import numpy as np

from benchmarks.functions import gelu
from benchmarks.measure import (
    Table,
    fresh_process,
    interleaved,
    seconds_per_call,
    verdict,
)
from benchmarks.peers import NAMES, NotInstalledError, load

BAR = 1.0
ROUNDS = {100_000: 41, 10_000_000: 9}


def measure_here() -> None:
    """Print the medians by size and system, and why a peer is missing, as JSON."""
    # One core is one thread, whatever a system reads its number of threads from.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    missing: dict[str, str] = {}
    medians: dict[int, dict[str, float]] = {}
    for size, rounds in ROUNDS.items():
        x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
        expected = gelu(x)
        samples = {}
        for name in NAMES:
            try:
                prepared = load(name).prepare(gelu, (x,))
            except NotInstalledError as error:
                missing[name] = str(error)
                continue
            result = np.asarray(prepared.run())
            if result.dtype != x.dtype:
                raise TypeError(f"{name} computes in {result.dtype}")
            np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)
            samples[name] = partial(seconds_per_call, prepared.run, (), 3)
        medians[size] = interleaved(samples, rounds)
    print(json.dumps([medians, missing]))


def run() -> Table:
    """Measure in a process of one thread, and compare with the quickest peer."""
    medians, missing = fresh_process(
        "from benchmarks.workloads import gelu; gelu.measure_here()",
        OMP_NUM_THREADS="1",
    )
    rows: list[tuple[str, ...]] = []
    for size, by_name in medians.items():
        ours = by_name["penstock"]
        best = min(seconds for name, seconds in by_name.items() if name != "penstock")
        for name, seconds in by_name.items():
            elements = int(size)
            row = (
                f"{elements:.0e} {name}",
                f"{1e6 * seconds:.0f}",
                f"{1e9 * seconds / elements:.2f}",
            )
            if name == "penstock":
                ratio = ours / best
                judged = (f"{ratio:.2f}", f"{BAR:.1f}", verdict(ratio, BAR))
            else:
                judged = (f"{seconds / best:.2f}", "", "")
            rows.append((*row, *judged))
    return Table(
        "gelu: tanh-GELU, float32, one thread, interleaved, medians",
        ("", "us", "ns/element", "of best peer", "bar", "within"),
        rows,
        [f"{name}: {reason}" for name, reason in missing.items()],
    )
