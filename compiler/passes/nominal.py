"""Sizes as numbers where decisions weigh them.

What is chosen must not depend on the sizes of the first call: an artifact serves all
that its guards allow, and the cache finds it by the graph alone.
"""

from __future__ import annotations

from penstock.ir.dims import Size, evaluate_dim, product, symbols_of
from penstock.ir.graph.value import Value
from penstock.ir.types import TensorType

__all__ = ["bytes_of", "elements_of"]

# Every symbol counts as this many.
_NOMINAL_SIZE = 256


def elements_of(value: Value) -> int:
    """How many elements an array has at nominal sizes; 0 for what is no array."""
    return _nominal(product(value.shape)) if isinstance(value.type, TensorType) else 0


def bytes_of(value: Value) -> int:
    """The bytes of an array at nominal sizes."""
    return value.dtype.itemsize * elements_of(value)


def _nominal(size: Size) -> int:
    try:
        number = evaluate_dim(size, dict.fromkeys(symbols_of(size), _NOMINAL_SIZE))
    except ZeroDivisionError:
        return 1
    return max(number, 1)
