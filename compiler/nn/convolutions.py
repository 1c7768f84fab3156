"""Convolutions and pooling over any number of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.convolution import Padding, Sizes, convolution
from penstock.frontend.refusals import bad_type, bad_value
from penstock.nn.initializers import he_normal

__all__ = ["conv", "convolution", "init_conv", "max_pool", "mean_pool"]

Parameters = dict[str, Any]


def init_conv(
    key: Any,
    inputs: int,
    outputs: int,
    width: Sequence[int],
    groups: int = 1,
    dtype: Any = np.float32,
) -> Parameters:
    """Parameters of ``conv``.

    Args:
        key: of ``ps.random``.
        inputs: channels that go in.
        outputs: channels that come out.
        width: of the kernel along each spatial axis: ``(3, 3)``.
        groups: as ``conv`` takes it.
        dtype: float.

    Returns:
        ``kernel`` [outputs, inputs / groups, width...] and ``bias`` [outputs].

    Raises:
        ValueError: the groups cannot share out the channels.
    """
    if inputs % groups or outputs % groups:
        raise ValueError(
            f"{groups} groups cannot share out {inputs} and {outputs} channels evenly"
        )
    shape = (outputs, inputs // groups, *width)
    return {"kernel": he_normal(key, shape, dtype), "bias": np.zeros(outputs, dtype)}


def conv(
    parameters: Parameters,
    x: Any,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """A convolution layer: see ``convolution``, plus a bias for each channel.

    Args:
        parameters: as ``init_conv`` makes them.
        x: float [n, inputs, size...].
        stride: between places of the kernel, for all axes or for each.
        padding: ``"same"``, ``"valid"``, or zeros ``(before, after)`` for each axis.
        dilation: between elements of the kernel.
        groups: into how many groups the channels fall, each with outputs of its own.

    Returns:
        float [n, outputs, size...].

    Example:
        >>> import penstock as ps
        >>> parameters = ps.nn.init_conv(ps.random.key(0), 3, 8, (5, 5))
        >>> ps.nn.conv(parameters, np.zeros((2, 3, 20, 30), np.float32), 2).shape
        (2, 8, 10, 15)
    """
    y = convolution(x, parameters["kernel"], stride, padding, dilation, groups)
    return y + np.expand_dims(parameters["bias"], tuple(range(1, x.ndim - 1)))


def max_pool(x: Any, width: Sequence[int], stride: Sequence[int] | None = None) -> Any:
    """The largest element in each window.

    Its derivative goes to the largest element; of two equal ones, half to each.

    Args:
        x: [..., size...].
        width: of a window along each of the last axes.
        stride: between windows; by default their width. What no window reaches is
            left out.

    Returns:
        [..., (size - width) // stride + 1, ...].

    Example:
        >>> import penstock as ps
        >>> ps.nn.max_pool(np.arange(16).reshape(4, 4), (2, 2))
        array([[ 5,  7],
               [13, 15]])
    """
    parts = _windows(x, width, stride)
    found = parts[0]
    for part in parts[1:]:
        found = np.maximum(found, part)
    return found


def mean_pool(x: Any, width: Sequence[int], stride: Sequence[int] | None = None) -> Any:
    """The mean of each window: see ``max_pool``."""
    parts = _windows(x, width, stride)
    found = parts[0]
    for part in parts[1:]:
        found = found + part
    return found * (1 / math.prod(width))


def _windows(x: Any, width: Sequence[int], stride: Sequence[int] | None) -> list[Any]:
    """For each place in a window, what all windows have there."""
    for name, given in (("width", width), ("stride", stride)):
        if given is not None and not hasattr(given, "__len__"):
            raise bad_type(
                f"pooling: {name} is {given!r}, but must have a number for each axis",
                hint=f"give the last axes that windows span: {name}=(2, 2)",
            )
    steps = tuple(width if stride is None else stride)
    if len(width) > x.ndim or len(steps) != len(width):
        raise bad_value(
            f"windows {width} and strides {steps} do not fit {x.ndim} axes",
            hint="give a number for each of the last axes",
        )
    if min(width, default=0) < 1 or min(steps) < 1:
        raise bad_value(
            f"windows {width} and strides {steps} must be at least 1",
            hint="use 1 or more",
        )
    sizes = x.shape[x.ndim - len(width) :]
    if any(size < own for size, own in zip(sizes, width, strict=True)):
        raise bad_value(
            f"windows {width} are larger than the array {x.shape}",
            hint="use smaller windows, or pad the array: np.pad(x, ...)",
        )
    counts = [
        (size - own) // step + 1
        for size, own, step in zip(sizes, width, steps, strict=True)
    ]
    return [
        x[
            (
                ...,
                *(
                    slice(start, start + (count - 1) * step + 1, step)
                    for start, count, step in zip(place, counts, steps, strict=True)
                ),
            )
        ]
        for place in np.ndindex(*width)
    ]
