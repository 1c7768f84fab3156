"""Errors of tracing that traced programs catch, and those that NumPy raises too."""

# ruff: noqa: BLE001, PLW0108 (what is tried are functions that catch all)

import contextlib
import functools
import math

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import PenstockError
from penstock.ir.noted_errors import noted_errors
from tests.frontend.running import check

X = np.arange(4.0) + 1


def truth(x):
    try:
        if x[0] > 0:
            return x
    except Exception:
        pass
    return -x


def number(x):
    try:
        return float(x[0]) + x
    except TypeError:
        return x * 0


def function(x):
    with contextlib.suppress(NotImplementedError):
        return np.linalg.inv(np.outer(x, x) + np.eye(4))
    return x


def argument(x):
    try:
        return np.linalg.norm(np.outer(x, x), 2)
    except (TypeError, ValueError):
        return x.sum()


def elements(x):
    try:
        return np.array(x.tolist())
    except PenstockError:
        return x * 2


def greatest(x):
    try:
        return max(x[0], x[1])
    except Exception:
        return x[0]


def logarithm(x):
    try:
        return math.log(x[0]) + x
    except TypeError:
        return x


def clock(x):
    import time

    try:
        return x + time.time()
    except TypeError:
        return x


def another_error(x):
    try:
        return x * int(x[0])
    except TypeError:
        raise ValueError("not a number") from None


def within_a_branch(x):
    return ps.cond(x[0] > 0, truth, lambda x: x, x)


CAUGHT = {
    truth: "truth",
    number: "element",
    function: "unsupported-function",
    argument: "unsupported-argument",
    elements: "element",
    greatest: "truth",
    logarithm: "element",
    clock: "impure-call",
    another_error: "element",
    within_a_branch: "truth",
}


@pytest.mark.parametrize("function", CAUGHT, ids=lambda f: f.__name__)
def test_what_cannot_be_traced_is_an_error_although_it_is_caught(function):
    """NumPy would not raise it, so that catching it would give another result."""
    with pytest.raises(PenstockError) as caught:
        ps.compile(function)(X)
    assert caught.value.code == CAUGHT[function]
    assert caught.value.loc.file == __file__
    # And none of it is kept for the next trace.
    check(lambda x: x * 2, X)


def test_the_message_is_the_last_that_was_made_of_it():
    with pytest.raises(PenstockError, match=r"use np\.maximum"):
        ps.compile(greatest)(X)
    with pytest.raises(PenstockError, match=r"use np\.log"):
        ps.compile(logarithm)(X)


def test_a_transform_within_a_compiled_function_finds_it_too():
    with pytest.raises(PenstockError, match="truth of traced"):
        ps.grad(lambda x: truth(x).sum())(X)
    with pytest.raises(PenstockError, match="truth of traced"):
        ps.compile(lambda x: ps.vmap(truth)(x))(np.ones((2, 4)))


def shape(x):
    try:
        return x.reshape(3, 3)
    except ValueError:
        return x * 2


def index(x):
    try:
        return x[7]
    except IndexError:
        return x[0]


def size_one(x):
    try:
        return float(x) + x
    except TypeError:
        return x


def many_truths(x):
    try:
        return x if x > 0 else -x
    except ValueError:
        return x * 3


def operands(x):
    try:
        return x + None
    except TypeError:
        return x


def read_only(x):
    y = np.broadcast_to(x + 1, (2, 4))
    try:
        y[0] = 1
    except ValueError:
        return x
    return y


def attributes(x):
    return x * getattr(x, "unit", 2.0) if not hasattr(x, "name") else x


def axes(x):
    try:
        return x.sum(axis=3)
    except np.exceptions.AxisError:
        return x
    except ValueError:
        return x * 2


@pytest.mark.parametrize(
    "function", [shape, index, size_one, many_truths, operands, read_only, attributes]
)
def test_what_numpy_raises_too_is_caught_as_there(function):
    check(function, X)
    np.testing.assert_array_equal(ps.compile(function)(X), function(X))


def test_functions_whose_attributes_have_no_view_are_traced():
    """Reading such an attribute is an error; that it is there is none."""

    def helper(x):
        return x + 1

    helper.cache = functools.lru_cache
    helper.pattern = memoryview(b"ab")
    np.testing.assert_array_equal(ps.compile(lambda x: helper(x))(X), X + 1)


def test_errors_are_noted_for_whoever_traces_around():
    with noted_errors() as noted:
        with contextlib.suppress(PenstockError):
            ps.compile(truth)(X)
        assert [error.code for error in noted] == ["truth"]
    assert noted == []


class TooLongError(Exception):
    """An error of a user's, with fields of its own."""

    def __init__(self, size, shape):
        super().__init__(size)
        self.where = {"shape": [shape]}


def test_errors_of_the_users_say_numbers():
    @ps.compile
    def refuse(x, n, r):
        raise TooLongError((len(x), n + 1, r), x.shape)

    with pytest.raises(TooLongError) as raised:
        refuse(np.ones((4, 2)), 5, 2.5)
    assert raised.value.args == ((4, 6, 2.5),)
    assert raised.value.where == {"shape": [(4, 2)]}
    assert all(type(n) in (int, float) for n in raised.value.args[0])


def test_a_missing_key_is_a_number():
    with pytest.raises(KeyError) as raised:
        ps.compile(lambda x, n: x * {1: 2.0}[n])(np.ones(3), 7)
    assert raised.value.args == (7,)
    assert type(raised.value.args[0]) is int


def test_errors_of_the_users_say_the_types_of_arrays():
    @ps.compile
    def refuse(x):
        raise ValueError("bad", x, [x.sum()])

    with pytest.raises(ValueError, match="bad") as raised:
        refuse(np.ones((3, 2)))
    assert raised.value.args == ("bad", "<traced f64[n,m]>", ["<traced f64[]>"])
