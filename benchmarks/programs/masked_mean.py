"""Not-a-numbers, masks, and reductions that pass over them."""

import numpy as np


def function(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the largest of what is known, by column."""
    known = ~np.isnan(x)
    count = known.sum(axis=0)
    mean = np.where(known, x, 0).sum(axis=0) / np.maximum(count, 1)
    return mean, np.where(known, x, -np.inf).max(axis=0, initial=-np.inf)


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make n rows of 5 float64, a fifth of them not known."""
    x = rng.standard_normal((n, 5))
    return (np.where(rng.random((n, 5)) < 0.2, np.nan, x),)
