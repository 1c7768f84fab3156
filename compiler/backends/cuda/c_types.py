"""Dtypes, numbers and names as C writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from penstock.ir.text import printable_name
from penstock.ir.types import Dtype

__all__ = ["MEMORY_TYPES", "REGISTER_TYPES", "identifier", "literal"]

# 16-bit floats are held as the floats that they stand for, so that C's operators work
# on them; each operation rounds its result back to 16 bits.
REGISTER_TYPES: Mapping[str, str] = {
    "bool": "bool",
    "i8": "signed char",
    "i16": "short",
    "i32": "int",
    "i64": "long long",
    "u8": "unsigned char",
    "u16": "unsigned short",
    "u32": "unsigned int",
    "u64": "unsigned long long",
    "f16": "float",
    "bf16": "float",
    "f32": "float",
    "f64": "double",
}

MEMORY_TYPES: Mapping[str, str] = {
    **REGISTER_TYPES,
    "bool": "unsigned char",
    "f16": "unsigned short",
    "bf16": "unsigned short",
}

_SUFFIXES = {"u32": "u", "u64": "ull"}
# No word of C++, and no function of a unit, has a digit after its first letter or
# after an underscore.
_SAFE = re.compile(r"[A-Za-z]\d*|[A-Za-z]\w*_\d\w*", re.ASCII)


def identifier(name: str, taken: set[str]) -> str:
    """A C name for something of that name, new among those taken; it becomes taken.

    Names that C++ or the unit might use themselves get an underscore at the end, which
    none of their words has.

    Example:
        >>> taken = set()
        >>> [identifier(name, taken) for name in ("n", "n", "int", "f.<lambda>_0")]
        ['n', 'n1', 'int_', 'f__lambda__0']
    """
    safe = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not _SAFE.fullmatch(safe):
        safe = f"{safe}_"
    return printable_name(safe, "x", taken)


def literal(value: Any, dtype: Dtype) -> str:
    """A number as a C literal of the register type.

    Example:
        >>> from penstock.ir.types import f32, i64
        >>> literal(np.float32(0.1), f32), literal(7, i64)
        ('0.1f', '7')
    """
    if dtype.kind == "b":
        return "true" if value else "false"
    if dtype.is_integer:
        number = int(value)
        if number == -(2**63):
            # C has no negative literals, and 2**63 is no long long.
            return "(-9223372036854775807 - 1)"
        return f"{number}{_SUFFIXES.get(dtype.name, '')}"
    if dtype.name == "f64":
        if np.isfinite(value):
            return repr(float(value))
        bits = int(np.float64(value).view(np.uint64))
        return f"__longlong_as_double((long long)0x{bits:016x}ull)"
    single = np.float32(value)
    if np.isfinite(single):
        return f"{single!s}f"
    return f"__uint_as_float(0x{int(single.view(np.uint32)):08x}u)"
