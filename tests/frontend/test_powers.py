"""Powers of floats, the easy ones above all, in each way of writing them."""

import ml_dtypes
import numpy as np
import pytest

import penstock as ps
from tests.frontend.running import assert_same, run, serves, traced

AWKWARD = [-np.inf, -0.0, np.inf, 0.0, np.nan, -2.0, 3.25, 1.0]
EXPONENTS = [2.0, 0.5, -1.0, 1.0, 0.0, 2, -1, 1, 0]


def in_place(x, p):
    x = x.copy()
    x **= p
    return x


WAYS = {
    "operator": lambda x, p: x**p,
    "power": np.power,
    "float_power": np.float_power,
    "in place": in_place,
    "by f64": lambda x, p: x ** np.float64(p),
    "by f32": lambda x, p: x ** np.float32(p),
    "by an array without axes": lambda x, p: x ** np.array(p, x.dtype),
    "by as many": lambda x, p: x ** np.full_like(x, p),
    "of an element": lambda x, p: [element**p for element in x],
    "of an element by f64": lambda x, p: [element ** np.float64(p) for element in x],
    "power of an element": lambda x, p: [np.power(element, p) for element in x],
    "of an array without axes": lambda x, p: [x[i : i + 1].reshape(()) ** p
                                              for i in range(len(x))],
}  # fmt: skip


def by_constant(function, exponent):
    return lambda x: function(x, exponent)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "bfloat16"])
@pytest.mark.parametrize("way", WAYS)
def test_easy_powers_are_numpys(way, dtype):
    """As constants, and as arguments."""
    function = WAYS[way]
    x = np.array(AWKWARD, ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    for exponent in EXPONENTS:
        if dtype == "bfloat16" and way == "in place" and isinstance(exponent, float):
            continue  # an f32, which is not written into it
        with np.errstate(all="ignore"):
            expected = function(x, exponent)
        agree(run(by_constant(function, exponent), x), expected)
        if "by" not in way:
            agree(run(function, x, exponent), expected)


def agree(got, expected):
    """Of one dtype, with one sign, and as near as powers are."""
    parts = (got, expected) if isinstance(expected, list) else ([got], [expected])
    for one, other in zip(*parts, strict=True):
        assert one.dtype == other.dtype
        left, right = np.asarray(one, "f8"), np.asarray(other, "f8")
        near = 2e-16 * 2 ** (52 - ml_dtypes.finfo(one.dtype).nmant)
        np.testing.assert_allclose(left, right, rtol=2 * near)
        signs = np.signbit(left) == np.signbit(right)
        assert np.all(signs | np.isnan(left))


def test_squares_reciprocals_and_roots_are_exact():
    x = np.abs(np.random.default_rng(3).normal(size=999)).astype("f4")
    for exponent in (2.0, 0.5, -1.0, 2, -1):
        assert_same(run(WAYS["operator"], x, exponent), x**exponent)
        assert_same(run(WAYS["power"], x, exponent), x**exponent)


def test_easy_exponents_of_the_caller_are_guarded():
    f, x = WAYS["operator"], np.array(AWKWARD)
    found = traced(f, x, 0.7)
    assert serves(found, f, x, 3.5)
    assert not any(serves(found, f, x, easy) for easy in (2.0, 0.5, -1.0))
    compiled = ps.compile(f)
    for exponent in (0.7, 2.0, 0.5, -1.0, 0.3, 2.5, 0.5, 3.0):
        with np.errstate(all="ignore"):
            expected = f(x, exponent)
        np.testing.assert_allclose(compiled(x, exponent), expected, rtol=1e-14)
    assert compiled.stats().variants == 4


def test_a_power_as_exponent_pins_nothing():
    """No guard can hold what it is, so it is not asked."""

    def f(x, p):
        return x ** (p**1.5)

    found = traced(f, np.ones(3), 0.7)
    assert serves(found, f, np.ones(3), 1.9)
