"""Convolutions: tiles of channels, and vectors along results or along taps."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.ops.convolution import Convolution
from penstock.nn import convolution
from tests.targets import need_target

random = np.random.default_rng(9)

# The shapes of x and of the kernel, and stride, padding, dilation, groups.
CASES = {
    "one tile": ((2, 3, 9, 20), (8, 3, 3, 3), 1, (1, 1), 1, 1),
    "part of a tile": ((1, 2, 5, 70), (11, 2, 3, 5), 1, (2, 2), 1, 1),
    "one channel": ((3, 4, 6, 33), (1, 4, 2, 2), 1, (0, 0), 1, 1),
    "strides": ((2, 2, 11, 40), (9, 2, 3, 4), 3, (1, 2), 1, 1),
    "holes": ((2, 2, 12, 40), (9, 2, 3, 4), 1, (1, 2), 2, 1),
    "groups": ((2, 6, 7, 18), (12, 2, 3, 3), 1, (1, 1), 1, 3),
    "more taps than results": ((2, 3, 9, 40), (10, 3, 8, 38), 1, (1, 0), 1, 1),
    "many taps, few results": ((2, 3, 9, 80), (10, 3, 2, 70), 1, (1, 2), 1, 1),
    "one axis": ((2, 3, 100), (9, 3, 7), 2, (3, 3), 1, 1),
    "three axes": ((1, 2, 4, 5, 20), (9, 2, 2, 2, 3), 1, (1, 0), 1, 1),
}


def attributes(rank, stride, padding, dilation, groups):
    return {
        "stride": (stride,) * rank,
        "low": (padding[0],) * rank,
        "high": (padding[1],) * rank,
        "dilation": (dilation,) * rank,
        "groups": groups,
        "partial": False,
    }


@pytest.mark.parametrize("target", ["x86-64-v4", "x86-64-v3", "x86-64"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_convolutions_are_what_they_mean(case, target, monkeypatch):
    need_target(target)
    monkeypatch.setenv("PENSTOCK_TARGET", target)
    x_shape, w_shape, *spatial = case
    stride, padding, dilation, groups = spatial
    rank = len(x_shape) - 2
    compiled = ps.compile(
        lambda x, w: convolution(x, w, stride, (padding,) * rank, dilation, groups)
    )
    for dtype, tolerance in ((np.float32, 1e-4), (np.float64, 1e-12)):
        x = random.standard_normal(x_shape).astype(dtype)
        w = random.standard_normal(w_shape).astype(dtype)
        wanted = Convolution.reference(x, w, **attributes(rank, *spatial))
        found = compiled(x, w)
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        scale = float(abs(wanted).max())
        np.testing.assert_allclose(found, wanted, atol=tolerance * scale)


def test_what_follows_is_computed_from_whole_tiles():
    def layer(x, w, b):
        return np.tanh(convolution(x, w) + b[:, None, None])

    compiled = ps.compile(layer)
    for channels, outputs, size in ((1, 3, 5), (4, 8, 20), (3, 13, 70)):
        x = random.standard_normal((2, channels, 6, size))
        w = random.standard_normal((outputs, channels, 3, 3))
        b = random.standard_normal(outputs)
        plain = Convolution.reference(x, w, **attributes(2, 1, (1, 1), 1, 1))
        wanted = np.tanh(plain + b[:, None, None])
        np.testing.assert_allclose(compiled(x, w, b), wanted, atol=1e-11)


def test_derivatives_by_kernels():
    def loss(w, x):
        return (convolution(x, w) ** 2).sum()

    x, w = random.standard_normal((2, 3, 9, 21)), random.standard_normal((5, 3, 3, 3))
    step = random.standard_normal(w.shape)
    found = (ps.grad(loss)(w, x) * step).sum()
    small = 1e-6 * step
    wanted = (ps.compile(loss)(w + small, x) - ps.compile(loss)(w - small, x)) / 2e-6
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
