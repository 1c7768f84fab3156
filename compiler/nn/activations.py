"""Elementwise functions between layers, and the softmax family."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = [
    "elu",
    "gelu",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "one_hot",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]


def relu(x: Any) -> Any:
    """0 where ``x`` is 0 or below, else ``x``; so is its derivative, 0 at 0.

    Example:
        >>> from penstock import nn
        >>> nn.relu(np.array([-1.0, 2.0]))
        array([0., 2.])
    """
    return np.where(x <= 0, 0, x)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """``x`` where it is above 0, else ``slope * x``."""
    return np.where(x > 0, x, slope * x)


def elu(x: Any, scale: float = 1.0) -> Any:
    """``x`` where it is above 0, else ``scale * (exp(x) - 1)``: arXiv:1511.07289."""
    # Not the minimum, whose derivative at 0 is shared: of scale 1 it is smooth there.
    return np.where(x > 0, x, scale * np.expm1(np.where(x > 0, 0, x)))


def gelu(x: Any) -> Any:
    """The Gaussian error linear unit, by tanh: Hendrycks and Gimpel, arXiv:1606.08415.

    Example:
        >>> from penstock import nn
        >>> np.round(nn.gelu(np.array([-1.0, 0.0, 1.0])), 3)
        array([-0.159,  0.   ,  0.841])
    """
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + np.tanh(inner))


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``, which overflows nowhere.

    Example:
        >>> from penstock import nn
        >>> nn.sigmoid(np.array([-1000.0, 0.0, 1000.0]))
        array([0. , 0.5, 1. ])
    """
    return 0.5 * np.tanh(0.5 * x) + 0.5


def silu(x: Any) -> Any:
    """``x * sigmoid(x)``: Elfwing et al., arXiv:1702.03118."""
    return x * sigmoid(x)


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))``, which overflows nowhere."""
    # By the side of 0: a maximum and a magnitude would have no second derivative there.
    below = np.where(x > 0, -x, x)
    return np.where(x > 0, x, 0) + np.log1p(np.exp(below))


def logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """The logarithm of the sum of exponentials along an axis, without overflow.

    Example:
        >>> from penstock import nn
        >>> nn.logsumexp(np.array([1000.0, 1000.0])) - 1000
        np.float64(0.69314718...)
    """
    top = x.max(axis=axis, keepdims=True)
    # Of what is infinite all around, the difference would be nan.
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.exp(x - top).sum(axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def softmax(x: Any, axis: int = -1) -> Any:
    """Exponentials along an axis, divided by their sum.

    Example:
        >>> from penstock import nn
        >>> nn.softmax(np.array([0.0, 0.0, np.log(2.0)]))
        array([0.25, 0.25, 0.5 ])
    """
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of ``softmax``, accurate where that is near 0."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def one_hot(labels: Any, classes: int, dtype: Any = np.float32) -> Any:
    """A 1 at each label's place along a new last axis; none for a label out of range.

    Args:
        labels: integers [...].
        classes: how many there are.
        dtype: of the result [..., classes].

    Example:
        >>> from penstock import nn
        >>> nn.one_hot(np.array([2, 0]), 3)
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)
    """
    return (labels[..., None] == np.arange(classes)).astype(dtype)
