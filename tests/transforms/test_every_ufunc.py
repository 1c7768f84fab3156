"""Derivatives of every ufunc where they are easily wrong: at zeros and whole numbers.

Sweeps over ops take random numbers; what a formula does at single points, such as a
branch for zero, only these find.
"""

import itertools

import numpy as np
import pytest

import penstock as ps

special = pytest.importorskip("scipy.special")

POINTS = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0]
STEP = 1e-5
# These jump at 0, which differences take for slopes.
STEPS = {"frexp", "heaviside", "sign"}

NAMES = [name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)]
FUNCTIONS = {getattr(np, name) for name in NAMES} | {
    special.erf, special.erfc, special.gammaln, special.digamma, special.expit,
    special.log_expit, special.logit, special.ndtr, special.xlogy, special.xlog1py,
    special.entr,
}  # fmt: skip
UFUNCS = sorted(
    (
        u
        for u in FUNCTIONS
        if not u.signature and any(t.startswith("d" * u.nin + "->d") for t in u.types)
    ),
    key=lambda u: u.__name__,
)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_derivatives_at_particular_points(ufunc):
    def first(*xs):
        result = ufunc(*xs)
        return result[0] if ufunc.nout > 1 else result

    xs = np.array(list(itertools.product(POINTS, repeat=ufunc.nin))).T
    checked = 0
    for k in range(ufunc.nin):

        def shifted(by, k=k):
            return first(*(x + by * (i == k) for i, x in enumerate(xs)))

        with np.errstate(all="ignore"):
            middle = shifted(0.0)
            right = (shifted(STEP) - middle) / STEP
            left = (middle - shifted(-STEP)) / STEP
            near = abs(right - left) < 1e-2 * (1 + abs(right))
            mean = (right + left) / 2
        smooth = near & (abs(right) < 1 / np.sqrt(STEP))
        if ufunc.__name__ in STEPS:
            smooth &= xs[0] != 0
        ones = tuple(np.ones(xs.shape[1]) * (i == k) for i in range(ufunc.nin))
        reverse = ps.grad(lambda *a: first(*a).sum(), k)(*xs)
        forward = ps.jvp(first, tuple(xs), ones)[1]
        np.testing.assert_allclose(forward, reverse, rtol=1e-12, err_msg=f"by {k}")
        np.testing.assert_allclose(
            forward[smooth], mean[smooth], rtol=1e-3, atol=1e-3,
            err_msg=f"by {k} at {xs[:, smooth]}",
        )  # fmt: skip
        checked += int(smooth.sum())
    assert checked
