"""Comparison against a range, and counting what is true."""

import numpy as np


def function(grades: np.ndarray) -> tuple[np.ndarray, np.bool, np.bool]:
    """Count each grade from 0 to 9, and say whether any or all reach 5."""
    counts = (grades[:, None] == np.arange(10)).sum(axis=0)
    return counts, (grades >= 5).any(), (grades >= 5).all()


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make n int64 from 0 to 9."""
    return (rng.integers(0, 10, n),)
