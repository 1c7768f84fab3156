"""Broadcasting two arrays against each other into a third dimension."""

import numpy as np


def function(points: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the others is nearest to each point, and how far it is."""
    squared = ((points[:, None, :] - others[None, :, :]) ** 2).sum(axis=2)
    return squared.argmin(axis=1), np.sqrt(squared.min(axis=1))


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make n points and 16 others, float64 of 3."""
    return rng.random((n, 3)), rng.random((16, 3))
