"""Types of Values: dtypes, arrays with symbolic shapes, tuples, tokens."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from penstock.ir.dims import (
    Size,
    evaluate_dim,
    product,
    substitute_dim,
)
from penstock.ir.record import Record

__all__ = [
    "DTYPES",
    "TOKEN",
    "Dtype",
    "TensorType",
    "TokenType",
    "TupleType",
    "Type",
    "bf16",
    "bool_",
    "c64",
    "c128",
    "dtype_of",
    "f16",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "text_of_array",
    "u8",
    "u16",
    "u32",
    "u64",
]


class Dtype:
    """An element type. There is one object of each, so ``is`` compares them.

    Attributes:
        name: as it prints: ``"f32"``.
        kind: ``"b"``, ``"i"``, ``"u"``, ``"f"`` or ``"c"``, as NumPy's kinds.
        bits: the width in memory.
    """

    __slots__ = ("_numpy", "bits", "kind", "name")

    def __init__(self, name: str, kind: str, bits: int, numpy_name: str) -> None:
        self.name = name
        self.kind = kind
        self.bits = bits
        self._numpy: np.dtype[Any] | None = np.dtype(numpy_name) if numpy_name else None

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.bits // 8

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype.

        Raises:
            ImportError: ``bf16`` without the ``ml_dtypes`` package, which is where
                NumPy's bfloat16 comes from.
        """
        if self._numpy is None:
            import ml_dtypes

            self._numpy = np.dtype(ml_dtypes.bfloat16)
        return self._numpy

    @property
    def is_float(self) -> bool:
        """Whether this is a real floating-point type."""
        return self.kind == "f"

    @property
    def is_integer(self) -> bool:
        """Whether this is a signed or unsigned integer (``bool`` is not)."""
        return self.kind in "iu"

    @property
    def compute(self) -> Dtype:
        """The dtype that arithmetic uses: 16-bit floats compute in ``f32``."""
        return f32 if self.kind == "f" and self.bits == 16 else self

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return "bool_" if self.name == "bool" else self.name


bool_ = Dtype("bool", "b", 8, "bool")
i8 = Dtype("i8", "i", 8, "int8")
i16 = Dtype("i16", "i", 16, "int16")
i32 = Dtype("i32", "i", 32, "int32")
i64 = Dtype("i64", "i", 64, "int64")
u8 = Dtype("u8", "u", 8, "uint8")
u16 = Dtype("u16", "u", 16, "uint16")
u32 = Dtype("u32", "u", 32, "uint32")
u64 = Dtype("u64", "u", 64, "uint64")
f16 = Dtype("f16", "f", 16, "float16")
bf16 = Dtype("bf16", "f", 16, "")
f32 = Dtype("f32", "f", 32, "float32")
f64 = Dtype("f64", "f", 64, "float64")
c64 = Dtype("c64", "c", 64, "complex64")
c128 = Dtype("c128", "c", 128, "complex128")

DTYPES: Mapping[str, Dtype] = {
    dtype.name: dtype
    for dtype in (
        bool_, i8, i16, i32, i64, u8, u16, u32, u64,
        f16, bf16, f32, f64, c64, c128,
    )
}  # fmt: skip


@cache
def dtype_of(numpy_dtype: np.dtype[Any]) -> Dtype | None:
    """The Dtype of a NumPy dtype in native byte order, or ``None``.

    Example:
        >>> dtype_of(np.dtype("float32"))
        f32
    """
    if not numpy_dtype.isnative or numpy_dtype.hasobject:
        return None
    if numpy_dtype.name == "bfloat16" and "ml_dtypes" in sys.modules:
        return bf16
    for dtype in DTYPES.values():
        if (
            dtype is not bf16
            and numpy_dtype.kind == dtype.kind
            and numpy_dtype.itemsize == dtype.itemsize
            and numpy_dtype.names is None
        ):
            return dtype
    return None


def text_of_array(array: np.ndarray[Any, Any]) -> str:
    """The dtype and the sizes of an array, written as types are.

    Args:
        array: any dtype and shape.

    Example:
        >>> text_of_array(np.zeros((3, 4), np.float32))
        'f32[3,4]'
    """
    sizes = ",".join(map(str, array.shape))
    return f"{dtype_of(array.dtype) or array.dtype}[{sizes}]"


class TensorType(Record):
    """A dtype and a shape.

    Example:
        >>> from penstock.ir.dims import symbol
        >>> TensorType(f32, (symbol("n"), 1024))
        f32[n,1024]
    """

    dtype: Dtype
    shape: tuple[Size, ...] = ()

    # Types are made and compared more often than anything else.

    def __init__(self, dtype: Dtype, shape: tuple[Size, ...] = ()) -> None:
        self.__dict__.update(dtype=dtype, shape=shape, _hash=hash((dtype.name, shape)))

    def __eq__(self, other: object) -> bool:
        if type(other) is not TensorType:
            return NotImplemented
        return self.dtype is other.dtype and self.shape == other.shape

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined,no-any-return]

    def __repr__(self) -> str:
        sizes = ",".join(str(size).replace(" ", "") for size in self.shape)
        return f"{self.dtype.name}[{sizes}]"

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Size:
        """The number of elements."""
        return product(self.shape)

    def with_dtype(self, dtype: Dtype) -> TensorType:
        """The same shape of another dtype."""
        return TensorType(dtype, self.shape)

    def with_shape(self, shape: tuple[Size, ...]) -> TensorType:
        """The same dtype in another shape."""
        return TensorType(self.dtype, shape)

    def substitute(self, replacements: Mapping[str, Size]) -> TensorType:
        """The type with symbols replaced."""
        if not replacements or all(isinstance(s, int) for s in self.shape):
            return self
        return TensorType(
            self.dtype, tuple(substitute_dim(s, replacements) for s in self.shape)
        )

    def concrete(self, values: Mapping[str, int]) -> tuple[int, ...]:
        """The shape in numbers, given the values of its symbols."""
        return tuple(evaluate_dim(size, values) for size in self.shape)


class TupleType(Record):
    """The type of a Value with several results."""

    elements: tuple[Type, ...]

    def __repr__(self) -> str:
        return f"({', '.join(map(repr, self.elements))})"

    def substitute(self, replacements: Mapping[str, Size]) -> TupleType:
        """The type with symbols replaced."""
        return TupleType(tuple(e.substitute(replacements) for e in self.elements))


class TokenType(Record):
    """The type of a token, which orders effects."""

    def __repr__(self) -> str:
        return "token"

    def substitute(self, replacements: Mapping[str, Size]) -> TokenType:
        """A token has no symbols."""
        return self


TOKEN = TokenType()
Type = TensorType | TupleType | TokenType
