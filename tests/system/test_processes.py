"""Processes that fork, race, lack a cache, or are interrupted."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]
Start = Callable[..., subprocess.Popen[str]]

# A function, and whether it gives what NumPy gives; long loops use the pool.
PROGRAM = """
import os, sys, warnings
import numpy as np
import penstock as ps

X = np.arange(600_000, dtype=np.float32).reshape(600, 1000) % 97

@ps.compile
def f(x):
    return x * 2 + x.sum(axis=1, keepdims=True)

def is_right(_=None):
    return bool((f(X) == X * 2 + X.sum(axis=1, keepdims=True)).all())
"""


FORKED = """
if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "after":
        assert is_right()
    for _ in range(5):
        child = os.fork()
        if child == 0:
            os._exit(0 if is_right() and is_right() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert is_right()
    print("done")
"""


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_fork(run_script: Run, when: str, threads: str) -> None:
    code = PROGRAM + FORKED
    assert run_script(code, when, PENSTOCK_NUM_THREADS=threads) == "done\n"


FORKED_WHILE_COMPILING = """
import threading
if __name__ == "__main__":
    warnings.simplefilter("ignore")
    # Each is another function, so one is always being compiled.
    source = "def g(x): return x * {0} + np.sin(x + {0})"
    running = [True]

    def compile_all():
        number = 0
        while running:
            names = {"np": np}
            exec(source.format(number), names)
            ps.compile(names["g"])(X[0])
            number += 1

    busy = threading.Thread(target=compile_all)
    busy.start()
    for _ in range(12):
        child = os.fork()
        if child == 0:
            os._exit(0 if is_right() else 1)
        assert os.waitpid(child, 0)[1] == 0
    running.clear()
    busy.join()
    print("done")
"""


def test_fork_while_another_thread_compiles(run_script: Run) -> None:
    assert run_script(PROGRAM + FORKED_WHILE_COMPILING, PENSTOCK_CACHE="off") == (
        "done\n"
    )


POOL = """
if __name__ == "__main__":
    warnings.simplefilter("ignore")
    import multiprocessing
    method, when = sys.argv[1:]
    if when == "after":
        assert is_right()
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(is_right, range(6)) == [True] * 6
        # By name, as functions are.
        (result,) = pool.map(f, [X[:2]])
    assert is_right()
    assert (result == f(X[:2])).all()
    print("done")
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(run_script: Run, method: str, when: str) -> None:
    assert run_script(PROGRAM + POOL, method, when) == "done\n"


RACE = """
sys.stdin.readline()
assert is_right() and is_right()
stats = f.stats()
print(stats.compiles, stats.cache_hits)
"""


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".trimmed")


def test_processes_race_on_a_cold_cache(
    start: Start, run_script: Run, tmp_path: Path
) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    process = start(PROGRAM + RACE, PENSTOCK_CACHE=str(alone))
    assert process.communicate("\n", timeout=120) == ("1 0\n", "")
    processes = [start(PROGRAM + RACE, PENSTOCK_CACHE=str(together)) for _ in range(5)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert output in ("1 0\n", "0 1\n"), errors
    # One file for each thing, however many made it, and nothing half written.
    assert files_of(together) == files_of(alone)
    process = start(PROGRAM + RACE, PENSTOCK_CACHE=str(together))
    assert process.communicate("\n", timeout=120) == ("0 1\n", "")


# Root may write anywhere, unless it gives that up.
NO_PRIVILEGES = """
import ctypes
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("process", ctypes.c_int)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.capset(ctypes.byref(Header(0x20080522, 0)), (ctypes.c_uint32 * 6)()) == 0
"""

WITHOUT_CACHE = """
from penstock.runtime.cache import default_cache
assert is_right()
print(f.stats().compiles, default_cache().statistics().problem)
"""


def test_a_folder_that_is_only_read(run_script: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    code = NO_PRIVILEGES + PROGRAM + WITHOUT_CACHE
    folder.chmod(0o500)
    output = run_script(code, PENSTOCK_CACHE=str(folder))
    assert output == f"1 {folder}: Permission denied\n"
    assert files_of(folder) == []
    folder.chmod(0o700)
    assert run_script(code, PENSTOCK_CACHE=str(folder)) == "1 None\n"
    files = files_of(folder)
    folder.chmod(0o500)
    # What is there is used.
    assert run_script(code, PENSTOCK_CACHE=str(folder)) == "0 None\n"
    assert files_of(folder) == files


def test_a_folder_that_cannot_be_read(run_script: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0)
    code = NO_PRIVILEGES + PROGRAM + WITHOUT_CACHE
    output = run_script(code, PENSTOCK_CACHE=str(folder))
    assert output == f"1 {folder}: Permission denied\n"
    folder.chmod(0o700)


def test_a_folder_that_cannot_be_made(run_script: Run, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir(mode=0o500)
    folder = outer / "cache"
    code = NO_PRIVILEGES + PROGRAM + WITHOUT_CACHE
    output = run_script(code, PENSTOCK_CACHE=str(folder))
    assert output == f"1 {folder}: Permission denied\n"


def test_a_cache_that_is_a_file(run_script: Run, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    path.write_text("precious")
    output = run_script(PROGRAM + WITHOUT_CACHE, PENSTOCK_CACHE=str(path))
    assert output.startswith(f"1 {path}: ")
    below = path / "folder"
    output = run_script(PROGRAM + WITHOUT_CACHE, PENSTOCK_CACHE=str(below))
    assert output == f"1 {below}: Not a directory\n"
    assert path.read_text() == "precious"


# As for a user who is not in the list of users.
NO_USER = """
import pwd
def getpwuid(number): raise KeyError(number)
pwd.getpwuid = getpwuid
"""


def test_no_home(run_script: Run, tmp_path: Path) -> None:
    none = {"HOME": None, "XDG_CACHE_HOME": None, "PENSTOCK_CACHE": None}
    code = NO_USER + PROGRAM + WITHOUT_CACHE
    assert run_script(code, **none) == "1 there is no home directory\n"
    home = tmp_path / "home"
    home.mkdir()
    assert run_script(code, **none | {"HOME": str(home)}) == "1 None\n"
    assert files_of(home / ".cache" / "penstock") != []
    assert run_script(code, **none | {"HOME": str(home)}) == "0 None\n"


# The files of the cache may have so many bytes; loading code needs no disk.
FULL_DISK = """
import resource, sys
from penstock.runtime.cache import Cache
store = Cache.store
def limited(self, key, artifact):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
    try:
        return store(self, key, artifact)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
Cache.store = limited
"""


@pytest.mark.parametrize("size", [0, 1000])
def test_a_full_disk(run_script: Run, tmp_path: Path, size: int) -> None:
    folder = tmp_path / "cache"
    code = FULL_DISK + PROGRAM + WITHOUT_CACHE
    output = run_script(code, size, PENSTOCK_CACHE=str(folder))
    assert output == f"1 {folder}: File too large\n"
    # Nothing half written stays.
    assert files_of(folder) == []


NO_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
from penstock.ir.errors import ArtifactError
try:
    is_right()
except ArtifactError as error:
    print(str(error).splitlines()[0])
"""


def test_no_file_can_be_written_at_all(run_script: Run) -> None:
    output = run_script(PROGRAM + NO_FILES, PENSTOCK_CACHE="off")
    assert output.startswith("error: f cannot be loaded: ")


def changed_bit(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_damaged_files(run_script: Run, tmp_path: Path) -> None:
    """More kinds of damage are in tests/runtime/test_cache.py."""
    folder = tmp_path / "cache"
    code = PROGRAM + WITHOUT_CACHE
    assert run_script(code, PENSTOCK_CACHE=str(folder)) == "1 None\n"
    whole = {path: path.read_bytes() for path in folder.glob("*.pns")}
    assert len(whole) > 1
    damages: tuple[Callable[[bytes], bytes], ...] = (
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        changed_bit,
    )
    for damage in damages:
        for path, data in whole.items():
            path.write_bytes(damage(data))
        assert run_script(code, PENSTOCK_CACHE=str(folder)) == "1 None\n"
        # Made again as they were.
        assert {path: path.read_bytes() for path in folder.glob("*.pns")} == whole


def test_things_that_are_no_files(run_script: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    code = PROGRAM + "assert is_right()\nprint(f.stats().compiles)\n"
    assert run_script(code, PENSTOCK_CACHE=str(folder)) == "1\n"
    for path in list(folder.glob("*.pns")):
        path.unlink()
        path.mkdir()
    assert run_script(code, PENSTOCK_CACHE=str(folder)) == "1\n"
    for path in list(folder.glob("*.pns")):
        path.rmdir()
        path.symlink_to(tmp_path / "nowhere")
    assert run_script(code, PENSTOCK_CACHE=str(folder)) == "1\n"
    assert not (tmp_path / "nowhere").exists()


REMOVED = """
import shutil
folder = sys.argv[1]
assert is_right()
shutil.rmtree(folder)
assert is_right() and is_right()
g = ps.compile(lambda x: x * 3 - 1)
assert (g(X) == X * 3 - 1).all()
os.mkdir(folder, 0o700)
h = ps.compile(lambda x: x * 5 - 1)
assert (h(X) == X * 5 - 1).all()
shutil.rmtree(folder)
with open(folder, "w"): pass
k = ps.compile(lambda x: x * 7 - 1)
assert (k(X) == X * 7 - 1).all()
print("done")
"""


def test_a_cache_that_is_removed_meanwhile(run_script: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    output = run_script(PROGRAM + REMOVED, folder, PENSTOCK_CACHE=str(folder))
    assert output == "done\n"


INTERRUPTED = """
import time
LONG = {
    "elementwise": (
        lambda x, y: np.tanh(np.sin(x[:, None] * y)).max(),
        [np.linspace(0, 1, n) for n in (40_000, 1_000_000)],
    ),
    "row sums": (
        lambda x, y: np.tanh(x[:, None] + y).sum(axis=1),
        [np.linspace(0, 1, n) for n in (1_000_000, 40_000)],
    ),
    "matmul": (
        lambda x, y: x @ y,
        [np.broadcast_to(np.float64(1), n) for n in ((9000, 40_000), (40_000, 9000))],
    ),
}
function, long = LONG[sys.argv[1]]
g = ps.compile(function)
short = [x[:300, :300] if x.ndim == 2 else x[:300] for x in long]
wanted = g(*short).tobytes()
print("ready", flush=True)
try:
    g(*long)
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
else:
    print("never interrupted")
assert g(*short).tobytes() == wanted
print("works")
"""


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("program", ["elementwise", "row sums", "matmul"])
def test_interrupt(start: Start, program: str, threads: str) -> None:
    process = start(PROGRAM + INTERRUPTED, program, PENSTOCK_NUM_THREADS=threads)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()
    time.sleep(0.3)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    first, second = output.splitlines()
    assert (second, errors) == ("works", "")
    word, at = first.split()
    assert word == "interrupted"
    # All of it would take a minute and more; a chunk takes milliseconds.
    assert float(at) - sent < 15


OPTIMIZED = """
if __name__ == "__main__":
    print(__debug__, is_right.__doc__, is_right())
    print(ps.grad(lambda x: (x**2).sum())(np.arange(3.0)))
"""


@pytest.mark.parametrize("level", ["1", "2"])
def test_python_without_asserts_and_docstrings(run_script: Run, level: str) -> None:
    """As with -O and -OO."""
    output = run_script(PROGRAM + OPTIMIZED, PYTHONOPTIMIZE=level)
    assert output == "False None True\n[0. 2. 4.]\n"
