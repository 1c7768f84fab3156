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
prepared = peer.prepare(twenty, (x,))
middle = time.perf_counter()
result = prepared.run()
end = time.perf_counter()
np.testing.assert_allclose(np.asarray(result), twenty(x), rtol=1e-5, atol=1e-6)
print(json.dumps([middle - start, end - middle]))
"""


def first_call(
    peer: str, imports: str = "", folder: str | None = None, *, part: int = 1
) -> float:
    """Seconds of the first call in a fresh process, with an empty cache or a folder's.

    With ``part=0`` the seconds before it: decorating, which imports the compiler's
    front and, where the cache has no support object, makes one.
    """
    code = FIRST_CALL.format(peer=peer, imports=imports)
    with tempfile.TemporaryDirectory() as empty:
        cache = folder or empty
        printed = fresh_process(
            code, PENSTOCK_CACHE=cache, TORCHINDUCTOR_CACHE_DIR=cache
        )
        return float(printed[part])


def run() -> Table:
    """Measure ourselves with and without llvmlite in the process, and the peers."""
    samples = {
        "penstock, llvmlite imported": partial(
            first_call, "penstock", "import llvmlite.binding"
        ),
        "penstock": partial(first_call, "penstock"),
        "penstock, decorating before it": partial(first_call, "penstock", part=0),
    }
    notes = ["after importing NumPy and the system, and decorating; one call"]
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
