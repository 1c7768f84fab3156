"""Derivatives and batches of functions, as the traced program takes them.

Each transform traces the function into a region at once, and writes an op that
carries it; a pass puts what it stands for in its place. So transforms of transforms
are regions within regions, and compile as one program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.lift import convert
from penstock.frontend.regions import Region
from penstock.frontend.tracer import Tracer, require_tracer
from penstock.frontend.transform_batch import batch
from penstock.frontend.transform_leaves import (
    Arguments,
    Leaves,
    Mixed,
    argument_name,
    directions,
    with_values,
    zeros,
)
from penstock.ir.errors import ShapeError, StructureError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import TensorType
from penstock.runtime.pytree import Structure, unflatten

__all__ = ["Linearized", "of_order"]

Function = Callable[..., Any]


@contextmanager
def of_order(tracer: Tracer, order: int) -> Iterator[None]:
    """While it is open, what is traced may be differentiated so often."""
    outer, tracer.derivative_order = tracer.derivative_order, max(order, 0)
    try:
        yield
    finally:
        tracer.derivative_order = outer


class Linearized:
    """A function at some arguments, with its derivative there.

    Args:
        function: the function.
        primals: its arguments, nested arrays of floats.
        has_aux: whether it returns a pair, of which the second part is passed on.

    Raises:
        DtypeError: an argument is not of floats.
    """

    def __init__(
        self, function: Function, primals: tuple[Any, ...], has_aux: bool = False
    ) -> None:
        self.tracer = tracer = require_tracer("a derivative")
        self.arguments = Arguments(tracer, primals)
        region = Region(tracer, self.arguments.types)
        with region.open() as handles, of_order(tracer, tracer.derivative_order + 1):
            returned = function(*self.arguments.with_arrays(handles))
            aux: Any = ()
            if has_aux:
                returned, aux = _pair(returned)
            results, others = Leaves(tracer, returned), Mixed(tracer, aux)
            values = results.values + others.values
        region.close(values)
        self.function = region.function("body")
        self.operands = [*self.arguments.values, *region.captured]
        self.structure = results.structure
        self.types = [tracer.type_of(r) for r in self.function.results]
        self.types = self.types[: len(results.arrays)]
        self.wrt = tuple(range(len(self.arguments.arrays)))
        # Those of the results that have tangents: floats.
        self.of = tuple(i for i, type_ in enumerate(self.types) if type_.dtype.is_float)
        self._others = others
        # What an op has given of the function's own results.
        self._values: list[Value] = []

    @property
    def values(self) -> list[Value]:
        """The function's results, and what it returned beside them."""
        if not self._values:
            self._values = self.emit("jvp", [], wrt=())
        return self._values

    @property
    def result(self) -> Any:
        """What the function returned."""
        values = self.values[: len(self.types)]
        return with_values(self.tracer, self.structure, values)

    @property
    def aux(self) -> Any:
        """What it returned beside it."""
        values = self.values[len(self.types) : len(self.function.results)]
        return self._others.with_arrays([wrap(self.tracer, v) for v in values])

    def emit(
        self, op: str, operands: Sequence[Value], **attributes: Any
    ) -> list[Value]:
        """All results of an op that carries the function."""
        value = self.tracer.emit(
            op, *self.operands, *operands, regions=(self.function,), **attributes
        )
        return self.tracer.builder.results(value)

    def push(self, tangents: Sequence[Value]) -> list[Value]:
        """The tangents of the result's leaves; of integers, zeros."""
        return self.tangents_in(self.emit("jvp", tangents, wrt=self.wrt))

    def tangents_in(self, found: Sequence[Value]) -> list[Value]:
        """The tangents among what a ``jvp`` gives."""
        ends = iter(found[len(self.function.results) :])
        return [
            next(ends) if type_.dtype.is_float else zeros(self.tracer, type_)
            for type_ in self.types
        ]

    def pull(self, cotangents: Sequence[Value]) -> list[Value]:
        """The cotangents of the arguments' leaves."""
        chosen = [cotangents[i] for i in self.of]
        found = self.emit("vjp", chosen, wrt=self.wrt, of=self.of)
        return found[len(self.function.results) :]

    def tangent(self, tangents: Any) -> Any:
        """The tangent of the result for nested tangents of the arguments."""
        given = directions(
            self.tracer, tangents, self.arguments.structure, self.arguments.types,
            "tangent", lambda path: f"tangent of {argument_name(path)}",
            self.arguments.places,
        )  # fmt: skip
        found = self.emit("jvp", given, wrt=self.wrt)
        self._values = self._values or found
        return with_values(self.tracer, self.structure, self.tangents_in(found))

    def cotangent(self, cotangents: Any) -> Any:
        """The cotangents of the arguments for nested ones of the result."""
        given = directions(
            self.tracer, cotangents, self.structure, self.types,
            "cotangent", lambda path: f"cotangent of the result{path}",
        )  # fmt: skip
        return self.arguments.with_values(self.pull(given))

    def gradient(self) -> Any:
        """The cotangents of the arguments of a function with one number as result.

        Raises:
            ShapeError: it returned something else.
        """
        if self.structure.kind != "leaf" or self.types[0].shape or not self.of:
            raise ShapeError(
                user_location(),
                "grad needs a function that returns one floating number, not "
                + _returned_text(self.structure, self.types),
                code="gradient-result",
                hint="return a sum or mean; with more than one result use ps.jacrev "
                "or ps.vjp, and has_aux=True for what is only passed on",
            )
        one = self.tracer.constant(1, self.types[0].dtype)
        found = self.emit("vjp", [one], wrt=self.wrt, of=self.of)
        self._values = self._values or found
        return self.arguments.with_values(found[len(self.function.results) :])

    def jacobian(self, *, forward: bool, single: bool) -> Any:
        """The derivative of each leaf of the result by each of the arguments.

        Args:
            forward: whether column by column.
            single: whether there is one argument, which then is no tuple.
        """
        inputs, outputs = self.arguments.types, self.types
        tracer = self.tracer
        table: list[list[Value]] = [[] for _ in outputs]
        if forward:
            for i, type_ in enumerate(inputs):
                columns = self._along(i, inputs, type_, self.push)
                for j, column in enumerate(columns):
                    if j in self.of:
                        entry = _first_axis_last(tracer, column, type_)
                        # As row by row, and as of gradients.
                        entry = convert(tracer, entry, type_.dtype)
                    else:
                        # As row by row: integers are no derivatives.
                        shape = (*outputs[j].shape, *type_.shape)
                        entry = zeros(tracer, type_.with_shape(shape))
                    table[j].append(entry)
        else:
            for j, type_ in enumerate(outputs):
                if j not in self.of:
                    rows = [
                        zeros(tracer, t.with_shape((type_.size, *t.shape)))
                        for t in inputs
                    ]
                else:
                    rows = self._along(j, outputs, type_, self.pull)
                for row, of in zip(rows, inputs, strict=True):
                    shape = (*type_.shape, *of.shape)
                    table[j].append(tracer.emit("reshape", row, shape=shape))
        parts = [self.arguments.with_values(row) for row in table]
        return unflatten(self.structure, [p[0] if single else p for p in parts])

    def _along(
        self,
        position: int,
        types: Sequence[TensorType],
        type_: TensorType,
        derivative: Callable[[Sequence[Value]], list[Value]],
    ) -> list[Value]:
        """A derivative along each element of one leaf, stacked."""
        tracer = self.tracer

        def along(direction: TracedArray) -> list[Any]:
            given = [zeros(tracer, t) for t in types]
            given[position] = direction.value
            return [wrap(tracer, value) for value in derivative(given)]

        basis = wrap(tracer, _basis(tracer, type_))
        found = batch(along, (basis,), 0, 0)
        return [leaf.value for leaf in found]


def _returned_text(structure: Structure, types: Sequence[TensorType]) -> str:
    """What a function returned, for messages."""
    listed = ", ".join(map(str, types))
    if structure.kind == "leaf":
        return listed
    if structure.kind == "none":
        return "None"
    kind = structure.kind if structure.kind in ("tuple", "list", "dict") else "nesting"
    return f"a {kind} of {listed}" if listed else f"an empty {kind}"


def _basis(tracer: Tracer, type_: TensorType) -> Value:
    """An array of the type for each of its elements, 1 there and 0 elsewhere."""
    from penstock.ir.types import i64

    size = type_.size
    row = tracer.emit("iota", shape=(size, 1), axis=0, dtype=i64)
    column = tracer.emit("iota", shape=(1, size), axis=1, dtype=i64)
    unit = convert(tracer, tracer.emit("equal", row, column), type_.dtype)
    return tracer.emit("reshape", unit, shape=(size, *type_.shape))


def _first_axis_last(tracer: Tracer, value: Value, type_: TensorType) -> Value:
    """A stack along the elements of an array, as further axes of that shape."""
    shape = tracer.type_of(value).shape
    order = (*range(1, len(shape)), 0)
    moved = tracer.emit("transpose", value, permutation=order)
    return tracer.emit("reshape", moved, shape=(*shape[1:], *type_.shape))


def _pair(returned: Any) -> Any:
    if type(returned) is not tuple or len(returned) != 2:
        raise StructureError(
            user_location(),
            "with has_aux the function must return a pair: the result, and what is "
            "passed on beside it",
            code="bad-aux",
            hint="return result, aux",
        )
    return returned
