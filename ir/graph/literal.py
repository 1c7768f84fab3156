"""Numbers and constant arrays as text that reads back to the same bits."""

from __future__ import annotations

import math
import re
import struct
from typing import Any

import numpy as np

from penstock.ir.types import Dtype, dtype_of, f64

__all__ = [
    "LISTED_ELEMENTS",
    "array_from_bytes",
    "array_from_numbers",
    "format_constant",
    "format_real",
    "parse_number",
    "parse_real_literal",
]

LISTED_ELEMENTS = 64
"""Arrays of more elements than this are written in hexadecimal."""

_INTEGER_OF_SIZE = {2: np.uint16, 4: np.uint32, 8: np.uint64}


def format_constant(array: np.ndarray[Any, Any]) -> str:
    """A constant array as text: ``0.5``, ``[1, 2]`` or ``hex"00ff"``.

    Args:
        array: an array of a supported dtype.

    Returns:
        The number itself for shape ``()``; else the elements in C order, listed or
        as their bytes (little-endian). The shape and dtype are not in the text.

    Example:
        >>> format_constant(np.array([[0.1, np.inf]], np.float32))
        '[0.1, inf]'
    """
    dtype = dtype_of(array.dtype)
    if dtype is None or dtype.kind == "c" or array.size > LISTED_ELEMENTS:
        ordered = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return f'hex"{ordered.tobytes().hex()}"'
    numbers = [_format_number(number, dtype) for number in array.ravel()]
    return numbers[0] if array.ndim == 0 else f"[{', '.join(numbers)}]"


def _format_number(number: Any, dtype: Dtype) -> str:
    if dtype.kind == "b":
        return "true" if number else "false"
    if dtype.kind != "f":
        return str(int(number))
    wide = float(number)
    if wide != wide:
        text = "nan"
    elif math.isinf(wide):
        return "inf" if wide > 0 else "-inf"
    else:
        text = str(number) if dtype.name != "bf16" else _shortest(wide, dtype)
    bits = _bits(number, dtype)
    if _bits(_cast(float(text), dtype), dtype) == bits:
        return text
    return f"{bits:#0{dtype.bits // 4 + 2}x}"


def _shortest(wide: float, dtype: Dtype) -> str:
    """The shortest number that rounds to this one, as NumPy prints its own dtypes."""
    texts = (f"{wide:#.{digits}g}" for digits in range(1, 9))
    right = (text for text in texts if float(_cast(float(text), dtype)) == wide)
    return str(float(next(right)))


def _bits(number: Any, dtype: Dtype) -> int:
    array = np.asarray(number, dtype.numpy)
    return int(array.view(_INTEGER_OF_SIZE[dtype.itemsize])[()])


def _cast(number: float, dtype: Dtype) -> Any:
    with np.errstate(all="ignore"):
        return np.array(number, np.float64).astype(dtype.numpy)[()]


def parse_number(text: str, dtype: Dtype) -> Any:
    """The element that a number's text means in a dtype.

    Args:
        text: as ``format_constant`` writes numbers; decimal numbers are rounded to
            the dtype, ``0x...`` gives a float's bits.
        dtype: the element's dtype.

    Raises:
        ValueError: the dtype has no such number; the text says why.
    """
    if dtype.kind == "b":
        if text not in ("true", "false"):
            raise ValueError(f"{text} is not a bool")
        return np.bool_(text == "true")
    if dtype.is_integer:
        if not re.fullmatch(_INTEGER, text):
            raise ValueError(f"{text[:40]} is not an integer of 64 bits")
        number = int(text)
        limits = np.iinfo(dtype.numpy)
        if not limits.min <= number <= limits.max:
            raise ValueError(f"{text} does not fit {dtype}")
        return dtype.numpy.type(number)
    if not dtype.is_float or text in ("true", "false"):
        raise ValueError(f"{text} is not a number of {dtype}")
    if text.startswith("0x"):
        bits = int(text, 16)
        if bits >> dtype.bits:
            raise ValueError(f"{text[:40]} has more than {dtype.bits} bits")
        whole = np.array(bits, _INTEGER_OF_SIZE[dtype.itemsize])
        return whole.view(dtype.numpy)[()]
    rounded = _cast(float(text), dtype)
    if math.isinf(float(rounded)) and not text.endswith("inf"):
        raise ValueError(f"{text[:40]} does not fit {dtype}")
    return rounded


def array_from_numbers(
    numbers: list[str], dtype: Dtype, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """The array that a list of numbers means.

    Raises:
        ValueError: there are more or fewer than the shape has, or one does not fit.
    """
    if len(numbers) != math.prod(shape):
        raise ValueError(f"{len(numbers)} numbers do not fill {dtype}{list(shape)}")
    elements = [parse_number(text, dtype) for text in numbers]
    return np.array(elements, dtype.numpy).reshape(shape)


def array_from_bytes(
    content: bytes, dtype: Dtype, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """The array that little-endian bytes mean.

    Raises:
        ValueError: the bytes are not those of an array of this dtype and shape.
    """
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(content)} bytes do not fill {dtype}{list(shape)}")
    if dtype.kind == "b" and any(byte > 1 for byte in content):
        raise ValueError("a bool is 00 or 01")
    little_endian = np.frombuffer(content, dtype.numpy.newbyteorder("<"))
    return little_endian.astype(dtype.numpy).reshape(shape)


_INTEGER = r"-?[0-9]{1,20}"
# An integer alone is none: it is a size.
_REAL = (
    r"0x[0-9a-f]{1,16}|-?(?:inf|nan|[0-9]+(?:\.[0-9]*(?:e[-+]?[0-9]+)?|e[-+]?[0-9]+))"
)
_NAN_BITS = struct.pack("<d", math.nan)


def format_real(number: float) -> str:
    """A Python float as text; always told apart from an integer."""
    bits = struct.pack("<d", number)
    if number != number and bits != _NAN_BITS:
        return f"{int.from_bytes(bits, 'little'):#018x}"
    return repr(number)


def parse_real_literal(text: str) -> float:
    """The Python float that ``format_real`` wrote.

    Raises:
        ValueError: the text is no such number.
    """
    if not re.fullmatch(_REAL, text):
        raise ValueError(f"{text!r} is not a real number")
    return float(parse_number(text, f64)) if text.startswith("0x") else float(text)
