"""Elements of Values as Scalars of a Kernel.

Within a cluster a Value is no array but a rule: given indices, its element. Asking
for an element of the result asks for those elements of the operands that it needs,
down to loads.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Sequence
from typing import Any

from penstock.ir.graph.mapping import Mapping, operand_mappings
from penstock.ir.graph.value import Function, Value
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.ops.families import Elementwise, Movement, Reduction
from penstock.ir.plan.node import RunError
from penstock.ir.types import TensorType

__all__ = ["Elements", "ErrorTable", "ValueContext"]

Indices = Sequence[Scalar]


class ErrorTable:
    """The errors that a program may report while it runs."""

    def __init__(self) -> None:
        self.errors: list[RunError] = []

    def number(self, error: RunError) -> int:
        """The place of an error in the table."""
        if error not in self.errors:
            self.errors.append(error)
        return self.errors.index(error)


class Elements:
    """Answers for elements of the Values of a cluster's body.

    Args:
        builder: where the Kernel is built.
        body: the cluster's Function.
        buffers: where its parameters, and whatever else is in memory, are loaded from.
        errors: the program's table.
    """

    def __init__(
        self,
        builder: KernelBuilder,
        body: Function,
        buffers: abc.Mapping[Value, Buffer],
        errors: ErrorTable,
    ) -> None:
        self.builder = builder
        self.body = body
        self.buffers = dict(buffers)
        self.errors = errors
        # What has been computed already: reductions of this row, by Value.
        self.known: dict[Value, Scalar] = {}
        # Values kept in memory once computed, with the indices they were stored at.
        self.kept: dict[Value, tuple[Buffer, tuple[int, ...]]] = {}

    def element(
        self, value: Value, indices: Indices, when: Scalar | None = None
    ) -> Scalar:
        """The element of a Value; zero where ``when`` does not hold."""
        if value in self.known:
            return self.known[value]
        if value in self.buffers:
            return self.builder.load(self.buffers[value], indices, when)
        key = ("element", id(value), *map(id, indices), id(when))
        found = self.builder.recall(key)
        if found is None:
            assert issubclass(value.op, (Elementwise, Movement)), value
            renamed = operand_mappings(value)[0] if value.is_op("reshape") else None
            if renamed is not None:
                # Axes of size 1 come and go: no index needs to be taken apart.
                found = self.element(
                    value.operands[0], self._along(renamed, indices), when
                )
            else:
                found = value.op.element(ValueContext(self, value, when), indices)
            self.builder.remember(key, found)
        return found

    def elements(self, wanted: Sequence[tuple[Value, Indices]]) -> list[Scalar]:
        """Elements of several Values.

        Their operands are asked for in order before them, so that a chain of
        thousands of Values does not recurse.
        """
        needed: dict[Value, Indices] = {}
        for value, indices in wanted:
            needed.setdefault(value, indices)
        order = self.body.values
        for value in reversed(order):
            if value not in needed or not self._is_computed(value):
                continue
            for operand, mapping in zip(
                value.operands, operand_mappings(value), strict=True
            ):
                if mapping is not None and self._is_computed(operand):
                    needed.setdefault(operand, self._along(mapping, needed[value]))
        for value in order:
            if value in needed and self._is_computed(value):
                self.element(value, needed[value])
        return [self.element(value, indices) for value, indices in wanted]

    def _along(self, mapping: Mapping, indices: Indices) -> list[Scalar]:
        """The indices of an operand where its consumer has these."""
        zero = self.builder.size(0)
        return [zero if axis is None else indices[axis] for axis in mapping]

    def _is_computed(self, value: Value) -> bool:
        return (
            value not in self.known
            and value not in self.buffers
            and issubclass(value.op, (Elementwise, Movement))
            and not issubclass(value.op, Reduction)
        )


class ValueContext:
    """What the lowering rule of an op sees: one Value, its operands and attributes."""

    def __init__(
        self, elements: Elements, value: Value, when: Scalar | None = None
    ) -> None:
        self.elements = elements
        self.builder = elements.builder
        self.errors = elements.errors
        self.value = value
        self.when = when

    @property
    def attributes(self) -> abc.Mapping[str, Any]:
        """The Value's attributes."""
        return self.value.attributes

    @property
    def type(self) -> TensorType:
        """The Value's type."""
        return self.value.tensor

    @property
    def types(self) -> Sequence[TensorType]:
        """The operands' types."""
        return [operand.tensor for operand in self.value.operands]

    def operand(
        self, position: int, indices: Indices, when: Scalar | None = None
    ) -> Scalar:
        """An element of an operand; zero where the conditions do not hold."""
        if self.when is not None:
            when = self.when if when is None else self.when & when
        return self.elements.element(self.value.operands[position], indices, when)

    def check(self, condition: Scalar, detail: Scalar, axis: int) -> None:
        """Raise an index error at run time unless the condition holds."""
        message = f"index {{value}} is out of bounds for axis {axis} of {self.types[0]}"
        error = RunError("index-out-of-bounds", message, self.value.loc)
        self._check(condition, detail, error)

    def require(self, condition: Scalar, text: str, code: str) -> None:
        """Raise an ArgumentError at run time unless the condition holds."""
        error = RunError(code, text, self.value.loc, "ArgumentError")
        self._check(condition, self.builder.size(0), error)

    def _check(self, condition: Scalar, detail: Scalar, error: RunError) -> None:
        if self.when is not None:
            condition = condition | ~self.when
        self.builder.check(condition, self.errors.number(error), detail)


Store = Callable[[Sequence[Scalar], Scalar], None]
