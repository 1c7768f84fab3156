"""Python's operators on traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, TracedScalar, wrap
from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.host_reals import HostReal
from penstock.frontend.lift import kind_of, value_of
from penstock.frontend.promotion import loop_dtypes
from penstock.frontend.refusals import bad_type
from penstock.frontend.ufuncs import call_ufunc, easy_exponent
from penstock.ir.types import bool_, f16, f32, f64

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
        raise bad_type(
            "@: NumPy's scalars have no matrix product",
            hint="multiply by scalars with *",
        )
    if ufunc is np.power and own is left:
        if _squares_bools(own, right):
            return call_ufunc(np.multiply, (left, np.int8(1)))
        if type(own) is TracedScalar and own.kind in (f16, f32, f64):
            if type(right) is HostReal or _is_half(right):
                return _power_of_scalar(own, right)
        else:
            right = easy_exponent(own.kind, right)
            if own.kind is f16 and type(right) is float and right == 0.5:
                return call_ufunc(np.sqrt, (left,))
    return call_ufunc(ufunc, (left, right))


def _is_unlike(other: Any) -> bool:
    if isinstance(other, _UNLIKE):
        return True
    equality: Any = type(other).__eq__
    return equality is object.__eq__ and not hasattr(other, "__getitem__")


def _goes_first(other: Any) -> bool:
    """Whether arrays leave operators to an operand (``binop_should_defer``)."""
    return bool(getattr(type(other), "__array_priority__", 0.0) > 0.0)


def _is_half(exponent: Any) -> bool:
    return isinstance(exponent, (float, np.floating)) and exponent == 0.5


def _power_of_scalar(base: TracedScalar, exponent: Any) -> TracedArray:
    """NumPy's scalars take no root: -inf to the power of 0.5 is inf."""
    kind = kind_of(exponent)
    assert kind is not None
    dtype, *_ = loop_dtypes(np.power, (base.kind, kind))
    values = (value_of(base.tracer, part, dtype) for part in (base, exponent))
    return wrap(base.tracer, base.tracer.emit("pow", *values))


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
    if ufunc is np.power:
        other = easy_exponent(array.kind, other)
        if array.kind is f16 and type(other) is float and other == 0.5:
            return call_ufunc(np.sqrt, (array,), out=array)
    return call_ufunc(ufunc, (array, other), out=array)
