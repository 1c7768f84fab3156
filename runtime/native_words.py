"""Words in memory that the native dispatcher reads, as they are written."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Memory", "UncoveredError"]


class UncoveredError(Exception):
    """Something that only the Python dispatcher does."""


class Memory:
    """Words in memory, and the objects that they point to."""

    def __init__(self) -> None:
        self.kept: list[object] = []

    def keep(self, value: object) -> int:
        """Keep an object alive; its address."""
        self.kept.append(value)
        return id(value)

    def keep_buffer(self, buffer: ctypes.Array[Any]) -> int:
        """Keep some words alive; their address."""
        self.kept.append(buffer)
        return ctypes.addressof(buffer)

    def keep_array(self, array: np.ndarray[Any, Any]) -> int:
        """Keep an array alive; the address of its elements."""
        self.kept.append(array)
        return int(array.ctypes.data)

    def array(self, words: Sequence[int]) -> int:
        """Write words one after the other; their address."""
        return self.keep_buffer((ctypes.c_int64 * max(len(words), 1))(*words))

    def names(self, names: Sequence[str]) -> int:
        """Write the addresses of some names, interned; their address."""
        return self.array([self.keep(sys.intern(str(name))) for name in names])

    def words(self, fields: dict[int, int], size: int) -> int:
        """Write a record from its fields by offset; its address."""
        words = [0] * (size // 8)
        for offset, value in fields.items():
            words[offset // 8] = value
        return self.array(words)

    def records(self, records: Sequence[dict[int, int]], size: int) -> int:
        """Write records one after the other; their address."""
        words = [0] * (size // 8 * len(records))
        for index, fields in enumerate(records):
            for offset, value in fields.items():
                words[(index * size + offset) // 8] = value
        return self.array(words)
