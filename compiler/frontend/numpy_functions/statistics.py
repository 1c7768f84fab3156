"""Differences, integrals, rounding, nan-aware reductions and norms."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.numpy_functions.arguments import (
    NO_VALUE,
    arrays_of,
    deliver,
    normalize_axes,
    normalize_axis,
    operand,
    refuse,
)
from penstock.frontend.numpy_functions.shaping import along
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location


def diff(
    a: Any, n: Any = 1, axis: Any = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE
) -> Any:
    """``np.diff``."""
    x = operand(a)
    count = operator.index(n)
    if count < 0:
        raise ValueError(f"order must be non-negative but got {count}")
    rank = len(x.sizes)
    place = normalize_axis(axis, rank)
    before, after = (
        [] if end is NO_VALUE else [_end(x, end, place)] for end in (prepend, append)
    )
    if before or after:
        x = np.concatenate([*before, x, *after], axis=place)
    for _ in range(count):
        later = x[along(place, rank, slice(1, None))]
        earlier = x[along(place, rank, slice(None, -1))]
        x = later != earlier if x.kind.kind == "b" else later - earlier  # type: ignore[assignment]
    return x


def _end(x: TracedArray, value: Any, place: int) -> TracedArray:
    """What ``diff`` puts before or after an array; a scalar is spread."""
    extra = operand_like(x, value)
    if extra.sizes:
        return extra
    shape = tuple(1 if i == place else size for i, size in enumerate(x.shape))
    spread: TracedArray = np.broadcast_to(extra, shape)
    return spread


def operand_like(x: TracedArray, value: Any) -> TracedArray:
    """A value as an array of the same trace."""
    from penstock.frontend.lift import as_array

    return as_array(x.tracer, value)


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """``np.ediff1d``."""
    refuse("ediff1d", to_end=(to_end, None), to_begin=(to_begin, None))
    return diff(operand(ary).reshape(-1))


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """``np.gradient`` with constant spacing and first-order edges."""
    x = operand(f)
    refuse("gradient", edge_order=(edge_order == 1, True))
    rank = len(x.sizes)
    axes = normalize_axes(axis, rank)
    spacing = [*varargs] or [1.0]
    if len(spacing) == 1:
        spacing = spacing * len(axes)
    if len(spacing) != len(axes):
        raise TypeError("invalid number of arguments")
    if not x.kind.is_float:
        x = x.astype(np.float64)
    found = []
    for place, by in zip(axes, spacing, strict=True):
        if operand_like(x, by).sizes:
            raise UnsupportedError(
                user_location(),
                "gradient with spacing by arrays is not supported",
                code="unsupported-argument",
            )
        if not x.tracer.ask(x.sizes[place], ">=", 2):
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least "
                "(edge_order + 1) elements are required."
            )

        def part(low: Any, high: Any, place: int = place) -> Any:
            return x[along(place, rank, slice(low, high))]

        inner = (part(2, None) - part(None, -2)) / (2.0 * by)
        first = (part(1, 2) - part(0, 1)) / by
        last = (part(-1, None) - part(-2, -1)) / by
        found.append(np.concatenate([first, inner, last], axis=place))
    return found[0] if len(found) == 1 else tuple(found)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    """``np.trapezoid``."""
    values = operand(y)
    rank = len(values.sizes)
    place = normalize_axis(axis, rank)
    if x is None:
        widths = dx
    else:
        points = operand_like(values, x)
        widths = diff(points) if len(points.sizes) == 1 else diff(points, axis=place)
        if len(points.sizes) == 1:
            shape: list[Any] = [1] * rank
            shape[place] = -1
            widths = widths.reshape(tuple(shape))
    later = values[along(place, rank, slice(1, None))]
    earlier = values[along(place, rank, slice(None, -1))]
    return (widths * (later + earlier) / 2.0).sum(place)


def round_(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    """``np.round``: scaled, rounded to even, and scaled back, as NumPy does."""
    x = operand(a)
    digits = operator.index(decimals)
    if not x.kind.is_float:
        if digits >= 0:
            return deliver("round", x.copy(), out)
        raise UnsupportedError(
            user_location(),
            f"round of integers to {digits} decimals is not supported",
            code="unsupported-argument",
        )
    if digits == 0:
        return deliver("round", np.rint(x), out)
    factor = 10.0 ** abs(digits)
    if digits > 0:
        return deliver("round", np.rint(x * factor) / factor, out)
    return deliver("round", np.rint(x / factor) * factor, out)


def fix(x: Any, out: Any = None) -> Any:
    """``np.fix``."""
    return deliver("fix", np.trunc(operand(x)), out)


def sinc(x: Any) -> Any:
    """``np.sinc``: sin(pi x) / (pi x), with a tiny number for zero."""
    array = operand(x)
    scaled = math.pi * np.where(array == 0, 1.0e-20, array)
    return np.sin(scaled) / scaled


def real(val: Any) -> Any:
    """``np.real``."""
    return operand(val)


def imag(val: Any) -> Any:
    """``np.imag``."""
    return np.zeros_like(operand(val))


def angle(z: Any, deg: bool = False) -> Any:
    """``np.angle`` of real numbers: 0 or pi."""
    x = operand(z)
    half = 180.0 if deg else math.pi
    dtype = x.dtype if x.kind.is_float else np.dtype(float)
    return np.where(np.isnan(x), x, np.where(x < 0, dtype.type(half), dtype.type(0)))


def isreal(x: Any) -> Any:
    """``np.isreal``."""
    return np.ones_like(operand(x), dtype=bool)


def iscomplex(x: Any) -> Any:
    """``np.iscomplex``."""
    return np.zeros_like(operand(x), dtype=bool)


def isrealobj(x: Any) -> bool:
    """``np.isrealobj``."""
    return True


def iscomplexobj(x: Any) -> bool:
    """``np.iscomplexobj``."""
    return False


def _without_nan(x: TracedArray, filling: float) -> TracedArray:
    if not x.kind.is_float:
        return x
    filled: TracedArray = np.where(np.isnan(x), x.dtype.type(filling), x)
    return filled


def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = NO_VALUE, where: Any = True,
) -> Any:  # fmt: skip
    """``np.nansum``."""
    from penstock.frontend.numpy_functions.reductions import sum_

    return sum_(_without_nan(operand(a), 0), axis, dtype, out, keepdims, initial, where)


def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = NO_VALUE, where: Any = True,
) -> Any:  # fmt: skip
    """``np.nanprod``."""
    from penstock.frontend.numpy_functions.reductions import prod

    return prod(_without_nan(operand(a), 1), axis, dtype, out, keepdims, initial, where)


def nanmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """``np.nanmax``: nan where all elements are."""
    return _nan_extremum(np.max, -math.inf, "nanmax", a, axis, out, keepdims)


def nanmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """``np.nanmin``: nan where all elements are."""
    return _nan_extremum(np.min, math.inf, "nanmin", a, axis, out, keepdims)


def _nan_extremum(
    extremum: Any, neutral: float, name: str, a: Any, axis: Any, out: Any, keepdims: Any
) -> Any:
    x = operand(a)
    result = extremum(_without_nan(x, neutral), axis=axis, keepdims=keepdims)
    if x.kind.is_float:
        none = np.isnan(x).all(axis=axis, keepdims=keepdims)
        result = np.where(none, x.dtype.type(np.nan), result)
    return deliver(name, result, out)


def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False
) -> Any:
    """``np.nanmean``."""
    x = operand(a)
    if not x.kind.is_float:
        return np.mean(x, axis, dtype, out, keepdims)
    total = nansum(x, axis, dtype, keepdims=keepdims)
    count = np.sum(~np.isnan(x), axis=axis, dtype=np.int64, keepdims=keepdims)
    result = (total / count).astype(x.dtype if dtype is None else dtype)
    return deliver("nanmean", result, out)


def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """``np.nanvar``."""
    x = operand(a)
    if not x.kind.is_float:
        return np.var(x, axis, dtype, out, ddof, keepdims)
    center = nanmean(x, axis, dtype, keepdims=True)
    deviation = np.where(np.isnan(x), x.dtype.type(0), x - center)
    total = np.sum(deviation * deviation, axis=axis, dtype=dtype, keepdims=keepdims)
    count = np.sum(~np.isnan(x), axis=axis, dtype=np.int64, keepdims=keepdims)
    freedom = count - ddof
    result = np.where(freedom > 0, total / freedom, np.nan)
    return deliver("nanvar", result.astype(x.dtype if dtype is None else dtype), out)


def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False,
) -> Any:  # fmt: skip
    """``np.nanstd``."""
    variance = nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims)
    return deliver("nanstd", np.sqrt(variance), out)


def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``np.nancumsum``."""
    return np.cumsum(_without_nan(operand(a), 0), axis, dtype, out)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """``np.linalg.norm`` for vectors, and of matrices those made of sums."""
    array = operand(x)
    if not array.kind.is_float:
        array = array.astype(np.float64)
    rank = len(array.sizes)
    if axis is None and ord is None:
        flat = array.reshape(-1)
        # A dot product, as in NumPy: one pass, no array of squares.
        result = np.sqrt(np.dot(flat, flat))
        return result.reshape((1,) * rank) if keepdims else result
    axes = normalize_axes(axis, rank)
    if axis is not None and isinstance(axis, (tuple, list)):
        axes = tuple(normalize_axis(one, rank) for one in axis)
    if len(axes) == 1:
        return vector_norm(array, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    return _matrix_norm(array, ord, axes, keepdims)


def _matrix_norm(x: TracedArray, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    rows, columns = axes
    if ord in (None, "fro", "f"):
        return np.sqrt(np.sum(x * x, axis=axes, keepdims=keepdims))
    if ord not in (1, -1, math.inf, -math.inf):
        raise UnsupportedError(
            user_location(),
            f"norm of a matrix with ord={ord!r} needs singular values, which are not "
            "supported",
            code="unsupported-argument",
            hint="supported: 'fro', 1, -1, inf, -inf",
        )
    summed, kept = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = np.sum(abs(x), axis=summed, keepdims=True)
    extremum = np.max if ord > 0 else np.min
    result = extremum(sums, axis=kept, keepdims=True)
    return result if keepdims else np.squeeze(result, axis=axes)


def vector_norm(
    x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    """``np.linalg.vector_norm``."""
    array = operand(x)
    if not array.kind.is_float:
        array = array.astype(np.float64)
    if ord == math.inf:
        return np.max(abs(array), axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return np.min(abs(array), axis=axis, keepdims=keepdims)
    if ord == 0:
        hits = (array != 0).astype(array.dtype)
        return np.sum(hits, axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(abs(array), axis=axis, keepdims=keepdims)
    if ord == 2:
        return np.sqrt(np.sum(array * array, axis=axis, keepdims=keepdims))
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    total = np.sum(abs(array) ** ord, axis=axis, keepdims=keepdims)
    return total ** (1 / ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """``np.linalg.matrix_norm``."""
    return norm(x, ord, (-2, -1), keepdims)


def matrix_power(a: Any, n: Any) -> Any:
    """``np.linalg.matrix_power`` with a constant exponent of at least 1."""
    x = operand(a)
    exponent = operator.index(n)
    if exponent < 1:
        raise UnsupportedError(
            user_location(),
            f"matrix_power with exponent {exponent} is not supported",
            code="unsupported-argument",
        )
    result = None
    while exponent:
        if exponent & 1:
            result = x if result is None else result @ x
        exponent >>= 1
        if exponent:
            x = x @ x
    return result


def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """``np.linalg.multi_dot``, in the cheapest order of products."""
    parts = arrays_of([*arrays])
    first = len(parts[0].sizes) == 1
    last = len(parts[-1].sizes) == 1
    letters = [chr(ord("a") + i) for i in range(len(parts) + 1)]
    subscripts = [
        (letters[i + 1] if i == 0 and first else letters[i])
        if len(part.sizes) == 1
        else letters[i] + letters[i + 1]
        for i, part in enumerate(parts)
    ]
    result = ("" if first else letters[0]) + ("" if last else letters[-1])
    return np.einsum(f"{','.join(subscripts)}->{result}", *parts, out=out)


def softmax(x: Any, axis: Any = None) -> Any:
    """``scipy.special.softmax``."""
    array = operand(x)
    if not array.kind.is_float:
        array = array.astype(np.float64)
    powers = np.exp(array - np.max(array, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """``scipy.special.log_softmax``."""
    array = operand(x)
    if not array.kind.is_float:
        array = array.astype(np.float64)
    highest = np.max(array, axis=axis, keepdims=True)
    shifted = array - np.where(np.isfinite(highest), highest, array.dtype.type(0))
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False,
    return_sign: bool = False,
) -> Any:  # fmt: skip
    """``scipy.special.logsumexp`` without weights."""
    refuse("logsumexp", b=(b, None), return_sign=(return_sign, False))
    array = operand(a)
    if not array.kind.is_float:
        array = array.astype(np.float64)
    highest = np.max(array, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(highest), highest, array.dtype.type(0))
    total = np.log(np.sum(np.exp(array - shift), axis=axis, keepdims=True)) + shift
    return total if keepdims else np.squeeze(total, axis=axis)
