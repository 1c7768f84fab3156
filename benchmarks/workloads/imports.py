"""What importing us costs beyond importing NumPy."""

from functools import partial

from benchmarks.measure import Table, fresh_process, interleaved, verdict

ROUNDS = 21
BAR = 60.0
STATEMENTS = {
    "numpy": "import numpy",
    "penstock": "import numpy, penstock",
    "penstock.compile": "import numpy, penstock; penstock.compile",
}
CODE = """
import json, time
start = time.perf_counter()
{}
print(json.dumps(time.perf_counter() - start))
"""


def import_seconds(statement: str) -> float:
    """Time an import statement in a fresh process."""
    return float(fresh_process(CODE.format(statement)))


def run() -> Table:
    """Import in fresh processes, one statement after the other."""
    for statement in STATEMENTS.values():
        import_seconds(statement)  # writes bytecode
    medians = interleaved(
        {
            name: partial(import_seconds, statement)
            for name, statement in STATEMENTS.items()
        },
        ROUNDS,
    )
    rows: list[tuple[str, ...]] = []
    for name, seconds in medians.items():
        over = 1e3 * (seconds - medians["numpy"])
        judged = (
            (f"{over:.1f}", f"{BAR:.0f}", verdict(over, BAR))
            if name != "numpy"
            else ("", "", "")
        )
        rows.append((name, f"{1e3 * seconds:.1f}", *judged))
    return Table(
        f"imports: median of {ROUNDS} processes, bytecode cached",
        ("", "ms", "over numpy", "bar", "within"),
        rows,
    )
