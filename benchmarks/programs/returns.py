"""Running sums and differences along a series."""

import numpy as np


def function(prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the growth since the start, and the mean of each window of five."""
    growth = np.cumsum(np.log(prices[1:] / prices[:-1]))
    total = np.cumsum(prices)
    return growth, (total[5:] - total[:-5]) / 5


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make n + 6 positive float64."""
    return (np.exp(rng.normal(0, 0.01, n + 6).cumsum()) * 100,)
