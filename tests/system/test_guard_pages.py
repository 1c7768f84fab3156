"""Kernels touch no byte beyond their arrays, on every level of processor."""

import subprocess
import sys
from pathlib import Path

import pytest

from penstock.runtime.machine import host
from tests.system.arguments import DTYPES
from tests.system.guard_pages import KERNELS
from tests.targets import need_target

ROOT = Path(__file__).resolve().parents[2]
LEVELS = ("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4")
# Each level has other dtypes, since all of all would take minutes.
FEW = (
    ("x86-64", "f8"),
    ("x86-64-v3", "u1"),
    ("x86-64-v4", "f4"),
)


def run(level: str, dtypes: str, names: str, sizes: str) -> None:
    need_target(level)
    finished = subprocess.run(
        [sys.executable, "-m", "tests.system.guard_pages", level, dtypes, names, sizes],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    lines = finished.stdout.splitlines()
    if finished.returncode or finished.stderr:
        # Where it crashed, if it did.
        last = "".join(lines[-1:])
        pytest.fail(f"{finished.stderr}exit {finished.returncode} after {last!r}")
    assert len(lines) > 3 * len(names.split(",")), "almost nothing has run"


@pytest.mark.parametrize(("level", "dtypes"), FEW)
def test_a_few_sizes(level: str, dtypes: str) -> None:
    # As their names lie in order, so do the levels.
    run(min(level, host().cpu), dtypes, "all", "few")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", LEVELS)
def test_all_sizes(level: str, dtype: str) -> None:
    names = list(KERNELS)
    for first in range(0, len(names), 10):
        run(level, dtype, ",".join(names[first : first + 10]), "all")


def test_a_crash_is_seen() -> None:
    """Reading the page after an array ends the process."""
    code = (
        "import ctypes\n"
        "from tests.system.guarded import guarded_empty\n"
        "array = guarded_empty((10,), 'f4', {place!r})\n"
        "print('reading', flush=True)\n"
        "ctypes.string_at(array.ctypes.data + {offset}, 1)\n"
        "print('read')\n"
    )
    for place, offset, seen in (
        ("end", 40, "reading\n"),
        ("end", 39, "reading\nread\n"),
        ("begin", -1, "reading\n"),
        ("begin", 0, "reading\nread\n"),
    ):
        finished = subprocess.run(
            [sys.executable, "-c", code.format(place=place, offset=offset)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.stdout == seen, finished.stderr
