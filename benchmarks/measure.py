"""Medians of interleaved samples, fresh processes, and tables."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Table:
    """A titled table of text: the first column to the left, the rest to the right."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [self.title]
        for first, *rest in lines:
            cells = [cell.rjust(w) for cell, w in zip(rest, widths[1:], strict=True)]
            text.append("  ".join(("  " + first.ljust(widths[0]), *cells)).rstrip())
        return "\n".join(text + [f"  {note}" for note in self.notes])


def verdict(value: float, bar: float) -> str:
    """Say whether a figure is within its bar."""
    return "yes" if value <= bar else "NO"


def seconds_per_call(
    function: Callable[..., Any], arguments: tuple[Any, ...], count: int
) -> float:
    """Time ``count`` calls in a row and divide."""
    calls = repeat(None, count)
    start = perf_counter()
    for _ in calls:
        function(*arguments)
    return (perf_counter() - start) / count


def interleaved(
    samples: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, float]:
    """Take one sample of each in turn, and return the median of each.

    What disturbs the machine for longer than one sample disturbs all of them, so the
    ratios hold where the times do not.
    """
    taken: dict[str, list[float]] = {name: [] for name in samples}
    for _ in range(rounds):
        for name, sample in samples.items():
            taken[name].append(sample())
    return {name: statistics.median(values) for name, values in taken.items()}


def fresh_process(code: str, **environment: str) -> Any:
    """Run code in a new Python process and return what it printed, read as JSON."""
    variables = {
        name: value
        for name, value in os.environ.items()
        # Imports are measured as users have them: with their bytecode cached.
        if name != "PYTHONDONTWRITEBYTECODE"
    }
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env=variables | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"a measured process failed:\n{finished.stderr}")
    return json.loads(finished.stdout.splitlines()[-1])
