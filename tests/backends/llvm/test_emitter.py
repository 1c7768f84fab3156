"""The emitter's scalar primitives against NumPy, to the bit, on every target."""

import numpy as np
import pytest

FLOATS = [np.float16, np.float32, np.float64]
SIGNED = [np.int8, np.int16, np.int32, np.int64]
UNSIGNED = [np.uint8, np.uint16, np.uint32, np.uint64]
INTEGERS = SIGNED + UNSIGNED
WIDTHS = [1, 2, 16]


def awkward(dtype):
    """Numbers at which operations of this type go wrong."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(7)
    if dtype.kind == "f":
        limits = np.finfo(dtype)
        edges = [
            0.0, 0.5, 1.0, 1.5, 2.5, 3.0, 7.0, 0.1, 100.25,
            limits.max, limits.tiny, limits.smallest_subnormal, np.inf,
        ]  # fmt: skip
        numbers = np.array([*edges, np.nan, *(-x for x in edges)]).astype(dtype)
        bits = rng.integers(0, 2 ** (8 * dtype.itemsize), 12, "u8", endpoint=False)
        return np.concatenate([numbers, bits.astype(f"u{dtype.itemsize}").view(dtype)])
    limits = np.iinfo(dtype)
    edges = [0, 1, 2, 3, 7, 8, 31, 63, 64, limits.max, limits.max - 1, limits.min]
    if dtype.kind == "i":
        edges += [-1, -2, -7, limits.min + 1]
    random = rng.integers(limits.min, limits.max, 12, dtype, endpoint=True)
    return np.concatenate([np.array(edges, dtype), random])


def pairs(dtype):
    numbers = awkward(dtype)
    return [array.ravel().copy() for array in np.meshgrid(numbers, numbers)]


def assert_same_bits(found, expected, *operands):
    __tracebackhide__ = True
    assert found.dtype == expected.dtype
    same = found == expected
    if expected.dtype.kind == "f":
        same = (same & (np.signbit(found) == np.signbit(expected))) | (
            np.isnan(found) & np.isnan(expected)
        )
    if not same.all():
        at = np.flatnonzero(~same.ravel())[:6]
        rows = [[x.ravel()[i] for x in (*operands, found, expected)] for i in at]
        pytest.fail(f"{(~same).sum()} differ; operands, found, expected: {rows}")


def check(kernels, machine, function, reference, operands, result=None):
    """Compare with NumPy at several widths."""
    with np.errstate(all="ignore"):
        expected = np.asarray(reference(*operands))
    if result is not None:
        expected = expected.astype(result)
    for width in WIDTHS:
        found = kernels.map(machine, function, operands, expected.dtype, width)
        assert_same_bits(found, expected, *operands)


def _add(e, a, b):
    return e.add(a, b)


def _sub(e, a, b):
    return e.sub(a, b)


def _mul(e, a, b):
    return e.mul(a, b)


def _div(e, a, b):
    return e.div(a, b)


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize(
    ("function", "reference"),
    [(_add, np.add), (_sub, np.subtract), (_mul, np.multiply)],
)
def test_sums_and_products(kernels, machine, function, reference, dtype):
    check(kernels, machine, function, reference, pairs(dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_quotients(kernels, machine, dtype):
    check(kernels, machine, _div, np.divide, pairs(dtype))


def _unary(name):
    def function(e, a):
        return getattr(e, name)(a)

    return function


UNARY = {name: _unary(name) for name in (
    "neg", "abs", "sqrt", "floor", "ceil", "trunc", "round_even", "is_nan",
    "bit_not", "population_count",
)}  # fmt: skip
FLOAT_REFERENCES = {
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round_even": np.rint,
    "is_nan": np.isnan,
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", FLOAT_REFERENCES)
def test_functions_of_one_float(kernels, machine, name, dtype):
    numbers = awkward(dtype)
    # Around the last fractions, where adding a large number to round is delicate.
    digits = np.finfo(dtype).nmant
    more = np.array([2.0**digits - 0.5, 2.0 ** (digits - 1) + 0.5, 0.49999997], dtype)
    numbers = np.concatenate([numbers, more, -more])
    check(kernels, machine, UNARY[name], FLOAT_REFERENCES[name], [numbers])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_functions_of_one_integer(kernels, machine, dtype):
    numbers = [awkward(dtype)]
    check(kernels, machine, UNARY["neg"], np.negative, numbers)
    check(kernels, machine, UNARY["bit_not"], np.invert, numbers)
    if np.dtype(dtype).kind == "i":
        check(kernels, machine, UNARY["abs"], np.abs, numbers)
    else:
        counted = UNARY["population_count"]
        check(kernels, machine, counted, np.bitwise_count, numbers, dtype)


def _binary(name, **keywords):
    def function(e, a, b):
        return getattr(e, name)(a, b, **keywords)

    return function


CHOICES = {
    (name, signed): _binary(name, signed=signed)
    for name in ("minimum", "maximum", "minimum_number", "maximum_number")
    for signed in (True, False)
}


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize(
    ("name", "reference"), [("minimum", np.minimum), ("maximum", np.maximum)]
)
def test_extrema_keep_nan(kernels, machine, name, reference, dtype):
    signed = np.dtype(dtype).kind != "u"
    check(kernels, machine, CHOICES[name, signed], reference, pairs(dtype))


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize(
    ("name", "reference"), [("minimum_number", np.fmin), ("maximum_number", np.fmax)]
)
def test_extrema_of_numbers_drop_nan(kernels, machine, name, reference, dtype):
    signed = np.dtype(dtype).kind != "u"
    first, second = pairs(dtype)
    # Which of two zeros NumPy gives depends on where in the array they stand.
    kept = (first != 0) | (second != 0)
    check(
        kernels, machine, CHOICES[name, signed], reference, [first[kept], second[kept]]
    )


def _comparison(relation, signed):
    def function(e, a, b):
        return e.compare(relation, a, b, signed=signed)

    return function


COMPARISONS = {
    (relation, signed): _comparison(relation, signed)
    for relation in ("eq", "ne", "lt", "le", "gt", "ge")
    for signed in (True, False)
}
RELATIONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float64, np.int8, np.uint32, np.int64]
)
@pytest.mark.parametrize("relation", RELATIONS)
def test_comparisons(kernels, machine, relation, dtype):
    signed = np.dtype(dtype).kind != "u"
    function = COMPARISONS[relation, signed]
    check(kernels, machine, function, RELATIONS[relation], pairs(dtype))


def test_comparisons_of_bool(kernels, machine):
    operands = [x.ravel() for x in np.meshgrid([False, True], [False, True])]
    for relation, reference in RELATIONS.items():
        check(kernels, machine, COMPARISONS[relation, True], reference, operands)


BITS = {
    "bit_and": (_binary("bit_and"), np.bitwise_and),
    "bit_or": (_binary("bit_or"), np.bitwise_or),
    "bit_xor": (_binary("bit_xor"), np.bitwise_xor),
}


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64])
@pytest.mark.parametrize("name", BITS)
def test_bits(kernels, machine, name, dtype):
    if dtype is np.bool_:
        operands = [x.ravel() for x in np.meshgrid([False, True], [False, True])]
    else:
        operands = pairs(dtype)
    check(kernels, machine, *BITS[name], operands)


SHIFTS = {
    "left": _binary("shift_left"),
    "signed": _binary("shift_right", signed=True),
    "unsigned": _binary("shift_right", signed=False),
}


@pytest.mark.parametrize("dtype", INTEGERS)
def test_shifts_by_any_amount(kernels, machine, dtype):
    operands = pairs(dtype)
    check(kernels, machine, SHIFTS["left"], np.left_shift, operands)
    right = SHIFTS["signed" if np.dtype(dtype).kind == "i" else "unsigned"]
    check(kernels, machine, right, np.right_shift, operands)


DIVISIONS = {
    (name, signed): _binary(name, signed=signed)
    for name in ("floor_divide", "remainder", "fmod")
    for signed in (True, False)
}


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("floor_divide", np.floor_divide),
        ("remainder", np.remainder),
        ("fmod", np.fmod),
    ],
)
def test_division_with_remainder(kernels, machine, name, reference, dtype):
    signed = np.dtype(dtype).kind != "u"
    check(kernels, machine, DIVISIONS[name, signed], reference, pairs(dtype))


def test_remainders_of_distant_floats(kernels, machine):
    """Quotients of up to 2**2000, which take many steps."""
    rng = np.random.default_rng(3)
    first = np.ldexp(rng.uniform(1, 2, 500), rng.integers(-1074, 1023, 500))
    second = np.ldexp(rng.uniform(1, 2, 500), rng.integers(-1074, 1023, 500))
    first *= rng.choice([-1, 1], 500)
    check(kernels, machine, DIVISIONS["fmod", True], np.fmod, [first, second])
    exponents = rng.integers(-149, 127, (2, 500))
    narrow = list(np.ldexp(rng.uniform(1, 2, (2, 500)), exponents).astype(np.float32))
    check(kernels, machine, DIVISIONS["fmod", True], np.fmod, narrow)


def _seventh(e, a):
    return e.floor_divide(a, 7)


def _minus_seventh(e, a):
    return e.remainder(a, -7)


@pytest.mark.parametrize("dtype", SIGNED)
def test_division_by_a_constant(kernels, machine, dtype):
    numbers = [awkward(dtype)]
    check(kernels, machine, _seventh, lambda x: x // dtype(7), numbers)
    check(kernels, machine, _minus_seventh, lambda x: x % dtype(-7), numbers)


def _exact_products(e, a, b):
    product, error = e.two_product(a, b)
    total, lost = e.two_sum(product, error)
    return e.sub(total, lost)


def test_two_product_is_exact(kernels, machine):
    """The product of f32 is exact in f64, where its two parts must add up to it."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 400)).astype(np.float32)

    def high(e, x, y):
        return e.two_product(x, y)[0]

    def low(e, x, y):
        return e.two_product(x, y)[1]

    parts = [kernels.map(machine, f, [a, b], np.float32, 4) for f in (high, low)]
    total = parts[0].astype(np.float64) + parts[1]
    assert np.array_equal(total, a.astype(np.float64) * b)
    assert np.any(parts[1] != 0)
