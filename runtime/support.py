"""The support object in this process: the thread pool and the native dispatcher.

There is one of each in a process, however many artifacts. The compiler makes it
(``penstock.backends.llvm.support``), the cache keeps it, saved artifacts carry it.
Without it everything works, slower: see ``penstock.runtime.threads.run_serially`` and
``penstock.runtime.dispatch``.
"""

from __future__ import annotations

import _ctypes
import ctypes
import importlib
import os
import sys
from _thread import RLock
from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.ir.errors import ArtifactError
from penstock.runtime.config import SCOPE
from penstock.runtime.layout import (
    FUNCTIONS,
    NUMPY_FUNCTIONS,
    OBJECTS,
    SUPPORT_VERSION,
)
from penstock.runtime.library import Library
from penstock.runtime.threads import MOST_THREADS, thread_count

__all__ = [
    "SUPPORT_EXPORTS",
    "Support",
    "load_support",
    "support_cache_text",
    "support_library",
]

SUPPORT_EXPORTS = (
    "penstock_support_version",
    "penstock_api",
    "penstock_call",
    "penstock_parallel",
    "penstock_serial",
    "penstock_parallel_entries",
    "penstock_threads",
    "penstock_default_limit",
    "penstock_vectorcall",
    "penstock_traverse",
    "penstock_clear",
    "penstock_dealloc",
    "penstock_bind",
)
"""What the support object exports."""

_CALL = ctypes.PYFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)
# The table of entries has one for each limit up to this.
_MOST_LIMITS = 32


class Support:
    """The support object, loaded.

    Args:
        data: the bytes of its shared object.

    Raises:
        ArtifactError: it does not load, or belongs to another version.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._library = Library(data, "the support object")
        version = self._variable("penstock_support_version", ctypes.c_int64).value
        if version != SUPPORT_VERSION:
            raise ArtifactError(
                None,
                f"the support object has version {version}, not {SUPPORT_VERSION}",
                code="artifact-version",
            )
        self._fill_api()
        self._threads = self._variable("penstock_threads", ctypes.c_int32)
        limit = self._variable("penstock_default_limit", ctypes.c_int32)
        self._threads.value = limit.value = thread_count()
        entries = self._library.address("penstock_parallel_entries")
        self._entries = (ctypes.c_int64 * (_MOST_LIMITS + 1)).from_address(entries)
        self._call = _CALL(self._library.address("penstock_call"))

    def _variable(
        self, name: str, kind: type[ctypes._SimpleCData[int]]
    ) -> ctypes._SimpleCData[int]:
        return kind.from_address(self._library.address(name))

    def _fill_api(self) -> None:
        handle = ctypes.pythonapi._handle  # noqa: SLF001
        addresses: list[Any] = [_ctypes.dlsym(handle, name) for name in FUNCTIONS]
        numpy_table = _numpy_api()
        addresses += [numpy_table[place] for place in NUMPY_FUNCTIONS.values()]
        objects: dict[str, object] = {
            "ndarray": np.ndarray,
            "int": int,
            "float": float,
            "tuple": tuple,
            "list": list,
            "dict": dict,
            "None": None,
            "Exception": Exception,
            "new_object": object.__new__,
            "new_tuple": tuple.__new__,
            "scope_variable": SCOPE,
            "scope_threads": sys.intern("threads"),
        }
        self._objects = objects
        addresses += [id(objects[name]) for name in OBJECTS]
        table = (ctypes.c_int64 * len(addresses)).from_address(
            self._library.address("penstock_api")
        )
        table[:] = addresses

    def address(self, symbol: str) -> int:
        """The address of one of ``SUPPORT_EXPORTS``."""
        return self._library.address(symbol)

    def parallel(self, threads: int | None = None) -> int:
        """The address of the function that runs loops on several threads.

        Args:
            threads: at most this many; ``None`` for as many as there are.
        """
        if threads is None:
            return self._entries[0]
        threads = max(1, min(threads, _MOST_LIMITS, MOST_THREADS))
        if threads > self._threads.value:
            self._threads.value = threads
        return self._entries[threads]

    def run(self, run_address: int, slots: int, arena: int, parallel: int) -> int:
        """Run a program, without the interpreter's lock.

        Args:
            run_address: the address of ``penstock_run``.
            slots: the address of its slots.
            arena: the address of its scratch memory.
            parallel: what ``parallel`` gave.

        Returns:
            0, or one more than the index of an error.

        Raises:
            KeyboardInterrupt: the user interrupted it.
        """
        code: int = self._call(run_address, slots, arena, parallel)
        return code


def _numpy_api() -> ctypes.Array[ctypes.c_int64]:
    """NumPy's own table of functions."""
    # A function of our own: attributes of ctypes.pythonapi belong to everybody.
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    read = prototype(("PyCapsule_GetPointer", ctypes.pythonapi))
    module: Any = importlib.import_module("numpy._core._multiarray_umath")
    address = read(module._ARRAY_API, None)  # noqa: SLF001
    count = max(NUMPY_FUNCTIONS.values()) + 1
    return (ctypes.c_int64 * count).from_address(address)


class _Current:
    """The support object of this process, once there is one."""

    support: Support | None = None
    lock = RLock()


def _renew_lock() -> None:
    _Current.lock = RLock()


os.register_at_fork(after_in_child=_renew_lock)


def support_library() -> Support | None:
    """The support object, if it is loaded."""
    return _Current.support


def load_support(data: Callable[[], bytes | None]) -> Support | None:
    """The support object, loaded if it is not yet.

    Args:
        data: gives the bytes of its shared object, or ``None``; only called if they
            are needed.

    Raises:
        ArtifactError: the bytes are not what they should be.
    """
    if _Current.support is None and sys.platform == "linux":
        with _Current.lock:
            if _Current.support is None and (found := data()) is not None:
                _Current.support = Support(found)
    return _Current.support


def support_cache_text(machine: object) -> str:
    """The text whose digest is the support object's key in the cache."""
    return f"support {SUPPORT_VERSION} {machine}"
