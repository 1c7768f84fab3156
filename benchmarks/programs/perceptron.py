"""Two matrix products with bias and activation."""

import numpy as np


def function(x: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Apply each layer of a multilayer perceptron."""
    for weights, bias in layers:
        x = np.maximum(x @ weights + bias, 0)
    return x


def arguments(
    n: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Make n rows of 16 float32, and layers from 16 to 32 to 4."""
    layers = [
        (
            rng.standard_normal((rows, columns)).astype(np.float32),
            rng.standard_normal(columns).astype(np.float32),
        )
        for rows, columns in ((16, 32), (32, 4))
    ]
    return rng.standard_normal((n, 16)).astype(np.float32), layers
