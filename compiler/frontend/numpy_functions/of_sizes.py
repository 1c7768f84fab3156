"""Functions of sizes alone: windows, and the indices of triangles and diagonals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.lift import as_array
from penstock.frontend.numpy_functions.arguments import (
    numpy,
    operand,
    size_argument,
    tracer_of,
)
from penstock.frontend.numpy_functions.creation import ones, zeros
from penstock.frontend.numpy_functions.ranges import arange
from penstock.frontend.refusals import bad_value
from penstock.frontend.tracer import Traced, Tracer

__all__ = [
    "bartlett", "blackman", "diag_indices", "hamming", "hanning", "kaiser",
    "tril_indices", "tril_indices_from", "triu_indices", "triu_indices_from",
]  # fmt: skip


def _window(M: Any, shape: Callable[[Any, Any], Any]) -> Any:
    """A window of M points: a function of odd steps from 1 - M, and of M - 1."""
    tracer = tracer_of(M)
    count = size_argument(tracer, M)
    if tracer.ask(count, "<", 1):
        return zeros(0)
    if tracer.ask(count, "==", 1):
        return ones(1)
    return shape(arange(1 - M, M, 2), M - 1)


def hanning(M: Any) -> Any:
    """``np.hanning``."""
    return _window(M, lambda n, last: 0.5 + 0.5 * numpy.cos(np.pi * n / last))


def hamming(M: Any) -> Any:
    """``np.hamming``."""
    return _window(M, lambda n, last: 0.54 + 0.46 * numpy.cos(np.pi * n / last))


def blackman(M: Any) -> Any:
    """``np.blackman``."""
    return _window(
        M,
        lambda n, last: (
            0.42
            + 0.5 * numpy.cos(np.pi * n / last)
            + 0.08 * numpy.cos(2.0 * np.pi * n / last)
        ),
    )


def bartlett(M: Any) -> Any:
    """``np.bartlett``."""
    return _window(M, lambda n, last: numpy.where(n <= 0, 1 + n / last, 1 - n / last))


def kaiser(M: Any, beta: Any) -> Any:
    """``np.kaiser``; its numbers become part of the variant."""
    tracer = tracer_of(M, beta)
    return as_array(tracer, np.kaiser(_pinned(tracer, M), float(beta)))


def triu_indices(n: Any, k: Any = 0, m: Any = None) -> Any:
    """``np.triu_indices``: how many there are depends on the sizes, which are fixed."""
    return _indices(np.triu_indices, n, k, m)


def tril_indices(n: Any, k: Any = 0, m: Any = None) -> Any:
    """``np.tril_indices``: see ``triu_indices``."""
    return _indices(np.tril_indices, n, k, m)


def triu_indices_from(arr: Any, k: Any = 0) -> Any:
    """``np.triu_indices_from``."""
    rows, columns = _matrix(arr)
    return triu_indices(rows, k, columns)


def tril_indices_from(arr: Any, k: Any = 0) -> Any:
    """``np.tril_indices_from``."""
    rows, columns = _matrix(arr)
    return tril_indices(rows, k, columns)


def diag_indices(n: Any, ndim: int = 2) -> Any:
    """``np.diag_indices``."""
    return (arange(n),) * ndim


def _matrix(arr: Any) -> tuple[Any, Any]:
    x = operand(arr)
    if len(x.sizes) != 2:
        raise bad_value(
            f"triangles are of matrices, not of {x.tensor}",
            hint="pass a matrix, such as x[None]",
        )
    rows, columns = x.shape
    return rows, columns


def _indices(function: Any, n: Any, k: Any, m: Any) -> tuple[TracedArray, ...]:
    tracer = tracer_of(n, k, m)
    rows, above = _pinned(tracer, n), _pinned(tracer, k)
    columns = None if m is None else _pinned(tracer, m)
    return tuple(as_array(tracer, part) for part in function(rows, above, columns))


def _pinned(tracer: Tracer, value: Any) -> Any:
    """A size as an integer of Python, which becomes part of the variant."""
    if issubclass(type(value), Traced):
        return tracer.pin(size_argument(tracer, value))
    return value
