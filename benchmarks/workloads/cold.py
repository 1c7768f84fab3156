"""The first call of a graph of twenty operations, in a process and cache of its own."""

import tempfile
from functools import partial

from benchmarks.measure import Table, fresh_process, interleaved, verdict
from benchmarks.peers import NAMES, NotInstalledError, load

ROUNDS = 5
# Where a row is ours: the milliseconds that it may take.
BARS = {"penstock, llvmlite imported": 50.0, "penstock": 110.0}

FIRST_CALL = """
import json, time
import numpy as np
from benchmarks.functions import twenty
from benchmarks.peers import load
{imports}
peer = load({peer!r})
x = np.linspace(0.1, 2, 1000, dtype=np.float32)
start = time.perf_counter()
result = peer.prepare(twenty, (x,)).run()
seconds = time.perf_counter() - start
np.testing.assert_allclose(np.asarray(result), twenty(x), rtol=1e-5, atol=1e-6)
print(json.dumps(seconds))
"""


def first_call(peer: str, imports: str = "", folder: str | None = None) -> float:
    """Compile and call in a fresh process, with an empty cache or with a folder's."""
    code = FIRST_CALL.format(peer=peer, imports=imports)
    with tempfile.TemporaryDirectory() as empty:
        cache = folder or empty
        return float(
            fresh_process(code, PENSTOCK_CACHE=cache, TORCHINDUCTOR_CACHE_DIR=cache)
        )


def run() -> Table:
    """Measure ourselves with and without llvmlite in the process, and the peers."""
    samples = {
        "penstock, llvmlite imported": partial(
            first_call, "penstock", "import llvmlite.binding"
        ),
        "penstock": partial(first_call, "penstock"),
    }
    notes = ["after importing NumPy and the system; compiling and one call"]
    for name in NAMES:
        if name in ("penstock", "numpy"):
            continue
        try:
            load(name)
        except NotInstalledError as error:
            notes.append(f"{name}: {error}")
        else:
            samples[name] = partial(first_call, name)
    first_call("penstock")  # writes bytecode
    medians = interleaved(samples, ROUNDS)
    rows: list[tuple[str, ...]] = []
    for name, seconds in medians.items():
        bar = BARS.get(name)
        judged = (f"{bar:.0f}", verdict(1e3 * seconds, bar)) if bar else ("", "")
        ratio = seconds / medians["penstock"]
        rows.append((name, f"{1e3 * seconds:.1f}", f"{ratio:.2f}", *judged))
    return Table(
        f"cold: first call of 20 operations, empty cache, median of {ROUNDS} processes",
        ("", "ms", "of penstock", "bar", "within"),
        rows,
        notes,
    )
