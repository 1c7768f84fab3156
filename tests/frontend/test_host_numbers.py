"""Sizes and Python numbers of the caller: arithmetic, questions, guards."""

import math

import numpy as np
import pytest

from penstock.ir.errors import NumberRangeError
from penstock.runtime.binding import Binder
from tests.frontend.arrays import X
from tests.frontend.running import assert_same, check, execute, serves, traced


def guards(function, *args):
    return [str(guard) for guard in traced(function, *args).function.guards]


def test_integer_arithmetic_is_pythons():
    def f(n, m):
        return (
            n + 1,
            1 + n,
            n - m,
            3 - n,
            n * m,
            2 * n,
            n // 2,
            7 // n,
            n % 3,
            -7 % n,
            divmod(n, 2),
            divmod(9, n),
            -n,
            +n,
            abs(n),
            abs(-n),
            n**2,
            n**0,
            2**n,
            n**m,
            n << 2,
            n >> 1,
            1 << n,
            n & 1,
            n | 8,
            n ^ 3,
            ~n,
            round(n),
            math.floor(n),
            math.ceil(n),
            math.trunc(n),
            n.bit_length(),
            n.real,
            n.imag,
            n.numerator,
            max(n, m),
            min(n, 3),
            sum([n, m]),
            math.prod([n, m, 2]),
            pow(n, 2, 5),
            n.conjugate(),
            n.denominator,
        )

    for n, m in ((5, 2), (3, 4), (1, 1), (12, 3)):
        check(f, n, m)


def test_one_trace_serves_all_integers_that_are_not_asked_about():
    def f(x, n):
        return x * n, n * 2 + 1, x.shape[0] * n - 3, (n, "n"), n // 4, n % 4

    found = traced(f, X, 5)
    assert found.function.guards == ()
    for n in (0, -7, 10**9):
        assert serves(found, f, X, n)
        assert_same(execute(found, Binder.of(f).bind((X, n), {})), f(X, n))


def test_questions_about_integers_become_guards():
    assert guards(lambda x, n: x if n > 5 else -x, X, 7) == ["n > 5"]
    assert guards(lambda x, n: x if n > 5 else -x, X, 3) == ["n <= 5"]
    assert guards(lambda x, n: x if n else -x, X, 3) == ["n != 0"]
    assert guards(lambda x, n: [x] * n, X, 2) == ["n == 2"]
    assert guards(lambda x, n: {2: x}[n], X, 2) == ["n == 2"]
    assert guards(lambda x, n: f"{n}", X, 2) == ["n == 2"]
    assert guards(lambda x, n: [x + i for i in range(n)], X, 2) == ["n == 2"]
    assert guards(lambda x: x if x.shape[0] == x.shape[1] else -x, X) == ["n != m"]
    assert guards(lambda x: x.sum() / len(x), X) == []
    assert guards(lambda x: [*x], X) == ["n == 3"]
    assert guards(lambda x, n: x if n in (1, 2) else -x, X, 2) == ["n != 1", "n == 2"]


def test_a_question_asked_twice_is_one_guard():
    assert guards(lambda x, n: (n > 2, n > 2, n > 1, n >= 3), X, 5) == ["n > 2"]
    assert guards(lambda x, y: (x + y) * (x - y) + y, X, X) == ["n == k", "m == p"]


def test_sizes_keep_clear_of_integer_arguments():
    found = traced(lambda x, n, m: x * n * m, X, 2, 3)
    assert found.function.integers == ("n", "m")
    assert str(found.function.parameters[0].type) == "f32[k,p]"


def test_float_arithmetic_is_pythons():
    def f(a, n):
        return (
            a + 1,
            1 - a,
            a * 2,
            1 / a,
            a / 3,
            -a,
            +a,
            abs(a),
            abs(-a),
            a + n,
            n / a,
            n * a,
            a**2,
            a**n,
            a**0.5,
            2**a,
            a // 0.3,
            a % 0.3,
            divmod(a, 0.25),
            a.real,
            a.imag,
            int(a),
            round(a, 1),
            math.floor(a),
            math.ceil(a),
            math.sqrt(a),
            a.is_integer(),
            a.hex(),
            a.as_integer_ratio(),
            (-a) ** 2,
            f"{a:.2f}",
            str(a),
            bool(a),
            a == a,
            a != 1,
            a < n,
            a >= 0.5,
            max(a, 0.1),
            n / 2,
            float(n),
            n * 0.5,
            3 // a,
            7.0 % a,
        )

    for a, n in ((0.5, 3), (2.25, 2), (1.0, 5)):
        check(f, a, n)


def test_floats_are_run_time_values():
    def f(x, rate, n):
        return x * rate, x + rate / n, rate * 2 - 1, rate**x, np.float64(2) * rate, rate

    found = traced(f, X, 0.5, 3)
    assert [str(guard) for guard in found.function.guards] == ["n != 0"]
    for rate in (0.25, -3.0, 1e300):
        got = execute(found, Binder.of(f).bind((X, rate, 3), {}))
        with np.errstate(all="ignore"):
            assert_same(got, f(X, rate, 3))


def test_questions_about_floats_become_guards():
    def f(x, rate):
        return x * 2 if rate > 0.5 else x

    found = traced(f, X, 0.7)
    assert [str(guard) for guard in found.function.guards] == ["%rate > 0.5"]
    assert serves(found, f, X, 0.6)
    assert not serves(found, f, X, 0.4)
    assert not serves(found, f, X, math.nan)
    found = traced(f, X, math.nan)
    assert serves(found, f, X, 0.4)
    assert serves(found, f, X, math.nan)


def test_what_guards_cannot_hold_pins_the_argument():
    def f(x, beta, t):
        return x if 1 - beta**t > 0.5 else -x

    found = traced(f, X, 0.5, 3)
    assert serves(found, f, X, 0.5, 3)
    assert not serves(found, f, X, 0.5, 4)
    assert not serves(found, f, X, 0.6, 3)


def test_decay_rates_need_no_guards_beyond_signs():
    def f(x, beta, t):
        return x / (1 - beta**t)

    found = traced(f, X, 0.9, 3)
    assert serves(found, f, X, 0.9, 100)
    got = execute(found, Binder.of(f).bind((X, 0.8, 100), {}))
    np.testing.assert_allclose(got, f(X, 0.8, 100), rtol=1e-6)


def test_division_by_zero_is_pythons_error():
    for function in (
        lambda n: 1 // n,
        lambda n: 1 % n,
        lambda n: 1 / n,
        lambda n: divmod(1, n),
        lambda n: 1.5 // n,
    ):
        with pytest.raises(ZeroDivisionError):
            traced(function, 0)
        found = traced(function, 2)
        assert not serves(found, function, 0)


def test_numbers_pass_for_pythons_own():
    def f(n, a):
        return (
            isinstance(n, int),
            isinstance(a, float),
            isinstance(n, float),
            np.isscalar(n),
            callable(n),
            hash(n) == hash(int(n)),
            n == float(n),
        )

    check(f, 4, 2.5)


def test_halves_of_sizes_stay_symbolic():
    def f(x, n):
        middle = math.floor(n / 2) + math.ceil(n / 2)
        return x[: math.floor(x.shape[0] / 2)], middle - n

    found = traced(f, X, 5)
    for n in (4, 7):
        x = np.zeros((n, 2), np.float32)
        assert serves(found, f, x, n)
        assert_same(execute(found, Binder.of(f).bind((x, n), {})), f(x, n))


def test_numpy_takes_host_numbers():
    def f(x, n, a):
        return (
            np.sqrt(n),
            np.exp(a),
            np.maximum(n, 2),
            np.zeros(n),
            np.full(2, a),
            np.arange(n),
            np.array([n, 2]),
            np.array([a, n]),
            np.array(n),
            np.linspace(0, a, n),
            np.float64(2) * n,
            np.int64(2) * n,
            x / np.prod(x.shape),
            np.array(x.shape) * 2,
            np.sum([n, n]),
            np.eye(n),
            x * np.array(a),
            np.where(x > a, x, a),
            np.clip(x, 0, a),
        )

    check(f, X, 3, 0.5, ulp=1)


def test_integers_fit_the_dtype_that_they_meet():
    def f(x, n):
        return x + n

    x = np.zeros(3, np.uint8)
    found = traced(f, x, 200)
    assert serves(found, f, x, 255)
    assert not serves(found, f, x, 256)
    with pytest.raises(NumberRangeError):
        traced(f, x, 256)
    check(lambda x, n: (x < n, x == n, n >= x), x, 1000)


def test_integers_beyond_64_bits_are_keys():
    check(lambda x, n: x if n > 2**64 else -x, X, 2**70)


def test_sizes_made_of_arrays_of_sizes():
    def f(x):
        rows, columns = np.array(x.shape) // 1
        total = np.prod(x.shape)
        if total > 5 and np.max(x.shape) < 100:
            x = x.reshape(columns, rows)
        return x.reshape(total), np.zeros(np.array(x.shape)[::-1])

    check(f, X)


def quotients(n, m):
    k = n
    for _ in range(200):
        k = (k + m) // 3 + n
    return k


def remainders(n, m):
    k = n
    for _ in range(120):
        k = (k * 3 + 1) // 2 % 7 + m
    return k


def collatz(n, m):
    k, turns = n, 0
    while k != 1:
        k, turns = k // 2 if k % 2 == 0 else 3 * k + 1, turns + m
    return turns


def products(n, m):
    k = n
    for _ in range(60):
        k = (k % 5 + 1) * (n + m)
    return k


@pytest.mark.parametrize("function", [quotients, remainders, collatz, products])
def test_long_formulas_fix_the_integers_in_them(function):
    def f(x, n, m):
        return x + function(n, m)

    assert "n == 27" in guards(f, X, 27, 4)
    for n, m in ((27, 4), (27, 5), (6, 4)):
        check(f, X, n, m)


def test_powers_of_sums_fix_the_integers_in_them():
    def f(x, n, m, k, p):
        total = 1
        for _ in range(100):
            total = total * (n + m + k + p)
        return x * (total + 1)

    assert "n == 1" in guards(f, X, 1, 0, 0, 0)
    check(f, X, 1, 0, 0, 0)


def test_floats_of_many_steps():
    def f(x, a):
        for _ in range(1500):
            a = a * 0.99 + 1.0
        return x + a

    assert guards(f, X, 2.5) == []
    check(f, X.astype(np.float64), 2.5)


def test_questions_about_floats_of_many_steps_fix_them():
    def f(x, a):
        for _ in range(40):
            a = a * a * 0.5 - a if a > 0 else a * a - 0.5
        return x + a

    assert "%a == 1.5" in guards(f, X, 1.5)
    check(f, X.astype(np.float64), 1.5)


def test_powers_with_a_modulus_are_pythons():
    def f(x, n, m):
        return (
            x * pow(3, n, 7),
            pow(n, 3, 7),
            pow(5, n, m),
            pow(n, n, m),
            pow(2, -n, m),
            pow(x.shape[0], 2, 3),
            pow(n, 2),
            pow(base=2, exp=n, mod=5),
            pow(2.0, 3),
        )

    check(f, X, 5, 7)
    for arguments in ((X, 5, 0), (X, 5, 10)):
        for function in (f, lambda *given: traced(f, *given)):
            with pytest.raises(ValueError, match=r"pow\(\)|invertible"):
                function(*arguments)
