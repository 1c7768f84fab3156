"""Narrow integers: rounding, saturating, and a product summed in int32."""

import numpy as np


def function(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round to eight bits, and multiply what was rounded."""
    left = np.clip(np.rint(x * 32), -128, 127).astype(np.int8)
    right = np.clip(np.rint(y * 32), -128, 127).astype(np.int8)
    product = left.astype(np.int32) * right.astype(np.int32)
    return left, product.sum()


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make two times n float32."""
    x, y = rng.standard_normal((2, n)).astype(np.float32)
    return x, y
