"""Runs a Function with NumPy: the meaning of a program, and the oracle in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attributes import concrete_attribute
from penstock.ir.dims import Dim, Size, evaluate_dim
from penstock.ir.errors import ArgumentError, IndexOutOfBoundsError, RunError
from penstock.ir.graph.value import Function, Value
from penstock.ir.op import Unsupported
from penstock.ir.types import TOKEN, TensorType, TupleType, Type, text_of_array

__all__ = ["evaluate", "evaluate_value"]

Array = np.ndarray[Any, Any]
Write = Callable[[str, Array], None]


def evaluate(
    function: Function,
    arguments: Sequence[Any],
    integers: Mapping[str, int] = {},
    *,
    write: Write | None = None,
) -> list[Array]:
    """The results of a Function.

    Args:
        function: a verified Function.
        arguments: an array of each parameter's dtype and shape, in order; NumPy
            scalars serve for rank 0, and Python floats for ``f64[]``.
        integers: the value of each integer argument by name.
        write: called with the text and the array of each ``print``, in order;
            without it they are written to standard output.

    Returns:
        An array for each result; none shares memory with an argument.

    Raises:
        RunError: an argument does not fit its parameter, or a guard does not hold.
        IndexOutOfBoundsError: an index is outside its axis.

    Example:
        >>> from penstock.ir.graph.text_parse import parse_function
        >>> f = parse_function('''
        ... func @double(%x: f32[n]) -> f32[n] {
        ...   %0 = add %x, %x : f32[n]
        ...   return %0
        ... }''')
        >>> evaluate(f, [np.array([1.0, 2.0], np.float32)])
        [array([2., 4.], dtype=float32)]
    """
    arrays = [
        _argument(parameter, argument)
        for parameter, argument in zip(
            function.parameters, _counted(function, arguments), strict=True
        )
    ]
    sizes = _bind_sizes(function, arrays, integers)
    reals = {
        str(parameter.attributes["name"]): float(array)
        for parameter, array in zip(function.parameters, arrays, strict=True)
        if array.ndim == 0 and array.dtype == np.float64
    }
    for guard in function.guards:
        if not guard.holds(sizes, reals):
            known = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            raise _error(function, f"the guard {guard} does not hold ({known})")
    interpreter = _Interpreter(sizes, write or _write_to_standard_output)
    # NumPy warns of what IEEE 754 defines; compiled code does not.
    with np.errstate(all="ignore"):
        results = interpreter.run(function, arrays)
    return [np.array(result, order="C") for result in results]


def evaluate_value(
    value: Value, arrays: Sequence[Array], sizes: Mapping[str, int]
) -> Any:
    """The result of one Value without regions, checked against its type.

    Args:
        value: the Value.
        arrays: what its operands are.
        sizes: the value of each symbol.

    Raises:
        RunError: the op gave another dtype or shape than its type says.
        IndexOutOfBoundsError: an index is outside its axis, at the Value's place.
        ArgumentError: what an op requires does not hold.
    """
    attributes = {
        name: concrete_attribute(attribute, sizes)
        for name, attribute in value.attributes.items()
    }
    type_ = _concrete(value.type, sizes)
    types = [operand.type for operand in value.operands]
    for guard in value.op.requirements(types, value.attributes):
        if not guard.holds(sizes):
            message = f"{value.op.name}: {guard} does not hold"
            raise RunError(value.loc, message, code="evaluate")
    if isinstance(value.op.reference, Unsupported):
        message = f"{value.op.name} is not evaluated: {value.op.reference.why}"
        raise RunError(value.loc, message, code="evaluate")
    try:
        result = value.op.evaluate(arrays, attributes, type_)
    except ArgumentError as error:
        raise ArgumentError(value.loc, error.message, code=error.code) from None
    except IndexError as error:
        raise IndexOutOfBoundsError(value.loc, str(error)) from None
    if isinstance(type_, TensorType):
        # In C order, so that what reads it gives the same bits whatever made it.
        result = np.asarray(result, order="C")
    _check(value, result, type_)
    return result


def _write_to_standard_output(text: str, array: Array) -> None:
    print(text, array)


def _error(function: Function, message: str) -> RunError:
    return RunError(None, f"@{function.name}: {message}", code="evaluate")


def _counted(function: Function, arguments: Sequence[Any]) -> Sequence[Any]:
    if len(arguments) != len(function.parameters):
        raise _error(
            function,
            f"takes {len(function.parameters)} arguments, not {len(arguments)}",
        )
    return arguments


def _argument(parameter: Value, argument: Any) -> Array:
    array = np.asarray(argument)
    type_ = parameter.tensor
    fits = array.ndim == type_.rank and all(
        not isinstance(wanted, int) or wanted == size
        for wanted, size in zip(type_.shape, array.shape, strict=True)
    )
    if array.dtype != type_.dtype.numpy or not fits:
        name = parameter.attributes["name"]
        raise RunError(
            None,
            f"the argument {name} is {text_of_array(array)}, not {type_}",
            code="evaluate",
        )
    return array


def _bind_sizes(
    function: Function, arrays: Sequence[Array], integers: Mapping[str, int]
) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for parameter, array in zip(function.parameters, arrays, strict=True):
        for size, number in zip(parameter.shape, array.shape, strict=True):
            if isinstance(size, Dim):
                sizes[str(size)] = number
    if set(integers) != set(function.integers):
        wanted = ", ".join(function.integers) or "none"
        raise _error(function, f"the integer arguments must be {wanted}")
    return {**sizes, **{name: int(number) for name, number in integers.items()}}


def _concrete(type_: Type, sizes: Mapping[str, int]) -> Type:
    if isinstance(type_, TensorType):
        return type_.with_shape(type_.concrete(sizes))
    if isinstance(type_, TupleType):
        return TupleType(tuple(_concrete(e, sizes) for e in type_.elements))
    return type_


def _check(value: Value, result: Any, type_: Type) -> None:
    """Hold what an op gave against its type: the two are stated apart."""
    if isinstance(type_, TensorType) and (result.dtype, result.shape) != (
        type_.dtype.numpy,
        type_.shape,
    ):
        have = text_of_array(np.asarray(result))
        message = f"{value.op.name} gave {have}, but its type is {type_}"
        raise RunError(value.loc, message, code="evaluate")


class _Interpreter:
    """Runs Functions whose symbols have these values."""

    def __init__(self, sizes: Mapping[str, int], write: Write) -> None:
        self.sizes = sizes
        self.write = write

    def run(self, function: Function, arguments: Sequence[Any]) -> list[Any]:
        known: dict[Value, Any] = dict(zip(function.parameters, arguments, strict=True))
        for value in function.values:
            operands = [known[operand] for operand in value.operands]
            special = _SPECIAL.get(value.op.name)
            if special is None:
                known[value] = evaluate_value(value, operands, self.sizes)
            else:
                known[value] = special(self, value, operands)
        return [known[result] for result in function.results]

    def size(self, size: Size) -> int:
        return evaluate_dim(size, self.sizes)

    def if_(self, value: Value, operands: list[Any]) -> Any:
        then, otherwise = value.regions
        chosen = then if operands[0] else otherwise
        return _together(self.run(chosen, operands[1:]))

    def while_(self, value: Value, carried: list[Any]) -> Any:
        cond, body = value.regions
        while self.run(cond, carried)[0]:
            carried = self.run(body, carried)
        return _together(carried)

    def loop(self, value: Value, operands: list[Any]) -> Any:
        (body,) = value.regions
        attributes = value.attributes
        count, sliced = attributes["carried"], attributes["sliced"]
        carried, rest = operands[:count], operands[count:]
        arrays, invariants = rest[:sliced], rest[sliced:]
        trip = max(self.size(attributes["trip"]), 0)
        stacks = [
            np.empty((trip, *r.tensor.concrete(self.sizes)), r.dtype.numpy)
            for r in body.results[count:]
        ]
        turns = range(trip)
        for turn in reversed(turns) if attributes["reverse"] else turns:
            slices = [np.asarray(array[turn]) for array in arrays]
            counter = np.array(turn, np.int64)
            found = self.run(body, [counter, *carried, *slices, *invariants])
            carried = found[:count]
            for stack, element in zip(stacks, found[count:], strict=True):
                stack[turn] = element
        return _together([*carried, *stacks])

    def inline(self, value: Value, operands: list[Any]) -> Any:
        return _together(self.run(value.regions[0], operands))

    def bind(self, value: Value, operands: list[Any]) -> Any:
        name, number = str(value.attributes["symbol"]), int(operands[0])
        if number < 0:
            raise RunError(
                value.loc, f"the size {name} is {number}, below 0", code="negative-size"
            )
        inner = _Interpreter({**self.sizes, name: number}, self.write)
        return _together(inner.run(value.regions[0], operands[1:]))

    def get(self, value: Value, operands: list[Any]) -> Any:
        return operands[0][value.attributes["index"]]

    def token(self, value: Value, operands: list[Any]) -> Any:
        return TOKEN

    def print(self, value: Value, operands: list[Any]) -> Any:
        self.write(str(value.attributes["text"]), operands[1])
        return TOKEN


def _together(results: list[Any]) -> Any:
    return results[0] if len(results) == 1 else tuple(results)


_SPECIAL: Mapping[str, Callable[[_Interpreter, Value, list[Any]], Any]] = {
    "if": _Interpreter.if_,
    "while": _Interpreter.while_,
    "loop": _Interpreter.loop,
    "bind": _Interpreter.bind,
    "recompute": _Interpreter.inline,
    "segmented": _Interpreter.inline,
    "cluster": _Interpreter.inline,
    "custom_jvp": _Interpreter.inline,
    "custom_vjp": _Interpreter.inline,
    "get": _Interpreter.get,
    "token": _Interpreter.token,
    "print": _Interpreter.print,
}
