"""The same first call, when an earlier process has left its kernel in the cache."""

import tempfile

from benchmarks.measure import Table, interleaved, verdict
from benchmarks.workloads.cold import first_call

ROUNDS = 15
BAR = 5.0


def run() -> Table:
    """Fill a cache from one process, and call from others."""
    with tempfile.TemporaryDirectory() as folder:
        filling = first_call("penstock", folder=folder)
        medians = interleaved(
            {
                "penstock": lambda: first_call("penstock", folder=folder),
                "before": lambda: first_call("penstock", folder=folder, part=0),
            },
            ROUNDS,
        )
    milliseconds = 1e3 * medians["penstock"]
    before = 1e3 * medians["before"]
    ratio = milliseconds / (1e3 * filling)
    row = ("penstock", f"{milliseconds:.2f}", f"{ratio:.3f}", f"{BAR:.0f}")
    return Table(
        f"cached: the same from the disk cache, median of {ROUNDS} processes",
        ("", "ms", "of filling it", "bar", "within"),
        [
            (*row, verdict(milliseconds, BAR)),
            ("decorating before it", f"{before:.2f}", "", "", ""),
        ],
    )
