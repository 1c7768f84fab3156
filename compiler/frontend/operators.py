"""Python's operators on traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, TracedScalar
from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.lift import kind_of
from penstock.frontend.refusals import bad_type
from penstock.frontend.ufuncs import call_ufunc
from penstock.ir.types import bool_

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
            if ufunc in (np.equal, np.not_equal) and _is_unlike(other):
                # No number equals what is no number, element by element.
                return np.full_like(own, ufunc is np.not_equal, dtype=bool)
            if type(own) is TracedArray and not _goes_first(other):
                # NumPy asks for each element, or takes it for a sequence.
                kind_of(other)
            return NotImplemented
    elif getattr(type(other), "__array_ufunc__", True) is None:
        return NotImplemented
    if ufunc is np.matmul and type(own) is TracedScalar and _is_scalar(other):
        raise bad_type("@: NumPy's scalars have no matrix product")
    if ufunc is np.power and own is left and _squares_bools(own, right):
        ufunc, right = np.multiply, np.int8(1)
    return call_ufunc(ufunc, (left, right))


def _is_unlike(other: Any) -> bool:
    if isinstance(other, _UNLIKE):
        return True
    equality: Any = type(other).__eq__
    return equality is object.__eq__ and not hasattr(other, "__getitem__")


def _goes_first(other: Any) -> bool:
    """Whether arrays leave operators to an operand (``binop_should_defer``)."""
    return bool(getattr(type(other), "__array_priority__", 0.0) > 0.0)


def _is_scalar(other: Any) -> bool:
    return isinstance(other, (int, float, np.generic))


def _squares_bools(base: TracedArray, exponent: Any) -> bool:
    """Whether NumPy squares an array of bools, as int8 (``fast_scalar_power``)."""
    if type(base) is TracedScalar or base.kind is not bool_:
        return False
    return type(exponent) in (int, HostInteger) and bool(exponent == 2)


def in_place(ufunc: np.ufunc, array: TracedArray, other: Any) -> Any:
    """An augmented assignment: the array is written."""
    array.check_writable()
    return call_ufunc(ufunc, (array, other), out=array)
