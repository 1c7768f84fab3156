"""Anything that NumPy takes for an array, as a traced array or a Value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.host_reals import HostReal
from penstock.frontend.inputs import refuse_own_class
from penstock.frontend.promotion import (
    Kind,
    check_fits,
    integer_range,
    out_of_range,
    result_dtype,
    supported_dtype,
)
from penstock.frontend.refusals import bad_value
from penstock.frontend.tracer import Traced, Tracer, require_tracer
from penstock.ir.errors import ShapeError, StructureError, UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, bool_, dtype_of, f64, i64
from penstock.ir.wording import with_article

__all__ = [
    "as_array",
    "convert",
    "find_tracer",
    "is_python_number",
    "is_traced",
    "kind_of",
    "stored_value",
    "value_of",
]


# Their dtype gives way to that of an array.
PYTHON_NUMBERS = (int, float, bool, HostInteger, HostReal)


def is_python_number(value: Any) -> bool:
    """Whether NumPy writes a value into an array as a number: it has to fit."""
    kind = type(value)
    return kind in PYTHON_NUMBERS or is_number_subclass(kind)


def is_traced(value: Any) -> bool:
    """Whether a value is traced, or a list or tuple with such within."""
    # `type` because traced values only say that they are arrays and numbers.
    if issubclass(type(value), Traced):
        return True
    if isinstance(value, (list, tuple)):
        return any(is_traced(item) for item in value)
    return False


def find_tracer(values: Sequence[Any]) -> Tracer:
    """The trace that operands belong to; at least one is traced."""
    for value in values:
        if issubclass(type(value), Traced):
            tracer: Tracer = value.tracer
            tracer.check()
            return tracer
        if isinstance(value, (list, tuple)) and is_traced(value):
            return find_tracer(value)
    return require_tracer("a numpy function of a traced program")


def kind_of(operand: Any) -> Kind | None:
    """What an operand counts as in promotion; ``None`` for lists.

    Raises:
        StructureError, UnsupportedError: it is no number, array or list.
    """
    kind = type(operand)
    if issubclass(kind, TracedArray):
        dtype: Dtype = operand.kind
        return dtype
    if kind is float or kind is HostReal:
        return float
    if kind is int or kind is HostInteger:
        return int
    if kind is bool:
        return bool_
    if issubclass(kind, (np.ndarray, np.generic)):
        refuse_own_class(operand, "an operand", user_location())
        return supported_dtype(operand.dtype)
    if issubclass(kind, (list, tuple)):
        return None
    if is_number_subclass(kind):
        return python_dtype(plain_number(operand))
    if hasattr(kind, "__array__"):
        return kind_of(_from_array_method(operand))
    if kind is complex:
        return supported_dtype(np.dtype(complex))
    # NumPy computes with objects of other classes, one by one, but not with these.
    refused = StructureError if kind in (type(None), str, bytes) else UnsupportedError
    raise refused(
        user_location(),
        f"{with_article(kind.__name__)} is no array or number",
        code="operand-type",
        hint="numpy functions take arrays, numbers, and lists of them",
    )


def is_number_subclass(kind: type[Any]) -> bool:
    """Whether a class is derived from Python's numbers, as enumerations may be.

    NumPy minds the dtype of its numbers: int64 or float64, as of its own scalars.
    """
    return issubclass(kind, (int, float)) and (
        kind not in PYTHON_NUMBERS and not issubclass(kind, np.generic)
    )


def plain_number(number: Any) -> int | float:
    """A number of a class derived from ``int`` or ``float``, without its class."""
    if isinstance(number, float):
        return float.__float__(number)
    return int.__index__(number)


def value_of(tracer: Tracer, operand: Any, dtype: Dtype | None = None) -> Value:
    """An operand as a Value, converted to a dtype where one is given."""
    kind = type(operand)
    if issubclass(kind, TracedArray):
        if operand.tracer is not tracer:
            operand.tracer.check()
        return convert(tracer, operand.value, dtype)
    if kind is HostReal:
        return convert(tracer, operand.value, dtype)
    if kind is HostInteger:
        return _size_value(tracer, operand, dtype)
    if issubclass(kind, (list, tuple)):
        return convert(tracer, as_array(tracer, operand).value, dtype)
    if issubclass(kind, (np.ndarray, np.generic)):
        refuse_own_class(operand, "an operand", user_location())
        array = np.asarray(operand)
        return convert(
            tracer, tracer.constant(array, supported_dtype(array.dtype)), dtype
        )
    if hasattr(kind, "__array__"):
        return value_of(tracer, _from_array_method(operand), dtype)
    if is_number_subclass(kind):
        number = plain_number(operand)
        return convert(tracer, tracer.constant(number, python_dtype(number)), dtype)
    if dtype is None:
        dtype = python_dtype(operand)
    if dtype.is_integer and kind is not bool:
        check_fits(tracer, operand, dtype)
    return tracer.constant(operand, dtype)


def _from_array_method(operand: Any) -> Any:
    """The array, maybe a traced one, that an object of another class gives."""
    made = operand.__array__()
    return made if issubclass(type(made), TracedArray) else np.asarray(operand)


def python_dtype(number: Any) -> Dtype:
    """The dtype that NumPy gives a Python number that stands alone."""
    kind = kind_of(number)
    if kind is float:
        return f64
    if kind is int:
        return i64 if type(number) is HostInteger else _integer_dtype(number)
    assert isinstance(kind, Dtype)
    return kind


def _integer_dtype(number: int) -> Dtype:
    found = dtype_of(np.asarray(number).dtype)
    return i64 if found is None else found


def _size_value(tracer: Tracer, number: HostInteger, dtype: Dtype | None) -> Value:
    size = tracer.normalize(number.size)
    if isinstance(size, int):
        return value_of(tracer, size, dtype)
    if dtype is not None and dtype.is_integer:
        check_fits(tracer, number, dtype)
    value = tracer.emit("dim", size=size)
    if dtype is not None and dtype.is_float and dtype is not f64:
        # NumPy converts Python's integers through a double.
        value = convert(tracer, value, f64)
    return convert(tracer, value, dtype)


def stored_value(tracer: Tracer, number: Any, dtype: Dtype) -> Value:
    """A Python number as NumPy writes it into an array: integers must fit.

    Args:
        tracer: the trace.
        number: for which ``is_python_number`` holds.
        dtype: the array's.

    Raises:
        NumberRangeError: an integer dtype cannot hold it.
        ValueError: nan, into an integer dtype.
    """
    if is_number_subclass(type(number)):
        number = plain_number(number)
    kind = type(number)
    if kind is HostReal and dtype.is_integer:
        least, greatest = integer_range(dtype)
        # Doubles hold the limits of 64 bits, but not what lies next to the least one.
        above = number > least - 1 if dtype.bits < 64 else number >= least
        if not (above and number < greatest + 1):
            number, kind = number.concrete(), float
    if kind is float and dtype.is_integer:
        if math.isnan(number):
            raise bad_value(
                f"assignment: nan is no integer, but the array is {dtype}",
                hint="replace it before, or make the array floating",
            )
        if math.isinf(number):
            raise out_of_range(f"the number {number}", dtype)
        number = int(number)
    return value_of(tracer, number, dtype)


def convert(tracer: Tracer, value: Value, dtype: Dtype | None) -> Value:
    """A Value in another dtype."""
    if dtype is None or value.dtype is dtype:
        return value
    return tracer.emit("astype", value, dtype=dtype)


def as_array(tracer: Tracer, operand: Any, dtype: Dtype | None = None) -> TracedArray:
    """Anything that NumPy takes for an array, as ``np.asarray`` would give it."""
    kind = type(operand)
    if issubclass(kind, TracedArray):
        array: TracedArray = operand
        if dtype is None or array.kind is dtype:
            return array
        value = convert(tracer, array.value, dtype)
        return fresh(tracer, value, array.in_order)
    if issubclass(kind, (list, tuple)):
        return _stack_list(tracer, operand, dtype)
    if dtype is not None and is_python_number(operand):
        return fresh(tracer, stored_value(tracer, operand, dtype))
    value = value_of(tracer, operand)
    if issubclass(kind, np.generic):
        return wrap(tracer, convert(tracer, value, dtype))
    return fresh(tracer, convert(tracer, value, dtype))


def _stack_list(
    tracer: Tracer, items: Sequence[Any], dtype: Dtype | None
) -> TracedArray:
    """A list of numbers, arrays and lists as an array with one more axis."""
    if not is_traced(items):
        array = _constant_array(items, dtype)
        return fresh(
            tracer,
            tracer.constant(array, dtype or supported_dtype(array.dtype, "lists")),
        )
    if dtype is None:
        dtype = result_dtype(_kinds_within(items))
    parts = [as_array(tracer, item, dtype) for item in items]
    shapes = {part.sizes for part in parts}
    if len(shapes) > 1:
        from penstock.frontend.broadcasting import require_equal, shapes_text

        first = parts[0].sizes
        for part in parts:
            if len(part.sizes) != len(first):
                raise ShapeError(
                    user_location(),
                    "a list of arrays has an inhomogeneous shape: "
                    + shapes_text(tracer, [first, part.sizes]),
                    code="ragged-list",
                    hint="the parts of an array must all have the same shape",
                )
            for left, right in zip(first, part.sizes, strict=True):
                require_equal(
                    tracer,
                    "array",
                    left,
                    right,
                    hint="make the parts of the list equal in shape",
                )
    values = [
        tracer.emit("reshape", part.value, shape=(1, *part.sizes)) for part in parts
    ]
    return fresh(tracer, tracer.emit("concatenate", *values, axis=0))


def _constant_array(items: Sequence[Any], dtype: Dtype | None) -> np.ndarray[Any, Any]:
    try:
        return np.array(items, None if dtype is None else dtype.numpy)
    except OverflowError as error:
        raise out_of_range(f"a number of the list ({error})", dtype) from None


def _kinds_within(items: Sequence[Any]) -> list[Any]:
    kinds: list[Any] = []
    for item in items:
        if isinstance(item, (list, tuple)):
            kinds += _kinds_within(item)
        else:
            # Within a list Python's numbers count as NumPy's default dtypes.
            kind = kind_of(item)
            kinds.append(python_dtype(item) if kind in (int, float) else kind)
    return list(dict.fromkeys(kinds))
