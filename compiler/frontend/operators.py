"""Python's operators on traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, TracedScalar
from penstock.frontend.ufuncs import call_ufunc

__all__ = ["binary", "in_place"]

_UNLIKE = (str, bytes, type(None))
_OPERANDS = (TracedArray, int, float, complex, np.ndarray, np.generic, list, tuple)


def binary(ufunc: np.ufunc, left: Any, right: Any, own: TracedArray) -> Any:
    """A binary operator; ``NotImplemented`` where the other operand is to decide."""
    other = right if left is own else left
    if ufunc is np.multiply and isinstance(other, (list, tuple, str)):
        if type(own) is TracedScalar and own.kind.is_integer:
            return NotImplemented  # The sequence is repeated, as by NumPy's integers.
    if not isinstance(other, _OPERANDS) and not hasattr(other, "__array_ufunc__"):
        if not hasattr(type(other), "__array__"):
            if ufunc in (np.equal, np.not_equal) and isinstance(other, _UNLIKE):
                # No number equals what is no number, element by element.
                return np.full_like(own, ufunc is np.not_equal, dtype=bool)
            return NotImplemented
    elif getattr(type(other), "__array_ufunc__", True) is None:
        return NotImplemented
    return call_ufunc(ufunc, (left, right))


def in_place(ufunc: np.ufunc, array: TracedArray, other: Any) -> Any:
    """An augmented assignment: the array is written."""
    array.check_writable()
    return call_ufunc(ufunc, (array, other), out=array)
