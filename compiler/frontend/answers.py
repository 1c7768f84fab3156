"""Questions about the elements of traced arrays.

They have an answer where no argument is involved (a table of constants), or where
the elements are sizes, which a guard can hold. Otherwise the elements are known only
when the compiled function runs, and the error says what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, TracedScalar
from penstock.frontend.host_numbers import host_integer
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Tracer
from penstock.ir.attributes import (
    Attribute,
    Constant,
    attribute_symbols,
    map_sizes,
)
from penstock.ir.dims import Size, dim_maximum, dim_minimum
from penstock.ir.errors import TraceError
from penstock.ir.graph.value import Value
from penstock.ir.location import is_asked_by_library
from penstock.ir.types import i64

__all__ = [
    "INTEGER_HINT",
    "array_hint",
    "cone_of",
    "constant_array",
    "host_number",
    "host_size",
    "index",
    "number",
    "python_number_hint",
    "text",
    "truth",
]

# Constants beyond this are not evaluated for a question about them.
_LARGEST_CONSTANT = 1 << 20
# Arrays of sizes are shapes and what is made of them.
_MOST_SIZES = 64

_COMPARISONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}


def truth(array: TracedArray) -> bool:
    """``bool(array)``.

    Raises:
        TraceError: the answer is known only when the program runs.
        ValueError: the array has more than one element, as in NumPy.
    """
    tracer = array.tracer
    tracer.check()
    for size in array.sizes:
        if not tracer.ask(size, "==", 1):
            raise bad_value(
                f"{array.tensor} of more than one element is neither true nor false",
                hint="combine conditions with & | ~ and choose by "
                "np.where(condition, a, b); x.any() and x.all() are one bool",
            )
    value = array.value
    known = constant_array(tracer, value)
    if known is not None:
        return bool(known.reshape(()))
    answer = _host_truth(tracer, value)
    if answer is not None:
        return answer
    raise unknown(
        tracer,
        f"the truth of traced {array.tensor} is not known while tracing",
        "truth",
        python_number_hint(array)
        or "choose elements with np.where(condition, a, b), branch with ps.cond, loop "
        "with ps.while_loop; if and while may ask for sizes and Python numbers",
    )


def number(array: TracedArray, what: str, hint: str | None = None) -> Any:
    """The one element of an array, as a Python number.

    Args:
        array: the array.
        what: asks for it.
        hint: what to do instead, if there is something better than an array.

    Raises:
        TraceError: it is known only when the program runs.
        TypeError: the array has more than one element, as in NumPy.
    """
    tracer = array.tracer
    tracer.check()
    for size in array.sizes:
        if not tracer.ask(size, "==", 1):
            raise bad_type(
                f"{what} of {array.tensor}: only arrays of one element have a number",
                hint="index one of them: x[0]",
            )
    known = constant_array(tracer, array.value)
    if known is not None:
        return known.reshape(()).item()
    host = host_size(tracer, array.value)
    if host is not None:
        return tracer.pin(host)
    raise unknown(
        tracer,
        f"{what} asks for the element of traced {array.tensor}, which is known only "
        "when the compiled function runs",
        "element",
        python_number_hint(array) or _library_hint() or hint or _KEEP,
    )


_KEEP = "keep it an array: arithmetic and numpy functions take it as it is"

INTEGER_HINT = (
    "keep it an array: x.astype(int); so many turns of a loop are "
    "ps.fori_loop(0, n, ...)"
)
"""What to do instead of ``int(x)``."""


def array_hint(dtype: Any) -> str:
    """What to do instead of ``np.asarray(x, dtype)`` by NumPy's own code."""
    wanted = "dtype" if dtype is None else f"np.{np.dtype(dtype).name}"
    return _library_hint() or (
        f"keep it traced: numpy functions take it as it is, and x.astype({wanted}) "
        "converts it"
    )


def _library_hint() -> str | None:
    """What to do where a function of NumPy or SciPy asks for elements itself."""
    if not is_asked_by_library():
        return None
    return (
        "this function of NumPy or SciPy needs the elements: call it outside and pass "
        "the result in; what is done to each element is ps.vmap"
    )


def python_number_hint(array: TracedArray) -> str | None:
    """What to do where a NumPy scalar is passed in and its number is needed."""
    owner, kind = array.cell.owner, array.kind.kind
    if array.sizes or kind == "f":
        return None
    kind = "bool" if kind == "b" else "int"
    if not owner or array.path:
        name = _taken_from(array.value)
        return name and (
            f"make {name} a tuple of {kind}s: Python's numbers are known while tracing"
        )
    name = owner.rpartition(" ")[2]
    return f"pass a Python number: {kind}({name}); NumPy's scalars count as arrays"


def _taken_from(value: Value) -> str | None:
    """The input of which a Value is an element; ``None`` if it is none."""
    while value.op.name in ("slice", "reshape", "take"):
        value = value.operands[0]
    found = value.attributes["name"] if value.op.name == "parameter" else None
    return None if found is None else str(found)


def text(array: TracedArray, spec: str, what: str) -> str:
    """``format(array, spec)``.

    Raises:
        TraceError: the elements are known only when the program runs.
    """
    tracer = array.tracer
    tracer.check()
    known = constant_array(tracer, array.value)
    if known is None and (host := host_size(tracer, array.value)) is not None:
        known = np.array(tracer.pin(host))
    if known is not None:
        return format(known[()] if type(array) is TracedScalar else known, spec)
    raise unknown(
        tracer,
        f"{what} asks for the elements of traced {array.tensor}, which are known only "
        "when the compiled function runs",
        "element",
        "return it and format it outside; print(x), repr(x) and f'{x=}' show its type",
    )


def index(array: TracedArray) -> int:
    """``array.__index__()``, as ``range`` and lists ask it.

    Raises:
        TraceError: it is known only when the program runs.
        TypeError: it is no integer scalar.
    """
    if array.sizes or array.kind.is_float:
        raise bad_type(
            f"{array.tensor} is no index or count: only integer scalars are",
            hint="use a Python integer, or a size such as x.shape[0]",
        )
    return int(
        number(
            array,
            "an index or a count",
            "index an array, np.array(items)[i], not a list; so many turns of a loop "
            "are ps.fori_loop(0, n, ...)",
        )
    )


def unknown(tracer: Tracer, message: str, code: str, hint: str) -> TraceError:
    """The error for a question that only the running program can answer."""
    return tracer.fail(message, code=code, hint=hint)


def constant_array(tracer: Tracer, value: Value) -> np.ndarray[Any, Any] | None:
    """The array that a Value is, where it depends on no argument and no size."""
    cone = cone_of(value)
    attributes: dict[Value, Mapping[str, Attribute]] = {}
    for part in cone:
        if part.op.name in ("parameter", "dim") or part.regions or not part.op.pure:
            return None
        elements = tracer.type_of(part).size
        if not isinstance(elements, int) or elements > _LARGEST_CONSTANT:
            return None
        settled = _settled_attributes(tracer, part)
        if settled is None:
            return None
        attributes[part] = settled
    arrays: dict[Value, Any] = {}
    with np.errstate(all="ignore"):
        for part in cone:
            operands = [arrays[operand] for operand in part.operands]
            type_ = tracer.type_of(part)
            result = part.op.evaluate(operands, attributes[part], type_)
            arrays[part] = np.asarray(result)
    found: np.ndarray[Any, Any] = arrays[value]
    return found


def _settled_attributes(tracer: Tracer, value: Value) -> Mapping[str, Attribute] | None:
    """A Value's attributes as the guards so far give them; ``None`` if sizes remain."""
    found = {
        name: map_sizes(attribute, tracer.normalize)
        for name, attribute in value.attributes.items()
    }
    return None if any(map(attribute_symbols, found.values())) else found


def cone_of(value: Value) -> list[Value]:
    """All Values that a Value depends on and itself, operands first."""
    order: list[Value] = []
    done: set[Value] = set()
    stack: list[tuple[Value, bool]] = [(value, False)]
    while stack:
        part, ready = stack.pop()
        if ready:
            order.append(part)
        elif part not in done:
            done.add(part)
            stack.append((part, True))
            stack += [(operand, False) for operand in part.operands]
    return order


def host_size(tracer: Tracer, value: Value) -> Size | None:
    """The size that a scalar Value is, where it is made of sizes and integers."""
    if value.shape:
        return None
    found = host_array(tracer, value)
    if found is None:
        return None
    element: Any = found[()]
    return tracer.normalize(element)


def host_array(tracer: Tracer, value: Value) -> np.ndarray[Any, Any] | None:
    """The sizes that the elements of a Value are, as an array of objects.

    ``None`` where an element is no integer expression over sizes.
    """
    if value.dtype is not i64:
        return None
    arrays: dict[Value, Any] = {}
    for part in cone_of(value):
        count = tracer.type_of(part).size
        if not isinstance(count, int) or count > _MOST_SIZES or part.regions:
            return None
        found = _host_step(tracer, part, [arrays[operand] for operand in part.operands])
        if found is None:
            return None
        arrays[part] = np.asarray(found, object)
    result: np.ndarray[Any, Any] = arrays[value]
    return result


def _host_step(tracer: Tracer, part: Value, operands: list[Any]) -> Any:
    """One op on arrays of sizes; ``None`` where it is not one of integers."""
    name, attributes = part.op.name, part.attributes
    if name == "dim":
        size: Any = attributes["size"]
        return np.array(tracer.normalize(size), object)
    if name == "const":
        constant = attributes["value"]
        assert isinstance(constant, Constant)
        return constant.array.astype(object) if part.dtype.is_integer else None
    if name == "astype":
        return operands[0] if part.dtype is i64 else None
    if part.dtype is not i64:
        return None
    if name in ("floor_divide", "remainder"):
        if any(tracer.ask(divisor, "==", 0) for divisor in operands[1].flat):
            return None
    if name in _SIZE_OPERATIONS:
        return _SIZE_OPERATIONS[name](*operands)
    if name in _SIZE_REDUCTIONS:
        axes, keepdims = attributes["axes"], attributes["keepdims"]
        combine = _SIZE_REDUCTIONS[name]
        return combine.reduce(operands[0], axis=axes, keepdims=keepdims)
    if name in ("reshape", "transpose", "concatenate", "broadcast_to", "slice"):
        settled = _settled_attributes(tracer, part)
        if settled is not None:
            return part.op.evaluate(operands, settled, tracer.type_of(part))
    return None


_MINIMUM = np.frompyfunc(dim_minimum, 2, 1)
_MAXIMUM = np.frompyfunc(dim_maximum, 2, 1)
_SIZE_OPERATIONS: dict[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "minimum": _MINIMUM,
    "maximum": _MAXIMUM,
}
_SIZE_REDUCTIONS: dict[str, Any] = {
    "sum": np.add,
    "prod": np.multiply,
    "max": _MAXIMUM,
    "min": _MINIMUM,
}


def _host_truth(tracer: Tracer, value: Value) -> bool | None:
    """The truth of a Value that compares sizes."""
    name = value.op.name
    if name == "reshape":
        return _host_truth(tracer, value.operands[0])
    if name == "not" and value.dtype.kind == "b":
        answer = _host_truth(tracer, value.operands[0])
        return None if answer is None else not answer
    if name in _COMPARISONS:
        left, right = (host_size(tracer, operand) for operand in value.operands)
        if left is None or right is None:
            return None
        return tracer.ask(left, _COMPARISONS[name], right)
    size = host_size(tracer, value)
    return None if size is None else tracer.ask(size, "!=", 0)


def host_number(array: TracedArray) -> Any:
    """The element of an integer scalar as a host number, or ``None``."""
    size = host_size(array.tracer, array.value)
    return None if size is None else host_integer(array.tracer, size)
