"""A module of LLVM IR text: functions and what they refer to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from penstock.backends.llvm.operand import Operand, type_text
from penstock.runtime.machine import Machine

if TYPE_CHECKING:
    from penstock.backends.llvm.emitter import Emitter


class Parameter(NamedTuple):
    """A parameter of a function: its name, type, and attributes such as ``noalias``."""

    name: str
    element: str
    width: int = 1
    attributes: str = ""


class Module:
    """Collects functions, declarations, globals and metadata, and prints them.

    Args:
        machine: the processor to write for: which intrinsics may be used.

    Example:
        >>> from penstock.runtime.machine import Machine
        >>> module = Module(Machine("x86_64", "linux", "x86-64", frozenset({"sse2"})))
        >>> f = module.function("half", [Parameter("x", "f32")], result="f32")
        >>> f.ret(f.mul(f.parameters[0], 0.5))
        >>> print(f.text())
        define float @half(float %x) #0 {
        entry:
          %0 = fmul float %x, 0x3FE0000000000000
          ret float %0
        }
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._functions: dict[str, Emitter] = {}
        self._declarations: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self._metadata: dict[str, str] = {}

    def function(
        self,
        name: str,
        parameters: Sequence[Parameter],
        *,
        result: str | None = None,
        result_width: int = 1,
        internal: bool = False,
        rare: bool = False,
    ) -> Emitter:
        """Begin a function, and return the emitter of its body.

        Args:
            name: the symbol.
            parameters: in order; their operands are ``Emitter.parameters``.
            result: the element type returned; None for none.
            result_width: lanes of the result.
            internal: whether the symbol stays inside the module.
            rare: whether it runs so seldom that compiling it fast matters more than
                how fast it is.
        """
        from penstock.backends.llvm.emitter import Emitter

        if name in self._functions:
            raise ValueError(f"the module has a function {name!r} already")
        result_type = "void" if result is None else type_text(result, result_width)
        emitter = Emitter(self, name, parameters, result_type, internal, rare)
        self._functions[name] = emitter
        return emitter

    def helper(self, name: str, build: Callable[[], None]) -> str:
        """Return ``@name``, having called ``build`` to define it the first time."""
        if name not in self._functions:
            build()
        return f"@{name}"

    def declare(self, name: str, signature: str) -> None:
        """Declare an outside function or intrinsic.

        Nothing comes of it where the module defines the function itself.

        Args:
            name: the symbol, without ``@``.
            signature: result and parameters, as in ``declare {signature}``.
        """
        self._declarations[name] = signature

    def constant_data(self, name: str, text: str, align: int) -> Operand:
        """Define private read-only data and return its address.

        Args:
            name: the symbol; defining it again with the same content is allowed.
            text: type and value, such as ``[2 x i32] [i32 1, i32 2]``.
            align: bytes.
        """
        self._globals[name] = f"@{name} = private constant {text}, align {align}"
        return Operand(f"@{name}", "ptr")

    def bytes_data(self, name: str, data: bytes, align: int = 1) -> Operand:
        """Define private read-only bytes and return their address."""
        escaped = "".join(f"\\{byte:02X}" for byte in data)
        return self.constant_data(name, f'[{len(data)} x i8] c"{escaped}"', align)

    def variable(self, name: str, text: str, align: int, *, internal: bool) -> Operand:
        """Define writable data and return its address.

        Args:
            name: the symbol.
            text: type and initial value, such as ``i32 0``.
            align: bytes.
            internal: whether the symbol stays inside the module.
        """
        linkage = "internal global" if internal else "global"
        self._globals[name] = f"@{name} = {linkage} {text}, align {align}"
        return Operand(f"@{name}", "ptr")

    def outside_variable(self, name: str, kind: str, align: int) -> Operand:
        """Declare writable data of another module and return its address.

        Args:
            name: the symbol.
            kind: its type, such as ``i32``.
            align: bytes.
        """
        self._globals[name] = f"@{name} = external global {kind}, align {align}"
        return Operand(f"@{name}", "ptr")

    def metadata(self, text: str) -> str:
        """Return the ``!n`` of a metadata node, such as ``!{i32 1}``."""
        return self._metadata.setdefault(text, f"!{len(self._metadata)}")

    def text(self) -> str:
        """Return the whole module as LLVM IR text."""
        bits = self.machine.vector_bytes * 8
        parts = [f'target triple = "{self.machine.triple}"']
        parts += self._globals.values()
        parts += [function.text() for function in self._functions.values()]
        parts += [
            f"declare {text}"
            for name, text in self._declarations.items()
            if name not in self._functions
        ]
        # LLVM otherwise halves 512-bit vectors on processors that it holds to be
        # slower with them, and passes wide vectors through memory.
        widths = f'"prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'
        parts.append(f"attributes #0 = {{ nounwind {widths} }}")
        parts.append(f"attributes #1 = {{ nounwind noinline optnone {widths} }}")
        parts += [f"{name} = {text}" for text, name in self._metadata.items()]
        return "\n".join(parts) + "\n"
