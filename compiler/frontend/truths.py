"""Truths that NumPy gives as Python's own ``bool``: what ``np.allclose`` answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.cells import Cell
from penstock.frontend.handles import TracedArray, TracedScalar

__all__ = ["TracedTruth", "python_truth"]


class TracedTruth(TracedScalar):
    """A Python ``bool`` of the traced program, known when it runs.

    ``isinstance(t, bool)`` holds. Arithmetic takes it for the integer that it is,
    with NumPy's 64 bits.
    """

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return bool

    def __neg__(self) -> Any:
        return -self.astype(np.int64)

    def __pos__(self) -> Any:
        return self.astype(np.int64)

    def __invert__(self) -> Any:
        return ~self.astype(np.int64)


TracedTruth.__name__ = "bool"


def python_truth(array: TracedArray) -> TracedTruth:
    """A bool without axes as a Python ``bool``."""
    return TracedTruth(array.tracer, Cell(array.value))
