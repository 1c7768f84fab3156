"""Convolution of channels, as neural networks have it."""

from __future__ import annotations

import operator
from typing import Any

from penstock.frontend.broadcasting import require_equal
from penstock.frontend.handles import TracedArray, fresh
from penstock.frontend.host_numbers import size_of
from penstock.frontend.lift import convert
from penstock.frontend.numpy_functions.arguments import arrays_of
from penstock.frontend.promotion import result_dtype
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.errors import DtypeError
from penstock.ir.location import user_location

__all__ = ["correlate_channels"]


def correlate_channels(
    x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> TracedArray:
    """``ps.nn.convolution`` of traced arrays."""
    image, weights = arrays_of([x, kernel])
    tracer = image.tracer
    axes = len(image.sizes) - 2
    if axes < 1 or len(weights.sizes) != axes + 2:
        raise bad_value(
            f"convolution: {image.tensor} and {weights.tensor} do not fit",
            "x is [n, channels, size...], kernel is [outputs, channels / groups, "
            "width...]",
        )
    dtype = result_dtype([image.kind, weights.kind])
    if not dtype.is_float:
        raise DtypeError(
            user_location(),
            f"convolution: {image.tensor} and {weights.tensor} are not floating",
            code="unsupported-dtype",
            hint="convert them first: x.astype(np.float32)",
        )
    strides = _each(tracer, "stride", stride, axes)
    steps = _each(tracer, "dilation", dilation, axes)
    (count,) = _each(tracer, "groups", groups, 1)
    for size in (image.sizes[1], weights.sizes[0]):
        if tracer.ask(size % count, "!=", 0):
            raise bad_value(
                f"convolution: {count} groups cannot share out the channels of "
                f"{image.tensor} and {weights.tensor}",
                hint="use groups that divide the channels and the outputs",
            )
    require_equal(
        tracer,
        f"convolution: channels of x, and {count} times those of kernel,",
        tracer.normalize(image.sizes[1]),
        tracer.normalize(weights.sizes[1] * count),
        hint="kernel is [outputs, channels / groups, width...]",
    )
    if count > 1:
        # How a symbol falls into groups could not be written in the types.
        tracer.pin(weights.sizes[0])
    # A program for each width of the kernel: its taps are unrolled.
    widths = [tracer.pin(size) for size in weights.sizes[2:]]
    low, high = _padding(tracer, padding, widths, steps)
    for size, width, step, before, after in zip(
        image.sizes[2:], widths, steps, low, high, strict=True
    ):
        if tracer.ask(size + before + after, "<", step * (width - 1) + 1):
            raise bad_value(
                f"convolution: a kernel of {width} with dilation {step} is larger than "
                f"the image {image.tensor} with its padding",
                hint="use padding='same', or a smaller kernel or dilation",
            )
    result = tracer.emit(
        "convolution",
        convert(tracer, image.value, dtype),
        convert(tracer, weights.value, dtype),
        stride=strides, low=low, high=high, dilation=steps, groups=count,
        partial=False,
    )  # fmt: skip
    return fresh(tracer, result)


def _each(tracer: Tracer, name: str, value: Any, count: int) -> tuple[int, ...]:
    """A number of at least 1 for each axis; numbers are part of the variant."""
    values = value if isinstance(value, (tuple, list)) else (value,) * count
    if len(values) != count:
        raise bad_value(
            f"convolution: {name} is {value}, but there are {count} axes",
            hint="give a number for all axes, or one for each",
        )
    found = tuple(_number(tracer, name, one) for one in values)
    if min(found) < 1:
        raise bad_value(
            f"convolution: {name} is {value}, but must be at least 1",
            hint="use 1 or more",
        )
    return found


def _number(tracer: Tracer, name: str, value: Any) -> int:
    size = None if isinstance(value, bool) else size_of(value)
    if size is not None:
        return tracer.pin(size)
    try:
        return operator.index(value)
    except TypeError:
        raise bad_type(
            f"convolution: {name} is {value!r}, not an integer",
            hint="give an integer for all axes, or one for each",
        ) from None


def _padding(
    tracer: Tracer, padding: Any, widths: list[int], dilation: tuple[int, ...]
) -> tuple[tuple[Size, ...], tuple[Size, ...]]:
    """Zeros before and after each axis."""
    if padding == "valid":
        none = (0,) * len(widths)
        return none, none
    if padding == "same":
        every = [max(0, d * (k - 1)) for d, k in zip(dilation, widths, strict=True)]
        low = tuple(total // 2 for total in every)
        return low, tuple(t - b for t, b in zip(every, low, strict=True))
    pairs = padding if isinstance(padding, (tuple, list)) else None
    if pairs is None or not all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs
    ):
        raise bad_value(
            f"convolution: padding is {padding!r}, but must be 'same', 'valid' or a "
            "pair for each axis",
            hint="'same' keeps the size, 'valid' adds nothing, ((1, 1),) pads one axis",
        )
    if len(pairs) != len(widths):
        raise bad_value(
            f"convolution: padding is {padding}, but there are {len(widths)} axes",
            hint="give a pair (before, after) for each axis of the kernel's windows",
        )
    found = [tuple(_number(tracer, "padding", n) for n in pair) for pair in pairs]
    if min(min(pair) for pair in found) < 0:
        raise bad_value(
            f"convolution: padding is {padding}, but must not be negative",
            hint="cut elements off by a slice: x[:, :, 1:]",
        )
    return tuple(pair[0] for pair in found), tuple(pair[1] for pair in found)
