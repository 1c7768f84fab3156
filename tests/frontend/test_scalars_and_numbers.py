"""Operators between NumPy scalars of the traced program and Python's numbers."""

import operator

import numpy as np
import pytest

from penstock.ir.errors import UnsupportedError
from tests.frontend.running import assert_same, check, run, serves, traced

OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "divmod": divmod,
    "pow": operator.pow,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
}

# Each takes the array whose length is the size 3, and an int and a float argument.
NUMBERS = {
    "argument_int": lambda v, count, rate: count,
    "argument_float": lambda v, count, rate: rate,
    "computed_float": lambda v, count, rate: rate / 2 + 1,
    "size": lambda v, count, rate: len(v),
    "quotient_of_sizes": lambda v, count, rate: len(v) / 2,
    "literal_int": lambda v, count, rate: 3,
    "literal_float": lambda v, count, rate: 2.5,
    "literal_bool": lambda v, count, rate: True,
    "numpy_float64": lambda v, count, rate: np.float64(2.5),
    "numpy_int32": lambda v, count, rate: np.int32(3),
}
DTYPES = ("f8", "f4", "i8", "u1", "?")
NOT_YET = ("shift-count",)


def hold_against_numpy(function, *args):
    """The same result or the same kind of error; a refusal must be a known one."""
    try:
        with np.errstate(all="ignore"):
            expected = function(*args)
    except (TypeError, OverflowError, ValueError) as error:
        with pytest.raises(type(error)):
            run(function, *args)
        return
    try:
        got = run(function, *args)
    except UnsupportedError as error:
        if error.code not in NOT_YET:
            raise
        return
    assert_same(got, expected, ulp=4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_take_numbers_on_either_side(name, dtype):
    apply = OPERATORS[name]
    v = np.array([1, 2, 3]).astype(dtype)
    for number in NUMBERS.values():
        hold_against_numpy(lambda v, n, r, g=number: apply(g(v, n, r), v[1]), v, 2, 0.5)
        hold_against_numpy(lambda v, n, r, g=number: apply(v[1], g(v, n, r)), v, 2, 0.5)


@pytest.mark.parametrize("name", OPERATORS)
def test_numbers_of_the_caller_meet_numpys_own(name):
    apply = OPERATORS[name]
    for number in (np.float64(2.5), np.float32(2.5), np.int32(3), np.int64(3)):
        for own in NUMBERS.values():
            if isinstance(own(np.ones(3), 2, 0.5), (bool, np.generic)):
                continue
            hold_against_numpy(
                lambda v, n, r, g=own, s=number: (v, apply(g(v, n, r), s)),
                np.ones(3), 2, 0.5,
            )  # fmt: skip
            hold_against_numpy(
                lambda v, n, r, g=own, s=number: (v, apply(s, g(v, n, r))),
                np.ones(3), 2, 0.5,
            )  # fmt: skip


def test_a_float64_does_not_promote_as_a_python_number_does():
    def f(x, r):
        return x * (r * np.float64(2)), x * (r * 2.0), x * (len(x) * np.float64(2))

    check(f, np.ones(3, np.float32), 0.5)


def test_questions_about_numbers_and_a_float64_are_guards():
    def f(x, r):
        return x if r > np.float64(0) and len(x) > np.float64(1.5) else -x

    found = traced(f, np.ones(3), 0.5)
    assert serves(found, f, np.ones(2), 0.25)
    assert not serves(found, f, np.ones(1), 0.5)
    assert not serves(found, f, np.ones(3), -0.5)


def test_lists_of_numbers_and_scalars():
    def f(x, r):
        return np.array([len(x) / x.sum(), r - x[0], 1 - x.mean()])

    check(f, np.array([1.0, 2.0, 4.0]), 0.5)
