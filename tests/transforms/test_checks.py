"""What ``ps.check_grads`` finds, and what it lets pass."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import CheckError

X = np.array([0.5, 1.2, -0.3])


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(1.0, "f8"), (1e-6, "f8"), (1e-10, "f8"), (1.0, "f4"), (1e-3, "f4")],
)
def test_missing_derivative_of_small_functions(scale, dtype):
    def small(x):
        return scale * np.sin(x)

    without = ps.custom_jvp(small)
    without.defjvp(lambda primals, tangents: (small(*primals), 0 * tangents[0]))
    ps.check_grads(small, (X.astype(dtype),))
    for mode in ("forward", "reverse"):
        with pytest.raises(CheckError, match="wrong-derivative"):
            ps.check_grads(without, (X.astype(dtype),), 1, mode)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sin(x) ** 2 + np.cos(x) ** 2 - 1,
        lambda x: (np.exp(x) / np.exp(x).sum()).sum(),
        lambda x: (x - x.mean()).sum(),
        lambda x: (1 + 1e-3 * x) - 1,
        lambda x: 1 / (1 + np.exp(x)) + 1 / (1 + np.exp(-x)) - 1,
        lambda x: 1e-7 * x.prod(),
    ],
)
def test_what_cancels_is_no_wrong_derivative(function, dtype):
    ps.check_grads(function, (X.astype(dtype),))
