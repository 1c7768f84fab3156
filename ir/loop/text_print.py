"""Kernels as text: the one form that prints, parses and is tested.

    kernel @scale(%x: in f32[n,4] strided, %y: out f32[n,4], n: index) {
      %0 = const 0.5 : f32
      parallel %i = 0 to n {
        vector %j = 0 to 4 {
          %1 = load %x[%i, %j] : f32
          %2 = mul %1, %0 : f32
          store %2, %y[%i, %j]
        }
      }
    }

Sizes and ``i64`` constants stand where they are used, not in statements of their
own. The grammar is described in ``text_parse``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from penstock.ir.dims import Size, substitute_dim, symbol
from penstock.ir.graph.literal import format_constant
from penstock.ir.loop.node import (
    Block,
    Buffer,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Statement,
    Store,
)
from penstock.ir.text import (
    format_places,
    format_size,
    printable_function_name,
    printable_name,
    printable_symbols,
)
from penstock.ir.types import i64

__all__ = ["is_inline", "print_kernel", "print_statement"]


def print_kernel(
    kernel: Kernel, *, canonical: bool = False, locations: bool = True
) -> str:
    """The text of a Kernel.

    Args:
        kernel: what to print.
        canonical: leave locations out and rename the Kernel, its Buffers, indices
            and sizes, so that Kernels equal up to names print the same.
        locations: end the first line with the Kernel's places in the source.

    Example:
        >>> from penstock.ir.loop.build import KernelBuilder
        >>> from penstock.ir.types import TensorType, f32
        >>> b = KernelBuilder("negate")
        >>> x = b.buffer("x", TensorType(f32, (8,)), "inout")
        >>> with b.loop("vector", b.size(8)) as loop:
        ...     b.store(x, [loop.index], -b.load(x, [loop.index]))
        >>> print(print_kernel(b.finish()))
        kernel @negate(%x: inout f32[8]) {
          vector %i = 0 to 8 {
            %0 = load %x[%i] : f32
            %1 = neg %0 : f32
            store %1, %x[%i]
          }
        }
    """
    printer = _Printer(kernel, canonical)
    header = f"{printer.header} {{"
    if locations and not canonical and kernel.locations:
        header = f"{header}  # {format_places(kernel.locations)}"
    printer.lines.append(header)
    printer.block(kernel.body, "  ")
    printer.lines.append("}")
    return "\n".join(printer.lines)


def print_statement(kernel: Kernel, statement: Statement) -> str:
    """The line of one statement, numbered as in its Kernel's text."""
    printer = _Printer(kernel, False)
    printer.block(kernel.body, "")
    printer.lines.clear()
    return printer.line(statement)


def is_inline(statement: Statement) -> bool:
    """Whether a statement prints where its result is used, as a size or a number."""
    return isinstance(statement, Let) and (
        statement.primitive == "size"
        or (statement.primitive == "const" and statement.result.dtype is i64)
    )


class _Printer:
    """Prints one Kernel and numbers what is within."""

    def __init__(self, kernel: Kernel, canonical: bool) -> None:
        self.canonical = canonical
        self.lines: list[str] = []
        self.names: dict[Scalar, str] = {}
        self.buffers: dict[Buffer, str] = {}
        self.taken: set[str] = set()
        self.count = 0
        self.renamed: Mapping[str, Size]
        if canonical:
            self.renamed = {
                name: symbol(f"s{index}") for index, name in enumerate(kernel.sizes)
            }
        else:
            self.renamed = printable_symbols(kernel.sizes)
        self.header = self._header(kernel)

    def _header(self, kernel: Kernel) -> str:
        arguments = []
        for index, buffer in enumerate(kernel.buffers):
            name = f"b{index}"
            if not self.canonical:
                name = printable_name(buffer.name, "b", self.taken)
            self.buffers[buffer] = name = f"%{name}"
            type_ = buffer.type.substitute(self.renamed)
            strided = " strided" if buffer.strided else ""
            arguments.append(f"{name}: {buffer.mode} {type_}{strided}")
        arguments += [f"{self.renamed.get(name, name)}: index" for name in kernel.sizes]
        name = "k" if self.canonical else printable_function_name(kernel.name)
        header = f"kernel @{name}({', '.join(arguments)})"
        if kernel.products is not None:
            header += f" products {format_size(self.size(kernel.products))}"
        return header

    def number(self, scalar: Scalar) -> str:
        """A new name for what a statement defines."""
        name = self.names[scalar] = f"%{self.count}"
        self.count += 1
        return name

    def index(self, scalar: Scalar) -> str:
        """A new name for a loop's index, after what it is called."""
        if self.canonical:
            return self.number(scalar)
        name = printable_name(scalar.hint, "i", self.taken)
        self.names[scalar] = name = f"%{name}"
        return name

    def operand(self, scalar: Scalar) -> str:
        definition = scalar.definition
        if isinstance(definition, Let) and is_inline(definition):
            return format_size(self.size(definition.value))
        # One that nothing defines is an error for the verifier to tell, by this.
        return self.names.get(scalar, "%undefined")

    def operands(self, scalars: Iterable[Scalar]) -> str:
        return ", ".join([self.operand(scalar) for scalar in scalars])

    def size(self, value: Any) -> Any:
        if isinstance(value, (int, np.integer)):
            return int(value)
        return substitute_dim(value, self.renamed) if self.renamed else value

    def block(self, block: Block, indent: str) -> None:
        for statement in block.statements:
            if is_inline(statement):
                continue
            if isinstance(statement, Let | Load):
                self.number(statement.result)
            elif isinstance(statement, For):
                self.name_loop(statement)
            line = self.line(statement)
            self.lines.append(f"{indent}{line}")
            if isinstance(statement, For | If):
                self.block(statement.body, indent + "  ")
                if isinstance(statement, For) and statement.carries:
                    updates = self.updates(statement)
                    self.lines.append(f"{indent}  yield {updates}")
                self.lines.append(f"{indent}}}")

    def updates(self, loop: For) -> str:
        return ", ".join(
            "%undefined" if carry.update is None else self.operand(carry.update)
            for carry in loop.carries
        )

    def name_loop(self, loop: For) -> None:
        self.index(loop.index)
        for carry in loop.carries:
            self.number(carry.parameter)
        for carry in loop.carries:
            self.number(carry.result)

    def line(self, statement: Statement) -> str:
        """The line of a statement whose results have names."""
        if isinstance(statement, Let):
            return self.let(statement)
        if isinstance(statement, Load):
            name = self.operand(statement.result)
            place = self.place(statement.buffer, statement.indices, statement.predicate)
            return f"{name} = load {place} : {statement.result.dtype}"
        if isinstance(statement, Store):
            place = self.place(statement.buffer, statement.indices, statement.predicate)
            return f"store {self.operand(statement.value)}, {place}"
        if isinstance(statement, Check):
            condition, detail = map(
                self.operand, (statement.condition, statement.detail)
            )
            return f"check {condition} error {statement.error} detail {detail}"
        if isinstance(statement, If):
            return f"if {self.operand(statement.condition)} {{"
        return self.loop(statement)

    def let(self, statement: Let) -> str:
        operands = self.operands(statement.operands)
        if statement.primitive == "const":
            operands = format_constant(np.asarray(statement.value))
        result = statement.result
        name = self.operand(result)
        return f"{name} = {statement.primitive} {operands} : {result.dtype}"

    def place(
        self, buffer: Buffer, indices: Iterable[Scalar], predicate: Scalar | None
    ) -> str:
        name = self.buffers.get(buffer, "%undefined")
        condition = "" if predicate is None else f" where {self.operand(predicate)}"
        return f"{name}[{self.operands(indices)}]{condition}"

    def loop(self, loop: For) -> str:
        start, stop = self.operand(loop.start), self.operand(loop.stop)
        parts = [f"{loop.kind} {self.operand(loop.index)} = {start} to {stop}"]
        if loop.step != 1:
            parts.append(f"step {loop.step}")
        if loop.unroll:
            parts.append(f"unroll {loop.unroll}")
        if loop.carries:
            carried = [
                f"{self.operand(carry.parameter)} = {self.operand(carry.initial)}"
                + (f" {carry.combine}" if carry.combine else "")
                for carry in loop.carries
            ]
            results = self.operands(carry.result for carry in loop.carries)
            parts.append(f"carry ({', '.join(carried)}) -> ({results})")
        if loop.test is not None:
            parts.append(f"while {self.operand(loop.test.parameter)}")
        return " ".join([*parts, "{"])
