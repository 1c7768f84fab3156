"""Attributes of Values: immutable parameters of an op, such as axes.

An attribute is ``None``, a bool, an int or Dim, a float, a str, a Dtype, a
constant array, or a tuple of these. Their keys tell apart what Python calls
equal: ``0.0`` and ``-0.0``, ``1`` and ``True`` and ``1.0``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from penstock.ir.dims import Dim, Size, substitute_dim, symbols_of
from penstock.ir.types import Dtype

__all__ = [
    "Attribute",
    "Constant",
    "attribute_key",
    "attribute_symbols",
    "concrete_attribute",
    "map_sizes",
]


class Constant:
    """A constant array as an attribute: immutable, compared by its bits.

    Args:
        array: any array or scalar of a supported dtype; it is copied.
    """

    __slots__ = ("_key", "array")

    def __init__(self, array: Any) -> None:
        self.array: np.ndarray[Any, Any] = np.array(array, order="C")
        self.array.flags.writeable = False
        self._key = (self.array.dtype.name, self.array.shape, self.array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Constant({self.array!r})"


Attribute = (
    None | bool | int | Dim | float | str | Dtype | Constant | tuple["Attribute", ...]
)


def attribute_key(attribute: Attribute) -> Hashable:
    """A hashable key, equal only for attributes of the same type and bits."""
    if isinstance(attribute, float):
        return ("float", struct.pack("<d", attribute))
    if isinstance(attribute, tuple):
        return ("tuple", *(attribute_key(item) for item in attribute))
    return (type(attribute).__name__, attribute)


def map_sizes(attribute: Attribute, change: Callable[[Size], Size]) -> Attribute:
    """The attribute with each symbolic size changed."""
    if isinstance(attribute, Dim):
        return change(attribute)
    if isinstance(attribute, tuple):
        return tuple(map_sizes(item, change) for item in attribute)
    return attribute


def concrete_attribute(attribute: Attribute, values: Mapping[str, int]) -> Attribute:
    """The attribute with sizes as numbers."""
    return map_sizes(attribute, lambda size: substitute_dim(size, values))


def attribute_symbols(attribute: Attribute) -> set[str]:
    """The symbols that the attribute's sizes depend on."""
    if isinstance(attribute, Dim):
        return set(symbols_of(attribute))
    if isinstance(attribute, tuple):
        return {name for item in attribute for name in attribute_symbols(item)}
    return set()
