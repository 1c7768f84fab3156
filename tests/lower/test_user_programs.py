"""Programs as users write them: NumPy's results, and the launches worked out by hand.

A launch more than the number given here is an array stored and loaded for nothing.
"""

from collections.abc import Callable

import numpy as np
import pytest

import penstock as ps
from penstock.ir.plan.node import Launch

random = np.random.default_rng(7)


def array(*shape: int) -> np.ndarray:
    return random.normal(size=shape)


# One pass over each row for the largest, one for the sum, one for the quotients.
def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# The largest of each column lies in memory; the rest runs along the columns, twice.
def softmax_of_columns(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


# Each of the two rows that later passes read again waits in a result of its own.
def two_softmaxes(x):
    d = x - x.max(axis=1, keepdims=True)
    e, t = np.exp(d), np.exp2(d)
    return e / e.sum(axis=1, keepdims=True), t / t.sum(axis=1, keepdims=True)


def layernorm(x, g, b):
    d = x - x.mean(axis=-1, keepdims=True)
    return d / np.sqrt((d * d).mean(axis=-1, keepdims=True) + 1e-5) * g + b


def residual_rms_norm(x, y, g):
    z = x + y
    return z, z / np.sqrt(np.mean(z * z, axis=-1, keepdims=True) + 1e-6) * g


# The means lie in memory; variances and results are passes over one channel.
def batchnorm(x, g, b):
    m = x.mean(axis=(0, 2, 3), keepdims=True)
    v = ((x - m) ** 2).mean(axis=(0, 2, 3), keepdims=True)
    return (x - m) / np.sqrt(v + 1e-5) * g[:, None, None] + b[:, None, None]


# A reduction of everything takes two launches: blocks, and the blocks' totals.
def standardize(x):
    d = x - x.mean()
    return d / np.sqrt(np.mean(d * d))


def logsumexp(x):
    m = x.max(axis=1)
    return m + np.log(np.exp(x - m[:, None]).sum(axis=1))


def five_points(x):
    around = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
    return x[1:-1, 1:-1] + 0.1 * (around - 4 * x[1:-1, 1:-1])


def chained_stencils(x):
    for _ in range(4):
        x = (x[:-2] + x[1:-1] + x[2:]) / 3
    return x


# The row is computed once and stored; the column once for each row, where it is read.
def outer_sum(x, y):
    return np.exp(x)[:, None] + np.exp(y)[None, :]


def two_branches(x, y):
    a = np.where(x > 0, np.exp(x), x * x)
    b = np.tanh(x) - y
    return np.where(y > 0, a, b) + a * b, b


def statistics(x):
    return x.sum(axis=1), x.max(axis=1), x.min(axis=1), (x * x).sum(axis=1), 2 * x


def three_hundred_operations(x, y):
    history = [x, y]
    for step in range(100):
        a, b = history[-1], history[step // 2]
        history.append(0.5 * (a * 0.9 + b))
    return history[-1], history[50]


# Two sums of rows and a contraction. What is computed over the same loops beside a
# contraction does not join it yet, so its result is stored for the last launch.
def squared_distances(x, y):
    return (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * (x @ y.T)


def two_layers(x, w, b, v, c):
    return np.tanh(x @ w + b) @ v + c


def attention(q, k, v):
    s = q @ k.T / np.sqrt(8.0)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)) @ v


def unit_columns(x):
    return x / np.sqrt((x * x).sum(axis=0))


def views_of_a_sum(x, y):
    z = x + y
    return z.T, z[::-1], z.reshape(-1)


def rows_by_their_own_sums(x):
    for _ in range(3):
        x = x / np.abs(x).sum(axis=1, keepdims=True)
    return x


PROGRAMS: list[tuple[Callable, int, list[np.ndarray]]] = [
    (softmax, 1, [array(5, 33)]),
    (softmax_of_columns, 2, [array(33, 5)]),
    (two_softmaxes, 1, [array(5, 33)]),
    (layernorm, 1, [array(4, 32), array(32), array(32)]),
    (residual_rms_norm, 1, [array(4, 32), array(4, 32), array(32)]),
    (batchnorm, 2, [array(2, 3, 4, 5), array(3), array(3)]),
    (standardize, 5, [array(30, 7)]),
    (logsumexp, 1, [array(6, 20)]),
    (five_points, 1, [array(9, 11)]),
    (chained_stencils, 4, [array(50)]),
    (outer_sum, 2, [array(6), array(9)]),
    (two_branches, 1, [array(8, 9), array(8, 9)]),
    (statistics, 1, [array(6, 40)]),
    (three_hundred_operations, 1, [array(100), array(100)]),
    (squared_distances, 5, [array(6, 8), array(9, 8)]),
    (two_layers, 4, [array(5, 8), array(8, 9), array(9), array(9, 4), array(4)]),
    (attention, 5, [array(6, 8), array(7, 8), array(7, 5)]),
    (unit_columns, 2, [array(30, 5)]),
    (views_of_a_sum, 2, [array(6, 7), array(6, 7)]),
    (rows_by_their_own_sums, 1, [array(6, 20)]),
]


@pytest.mark.parametrize(
    ("function", "launches", "arguments"),
    PROGRAMS,
    ids=[function.__name__ for function, _, _ in PROGRAMS],
)
def test_results_and_launches(function, launches, arguments):
    compiled = ps.compile(function)
    wanted = function(*arguments)
    got = compiled(*arguments)
    if not isinstance(wanted, tuple):
        wanted, got = (wanted,), (got,)
    for one, other in zip(got, wanted, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)
    plan = compiled.lower(*arguments).compilation.plan
    made = [s for s in plan.body if isinstance(s, Launch)]
    assert len(made) == launches, compiled.lower(*arguments).text("fused")
