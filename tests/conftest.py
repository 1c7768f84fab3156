"""What every test may use: a private cache, golden files and fresh processes."""

import gc
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

# The same programs on every run: a failure in CI is the failure that you get here.
hypothesis.settings.register_profile(
    "repeatable", deadline=None, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--golden``, which writes expected texts instead of comparing them."""
    parser.addoption(
        "--golden", action="store_true", help="write the expected texts again"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have no garbage collected while tests are: what they make stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what lasts for the whole session.

    Ten thousand collected tests and their modules are a million objects; to look at
    them again and again is a tenth of the time that all tests take.
    """
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that kernels were not run; pytest itself only counts skipped tests."""
    from tests.backends.cuda.emulation.emulator import NO_COMPILER

    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NO_COMPILER in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{NO_COMPILER} ({count} tests)", yellow=True)


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> None:
    """Shells start what runs in the background with interrupts ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the kernels of tests out of the user's cache, and its kernels out of tests.

    Processes that a test starts inherit it.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True, scope="session")
def private_bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have the processes that tests start keep bytecode, where this one does not.

    Else each would compile the package again, which takes longer than most of them.
    """
    with pytest.MonkeyPatch.context() as patch:
        if sys.dont_write_bytecode:
            patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
            patch.setenv(
                "PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode"))
            )
        yield


@pytest.fixture(autouse=True, scope="session")
def texts_that_read_back() -> Iterator[None]:
    """Hold the texts of whatever tests compile to read back, in this process.

    A test of anything is one of the textual form too. Of all programs it is the graph;
    harnesses that make programs up hold all stages to it.
    """
    from penstock import driver
    from tests.reading_back import read_back_compilation

    make_variant = driver.make_variant

    def make(compilation: driver.Compilation) -> driver.Variant:
        variant = make_variant(compilation)
        read_back_compilation(compilation)
        return variant

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "make_variant", make)
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare a text with the file that is kept for this test.

    ``golden(text)`` reads ``golden/<test file>/<test>.txt`` beside the test;
    ``golden(text, "loops")`` reads ``<test>.loops.txt``. `make golden` writes them.
    """

    def compare(text: str, part: str = "") -> None:
        name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
        suffix = f".{part}.txt" if part else ".txt"
        test_file = request.node.path
        path = test_file.parent / "golden" / test_file.stem / (name + suffix)
        if request.config.getoption("--golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        assert path.is_file(), f"{path} is missing: make golden writes it"
        assert text == path.read_text(), f"{path.name} differs; see make golden"

    return compare


@pytest.fixture
def fresh_python() -> Callable[..., str]:
    """Run Python code in a new process and return what it printed."""

    def run(code: str, **environment: str) -> str:
        finished = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run
