"""Norms, powers and products of matrices, and SciPy's softmax and its kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    integer_argument,
    normalize_axes,
    normalize_axis,
    numpy,
    operand,
    refuse,
)
from penstock.frontend.numpy_functions.creation import eye
from penstock.frontend.refusals import bad_value
from penstock.ir.errors import MatrixError, UnsupportedError
from penstock.ir.location import user_location


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """``np.linalg.norm`` for vectors, and of matrices those made of sums."""
    array = operand(x)
    if not array.kind.is_float:
        array = array.astype(np.float64)
    rank = len(array.sizes)
    if axis is None and ord is None:
        flat = array.reshape(-1)
        result = numpy.sqrt(_sum_of_squares(flat))
        return result.reshape((1,) * rank) if keepdims else result
    axes = normalize_axes(axis, rank)
    if axis is not None and isinstance(axis, (tuple, list)):
        axes = tuple(normalize_axis(one, rank) for one in axis)
    if len(axes) == 1:
        return vector_norm(
            array, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord
        )
    if len(axes) != 2:
        raise bad_value(
            f"norm: {len(axes)} axes are neither a vector nor a matrix",
            hint="name one axis or two: axis=(-2, -1)",
        )
    return _matrix_norm(array, ord, axes, keepdims)


def _sum_of_squares(flat: TracedArray) -> Any:
    """The squared length of a vector.

    At 0 the norm has a kink: of its subgradients, 0 is the smallest, and its second
    derivative is infinite. Both follow from the root of a sum of squares, as a
    derivative of 0 stays 0 through elementwise functions.
    """
    if not flat.tracer.derivative_order:
        # A dot product, as in NumPy: one pass, no array of squares.
        return numpy.dot(flat, flat)
    wide = flat.astype(flat.kind.compute.numpy)
    return numpy.sum(wide * wide).astype(flat.dtype)


def _matrix_norm(
    x: TracedArray, ord: Any, axes: tuple[int, ...], keepdims: bool
) -> Any:
    rows, columns = axes
    if ord in (None, "fro", "f"):
        return numpy.sqrt(numpy.sum(x * x, axis=axes, keepdims=keepdims))
    if ord not in (1, -1, 2, -2, math.inf, -math.inf, "nuc"):
        raise bad_value(
            f"norm: matrices have no norm {ord!r}",
            hint="supported: 'fro', 1, -1, inf, -inf",
        )
    if ord not in (1, -1, math.inf, -math.inf):
        raise UnsupportedError(
            user_location(),
            f"norm of a matrix with ord={ord!r} needs singular values, which are not "
            "supported",
            code="unsupported-argument",
            hint="supported: 'fro', 1, -1, inf, -inf",
        )
    summed, kept = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = numpy.sum(abs(x), axis=summed, keepdims=True)
    extremum = numpy.max if ord > 0 else numpy.min
    result = extremum(sums, axis=kept, keepdims=True)
    return result if keepdims else numpy.squeeze(result, axis=axes)


def vector_norm(
    x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    """``np.linalg.vector_norm``."""
    array = operand(x)
    if not array.kind.is_float:
        array = array.astype(np.float64)
    if ord == math.inf:
        return numpy.max(abs(array), axis=axis, keepdims=keepdims, initial=0)
    if ord == -math.inf:
        return numpy.min(abs(array), axis=axis, keepdims=keepdims)
    if ord == 0:
        hits = (array != 0).astype(array.dtype)
        return numpy.sum(hits, axis=axis, keepdims=keepdims)
    if ord == 1:
        return numpy.sum(abs(array), axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise bad_value(
            f"norm: vectors have no norm {ord!r}",
            hint="vectors have norms of numbers, such as 1, 2 and np.inf",
        )

    def squares() -> Any:
        return numpy.sqrt(numpy.sum(array * array, axis=axis, keepdims=keepdims))

    if ord == 2:
        return squares()
    total = numpy.sum(abs(array) ** ord, axis=axis, keepdims=keepdims)
    result = total ** (1 / ord)
    if ord > 0 and array.tracer.derivative_order:
        # At 0 the kink is that of squares; the derivatives of powers say nothing of it.
        return numpy.where(total == 0, squares(), result)
    return result


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """``np.linalg.matrix_norm``."""
    return norm(x, ord, (-2, -1), keepdims)


def matrix_power(a: Any, n: Any) -> Any:
    """``np.linalg.matrix_power`` with a constant exponent of at least 0."""
    x = operand(a)
    if len(x.sizes) < 2:
        raise MatrixError(
            user_location(),
            f"matrix_power: {x.tensor} must have at least two axes",
            hint="its last two axes must be equal in size",
        )
    if not x.tracer.ask(x.sizes[-1], "==", x.sizes[-2]):
        raise MatrixError(
            user_location(),
            f"matrix_power: {x.tensor} is no square matrix",
            hint="its last two axes must be equal in size",
        )
    exponent = integer_argument(n, "n= of matrix_power")
    if exponent == 0:
        one = eye(x.shape[-1], dtype=x.dtype)
        return numpy.broadcast_to(one, x.shape).copy()
    if exponent < 0:
        raise UnsupportedError(
            user_location(),
            f"matrix_power with exponent {exponent} is not supported",
            hint="invert the matrix outside and pass the inverse in",
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
    return numpy.einsum(f"{','.join(subscripts)}->{result}", *parts, out=out)


def softmax(x: Any, axis: Any = None) -> Any:
    """``scipy.special.softmax``."""
    array = operand(x)
    powers = numpy.exp(array - numpy.max(array, axis=axis, keepdims=True))
    return powers / numpy.sum(powers, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """``scipy.special.log_softmax``."""
    array = operand(x)
    highest = numpy.max(array, axis=axis, keepdims=True)
    shifted = array - numpy.where(numpy.isfinite(highest), highest, array.dtype.type(0))
    return shifted - numpy.log(numpy.sum(numpy.exp(shifted), axis=axis, keepdims=True))


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False,
    return_sign: bool = False,
) -> Any:  # fmt: skip
    """``scipy.special.logsumexp`` without weights."""
    refuse("logsumexp", b=(b, None), return_sign=(return_sign, False))
    array = numpy.atleast_1d(operand(a))
    if not array.kind.is_float:
        array = array.astype(np.float64)
    # Nothing has the sum 0, whose logarithm is -inf.
    highest = numpy.max(array, axis=axis, keepdims=True, initial=-math.inf)
    shift = numpy.where(numpy.isfinite(highest), highest, array.dtype.type(0))
    total = (
        numpy.log(numpy.sum(numpy.exp(array - shift), axis=axis, keepdims=True)) + shift
    )
    return total if keepdims else numpy.squeeze(total, axis=axis)
