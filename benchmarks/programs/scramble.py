"""Unsigned integers that wrap around, shifts and exclusive or."""

import numpy as np


def function(x: np.ndarray) -> np.ndarray:
    """Mix the bits of each integer: the finalizer of Appleby's MurmurHash3."""
    x = x ^ (x >> 16)
    x = x * np.uint32(0x85EBCA6B)
    x = x ^ (x >> 13)
    x = x * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make n uint32."""
    return (rng.integers(0, 2**32, n, dtype=np.uint32),)
