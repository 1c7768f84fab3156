"""Branches and loops on traced values: ``ps.cond``, ``ps.scan`` and their kin."""

import os
import signal
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest

import penstock as ps
from penstock.ir import errors

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def running_sum(x):
    return ps.scan(lambda total, row: (total + row, total), np.zeros(x.shape[1]), x)


def test_scan_carries_and_stacks():
    total, before = ps.compile(running_sum)(X)
    np.testing.assert_array_equal(total, [5, 7, 9])
    np.testing.assert_array_equal(before, [[0, 0, 0], [1, 2, 3]])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layout", ["C", "F", "backwards", "every other"])
def test_scan_over_arrays_of_any_layout(layout, reverse):
    rng = np.random.default_rng(0)
    x = {
        "C": rng.random((7, 3)),
        "F": np.asfortranarray(rng.random((7, 3))),
        "backwards": rng.random((7, 3))[::-1, ::-1],
        "every other": rng.random((14, 6))[::2, ::2],
    }[layout]

    @ps.compile
    def f(x):
        return ps.scan(
            lambda c, r: (c * 0.5 + r, c.sum()), np.ones(3), x, reverse=reverse
        )

    carry, sums = np.ones(3), np.zeros(len(x))
    for i in reversed(range(len(x))) if reverse else range(len(x)):
        sums[i] = carry.sum()
        carry = carry * 0.5 + x[i]
    got = f(x)
    np.testing.assert_array_equal(got[0], carry)
    np.testing.assert_allclose(got[1], sums, rtol=1e-15)


@pytest.mark.parametrize("turns", [0, 1, 5])
def test_one_variant_serves_any_number_of_turns(turns):
    f = ps.compile(running_sum)
    f(X)
    x = np.arange(3.0 * turns).reshape(turns, 3)
    total, before = f(x)
    np.testing.assert_array_equal(total, x.sum(0))
    assert before.shape == x.shape
    assert f.stats().variants == 1


def test_scan_by_length_and_with_nothing_to_stack():
    doubled, nothing = ps.scan(lambda c, _: (c * 2, None), 1, length=10)
    assert doubled == 1024
    assert nothing is None


class State(NamedTuple):
    place: object
    count: object


def test_nested_values_are_carried():
    @ps.compile
    def f(x):
        def step(state):
            moved = {"a": state.place["a"] + x, "b": state.place["b"]}
            return State(moved, state.count + 1)

        start = State({"a": x, "b": None}, 0)
        return ps.while_loop(lambda state: state.count < 4, step, start)

    got = f(X)
    assert type(got) is State
    assert got.count == 4
    assert got.place["b"] is None
    np.testing.assert_array_equal(got.place["a"], 5 * X)


def test_a_while_loop_over_values():
    @ps.compile
    def collatz(n):
        def step(state):
            n, count = state
            n = ps.cond(n % 2 == 0, lambda: n // 2, lambda: 3 * n + 1)
            return n, count + 1

        return ps.while_loop(lambda state: state[0] != 1, step, (n, 0))[1]

    assert collatz(np.int64(27)) == 111
    assert collatz(np.int64(1)) == 0


def test_a_carried_number_takes_the_dtype_that_it_gets():
    assert ps.fori_loop(0, 3, lambda i, x: x + 0.5, 0) == 1.5
    got = ps.compile(lambda x: ps.fori_loop(0, 3, lambda i, t: t + x, 0))(np.float32(2))
    assert got.dtype == np.float32
    assert got == 6


def test_fori_loop_from_to_and_to_a_value():
    assert ps.fori_loop(3, 6, lambda i, x: x * 10 + i, 0) == 345
    assert ps.fori_loop(3, 3, lambda i, x: x + 1, 7) == 7
    assert ps.fori_loop(5, 2, lambda i, x: x + 1, 7) == 7
    f = ps.compile(lambda n, x: ps.fori_loop(0, n, lambda i, t: t + x[i], 0.0))
    assert f(np.int64(2), np.array([1.0, 2.0, 4.0])) == 3.0
    assert f(2, np.array([1.0, 2.0, 4.0])) == 3.0


def test_a_body_writes_to_what_it_carries():
    @ps.compile
    def recurrence(x):
        def turn(i, v):
            v[i] = v[i - 1] * 0.5 + v[i]
            return v

        return ps.fori_loop(1, x.shape[0], turn, x.copy())

    x = np.random.default_rng(0).random(50)
    want = x.copy()
    for i in range(1, 50):
        want[i] = want[i - 1] * 0.5 + want[i]
    np.testing.assert_array_equal(recurrence(x), want)
    # In the memory of the carried array: nothing is copied from turn to turn.
    assert "swap" not in recurrence.lower(x).text("plan")


def test_indices_out_of_range_are_errors_of_the_run():
    f = ps.compile(lambda x: ps.fori_loop(0, 9, lambda i, t: t + x[i], 0.0))
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        f(np.ones(3))


def test_branches():
    f = ps.compile(lambda x: ps.cond(x.sum() > 0, np.sqrt, np.negative, x))
    np.testing.assert_array_equal(f(np.array([4.0])), [2.0])
    np.testing.assert_array_equal(f(np.array([-4.0])), [4.0])
    np.testing.assert_array_equal(ps.cond(False, np.sqrt, np.negative, X), -X)
    # A branch that gives back what it was given.
    g = ps.compile(lambda x: ps.cond(x[0] > 0, lambda: x, lambda: 2 * x))
    x = np.ones(3)
    assert not np.shares_memory(g(x), x)
    np.testing.assert_array_equal(g(x), x)


def test_a_branch_that_is_not_taken_raises_nothing():
    f = ps.compile(lambda x, i: ps.cond(i < 3, lambda: x[i], lambda: np.zeros(())))
    assert f(np.ones(3), np.int64(7)) == 0


TRIPLED = {
    "cond": lambda x, i: ps.cond(i < 3, lambda: 3 * x[i], lambda: x[0] * 0),
    "switch": lambda x, i: ps.switch(
        i, [lambda: 3 * x[i], lambda: 3 * x[i], lambda: 3 * x[i], lambda: x[0] * 0]
    ),
    "within a loop": lambda x, i: ps.scan(
        lambda total, _: (ps.cond(i < 3, lambda: total + x[i], lambda: total), None),
        x[0] * 0,
        None,
        length=3,
    )[0],
    "of unknown length": lambda x, i: ps.cond(
        i < 3,
        lambda: ps.fori_loop(0, i * 0 + 3, lambda _, total: total + x[i], x[0] * 0),
        lambda: x[0] * 0,
    ),
}


@pytest.mark.parametrize("name", TRIPLED)
def test_a_branch_that_no_element_of_a_batch_takes_raises_nothing(name):
    f = TRIPLED[name]
    x = np.array([1.0, 2.0, 4.0])
    i = np.array([1, 7, 2, 3])
    wanted = np.array([6.0, 0.0, 12.0, 0.0])
    slopes = 3.0 * (i[:, None] == np.arange(3))
    batch = ps.vmap(f, (None, 0))
    np.testing.assert_array_equal(batch(x, i), wanted)
    np.testing.assert_array_equal(batch(x, np.array([7, 7])), [0, 0])
    np.testing.assert_array_equal(batch(x, np.array([], int)), [])
    rows = np.stack([x, 2 * x, x, x])
    np.testing.assert_array_equal(ps.vmap(f)(rows, i), wanted)
    np.testing.assert_array_equal(ps.vmap(ps.grad(f), (None, 0))(x, i), slopes)
    np.testing.assert_array_equal(ps.jacrev(lambda x: batch(x, i))(x), slopes)
    twice = ps.vmap(ps.vmap(f, (None, 0)), (None, 0))
    np.testing.assert_array_equal(twice(x, i.reshape(2, 2)), wanted.reshape(2, 2))
    with pytest.raises(IndexError, match="index -9 is out of bounds"):
        batch(x, np.array([1, -9]))


def test_a_loop_turns_for_those_elements_of_a_batch_that_take_its_branch():
    def doubled(x):
        return ps.while_loop(lambda s: s < 100, lambda s: s * 2, x)

    def f(x):
        # Twice 0 is 0, for ever.
        return ps.cond(x > 0, doubled, lambda x: x, x)

    x = np.array([1.0, 0.0, 3.0])
    np.testing.assert_array_equal(ps.vmap(f)(x), [128, 0, 192])
    np.testing.assert_array_equal(ps.vmap(f)(-x), -x)
    np.testing.assert_array_equal(ps.vmap(ps.grad(f))(x), [128, 1, 64])
    np.testing.assert_array_equal(ps.jacfwd(ps.vmap(f))(x), np.diag([128, 1, 64]))


def test_elements_of_a_batch_whose_loop_has_ended_read_no_further():
    def total(x, n):
        def turn(state):
            i, t = state
            return i + 1, t + x[i]

        return ps.while_loop(lambda state: state[0] < n, turn, (0, 0.0))[1]

    x, n = np.array([1.0, 2.0, 4.0]), np.array([3, 0, 2])
    np.testing.assert_array_equal(ps.vmap(total, (None, 0))(x, n), [7, 0, 3])
    # Of no elements there is no first one, and no turn that reads it.
    assert ps.vmap(total, (None, 0))(x[:0], n * 0).tolist() == [0, 0, 0]
    with pytest.raises(IndexError):
        ps.vmap(total, (None, 0))(x, n + 1)


@pytest.mark.parametrize("number", [-5, 0, 1, 2, 9])
def test_switch(number):
    f = ps.compile(lambda i, x: ps.switch(i, [np.sin, np.cos, np.tanh], x))
    want = [np.sin, np.cos, np.tanh][min(max(number, 0), 2)](X)
    np.testing.assert_allclose(f(np.int64(number), X), want, rtol=1e-15)
    np.testing.assert_allclose(f(number, X), want, rtol=1e-15)


def test_loops_within_loops():
    @ps.compile
    def f(x):
        def outer(i, total):
            return ps.fori_loop(0, 4, lambda j, t: t + x[j] * i, total)

        return ps.fori_loop(0, 3, outer, np.zeros(3))

    x = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(f(x), 3 * x.sum(0))


def test_an_endless_loop_can_be_interrupted():
    f = ps.compile(lambda x: ps.while_loop(lambda s: s[0] > 0, lambda s: s, (x, x)))
    f.lower(np.float64(1.0))
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        f(np.float64(1.0))
    timer.join()
    assert time.perf_counter() - start < 20
    np.testing.assert_array_equal(f(np.float64(-1.0)), (-1.0, -1.0))


def error_of(function, *args):
    with pytest.raises(errors.PenstockError) as caught:
        ps.compile(function)(*args)
    return str(caught.value)


def test_errors():
    def shapes(x):
        return ps.while_loop(lambda s: True, lambda s: np.concatenate([s, s]), x)

    assert error_of(shapes, np.ones(2)).endswith(
        ": error: while_loop: cannot broadcast f64[2*n] with f64[n] (n = 2) [shape]"
    ) or "while_loop" in error_of(shapes, np.ones(2))

    def structure(x):
        return ps.fori_loop(0, 3, lambda i, s: (s, s), x)

    assert "fori_loop changes its nesting: (*, *) is not *" in error_of(
        structure, np.ones(2)
    )

    def condition(x):
        return ps.while_loop(lambda s: s > 0, lambda s: s - 1, x)

    assert "the condition of while_loop is bool[n]" in error_of(condition, np.ones(2))

    def outer(x):
        y = x.copy()

        def turn(i, s):
            y[0] = 1
            return s

        return ps.fori_loop(0, 3, turn, x)

    assert "cannot write to an array that was made outside" in error_of(
        outer, np.ones(2)
    )

    def leak(x):
        kept = []

        def turn(i, s):
            kept.append(s + 1)
            return s

        ps.fori_loop(0, 3, turn, x)
        return kept[0]

    assert "was used after the function that it belongs to" in error_of(
        leak, np.ones(2)
    )

    def branches(x):
        return ps.cond(x[0] > 0, lambda: x, lambda: x.astype(np.float32))

    found = error_of(branches, np.ones(2))
    assert "cond: the first function returns f64[n], the second f32[n]" in found

    def pair(x):
        return ps.scan(lambda c, r: c + r, 0.0, x)

    assert "scan: the function must return a pair" in error_of(pair, np.ones(2))


def test_numbers_of_numpy_say_how_often_and_which():
    once = ps.compile(lambda x: ps.fori_loop(np.int8(1), np.int64(4), add_one, x))
    np.testing.assert_array_equal(once(np.zeros(2)), [3.0, 3.0])
    assert ps.scan(lambda c, _: (c + 1, None), 0, length=np.uint8(3))[0] == 3
    for index, chosen in ((True, 1), (np.int8(-3), 0), (2**70, 2), (np.bool_(1), 1)):
        assert ps.switch(index, [lambda: 0, lambda: 1, lambda: 2]) == chosen


def add_one(i, x):
    return x + 1


def test_lengths_below_zero_are_no_lengths():
    """Neither when a variant is made for one nor when there is one already."""
    f = ps.compile(lambda n: ps.scan(lambda c, _: (c + 1, None), 0, length=n)[0])
    assert f(3) == 3
    assert f(0) == 0
    for g in (f, ps.compile(lambda n: ps.scan(lambda c, _: (c, None), 0, length=n))):
        with pytest.raises(ValueError, match="length is -5, below 0"):
            g(-5)
    assert f(4) == 4
    assert f.stats().variants == 1


def test_more_turns_than_a_counter_holds():
    def f(x):
        return ps.fori_loop(-(2**62), 2**63 - 1, add_one, x)

    with pytest.raises(errors.NumberRangeError) as caught:
        f(0)
    assert caught.value.code == "size-overflow"
    with pytest.raises(errors.NumberRangeError) as caught:
        ps.compile(f)(0)
    assert caught.value.code == "integer-range"
    assert caught.value.message.startswith("the Python integer 13835058055282163711 ")


@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize("start", [np.int64(4), np.arange(3), 4])
def test_dtypes_widen_as_in_a_loop_of_python(start, turns):
    found = ps.fori_loop(0, turns, lambda i, s: s * 1.5, start)
    wanted = start * 1.5**turns
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, wanted)


def test_only_the_branch_of_a_python_bool_is_traced():
    def f(x, which):
        return ps.cond(which, x.sum, lambda: (x, "another"))

    assert ps.compile(f)(np.ones(3), True) == 3
    assert ps.compile(f)(np.ones(3), False)[1] == "another"
    assert ps.switch(1, [lambda: 1.0, lambda: np.ones(2)]).shape == (2,)


def _first_is_nine(a):
    a[0] = 9.0
    return a


def _one_more(a):
    a += 1
    return a


@pytest.mark.parametrize("condition", [np.True_, np.False_, True, False])
def test_branches_write_to_arrays_of_their_own(condition):
    def f(x, condition):
        y = x * 1
        chosen = ps.cond(condition, _first_is_nine, _one_more, y)
        turned = ps.cond(condition, _first_is_nine, _one_more, y[::-1])
        return chosen, turned, y

    x = np.arange(3.0)
    chosen, turned, y = ps.compile(f)(x, condition)
    np.testing.assert_array_equal(chosen, [9, 1, 2] if condition else [1, 2, 3])
    np.testing.assert_array_equal(turned, [9, 1, 0] if condition else [3, 2, 1])
    np.testing.assert_array_equal(y, x)
    # Of the caller's arrays too, in a trace and outside.
    for run in (
        ps.cond,
        ps.compile(ps.cond, static=("true_function", "false_function")),
    ):
        got = run(condition, _first_is_nine, _one_more, x)
        np.testing.assert_array_equal(got, chosen)
        np.testing.assert_array_equal(x, [0, 1, 2])


def test_functions_of_a_switch_write_to_arrays_of_their_own():
    x = np.arange(3.0)
    for index in (0, 1, np.int64(0), np.int64(1)):
        got = ps.switch(index, [_first_is_nine, _one_more], x)
        np.testing.assert_array_equal(got, [[9, 1, 2], [1, 2, 3]][int(index)])
        np.testing.assert_array_equal(x, [0, 1, 2])


def test_gradients_and_batches_of_branches_that_write():
    def f(x, condition):
        return (ps.cond(condition, _first_is_nine, _one_more, x) ** 2).sum()

    x, both = np.arange(3.0), np.array([True, False])
    got = ps.vmap(ps.grad(f), (None, 0))(x, both)
    np.testing.assert_array_equal(got, [[0, 2, 4], [2, 4, 6]])


@pytest.mark.parametrize("n", [np.int64(7), np.int64(-5), np.int32(2)])
def test_a_captured_index_is_out_of_range_only_in_the_branch_that_is_taken(n):
    x = np.arange(4.0)
    inside = (n < 4) & (n >= -4)

    def at_n_or_first():
        return ps.cond(inside, lambda: x[n], lambda: x[0])

    expected = x[n] if inside else x[0]
    assert at_n_or_first() == ps.compile(at_n_or_first)() == expected
    got = ps.cond(inside, lambda: x.reshape(2, 2)[..., n - 1], lambda: x[:2])
    np.testing.assert_array_equal(got, [1, 3] if inside else [0, 1])
    if not inside:
        with pytest.raises(IndexError, match=f"index {n} is out of bounds"):
            ps.cond(~inside, lambda: x[n], lambda: x[0])


def test_an_index_out_of_range_in_a_loop_without_turns():
    n, x = np.int64(7), np.arange(4.0)
    at = ps.compile(lambda k: ps.fori_loop(0, k, lambda i, total: total + x[n], 1.0))
    assert at(0) == 1.0
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        at(1)
