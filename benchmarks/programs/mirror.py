"""Movement alone: reversing, joining, rolling, stacking, transposing."""

import numpy as np


def function(x: np.ndarray) -> np.ndarray:
    """Lay a signal beside its mirror image, and both beside a rolled copy."""
    both = np.concatenate([x, x[::-1]])
    return np.stack([both, np.roll(both, 3)]).T.reshape(-1)


def arguments(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make n int32."""
    return (rng.integers(-100, 100, n).astype(np.int32),)
