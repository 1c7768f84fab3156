"""``np.convolve`` and ``np.correlate`` of infinities: their padding takes no part."""

import numpy as np
import pytest

import penstock as ps
from tests.frontend.running import check

LONG = np.array([1.0, -2.0, 3.0, 4.0, 0.5])
SHORT = np.array([np.inf, 2.0, np.nan])


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_ends_are_finite_where_only_padding_meets_an_infinity(mode, dtype):
    for first, second in ((LONG, SHORT), (SHORT, LONG), (LONG[:3], SHORT)):
        check(
            lambda v, w: (np.convolve(v, w, mode), np.correlate(v, w, mode)),
            first.astype(dtype),
            second.astype(dtype),
        )


def test_batches_of_kernels_leave_the_padding_out_too():
    longs, shorts = np.stack([LONG, 2 * LONG]), np.stack([SHORT, SHORT[::-1] + 1])
    wanted = [np.convolve(v, w) for v, w in zip(longs, shorts, strict=True)]
    np.testing.assert_array_equal(ps.vmap(np.convolve)(longs, shorts), wanted)


def test_a_derivative_by_the_shorter_one_leaves_the_padding_out():
    # The first result has no part in the derivative by the second element.
    factors = np.r_[np.inf, np.ones(5)]
    found = ps.grad(lambda w: (np.convolve(LONG, w) * factors).sum())(LONG[:2])
    np.testing.assert_array_equal(found, [np.inf, LONG.sum()])
