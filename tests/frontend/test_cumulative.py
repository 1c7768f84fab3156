"""Cumulative sums and products: signs of zero, and bools."""

import numpy as np
import pytest

import penstock as ps
from tests.frontend.running import check

ZEROS = np.array([[-0.0, 0.0, -0.0], [-0.0, -0.0, 1.0]])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_the_first_sum_is_the_first_element_with_its_sign(dtype, axis):
    x = ZEROS.astype(dtype)
    found = ps.compile(lambda x: np.cumsum(x, axis))(x)
    wanted = np.cumsum(x, axis)
    assert found.dtype == wanted.dtype
    assert found.tobytes() == wanted.tobytes()


def test_what_comes_before_the_first_is_zero():
    found = ps.compile(lambda x: np.cumulative_sum(x, include_initial=True))(ZEROS[1])
    np.testing.assert_array_equal(np.signbit(found), [False, True, True, False])


@pytest.mark.parametrize("x", [ZEROS, np.array([[0, 3, 0], [2, 0, 0]])])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_sums_and_products_in_bools_are_any_and_all(x, axis):
    check(
        lambda x: (
            np.cumsum(x, axis, dtype=bool),
            np.cumprod(x, axis, dtype=bool),
            np.add.accumulate(x, axis or 0, dtype=bool),
            np.multiply.accumulate(x, axis or 0, dtype=bool),
        ),
        x,
    )
