"""Reverse mode through loops whose number of turns only their values tell."""

import os
import signal
import threading
from itertools import product

import numpy as np
import pytest

import penstock as ps
from penstock.ir.dims import evaluate_dim
from penstock.ir.plan.node import PlanBind
from penstock.ir.plan.text_parse import parse_plan
from tests.reading_back import read_back_stages
from tests.sweeps import one_in

RANDOM = np.random.default_rng(7)
W = RANDOM.normal(size=(3, 3)) * 0.6
X = RANDOM.normal(size=3)
CHECKPOINTS = (True, 1, 100, 3, False)
PAIRS = one_in(4, product([False, True], CHECKPOINTS))


def close(found, wanted, rtol=1e-12):
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-14)


def step(i, y, w):
    return np.tanh(w @ y) + 0.1 * i * y


def python_loop(x, w, n):
    for i in range(n):
        x = step(i, x, w)
    return (x * x).sum()


@pytest.mark.parametrize("checkpoint", one_in(4, CHECKPOINTS))
def test_gradients_are_those_of_unrolled_loops(checkpoint):
    @ps.compile
    def by_while(x, w, n):
        def turn(state):
            i, y = state
            return i + 1, step(i, y, w)

        start = (0, x)
        _, y = ps.while_loop(lambda s: s[0] < n, turn, start, checkpoint=checkpoint)
        return (y * y).sum()

    @ps.compile
    def by_count(x, w, n):
        y = ps.fori_loop(0, n, lambda i, y: step(i, y, w), x, checkpoint=checkpoint)
        return (y * y).sum()

    gradients = [ps.compile(ps.grad(f, (0, 1))) for f in (by_while, by_count)]
    for n in (0, 1, 2, 7):
        wanted = ps.grad(python_loop, (0, 1))(X, W, n)
        # A number that is known before the program runs, and one that is not.
        for gradient in gradients:
            for number in (n, np.int64(n)):
                for a, b in zip(gradient(X, W, number), wanted, strict=True):
                    close(a, b)
    three = np.int64(3)
    ps.check_grads(lambda x, w: (by_while(x, w, three), by_count(x, w, three)), (X, W))


def test_the_length_of_segments_may_be_an_argument():
    @ps.compile
    def f(x, w, n, length):
        y = ps.fori_loop(0, n, lambda i, y: step(i, y, w), x, checkpoint=length)
        return (y * y).sum()

    gradient = ps.compile(ps.grad(f))
    wanted = ps.grad(python_loop)(X, W, 7)
    for length in (1, 3, 7, 20):
        for n in (7, np.int64(7)):
            close(gradient(X, W, n, length), wanted)
    assert gradient.stats().variants == 2
    read_back_stages(gradient)
    with pytest.raises(ps.errors.OptionError, match=r"checkpoint is "):
        gradient(X, W, 7, 0)


@pytest.mark.parametrize("length", [10**10, 2**63 - 1, 2**64])
def test_a_segment_beyond_all_turns_takes_no_memory_for_them(length):
    def f(x, n):
        return ps.fori_loop(0, n, lambda i, y: step(i, y, W), x, checkpoint=length)

    gradient = ps.compile(ps.grad(lambda x, n: (f(x, n) ** 2).sum()))
    for n in (0, 1, 7):
        wanted = ps.grad(python_loop)(X, W, n)
        close(gradient(X, np.int64(n)), wanted)
        close(gradient(X, n), wanted)
        close(ps.grad(lambda x, n=n: (f(x, n) ** 2).sum())(X), wanted)
    # Not a size in them that is beyond 64 bits.
    read_back_stages(gradient)


def scanned(reverse, checkpoint):
    @ps.compile
    def function(x, w, z):
        last, ys = ps.scan(
            lambda y, e: (step(e, y, w), y * e),
            x, z, reverse=reverse, checkpoint=checkpoint,
        )  # fmt: skip
        return (last * last).sum() + (np.sin(ys) * ys).sum()

    return function


@pytest.mark.parametrize(("reverse", "checkpoint"), PAIRS)
def test_scans_in_segments(checkpoint, reverse):
    def plain(x, w, z):
        total = 0
        for e in z[::-1] if reverse else z:
            total = total + (np.sin(x * e) * x * e).sum()
            x = step(e, x, w)
        return total + (x * x).sum()

    function = scanned(reverse, checkpoint)
    gradient = ps.compile(ps.grad(function, (0, 1, 2)))
    for n in (0, 1, 3, 8):
        z = np.linspace(0.1, 1, n)
        close(function(X, W, z), plain(X, W, z))
        wanted = ps.grad(plain, (0, 1, 2))(X, W, z)
        for a, b in zip(gradient(X, W, z), wanted, strict=True):
            close(a, b)


@pytest.mark.parametrize(("reverse", "checkpoint"), PAIRS)
def test_second_derivatives_of_scans_in_segments(reverse, checkpoint):
    ps.check_grads(scanned(reverse, checkpoint), (X, W, np.linspace(0.1, 1, 5)))


def root(a):
    """The square root, by Newton's method."""
    return ps.while_loop(
        lambda x: abs(x * x - a) > 1e-13 * a, lambda x: (x + a / x) / 2, 1.0
    )


def test_newton_iterations():
    a = np.array([2.0, 1.0, 300.0])
    assert ps.grad(root)(4.0) == pytest.approx(0.25)
    assert ps.grad(ps.grad(root))(2.0) == pytest.approx(-0.25 * 2**-1.5)
    assert ps.hessian(root)(2.0) == pytest.approx(-0.25 * 2**-1.5)
    # The turns differ: none for 1, and more for 300 than for 2.
    # After no turn the result is the constant that the loop starts with.
    moved = a != 1
    slopes = moved * 0.5 / np.sqrt(a)
    close(ps.vmap(ps.grad(root))(a), slopes)
    close(ps.grad(lambda a: ps.vmap(root)(a).sum())(a), slopes)
    close(ps.vmap(ps.grad(ps.grad(root)))(a), moved * -0.25 * a**-1.5, 1e-9)
    close(ps.jacrev(ps.vmap(root))(a), np.diag(slopes))
    ps.check_grads(ps.vmap(root), (a[moved],))


def swing(length, steps, checkpoint=False):
    """A pendulum by the symplectic Euler method, until a time."""

    def turn(state):
        t, angle, speed = state
        speed = speed - 0.01 * 9.81 / length * np.sin(angle)
        return t + 0.01, angle + 0.01 * speed, speed

    end = 0.01 * (steps - 0.5)
    state = ps.while_loop(
        lambda s: s[0] < end, turn, (0.0, 0.5, 0.0), checkpoint=checkpoint
    )
    return state[1]


def swing_derivative(length, steps):
    angle, speed, da, ds = 0.5, 0.0, 0.0, 0.0
    for _ in range(steps):
        force = 9.81 / length
        ds -= 0.01 * (force * np.cos(angle) * da - force / length * np.sin(angle))
        speed -= 0.01 * force * np.sin(angle)
        da += 0.01 * ds
        angle += 0.01 * speed
    return angle, da


@pytest.mark.parametrize("checkpoint", [False, True, 30])
def test_an_integrator_is_fitted_through_a_thousand_steps(checkpoint):
    wanted = swing_derivative(1.3, 1000)
    close(
        ps.value_and_grad(lambda x: swing(x, 1000, checkpoint))(1.3), wanted, 1e-9
    )  # fmt: skip
    target = swing(1.3, 1000)

    @ps.compile
    def newton(length):
        off = swing(length, 1000, checkpoint) - target
        slope = ps.grad(lambda x: swing(x, 1000, checkpoint))(length)
        return length - off / slope

    length = 1.305
    for _ in range(6):
        length = newton(length)
    assert length == pytest.approx(1.3, abs=1e-12)


def test_a_million_turns():
    def decayed(rate):
        def turn(state):
            i, y = state
            return i + 1, y - 1e-6 * rate * y

        return ps.while_loop(lambda s: s[0] < 1_000_000, turn, (0, 1.0))[1]

    wanted = (1 - 2e-6) ** 999_999 * -1e-6 * 1_000_000
    assert ps.grad(decayed)(2.0) == pytest.approx(wanted, rel=1e-9)


def test_arrays_that_are_written_and_integers():
    def powers(x):
        def turn(state):
            i, y, total = state
            y[i + 1] = y[i] * x + total.sum() * 0.01
            return i + 1, y, total + y[i + 1]

        start = (np.int64(0), np.zeros(6) + x, np.zeros(2))
        i, y, total = ps.while_loop(lambda s: s[0] < 5, turn, start)
        return (y * y).sum() + total.prod() + i

    def plain(x):
        y, total = np.zeros(6) + x, np.zeros(2)
        for i in range(5):
            y[i + 1] = y[i] * x + total.sum() * 0.01
            total = total + y[i + 1]
        return (y * y).sum() + total.prod() + 5

    close(ps.value_and_grad(powers)(0.8), ps.value_and_grad(plain)(0.8))
    ps.check_grads(powers, (0.8,))


def test_what_the_body_leaves_alone():
    def f(x, y):
        def turn(state):
            i, kept, moved = state
            return i + 1, kept, moved * 2

        _, kept, _ = ps.while_loop(lambda s: s[0] < 4, turn, (0, x * 3, y))
        return kept.sum()

    by_x, by_y = ps.grad(f, (0, 1))(X, X)
    close(by_x, np.full(3, 3.0))
    close(by_y, np.zeros(3))
    # The loop is not run again for that.
    text = ps.compile(ps.grad(f)).lower(X, X).text("graph")
    assert "= bind" not in text and "= loop" not in text

    def thrown_away(x):
        return ps.while_loop(lambda s: s > 1, lambda s: np.floor(s / 2), x)

    assert ps.grad(thrown_away)(5.5) == 0.0
    assert ps.grad(thrown_away)(0.5) == 1.0


def test_nan_ends_a_loop_and_shows():
    def f(x):
        return ps.while_loop(lambda y: y < 100, lambda y: y * x, x)

    assert ps.grad(f)(3.0) == pytest.approx(5 * 3.0**4)
    assert ps.grad(f)(np.nan) == 1.0  # no turn

    def g(x):
        return ps.while_loop(lambda y: y > -1, lambda y: np.log(y) * x, x)

    value, slope = ps.value_and_grad(g)(1.0)
    assert value == -np.inf and not np.isfinite(slope)


def test_loops_in_loops_and_branches():
    def halved(y, x):
        return ps.while_loop(lambda s: (s * s).sum() > 1, lambda s: s * x, y)

    def plain_halved(y, x):
        while (y * y).sum() > 1:
            y = y * x
        return y

    rows = np.array([[3.0, 1.0], [0.1, 0.2], [9.0, -4.0]])

    def f(x, rows):
        def row(total, r):
            end = ps.cond(r[0] > 1, lambda: halved(r, x), lambda: np.sin(r) * x)
            return total * x + end, end

        total, ends = ps.scan(row, np.zeros(2), rows)

        def outer(state):
            i, y = state
            return i + 1, halved(y * 3, x) + ends[i]

        _, y = ps.while_loop(lambda s: s[0] < 3, outer, (0, total))
        return (y * y).sum()

    def plain(x, rows):
        total, ends = np.zeros(2), []
        for r, big in zip(rows, (True, False, True), strict=True):
            turns = [3, 0, 7][len(ends)]
            end = r * x**turns if big else np.sin(r) * x
            total = total * x + end
            ends.append(end)
        return total, ends

    # The turns that the values lead to at this x.
    x = 0.7
    assert [int(np.ceil(np.log(np.hypot(*r)) / -np.log(x))) for r in rows[[0, 2]]] == [
        4, 7,
    ]  # fmt: skip

    def by_numpy(x, rows):
        total, ends = np.zeros(2), []
        for r in rows:
            end = plain_halved(r, x) if r[0] > 1 else np.sin(r) * x
            total = total * x + end
            ends.append(end)
        y = total
        for i in range(3):
            y = plain_halved(y * 3, x) + ends[i]
        return (y * y).sum()

    close(f(x, rows), by_numpy(x, rows))
    small = 1e-6
    difference = (by_numpy(x + small, rows) - by_numpy(x - small, rows)) / (2 * small)
    assert ps.grad(f)(x, rows) == pytest.approx(difference, rel=1e-7)
    ps.check_grads(f, (x, rows))


def test_a_rule_of_the_user_may_loop_over_tangents():
    @ps.custom_jvp
    def tripled(x, n):
        return x * 3.0**n

    @tripled.defjvp
    def rule(primals, tangents):
        (x, n), (dx, _) = primals, tangents

        def turn(state):
            i, d = state
            return i + 1, d * 3

        return tripled(x, n), ps.while_loop(lambda s: s[0] < n, turn, (0, dx))[1]

    close(ps.grad(lambda x: tripled(x, np.int64(4)).sum())(X), np.full(3, 81.0))


def test_a_saved_program(tmp_path):
    gradient = ps.compile(ps.grad(root))
    gradient.save(tmp_path / "root.pns", 2.0)
    loaded = ps.load(tmp_path / "root.pns")
    for a in (2.0, 5.0, 900.0):
        close(loaded(a), 0.5 / np.sqrt(a))
    assert loaded(1.0) == 0.0


def memory(f, *args, **sizes):
    """The bytes that a program takes: its arena, and those of its binds within."""
    plan = parse_plan(ps.compile(f).lower(*args).text("plan"))
    binds = [s for s in plan.statements() if isinstance(s, PlanBind)]
    assert binds
    return sum(evaluate_dim(s.arena, sizes) for s in binds)


def test_segments_take_less_memory():
    def gradient(checkpoint):
        def f(x):
            def turn(state):
                i, y = state
                return i + 1, np.sin(y) + y * x

            start = (0, x)
            ends = ps.while_loop(
                lambda s: s[0] < 10_000, turn, start, checkpoint=checkpoint
            )
            return ends[1].sum()

        return ps.grad(f)

    x = np.linspace(0, 1, 1000)
    row, n = 8 * x.size, 10_000
    every = memory(gradient(False), x, n=x.size, turns=n)
    rooted = memory(gradient(True), x, n=x.size, turns=n, segment=100)
    by_500 = memory(gradient(500), x, n=x.size, turns=n)
    assert n * row <= every <= 2 * n * row + 50 * row
    # The states of all segments, and twice what the turns of one keep.
    assert 200 * row <= rooted <= 500 * row
    assert 520 * row <= by_500 <= 1600 * row


def test_memory_stays_small_while_it_runs():
    """The peak of the process, of 4,000 turns with 80 kB each: 320 MB in all."""
    import subprocess
    import sys

    code = """
import re
import numpy as np
import penstock as ps

def peak():
    # Not ru_maxrss, which begins with the peak of the process that started this one.
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", file.read())[1])

def f(x):
    def turn(state):
        i, y = state
        return i + 1, np.sin(y) * x
    start = (0, x)
    return ps.while_loop(lambda s: s[0] < 4000, turn, start, checkpoint=CHECK)[1].sum()

gradient = ps.compile(ps.grad(f))
gradient.lower(np.ones(10_000)).text("llvm")
before = peak()
gradient(np.ones(10_000))
print(peak() - before)
"""
    grown = {}
    for checkpoint in (False, True):
        text = code.replace("CHECK", str(checkpoint))
        done = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, check=True
        )
        grown[checkpoint] = int(done.stdout)
    assert grown[False] > 300e6
    assert grown[True] < 100e6


def test_an_interrupted_loop_gives_its_memory_back():
    @ps.compile
    def f(x):
        def turn(state):
            i, y = state
            return i + 1, np.sin(y) * x

        return ps.while_loop(lambda s: s[0] < 3000, turn, (0, x))[1].sum()

    gradient = ps.compile(ps.grad(f))
    x = np.ones(4000)  # 3,000 turns of 32 kB: 96 MB
    gradient(x)
    before = resident()
    hits = 0
    for number in range(12):
        timer = threading.Timer(
            0.02 + 0.02 * number, lambda: os.kill(os.getpid(), signal.SIGINT)
        )
        timer.start()
        try:
            while True:
                gradient(x)
        except KeyboardInterrupt:
            hits += 1
        timer.join()
    assert hits == 12
    assert resident() - before < 300e6


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_an_error_gives_the_memory_back():
    @ps.compile
    def f(x, last):
        def turn(state):
            i, y = state
            return i + 1, np.sin(y) * x[np.where(i == last, 10**6, 0)]

        return ps.while_loop(lambda s: s[0] < 2000, turn, (0, x))[1].sum()

    gradient = ps.compile(ps.grad(f))
    x = np.ones(2000)  # 2,000 turns of 16 kB: 32 MB
    gradient(x, np.int64(-1))
    before = resident()
    for _ in range(20):
        with pytest.raises(IndexError):
            gradient(x, np.int64(1999))
    assert resident() - before < 200e6
