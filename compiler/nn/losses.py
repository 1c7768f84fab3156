"""What training makes small: means over all that is compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.nn.activations import log_softmax

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "huber",
    "mean_absolute_error",
    "mean_squared_error",
]


def mean_squared_error(prediction: Any, target: Any) -> Any:
    """The mean of ``(prediction - target)**2``.

    Example:
        >>> from penstock import nn
        >>> nn.mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        np.float64(2.0)
    """
    difference = prediction - target
    return (difference * difference).mean()


def mean_absolute_error(prediction: Any, target: Any) -> Any:
    """The mean of ``abs(prediction - target)``."""
    return np.abs(prediction - target).mean()


def huber(prediction: Any, target: Any, width: float = 1.0) -> Any:
    """Half the square of the difference up to ``width``, and linear beyond.

    Huber, Robust Estimation of a Location Parameter (1964).

    Example:
        >>> from penstock import nn
        >>> nn.huber(np.array([1.0, 10.0]), np.array([0.0, 0.0]))
        np.float64(5.0)
    """
    size = np.abs(prediction - target)
    inside = np.minimum(size, width)
    return (inside * (size - 0.5 * inside)).mean()


def cross_entropy(logits: Any, labels: Any) -> Any:
    """The mean of minus the logarithm of the probability of what is true.

    Args:
        logits: float [..., classes]; their softmax gives the probabilities.
        labels: integers [...], the classes that are true; or float [..., classes],
            their probabilities.

    Raises:
        IndexError: a label is out of range, when the program runs into it.

    Example:
        >>> from penstock import nn
        >>> nn.cross_entropy(np.zeros((2, 4)), np.array([0, 3]))  # log 4
        np.float64(1.386294361119...)
    """
    scores = log_softmax(logits)
    if labels.dtype.kind == "f":
        return -(labels * scores).sum(axis=-1).mean()
    return -np.take_along_axis(scores, labels[..., None], axis=-1).mean()


def binary_cross_entropy(logits: Any, target: Any) -> Any:
    """The same for one probability each, ``sigmoid(logits)``.

    Args:
        logits: float [...].
        target: 0 or 1, or between them, [...].

    Example:
        >>> from penstock import nn
        >>> nn.binary_cross_entropy(np.array([0.0, 800.0]), np.array([1.0, 1.0]))
        np.float64(0.34657359027...)
    """
    rest = np.log1p(np.exp(-np.abs(logits)))
    return (np.maximum(logits, 0) - logits * target + rest).mean()
