"""What one call costs: x + 1 on ten float32 elements, against NumPy's own call."""

import json
from functools import partial

import numpy as np

from benchmarks.functions import add_one
from benchmarks.measure import (
    Table,
    fresh_process,
    interleaved,
    seconds_per_call,
    verdict,
)
from benchmarks.peers import NAMES, NotInstalledError, Prepared, load

BAR = 0.6
ROUNDS = 31
BATCH = 2000


def measure_here(name: str) -> None:
    """Print the medians of np.add and of one system, or why there is none, as JSON."""
    x = np.linspace(0, 1, 10, dtype=np.float32)
    try:
        prepared = load(name).prepare(add_one, (x,))
    except NotInstalledError as error:
        print(json.dumps({"missing": str(error)}))
        return
    np.testing.assert_array_equal(np.asarray(prepared.run()), x + 1)
    both = {"np.add": Prepared(np.add, (x, 1)), name: prepared}
    medians = interleaved(
        {
            key: partial(seconds_per_call, one.call, one.arguments, BATCH)
            for key, one in both.items()
        },
        ROUNDS,
    )
    print(json.dumps(medians))


def run() -> Table:
    """Time each system beside np.add in a process of its own.

    So no system is slowed by the threads that another has left spinning.
    """
    rows: list[tuple[str, ...]] = []
    notes = []
    for name in NAMES:
        medians = fresh_process(
            f"from benchmarks.workloads import calls; calls.measure_here({name!r})"
        )
        if "missing" in medians:
            notes.append(f"{name}: {medians['missing']}")
            continue
        ratio = medians[name] / medians["np.add"]
        judged = (f"{BAR:.1f}", verdict(ratio, BAR)) if name == "penstock" else ("", "")
        times = (f"{1e9 * medians[key]:.0f}" for key in (name, "np.add"))
        rows.append((name, *times, f"{ratio:.2f}", *judged))
    return Table(
        f"calls: x + 1 on 10 float32, medians of {ROUNDS} interleaved batches",
        ("", "ns", "np.add ns", "ratio", "bar", "within"),
        rows,
        notes,
    )
