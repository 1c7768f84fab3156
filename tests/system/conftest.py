"""Scripts in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a script: ``start(code, *arguments, VARIABLE=value)``.

    A variable that is ``None`` is not there. The script is a file, so that processes
    that it spawns can import it.
    """

    processes = []

    def begin(
        code: str, *arguments: object, **variables: str | None
    ) -> subprocess.Popen[str]:
        path = tmp_path / "script.py"
        path.write_text(code)
        wanted = os.environ | variables
        process = subprocess.Popen(
            [sys.executable, str(path), *map(str, arguments)],
            env={name: value for name, value in wanted.items() if value is not None},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def run_script(start: Start) -> Callable[..., str]:
    """Run such a script and return what it printed."""

    def run(code: str, *arguments: object, **variables: str | None) -> str:
        process = start(code, *arguments, **variables)
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, ""), output + errors
        return output

    return run
