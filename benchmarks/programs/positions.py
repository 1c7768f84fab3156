"""An integer argument that becomes the size of a new array."""

import numpy as np


def function(length: int, width: int) -> np.ndarray:
    """Vaswani and others, Attention Is All You Need (2017), section 3.5."""
    table = np.zeros((length, width))
    rates = 10000.0 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(length)[:, None] * rates
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles)
    return table


def arguments(n: int, rng: np.random.Generator) -> tuple[int, int]:
    """Ask for n rows of 8."""
    return n, 8
