"""Corners of NumPy that random programs and new users ran into."""

import enum

import numpy as np
import pytest

from penstock.ir.errors import (
    IndexOutOfBoundsError,
    IndexTypeError,
    NumberRangeError,
    StructureError,
    TraceError,
    UnsupportedError,
)
from tests.frontend.running import check, run, serves, traced

V = np.array([1.0, 2.0, 4.0])


# Scalars and arrays without axes


def test_a_scalar_indexed_by_an_ellipsis_is_a_copy():
    def f(x):
        scalar = x.sum()
        array = scalar[...]
        array[...] = 7
        return scalar, array

    check(f, V)


@pytest.mark.parametrize("axis", [0, -1])
def test_axes_of_scalars(axis):
    check(lambda x: (x.squeeze(axis), np.squeeze(x, axis)), np.array(2.0))
    check(lambda x: x.sum().sum(axis=axis, keepdims=True), V)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: np.isin(x, [2]),
        lambda x: np.pad(x, 1, mode="edge"),
        lambda x: np.pad(x, 1),
        lambda x: np.where(x > 1, x, 0),
        np.ascontiguousarray,
    ],
)
def test_arrays_without_axes_can_be_written(make):
    def f(x):
        y = make(x * 1)
        y[...] = 1
        return y

    check(f, np.array(2.0))


def test_scalars_lack_what_numpys_lack():
    for get in (lambda x: x[0].dot(2), lambda x: x[0].mT):
        with pytest.raises(AttributeError, match=r"'numpy\.float64' object has no"):
            run(get, V)
    with pytest.raises(TypeError):
        run(lambda x: x[0] @ x[1], V)


def test_broadcast_arrays_of_the_full_shape_can_be_written():
    def f(x):
        v = x * 1
        seen = np.broadcast_arrays(x[0], v)[1]
        v += 1
        seen *= 2
        return v, seen

    check(f, np.ones((2, 2)))


# Numbers and dtypes


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", "u1", "i8"])
@pytest.mark.parametrize("deg", [False, True])
def test_angles_have_the_sign_of_zero(dtype, deg):
    x = np.array([0.0, -0.0, 1.0, -3.0]).astype(dtype)
    if dtype != "u1":
        check(lambda x: np.angle(x, deg), x)
    check(lambda x: np.angle(x[2:3], deg), x)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_degrees_and_radians_are_equal_to_the_bit(dtype):
    x = np.linspace(-700, 700, 999).astype(dtype)
    check(lambda x: (np.degrees(x), np.radians(x), np.rad2deg(x), np.deg2rad(x)), x)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 2.0, True, np.int64(2)])
@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "f4"])
def test_powers_of_numbers(dtype, exponent):
    x = np.array([1, 0, 2]).astype(dtype)
    check(lambda x: (x**exponent, x[0] ** exponent, np.power(x, exponent)), x)
    check(lambda x: x**exponent, np.array(1).astype(dtype))


def test_powers_by_arguments_are_guarded():
    x = np.array([1, 2, 3])
    check(lambda x, n: (x**n, x.astype(np.int8) ** n, np.power(x, len(x))), x, 3)
    found = traced(lambda x, n: x**n, x, 3)
    assert serves(found, lambda x, n: x**n, x, 5)
    assert not serves(found, lambda x, n: x**n, x, -1)
    check(lambda x: x ** np.array([0, 1, 2]), x)
    check(lambda x: x**-1, np.zeros(0, np.int32))
    with pytest.raises(ValueError, match="negative power"):
        run(lambda x, n: x**-1, x, 3)


def test_integers_round_to_tens():
    x = np.array([126, -15, 25, 5])
    check(lambda x: (np.round(x, -1), x.round(-2), np.round(x, 2)), x)
    check(lambda x: x.round(-1), x.astype(np.int16))


@pytest.mark.parametrize("dtype", ["?", "u1", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize("kind", ["?", "u1", "i4", "i8", "f4", "f8"])
def test_reductions_into_an_array_of_another_dtype(dtype, kind):
    x = np.array([[1, 0, 3], [2, 5, 250]]).astype(dtype)
    for reduce in (np.sum, np.prod, np.max, np.min, np.any, np.argmax, np.add.reduce):

        def f(x, reduce=reduce):
            out = np.zeros(x.shape[1], kind)
            reduce(x, axis=0, out=out)
            return out

        try:
            f(x)
        except TypeError:
            with pytest.raises(TypeError):
                run(f, x)
        else:
            check(f, x)


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f4"])
@pytest.mark.parametrize("number", [1, 1.0, True, 0.5, -1, 300, np.int64(1)])
@pytest.mark.parametrize("rule", ["no", "equiv", "safe", "same_kind", "unsafe"])
def test_copyto_casts_python_numbers_as_numpy_does(dtype, number, rule):
    def f(x):
        y = x.copy()
        np.copyto(y, number, casting=rule)
        return y

    x = np.ones(3, dtype)
    try:
        f(x)
    except (TypeError, OverflowError) as error:
        with pytest.raises(type(error)):
            run(f, x)
    else:
        check(f, x)


def test_bounds_of_clip_beyond_the_dtype():
    x = np.array([0, 5, 200], np.uint8)
    check(lambda x: (x.clip(-3, 100), x.clip(1, 300), x.clip(-5, 999)), x)
    check(lambda x, n: np.clip(x, n, 100), x, -3)
    for low, high in ((3, -3), (300, 400)):
        with pytest.raises(NumberRangeError):
            run(lambda x, low=low, high=high: np.clip(x, low, high), x)


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_integers_filled_with_no_number_are_what_numpy_makes_them():
    check(lambda x: np.full_like(x, np.nan), np.ones(2, int))
    check(lambda x: np.full(2, -np.inf, x.dtype), np.ones(2, int))


def test_ranges_of_bools_have_two_numbers():
    check(lambda x: np.arange(len(x), dtype=bool), np.ones(2))
    with pytest.raises(StructureError, match="bools have two numbers"):
        run(lambda x: np.arange(len(x), dtype=bool), np.ones(3))


@pytest.mark.parametrize("q", [0.0, 0.25, 1.0, 0.7])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4"])
def test_quantiles_by_arguments_and_arrays(dtype, q):
    x = np.array([3, 1, 4, 1, 5]).astype(dtype)
    check(lambda x, q: (np.quantile(x, q), np.percentile(x, 100 * q)), x, q)
    for places in (np.array([q, 0.5]), np.array([q, 0.5], np.float32)):
        check(lambda x, q: np.quantile(x, q, axis=0), x, places)


def test_quantiles_outside_their_range_are_errors():
    for q in (1.5, -0.1, np.nan):
        with pytest.raises(ValueError, match="outside its range"):
            run(lambda x, q=q: np.quantile(x, q), V)
        with pytest.raises(ValueError, match="outside its range"):
            run(lambda x, q: 1 * np.quantile(x, q), V, q)
        with pytest.raises(IndexOutOfBoundsError):
            run(lambda x, q: 1 * np.quantile(x, q), V, np.array([0.5, q]))


# Shapes


def test_a_quotient_with_a_known_remainder_gives_the_size():
    def f(x):
        rows = x.reshape(-1, 2)
        total = 0
        for row in rows:
            total = total + row
        return rows, total

    check(f, np.arange(4.0))
    assert "n == 4" in map(str, traced(f, np.arange(4.0)).function.guards)

    def g(x):
        v = x.copy()
        w = v.reshape(-1, 2)
        w[...] = w.T
        return v

    check(g, np.arange(4))


def test_a_size_of_reshape_may_be_an_argument_of_minus_one():
    def f(x, rows, columns):
        return x.reshape(rows, columns)

    x = np.arange(8.0)
    check(f, x, -1, 4)
    check(f, x, 2, -1)
    check(f, x, 2, 4)
    assert serves(traced(f, x, -1, 4), f, np.arange(12.0), -1, 4)
    with pytest.raises(ValueError, match="more than one"):
        run(f, x, -1, -1)


def test_contiguous_arrays_are_shared():
    def f(x):
        v = x + 1
        row = np.ascontiguousarray(v[None])
        turned = np.ascontiguousarray(v.reshape(2, 4).T)
        v += 1
        row[0, 0] = 9
        turned[0] = 7
        return v, row, turned

    check(f, np.arange(8.0))


def test_a_quotient_that_is_known_stays_known_when_sizes_become_equal():
    def f(b, w):
        half = np.array_split(b, 2, -1)[0]
        total = w + half
        np.dot(b, half)
        return total

    check(f, np.ones((2, 2)), np.ones((2, 3)))


def test_indexing_by_an_array_without_axes_copies():
    def f(x, i):
        y = x * 1
        copy = y[np.array(-1)]
        view = y[np.int64(1)]
        y += 1
        y[np.array(0)] += 5
        return copy, view, y

    check(f, np.ones((3, 2)), 1)


# What is refused, and how


def test_where_takes_arrays_of_bools_alone():
    x = np.array([1, 0, 2])
    for reduce in (np.sum, np.mean, np.var, np.any):
        with pytest.raises(TypeError):
            run(lambda x, reduce=reduce: reduce(x, where=x), x)
        check(lambda x, reduce=reduce: reduce(x, where=[1, 0, 1]), x)
        check(lambda x, reduce=reduce: reduce(x, where=1), x)


def test_results_that_nest_too_deep():
    def f(x):
        y = x
        for _ in range(5000):
            y = [y]
        return y

    with pytest.raises(StructureError, match=r"(?s)test_corners.*levels deep"):
        run(f, V)


def test_floats_are_no_index():
    for key in (1.0, np.float64(1), "a"):
        with pytest.raises(IndexTypeError, match="is no index"):
            run(lambda x, key=key: x[key], V)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.mgrid[: len(x), :3], r"numpy\.mgrid of .*\n.*np\.indices"),
        (lambda x: np.ogrid[: len(x)], r"numpy\.ogrid of"),
        (lambda x: np.r_[x, 1], r"numpy\.r_ of"),
        (lambda x: np.c_[x, x], r"numpy\.c_ of"),
        (lambda x: list(np.nditer(x)), r"numpy\.nditer is not supported"),
        (lambda x: x.view(np.int64), r"ndarray\.view is not supported"),
    ],
)
def test_refusals_are_ours(function, message):
    with pytest.raises(UnsupportedError, match=f"(?s){message}"):
        run(function, V)


def test_grids_of_constants_are_arrays():
    check(lambda x: (np.mgrid[:2, :3] + x[0], np.r_[1, 2] * x[1], np.s_[1:]), V)


def test_a_traced_bool_as_a_count_is_known_too_late():
    for function in (
        lambda x: np.arange(np.array_equal(x, -x)),
        lambda x: list(range((x > 1).all())),
    ):
        with pytest.raises(TraceError, match="known only when"):
            run(function, V)


def test_members_of_enumerations_are_keys():
    class Plain(enum.Enum):
        A = 1

    class Integer(enum.IntEnum):
        A = 1
        B = 2

    class Text(enum.StrEnum):
        A = "a"

    for member in (Plain.A, Text.A, Integer.A):
        check(lambda x, m: (x * 2 if m is type(m).A else x, m), V, member)

    def scaled(x, factor):
        return x * factor, x[factor]

    check(scaled, V, Integer.B)
    found = traced(scaled, V, Integer.B)
    assert not serves(found, scaled, V, Integer.A)


def test_expressions_of_several_lines_have_a_column():
    def f(x):
        y = x[:2]
        return 2 * (y *
                    2 + x)  # fmt: skip

    with pytest.raises(ValueError, match="cannot broadcast") as caught:
        run(f, V)
    line, caret = str(caught.value).splitlines()[2:4]
    assert line.endswith("return 2 * (y *")
    assert caret.index("^") == line.index("y *")
    assert caret.count("^") == len("y *")
