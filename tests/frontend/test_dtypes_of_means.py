"""``dtype=`` of means and variances: that of the sums, not of what is taken off."""

import warnings

import numpy as np
import pytest

from tests.frontend.running import assert_same, run

ARRAYS = {
    "far from zero": np.array([[1e8 + 1, 1e8 + 2], [1e8 + 5, 1e8 + 3]]),
    "f4": np.array([[0.1, 2.7], [-3.2, 5.9]], "f4"),
    "f2": np.array([[0.1, 2.7], [-3.2, 5.9]], "f2"),
    "large integers": np.array([[10**8 + 1, 10**8 + 2], [10**8 + 9, 10**8]]),
    "i1": np.array([[100, 101], [-7, 50]], "i1"),
    "bools": np.array([[True, False], [False, False]]),
}
DTYPES = ("f2", "f4", "f8", "i1", "i8", "u2", "?")


@pytest.mark.parametrize("name", ["mean", "var", "std", "nanmean", "nanvar", "nanstd"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("x", ARRAYS.values(), ids=ARRAYS)
def test_a_dtype_means_what_it_means_to_numpy(name, dtype, x):
    for axis in (None, 0):

        def function(x, axis=axis):
            return getattr(np, name)(x, axis=axis, dtype=dtype)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wanted = function(x)
            except TypeError:
                with pytest.raises(TypeError):
                    run(function, x)
                continue
        found = run(function, x)
        assert np.asarray(found).dtype == np.asarray(wanted).dtype
        np.testing.assert_allclose(found, wanted, rtol=2e-3 if dtype == "f2" else 1e-6)


def test_elements_are_not_rounded_before_the_mean_is_taken_off():
    x = ARRAYS["far from zero"]
    found = run(lambda x: np.var(x, dtype=np.float32), x)
    assert_same(found, np.var(x, dtype=np.float32))
