"""Memory between two pages that nobody may touch."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np

__all__ = ["PLACES", "guarded_copy", "guarded_empty"]

PLACES = ("end", "begin")
_PAGE = mmap.PAGESIZE
_NO_ACCESS = 0

_mprotect = ctypes.CDLL(None, use_errno=True).mprotect
_mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def guarded_empty(shape: Any, dtype: Any, place: str) -> np.ndarray[Any, Any]:
    """An array that ends where a page ends that must not be read, or begins so.

    Args:
        shape: its shape.
        dtype: its dtype.
        place: ``"end"`` or ``"begin"``.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    inner = max(-(-size // _PAGE), 1) * _PAGE
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    memory = mmap.mmap(-1, inner + 2 * _PAGE, flags=flags)
    view = np.frombuffer(memory, np.uint8)
    for start in (0, _PAGE + inner):
        if _mprotect(view.ctypes.data + start, _PAGE, _NO_ACCESS):
            raise OSError(ctypes.get_errno(), "mprotect")
    first = _PAGE if place == "begin" else _PAGE + inner - size
    array = np.frombuffer(memory, np.uint8, size, first) if size else view[first:first]
    return array.view(kind).reshape(shape)


def guarded_copy(
    array: np.ndarray[Any, Any], place: str, step: int = 1
) -> np.ndarray[Any, Any]:
    """A copy in such memory, whose outermost elements are the memory's.

    Args:
        array: what to copy.
        place: ``"end"`` or ``"begin"``.
        step: the elements of an axis lie so many elements apart.
    """
    spread = [abs(step) * (size - 1) + 1 if size else 0 for size in array.shape]
    whole = guarded_empty(spread, array.dtype, place)
    copied = whole[(..., *(slice(None, None, step) for _ in spread))]
    copied[...] = array
    return copied
