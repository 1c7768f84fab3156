"""Trigonometry in float64, in a loop that is unrolled."""

import numpy as np


def function(mean_anomaly: np.ndarray, eccentricity: float) -> np.ndarray:
    """Solve Kepler's equation by Newton's method: Vallado (2013), algorithm 2."""
    anomaly = mean_anomaly + eccentricity * np.sin(mean_anomaly)
    for _ in range(4):
        error = anomaly - eccentricity * np.sin(anomaly) - mean_anomaly
        anomaly = anomaly - error / (1 - eccentricity * np.cos(anomaly))
    return anomaly


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Make n angles, and the eccentricity of Mercury's orbit."""
    return rng.uniform(-np.pi, np.pi, n), 0.2056
