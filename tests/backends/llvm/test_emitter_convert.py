"""Conversions against ``astype``, between all pairs of types, on every target."""

from itertools import product

import ml_dtypes
import numpy as np
import pytest

from tests.sweeps import one_in

DTYPES = [
    np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32,
    np.uint64, np.float16, ml_dtypes.bfloat16, np.float32, np.float64,
]  # fmt: skip


def converter(source, target):
    from_signed = np.dtype(source).kind != "u"
    to_signed = np.dtype(target).kind != "u"
    element = {
        "b": "i1",
        "i": f"i{8 * np.dtype(target).itemsize}",
        "u": f"i{8 * np.dtype(target).itemsize}",
        "f": f"f{8 * np.dtype(target).itemsize}",
        "V": "bf16",
    }[np.dtype(target).kind]

    def function(e, a):
        return e.convert(a, element, signed=from_signed, to_signed=to_signed)

    return function


CONVERTERS = {(s, t): converter(s, t) for s in DTYPES for t in DTYPES}


def is_float(dtype):
    return np.dtype(dtype).kind in "fV"


def numbers_of(dtype):
    rng = np.random.default_rng(11)
    if np.dtype(dtype) == np.bool_:
        return np.array([False, True])
    if is_float(dtype):
        exponents = np.linspace(-50, 20, 141)
        numbers = np.concatenate([2.0**exponents, 1.5 * 2.0**exponents])
        halfway = np.array([2049.0, 2051.0, 65519.0, 65520.0, 2.0**-25, 3 * 2.0**-25])
        nearly = np.array([1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-11 - 2.0**-40])
        edges = np.array([0.0, 0.5, np.inf, 1e300, 5e-324, 2.0**31, 2.0**63, 2.0**64])
        numbers = np.concatenate([numbers, halfway, nearly, edges, rng.normal(size=50)])
        numbers = np.concatenate([numbers, -numbers, [np.nan, -np.nan]])
        with np.errstate(over="ignore"):
            return numbers.astype(dtype)
    limits = np.iinfo(dtype)
    edges = [0, 1, limits.min, limits.max, limits.max - 1, limits.max // 2 + 1]
    random = rng.integers(limits.min, limits.max, 60, dtype, endpoint=True)
    powers = [2**k + d for k in range(1, 64) for d in (-1, 0, 1)]
    powers = [p for p in powers if p <= limits.max]
    return np.concatenate([np.array(edges + powers, dtype), random])


def as_numpy_does(numbers, target):
    """``astype``; the values of casts that C leaves undefined are those of x86."""
    with np.errstate(all="ignore"):
        return numbers.astype(target)


@pytest.mark.parametrize(("source", "target"), one_in(5, product(DTYPES, DTYPES)))
def test_conversion(kernels, machine, source, target):
    numbers = numbers_of(source)
    if (source, target) == (np.float16, np.uint32):
        # What infinity gives is not what it gives from float32, and C defines neither.
        numbers = numbers[np.isfinite(numbers)]
    expected = as_numpy_does(numbers, target)
    size = np.dtype(target).itemsize
    for width in (1, 4, 16):
        found = kernels.map(
            machine, CONVERTERS[source, target], [numbers], target, width
        )
        same = found.view(f"u{size}") == expected.view(f"u{size}")
        if is_float(target):
            # The bits of a nan are nobody's business, as long as it is one.
            same |= np.isnan(found.astype(float)) & np.isnan(expected.astype(float))
        wrong = [(numbers[i], found[i], expected[i]) for i in np.flatnonzero(~same)[:5]]
        assert not wrong


@pytest.mark.parametrize(
    "source", [np.float16, ml_dtypes.bfloat16], ids=["f16", "bf16"]
)
def test_every_half_widens_exactly(kernels, machine, source):
    numbers = np.arange(65536, dtype=np.uint16).view(source)
    expected = numbers.astype(np.float32)
    found = kernels.map(
        machine, CONVERTERS[source, np.float32], [numbers], np.float32, 8
    )
    same = (found.view(np.uint32) == expected.view(np.uint32)) | (
        np.isnan(found) & np.isnan(expected)
    )
    assert same.all()


@pytest.mark.parametrize(
    "target", [np.float16, ml_dtypes.bfloat16], ids=["f16", "bf16"]
)
def test_halves_are_rounded_to_even(kernels, machine, target):
    """All halfway cases, and their neighbours on both sides."""
    finite = np.arange(0x7C00 if target is np.float16 else 0x7F80, dtype=np.uint16)
    low = finite[:-1].view(target).astype(np.float32)
    high = finite[1:].view(target).astype(np.float32)
    middle = low + (high - low) / 2
    numbers = np.concatenate(
        [np.nextafter(middle, low), middle, np.nextafter(middle, high)]
    )
    expected = numbers.astype(target).view(np.uint16)
    found = kernels.map(machine, CONVERTERS[np.float32, target], [numbers], target, 16)
    assert np.array_equal(found.view(np.uint16), expected)
