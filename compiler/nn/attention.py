"""Attention: Vaswani et al., Attention Is All You Need, arXiv:1706.03762."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import random
from penstock.nn.activations import softmax
from penstock.nn.initializers import glorot_uniform

__all__ = ["attention", "init_multi_head_attention", "multi_head_attention"]

Parameters = dict[str, Any]


def attention(
    query: Any, key: Any, value: Any, mask: Any = None, causal: bool = False
) -> Any:
    """Means of values, weighted by how well queries fit keys.

    Args:
        query: float [..., n, d].
        key: float [..., m, d].
        value: float [..., m, e].
        mask: bool, broadcast to [..., n, m]: which keys a query may see. A query that
            may see none has the mean of all values.
        causal: whether a query may see only keys up to its own place; the last query
            stands beside the last key.

    Returns:
        float [..., n, e].

    Example:
        >>> import penstock as ps
        >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> ps.nn.attention(np.zeros((2, 2)), x, x)
        array([[2., 3.],
               [2., 3.]])
        >>> ps.nn.attention(np.zeros((2, 2)), x, x, causal=True)
        array([[1., 2.],
               [2., 3.]])
    """
    size = query.shape[-1]
    # Scaling the queries is less work than scaling the scores.
    scores = (query * size**-0.5) @ np.swapaxes(key, -1, -2)
    if causal:
        n, m = scores.shape[-2:]
        seen = np.arange(m) <= np.arange(n)[:, None] + (m - n)
        mask = seen if mask is None else np.logical_and(mask, seen)
    if mask is not None:
        # Not minus infinity: a row of those alone would have no softmax.
        scores = np.where(mask, scores, np.finfo(scores.dtype).min)
    return softmax(scores) @ value


def init_multi_head_attention(
    key: Any, size: int, dtype: Any = np.float32
) -> Parameters:
    """Parameters of ``multi_head_attention``, ``[size, size]`` and ``[size]`` each."""
    names = ("query", "key", "value", "output")
    parameters: Parameters = {}
    for name, own in zip(names, random.split(key, 4), strict=True):
        parameters[name] = glorot_uniform(own, (size, size), dtype)
        parameters[f"{name}_bias"] = np.zeros(size, dtype)
    return parameters


def multi_head_attention(
    parameters: Parameters,
    x: Any,
    heads: int,
    memory: Any = None,
    mask: Any = None,
    causal: bool = False,
) -> Any:
    """Attention of several heads side by side.

    Args:
        parameters: as ``init_multi_head_attention`` makes them.
        x: float [..., n, size]; the queries come from it.
        heads: how many there are; they share out ``size`` evenly.
        memory: float [..., m, size]; keys and values come from it, by default from
            ``x``.
        mask: bool, broadcast to [..., heads, n, m]: which keys a query may see.
        causal: whether a query may see only keys up to its own place.

    Returns:
        float [..., n, size].

    Raises:
        ValueError: the heads cannot share out ``size``.
    """
    size = x.shape[-1]
    if size % heads:
        raise ValueError(f"{heads} heads cannot share out {size} numbers evenly")

    def part(name: str, source: Any) -> Any:
        found = source @ parameters[name] + parameters[f"{name}_bias"]
        split = found.reshape(*found.shape[:-1], heads, size // heads)
        return np.swapaxes(split, -2, -3)

    source = x if memory is None else memory
    found = attention(
        part("query", x), part("key", source), part("value", source), mask, causal
    )
    joined = np.swapaxes(found, -2, -3).reshape(x.shape)
    return joined @ parameters["output"] + parameters["output_bias"]
