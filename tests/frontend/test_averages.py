"""Averages, spreads and differences where their arguments are at a limit."""

import warnings

import numpy as np
import pytest

import penstock as ps
from tests.frontend.arrays import RANDOM
from tests.frontend.running import check


@pytest.mark.parametrize("degrees", [0.5, 1.5, 2.5, 3, np.int64(3), np.float64(2.5)])
@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("spread", [np.var, np.std, np.nanvar, np.nanstd])
def test_spreads_of_fewer_elements_than_degrees_of_freedom(spread, size, degrees):
    for x in (np.arange(size), RANDOM.standard_normal(size)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = spread(x, ddof=degrees)
            ours = (lambda x: spread(x, ddof=degrees), lambda x, d: spread(x, ddof=d))
            got = ps.compile(ours[0])(x), ps.compile(ours[1])(x, degrees)
        np.testing.assert_array_equal(got, [expected] * 2)


def test_differences_of_order_0_take_no_ends():
    check(
        lambda x: np.diff(x, n=0, axis=0, prepend=0, append=1),
        RANDOM.standard_normal((3, 2)),
    )


@pytest.mark.parametrize("weights", [np.int16, np.uint32, np.float16, np.float64])
@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float16])
def test_sums_of_weights_are_of_the_dtype_of_the_average(dtype, weights):
    x, w = np.arange(4).astype(dtype), np.ones(4, weights)
    check(lambda x, w: np.average(x, weights=w, returned=True), x, w)
