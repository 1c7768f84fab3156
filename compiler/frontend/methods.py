"""Attributes and methods of traced arrays, by NumPy's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from penstock.frontend.answers import constant_array, number
from penstock.frontend.handles import TracedArray, TracedScalar, fresh, wrap
from penstock.frontend.host_numbers import host_integer
from penstock.frontend.lift import as_array, convert
from penstock.frontend.numpy_functions import (
    contraction,
    creation,
    cumulative,
    filling,
    joining,
    numerics,
    reductions,
    selecting,
    shaping,
    sorting,
    statistics,
)
from penstock.frontend.promotion import as_dtype, check_cast
from penstock.frontend.refusals import bad_value
from penstock.ir.dims import product
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location

__all__ = ["lookup", "names"]


def _reshape(x: TracedArray, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    sizes = shape[0] if len(shape) == 1 else shape
    return shaping.reshape(x, sizes, order, copy=copy)


def _transpose(x: TracedArray, *axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
        return shaping.transpose(x, axes[0])
    return shaping.transpose(x, axes or None)


def _astype(
    x: TracedArray,
    dtype: Any,
    order: str = "K",
    casting: str = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> TracedArray:
    target = as_dtype(dtype)
    check_cast(x.kind, target, casting, "astype")
    if not copy and target is x.kind:
        return x
    make = wrap if type(x) is TracedScalar else fresh
    value = x.value
    if target.kind == "b" and x.kind.kind != "b":
        value = (x != 0).value
    return make(x.tracer, convert(x.tracer, value, target), x.in_order)


def _copy(x: TracedArray, order: str = "C") -> TracedArray:
    make = wrap if type(x) is TracedScalar else fresh
    ordered = order == "C" or x.in_order or len(x.sizes) < 2
    return make(x.tracer, x.value, ordered)


def _flatten(x: TracedArray, order: str = "C") -> TracedArray:
    flat = shaping.ravel(x, order)
    return fresh(x.tracer, flat.value)


def _fill(x: TracedArray, value: Any) -> None:
    given = as_array(x.tracer, value)
    if given.sizes:
        raise bad_value(
            f"fill: {given.tensor} is not one element", "assign it: x[...] = y"
        )
    x[...] = value


def _item(x: TracedArray, *place: Any) -> Any:
    if not place:
        return number(x, "item()")
    key = place[0] if len(place) == 1 else place
    if len(place) == 1 and not isinstance(key, tuple) and len(x.sizes) != 1:
        x = shaping.ravel(x)
    return number(x[key], "item()")


def _tolist(x: TracedArray) -> Any:
    known = constant_array(x.tracer, x.value)
    if known is not None:
        return known.tolist()
    raise x.tracer.fail(
        f"tolist() asks for the elements of traced {x.tensor}, which are known only "
        "when the compiled function runs",
        code="element",
        hint="keep it an array: arithmetic and numpy functions take it as it is",
    )


def _clip(x: TracedArray, min: Any = None, max: Any = None, out: Any = None) -> Any:
    return selecting.clip(x, min, max, out)


def _squeeze(x: TracedArray, axis: Any = None) -> Any:
    return shaping.squeeze(x, axis)


def _nonzero(x: TracedArray) -> NoReturn:
    raise selecting.unknown_count("nonzero")


def _is_integer(x: TracedArray) -> Any:
    return bool(x == np.floor(x))


METHODS: dict[str, Callable[..., Any]] = {
    "all": reductions.all_,
    "any": reductions.any_,
    "argmax": reductions.argmax,
    "argmin": reductions.argmin,
    "argpartition": sorting.argpartition,
    "argsort": sorting.argsort,
    "astype": _astype,
    "choose": selecting.choose,
    "put": filling.put,
    "clip": _clip,
    "conj": lambda x: x,
    "conjugate": lambda x: x,
    "copy": _copy,
    "compress": lambda a, condition, axis=None, out=None: statistics.compress(
        condition, a, axis, out
    ),
    "cumprod": cumulative.cumprod,
    "cumsum": cumulative.cumsum,
    "diagonal": creation.diagonal,
    "dot": contraction.dot,
    "fill": _fill,
    "flatten": _flatten,
    "is_integer": _is_integer,
    "item": _item,
    "max": reductions.max_,
    "mean": reductions.mean,
    "min": reductions.min_,
    "nonzero": _nonzero,
    "prod": reductions.prod,
    "ravel": shaping.ravel,
    "repeat": joining.repeat,
    "reshape": _reshape,
    "round": numerics.round_,
    "searchsorted": sorting.searchsorted,
    "sort": selecting.sort_in_place,
    "squeeze": _squeeze,
    "std": reductions.std,
    "sum": reductions.sum_,
    "swapaxes": shaping.swapaxes,
    "take": selecting.take,
    "tolist": _tolist,
    "trace": contraction.trace,
    "transpose": _transpose,
    "var": reductions.var,
}

PROPERTIES: dict[str, Callable[[TracedArray], Any]] = {
    "T": shaping.transpose,
    "mT": shaping.matrix_transpose,
    "size": lambda x: host_integer(x.tracer, product(x.sizes)),
    "itemsize": lambda x: x.kind.itemsize,
    "nbytes": lambda x: host_integer(x.tracer, x.kind.itemsize * product(x.sizes)),
    "imag": numerics.imag,
    "device": lambda x: "cpu",
}


class _Method:
    """A method bound to its array."""

    __slots__ = ("__name__", "_array", "_function")

    def __init__(
        self, name: str, function: Callable[..., Any], array: TracedArray
    ) -> None:
        self.__name__ = name
        self._function = function
        self._array = array

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from penstock.frontend.namespace import call_checked

        return call_checked(
            self._function, f"ndarray.{self.__name__}", (self._array, *args), kwargs
        )


def lookup(array: TracedArray, name: str) -> Any:
    """An attribute of a traced array.

    Raises:
        AttributeError: NumPy's arrays have no such attribute.
        UnsupportedError: they have, but Penstock does not support it.
    """
    if type(array) is TracedScalar and not hasattr(array.dtype.type, name):
        kind = array.dtype.type.__name__
        raise AttributeError(f"'numpy.{kind}' object has no attribute '{name}'")
    method = METHODS.get(name)
    if method is not None:
        array.tracer.check()
        return _Method(name, method, array)
    get = PROPERTIES.get(name)
    if get is not None:
        array.tracer.check()
        return get(array)
    if name.startswith("__") or not hasattr(np.ndarray, name):
        raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
    raise UnsupportedError(
        user_location(),
        f"ndarray.{name} is not supported",
        code="unsupported-function",
        hint=_HINTS.get(name),
    )


_HINTS = {
    "flat": "index x.reshape(-1) instead",
    "view": "to convert elements, use x.astype(dtype)",
}


def names() -> list[str]:
    """The attributes that traced arrays have."""
    return sorted({*METHODS, *PROPERTIES, "dtype", "ndim", "real", "shape"})
