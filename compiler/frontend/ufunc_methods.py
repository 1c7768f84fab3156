"""``np.add.reduce`` and the other methods of ufuncs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.frontend import ufunc_folds
from penstock.frontend.broadcasting import broadcast_into, require_fits_into
from penstock.frontend.handles import TracedArray, fresh
from penstock.frontend.index_keys import parse_key
from penstock.frontend.indexing import gather_parts
from penstock.frontend.lift import as_array, convert, is_python_number
from penstock.frontend.numpy_functions import cumulative, reductions
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    arrays_of,
    deliver,
    operand,
)
from penstock.frontend.promotion import loop_dtypes
from penstock.frontend.refusals import bad_type
from penstock.frontend.ufuncs import call_ufunc
from penstock.frontend.views import inverse_permutation
from penstock.ir.types import Dtype, bool_, i64
from penstock.ir.wording import with_article

__all__ = ["METHODS"]

_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: reductions.sum_,
    np.multiply: reductions.prod,
    np.maximum: reductions.max_,
    np.minimum: reductions.min_,
    np.logical_and: reductions.all_,
    np.logical_or: reductions.any_,
}

_ACCUMULATIONS: dict[np.ufunc, str] = {
    np.maximum: "cummax",
    np.minimum: "cummin",
    np.logical_or: "cummax",
    np.logical_and: "cummin",
}

_SCATTERS: dict[np.ufunc, str] = {
    np.add: "scatter_add",
    np.subtract: "scatter_add",
    np.maximum: "scatter_max",
    np.minimum: "scatter_min",
}


def _reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    found = _REDUCTIONS.get(ufunc)
    if found is None:
        return ufunc_folds.reduce(
            ufunc, array, axis, dtype, out, keepdims, initial, where
        )
    x = operand(array)
    if dtype is not None:
        x = x.astype(dtype)
    options: dict[str, Any] = {"out": out, "keepdims": keepdims, "where": where}
    if initial is not NO_VALUE and ufunc in (np.logical_and, np.logical_or):
        options["out"] = None
        result = call_ufunc(ufunc, (found(x, axis, **options), initial))
        return deliver(ufunc.__name__, result, out)
    if initial is not NO_VALUE:
        options["initial"] = initial
    if ufunc in (np.add, np.multiply) and dtype is not None:
        options["dtype"] = dtype
    return found(x, axis, **options)


def _accumulate(
    ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    if ufunc not in _ACCUMULATIONS and ufunc not in (np.add, np.multiply):
        return ufunc_folds.accumulate(ufunc, array, axis, dtype, out)
    x = operand(array)
    if not x.sizes:
        raise bad_type(
            f"{ufunc.__name__}.accumulate: a scalar has no axis to accumulate along",
            hint="give it an axis: x[None]",
        )
    if ufunc is np.add:
        return cumulative.cumsum(array, axis, dtype, out)
    if ufunc is np.multiply:
        return cumulative.cumprod(array, axis, dtype, out)
    if ufunc in (np.logical_and, np.logical_or):
        x = x.astype(bool)
    elif dtype is not None:
        x = x.astype(dtype)
    op = _ACCUMULATIONS[ufunc]
    return cumulative.accumulate_op(op, x, axis, out, ufunc.__name__)


def _reduceat(
    ufunc: np.ufunc,
    array: Any,
    indices: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    return ufunc_folds.reduceat(ufunc, array, indices, axis, dtype, out)


def _outer(ufunc: np.ufunc, a: Any, b: Any, **options: Any) -> Any:
    x, y = arrays_of([a, b])
    spread = x.reshape((*x.shape, *([1] * len(y.sizes))))
    return call_ufunc(ufunc, (spread, y), **options)


def _at(ufunc: np.ufunc, array: Any, key: Any, values: Any = NO_VALUE) -> None:
    if type(array) is not TracedArray:
        raise bad_type(
            f"{ufunc.__name__}.at: {with_article(type(array).__name__)} is not traced",
            hint="make it an array within the function: np.array(...)",
        )
    array.check_writable()
    tracer = array.tracer
    parts = parse_key(array, key)
    if not any(part.kind in ("array", "dynamic") for part in parts):
        # Without index arrays no place comes twice. A number of Python's is an array
        # to NumPy here, whose dtype does not give way.
        if is_python_number(values):
            values = as_array(tracer, values)
        given = () if values is NO_VALUE else (values,)
        picked = array[key]
        if given and isinstance(picked, TracedArray):
            amount = as_array(tracer, values)
            require_fits_into(tracer, f"{ufunc.__name__}.at", amount, picked.sizes)
        array[key] = call_ufunc(ufunc, (picked, *given))
        return
    gathered = gather_parts(array, parts)
    source = gathered.source
    rest = [s for axis, s in enumerate(source.sizes) if axis not in gathered.axes]
    shape = (*rest[: gathered.place], *gathered.index_shape, *rest[gathered.place :])
    if values is not NO_VALUE:
        amount = as_array(tracer, values)
        require_fits_into(tracer, f"{ufunc.__name__}.at", amount, shape)
    if ufunc not in _SCATTERS or values is NO_VALUE:
        ufunc_folds.at(ufunc, array, gathered, values)
        return
    # The sum of bools is whether any holds, which is to be counted.
    counted = array.kind is amount.kind is bool_ and ufunc is np.add
    dtype = i64 if counted else _combining_dtype(array, amount, ufunc)
    if dtype is None:
        ufunc_folds.at(ufunc, array, gathered, amount)
        return
    updates = broadcast_into(tracer, amount, shape)
    if updates.dtype is not dtype:
        updates = tracer.emit("astype", updates, dtype=dtype)
    if ufunc is np.subtract:
        updates = tracer.emit("neg", updates)
    order = gathered.order()
    if order != tuple(range(len(order))):
        permutation = inverse_permutation(order)
        updates = tracer.emit("transpose", updates, permutation=permutation)
    value = convert(tracer, source.value, dtype)
    total = tracer.emit(
        _SCATTERS[ufunc], value, updates, *gathered.indices, axes=gathered.axes
    )
    if counted:
        total = (fresh(tracer, total) != 0).value
    source.write(convert(tracer, total, array.kind))


def _combining_dtype(
    array: TracedArray, amount: TracedArray, ufunc: np.ufunc
) -> Dtype | None:
    """What ``ufunc.at`` combines all numbers in; ``None`` if that depends on steps.

    NumPy converts every number on the way to the array's dtype. That it is done once
    here is another rounding of floats, and the same for sums of integers, which wrap
    alike in all dtypes; otherwise fractions or bits would be cut off elsewhere.
    """
    dtype = loop_dtypes(ufunc, (array.kind, amount.kind))[0]
    if dtype is array.kind or array.kind.is_float:
        return dtype
    wraps = ufunc in (np.add, np.subtract) and array.kind.is_integer
    return array.kind if wraps and dtype.is_integer else None


METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "reduceat": _reduceat,
    "accumulate": _accumulate,
    "outer": _outer,
    "at": _at,
}
