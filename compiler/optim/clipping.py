"""Limits for gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.tree import tree_leaves, tree_map

__all__ = ["clip_by_norm", "clip_by_value", "global_norm"]


def global_norm(tree: Any) -> Any:
    """The square root of the sum of the squares of all elements of nested arrays.

    Example:
        >>> import penstock as ps
        >>> ps.optim.global_norm({"w": np.array([3.0]), "b": np.array([4.0])})
        np.float64(5.0)
    """
    return np.sqrt(sum((leaf * leaf).sum() for leaf in tree_leaves(tree)))


def clip_by_norm(gradients: Any, limit: float) -> Any:
    """Gradients scaled so that their ``global_norm`` is at most ``limit``.

    Pascanu et al., arXiv:1211.5063. Gradients that are not finite stay so.

    Example:
        >>> import penstock as ps
        >>> ps.optim.clip_by_norm({"w": np.array([3.0, 4.0])}, 1.0)
        {'w': array([0.6, 0.8])}
    """
    norm = global_norm(gradients)
    # Written so that a norm of 0 divides nothing.
    scale = limit / np.maximum(norm, limit)
    return tree_map(lambda g: g * scale.astype(g.dtype), gradients)


def clip_by_value(gradients: Any, limit: float) -> Any:
    """Gradients with each element cut to between ``-limit`` and ``limit``."""
    return tree_map(lambda g: np.clip(g, -limit, limit), gradients)
