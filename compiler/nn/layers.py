"""Dense layers, normalization, dropout and embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import random
from penstock.nn.initializers import glorot_uniform

__all__ = [
    "batch_norm",
    "dense",
    "dropout",
    "embedding",
    "init_batch_norm",
    "init_dense",
    "init_embedding",
    "init_layer_norm",
    "layer_norm",
]

Parameters = dict[str, Any]


def init_dense(
    key: Any, inputs: int, outputs: int, dtype: Any = np.float32
) -> Parameters:
    """Parameters of ``dense``: ``weight`` [inputs, outputs] and ``bias`` [outputs].

    Args:
        key: of ``ps.random``.
        inputs: how many numbers go in.
        outputs: how many come out.
        dtype: float.
    """
    return {
        "weight": glorot_uniform(key, (inputs, outputs), dtype),
        "bias": np.zeros(outputs, dtype),
    }


def dense(parameters: Parameters, x: Any) -> Any:
    """``x @ weight + bias``.

    Args:
        parameters: as ``init_dense`` makes them.
        x: float [..., inputs].

    Returns:
        float [..., outputs].

    Example:
        >>> import penstock as ps
        >>> parameters = {"weight": np.eye(2), "bias": np.ones(2)}
        >>> ps.nn.dense(parameters, np.array([[1.0, 2.0]]))
        array([[2., 3.]])
    """
    return x @ parameters["weight"] + parameters["bias"]


def init_embedding(
    key: Any, count: int, size: int, dtype: Any = np.float32
) -> Parameters:
    """Parameters of ``embedding``: ``table`` [count, size] of variance ``1 / size``."""
    return {"table": random.normal(key, (count, size), dtype) * size**-0.5}


def embedding(parameters: Parameters, indices: Any) -> Any:
    """The rows of a table: integers [...] -> float [..., size].

    Raises:
        IndexError: an index is out of range, when the program runs into it.
    """
    return parameters["table"][indices]


def init_layer_norm(size: int, dtype: Any = np.float32) -> Parameters:
    """Parameters of ``layer_norm``: ``scale`` and ``shift``, [size] each."""
    return {"scale": np.ones(size, dtype), "shift": np.zeros(size, dtype)}


def layer_norm(parameters: Parameters, x: Any, epsilon: float = 1e-5) -> Any:
    """Rows of mean 0 and variance 1, scaled and shifted: arXiv:1607.06450.

    Args:
        parameters: as ``init_layer_norm`` makes them.
        x: float [..., size].
        epsilon: added to the variance.

    Example:
        >>> import penstock as ps
        >>> ps.nn.layer_norm(ps.nn.init_layer_norm(2), np.array([1.0, 3.0]), 0.0)
        array([-1.,  1.])
    """
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    rows = centred / np.sqrt(variance + epsilon)
    return rows * parameters["scale"] + parameters["shift"]


def init_batch_norm(
    size: int, dtype: Any = np.float32
) -> tuple[Parameters, Parameters]:
    """Parameters and state of ``batch_norm``, [size] each.

    Returns:
        ``scale`` and ``shift``, which are trained; and ``mean`` and ``variance``, which
        are not.
    """
    parameters = {"scale": np.ones(size, dtype), "shift": np.zeros(size, dtype)}
    return parameters, {"mean": np.zeros(size, dtype), "variance": np.ones(size, dtype)}


def batch_norm(
    parameters: Parameters,
    state: Parameters,
    x: Any,
    training: bool,
    axis: int = 1,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
) -> tuple[Any, Parameters]:
    """Channels of mean 0 and variance 1, scaled and shifted: arXiv:1502.03167.

    Args:
        parameters: as ``init_batch_norm`` makes them.
        state: the same; running means that serve where there is no training.
        x: float, with the channels along ``axis``.
        training: whether to use the means of this batch, and add them to the state.
        axis: of the channels.
        momentum: how much of the state remains.
        epsilon: added to the variance.

    Returns:
        The result, of the shape of ``x``, and the next state.
    """
    axes = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    if training:
        mean = x.mean(axis=axes)
        variance = x.var(axis=axes)
        state = {
            "mean": momentum * state["mean"] + (1 - momentum) * mean,
            "variance": momentum * state["variance"] + (1 - momentum) * variance,
        }
    else:
        mean, variance = state["mean"], state["variance"]
    scale = parameters["scale"] / np.sqrt(variance + epsilon)
    shift = parameters["shift"] - mean * scale
    return x * np.expand_dims(scale, axes) + np.expand_dims(shift, axes), state


def dropout(key: Any, x: Any, rate: float) -> Any:
    """Elements set to 0 at random, the others scaled so that the mean stays.

    Srivastava et al., Dropout (2014). Without a key, as when a model is used rather
    than trained, ``x`` itself.

    Args:
        key: of ``ps.random``, or ``None``.
        x: float [...].
        rate: the probability of 0, from 0 up to but not including 1.

    Example:
        >>> import penstock as ps
        >>> kept = ps.nn.dropout(ps.random.key(0), np.ones(10000), 0.25)
        >>> np.unique(kept), bool(abs(kept.mean() - 1) < 0.02)
        (array([0.        , 1.33333333]), True)
    """
    if key is None or rate == 0:
        return x
    if not 0 < rate < 1:
        raise ValueError(f"rate is {rate}, but must be at least 0 and below 1")
    kept = random.bernoulli(key, 1 - rate, x.shape)
    return np.where(kept, x / (1 - rate), 0)
