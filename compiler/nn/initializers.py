"""Random starting values of parameters, by the number of inputs and outputs.

A shape of two axes is (inputs, outputs); one of more is a convolution's kernel,
(outputs, inputs, width...).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import random

__all__ = [
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
]


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    """The number of inputs of an output, and of outputs of an input."""
    if len(shape) < 2:
        raise ValueError(
            f"a shape of at least two axes is needed to count inputs, not {shape}"
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    taps = math.prod(shape[2:])
    return shape[1] * taps, shape[0] * taps


def _normal(key: Any, shape: Sequence[int], dtype: Any, variance: float) -> Any:
    return random.normal(key, shape, dtype) * math.sqrt(variance)


def _uniform(key: Any, shape: Sequence[int], dtype: Any, variance: float) -> Any:
    bound = math.sqrt(3 * variance)
    return (2 * random.uniform(key, shape, dtype) - 1) * bound


def glorot_normal(key: Any, shape: Sequence[int], dtype: Any = np.float32) -> Any:
    """Normal numbers of variance ``2 / (inputs + outputs)``: Glorot and Bengio, 2010.

    Args:
        key: of ``ps.random``.
        shape: of the result.
        dtype: float.

    Example:
        >>> import penstock as ps
        >>> w = ps.nn.glorot_normal(ps.random.key(0), (300, 100))
        >>> w.shape, bool(abs(w.std() - np.sqrt(2 / 400)) < 1e-3)
        ((300, 100), True)
    """
    inputs, outputs = _fans(shape)
    return _normal(key, shape, dtype, 2 / max(1, inputs + outputs))


def glorot_uniform(key: Any, shape: Sequence[int], dtype: Any = np.float32) -> Any:
    """Uniform numbers of variance ``2 / (inputs + outputs)``: as ``glorot_normal``."""
    inputs, outputs = _fans(shape)
    return _uniform(key, shape, dtype, 2 / max(1, inputs + outputs))


def he_normal(key: Any, shape: Sequence[int], dtype: Any = np.float32) -> Any:
    """Normal numbers of variance ``2 / inputs``: He et al., arXiv:1502.01852."""
    return _normal(key, shape, dtype, 2 / max(1, _fans(shape)[0]))


def he_uniform(key: Any, shape: Sequence[int], dtype: Any = np.float32) -> Any:
    """Uniform numbers of variance ``2 / inputs``: He et al., arXiv:1502.01852."""
    return _uniform(key, shape, dtype, 2 / max(1, _fans(shape)[0]))


def lecun_normal(key: Any, shape: Sequence[int], dtype: Any = np.float32) -> Any:
    """Normal numbers of variance ``1 / inputs``: LeCun et al., Efficient BackProp."""
    return _normal(key, shape, dtype, 1 / max(1, _fans(shape)[0]))


def lecun_uniform(key: Any, shape: Sequence[int], dtype: Any = np.float32) -> Any:
    """Uniform numbers of variance ``1 / inputs``: LeCun et al., Efficient BackProp."""
    return _uniform(key, shape, dtype, 1 / max(1, _fans(shape)[0]))
