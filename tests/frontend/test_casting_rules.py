"""The rules of ``casting=`` where a dtype is asked for: as NumPy's."""

import numpy as np
import pytest

import penstock as ps
from tests.frontend.running import check, check_refused

X = np.arange(3)
RULES = ("no", "equiv", "safe", "same_kind", "unsafe")
JOINING = (np.concatenate, np.stack, np.vstack, np.hstack)


@pytest.mark.parametrize("join", JOINING)
def test_joining_in_a_dtype_casts_within_the_kind(join):
    check_refused(lambda x: join([x, x * 1.5], dtype=int), X)
    check_refused(lambda x: join([x, x - 3], dtype=np.uint8), X)
    check_refused(lambda x: join([x, x * 1.5], casting="no"), X)
    check(lambda x: join([x, x * 1.5], dtype=int, casting="unsafe"), X)
    check(lambda x: join([x, x * 1.5], dtype=np.float32), X)
    check(lambda x: join([x, x * 1.5], casting="safe"), X)


def test_joining_into_an_array():
    def join(x, casting):
        return np.concatenate([x, x * 1.5], out=np.zeros(6, int), casting=casting)

    check_refused(lambda x: join(x, "same_kind"), X)
    check(lambda x: join(x, "unsafe"), X)


@pytest.mark.parametrize("casting", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8])
@pytest.mark.parametrize("spec", ["i,i", "i,i->i", "i->", "i,i,i->i"])
def test_products_in_a_dtype(spec, dtype, casting):
    def f(x):
        parts = [x * 1.5] * len(spec.partition("->")[0].split(","))
        return np.einsum(spec, *parts, dtype=dtype, casting=casting)

    allowed = np.can_cast(np.float64, dtype, casting)
    (check if allowed else check_refused)(f, X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_products_into_an_array(dtype):
    """An array for the result takes part in the dtype that is computed in."""

    def f(x):
        return np.einsum("i,i->i", x, x, out=np.zeros(3, dtype))

    check(f, np.array([100, 50, 3], np.int8))
    allowed = dtype is np.float64
    (check if allowed else check_refused)(f, X * 1.5)


@pytest.mark.parametrize("casting", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("name", ["matmul", "vecdot"])
def test_matrix_products_in_a_dtype(name, dtype, casting):
    product = getattr(np, name)

    def f(x):
        return product(x * 1.5, x * 1.0, dtype=dtype, casting=casting)

    allowed = np.can_cast(np.float64, dtype, casting)
    (check if allowed else check_refused)(f, X)


def test_the_loop_of_a_matrix_product_can_be_named():
    check(lambda x: np.matmul(x * 1.5, x, signature="ff->f"), X)
    check(lambda x: np.matmul(x > 0, x > 1), X)
    check(lambda x: np.matmul(x * 1.5, x, out=np.zeros((), np.float32)), X)


def test_clipping_in_a_dtype():
    """It was taken and left unheeded."""
    check_refused(lambda x: np.clip(x * 1.5, 0, 1, dtype=int), X)
    check_refused(lambda x: np.clip(x, 0.5, 1, dtype=int), X)
    check(lambda x: np.clip(x * 1.5, 0, 1, dtype=int, casting="unsafe"), X)
    check(lambda x: np.clip(x, 0, 1.5, dtype=np.float32), X)
    check(lambda x: np.clip(x, None, None, dtype=np.float32), X)
    check(lambda x: np.clip(x * 1.5, 0, 2, out=np.zeros(3, int), casting="unsafe"), X)


def test_choosing_into_an_array_of_any_dtype():
    check(lambda x: np.take(x * 1.5, [0, 2], out=np.zeros(2, int)), X)
    check(lambda x: np.choose(x, [x * 1.5] * 3, np.zeros(3, int), mode="clip"), X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.concatenate([x, x], casting="sensible"),
        lambda x: np.add(x, 1, casting="sensible"),
        lambda x: x.astype(float, casting="sensible"),
        lambda x: np.einsum("i->", x, casting="sensible"),
    ],
)
def test_what_is_no_rule(function):
    check_refused(function, X, error=ValueError)


def test_a_rule_is_named():
    check_refused(lambda x: np.add(x, 1, casting=3), X)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_python_numbers_by_the_strictest_rules(dtype):
    """``resolve_dtypes`` of NumPy 2.4 ends the process for some of these."""
    x = X.astype(dtype)
    for casting in ("no", "equiv"):
        check(lambda x, casting=casting: np.less(x, x + x, casting=casting), x)
        ours = ps.compile(lambda x, casting=casting: np.add(x, 1, casting=casting))
        np.testing.assert_array_equal(ours(x), np.add(x, 1, casting="no"))
        with pytest.raises(TypeError):
            ps.compile(
                lambda x, casting=casting: np.floor_divide(
                    x, 2**40, dtype=np.uint16, casting=casting
                )
            )(x)
