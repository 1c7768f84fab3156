"""The plain NumPy functions that are measured."""

import numpy as np


def add_one(x: np.ndarray) -> np.ndarray:
    """Do as little work as a call can."""
    return x + 1


def gelu(x: np.ndarray) -> np.ndarray:
    """Hendrycks and Gimpel, Gaussian Error Linear Units (2016), the tanh form."""
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def twenty(x: np.ndarray) -> np.ndarray:
    """Apply twenty elementwise operations: a damped wave through a soft threshold."""
    wave = np.sin(2.5 * x + 0.5) * np.exp(-0.3 * x)
    squared = wave * wave + 0.01
    size = np.sqrt(squared)
    soft = np.tanh(1.7 * size - 0.2) / (1.0 + 0.5 * size)
    return np.log(squared + 1.0) * soft + 0.25 * wave
