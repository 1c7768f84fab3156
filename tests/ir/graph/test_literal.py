"""Constants as text: every bit comes back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ir.graph.literal import (
    array_from_bytes,
    array_from_numbers,
    format_constant,
    format_real,
    parse_number,
    parse_real_literal,
)
from penstock.ir.types import DTYPES, bool_, f16, f32, f64, i8, u8

REAL = [dtype for dtype in DTYPES.values() if dtype.kind in "biuf"]
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def read(text, dtype, shape):
    if text.startswith("hex"):
        return array_from_bytes(bytes.fromhex(text[4:-1]), dtype, shape)
    return array_from_numbers(text.strip("[]").split(", "), dtype, shape)


@pytest.mark.parametrize("dtype", REAL, ids=str)
@given(bits=st.integers(0, 2**64 - 1))
def test_every_bit_pattern_reads_back(dtype, bits):
    if dtype is bool_:
        bits &= 1
    kept = bits & ((1 << dtype.bits) - 1)
    array = np.array(kept, UNSIGNED[dtype.itemsize]).view(dtype.numpy)
    again = read(format_constant(array), dtype, ())
    assert again.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_numbers_are_as_short_as_their_dtype_allows(dtype):
    assert format_constant(np.array(1, dtype.numpy)) == {
        "b": "true", "i": "1", "u": "1", "f": "1.0",
    }[dtype.kind]  # fmt: skip
    if dtype.is_float:
        assert format_constant(np.array(0.1, dtype.numpy)) == "0.1"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (np.float32(0.1), "0.1"),
        (np.float32(16777216), "1.6777216e+07"),
        (np.float64(0.1) + np.float64(0.2), "0.30000000000000004"),
        (np.float32(1e-45), "1e-45"),
        (np.float64(-0.0), "-0.0"),
        (np.float16(np.inf), "inf"),
        (np.float32(-np.inf), "-inf"),
        (np.float32(np.nan), "nan"),
        (-np.float32(np.nan), "0xffc00000"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (np.array([], np.int8), "[]"),
        (np.array([[True], [False]]), "[true, false]"),
        (np.arange(65, dtype=np.uint8), f'hex"{bytes(range(65)).hex()}"'),
        (np.array([1 + 2j], np.complex64), 'hex"0000803f00000040"'),
        (np.array(1, ">i4"), 'hex"01000000"'),
    ],
    ids=str,
)
def test_what_constants_look_like(number, text):
    assert format_constant(np.asarray(number)) == text


@pytest.mark.parametrize("dtype", [f16, f32, f64], ids=str)
def test_arrays_read_back(dtype):
    few = np.linspace(-1, 1, 12).reshape(3, 4).astype(dtype.numpy)
    many = np.linspace(-1, 1, 240).reshape(6, 40).astype(dtype.numpy)
    for array in (few, many, few[:0]):
        text = format_constant(array)
        if array.size:
            np.testing.assert_array_equal(read(text, dtype, array.shape), array)


@given(st.floats(allow_nan=True))
def test_python_floats_read_back_to_the_bit(number):
    again = parse_real_literal(format_real(number))
    assert np.float64(again).tobytes() == np.float64(number).tobytes()


@pytest.mark.parametrize(
    ("text", "dtype", "message"),
    [
        ("1", bool_, "1 is not a bool"),
        ("1.5", i8, "1.5 is not an integer of 64 bits"),
        ("128", i8, "128 does not fit i8"),
        ("-1", u8, "-1 does not fit u8"),
        ("9" * 5000, i8, "9" * 40 + " is not an integer of 64 bits"),
        ("true", f32, "true is not a number of f32"),
        ("1e39", f32, "1e39 does not fit f32"),
        ("65520.0", f16, "65520.0 does not fit f16"),
        ("0x1ffffffff", f32, "0x1ffffffff has more than 32 bits"),
    ],
)
def test_numbers_that_a_dtype_does_not_have(text, dtype, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_number(text, dtype)
    assert str(caught.value) == message
