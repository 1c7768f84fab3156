"""The CPU: scratch memory that programs work in."""

from __future__ import annotations

from _thread import _local
from types import TracebackType
from typing import Any

import numpy as np

__all__ = ["Scratch"]

_ALIGN = 64
# More than this is given back at once.
_KEPT_BYTES = 256 << 20

_cache = _local()


class Scratch:
    """Scratch memory for one run, kept by the thread for its next one.

    Entering gives its address, a multiple of 64. A run within a run gets other memory.

    Args:
        size: bytes.

    Example:
        >>> with Scratch(1000) as address:
        ...     address % 64
        0
    """

    __slots__ = ("_buffer", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._buffer: np.ndarray[Any, Any] | None = None

    def __enter__(self) -> int:
        if self._size <= 0:
            return 0
        buffer = _cache.__dict__.pop("buffer", None)
        if buffer is None or buffer.nbytes < self._size + _ALIGN:
            buffer = np.empty(self._size + _ALIGN, np.uint8)
        self._buffer = buffer
        address: int = buffer.ctypes.data
        return -(-address // _ALIGN) * _ALIGN

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._buffer is not None and self._buffer.nbytes <= _KEPT_BYTES:
            _cache.buffer = self._buffer
        self._buffer = None
