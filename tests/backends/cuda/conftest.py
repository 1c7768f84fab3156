"""Where tests compile CUDA units for the processor."""

import pytest

from tests.backends.cuda.emulation.emulator import require_compiler


@pytest.fixture(scope="session")
def cuda_folder(tmp_path_factory):
    """A folder for compiled units; the test is skipped where nothing compiles them."""
    require_compiler()
    return tmp_path_factory.mktemp("cuda")
