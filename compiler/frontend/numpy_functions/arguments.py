"""What arguments of NumPy functions have in common: axes, shapes, what is refused."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array, host_size
from penstock.frontend.broadcasting import require_equal
from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import size_of
from penstock.frontend.lift import as_array, find_tracer
from penstock.frontend.refusals import bad_type, bad_value, too_large
from penstock.frontend.tracer import Traced, Tracer, require_tracer
from penstock.ir.dims import Size
from penstock.ir.errors import AxisError, ShapeError, UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.wording import with_article

__all__ = [
    "NO_VALUE",
    "arrays_of",
    "c_integer",
    "deliver",
    "integer_argument",
    "known_to_hold",
    "normalize_axes",
    "normalize_axis",
    "numpy",
    "operand",
    "reduced_axes",
    "refuse",
    "shape_of",
    "size_argument",
    "tracer_of",
]


numpy: Any = np
"""NumPy, typed loosely: given traced arrays, its functions come back to ours."""


class _NoValue:
    """Stands for an argument that was not given, as ``np._NoValue`` does."""

    def __repr__(self) -> str:
        return "<no value>"


NO_VALUE: Any = _NoValue()


def operand(value: Any) -> TracedArray:
    """An argument as a traced array."""
    if issubclass(type(value), TracedArray):
        array: TracedArray = value
        array.tracer.check()
        return array
    return as_array(find_tracer([value]), value)


def arrays_of(values: Sequence[Any]) -> list[TracedArray]:
    """Arguments as traced arrays of one trace."""
    tracer = find_tracer(list(values))
    return [as_array(tracer, value) for value in values]


def refuse(function: str, **arguments: tuple[Any, Any]) -> None:
    """Raise an UnsupportedError for an argument that is not its default.

    Args:
        function: the function's name.
        arguments: for each argument its value and what is supported.
    """
    for name, (value, supported) in arguments.items():
        if value is supported or value is NO_VALUE:
            continue
        if isinstance(value, (str, bool)) and value == supported:
            continue
        shown = value if isinstance(value, (str, bool, int, float)) else "..."
        raise UnsupportedError(
            user_location(),
            f"{function} with {name}={shown!r} is not supported"
            if shown != "..."
            else f"{function} with {name}= is not supported",
            code="unsupported-argument",
        )


def deliver(
    name: str, result: TracedArray, out: Any, casting: str = "same_kind"
) -> Any:
    """A function's result, put into ``out`` where it is given.

    Raises:
        UnsupportedError: ``out`` is not traced.
        DtypeError: it cannot hold the result.
        ShapeError: it has another shape.
    """
    if out is None or out is NO_VALUE:
        return result
    if type(out) is not TracedArray:
        raise UnsupportedError(
            user_location(),
            f"{name}: out= is {with_article(type(out).__name__)}, which is not traced",
            code="out-argument",
            hint="make it within the function: np.empty(...) or np.zeros(...)",
        )
    if len(out.sizes) != len(result.sizes):
        raise ShapeError(
            user_location(),
            f"{name}: out= is {out.tensor}, but the result is {result.tensor}",
            code="out-shape",
            hint="make it of the result's shape, or leave it out",
        )
    for own, wanted in zip(out.sizes, result.sizes, strict=True):
        require_equal(
            out.tracer,
            f"{name} out=",
            own,
            wanted,
            hint="make it of the result's shape, or leave it out",
        )
    out.assign(result, casting)
    return out


def integer_argument(value: Any, what: str) -> int:
    """An argument that must be an integer known while tracing.

    Raises:
        TypeError: it is no integer.
        TraceError: it is traced, and known only when the program runs.
    """
    if hasattr(type(value), "__index__"):
        return operator.index(value)
    raise bad_type(
        f"{what} is {described(value)}, but must be an integer",
        hint="use a Python integer, or a size such as x.shape[0]",
    )


def c_integer(value: Any, what: str) -> int:
    """An argument that NumPy takes as an ``int`` of C, of 32 bits.

    Raises:
        OverflowError: it does not fit.
    """
    number = integer_argument(value, what)
    if not -(1 << 31) <= number < 1 << 31:
        raise too_large(
            f"{what} is {number}, which does not fit 32 bits",
            hint="NumPy takes an int of C here: use a number below 2**31",
        )
    return number


def described(value: Any) -> str:
    """A value of the wrong kind, as messages show it."""
    if issubclass(type(value), TracedArray):
        return str(value.tensor)
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else with_article(type(value).__name__)


_LONGEST = 40


def known_to_hold(condition: Any) -> bool:
    """Whether a condition of one element is known while tracing, and holds."""
    if not issubclass(type(condition), TracedArray):
        return bool(condition)
    known = constant_array(condition.tracer, condition.value)
    return known is not None and bool(known)


def normalize_axis(axis: Any, rank: int) -> int:
    """An axis counted from the start.

    Raises:
        AxisError: there is no such axis.
    """
    number = integer_argument(axis, "an axis")
    if not -rank <= number < rank:
        raise AxisError(
            user_location(),
            f"axis {number} is out of bounds for an array of {rank} axes",
            code="bad-axis",
            hint="axes count from 0, and from -1 backwards",
        )
    return number % rank


def reduced_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes that are reduced: NumPy's reductions take no lists and bools for axes.

    Raises:
        TypeError: it is neither an integer nor a tuple of them.
    """
    if isinstance(axis, list) or any(
        isinstance(one, (bool, np.bool_))
        for one in (axis if isinstance(axis, tuple) else (axis,))
    ):
        raise bad_type(
            f"axis is {axis!r}, but must be an integer or a tuple of integers",
            hint="name one axis, axis=0, or several, axis=(0, 1)",
        )
    return normalize_axes(axis, rank)


def normalize_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from the start and ascending; ``None`` stands for all.

    Raises:
        AxisError: one of them is not there.
        ValueError: one is given twice.
    """
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, (tuple, list)):
        axes = sorted(normalize_axis(one, rank) for one in axis)
        if len(set(axes)) < len(axes):
            raise bad_value(
                f"axis {axis} names an axis twice", hint="name each axis once"
            )
        return tuple(axes)
    return (normalize_axis(axis, rank),)


def size_argument(tracer: Tracer, value: Any) -> Size:
    """A size or count that the traced program gives: an integer of any kind.

    Raises:
        TraceError: it is a traced integer, known only when the program runs.
        TypeError: it is no integer.
    """
    if issubclass(type(value), TracedArray):
        if value.sizes or value.kind.is_float:
            raise bad_type(
                f"{value.tensor} is no size: only integer scalars are",
                hint="use a Python integer, or a size such as x.shape[0]",
            )
        size = host_size(tracer, value.value)
        return value.__index__() if size is None else size
    size = size_of(value)
    if size is None:
        return integer_argument(value, "a size or count")
    return tracer.normalize(size)


def shape_of(tracer: Tracer, shape: Any) -> tuple[Size, ...]:
    """A shape argument: an integer or a sequence of integers."""
    parts = shape if isinstance(shape, (tuple, list)) else (shape,)
    if any(isinstance(part, (bool, np.bool_)) for part in parts):
        raise bad_type(
            f"a shape is {shape!r}, but must be of integers",
            hint="use Python integers and sizes: (x.shape[0], 3)",
        )
    if isinstance(shape, (tuple, list)):
        return tuple(size_argument(tracer, size) for size in shape)
    if issubclass(type(shape), TracedArray) and len(shape.sizes) == 1:
        return tuple(size_argument(tracer, size) for size in shape)
    return (size_argument(tracer, shape),)


def tracer_of(*values: Any) -> Tracer:
    """The trace of arguments, or the one that runs."""
    for value in values:
        if issubclass(type(value), Traced):
            return find_tracer([value])
    return require_tracer("a numpy function of a traced program")
