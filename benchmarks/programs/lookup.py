"""Gathering rows of a table by an array of indices, some of them negative."""

import numpy as np


def function(table: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return the sum of the rows of each word and its neighbour."""
    return table[words] + table[words - 1] * np.float32(0.5)


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make a table of 50 rows of 8 float32, and n indices."""
    table = rng.standard_normal((50, 8)).astype(np.float32)
    return table, rng.integers(-40, 50, n)
