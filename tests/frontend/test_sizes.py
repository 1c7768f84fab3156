"""One trace for many sizes: shapes that are split, merged and compared."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ir.dim_terms import in_few_terms
from penstock.ir.dim_text import parse_dim
from penstock.ir.dims import (
    evaluate_dim,
    symbol,
    without_remainders,
)
from penstock.ir.errors import ShapeError
from penstock.ir.guards import Facts, Guard
from penstock.ir.text import format_size
from penstock.runtime.binding import Binder
from tests.frontend.running import assert_same, check, execute, run, serves, traced


def holds_for(function, first, *others):
    """Trace for one array and run the same trace on others."""
    found = traced(function, first)
    for other in others:
        assert serves(found, function, other), found.function.guards
        got = execute(found, Binder.of(function).bind((other,), {}))
        assert_same(got, function(other))
    return [str(guard) for guard in found.function.guards]


def zeros(*shape):
    return np.arange(float(np.prod(shape))).reshape(shape)


def test_an_unknown_size_is_a_quotient():
    guards = holds_for(lambda x: x.reshape(-1, 4), zeros(8), zeros(4), zeros(40))
    assert guards == ["n % 4 == 0"]
    found = traced(lambda x: x.reshape(-1, 4), zeros(8))
    assert not serves(found, lambda x: x, zeros(9))


def test_heads_are_split_and_merged_for_all_sizes():
    def f(x):
        batch, time, width = x.shape
        heads = x.reshape(batch, time, 2, width // 2).transpose(0, 2, 1, 3)
        return heads.transpose(0, 2, 1, 3).reshape(batch, time, width) + x

    guards = holds_for(f, zeros(2, 3, 4), zeros(1, 5, 6), zeros(4, 1, 10))
    assert guards == ["k % 2 == 0"]


def test_merged_axes_split_again():
    def f(x):
        n, m = x.shape
        return x.reshape(-1).reshape(m, n), x.reshape(n, m, 1).reshape(n * m)

    assert holds_for(f, zeros(3, 4), zeros(5, 2), zeros(1, 1)) == []


def test_pooling_in_pairs():
    def f(x):
        n, m = x.shape
        return x.reshape(n // 2, 2, m // 2, 2).mean((1, 3))

    guards = holds_for(f, zeros(4, 6), zeros(2, 2))
    assert sorted(guards) == ["m % 2 == 0", "n % 2 == 0"]


def test_shapes_written_with_the_sizes_of_another_array():
    def heads(q, k, h):
        batch, _, width = q.shape
        q, k = (
            a.reshape(batch, -1, h, width // h).transpose(0, 2, 1, 3) for a in (q, k)
        )
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width // h)
        return (scores @ k).transpose(0, 2, 1, 3).reshape(batch, -1, width)

    found = traced(heads, zeros(2, 5, 8), zeros(2, 5, 8), 2)
    for batch, time, width, h in ((3, 7, 12, 4), (2, 5, 6, 6)):
        args = (zeros(batch, time, width), zeros(batch, time, width), h)
        assert serves(found, heads, *args)
        got = execute(found, Binder.of(heads).bind(args, {}))
        np.testing.assert_allclose(got, heads(*args))
    other = (zeros(2, 5, 8), zeros(2, 5, 4), 2)
    assert not serves(found, heads, *other)


def test_equal_parts_have_equal_sizes():
    def gates(x):
        a, b, c, d = np.split(x, 4, axis=1)
        return a * b + c * d

    assert holds_for(gates, zeros(2, 8), zeros(3, 4), zeros(1, 40)) == ["m % 4 == 0"]


def test_sums_of_sizes():
    def f(x):
        y = np.concatenate([x, x[1:]])
        return y[: x.shape[0]] - x, y.shape[0] - x.shape[0], np.pad(x, 2)[2:-2] * x

    holds_for(f, zeros(5), zeros(2), zeros(9))


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(ShapeError):
        traced(lambda x: x.reshape(-1, 4), zeros(9))
    with pytest.raises(ShapeError):
        traced(lambda x: x.reshape(2, 4), zeros(9))
    with pytest.raises(ShapeError):
        traced(lambda x: x.reshape(0, -1), zeros(9))


def test_equations_that_nothing_solves_fix_the_sizes():
    found = traced(lambda x: x.reshape(2, 6), zeros(3, 4))
    assert serves(found, lambda x: x, zeros(3, 4))
    assert not serves(found, lambda x: x, zeros(4, 3))


def test_broadcasting_asks_for_equality_or_one():
    def f(x, y):
        return x + y

    found = traced(f, zeros(3, 4), zeros(3, 1))
    assert [str(guard) for guard in found.function.guards] == ["n == k", "p == 1"]
    assert serves(found, f, zeros(7, 9), zeros(7, 1))
    assert not serves(found, f, zeros(7, 9), zeros(7, 9))
    with pytest.raises(ShapeError, match=r"\(n\) with \(m\), where n = 3, m = 4"):
        traced(f, zeros(3), zeros(4))


def test_values_made_before_a_guard_are_written_in_its_terms():
    def f(x, y):
        a = x * 2
        b = y * 3
        return a + b, np.zeros(y.shape[0]) + b

    found = traced(f, zeros(3), zeros(3))
    assert {str(value.type) for value in found.function.values} <= {"f64[n]", "f64[]"}
    assert_same(run(f, zeros(3), zeros(3)), f(zeros(3), zeros(3)))


def test_static_sizes_and_numbers_are_constants():
    def f(x, n):
        return x * n

    found = traced(f, zeros(3, 4), 2, static=("x", "n"))
    assert str(found.function.parameters[0].type) == "f64[3,4]"
    assert found.function.integers == ()
    assert not serves(found, f, zeros(3, 5), 2)
    assert not serves(found, f, zeros(3, 4), 3)
    found = traced(f, zeros(3, 4), 2, static=[("x", 1)])
    assert str(found.function.parameters[0].type) == "f64[m,4]"
    assert serves(found, f, zeros(9, 4), 5)


def test_quotients_multiply_out():
    n, h = symbol("n"), symbol("h")
    assert str(4 * (n // 4)) == "n - (n % 4)"
    assert 5 * (n // 4) - n // 4 + n % 4 == n
    assert str(n - 3 * (n // 4)) == "(n % 4) + (n // 4)"
    assert str(h * (n // h)) == "n - (n % h)"
    assert without_remainders(8 * (n // 4)) == 2 * n
    assert parse_dim("4*(n // 4) + n % 4") == n


def test_products_of_quotients_are_printed_in_few_terms():
    n, m, t = (symbol(name) for name in "nmt")
    blocks = ((n // 8) + 127) // 128
    size = 8 * ((m + 7) // 8) * t * blocks
    assert len(size.terms) > 5
    assert format_size(size) == "(8*(((n // 8) + 127) // 128)*((m + 7) // 8)*t)"
    assert parse_dim(format_size(size)) == size


def test_a_size_whose_few_terms_are_another_is_printed_in_many():
    p, q, k = (symbol(name) for name in "pqk")
    size = ((q + 5) // 6) * (k - 2) * ((p + 125) // 128)
    assert parse_dim(str(in_few_terms(size))) != size
    assert parse_dim(format_size(size)) == size


@given(st.integers(0, 10**9))
def test_sizes_in_few_terms_are_what_they_were(seed):
    random = Random(seed)
    values = {name: random.randrange(-40, 200) for name in "nm"}
    sizes = [symbol("n"), symbol("m"), 1]
    for _ in range(random.randrange(1, 8)):
        one, other = random.choice(sizes), random.choice(sizes)
        divisor = random.choice((2, 3, 8))
        made = random.choice(
            (one + other, one - 3 * other, one * other, one // divisor, one % divisor)
        )
        if len(str(made)) < 200:
            sizes.append(made)
    for size in sizes:
        short = in_few_terms(size)
        assert evaluate_dim(short, values) == evaluate_dim(size, values)
        if not isinstance(size, int):
            assert len(short.terms) <= len(size.terms)
            assert parse_dim(format_size(size)) == size


def test_a_size_less_itself_is_nothing():
    n, m, k = (symbol(name) for name in "nmk")
    size = ((n + 1) // 3) * ((m + 1) // 2) * ((k + 1) // 2)
    assert size - size == 0
    assert (size + n) - size == n
    # An index is only a view; it was refused for sizes that were thought to differ.
    holds_for(
        lambda x: x.transpose(1, 0, 2)[:-1:3, None, ::2, ::2],
        zeros(2, 5, 4),
        zeros(3, 7, 5),
    )


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ("n*m - m", True),
        ("n*m - 2*m", True),
        ("n*m - 3*m", None),
        ("-(n*m) + 2*m - 1", False),
        ("-(n*m) + 2*m", None),
        ("n*m*k - 2*m*k", None),
        ("n*m - 2*m + k", None),
        ("(n // 2)*m - m", True),
    ],
)
def test_signs_of_products_of_sizes(size, wanted):
    """Where one of two is at least 2; k may be anything."""
    facts = Facts({"n": 2, "m": 0, "k": None})
    assert facts.decide(parse_dim(size), ">=", 0) is wanted


def test_facts_write_known_remainders_as_numbers():
    n, m = symbol("n"), symbol("m")
    facts = Facts({"n": 0, "m": 0})
    facts.add(Guard(n % 4, "==", 0))
    assert facts.normalize(4 * (n // 4)) == n
    assert facts.decide(n % 4, "==", 0) is True
    facts.add(Guard(n, "==", m))
    assert facts.normalize(4 * (m // 4)) == n
    facts.add(Guard(n * n, "==", 16))
    assert facts.decide(n * n, "==", 16) is True
    assert facts.copy().decide(n * m, "!=", 16) is False


# Sizes that are one size only by what is learnt after they were written.

LEARNT = {
    "remainder": (
        lambda x, y, n: (y == 0)[: n * 3 : 2] * (y == 0)[-x.shape[0] :] + y[:2],
        (np.ones((2, 1)), np.zeros(7), 1),
    ),
    "quotient_that_is_1": (
        lambda c, x, v: np.where(c[::2] > 3, x, v),
        (zeros(1), np.ones((3, 1)), np.ones(10)),
    ),
    "quotient_that_is_0": (
        lambda x, y: y.reshape((x.shape[0], -1)) - x + y,
        (zeros(5, 0), zeros(0)),
    ),
    "quotient_that_is_whole": (
        lambda x, y: y.reshape((x.shape[0], -1)) + y,
        (zeros(1, 5), zeros(5)),
    ),
    "quotient_that_is_divisor": (
        lambda x, y: x.reshape(y.shape[0], -1)[0] + y,
        (zeros(9), zeros(3)),
    ),
    "quotient_by_a_remainder": (
        lambda x, n: x.reshape(n % 3, -1).sum(0) + x[: n * 2].reshape(-1, 2),
        (zeros(4), 2),
    ),
    "quotient_that_is_subtracted": (
        lambda x, n: np.resize(x, (5 - n, x.shape[0] // 2)) + x[:2].reshape(-1, 2),
        (zeros(3), -1),
    ),
    "median_of_nothing": (lambda x: np.median(x, axis=-1), (zeros(0, 1),)),
    "percentile_of_nothing": (lambda x: np.percentile(x, 30, axis=1), (zeros(0, 1),)),
    "reflected_nothing": (
        lambda x, k: np.pad(x, k % k, mode="reflect"),
        (zeros(0, 4), 3),
    ),
    "wrapped_nothing": (lambda x, k: np.pad(x, k % k, mode="wrap"), (zeros(0), 3)),
}


@pytest.mark.parametrize(("function", "args"), LEARNT.values(), ids=LEARNT)
def test_sizes_that_are_learnt_to_be_equal(function, args):
    check(function, *args)


def test_what_replaces_a_symbol_is_replaced_itself():
    facts = Facts({"n": None, "m": 0, "p": 0})
    half = (3 * symbol("n") + 1) // 2
    facts.add(Guard(half, "==", symbol("m") - symbol("p") + 2))
    facts.add(Guard((3 * symbol("n") + 1) % 2, "==", 0))
    assert "%" not in str(facts.normalize(symbol("p")))


def test_sizes_of_long_formulas_become_numbers():
    def f(x):
        for _ in range(40):
            x = np.concatenate([x[::2], x[1::2]])
        return x

    assert "n == 30" in [str(guard) for guard in traced(f, zeros(30)).function.guards]
    for count in (30, 31, 1, 0):
        check(f, zeros(count))


def test_the_size_of_many_arrays_that_are_joined_is_read_back():
    # As everything that is traced here.
    found = traced(lambda *parts: np.concatenate(parts), *map(np.ones, range(2, 152)))
    assert len(str(found.function.results[0].type)) > 400


def test_sizes_that_are_halved_stay_open():
    def f(x):
        for _ in range(8):
            x = x[::2] + 1
        return x

    assert holds_for(f, zeros(300), zeros(301), zeros(1), zeros(0)) == []
