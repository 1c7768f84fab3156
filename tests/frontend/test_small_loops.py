"""Loops over a few numbers: what they give, their variants, errors and interruption."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import penstock as ps
from benchmarks.recurrences import RECURRENCES


def leaves(tree):
    if isinstance(tree, tuple):
        return [leaf for part in tree for leaf in leaves(part)]
    return [np.asarray(tree)]


def kernels(f, *arguments):
    return [kernel.name for kernel in f.explain(*arguments).variants[0].kernels]


@pytest.mark.parametrize("one", RECURRENCES, ids=lambda one: one.name)
@pytest.mark.parametrize("steps", [0, 1, 2, 50])
def test_scans_give_what_loops_by_hand_give(one, steps):
    f = ps.compile(one.function)
    f(*one.arguments(3))
    arguments = one.arguments(steps)
    for got, want in zip(
        leaves(f(*arguments)), leaves(one.by_hand(*arguments)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
    assert f.stats().variants == 1
    text = f.lower(*arguments).text("plan")
    assert "loop %" not in text.split("kernel")[0]


@pytest.mark.parametrize("one", RECURRENCES, ids=lambda one: one.name)
def test_their_gradients_are_right(one):
    arguments = one.arguments(12)

    def total(x):
        own = (*arguments[: one.wrt], x, *arguments[one.wrt + 1 :])
        return one.function(*own)[1].sum()

    ps.check_grads(ps.compile(total), (arguments[one.wrt],), order=1)


def decayed(x, start):
    return ps.scan(lambda c, v: (0.5 * c + v, c.sum()), start, x)


def test_the_first_small_size_is_fixed_and_the_second_variant_serves_all():
    f = ps.compile(decayed)
    for n in (3, 2, 5, 1, 0, 40):
        x = np.arange(4.0 * n).reshape(4, n)
        carry, sums = np.ones(n), []
        for row in x:
            sums.append(carry.sum())
            carry = 0.5 * carry + row
        got = f(x, np.ones(n))
        np.testing.assert_array_equal(got[0], carry)
        np.testing.assert_allclose(got[1], sums, rtol=1e-15)
    assert f.stats().variants == 2
    first, second = f.explain().variants
    (fixed,) = first.fixed
    assert fixed.startswith("m == 3: the loop of test_small_loops.py:")
    assert fixed.endswith(" keeps its state in registers")
    assert "fixed     m == 3: the loop" in str(first)
    assert second.fixed == ()
    assert "m == 3 does not hold" in second.reason


def test_each_signature_has_a_small_size_of_its_own():
    f = ps.compile(decayed)
    for dtype in (np.float32, np.float64):
        for n in (2, 3):
            f(np.ones((4, n), dtype), np.ones(n, dtype))
    assert [bool(one.fixed) for one in f.explain().variants] == [True, False] * 2


@pytest.mark.parametrize(
    "arguments",
    [
        (np.ones((4, 9)), np.ones(9)),
        (np.ones((4, 0)), np.ones(0)),
    ],
)
def test_other_sizes_are_not_fixed(arguments):
    f = ps.compile(decayed)
    f(*arguments)
    assert f.explain().variants[0].fixed == ()


def test_sizes_that_need_not_be_known_are_not_fixed():
    f = ps.compile(lambda x, i: ps.scan(lambda c, k: (c + x[k], c), 0.0, i))
    f(np.arange(3.0), np.array([0, 2]))
    total, _ = f(np.arange(7.0), np.array([6, -1, 0, 5]))
    assert total == 17
    assert f.stats().variants == 1


def test_captured_and_literal_arrays_are_taken_apart():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    f = ps.compile(
        lambda k: ps.fori_loop(
            0, k, lambda i, x: turn @ x + np.array([i, 0.0]), np.zeros(2)
        )
    )
    x = np.zeros(2)
    for i in range(6):
        x = turn @ x + np.array([i, 0.0])
    np.testing.assert_array_equal(f(6), x)
    assert "loop %" not in f.lower(6).text("plan").split("kernel")[0]


def test_branches_and_loops_within_are_part_of_the_kernel():
    @ps.compile
    def f(x):
        def root(v):
            def near(s):
                return np.abs(s * s - v) > 1e-12 * v

            return ps.while_loop(near, lambda s: 0.5 * (s + v / s), v)

        def step(c, v):
            r = ps.cond(v > 0, lambda: root(v), lambda: -np.exp(v) * c)
            return c + r, r

        return ps.scan(step, 1.0, x)

    x = np.array([4.0, -1.0, 2.0, 0.0, 9.0])
    total, roots = f(x)
    c, want = 1.0, []
    for v in x:
        want.append(np.sqrt(v) if v > 0 else -np.exp(v) * c)
        c = c + want[-1]
    np.testing.assert_allclose(roots, want, rtol=1e-12)
    np.testing.assert_allclose(total, c, rtol=1e-12)
    assert len(kernels(f, x)) == 1


def test_a_branch_that_is_not_taken_raises_nothing():
    f = ps.compile(
        lambda p, x, k: ps.scan(
            lambda c, q: (ps.cond(q, lambda: c + x[k], lambda: c), c), 0.0, p
        )
    )
    x = np.arange(3.0)
    assert f(np.array([True, False]), x, 2)[0] == 2
    assert f(np.array([False, False]), x, np.int64(9))[0] == 0
    with pytest.raises(IndexError, match="index 9 is out of bounds for axis 0"):
        f(np.array([False, True]), x, np.int64(9))


def test_a_search_that_runs_off_the_end_raises():
    f = ps.compile(lambda x: ps.while_loop(lambda i: x[i] != 0, lambda i: i + 1, 0))
    assert f(np.array([3.0, 1.0, 0.0, 2.0])) == 2
    with pytest.raises(IndexError, match="index 4 is out of bounds for axis 0"):
        f(np.ones(4))


@pytest.mark.parametrize("within", [False, True])
def test_long_loops_can_be_interrupted(within):
    def many(i, s):
        return ps.fori_loop(0, 1000, lambda j, t: 0.5 * t + j, s) if within else s + i

    f = ps.compile(lambda k, x: ps.fori_loop(0, k, many, x))
    f(3, np.float64(1.0))
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        f(10**15, np.float64(1.0))
    timer.join()
    assert time.perf_counter() - start < 20


def test_what_a_loop_only_hands_on_may_be_large():
    f = ps.compile(
        lambda x: ps.while_loop(
            lambda s: s[0] < 5, lambda s: (s[0] + s[1][1, 0], s[1]), (0.0, x)
        )
    )
    x = np.arange(2000.0).reshape(1000, 2)
    number, same = f(x)
    assert number == 6
    np.testing.assert_array_equal(same, x)
