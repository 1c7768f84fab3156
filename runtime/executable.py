"""Executables: the code of an artifact, loaded into the process."""

from __future__ import annotations

import ctypes

from penstock.runtime.library import Library
from penstock.runtime.support import support_library
from penstock.runtime.threads import run_serially

__all__ = ["Executable"]

_PREPARE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)

Words = ctypes.Array[ctypes.c_int64]


class Executable:
    """An artifact's code, loaded.

    Attributes:
        prepare_address: the address of ``penstock_prepare``.
        run_address: the address of ``penstock_run``.

    Args:
        shared_object: the bytes of the artifact's shared object.
        name: what messages call it.

    Raises:
        ArtifactError: it does not load, or does not export both functions.
    """

    def __init__(self, shared_object: bytes, name: str = "the artifact") -> None:
        self._library = Library(shared_object, name)
        self.prepare_address = self._library.address("penstock_prepare")
        self.run_address = self._library.address("penstock_run")
        self._prepare = _PREPARE(self.prepare_address)

    def prepare(self, slots: Words, sizes: Words) -> int:
        """Evaluate guards and sizes.

        Args:
            slots: the inputs, as ``penstock.runtime.signature`` lays them out.
            sizes: receives the sizes.

        Returns:
            0 if all guards hold, else one more than the index of one that does not;
            -1 if all do, but a size does not fit 64 bits.
        """
        code: int = self._prepare(ctypes.addressof(slots), ctypes.addressof(sizes))
        return code

    def run(self, slots: Words, arena: int, threads: int | None = None) -> int:
        """Run the program, without the interpreter's lock.

        Args:
            slots: the inputs and the addresses of the results.
            arena: the address of scratch memory, as much as ``prepare`` asked for.
            threads: at most this many; ``None`` for as many as there are.

        Returns:
            0, or one more than the index of an error.

        Raises:
            KeyboardInterrupt: the user interrupted it.
        """
        support = support_library()
        if support is None:
            return run_serially(self.run_address, ctypes.addressof(slots), arena)
        return support.run(
            self.run_address, ctypes.addressof(slots), arena, support.parallel(threads)
        )
