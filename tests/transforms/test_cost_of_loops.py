"""What gradients of loops that read and write single elements cost, and are."""

import itertools

import numpy as np
import pytest

import penstock as ps
from benchmarks.workloads.gradients import count_of
from penstock.ir.plan.count import count_plan
from tests.sweeps import one_in

MOST = 2.2  # times as much for twice the turns; 4 if each costs an array


def product(x):
    return ps.fori_loop(0, x.shape[0], lambda i, s: s * x[i], 1.0)


def product_by_while(x):
    def turn(state):
        i, s = state
        return i + 1, s * x[i]

    return ps.while_loop(lambda s: s[0] < x.shape[0], turn, (0, 1.0))[1]


def product_by_scan(x):
    return ps.scan(lambda s, i: (s * x[i], None), 1.0, np.arange(x.shape[0]))[0]


def several_reads(x):
    def turn(i, s):
        return s * x[i] + x[i - 1] * x[0] - x[2] * np.sin(x[(3 * i) % x.shape[0]])

    return ps.fori_loop(0, x.shape[0], turn, 1.0)


def smooth(x):
    def turn(i, y):
        y[i] = 0.5 * (y[i - 1] + y[i])
        return y

    return ps.fori_loop(1, x.shape[0], turn, x.copy()).sum()


def smooth_by_while(x):
    def turn(state):
        i, y = state
        y[i] = np.sin(y[i - 1]) + 0.2 * y[i]
        return i + 1, y

    start = (1, x.copy())
    return ps.while_loop(lambda s: s[0] < x.shape[0], turn, start)[1].sum()


def smooth_by_scan(x):
    def turn(y, i):
        y[i] = 0.5 * y[i - 1] + np.sin(y[i])
        return y, y[i]

    return ps.scan(turn, x.copy(), np.arange(1, x.shape[0]))[1].sum()


def branch_that_reads(x):
    def turn(i, s):
        return s * ps.cond(x[i] > 1, lambda: np.sin(x[i]), lambda: 2 - x[i - 1])

    return ps.fori_loop(0, x.shape[0], turn, 1.0)


def branch_that_writes(x):
    def turn(i, y):
        def rises(y):
            y = y.copy()
            y[i] = np.sin(y[i - 1]) * y[i]
            return y

        def falls(y):
            y = y.copy()
            np.add.at(y, i, np.exp(-y[i] * y[i - 1]))
            return y

        return ps.switch(i % 3, [rises, falls, lambda y: y], y)

    return ps.fori_loop(1, x.shape[0], turn, x.copy()).sum()


def nested(x):
    def turn(i, s):
        return 0.1 * ps.fori_loop(0, 4, lambda j, t: t * x[i] + x[j], s)

    return ps.fori_loop(0, x.shape[0], turn, 1.0)


def rows(x):
    y = x.reshape(-1, 4)

    def turn(i, s):
        return s * np.tanh(y[i]).sum() * 0.3 + y[i, 0]

    return ps.fori_loop(0, y.shape[0], turn, 1.0)


def folded(ufunc):
    def fold(x):
        z = np.full(7, 1.5)
        ufunc.at(z, np.arange(x.shape[0]) % 7, x)
        return z.sum()

    fold.__name__ = f"{ufunc.__name__}_at"
    return fold


def reduceat(x):
    return np.multiply.reduceat(x, np.arange(0, x.shape[0], 3)).sum()


LOOPS = [
    product,
    product_by_while,
    product_by_scan,
    several_reads,
    smooth,
    smooth_by_while,
    smooth_by_scan,
    branch_that_reads,
    branch_that_writes,
    nested,
    rows,
    reduceat,
    *map(folded, (np.multiply, np.divide, np.power, np.logaddexp)),
]
each = pytest.mark.parametrize("function", LOOPS, ids=lambda one: one.__name__)


def numbers(*shape):
    return np.random.default_rng(0).uniform(0.7, 1.2, shape)


def moved(function, x, transform=lambda function: function):
    """The flops and bytes of all turns, those that only the values tell included."""
    compilation = ps.compile(transform(function)).lower(x).compilation
    turns = 3 if function is reduceat else x.shape[-1]
    born = {f"turns{i or ''}": turns for i in range(9)}
    count = count_plan(compilation.plan, born | compilation.traced.hints)
    return np.array([count.flops, count.bytes_moved])


@each
def test_a_turn_back_costs_what_the_turn_does_and_not_an_array(function):
    once, twice = (moved(function, numbers(n), ps.value_and_grad) for n in (600, 1200))
    assert (twice < MOST * once).all()


def test_slices_that_are_reduced_cost_their_elements():
    once, twice = (moved(reduceat, numbers(n)) for n in (600, 1200))
    assert (twice < MOST * once).all()


# In a batch, a branch that might raise is taken by copies, and returns whole arrays.
each_without_checks = pytest.mark.parametrize(
    "function",
    [one for one in LOOPS if one.__name__ != "branch_that_reads"],
    ids=lambda one: one.__name__,
)


@each_without_checks
def test_a_batch_of_turns_back_costs_no_array_either(function):
    once, twice = (
        moved(function, numbers(3, n), lambda f: ps.vmap(ps.grad(f)))
        for n in (600, 1200)
    )
    assert (twice < MOST * once).all()


# The second order of each is a slow test.
@pytest.mark.parametrize(
    ("function", "order"), one_in(2, itertools.product(LOOPS, (1, 2)))
)
def test_gradients_of_loops_over_elements(function, order):
    x = numbers(2, 12)
    ps.check_grads(function, (x[0],), order)
    one = [ps.grad(function)(part) for part in x]
    np.testing.assert_allclose(ps.vmap(ps.grad(function))(x), one, rtol=1e-12)


@pytest.mark.parametrize("checkpoint", [True, 3])
def test_segments_add_to_elements_too(checkpoint):
    def function(x):
        return ps.fori_loop(
            0, x.shape[0], lambda i, s: s * x[i], 1.0, checkpoint=checkpoint
        )

    x = numbers(12)
    np.testing.assert_allclose(ps.grad(function)(x), x.prod() / x)
    ps.check_grads(function, (x,), order=2)
    once, twice = (moved(function, numbers(n), ps.value_and_grad) for n in (600, 1200))
    assert (twice < MOST * once).all()


def test_a_loop_keeps_the_elements_that_branches_read_and_not_the_array():
    (variant,) = ps.grad(branch_that_writes).explain(numbers(100)).variants
    assert sum(saved.bytes for saved in variant.gradient.saved) < 100 * 100


def test_an_update_at_an_index_adds_once_where_elements_are_registers():
    function = folded(np.add)
    count, _ = count_of(ps.compile(function), (numbers(600),))
    assert count.flops < 2 * 600


def test_writes_at_positions_that_repeat_have_the_derivative_of_the_last():
    def function(x):
        def turn(i, y):
            y[np.array([0, 1, 0]) + i] = y[i] * np.array([1.0, 2.0, 3.0])
            return y

        return (ps.fori_loop(0, x.shape[0] - 2, turn, x.copy()) ** 2).sum()

    ps.check_grads(function, (numbers(6),), order=2)
