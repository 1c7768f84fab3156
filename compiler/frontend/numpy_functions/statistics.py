"""Covariances, polynomials, and positions in grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array
from penstock.frontend.handles import TracedArray
from penstock.frontend.lift import as_array
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    deliver,
    normalize_axis,
    numpy,
    operand,
    shape_of,
    tracer_of,
)
from penstock.frontend.numpy_functions.creation import full
from penstock.frontend.numpy_functions.cumulative import within
from penstock.frontend.numpy_functions.selecting import unknown_count
from penstock.frontend.promotion import check_cast, result_dtype
from penstock.frontend.refusals import bad_type, bad_value
from penstock.ir.types import f64, i64

__all__ = [
    "block", "compress", "corrcoef", "cov", "extract", "polyadd", "polyder", "polyint",
    "polymul", "polyval", "ravel_multi_index", "unravel_index",
]  # fmt: skip


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """``np.cov``: the covariances of rows."""
    parts = arrays_of([m] if y is None else [m, y])
    if any(len(part.sizes) > 2 for part in parts):
        raise bad_value(
            "cov: m has more than 2 axes",
            hint="make it a matrix: m.reshape(len(m), -1)",
        )
    if dtype is None:
        dtype = result_dtype([*(part.kind for part in parts), f64]).numpy
    rows = [_as_rows(parts[0], rowvar or len(parts[0].sizes) == 1)]
    if y is not None:
        # Of y NumPy turns no single row, whatever its number of axes.
        single = len(parts[1].sizes) < 2 or _is_single(parts[1])
        rows.append(_as_rows(parts[1], rowvar or single))
    rows = [part.astype(dtype) for part in rows]
    x = rows[0] if len(rows) == 1 else numpy.concatenate(rows, axis=0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = None
    for given in (fweights, aweights):
        if given is not None:
            part = as_array(x.tracer, given).astype(dtype)
            weights = part if weights is None else weights * part
    if weights is None:
        factor = x.shape[1] - ddof
        center = numpy.mean(x, axis=1)
        factor = numpy.maximum(as_array(x.tracer, factor), 0)
        scaled = x - center[:, None]
        product = numpy.dot(scaled, scaled.T)
    else:
        total = numpy.sum(weights)
        center = numpy.sum(x * weights, axis=1) / total
        spread = total
        if ddof and aweights is not None:
            square = numpy.sum(weights * as_array(x.tracer, aweights))
            spread = total - ddof * square / total
        elif ddof:
            spread = total - ddof
        factor = numpy.maximum(spread, 0)
        scaled = x - center[:, None]
        product = numpy.dot(scaled, (scaled * weights).T)
    result = product * numpy.true_divide(1, factor).astype(product.dtype)
    return numpy.squeeze(result) if _is_single(x) else result


def _is_single(x: TracedArray) -> bool:
    return x.tracer.ask(x.sizes[0], "==", 1)


def _as_rows(x: TracedArray, rowvar: bool) -> Any:
    rows = x.reshape((1, -1)) if len(x.sizes) < 2 else x
    return rows if rowvar else rows.T


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """``np.corrcoef``."""
    covariance = cov(x, y, rowvar, dtype=dtype)
    if not covariance.sizes:
        return covariance / covariance
    deviation = numpy.sqrt(numpy.diag(covariance))
    result = covariance / deviation[:, None] / deviation[None, :]
    return numpy.clip(result, -1, 1)


def polyval(p: Any, x: Any) -> Any:
    """``np.polyval``, by Horner's rule."""
    coefficients, points = arrays_of([p, x])
    count = coefficients.sizes[0]
    number = coefficients.tracer.pin(count)
    result = numpy.zeros_like(points)
    for k in range(number):
        result = result * points + coefficients[k]
    return result


def polyder(p: Any, m: int = 1) -> Any:
    """``np.polyder``: the coefficients of a derivative."""
    if m < 0:
        raise bad_value(
            f"polyder: the order {m} is negative", hint="use an order of 0 or more"
        )
    result = operand(p)
    for _ in range(m):
        degree = result.tracer.pin(result.sizes[0]) - 1
        result = result[:-1] * np.arange(degree, 0, -1)
    return result


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """``np.polyint``: the coefficients of an integral, with constants ``k``."""
    if m < 0:
        raise bad_value(
            f"polyint: the order {m} is negative", hint="use an order of 0 or more"
        )
    constants = [0] * m if k is None else [*np.atleast_1d(k)]
    if len(constants) == 1 and m > 1:
        constants *= m
    result = operand(p)
    for constant in constants[:m]:
        degree = result.tracer.pin(result.sizes[0])
        parts = result / np.arange(degree, 0, -1)
        last = full((1,), constant, dtype=parts.dtype)
        result = numpy.concatenate([parts, last])
    return result


def polymul(a1: Any, a2: Any) -> Any:
    """``np.polymul`` of coefficients; leading zeros go where they are constants."""
    return numpy.convolve(*map(_trimmed, arrays_of([a1, a2])))


def _trimmed(coefficients: TracedArray) -> Any:
    """Coefficients from the first on that is not 0, as ``np.poly1d`` keeps them."""
    known = constant_array(coefficients.tracer, coefficients.value)
    if known is None or known.ndim != 1:
        return coefficients
    (nonzero,) = known.nonzero()
    return coefficients[nonzero[0] if nonzero.size else -1 :]


def polyadd(a1: Any, a2: Any) -> Any:
    """``np.polyadd`` of coefficients."""
    first, second = arrays_of([a1, a2])
    tracer = first.tracer
    sizes = [tracer.pin(part.sizes[0]) for part in (first, second)]
    longer = max(sizes)
    padded = [
        numpy.pad(part, (longer - size, 0))
        for part, size in zip((first, second), sizes, strict=True)
    ]
    return padded[0] + padded[1]


def _integers(name: str, index: TracedArray) -> TracedArray:
    """Indices in NumPy's default integers; floats are none."""
    check_cast(index.kind, i64, "same_kind", f"{name}: the indices")
    converted: TracedArray = index.astype(np.int64)
    return converted


def unravel_index(indices: Any, shape: Any, order: str = "C") -> Any:
    """``np.unravel_index``."""
    tracer = tracer_of(indices, shape)
    index = _integers("unravel_index", operand(indices))
    sizes = [*(shape if isinstance(shape, (tuple, list)) else (shape,))]
    shape_of(tracer, tuple(sizes))
    total: Any = 1
    for size in sizes:
        total = total * size
    index = within(index, total)
    parts = []
    for size in sizes if order == "F" else reversed(sizes):
        parts.append(index % size)
        index = index // size
    return tuple(parts if order == "F" else reversed(parts))


def ravel_multi_index(
    multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C"
) -> Any:
    """``np.ravel_multi_index``."""
    sizes = [*(dims if isinstance(dims, (tuple, list)) else (dims,))]
    modes = mode if isinstance(mode, (tuple, list)) else [mode] * len(sizes)
    parts = arrays_of([*multi_index])
    if len(parts) != len(sizes):
        raise bad_value(
            f"ravel_multi_index: {len(parts)} index arrays for {len(sizes)} axes",
            hint="give an index array for each axis",
        )
    result: Any = None
    triples = [*zip(parts, sizes, modes, strict=True)]
    for part, size, one in triples if order == "C" else reversed(triples):
        index = _integers("ravel_multi_index", part)
        if one == "raise":
            index = within(index, size)
        elif one == "wrap":
            index = index % size
        else:
            index = numpy.clip(index, 0, size - 1)
        result = index if result is None else result * size + index
    return result


def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """``np.compress`` with a condition that is known when traced."""
    x = operand(a)
    mask = _known(condition, "compress")
    if axis is None or not x.sizes:
        x, axis = x.reshape(-1), 0
    place = normalize_axis(axis, len(x.sizes))
    return deliver("compress", numpy.take(x, np.flatnonzero(mask), axis=place), out)


def extract(condition: Any, arr: Any) -> Any:
    """``np.extract`` with a condition that is known when traced."""
    mask = _known(condition, "extract")
    return numpy.take(operand(arr).reshape(-1), np.flatnonzero(mask.ravel()))


def _known(condition: Any, name: str) -> Any:
    known: Any = condition
    if isinstance(condition, TracedArray):
        known = constant_array(condition.tracer, condition.value)
    if known is None:
        raise unknown_count(name)
    return np.asarray(known, bool)


def block(arrays: Any) -> Any:
    """``np.block``: nested lists of arrays, joined from the innermost outwards."""
    depth = _depth(arrays)
    rank = max([depth, *(len(part.sizes) for part in arrays_of(_leaves(arrays)))])
    return _joined(arrays, depth, rank)


def _depth(part: Any) -> int:
    if not isinstance(part, list):
        return 0
    depths = {_depth(one) for one in part}
    if len(depths) != 1:
        raise bad_type(
            "block: lists are nested to different depths, or empty",
            hint="nest all lists equally deep: [[a, b], [c, d]]",
        )
    return 1 + depths.pop()


def _leaves(part: Any) -> list[Any]:
    if not isinstance(part, list):
        return [part]
    return [leaf for one in part for leaf in _leaves(one)]


def _joined(part: Any, depth: int, rank: int) -> Any:
    if not isinstance(part, list):
        x = operand(part)
        return x.reshape((*([1] * (rank - len(x.sizes))), *x.shape))
    parts = [_joined(one, depth - 1, rank) for one in part]
    return numpy.concatenate(parts, axis=-depth)
