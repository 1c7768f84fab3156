"""Branches and loops of the traced program, as ops that carry their parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from penstock.frontend.control_numbers import (
    counter_of,
    host_size_of,
    require_range,
    turns_of,
)
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.host_numbers import HostInteger, host_integer, size_of
from penstock.frontend.lift import convert, value_of
from penstock.frontend.promotion import result_dtype
from penstock.frontend.regions import Region, captured_by
from penstock.frontend.tracer import Tracer, require_tracer
from penstock.frontend.transform_leaves import Leaves, with_values
from penstock.ir.dims import Size
from penstock.ir.errors import (
    DtypeError,
    OptionError,
    ShapeError,
    StructureError,
)
from penstock.ir.graph.value import Builder, Value
from penstock.ir.graph.value import Function as FunctionOfGraph
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, TensorType, bool_, i64
from penstock.runtime.pytree import Structure, flatten, unflatten

__all__ = [
    "branch",
    "given_to",
    "repeat_over",
    "repeat_times",
    "repeat_while",
    "segment_length",
]

Function = Callable[..., Any]


def _condition(tracer: Tracer, answer: Any, what: str) -> Value:
    """A condition as ``bool[]``."""
    value = value_of(tracer, answer)
    type_ = tracer.type_of(value)
    if type_.shape != ():
        raise ShapeError(
            user_location(),
            f"{what} is {type_}, but a condition is one element",
            code="condition-shape",
            hint="reduce it with .any() or .all()",
        )
    if type_.dtype is not bool_:
        zero = tracer.constant(0, type_.dtype)
        value = tracer.emit("not_equal", value, zero)
    return value


def _same_structure(have: Structure, want: Structure, what: str) -> None:
    if have != want:
        raise StructureError(
            user_location(),
            f"{what}: {have!r} is not {want!r}",
            code="carried-structure",
            hint="return the same nesting of arrays every time"
            if have.kind != "none"
            else "end the function with return: one without returns None",
        )


def given_to(operands: Sequence[Any]) -> Any:
    """Operands as one function is given them: their arrays are its own.

    It may write to them; as in loops, that is not seen outside.
    """
    leaves, structure = flatten(require_tracer("cond").plain(tuple(operands)))
    return unflatten(
        structure,
        [leaf.__copy__() if type(leaf) is TracedArray else leaf for leaf in leaves],
    )


def branch(
    condition: Any, functions: Sequence[Function], operands: Sequence[Any]
) -> Any:
    """The result of the first function where the condition holds, else of the second.

    Raises:
        StructureError: they return other nestings of arrays.
        ShapeError: they return arrays of other shapes.
        DtypeError: they return arrays of other dtypes.
    """
    tracer = require_tracer("cond")
    chosen = _condition(tracer, condition, "the condition of cond")
    regions, returned = [], []
    for function in functions:
        region = Region(tracer, (), surely_runs=False)
        with region.open():
            leaves = Leaves(tracer, function(*given_to(operands)))
            kinds = leaves.weak
            returned.append((leaves, leaves.values, kinds))
        regions.append(region)
    (first, yes, weak_yes), (second, no, weak_no) = returned
    _same_structure(second.structure, first.structure, "the branches of cond differ")
    for region, own, other, weak in (
        (regions[0], yes, no, weak_yes),
        (regions[1], no, yes, weak_no),
    ):
        # A Python number takes the dtype of what the other branch returns.
        with region.open():
            own[:] = [
                convert(tracer, a, b.dtype) if is_weak else a
                for a, b, is_weak in zip(own, other, weak, strict=True)
            ]
    for path, a, b in zip(first.structure.paths(), yes, no, strict=True):
        _same_type(
            tracer, tracer.type_of(b), tracer.type_of(a), f"cond{path}", _BRANCHES
        )
    for region, values in zip(regions, (yes, no), strict=True):
        region.close(values)
    if not yes:
        return unflatten(first.structure, [])
    captured = captured_by(regions)
    found = tracer.builder.results(tracer.emit(
        "if", chosen, *captured,
        regions=(
            regions[0].function("then", captured),
            regions[1].function("else", captured),
        ),
    ))  # fmt: skip
    return with_values(tracer, first.structure, found)


_BRANCHES = ("the first function returns", "the second")
_TURNS = ("a turn takes", "and returns")


def _same_type(
    tracer: Tracer,
    have: TensorType,
    want: TensorType,
    what: str,
    sides: tuple[str, str],
) -> None:
    """Raise unless two types are equal; ``sides`` say where each of them comes from."""
    first, second = sides

    def text() -> str:
        numbers = tracer.sizes_text((*want.shape, *have.shape))
        where = f", where {numbers}" if numbers else ""
        return f"{what}: {first} {want}, {second} {have}{where}"

    if have.dtype is not want.dtype:
        raise DtypeError(
            user_location(),
            text(),
            code="carried-dtype",
            hint="convert one of them: x.astype(dtype)",
        )
    if have.rank != want.rank or not all(
        left == right or tracer.ask(left, "==", right)
        for left, right in zip(
            map(tracer.normalize, have.shape),
            map(tracer.normalize, want.shape),
            strict=True,
        )
    ):
        raise ShapeError(
            user_location(),
            text(),
            code="carried-shape",
            hint="arrays keep their shape from turn to turn, and in all branches",
        )


class _Body:
    """What is repeated, traced so often that the carried dtypes stay as they are.

    A carried number or array starts with the dtype that it has after a turn, as it
    would in Python: ``x = 0`` becomes a float where the body adds one.
    """

    def __init__(
        self,
        tracer: Tracer,
        initial: Leaves,
        run: Callable[[Region, Any], tuple[Any, Any]],
        further: Sequence[TensorType],
        what: str,
    ) -> None:
        self.tracer = tracer
        self.initial = initial
        self.structure = initial.structure
        self.values = initial.values
        self.further = further
        if any(initial.weak):
            self.start_numbers(initial, run)
        for _ in range(_MOST_PROMOTIONS):
            types = [tracer.type_of(value) for value in self.values]
            self.region = Region(tracer, [*further, *types], surely_runs=False)
            with self.region.open() as handles:
                tree = unflatten(self.structure, list(handles[len(further) :]))
                carried, beside = run(self.region, tree)
                found = Leaves(tracer, carried)
                self.beside = Leaves(tracer, beside)
                _same_structure(
                    found.structure, self.structure, f"{what} changes its nesting"
                )
                results = found.values
                dtypes = [
                    result_dtype([type_.dtype, value.dtype])
                    for type_, value in zip(types, results, strict=True)
                ]
                if dtypes == [type_.dtype for type_ in types]:
                    results = [
                        convert(tracer, value, dtype)
                        for value, dtype in zip(results, dtypes, strict=True)
                    ]
                    beside_values = self.beside.values
                    break
            self.values = [
                convert(tracer, value, dtype)
                for value, dtype in zip(self.values, dtypes, strict=True)
            ]
        for path, value, type_ in zip(
            self.structure.paths(), results, types, strict=True
        ):
            _same_type(tracer, tracer.type_of(value), type_, f"{what}{path}", _TURNS)
        self.region.close([*results, *beside_values])

    def start_numbers(
        self, initial: Leaves, run: Callable[[Region, Any], tuple[Any, Any]]
    ) -> None:
        """Give Python's numbers the dtype that they have after a turn."""
        dtypes = self.dtypes_after(initial, run)
        if len(dtypes) == len(self.values):
            self.values = [
                convert(self.tracer, value, dtype) if is_weak else value
                for value, dtype, is_weak in zip(
                    self.values, dtypes, initial.weak, strict=True
                )
            ]

    def dtypes_after(
        self,
        initial: Leaves,
        run: Callable[[Region, Any], tuple[Any, Any]],
    ) -> list[Dtype]:
        """The dtypes after a turn that starts with numbers of Python as they are."""
        tracer = self.tracer
        types = [*self.further, *map(tracer.type_of, self.values)]
        region = Region(tracer, types, surely_runs=False)
        with region.open() as handles:
            own = handles[len(self.further) :]
            leaves = [
                leaf if is_weak else handle
                for leaf, handle, is_weak in zip(
                    initial.leaves, own, initial.weak, strict=True
                )
            ]
            found = Leaves(tracer, run(region, unflatten(self.structure, leaves))[0])
            return [value.dtype for value in found.values]


# A dtype can grow from bool to f64 in so many steps.
_MOST_PROMOTIONS = 8


def segment_length(checkpoint: Any, what: str) -> Size | None:
    """The turns of a segment: 0 for as many as is best, ``None`` for no segments.

    Args:
        checkpoint: as the user gave it.
        what: the user's function.

    Raises:
        OptionError: it is something else than a bool or a positive number.
    """
    if checkpoint is None or checkpoint is False:
        return None
    if checkpoint is True:
        return 0
    if type(checkpoint) is HostInteger:
        size = size_of(checkpoint)
        assert size is not None
        if require_tracer(what).ask(size, ">=", 1):
            return size
    elif isinstance(checkpoint, (int, np.integer)) and checkpoint > 0:
        # No loop takes more turns than that.
        return min(int(checkpoint), 2**63 - 1)
    raise OptionError(
        user_location(),
        f"{what}: checkpoint is {checkpoint!r}",
        code="segment-length",
        hint="give the turns of a segment, at least 1, or True",
    )


def _emit(
    tracer: Tracer,
    op: str,
    operands: Sequence[Value],
    segments: Size | None,
    regions: tuple[FunctionOfGraph, ...],
    **attributes: Any,
) -> list[Value]:
    """All results of a loop."""
    if segments is None:
        value = tracer.emit(op, *operands, regions=regions, **attributes)
        return tracer.builder.results(value)
    inner = Builder(tracer.facts)
    own = [
        inner.parameter(f"a{i}", tracer.type_of(operand))
        for i, operand in enumerate(operands)
    ]
    loop = inner.add(
        op, *own, locations=tracer.locations(), regions=regions, **attributes
    )
    body = FunctionOfGraph("body", tuple(own), tuple(inner.results(loop)))
    value = tracer.emit("segmented", *operands, regions=(body,), length=segments)
    return tracer.builder.results(value)


def repeat_while(
    condition: Function, body: Function, initial: Any, segments: Size | None
) -> Any:
    """What a function makes of a value, repeated while a condition holds.

    Args:
        condition: from the value to one bool.
        body: from the value to the next.
        initial: the first.
        segments: as ``segment_length`` gives it.
    """
    tracer = require_tracer("while_loop")
    leaves = Leaves(tracer, initial)
    traced = _Body(
        tracer, leaves, lambda region, tree: (body(tree), ()), (), "while_loop"
    )
    types = [tracer.type_of(value) for value in traced.values]
    test = Region(tracer, types)
    with test.open() as handles:
        answer = condition(unflatten(leaves.structure, list(handles)))
        holds = _condition(tracer, answer, "the condition of while_loop")
    test.close([holds])
    captured = captured_by((test, traced.region))
    regions = (
        test.function("cond", captured),
        traced.region.function("body", captured, passed=True),
    )
    operands = [*traced.values, *captured]
    found = _emit(tracer, "while", operands, segments, regions)
    return with_values(tracer, leaves.structure, found[: len(types)])


def repeat_times(
    lower: Any, upper: Any, body: Function, initial: Any, segments: Size | None = None
) -> Any:
    """What ``body(i, value)`` makes of a value, for each i from lower to upper."""
    tracer = require_tracer("fori_loop")
    first, stop = host_size_of(lower), host_size_of(upper)
    if first is None or stop is None:
        return _count(tracer, lower, upper, body, initial, segments)
    start = value_of(tracer, host_integer(tracer, first), i64)
    trip: Size = 0
    for number in (first, stop):
        require_range(tracer, number)
    if tracer.ask(first, "<=", stop):
        trip = stop - first
        require_range(tracer, trip)
    leaves = Leaves(tracer, initial)

    def run(region: Region, tree: Any) -> tuple[Any, Any]:
        counter = tracer.emit("add", region.parameters[0], start)
        return body(wrap(tracer, counter), tree), ()

    traced = _Body(tracer, leaves, run, (_COUNTER,), "fori_loop")
    return _loop(tracer, traced, [], trip, False, segments)[0]


_COUNTER = TensorType(i64)


def _count(
    tracer: Tracer,
    lower: Any,
    upper: Any,
    body: Function,
    initial: Any,
    segments: Size | None,
) -> Any:
    """A loop over numbers of which the program learns only when it runs."""
    stop = counter_of(tracer, upper)
    first = counter_of(tracer, lower)

    def goes_on(state: Any) -> Any:
        return state[0] < stop

    def turn(state: Any) -> Any:
        counter, tree = state
        return counter + 1, body(counter, tree)

    return repeat_while(goes_on, turn, (first, initial), segments)[1]


def repeat_over(
    body: Function,
    initial: Any,
    arrays: Any,
    length: Any,
    reverse: bool,
    segments: Size | None = None,
) -> tuple[Any, Any]:
    """What ``body(value, element)`` makes of a value, and a stack of what it gave."""
    tracer = require_tracer("scan")
    leaves, sliced = Leaves(tracer, initial), Leaves(tracer, arrays)
    trip = None if length is None else turns_of(tracer, length)
    told = "length is {}"
    elements = []
    for path, type_ in zip(sliced.structure.paths(), sliced.types, strict=True):
        if not type_.rank:
            raise ShapeError(
                user_location(),
                f"scan: xs{path} is {type_}, which has no axis to go along",
                code="scan-axis",
                hint="give each array a first axis, or capture what does not change",
            )
        size = tracer.normalize(type_.shape[0])
        if trip is None:
            trip, told = size, f"xs{path} has {{}}"
        if not tracer.ask(tracer.normalize(trip), "==", size):
            raise ShapeError(
                user_location(),
                f"scan: xs{path} has {tracer.number(size)} elements, but "
                + told.format(tracer.number(trip)),
                code="size-mismatch",
                hint="slice them: one turn takes one element of each",
            )
        elements.append(type_.with_shape(type_.shape[1:]))
    if trip is None:
        raise StructureError(
            user_location(),
            "scan: neither xs nor length says how often",
            code="scan-length",
            hint="pass length=n",
        )

    def run(region: Region, tree: Any) -> tuple[Any, Any]:
        own = [fresh(tracer, p) if p.shape else wrap(tracer, p)
               for p in region.parameters[1 : 1 + len(elements)]]  # fmt: skip
        returned = body(tree, unflatten(sliced.structure, own))
        if type(returned) is not tuple or len(returned) != 2:
            raise StructureError(
                user_location(),
                "scan: the function must return a pair: the carried value, and what "
                "is stacked",
                code="scan-result",
                hint="return carry, None where there is nothing to stack",
            )
        return returned

    traced = _Body(tracer, leaves, run, (_COUNTER, *elements), "scan")
    trip = tracer.normalize(trip)
    return _loop(tracer, traced, sliced.values, trip, reverse, segments)


def _loop(
    tracer: Tracer,
    traced: _Body,
    sliced: list[Value],
    trip: Size,
    reverse: bool,
    segments: Size | None,
) -> tuple[Any, Any]:
    count = len(traced.values)
    region = traced.region
    if not region.results:
        return unflatten(traced.structure, []), unflatten(traced.beside.structure, [])
    # The region has its slices before what it carries.
    function = region.function("body")
    own = function.parameters
    end = 1 + len(sliced)
    order = own[:1] + own[end : end + count] + own[1:end] + own[end + count :]
    function = FunctionOfGraph(function.name, order, function.results)
    found = _emit(
        tracer, "loop", [*traced.values, *sliced, *region.captured], segments,
        (function,), trip=trip, carried=count, sliced=len(sliced), reverse=reverse,
    )  # fmt: skip
    return (
        with_values(tracer, traced.structure, found[:count]),
        with_values(tracer, traced.beside.structure, found[count:]),
    )
