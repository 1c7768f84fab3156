"""Python numbers that the dtype they meet may not hold, written and chosen."""

import numpy as np
import pytest

from penstock.ir.errors import NumberRangeError
from tests.frontend.running import check, run, serves, traced

U = np.arange(4, dtype=np.uint16)
MASK = np.array([True, False, True, False])


def write(u, v):
    u = u.copy()
    u[1] = v
    return u


def write_slice(u, v):
    u = u.copy()
    u[:2] = v
    return u


def write_mask(u, v):
    u = u.copy()
    u[u > 1] = v
    return u


def write_places(u, v):
    u = u.copy()
    u[[0, 2]] = v
    return u


def fill(u, v):
    u = u.copy()
    u.fill(v)
    return u


def copyto(u, v):
    u = u.copy()
    np.copyto(u, v, casting="unsafe")
    return u


def add_at(u, v):
    u = u.copy()
    np.add.at(u, [0, 0, 3], v)
    return u


FUNCTIONS = {
    "write": write,
    "write_slice": write_slice,
    "write_mask": write_mask,
    "write_places": write_places,
    "fill": fill,
    "copyto": copyto,
    "where": lambda u, v: np.where(u > 1, v, u),
    "where_last": lambda u, v: np.where(MASK, u, v),
    "select_choice": lambda u, v: np.select([u > 1], [v], u),
    "select_default": lambda u, v: np.select([u > 1], [u], v),
    "add": lambda u, v: u + v,
    "maximum": np.maximum,
    "equal": lambda u, v: u == v,
    "full": lambda u, v: np.full(3, v, u.dtype),
    "full_like": lambda u, v: np.full_like(u, v, shape=(2, 2)),
    "array": lambda u, v: np.array([1, v], u.dtype),
    "largest": lambda u, v: u.max(initial=v),
}
NUMBERS = (-3, 3, 70_000, 2**40, -3.5, -0.5, 3.5, 65_535.5, 65_536.0, 1e30, np.nan)
DTYPES = ("u2", "i1", "u8", "i8", "?", "f4")


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_numbers_out_of_range(function, dtype):
    u = U.astype(dtype)
    for number in NUMBERS:
        if not is_defined(function, u, number):
            continue
        try:
            expected = function(u, number)
        except (TypeError, ValueError, OverflowError) as error:
            for f, args in both(function, u, number):
                with pytest.raises(type(error)):
                    run(f, *args)
            continue
        assert expected is not None
        for f, args in both(function, u, number):
            check(f, *args)


def is_defined(function, u, number):
    """Whether C defines what NumPy does: a float cast to integers that hold it."""
    if not isinstance(number, float) or u.dtype.kind not in "iu":
        return True
    limits = np.iinfo(u.dtype)
    return limits.min - 1 < number < limits.max


def both(function, u, number):
    """The number as an argument, and as a constant of the program."""
    return (function, (u, number)), (lambda u: function(u, number), (u,))


@pytest.mark.parametrize("dtype", ["u2", "i1", "u8", "i8"])
@pytest.mark.parametrize("function", [write, write_slice, write_mask, write_places])
def test_floats_beyond_an_integer_dtype_are_not_written(function, dtype):
    limits = np.iinfo(dtype)
    for number in (float(limits.max) + 1, 2.0 * limits.min - 2, 1e300, np.inf):
        for f, args in both(function, U.astype(dtype), number):
            with pytest.raises(OverflowError):
                run(f, *args)
    for f, args in both(function, U.astype(dtype), np.nan):
        with pytest.raises(ValueError, match="nan is no integer"):
            run(f, *args)


def test_one_variant_serves_all_floats_that_fit():
    found = traced(write, U, 2.5)
    assert serves(found, write, U, 65_535.5)
    assert serves(found, write, U, -0.5)
    for number in (-1.0, 65_536.0, np.nan):
        assert not serves(found, write, U, number)


def test_one_variant_serves_all_integers_that_fit():
    found = traced(write, U, 2)
    assert serves(found, write, U, 65_535)
    assert not serves(found, write, U, 65_536)
    assert not serves(found, write, U, -1)
    with pytest.raises(NumberRangeError, match="the Python integer -1 does not fit"):
        run(write, U, -1)


def test_adding_at_places():
    for values in (-3, 70_000, 2**40, np.array([5, -7, 2**33])):
        for dtype in ("u2", "i1", "i8"):
            check(add_at, U.astype(dtype), values)
    for values in (0.1, 3, np.array([0.1, 1e-9, 3])):
        check(add_at, U.astype("f4"), values)
    for dtype in ("u2", "i1", "u8", "i8"):
        # Each sum is cut to an integer, not all of them at the end.
        check(add_at, U.astype(dtype), np.array([0.5, 1.5, 2.5]))
        # With i64, u64 has no dtype but f64 in common.
        check(add_at, U.astype(dtype), 1)
        check(add_at, U.astype(dtype), np.array([3, 1, 2**54 + 1]))


def greatest_at(u, values):
    u = u.copy()
    np.maximum.at(u, [0, 0, 2], values)
    np.minimum.at(u, [1, 1, 2], values)
    return u


def test_extrema_at_places_are_those_of_the_common_dtype():
    for values in (-3, 300, 70_000, 1.5, np.array([5, -7, 2**33])):
        for dtype in ("u2", "i1", "u8", "i8", "f4", "?"):
            check(greatest_at, U.astype(dtype), values)


def test_ranges_of_integers_start_with_their_first_two_numbers():
    for dtype in ("u2", "i1", "i8", "f4"):
        for start in (-0.5, 1.5, 3):
            check(lambda x, s, t=dtype: np.arange(s, s + 3, dtype=t), U, start)
            check(lambda x, s, t=dtype: np.arange(s, s + 3, 0.5, dtype=t), U, start)
            check(lambda x, s, t=dtype: np.arange(s, s + 1, dtype=t), U, start)
            check(lambda x, s, t=dtype: np.arange(s, s, dtype=t), U, start)
        check(lambda x, t=dtype: np.arange(3, 3 + len(x), dtype=t), U)
        check(lambda x, t=dtype: np.arange(len(x), -1, -1, dtype=t), U)
    for start in (-3, 70_000, -1.5):
        with pytest.raises(OverflowError):
            run(lambda x, s: np.arange(s, s + 3, dtype="u2"), U, start)


def test_padding_and_choosing_wrap():
    for number in (-3, 70_000, -0.5, 3.5):
        for f, args in both(lambda u, v: np.pad(u, 1, constant_values=v), U, number):
            check(f, *args)
    for number in (-3, 70_000):
        for f, args in both(
            lambda u, v: np.choose(u, [u, v, u * 2], mode="clip"), U, number
        ):
            check(f, *args)


def test_initial_values_are_written_into_the_result():
    for number in (-0.5, 3.5, np.int64(-3), np.float32(2.5), True):
        for function in (np.sum, np.max, np.prod):
            for f, args in both(lambda u, v, g=function: g(u, initial=v), U, number):
                check(f, *args)
    with pytest.raises(OverflowError):
        run(lambda u, v: u.sum(initial=v), U, -3.5)


def test_adding_at_places_of_bools():
    b = np.array([True, False, False, True])
    for values in (True, False, 1, 0, -1, 0.5, b[:3], np.array([2, 0, 256])):
        check(add_at, b, values)
    check(lambda b: np.subtract.at(b := b.copy(), [0, 2], 1) or b, b)
    with pytest.raises(TypeError):
        run(lambda b: np.subtract.at(b.copy(), [0], True), b)


@pytest.mark.parametrize("ufunc", [np.logical_or, np.logical_and])
@pytest.mark.parametrize("initial", [True, False, 0, 2.5])
def test_logical_reductions_take_an_initial_value(ufunc, initial):
    x = np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    check(lambda x: ufunc.reduce(x, axis=1, initial=initial), x)
    check(lambda x: ufunc.reduce(x, axis=None, initial=initial), x)
    check(lambda x: ufunc.reduce(x, 1, initial=initial, out=x[:, 0] > 5), x)


@pytest.mark.parametrize("indices", [[True, False], True, MASK, MASK[None]])
def test_taking_by_bools_takes_the_first_and_the_second(indices):
    a = np.arange(12.0).reshape(4, 3)
    check(lambda a: np.take(a, indices, axis=1), a)
    check(lambda a: a.take(indices), a)
    check(lambda a, i: np.take(a, i, axis=0), a, np.asarray(indices))


def test_constants_of_sizes_that_became_known():
    def f(c):
        table = np.tri(c.shape[1])
        last = table[-1]
        if c.shape[1] == 6:
            table[table > 1e10] = -1
        return last, table, np.arange(c.shape[1])[-1:] + c.shape[0]

    for size in (1, 6):
        check(f, np.zeros((1, size), np.float16))


def test_real_and_imaginary_parts_are_written_as_numpy_does():
    def real(x):
        x = x.copy()
        x.real = 1
        x.real[0] += 2
        return x, x.imag, np.imag(x).copy() + 1

    check(real, np.arange(6.0).reshape(2, 3))

    def imaginary(x):
        x = x.copy()
        x.imag = 1
        return x

    with pytest.raises(TypeError, match="array does not have imaginary part to set"):
        run(imaginary, np.ones(3))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda x: x + 1, "numpy.ndarray"),
        (lambda x: x[x > 0], "numpy.ndarray"),
        (lambda x: x.sum(), "numpy.generic"),
    ],
)
def test_unknown_attributes_cannot_be_set(make, kind):
    def f(x):
        make(x).weight = 1

    with pytest.raises(AttributeError) as caught:
        run(f, np.ones(3))
    assert str(caught.value) == f"'{kind}' object has no attribute 'weight'"
