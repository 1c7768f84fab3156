"""``np.pad`` in all modes, beside NumPy's."""

import re
from itertools import product

import numpy as np
import pytest

import penstock as ps
from tests.frontend.running import check, check_refused
from tests.sweeps import one_in

random = np.random.default_rng(3)
A = random.normal(size=(3, 4))
V = random.normal(size=6)
WHOLE = random.integers(-9, 9, (3, 4))
STATISTICS = ["mean", "median", "maximum", "minimum"]


def agree(x, width, **options):
    wanted = np.pad(x, width, **options)
    found = ps.compile(lambda x: np.pad(x, width, **options))(x)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-6 if x.itemsize < 8 else 1e-13)


OF_DTYPES = [A, A.astype(np.float32), WHOLE, WHOLE.astype(np.uint8), A > 0]


@pytest.mark.parametrize(("mode", "x"), one_in(4, product(STATISTICS, OF_DTYPES)))
def test_statistics_of_elements_near_the_border(mode, x):
    agree(x, 2, mode=mode)
    agree(x, ((0, 1), (2, 0)), mode=mode, stat_length=2)
    agree(x, ((1, 2), (3, 1)), mode=mode, stat_length=((1, 2), (3, 100)))


@pytest.mark.parametrize("x", [A, A.astype(np.float32), WHOLE, WHOLE.astype(np.uint8)])
def test_ramps(x):
    agree(x, 2, mode="linear_ramp")
    agree(x, ((3, 1), (0, 2)), mode="linear_ramp", end_values=((1, 2), (3, 4)))
    agree(x, 0, mode="linear_ramp", end_values=3)


REFLECTED = [
    (V, 2), (V, (1, 14)), (V, (14, 1)), (V[:2], (3, 9)), (V[:1], 2),
    (A, ((1, 5), (9, 0))), (WHOLE.astype(np.uint8), 4), (A > 0, 6),
]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "mode", "kind"),
    one_in(3, product(REFLECTED, ["reflect", "symmetric"], ["even", "odd"])),
)
def test_reflections(case, mode, kind):
    x, width = case
    agree(x, width, mode=mode, reflect_type=kind)


def test_what_is_refused():
    for options, words in [
        ({"mode": "edge", "stat_length": 2}, "takes no stat_length="),
        ({"reflect_type": "odd"}, "takes no reflect_type="),
        ({"mode": "maximum", "stat_length": 0}, "stat_length=0 has no maximum"),
        ({"mode": "mean", "stat_length": -1}, "stat_length= is negative"),
        ({"mode": "reflect", "reflect_type": "both"}, "neither 'even' nor 'odd'"),
    ]:
        with pytest.raises(ValueError, match=re.escape(words)):
            ps.compile(lambda x, options=options: np.pad(x, 1, **options))(V)


@pytest.mark.parametrize("mode", [*STATISTICS, "linear_ramp", "reflect"])
def test_derivatives_batches_and_sizes(mode):
    def function(x):
        return np.pad(x, (2, len(x)), mode=mode)

    ps.check_grads(function, (V,), order=1)
    rows = np.stack([V, V[::-1] ** 2])
    found = ps.vmap(function)(rows)
    np.testing.assert_allclose(found, [function(row) for row in rows], rtol=1e-13)
    compiled = ps.compile(function)
    for size in (5, 6, 40):
        x = random.normal(size=size)
        np.testing.assert_allclose(compiled(x), function(x), rtol=1e-12)
    assert compiled.stats().variants <= 2


@pytest.mark.parametrize("dtype", ["i1", "i8"])
@pytest.mark.parametrize("number", [np.nan, np.inf, 1e30])
def test_constants_of_integers_have_to_fit(dtype, number):
    """They were converted unsafely: nan to the least integer."""
    error = (ValueError, OverflowError)
    for values in (number, (number, 1), np.array(number), np.float64(number)):
        check_refused(
            lambda x, values=values: np.pad(x, 1, constant_values=values),
            np.arange(3, dtype=dtype),
            error=error,
        )


def test_integer_constants_wrap_in_unsigned_dtypes_alone():
    x = np.arange(3)

    def f(x):
        return np.pad(x, 1, constant_values=300), np.pad(x, 1, constant_values=-1)

    check(f, x.astype("u1"))
    check(f, x)
    check(lambda x: np.pad(x, 1, constant_values=2.7), x)
    check_refused(f, x.astype("i1"), error=OverflowError)


def test_numbers_of_the_caller_have_to_fit_when_the_program_runs():
    def f(x, fill):
        return np.pad(x, 1, constant_values=fill)

    x = np.arange(3, dtype=np.int8)
    compiled = ps.compile(f)
    for fill in (-128.9, 127.9, 5.0):
        wanted = f(x, np.array(fill))
        np.testing.assert_array_equal(compiled(x, np.array(fill)), wanted)
        np.testing.assert_array_equal(compiled(x, fill), wanted)
    for fill in (np.nan, np.inf, 128.0, -129.0):
        for number in (np.array(fill), fill):
            with pytest.raises((ValueError, OverflowError)):
                f(x, number)
            with pytest.raises((ValueError, OverflowError), match=r"fit|nan"):
                compiled(x, number)
    for fill in (np.array(300), np.array(-129)):
        with pytest.raises(ValueError, match="fit"):
            compiled(x, fill)
    assert compiled(x.astype("u1"), np.array(300))[0] == 44
