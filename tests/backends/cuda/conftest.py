"""Where tests compile CUDA units for the processor."""

import pytest

from tests.backends.cuda.emulation.emulator import NO_COMPILER, require_compiler


@pytest.fixture(scope="session")
def cuda_folder(tmp_path_factory):
    """A folder for compiled units; the test is skipped where nothing compiles them."""
    require_compiler()
    return tmp_path_factory.mktemp("cuda")


def pytest_terminal_summary(terminalreporter):
    """Say loudly that kernels were not run; pytest itself only counts skipped tests."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NO_COMPILER in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{NO_COMPILER} ({count} tests)", yellow=True)
