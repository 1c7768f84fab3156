"""How many threads a program may use, and how its loops run without the pool.

A program hands each parallel loop to a function that calls a task on pieces of it.
That function is the thread pool's (``penstock.runtime.support``) where it is loaded;
without it the pieces run here, in the same order and of the same size, so that the
results are the same bits.
"""

from __future__ import annotations

import ctypes
import os
import sys

from penstock.runtime.config import setting_of_process

__all__ = ["MOST_THREADS", "cpu_quota", "run_serially", "thread_count"]

MOST_THREADS = 256


def thread_count() -> int:
    """How many threads parallel loops use unless told otherwise.

    The first of these that says something: ``PENSTOCK_NUM_THREADS``,
    ``OMP_NUM_THREADS``, and the processors that this process may run on, as its
    affinity and its CPU quota allow.

    Raises:
        OptionError: ``PENSTOCK_NUM_THREADS`` is no positive number.
    """
    wanted: int | None = setting_of_process("threads")
    if wanted is not None:
        return min(wanted, MOST_THREADS)
    # One number for each level of nesting, of which the outermost is meant.
    shared = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if shared.isdecimal() and int(shared) > 0:
        return min(int(shared), MOST_THREADS)
    available = _processors()
    quota = cpu_quota()
    if quota is not None:
        available = min(available, max(1, -int(-quota // 1)))
    return min(available, MOST_THREADS)


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def cpu_quota(
    root: str = "/sys/fs/cgroup", process: str = "/proc/self/cgroup"
) -> float | None:
    """The processors' worth of time that the control group grants, if it limits it.

    Args:
        root: where the control groups are mounted.
        process: the file that says which of them this process is in.
    """
    if sys.platform != "linux":
        return None
    quotas = []
    for line in _read(process).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folders = [root + above for above in _above(path)]
            quotas += [
                _quota(*_read(f"{folder}/cpu.max").split()) for folder in folders
            ]
        elif "cpu" in controllers.split(","):
            for above in _above(path):
                folder = f"{root}/{controllers}{above}/cpu.cfs_"
                quotas.append(
                    _quota(_read(f"{folder}quota_us"), _read(f"{folder}period_us"))
                )
    return min((quota for quota in quotas if quota is not None), default=None)


def _above(path: str) -> list[str]:
    """A group's path and those of all groups around it."""
    parts = [part for part in path.split("/") if part]
    return ["".join(f"/{part}" for part in parts[:n]) for n in range(len(parts) + 1)]


def _quota(quota: str = "", period: str = "") -> float | None:
    try:
        granted = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        # "max", or no such file.
        return None
    return granted if granted > 0 else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


_TASK = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
)
_PARALLEL = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
)
_RUN = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)


def run_serially(run_address: int, slots: int, arena: int) -> int:
    """Call ``penstock_run`` with loops that run piece by piece in this thread.

    Args:
        run_address: the address of ``penstock_run``.
        slots: the address of its slots.
        arena: the address of its scratch memory.

    Returns:
        What it returns.

    Raises:
        KeyboardInterrupt: the user interrupted it between two pieces.
    """
    pending: list[BaseException] = []

    def parallel(task: int, frame: int, total: int, chunk: int) -> int:
        try:
            call = _TASK(task)
            for begin in range(0, total, chunk):
                code: int = call(frame, begin, min(begin + chunk, total))
                if code:
                    return code
        except BaseException as error:  # noqa: BLE001
            # No exception passes through the program's own frames.
            pending.append(error)
            return -1
        return 0

    code: int = _RUN(run_address)(
        slots, arena, ctypes.cast(_PARALLEL(parallel), ctypes.c_void_p)
    )
    if pending:
        raise pending[0]
    return code
