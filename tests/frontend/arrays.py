"""Arrays that the tests of capture compute with."""

import numpy as np

RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((3, 4)).astype(np.float32)
Y = RANDOM.standard_normal((3, 4))
V = RANDOM.standard_normal(4).astype(np.float32)
SQUARE = RANDOM.standard_normal((4, 4)).astype(np.float32)
CUBE = RANDOM.standard_normal((2, 3, 4))
POSITIVE = np.abs(X) + np.float32(0.1)
HALF = X.astype(np.float16)
INTEGERS = RANDOM.integers(-5, 5, (3, 4))
BYTES = RANDOM.integers(0, 200, (3, 4)).astype(np.uint8)
SHORT = RANDOM.integers(-100, 100, (3, 4)).astype(np.int8)
BOOLS = X > 0
WITH_NAN = np.array([[1.0, np.nan, 3.0], [-2.0, np.nan, 0.5]])
AWKWARD = np.array(
    [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -1.5, 1e-310, 3.7, np.inf, -np.inf, np.nan],
)
AWKWARD_SINGLE = np.array(
    [0.0, -0.0, 0.49999997, -0.5, 2.5, 8388609.0, 1e-42, np.inf, -np.inf, np.nan],
    np.float32,
)
