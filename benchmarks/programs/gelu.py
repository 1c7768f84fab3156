"""Elementwise arithmetic and one transcendental function."""

import numpy as np

from benchmarks.functions import gelu as function

__all__ = ["arguments", "function"]


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make n normal float32."""
    return (rng.standard_normal(n).astype(np.float32),)
