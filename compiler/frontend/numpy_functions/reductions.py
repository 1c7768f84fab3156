"""Sums, extrema and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.lift import as_array, convert
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    deliver,
    normalize_axis,
    numpy,
    operand,
    reduced_axes,
)
from penstock.frontend.promotion import (
    as_dtype,
    check_cast,
    loop_dtypes,
    result_dtype,
)
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Traced
from penstock.frontend.ufuncs import call_ufunc
from penstock.ir.dims import Size
from penstock.ir.types import Dtype, bool_, f32, f64, i64, u64

__all__ = [
    "accumulated", "all_", "any_", "argmax", "argmin", "average", "cast_to",
    "count_nonzero", "max_", "mean", "min_", "prod", "ptp", "root_of", "std", "sum_",
    "var",
]  # fmt: skip


def sum_(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    """``np.sum``."""
    x = operand(a)
    x = cast_to(x, accumulated(np.add, x.kind, dtype, out))
    x = _masked(x, where, 0)
    if x.kind is bool_:
        return _reduce("any", x, axis, out, keepdims, initial, np.logical_or)
    return _reduce("sum", x, axis, out, keepdims, initial, np.add)


def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    """``np.prod``."""
    x = operand(a)
    x = cast_to(x, accumulated(np.multiply, x.kind, dtype, out))
    x = _masked(x, where, 1)
    if x.kind is bool_:
        return _reduce("all", x, axis, out, keepdims, initial, np.logical_and)
    return _reduce("prod", x, axis, out, keepdims, initial, np.multiply)


def max_(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    """``np.max``."""
    return _extremum("max", np.maximum, a, axis, out, keepdims, initial, where)


def min_(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    """``np.min``."""
    return _extremum("min", np.minimum, a, axis, out, keepdims, initial, where)


def any_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, where: Any = True
) -> Any:
    """``np.any``."""
    x = _masked(_truth(operand(a)), where, False)
    return _reduce("any", x, axis, out, keepdims, NO_VALUE, np.logical_or)


def all_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, where: Any = True
) -> Any:
    """``np.all``."""
    x = _masked(_truth(operand(a)), where, True)
    return _reduce("all", x, axis, out, keepdims, NO_VALUE, np.logical_and)


def _truth(x: TracedArray) -> TracedArray:
    return x if x.kind is bool_ else x != 0


def cast_to(x: TracedArray, dtype: Dtype) -> TracedArray:
    """An array in another dtype; as bools, which of its elements are not 0."""
    if x.kind is dtype:
        return x
    value = _truth(x).value if dtype is bool_ else convert(x.tracer, x.value, dtype)
    return fresh(x.tracer, value, x.in_order)


def accumulated(ufunc: np.ufunc, kind: Dtype, dtype: Any, out: Any) -> Dtype:
    """The dtype of sums and products: that of ``out`` counts where it is given."""
    if dtype is not None:
        return as_dtype(dtype)
    if type(out) is TracedArray:
        return loop_dtypes(ufunc, (out.kind, kind))[0]
    return _sum_dtype(kind)


def _sum_dtype(dtype: Dtype) -> Dtype:
    """Small integers are summed as NumPy's default integers (np.sum, dtype)."""
    if dtype.kind in "bi":
        return i64
    return u64 if dtype.kind == "u" else dtype


def _masked(x: TracedArray, where: Any, neutral: Any) -> TracedArray:
    if where is True or where is NO_VALUE:
        return x
    mask = _mask(x, where)
    filled: TracedArray = numpy.where(mask, x, x.dtype.type(neutral))
    return filled


def _mask(x: TracedArray, where: Any) -> TracedArray:
    """A ``where=`` argument: of arrays, NumPy takes bools alone."""
    if isinstance(where, (np.ndarray, np.generic)):
        check_cast(as_array(x.tracer, where).kind, bool_, "safe", "where=")
    return _as_traced(x, where, bool_)


def _as_traced(x: TracedArray, value: Any, dtype: Dtype | None = None) -> TracedArray:
    return as_array(x.tracer, value, dtype)


def _reduce(
    op: str,
    x: TracedArray,
    axis: Any,
    out: Any,
    keepdims: Any,
    initial: Any,
    combine: np.ufunc,
) -> Any:
    tracer = x.tracer
    axes = _reduced_axes(axis, len(x.sizes))
    value = x.value
    if axes:
        value = tracer.emit(op, value, axes=axes, keepdims=bool(keepdims))
    ordered = x.in_order
    result = wrap(tracer, value, ordered)
    if initial is not NO_VALUE and initial is not None:
        initial = _cast_initial(initial, result.kind)
        result = call_ufunc(combine, (result, initial), dtype=result.dtype)
    return deliver(combine.__name__, result, out, "unsafe")


def _cast_initial(initial: Any, dtype: Dtype) -> Any:
    """A number as NumPy assigns it to an element: converted, never promoting."""
    if issubclass(type(initial), Traced):
        return wrap(initial.tracer, as_array(initial.tracer, initial, dtype).value)
    if isinstance(initial, np.generic):
        return initial.astype(dtype.numpy)
    if not isinstance(initial, (int, float)):
        return initial
    if dtype is bool_:
        return bool(initial)
    return int(initial) if dtype.is_integer else initial


def _is_axis_of_scalar(axis: Any, rank: int) -> bool:
    """Whether NumPy's reductions take an axis for that of a scalar, which has none."""
    return rank == 0 and isinstance(axis, (int, np.integer)) and axis in (0, -1)


def _reduced_axes(axis: Any, rank: int) -> tuple[int, ...]:
    return () if _is_axis_of_scalar(axis, rank) else reduced_axes(axis, rank)


def _extremum(
    op: str,
    combine: np.ufunc,
    a: Any,
    axis: Any,
    out: Any,
    keepdims: Any,
    initial: Any,
    where: Any,
) -> Any:
    x = operand(a)
    given = initial is not NO_VALUE and initial is not None
    if given:
        initial = _cast_initial(initial, x.kind)
    if where is not True and where is not NO_VALUE:
        if not given:
            raise bad_value(
                f"{op} with where= needs initial=: it has no value for no elements",
                hint="give the result of no elements: initial=0",
            )
        x = _masked(x, where, initial)
    if not given:
        _check_not_empty(x, _reduced_axes(axis, len(x.sizes)), combine.__name__)
    return _reduce(op, x, axis, out, keepdims, initial, combine)


def _check_not_empty(x: TracedArray, axes: tuple[int, ...], name: str) -> None:
    """NumPy's error for extrema of nothing; the sizes are guarded.

    An array that has no elements at all has nothing to reduce where another of its
    axes is the empty one, so only the reduced axes are asked about.
    """
    for axis in axes:
        if x.tracer.ask(x.sizes[axis], "==", 0):
            raise bad_value(
                f"{name} of no elements: axis {axis} of {x.tensor} is empty",
                hint="ask for its size before: if x.size",
            )


def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """``np.argmax``."""
    return _argument("argmax", a, axis, out, keepdims)


def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """``np.argmin``."""
    return _argument("argmin", a, axis, out, keepdims)


def _argument(op: str, a: Any, axis: Any, out: Any, keepdims: Any) -> Any:
    x = operand(a)
    rank = len(x.sizes)
    if _is_axis_of_scalar(axis, rank):
        axis = None
    flat = x.reshape(-1) if axis is None and rank != 1 else x
    place = 0 if axis is None else normalize_axis(axis, rank)
    if x.tracer.ask(flat.sizes[place], "==", 0):
        raise bad_value(
            f"{op} of no elements: an axis of {x.tensor} is empty",
            hint="ask for its size before: if x.size",
        )
    keep = bool(keepdims) and axis is not None
    result = wrap(x.tracer, x.tracer.emit(op, flat.value, axis=place, keepdims=keep))
    if keepdims and axis is None:
        result = result.reshape((1,) * rank)
    if type(out) is TracedArray:
        check_cast(out.kind, i64, "safe", f"{op} out=")
    return deliver(op, result, out, "unsafe")


def count_along(x: TracedArray, axes: tuple[int, ...]) -> Any:
    """How many elements are reduced, as a host number."""
    from penstock.frontend.host_numbers import host_integer

    count: Size = 1
    for axis in axes:
        count = x.sizes[axis] * count
    return host_integer(x.tracer, count)


def mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """``np.mean``: 16-bit floats are summed in f32, integers in f64."""
    x = operand(a)
    target, wide = _mean_dtypes(x.kind, dtype)
    axes = reduced_axes(axis, len(x.sizes))
    total = sum_(x, axes, wide.numpy, keepdims=keepdims, where=where)
    if where is True or where is NO_VALUE:
        count = count_along(x, axes)
    else:
        shape = numpy.broadcast_to(_mask(x, where), x.shape)
        count = sum_(shape, axes, np.int64, keepdims=keepdims)
    result = _cast_result(_divide(total, count, wide), target)
    return deliver("mean", result, out)


def _divide(total: Any, count: Any, dtype: Dtype) -> Any:
    """A quotient in a floating dtype: that of a mean, or f64 where it is none."""
    quotient = dtype if dtype.is_float else f64
    return call_ufunc(
        np.true_divide, (total, count), dtype=quotient.numpy, casting="unsafe"
    )


def _mean_dtypes(kind: Dtype, dtype: Any) -> tuple[Dtype, Dtype]:
    """The dtype of a mean, and the one to compute it in (numpy._core._methods)."""
    if dtype is not None:
        target = as_dtype(dtype)
        return target, target
    if kind.kind in "biu":
        return f64, f64
    return kind, f32 if kind.bits == 16 else kind


def _cast_result(result: TracedArray, dtype: Dtype) -> TracedArray:
    if result.kind is dtype:
        return result
    return wrap(
        result.tracer, convert(result.tracer, result.value, dtype), result.in_order
    )


def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Any:
    """``np.var``, in two passes: the mean first (Chan et al. 1983, section 2)."""
    x = operand(a)
    if correction is not NO_VALUE:
        ddof = correction
    target, wide = _mean_dtypes(x.kind, dtype)
    axes = reduced_axes(axis, len(x.sizes))
    if dtype is None:
        x = cast_to(x, wide)
    center = mean
    if center is NO_VALUE:
        center = _mean_of(x, axes, wide, where)
    # As NumPy has it, a dtype is that of the mean and of the sum. Elements that it
    # cannot hold differ from the mean by what it can.
    deviation = x - center
    squares = deviation * deviation
    total = sum_(squares, axes, wide.numpy, keepdims=keepdims, where=where)
    if where is True or where is NO_VALUE:
        count = count_along(x, axes) - ddof
        if issubclass(type(count), TracedArray):
            count = numpy.maximum(count, 0)
        elif count < 0:
            count = 0
    else:
        spread = numpy.broadcast_to(_mask(x, where), x.shape)
        count = numpy.maximum(sum_(spread, axes, np.int64, keepdims=keepdims) - ddof, 0)
    if not issubclass(type(count), Traced):
        count = np.float64(count)
    return deliver("var", _cast_result(_divide(total, count, wide), target), out)


def _mean_of(x: TracedArray, axes: tuple[int, ...], dtype: Dtype, where: Any) -> Any:
    return mean(x, axes, dtype.numpy, keepdims=True, where=where)


def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Any:
    """``np.std``."""
    variance = var(
        a,
        axis,
        dtype,
        ddof=ddof,
        keepdims=keepdims,
        where=where,
        mean=mean,
        correction=correction,
    )
    return deliver("std", root_of("std", variance), out)


def root_of(name: str, variance: TracedArray) -> TracedArray:
    """The root of a variance, in its dtype as NumPy has it.

    NumPy converts the root of one integer, and refuses those of an array of them.
    """
    root: TracedArray = numpy.sqrt(variance)
    if variance.kind.is_float:
        return root
    if variance.sizes:
        check_cast(root.kind, variance.kind, "same_kind", name)
    return _cast_result(root, variance.kind)


def average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = False,
) -> Any:
    """``np.average``."""
    x = operand(a)
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        if not returned:
            return result
        count = count_along(x, reduced_axes(axis, len(x.sizes)))
        return result, wrap(x.tracer, numpy.full_like(result, count).value)
    scale: Any = _as_traced(x, weights)
    kinds = [x.kind, scale.kind, f64] if x.kind.kind in "biu" else [x.kind, scale.kind]
    scale = scale.astype(result_dtype(kinds).numpy)
    if scale.ndim != x.ndim:
        axes = reduced_axes(axis, len(x.sizes))
        if scale.ndim != len(axes):
            raise bad_type(
                f"average: weights {scale.tensor} need as many axes as axis= names",
                hint="give weights of x's shape, or one for each along the axis",
            )
        shape = tuple(x.shape[i] if i in axes else 1 for i in range(x.ndim))
        scale = scale.reshape(shape)
    weight = sum_(numpy.broadcast_to(scale, x.shape), axis, keepdims=keepdims)
    result = sum_(x * scale, axis, keepdims=keepdims) / weight
    return (result, weight) if returned else result


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """``np.ptp``."""
    x = operand(a)
    greatest = max_(x, axis, keepdims=keepdims)
    result = greatest - min_(x, axis, keepdims=keepdims)
    if x.tracer.derivative_order and x.kind.is_float:
        # The derivatives of a nan and of the same nan would cancel.
        result = numpy.where(numpy.isnan(greatest), greatest, result)
    return deliver("ptp", result, out)


def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """``np.count_nonzero``."""
    return sum_(_truth(operand(a)), axis, np.int64, keepdims=keepdims)
