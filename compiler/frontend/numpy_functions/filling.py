"""Functions that write elements by flat indices and masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.lift import as_array
from penstock.frontend.numpy_functions.arguments import numpy, operand, size_argument
from penstock.frontend.numpy_functions.ranges import arange
from penstock.frontend.promotion import check_cast
from penstock.frontend.refusals import bad_type, bad_value
from penstock.ir.types import bool_
from penstock.ir.wording import with_article

__all__ = ["place", "put", "putmask", "resize"]


def _writable(name: str, array: Any) -> TracedArray:
    if type(array) is not TracedArray:
        raise bad_type(
            f"{name}: {with_article(type(array).__name__)} is not traced",
            hint="make it an array within the function: np.array(...)",
        )
    array.check_writable()
    return array


def _repeated(
    name: str, x: TracedArray, values: Any, places: Any, casting: str = "safe"
) -> Any:
    """Values for these places, in a cycle, in the dtype of what they are put in.

    Numbers and lists are converted as those that are assigned, arrays by a rule. An
    array without axes may be a scalar of the caller's.
    """
    if isinstance(values, np.ndarray) and values.ndim:
        given = as_array(x.tracer, values)
        check_cast(given.kind, x.kind, casting, name)
    else:
        given = as_array(x.tracer, values, x.kind)
    flat = given.reshape(-1)
    if x.tracer.ask(flat.sizes[0], "==", 0):
        raise bad_value(f"{name}: there are no values", hint="give one value at least")
    return numpy.take(flat, places % flat.shape[0]).astype(x.dtype)


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """``np.put``."""
    x = _writable("put", a)
    index = as_array(x.tracer, ind).reshape(-1)
    if not index.kind.is_integer:
        raise bad_type(
            f"put: the indices are {index.tensor}, not integers",
            hint="convert them: indices.astype(int)",
        )
    if mode not in ("raise", "clip", "wrap"):
        raise bad_value(
            f"put: there is no mode {mode!r}",
            hint="'raise' refuses what is outside, 'wrap' goes around, 'clip' stops",
        )
    if mode == "clip":
        index = numpy.clip(index, 0, x.size - 1)
    elif mode == "wrap":
        index = index % x.size
    flat = x.flatten()
    flat[index] = _repeated("put", x, v, arange(index.shape[0]), "unsafe")
    x[...] = flat.reshape(x.shape)


def putmask(a: Any, mask: Any, values: Any) -> None:
    """``np.putmask``: the values are repeated over all elements."""
    x = _writable("putmask", a)
    chosen = _mask("putmask", x, mask)
    found = _repeated("putmask", x, values, arange(x.size)).reshape(x.shape)
    x[...] = numpy.where(chosen, found, x)


def place(arr: Any, mask: Any, vals: Any) -> None:
    """``np.place``: the values are repeated over the elements that a mask chooses."""
    x = _writable("place", arr)
    chosen = _mask("place", x, mask)
    rank = numpy.maximum(numpy.cumsum(chosen.reshape(-1)) - 1, 0)
    found = _repeated("place", x, vals, rank).reshape(x.shape)
    x[...] = numpy.where(chosen, found, x)


def _mask(name: str, x: TracedArray, mask: Any) -> Any:
    chosen = as_array(x.tracer, mask)
    if chosen.kind is not bool_:
        chosen = operand(chosen != 0)
    if len(chosen.sizes) != len(x.sizes):
        raise bad_value(
            f"{name}: the mask is {chosen.tensor}, the array {x.tensor}",
            hint="give the mask the array's shape: np.broadcast_to(mask, x.shape)",
        )
    return numpy.broadcast_to(chosen, x.shape)


def resize(a: Any, new_shape: Any) -> Any:
    """``np.resize``: the elements are repeated until the shape is full."""
    x = operand(a).reshape(-1)
    shape = new_shape if isinstance(new_shape, (tuple, list)) else (new_shape,)
    count = 1
    for size in shape:
        x.tracer.require_size(size_argument(x.tracer, size))
        count = count * size
    if x.tracer.ask(x.sizes[0], "==", 0):
        return numpy.zeros_like(x, shape=tuple(shape))
    return numpy.take(x, arange(count) % x.shape[0]).reshape(tuple(shape))
