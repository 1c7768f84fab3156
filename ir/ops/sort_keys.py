"""Keys of numbers: integers in the order in which the numbers are sorted.

Those of 0 and -0 are equal, and those of all nan are the greatest.
"""

from __future__ import annotations

from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.types import DTYPES, Dtype, bool_, u8

__all__ = ["key_dtype", "number_of_key", "signed_key", "sort_key"]


def key_dtype(dtype: Dtype) -> Dtype:
    """The dtype of a dtype's keys."""
    return u8 if dtype is bool_ else DTYPES[f"u{dtype.bits}"]


def sort_key(x: Scalar) -> Scalar:
    """The key of a number.

    Negative floats have their bits inverted, others their sign alone: the order of
    integers is then that of floats (Knuth, TAOCP 3, exercise 5.-7).
    """
    builder, dtype = x.builder, x.dtype
    assert builder is not None
    key = key_dtype(dtype)
    if dtype.kind in "bu":
        return scalar.convert(x, key)
    bits = scalar.bitcast(x, key)
    sign = builder.constant(1 << (key.bits - 1), key)
    if dtype.kind == "i":
        return builder.apply("xor", bits, sign)
    # All ones of negative numbers: without a choice there is no branch to mispredict.
    signed = scalar.bitcast(x, DTYPES[f"i{key.bits}"])
    last = builder.constant(key.bits - 1, signed.dtype)
    spread = scalar.bitcast(builder.apply("shift_right", signed, last), key)
    ordered = builder.apply("xor", bits, spread | sign)
    ordered = builder.select(bits.equals(sign), sign, ordered)
    greatest = builder.constant((1 << key.bits) - 1, key)
    return builder.select(builder.apply("is_nan", x), greatest, ordered)


def signed_key(x: Scalar) -> Scalar:
    """The key of a number as a signed integer, which vectors compare sooner."""
    builder, key = x.builder, sort_key(x)
    assert builder is not None
    sign = builder.constant(1 << (key.dtype.bits - 1), key.dtype)
    flipped = builder.apply("xor", key, sign)
    return scalar.bitcast(flipped, DTYPES[f"i{key.dtype.bits}"])


def number_of_key(key: Scalar, dtype: Dtype) -> Scalar:
    """The number of a signed key; 0 stands for -0 too.

    Args:
        key: as ``signed_key`` gives it.
        dtype: the number's.
    """
    builder = key.builder
    assert builder is not None
    if dtype.kind in "bu":
        sign = builder.constant(-(1 << (key.dtype.bits - 1)), key.dtype)
        flipped = scalar.bitcast(builder.apply("xor", key, sign), key_dtype(dtype))
        return scalar.convert(flipped, dtype)
    if dtype.kind == "i":
        return key
    last = builder.constant(key.dtype.bits - 1, key.dtype)
    magnitude = builder.constant((1 << (key.dtype.bits - 1)) - 1, key.dtype)
    flips = builder.apply("shift_right", key, last) & magnitude
    return scalar.bitcast(builder.apply("xor", key, flips), dtype)
