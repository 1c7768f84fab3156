"""Trigonometry in float64: the distance of each point from one place on a globe."""

import numpy as np


def function(
    latitude: np.ndarray, longitude: np.ndarray, place: tuple[float, float]
) -> np.ndarray:
    """Sinnott, Virtues of the Haversine, Sky and Telescope 68 (1984)."""
    across = np.sin((longitude - place[1]) / 2) ** 2
    along = np.sin((latitude - place[0]) / 2) ** 2
    chord = along + np.cos(latitude) * np.cos(place[0]) * across
    return 6371.0 * 2 * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))


def arguments(
    n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Make n places in radians."""
    return rng.uniform(-1.5, 1.5, n), rng.uniform(-3, 3, n), (0.8, 0.15)
