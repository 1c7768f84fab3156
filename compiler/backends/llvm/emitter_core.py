"""The base of the emitter: instructions, names, constants, calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.backends.llvm.module import Module, Parameter
from penstock.backends.llvm.operand import (
    Operand,
    constant,
    suffix_text,
    type_text,
)

Value = Operand | int | float
"""What operations take: an operand, or a number that becomes a constant."""


class EmitterCore:
    """Writes the lines of one function. Use ``Emitter``, which has the operations."""

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: Sequence[Parameter],
        result_type: str,
        internal: bool,
        rare: bool = False,
    ) -> None:
        self.module = module
        self.machine = module.machine
        self.parameters = tuple(
            Operand(f"%{parameter.name}", parameter.element, parameter.width)
            for parameter in parameters
        )
        signature = ", ".join(
            f"{type_text(p.element, p.width)} {p.attributes}{' ' * bool(p.attributes)}"
            f"%{p.name}"
            for p in parameters
        )
        linkage = "internal " if internal else ""
        self._head = (
            f"define {linkage}{result_type} @{name}({signature}) #{int(rare)} {{"
        )
        self._entry: list[str] = []
        self._lines: list[str] = []
        self._values = 0
        self._labels = 0
        self.current_label = "entry"

    def text(self) -> str:
        """Return the function as LLVM IR text."""
        return "\n".join((self._head, "entry:", *self._entry, *self._lines, "}"))

    def emit(self, line: str) -> None:
        """Append an instruction that has no result."""
        self._lines.append(f"  {line}")

    def instruction(self, text: str, element: str, width: int = 1) -> Operand:
        """Append an instruction, and return its result of the given type."""
        name = f"%{self._values}"
        self._values += 1
        self._lines.append(f"  {name} = {text}")
        return Operand(name, element, width)

    def rewriter(self) -> Callable[[str], None]:
        """Return what replaces the line just written, once more is known of it."""
        position = len(self._lines) - 1

        def rewrite(line: str) -> None:
            self._lines[position] = line

        return rewrite

    def constant(self, value: float, element: str, width: int = 1) -> Operand:
        """Return a constant, the same in every lane."""
        return constant(value, element, width)

    def like(self, value: float, operand: Operand) -> Operand:
        """Return a constant of an operand's type."""
        return constant(value, operand.element, operand.width)

    def constants(self, values: Sequence[float], element: str) -> Operand:
        """Return a vector constant with one value per lane."""
        scalar = type_text(element)
        lanes = (f"{scalar} {constant(value, element).text}" for value in values)
        return Operand(f"<{', '.join(lanes)}>", element, len(values))

    def iota(self, element: str, width: int) -> Operand:
        """Return the constant vector 0, 1, 2, ..."""
        return self.constants(range(width), element)

    def operands(self, *values: Value) -> list[Operand]:
        """Turn numbers into constants of the other operands' type.

        Raises:
            TypeError: the operands differ in type, or all are numbers.
        """
        model = None
        for value in values:
            if type(value) is Operand:
                if model is None:
                    model = value
                elif value[1:] != model[1:]:
                    raise TypeError(
                        f"operands of different types: {model.typed} ({model.element}) "
                        f"and {value.typed} ({value.element})"
                    )
        if model is None:
            raise TypeError(f"at least one of {values} must be an Operand")
        return [
            value
            if type(value) is Operand
            else constant(value, model.element, model.width)  # type: ignore[arg-type]
            for value in values
        ]

    def intrinsic(self, name: str, *arguments: Operand) -> Operand:
        """Call ``llvm.{name}`` overloaded on the first argument's type, its result."""
        first = arguments[0]
        kind = type_text(first.element, first.width)
        full = f"llvm.{name}.{suffix_text(first.element, first.width)}"
        kinds = ", ".join(type_text(a.element, a.width) for a in arguments)
        self.module.declare(full, f"{kind} @{full}({kinds})")
        written = ", ".join(
            f"{type_text(a.element, a.width)} {a.text}" for a in arguments
        )
        return self.instruction(
            f"call {kind} @{full}({written})", first.element, first.width
        )

    def call(
        self,
        callee: str | Operand,
        arguments: Sequence[Operand],
        result: str | None = None,
        width: int = 1,
        *,
        declare: bool = True,
    ) -> Operand:
        """Call a symbol or a pointer.

        Args:
            callee: a symbol without ``@``, or a ``ptr`` operand.
            arguments: in order.
            result: the element type returned; None for none.
            width: lanes of the result.
            declare: False where the module itself defines the symbol.

        Returns:
            The result; where there is none, an operand that must not be used.
        """
        kind = "void" if result is None else type_text(result, width)
        if isinstance(callee, Operand):
            target = callee.text
        else:
            target = f"@{callee}"
            if declare:
                kinds = ", ".join(type_text(a.element, a.width) for a in arguments)
                self.module.declare(callee, f"{kind} {target}({kinds})")
        text = f"call {kind} {target}({', '.join(a.typed for a in arguments)})"
        if result is None:
            self.emit(text)
            return Operand("void", "i1")
        return self.instruction(text, result, width)
