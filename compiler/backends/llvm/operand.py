"""Typed operands of LLVM IR text and exact constants."""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

# 16-bit floats travel as their bits: `half` is a legal type only on some targets, and
# LLVM calls a support library for it on the others.
LLVM_TYPES: dict[str, str] = {
    "i1": "i1",
    "i8": "i8",
    "i16": "i16",
    "i32": "i32",
    "i64": "i64",
    "f16": "i16",
    "bf16": "i16",
    "f32": "float",
    "f64": "double",
    "ptr": "ptr",
}

BITS: dict[str, int] = {
    "i1": 8,
    "i8": 8,
    "i16": 16,
    "i32": 32,
    "i64": 64,
    "f16": 16,
    "bf16": 16,
    "f32": 32,
    "f64": 64,
    "ptr": 64,
}

FLOATS = frozenset({"f16", "bf16", "f32", "f64"})
HALVES = frozenset({"f16", "bf16"})
INTEGERS = frozenset({"i1", "i8", "i16", "i32", "i64"})


class Operand(NamedTuple):
    """A value of LLVM IR: its text, element type and number of lanes.

    Args:
        text: how the value is written, such as ``%7`` or ``splat (float 0x3FF0...)``.
        element: ``i1 i8 i16 i32 i64 f16 bf16 f32 f64 ptr``. Integers carry no sign:
            operations for which it matters take ``signed``.
        width: lanes; 1 is a scalar, more is a vector.
    """

    text: str
    element: str
    width: int = 1

    @property
    def is_constant(self) -> bool:
        """Whether the value is written out rather than computed."""
        return self.text[0] not in "%@"

    @property
    def typed(self) -> str:
        """The value preceded by its type, as instructions want it."""
        return f"{type_text(self.element, self.width)} {self.text}"


_TYPE_TEXTS: dict[tuple[str, int], str] = {}


def type_text(element: str, width: int = 1) -> str:
    """Return LLVM's name of a scalar or vector type.

    Example:
        >>> type_text("f32"), type_text("f64", 8)
        ('float', '<8 x double>')
    """
    key = (element, width)
    text = _TYPE_TEXTS.get(key)
    if text is None:
        text = LLVM_TYPES[element]
        if width != 1:
            text = f"<{width} x {text}>"
        _TYPE_TEXTS[key] = text
    return text


def suffix_text(element: str, width: int = 1) -> str:
    """Return the type as it is spelt in the names of intrinsics.

    Example:
        >>> suffix_text("f32", 16), suffix_text("i64")
        ('v16f32', 'i64')
    """
    scalar = {"f16": "i16", "bf16": "i16", "ptr": "p0"}.get(element, element)
    return scalar if width == 1 else f"v{width}{scalar}"


def constant(value: float, element: str, width: int = 1) -> Operand:
    """Return a constant, the same in every lane.

    Floats are written by their bits, so no decimal rounding happens. A value too large
    for the type becomes infinite, as a conversion would make it.

    Args:
        value: a Python ``int``, ``float`` or ``bool``.
        element: the element type.
        width: lanes.

    Example:
        >>> constant(0.1, "f32", 4).text
        'splat (float 0x3FB99999A0000000)'
    """
    text = scalar_text(value, element)
    if width != 1:
        text = f"splat ({LLVM_TYPES[element]} {text})"
    return Operand(text, element, width)


def scalar_text(value: float, element: str) -> str:
    """Return one element's constant as LLVM reads it."""
    if element == "f64":
        return f"0x{_float_bits(float(value)):016X}"
    if element == "f32":
        return f"0x{_float_bits(_rounded(float(value))):016X}"
    if element == "i1":
        return "true" if value else "false"
    if element in ("f16", "bf16"):
        return str(half_bits(float(value), element))
    if element == "ptr":
        if value:
            raise ValueError("the only constant pointer is null, written 0")
        return "null"
    if int(value) != value:
        raise ValueError(f"{value!r} is not a constant of type {element}")
    return str(int(value))


def half_bits(value: float, element: str) -> int:
    """Return the bits of a float rounded to ``f16`` or ``bf16``.

    Example:
        >>> hex(half_bits(1.0, "f16")), hex(half_bits(1.0, "bf16"))
        ('0x3c00', '0x3f80')
    """
    if element == "f16":
        try:
            return int.from_bytes(struct.pack("<e", value), "little")
        except OverflowError:
            return 0x7C00 if value > 0 else 0xFC00
    bits = int.from_bytes(struct.pack("<f", _rounded(value)), "little")
    if math.isnan(value):
        return bits >> 16 | 0x40
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def _float_bits(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


def _rounded(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
