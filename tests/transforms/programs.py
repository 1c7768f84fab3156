"""Random smooth programs of NumPy code, transforms and control flow.

All arrays are ``f64[3,4]``; a program is a list of statements, each of two arrays that
there are already.
"""

from collections.abc import Callable

import numpy as np

import penstock as ps
from penstock.frontend.trace import trace
from penstock.ir.graph.value import Function
from penstock.runtime.binding import Binder

SHAPE = (3, 4)


@ps.custom_jvp
def soft(x):
    return np.log1p(np.exp(x))


@soft.defjvp
def soft_rule(primals, tangents):
    (x,), (dx,) = primals, tangents
    return soft(x), dx / (1 + np.exp(-x))


def written(a, b):
    z = a.copy()
    z[1] = b[0] * 2
    z[:, 2] += a[:, 1] * b[:, 3]
    z[[0, 2], 1] = b[1:, 0]
    return z


def softmax(a):
    e = np.exp(a - a.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def carried(a, b):
    def turn(i, state):
        left, right = state
        return right, np.sin(left) * a + b[i % 3]

    return ps.fori_loop(0, 3, turn, (a, b))[1]


def nested(a, b):
    def row(total, r):
        inner = ps.fori_loop(0, 2, lambda j, s: np.tanh(s + r * b[j]), total)
        return inner, inner * r

    total, rows = ps.scan(row, b[2], a)
    return rows + total


def replaced(i, s):
    s[i] = np.sin(s[i - 1]) + s[i]
    return s


def chosen(c, r):
    return ps.cond(c.sum() > 0, lambda: c * r, lambda: np.sin(c) + r), c


def until_small(a, b):
    """As many turns as the values say."""

    def turn(state):
        left, count = state
        return np.tanh(left) * 0.7 + b * 0.01 * count, count + 1

    return ps.while_loop(lambda state: (state[0] ** 2).sum() > 0.9, turn, (a, 0))[0]


def counted(a, b):
    stop = (a > 0).sum() % 4
    return ps.fori_loop(0, stop, lambda i, s: np.sin(s + b[i % 3]), a, checkpoint=2)


def rows_until_small(a, b):
    def row(total, r):
        end = ps.while_loop(lambda s: np.abs(s).max() > 0.3, lambda s: s * 0.6, r)
        return total + end, np.sin(end) * total

    last, rows = ps.scan(row, b[0], a, checkpoint=True)
    return rows + last


STATEMENTS: list[Callable] = [
    lambda a, b: a + b,
    lambda a, b: a * b - b,
    lambda a, b: np.sin(a) * b,
    lambda a, b: np.tanh(a),
    lambda a, b: np.exp(-a * a),
    lambda a, b: a / (1 + b * b),
    lambda a, b: np.sqrt(a * a + 1),
    lambda a, b: np.log1p(a * a),
    lambda a, b: np.maximum(a, b) * a,
    lambda a, b: np.where(a > b, a * b, np.cos(a)),
    lambda a, b: np.abs(a) * np.minimum(b, 0.3),
    lambda a, b: (a * a + 0.5) ** np.tanh(b),
    lambda a, b: np.clip(a, -0.7, 0.9) + b,
    lambda a, b: a[::-1, ::-1],
    lambda a, b: np.roll(a, 1, axis=1) * b,
    lambda a, b: a.T.reshape(SHAPE),
    lambda a, b: a.reshape(4, 3).T,
    lambda a, b: a[[2, 0, 0]] * b,
    lambda a, b: a[:, [1, 1, 3, 0]],
    lambda a, b: np.concatenate([a[:1], b[1:]]),
    lambda a, b: np.stack([a, b, a]).mean(0),
    lambda a, b: np.pad(a * b, 1)[1:-1, :-2],
    lambda a, b: np.cumsum(a, 0) * 0.5,
    lambda a, b: np.sort(a, 1) + b,
    lambda a, b: a - a.mean(0),
    lambda a, b: a * b.sum(1, keepdims=True) / 4,
    lambda a, b: np.tanh(a @ b.T @ a),
    lambda a, b: np.einsum("ij,ik->jk", a, b)[:3],
    lambda a, b: a.max(0) + b,
    lambda a, b: np.tanh(a.prod(1, keepdims=True)) * b,
    lambda a, b: softmax(a),
    lambda a, b: (a - a.mean(1, keepdims=True)) / (a.std(1, keepdims=True) + 0.5),
    written,
    lambda a, b: ps.scan(lambda c, r: (np.tanh(c + r), c * r), b[0], a)[1],
    lambda a, b: ps.scan(lambda c, r: (c * r[0], c + r[1]), b[0], (a, b), reverse=True)[
        1
    ],
    carried,
    nested,
    lambda a, b: ps.fori_loop(1, 3, replaced, a.copy()),
    lambda a, b: ps.cond(a.sum() > b.sum(), lambda: a * b, lambda: np.sin(a)),
    lambda a, b: ps.scan(chosen, b[1], a)[1],
    ps.vmap(lambda r, s: r * s.sum()),
    lambda a, b: ps.vmap(lambda r, s: s @ r, (1, None), 1)(b, np.tanh(a @ a.T)),
    lambda a, b: ps.grad(lambda z: (np.sin(z) * b * z).sum())(a),
    lambda a, b: ps.jvp(lambda z: np.tanh(z) * b, (a,), (b,))[1],
    ps.vmap(ps.grad(lambda r, s: np.sin(r * s).sum())),
    lambda a, b: ps.checkpoint(lambda z: np.sin(np.tanh(z) * b))(a),
    lambda a, b: soft(a) - b,
    lambda a, b: ps.stop_gradient(np.sign(a)) * b,
    lambda a, b: ps.jacfwd(lambda r: np.sin(r) * r.sum())(a[0])[:3] + b,
    until_small,
    counted,
    rows_until_small,
    ps.vmap(ps.grad(lambda r, s: (until_small(r, s) * s).sum())),
]


def program(seed: int, length: int = 5) -> Callable:
    """A function of two arrays."""
    random = np.random.default_rng(seed)
    steps = [
        (
            STATEMENTS[int(random.integers(len(STATEMENTS)))],
            int(random.integers(0, 2 + i)),
            int(random.integers(0, 2 + i)),
        )
        for i in range(length)
    ]

    def f(x, y):
        known = [x, y]
        for statement, a, b in steps:
            known.append(statement(known[a], known[b]))
        return known[-1] + 0.1 * known[-2]

    return f


def arguments(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed + 1)
    return [random.normal(0, 0.8, SHAPE) for _ in range(2)]


def traced(function: Callable, *args: np.ndarray) -> Function:
    """Its graph, with sizes as numbers."""
    binder = Binder.of(function)
    return trace(function, binder.bind(args, {}), static=binder.names).function
