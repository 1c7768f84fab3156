"""Functions that call a function along axes."""

from __future__ import annotations

import math
from typing import Any

from penstock.frontend.numpy_functions.arguments import (
    normalize_axis,
    numpy,
    operand,
)
from penstock.frontend.numpy_functions.creation import asarray
from penstock.frontend.refusals import bad_value

__all__ = ["apply_along_axis", "apply_over_axes"]


def apply_along_axis(
    func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """``np.apply_along_axis``: the function is traced once, for all lines at a time."""
    # Programs without it do not load what batches functions.
    from penstock.frontend.transform_batch import batch

    x = operand(arr)
    place = normalize_axis(axis, len(x.sizes))
    lines = numpy.moveaxis(x, place, -1)
    rest = lines.shape[:-1]
    lines = lines.reshape((math.prod(rest), lines.shape[-1]))

    def one(line: Any) -> Any:
        return asarray(func1d(line, *args, **kwargs))

    found = operand(batch(one, (lines,), 0, 0))
    found = found.reshape((*rest, *found.shape[1:]))
    count = len(found.sizes) - len(rest)
    ends = tuple(range(len(rest), len(rest) + count))
    return numpy.moveaxis(found, ends, tuple(range(place, place + count)))


def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """``np.apply_over_axes``."""
    x = operand(a)
    rank = len(x.sizes)
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        place = normalize_axis(axis, rank)
        found = operand(func(x, place))
        if len(found.sizes) != rank:
            found = operand(numpy.expand_dims(found, place))
        if len(found.sizes) != rank:
            raise bad_value(
                f"apply_over_axes: the function makes {found.tensor} of {x.tensor}",
                hint="return an array of as many axes, or of one less",
            )
        x = found
    return x
