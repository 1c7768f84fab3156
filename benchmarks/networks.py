"""Training steps in plain NumPy, for us and for JAX."""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["STEPS", "block_loss", "perceptron_loss", "step_of"]

Parameters = dict[str, Any]
HEADS = 8


def perceptron_loss(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> Any:
    """Cross entropy of a multilayer perceptron, 784-512-512-10."""
    x = np.maximum(x @ parameters["w1"] + parameters["b1"], 0)
    x = np.maximum(x @ parameters["w2"] + parameters["b2"], 0)
    x = x @ parameters["w3"] + parameters["b3"]
    x = x - x.max(axis=1, keepdims=True)
    scores = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return -np.take_along_axis(scores, y[:, None], axis=1).mean()


def _normal(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-5) * scale + shift


def block_loss(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> Any:
    """Squared error of a block of a transformer, of width 512 and with eight heads."""
    n, m, size = x.shape
    p = parameters
    normal = _normal(x, p["scale1"], p["shift1"])
    shape = (n, m, HEADS, size // HEADS)
    query, key, value = (
        np.swapaxes((normal @ p[name]).reshape(shape), 1, 2) for name in "qkv"
    )
    scores = (query * (size // HEADS) ** -0.5) @ np.swapaxes(key, -1, -2)
    scores = np.where(np.tri(m, dtype=bool), scores, np.float32(-1e30))
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = powers / powers.sum(axis=-1, keepdims=True)
    x = x + np.swapaxes(weights @ value, 1, 2).reshape(n, m, size) @ p["o"]
    normal = _normal(x, p["scale2"], p["shift2"])
    wide = normal @ p["w1"] + p["b1"]
    wide = 0.5 * wide * (1 + np.tanh(0.7978845608 * (wide + 0.044715 * wide**3)))
    x = x + wide @ p["w2"] + p["b2"]
    return ((x - y) ** 2).mean()


def _perceptron() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    parameters = {}
    for i, (inputs, outputs) in enumerate(((784, 512), (512, 512), (512, 10)), 1):
        weights = rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        parameters[f"w{i}"] = weights.astype(np.float32)
        parameters[f"b{i}"] = np.zeros(outputs, np.float32)
    x = rng.random((128, 784), np.float32)
    return parameters, x, rng.integers(0, 10, 128)


def _block() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        **dict.fromkeys("qkvo", (512, 512)),
        "w1": (512, 2048), "w2": (2048, 512), "b1": (2048,), "b2": (512,),
        **dict.fromkeys(("scale1", "shift1", "scale2", "shift2"), (512,)),
    }  # fmt: skip
    parameters = {
        name: (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
        for name, shape in shapes.items()
    }
    x, y = rng.standard_normal((2, 2, 128, 512)).astype(np.float32)
    return parameters, x, y


STEPS: dict[str, tuple[Callable[..., Any], Callable[[], tuple[Any, ...]]]] = {
    "perceptron": (perceptron_loss, _perceptron),
    "block": (block_loss, _block),
}
"""The loss of each program, and what makes its arguments."""


def step_of(loss: Callable[..., Any], value_and_grad: Callable[..., Any]) -> Any:
    """A step of training by one system's derivatives."""

    def step(parameters: Parameters, x: Any, y: Any) -> Any:
        value, gradients = value_and_grad(loss)(parameters, x, y)
        better = {
            name: parameter - 0.1 * gradients[name]
            for name, parameter in parameters.items()
        }
        return value, better

    return step
