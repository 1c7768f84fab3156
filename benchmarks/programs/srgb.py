"""Integers to floats and back, with where, power and clip."""

import numpy as np


def function(pixels: np.ndarray, gain: float) -> np.ndarray:
    """Brighten in linear light: IEC 61966-2-1, section 5.2."""
    encoded = pixels.astype(np.float32) / 255
    light = np.where(
        encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    )
    light = np.clip(light * gain, 0, 1)
    again = np.where(
        light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055
    )
    return np.rint(again * 255).astype(np.uint8)


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Make n pixels of three uint8."""
    return rng.integers(0, 256, (n, 3)).astype(np.uint8), 1.7
