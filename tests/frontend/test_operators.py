"""Python's operators and NumPy's ufuncs, held against NumPy."""

import math

import numpy as np
import pytest

from penstock.ir.errors import (
    DtypeError,
    NumberRangeError,
)
from tests.frontend.arrays import (
    AWKWARD,
    AWKWARD_SINGLE,
    BOOLS,
    BYTES,
    HALF,
    INTEGERS,
    POSITIVE,
    SHORT,
    SQUARE,
    WITH_NAN,
    V,
    X,
    Y,
)
from tests.frontend.running import check, run, traced

# Ops and what is written in the order that NumPy computes in: equal to the bit.
EXACT = {
    "arithmetic": (lambda x, v: (x + v, x - v, x * v, x / v, x // v, x % v), X, V),
    "reflected": (lambda x: (1 - x, 2.5 * x, 1 / x, 3 // x, 2 % x), X),
    "unary": (lambda x: (-x, +x, abs(x)), X),
    "integers": (
        lambda i: (i + 1, i * 2, i / 2, i // 3, i % 3, divmod(i, 3)),
        INTEGERS,
    ),
    "int8": (lambda a: (a + 1, a * 2, -a, abs(a), a / 2, a // 3, ~a), SHORT),
    "uint8": (lambda u: (u + 1, u * 2, -u, u / 2, ~u, u - 1), BYTES),
    "half": (lambda h: (h + 1, h * h, h / 3, np.sqrt(abs(h))), HALF),
    "bools": (lambda b: (b + b, b * b, b + 1, b * 2.0, ~b, b & b, b | b, b ^ b), BOOLS),
    "bits": (lambda i: (i & 3, i | 4, i ^ 1, ~i, i << 2, i >> 1, i << 63), INTEGERS),
    "shifted bytes": (lambda u: (u << 3, u >> 2, u >> 9), BYTES),
    "comparisons": (lambda x, v: (x < v, x <= v, x > v, x >= v, x == v, x != v), X, V),
    "signed with unsigned": (
        lambda i, u: (i < u, i <= u, i > u, i >= u, i == u, i != u, u < i, u >= i),
        INTEGERS,
        INTEGERS.astype(np.uint64),
    ),
    "out of range": (lambda u: (u < 300, u == -1, u > -1, u <= 300, u != 256), BYTES),
    "nothing is equal to None": (lambda x: (x == None, x != None, x == "a"), X),  # noqa: E711
    "mixed": (lambda x, y: (x + y, x * y), X, Y),
    "strong scalars": (lambda x: (x * np.float64(2), x + np.float32(1)), X),
    "weak scalars": (lambda x: (x * 2.0, x + 1, x * True), X),
    "lists": (lambda x: ([1, 2, 3, 4] * x, np.add([1, 2, 3, 4], x)), X),
    "in place": (lambda x: _in_place(x.copy()), X),
    "squares": (lambda x: (x**2, x**2.0, np.square(x), np.power(x, 2)), AWKWARD),
    "other easy powers": (lambda x: (x**1, x**0, x**-1, x**0.5), AWKWARD),
    "integer powers": (lambda i: (i**2, i**3, 2 ** abs(i).astype(np.uint64)), INTEGERS),
    "signs": (
        lambda x: (np.sign(x), np.fabs(x), np.negative(x), np.positive(x)),
        AWKWARD,
    ),
    "rounding": (
        lambda x: (np.rint(x), np.trunc(x), np.floor(x), np.ceil(x), np.fix(x)),
        AWKWARD,
    ),
    "rounding singles": (
        lambda x: (np.rint(x), np.trunc(x), np.round(x)),
        AWKWARD_SINGLE,
    ),
    "rounding to digits": (lambda x: (np.round(x, 2), x.round(1), np.around(x, -1)), Y),
    "rounding integers": (lambda i: (np.round(i), np.floor(i), np.rint(i)), INTEGERS),
    "classes": (
        lambda x: (
            np.isnan(x),
            np.isinf(x),
            np.isfinite(x),
            np.isposinf(x),
            np.isneginf(x),
        ),
        AWKWARD,
    ),
    "classes of integers": (
        lambda i: (np.isnan(i), np.isinf(i), np.isfinite(i)),
        INTEGERS,
    ),
    "extrema": (
        lambda x: (
            np.maximum(x, 0.5),
            np.minimum(x, 0.5),
            np.fmax(x, 0.5),
            np.fmin(x, np.nan),
        ),
        AWKWARD,
    ),
    "logic": (
        lambda x, i: (
            np.logical_and(x, i),
            np.logical_or(x, i),
            np.logical_xor(x, i),
            np.logical_not(i),
        ),
        X,
        INTEGERS,
    ),
    "remainders": (lambda x, v: (np.fmod(x, v), np.remainder(x, v)), X, V),
    "remainders of integers": (lambda i: (np.fmod(i, 3), np.mod(i, -3)), INTEGERS),
    "reciprocals": (lambda x: np.reciprocal(x) + 0, AWKWARD),
    "heaviside": (lambda x: np.heaviside(x, 0.5), AWKWARD),
    "conjugates": (lambda x: (np.conj(x), x.conj(), x.real, x.imag, np.real(x)), X),
    "out": (lambda x: np.add(x, 1, out=np.empty_like(x)), X),
    "positional out": (lambda x: np.multiply(x, 2, np.zeros_like(x)), X),
    "out converts": (lambda x: np.add(x, 1, out=np.zeros(x.shape)), X),
    "out of two": (lambda i: np.divmod(i, 3, out=(np.zeros_like(i), None)), INTEGERS),
    "where": (lambda x: np.add(x, 1, where=x > 0, out=np.zeros_like(x)), X),
    "dtype": (
        lambda i: (
            np.add(i, i, dtype=np.int32, casting="unsafe"),
            np.divide(i, 2, dtype=np.float32, casting="unsafe"),
        ),
        INTEGERS,
    ),
    "reduce": (
        lambda x: (
            np.add.reduce(x),
            np.multiply.reduce(x, axis=1),
            np.maximum.reduce(x, axis=None),
            np.minimum.reduce(x, axis=0, keepdims=True),
            np.logical_or.reduce(x > 1),
            np.logical_and.reduce(x > 1, axis=1),
            np.add.reduce(x, dtype=np.float64),
        ),
        X,
    ),
    "outer": (lambda v, i: (np.add.outer(v, v), np.multiply.outer(i, v)), V, INTEGERS),
    "accumulate": (lambda x: np.add.accumulate(x, axis=1), X),
    "at": (lambda x: _add_at(np.zeros_like(x)), X),
    "0-d": (lambda x: (x[0, 0] + 1, x.sum() * 2, np.array(3.0) + x[0, 0]), X),
}

# Formulas made of several ops: within a few units of the last place.
CLOSE = {
    "exponentials": (lambda x: (np.exp(x), np.expm1(x), np.exp2(x)), X),
    "logarithms": (
        lambda p: (np.log(p), np.log1p(p), np.log2(p), np.log10(p)),
        POSITIVE,
    ),
    "exact logarithms": (
        lambda p: (np.log10(p), np.log2(p)),
        np.array([1, 10, 100, 1000, 1e-5, 2, 8, 1024.0, 0.125]),
    ),
    "circular": (lambda x: (np.sin(x), np.cos(x), np.tan(x), np.sinc(x)), X),
    "hyperbolic": (lambda x: (np.sinh(x), np.cosh(x), np.tanh(x)), Y * 3),
    "inverse hyperbolic": (
        lambda x: (np.arcsinh(x), np.arccosh(abs(x) + 1), np.arctanh(np.tanh(x))),
        Y,
    ),
    "hypot": (lambda x, v: np.hypot(x, v) * 1, X, V),
    "sums of exponentials": (
        lambda x, v: (np.logaddexp(x, v), np.logaddexp2(x, v)),
        POSITIVE,
        abs(V),
    ),
    "angles": (
        lambda x: (
            np.deg2rad(x),
            np.radians(x),
            np.rad2deg(x),
            np.degrees(x),
            np.angle(x),
        ),
        X,
    ),
    "powers": (lambda p, x: (p**x, p**1.5, np.float_power(p, 2), 2**x), POSITIVE, X),
    "exponentials of integers": (lambda a: (np.exp(a), np.sqrt(abs(a))), SHORT // 20),
    "half": (lambda h: (np.exp(h), np.tanh(h), np.rint(h)), HALF),
}


def _in_place(x):
    x += 1
    x *= 2
    x -= 0.5
    x /= 3
    x //= 0.1
    x %= 2
    x **= 2
    return x


def _add_at(x):
    np.add.at(x, np.array([0, 2, 0]), 1)
    np.subtract.at(x, (slice(None), 1), 2)
    return x


@pytest.mark.parametrize("name", EXACT)
def test_equal_to_the_bit(name):
    function, *arrays = EXACT[name]
    check(function, *arrays)


@pytest.mark.parametrize("name", CLOSE)
def test_within_four_units(name):
    function, *arrays = CLOSE[name]
    check(function, *arrays, ulp=4)


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "?"]
)
@pytest.mark.parametrize("other", ["i1", "u2", "u8", "f2", "f4", "?"])
def test_promotion_of_arrays_is_numpys(dtype, other):
    x, y = np.ones(3, dtype), np.ones(3, other)
    check(lambda a, b: (a + b, a * b, a / b, a < b, np.maximum(a, b)), x, y)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u8", "f2", "f4", "f8", "?"])
def test_promotion_with_python_numbers_is_numpys(dtype):
    x = np.ones(3, dtype)
    check(lambda a: (a + 1, a + 1.5, a * True, a / 2, a // 2, a % 2, a > 0.5), x)


@pytest.mark.parametrize(
    ("function", "array"),
    [
        (lambda b: b - b, BOOLS),
        (lambda b: -b, BOOLS),
        (lambda x: x & 1, X),
        (lambda x: np.sign(x > 0), X),
    ],
)
def test_dtypes_that_numpy_refuses_are_refused(function, array):
    with pytest.raises(TypeError):
        function(array)
    with pytest.raises(DtypeError):
        traced(function, array)


def test_python_integers_must_fit():
    with pytest.raises(OverflowError):
        _ = BYTES + 300
    with pytest.raises(NumberRangeError):
        traced(lambda u: u + 300, BYTES)
    with pytest.raises(NumberRangeError):
        traced(lambda u: u - -1, BYTES)


def test_in_place_operators_do_not_lose_digits_unasked():
    def add_half(i):
        i = i.copy()
        i += 0.5
        return i

    with pytest.raises(TypeError):
        add_half(INTEGERS)
    with pytest.raises(DtypeError):
        traced(add_half, INTEGERS)


def test_negative_integer_powers_are_refused():
    with pytest.raises(ValueError, match="negative"):
        traced(lambda i: i**-1, INTEGERS)
    with pytest.raises(ValueError, match="to a negative power"):
        run(lambda i: i ** (i - 3), INTEGERS)


@pytest.mark.parametrize("exponent", ["?", "i1", "u1", "i8", "u4"])
@pytest.mark.parametrize("base", ["?", "u1", "i4"])
def test_integer_powers_by_arrays(base, exponent):
    x, n = np.array([[2], [3], [1]]).astype(base), np.arange(5).astype(exponent)
    check(lambda x, n: (x**n, n**x, np.power(x, n), x[0, 0] ** n, x ** n[2]), x, n)
    check(lambda x, n: np.power.reduce(x * np.ones_like(n), 1), x, n)
    # Of nothing, no power is negative.
    check(lambda x, n: x ** (n - n[-1:]), x[:0], n[:1].astype("i4"))


def test_integer_powers_by_integer_arguments():
    check(lambda x, k: x**k, INTEGERS, 3)
    with pytest.raises(ValueError, match="to a negative power"):
        run(lambda x, k: x**k, INTEGERS, -3)


def test_scipys_ufuncs_arrive_by_name():
    special = pytest.importorskip("scipy.special")
    check(lambda x: (special.erf(x), special.expit(x), special.log_expit(x)), Y, ulp=8)
    check(
        lambda p, x: (special.xlogy(p, p), special.xlog1py(x, p), special.entr(p)),
        POSITIVE.astype(np.float64),
        Y,
        ulp=8,
    )
    check(
        lambda x: (special.softmax(x), special.softmax(x, axis=1)),
        Y,
        ulp=8,
    )
    got = run(lambda x: (special.logsumexp(x, axis=1), special.log_softmax(x, 1)), Y)
    np.testing.assert_allclose(got[0], special.logsumexp(Y, axis=1), rtol=1e-14)
    np.testing.assert_allclose(got[1], special.log_softmax(Y, 1), rtol=1e-14)


def test_numbers_at_the_edge_of_formulas():
    big = np.array(
        [710.0, -710.0, 1e300, -1e300, 1e-320, math.inf, -math.inf, math.nan]
    )
    got = run(lambda x: (np.sinh(x), np.cosh(x), np.hypot(x, x), np.arcsinh(x)), big)
    with np.errstate(all="ignore"):
        expected = (np.sinh(big), np.cosh(big), np.hypot(big, big), np.arcsinh(big))
    for left, right in zip(got, expected, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-14, atol=1e-323)


def test_nan_goes_through_fmax_and_maximum_as_in_numpy():
    check(lambda x: (np.maximum(x, 1), np.fmax(x, 1), np.fmin(x, x.T)), WITH_NAN[:, :2])


def test_matmul_takes_stacks_and_vectors():
    a = np.arange(24.0).reshape(2, 3, 4)
    b = np.arange(40.0).reshape(2, 4, 5)
    check(lambda a, b: (a @ b, a[0] @ b, a @ b[0], a[0, 0] @ b, a @ b[0, :, 0]), a, b)
    check(lambda a, b: np.matmul(a[:, None], b), a, b)
    check(lambda x, s: np.matmul(x, s, out=np.zeros_like(x)), X.round(), SQUARE.round())
    check(lambda b, c: b @ c, BOOLS, BOOLS.T.copy())
    check(lambda i: i @ i.T, INTEGERS)
