"""Convolution as neural networks have it: ``ps.nn.convolution``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from penstock.api import compile  # noqa: A004
from penstock.at_once import POSITIONAL
from penstock.frontend.numpy_functions.channels import correlate_channels
from penstock.frontend.tracer import current_tracer
from penstock.frontend.transformed import Transformed
from penstock.ir.errors import OptionError
from penstock.ir.location import user_location

__all__ = ["Padding", "Sizes", "convolution"]

Sizes = int | Sequence[int]
Padding = str | Sequence[tuple[int, int]]


def convolution(
    x: Any,
    kernel: Any,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """Cross-correlation of channels over any number of spatial axes.

    ``y[n, o, p] = sum over c, k of x[n, c, p * stride + k * dilation - before] *
    kernel[o, c, k]``: Dumoulin and Visin, A guide to convolution arithmetic,
    arXiv:1603.07285.

    Args:
        x: float [n, channels, size...], with zeros around it.
        kernel: float [outputs, channels / groups, width...].
        stride: between places of the kernel, for all axes or for each.
        padding: zeros ``(before, after)`` for each axis; ``"valid"`` for none;
            ``"same"`` for ``dilation * (width - 1)`` in all, half of them before, which
            gives ``ceil(size / stride)`` places.
        dilation: between elements of the kernel.
        groups: into how many groups the channels fall, each with outputs of its own.

    Returns:
        float [n, outputs, (size + before + after - dilation * (width - 1) - 1)
        // stride + 1, ...].

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> x = np.arange(5.0).reshape(1, 1, 5)
        >>> ps.nn.convolution(x, np.ones((1, 1, 3)))
        array([[[1., 3., 6., 9., 7.]]])
    """
    options = (_frozen(stride), _frozen(padding), _frozen(dilation), groups)
    if current_tracer() is not None:
        return correlate_channels(x, kernel, *options)
    try:
        run = _compiled(options)
    except TypeError:
        raise OptionError(
            user_location(),
            f"convolution: {options} are no strides, padding, dilation and groups",
            hint="give integers, or a sequence with one for each axis",
        ) from None
    return run(x, kernel)


def _frozen(option: Any) -> Any:
    if isinstance(option, (list, tuple)):
        return tuple(map(_frozen, option))
    return option


@lru_cache(maxsize=128)
def _compiled(options: Any) -> Any:
    def apply(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return correlate_channels(*args, *options)

    made = Transformed(convolution, apply, "nn")
    made.__signature__ = POSITIONAL
    return compile(made)
