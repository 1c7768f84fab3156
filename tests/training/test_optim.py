"""Optimizers follow the formulas of their papers, compiled and in plain NumPy."""

import numpy as np
import pytest

import penstock as ps
from penstock import optim

RNG = np.random.default_rng(5)
PARAMETERS = {"w": RNG.normal(size=(3, 2)), "b": [RNG.normal(size=2)]}
# Gradients of four steps.
GRADIENTS = [
    {"w": RNG.normal(size=(3, 2)), "b": [RNG.normal(size=2)]} for _ in range(4)
]


def run(optimizer, parameters, gradients, update=None):
    update = update or optimizer.update
    state = optimizer.init(parameters)
    for gradient in gradients:
        parameters, state = update(parameters, gradient, state)
    return parameters, state


def each(function):
    """The path of one array by a formula written out for it."""
    return [
        function(p, g)
        for p, *g in zip(
            ps.tree_leaves(PARAMETERS), *map(ps.tree_leaves, GRADIENTS), strict=True
        )
    ]


def sgd_formula(p, gs):
    for g in gs:
        p = p - 0.1 * g
    return p


def momentum_formula(p, gs):
    v = 0
    for g in gs:
        v = 0.9 * v + g
        p = p - 0.1 * v
    return p


def nesterov_formula(p, gs):
    v = 0
    for g in gs:
        v = 0.9 * v + g
        p = p - 0.1 * (g + 0.9 * v)
    return p


def adam_formula(p, gs, decay=0.0):
    m = v = 0
    for t, g in enumerate(gs, 1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        step = 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-6)
        p = p - step - 0.1 * decay * p
    return p


def rmsprop_formula(p, gs):
    v = 0
    for g in gs:
        v = 0.7 * v + 0.3 * g**2
        p = p - 0.1 * g / (np.sqrt(v) + 1e-6)
    return p


def lion_formula(p, gs):
    m = 0
    for g in gs:
        p = p - 0.1 * (np.sign(0.6 * m + 0.4 * g) + 0.5 * p)
        m = 0.9 * m + 0.1 * g
    return p


CASES = {
    "sgd": (optim.sgd(0.1), sgd_formula),
    "momentum": (optim.sgd(0.1, momentum=0.9), momentum_formula),
    "nesterov": (optim.sgd(0.1, momentum=0.9, nesterov=True), nesterov_formula),
    "adam": (optim.adam(0.1, 0.8, 0.95, 1e-6), adam_formula),
    "adamw": (
        optim.adamw(0.1, 0.8, 0.95, 1e-6, decay=0.3),
        lambda p, gs: adam_formula(p, gs, 0.3),
    ),
    "rmsprop": (optim.rmsprop(0.1, 0.7, 1e-6), rmsprop_formula),
    "lion": (optim.lion(0.1, 0.6, 0.9, decay=0.5), lion_formula),
}


@pytest.mark.parametrize("name", CASES)
def test_optimizer_follows_its_formula(name):
    optimizer, formula = CASES[name]
    expected = each(formula)
    compiled = ps.compile(optimizer.update)
    for update in (None, compiled):
        found, state = run(optimizer, PARAMETERS, GRADIENTS, update)
        assert state["step"] == 4
        for have, want in zip(ps.tree_leaves(found), expected, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-13)
    # The number of steps is data, not part of the program.
    assert compiled.stats().variants == 1


@pytest.mark.parametrize("name", CASES)
def test_parameters_keep_their_dtype(name):
    optimizer, _ = CASES[name]
    single = ps.tree_map(lambda p: p.astype(np.float32), PARAMETERS)
    gradients = [ps.tree_map(lambda p: p.astype(np.float32), g) for g in GRADIENTS]
    for update in (None, ps.compile(optimizer.update)):
        found, state = run(optimizer, single, gradients, update)
        assert {leaf.dtype for leaf in ps.tree_leaves(found)} == {np.dtype("f4")}
        del state["step"]
        assert {leaf.dtype for leaf in ps.tree_leaves(state)} <= {np.dtype("f4")}


@pytest.mark.parametrize("name", CASES)
def test_schedule_serves_where_a_number_does(name):
    make = {
        "sgd": optim.sgd,
        "momentum": lambda r: optim.sgd(r, 0.9),
        "nesterov": lambda r: optim.sgd(r, 0.9, nesterov=True),
        "adam": optim.adam,
        "adamw": optim.adamw,
        "rmsprop": optim.rmsprop,
        "lion": lambda r: optim.lion(r, decay=0.1),
    }[name]
    # The same rate as a number for each step.
    rates = [0.4, 0.2, 0.1, 0.05]
    halving = make(optim.exponential_decay(0.4, 1, 0.5))
    found, _ = run(halving, PARAMETERS, GRADIENTS, ps.compile(halving.update))
    parameters, state = PARAMETERS, make(0.0).init(PARAMETERS)
    for rate, gradient in zip(rates, GRADIENTS, strict=True):
        parameters, state = make(rate).update(parameters, gradient, state)
    for have, want in zip(
        ps.tree_leaves(found), ps.tree_leaves(parameters), strict=True
    ):
        np.testing.assert_allclose(have, want, rtol=1e-13)


def test_training_in_a_scan():
    """A whole training is one program."""
    x, target = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 2))
    optimizer = optim.adam(0.1)

    def loss(p):
        return ((x @ p["w"] + p["b"][0] - target) ** 2).mean()

    def turn(carried, _):
        parameters, state = carried
        value, gradients = ps.value_and_grad(loss)(parameters)
        return optimizer.update(parameters, gradients, state), value

    @ps.compile
    def train(parameters):
        start = (parameters, optimizer.init(parameters))
        (parameters, _), losses = ps.scan(turn, start, length=300)
        return parameters, losses

    parameters, losses = train(PARAMETERS)
    full = np.column_stack([x, np.ones(50)])
    best = np.linalg.lstsq(full, target, rcond=None)[0]
    np.testing.assert_allclose(parameters["w"], best[:3], atol=1e-3)
    assert losses[-1] < losses[0]


def test_schedules_within_compiled_functions():
    schedules = [
        optim.cosine_decay(1.0, 20, 0.1),
        optim.exponential_decay(1.0, 10, 0.5),
        optim.piecewise_constant([1.0, 0.5, 0.25], [5, 15]),
        optim.warmup(5, 0.5),
        optim.warmup(5, optim.cosine_decay(1.0, 20)),
        optim.warmup(0, 0.5),
    ]
    for schedule in schedules:
        compiled = ps.compile(schedule)
        for step in (0, 1, 4, 5, 6, 14, 15, 20, 21, 1000):
            np.testing.assert_allclose(
                compiled(np.int64(step)), schedule(step), rtol=1e-14, atol=1e-16
            )


def test_piecewise_constant_counts_its_rates():
    with pytest.raises(ValueError, match="2 steps need 3 rates"):
        optim.piecewise_constant([1.0, 0.5], [5, 15])


def test_clipping():
    big = {"w": np.full((2, 2), 3.0), "b": [np.full(7, -2.0)]}
    assert optim.global_norm(big) == 8.0
    for clip in (optim.clip_by_norm, ps.compile(optim.clip_by_norm)):
        np.testing.assert_allclose(clip(big, 2.0)["b"][0], -0.5)
        np.testing.assert_allclose(optim.global_norm(clip(big, 2.0)), 2.0)
        np.testing.assert_array_equal(clip(big, 9.0)["w"], big["w"])
        none = {"w": np.zeros((2, 2)), "b": [np.zeros(7)]}
        np.testing.assert_array_equal(clip(none, 1.0)["w"], 0.0)
    for clip in (optim.clip_by_value, ps.compile(optim.clip_by_value)):
        found = clip(big, 2.5)
        np.testing.assert_array_equal(found["w"], 2.5)
        np.testing.assert_array_equal(found["b"][0], -2.0)
