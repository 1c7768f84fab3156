"""Shared objects, loaded from memory.

A shared object is loaded from memory, through a file that exists only as a file
descriptor, so nothing is left on disk and a read-only system is no obstacle. Where the
kernel refuses that, a private temporary file serves.
"""

from __future__ import annotations

import _ctypes
import itertools
import os
import sys
import weakref

from penstock.ir.errors import ArtifactError

__all__ = ["Library"]

_counter = itertools.count()


class Library:
    """A shared object in memory. It is unloaded when nothing refers to it any more.

    Args:
        data: the bytes of an ELF shared object.
        name: what messages call it.

    Raises:
        ArtifactError: the system does not load it.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        if sys.platform != "linux":
            raise ArtifactError(
                None, f"{name}: {sys.platform} does not load ELF code", code="load"
            )
        self._handle = _load(data, name)
        # Callers hold the Library while its code runs. At exit nothing is unloaded:
        # daemon threads may still be inside.
        finalizer = weakref.finalize(self, _ctypes.dlclose, self._handle)
        finalizer.atexit = False

    def address(self, symbol: str) -> int:
        """The address of an exported symbol.

        Raises:
            ArtifactError: there is none of that name.
        """
        try:
            return _ctypes.dlsym(self._handle, symbol)
        except OSError:
            raise ArtifactError(
                None, f"{self.name} exports no {symbol}", code="load"
            ) from None


def _load(data: bytes, name: str) -> int:
    try:
        descriptor = os.memfd_create("penstock", os.MFD_CLOEXEC)
    except OSError:
        return _load_from_disk(data, name)
    try:
        _write_all(descriptor, data)
        return _ctypes.dlopen(_unique_path(descriptor), os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError:
        # No /proc here, or no execution from memory files.
        return _load_from_disk(data, name)
    finally:
        os.close(descriptor)


def _unique_path(descriptor: int) -> str:
    """A path to the descriptor that was never used before.

    The C library takes an object to be loaded already if its path is spelt the same,
    and descriptors are soon used again. The kernel does not mind how many ``/`` and
    ``/./`` there are, so these spell a number.
    """
    digits = f"{next(_counter):b}"
    return f"/proc/self/fd/{digits.replace('0', './').replace('1', './/')}{descriptor}"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _load_from_disk(data: bytes, name: str) -> int:
    import tempfile

    try:
        descriptor, path = tempfile.mkstemp(prefix="penstock-", suffix=".so")
        try:
            try:
                _write_all(descriptor, data)
            finally:
                os.close(descriptor)
            return _ctypes.dlopen(path, os.RTLD_NOW | os.RTLD_LOCAL)
        finally:
            os.unlink(path)
    except OSError as error:
        limit = _file_size_limit()
        if limit is not None and limit < len(data):
            # It holds for memory files too, and leaves no temporary directory usable.
            raise ArtifactError(
                None,
                f"{name} cannot be loaded: it has {len(data)} bytes, but files of this "
                f"process may have at most {limit}",
                code="load",
                hint="raise the limit RLIMIT_FSIZE: ulimit -f unlimited",
            ) from None
        raise ArtifactError(
            None, f"{name} cannot be loaded: {error}", code="load"
        ) from error


def _file_size_limit() -> int | None:
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if limit == resource.RLIM_INFINITY else limit
