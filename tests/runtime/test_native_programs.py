"""The native dispatcher: whole programs with nested data, compiled as users do."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import penstock as ps

X = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)


@dataclass
class Layer:
    """Weights, and a method that is compiled."""

    w: Any
    b: Any
    scale: float = 2.0
    name: str = "layer"

    @ps.compile
    def forward(self, x):
        """What the layer makes of x."""
        return np.maximum(x @ self.w + self.b, 0) * self.scale


class State(NamedTuple):
    """What a step carries."""

    parameters: Any
    count: int


def _parameters(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "layers": [
            {"w": rng.random((3, 5), np.float32), "b": np.zeros(5, np.float32)},
            {"w": rng.random((5, 2), np.float32), "b": np.ones(2, np.float32)},
        ],
        "rate": 0.1,
        "frozen": None,
    }


def _model(parameters, x):
    for layer in parameters["layers"]:
        x = np.tanh(x @ layer["w"] + layer["b"])
    return x


def _step(state, x, rate):
    def loss(layers):
        return (_model({"layers": layers}, x) ** 2).sum()

    layers = state.parameters["layers"]
    value, gradients = ps.value_and_grad(loss)(layers)
    moved = [
        {name: layer[name] - rate * gradient[name] for name in layer}
        for layer, gradient in zip(layers, gradients, strict=True)
    ]
    parameters = {**state.parameters, "layers": moved}
    return State(parameters, state.count + 1), {"loss": value, "done": state.count > 3}


def _served_natively(compiled, *arguments):
    """What a call gives; it fails if the Python dispatcher is reached."""
    dispatcher = (
        compiled.__func__ if hasattr(compiled, "__func__") else compiled
    ).dispatcher
    dispatcher.call = lambda args, kwargs: pytest.fail("left to Python")
    try:
        return compiled(*arguments)
    finally:
        del dispatcher.call


def test_a_model_of_nested_parameters():
    f = ps.compile(_model)
    f(_parameters(), X)
    for seed in range(3):
        parameters = _parameters(seed)
        result = _served_natively(f, parameters, X)
        np.testing.assert_allclose(result, _model(parameters, X), rtol=1e-5)


def test_steps_of_training():
    f = ps.compile(_step)
    state = State(_parameters(), 0)
    oracle, losses = f.dispatcher.call, []
    f(state, X, np.float32(0.1))
    for _ in range(3):
        theirs = oracle((state, X, np.float32(0.1)), {})
        state, log = _served_natively(f, state, X, np.float32(0.1))
        assert type(state) is State
        assert list(state.parameters) == ["layers", "rate", "frozen"]
        assert state.count == theirs[0].count
        assert type(log["done"]) is bool
        for ours, other in zip(
            state.parameters["layers"], theirs[0].parameters["layers"], strict=True
        ):
            np.testing.assert_array_equal(ours["w"], other["w"])
        losses.append(float(log["loss"]))
    assert losses[0] > losses[1] > losses[2]


def test_methods_of_dataclasses():
    layer = Layer(np.ones((3, 2), np.float32), np.zeros(2, np.float32))
    layer.forward(X)
    other = Layer(np.full((3, 4), 2, np.float32), np.ones(4, np.float32), 0.5)
    for one in (layer, other):
        expected = np.maximum(X @ one.w + one.b, 0) * one.scale
        np.testing.assert_allclose(
            _served_natively(one.forward, X), expected, rtol=1e-6
        )


@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_that_limit_threads(threads):
    f = ps.compile(lambda p: {"sum": (p["x"] + p["y"]).sum(), "x": p["x"]})
    p = {"x": X, "y": X + 1}
    f(p)
    with ps.config(threads=threads):
        result = _served_natively(f, p)
    np.testing.assert_allclose(result["sum"], (X + X + 1).sum(), rtol=1e-6)
    np.testing.assert_array_equal(result["x"], X)
    assert not np.shares_memory(result["x"], X)


def test_defaults_are_no_reason_for_the_python_dispatcher(monkeypatch):
    def loss(w, rate=0.5):
        return (w * w).sum() * rate

    def keyword(w, *, rate=0.5):
        return loss(w, rate)

    x = np.arange(3.0)
    made = [
        transform(function)
        for function in (loss, keyword)
        for transform in (ps.compile, ps.grad, ps.value_and_grad, ps.hessian)
    ]
    made += [ps.vmap(lambda w, rate=0.5: w * rate), ps.compile(ps.grad(keyword))]
    expected = [function(x) for function in made]

    def refuse(*args, **kwargs):
        raise AssertionError("not native")

    monkeypatch.setattr(type(made[0].dispatcher), "__call__", refuse)
    for function, first in zip(made, expected, strict=True):
        np.testing.assert_equal(function(x), first)
