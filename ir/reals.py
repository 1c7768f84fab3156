"""Floats of the host program: arguments, constants, and arithmetic on them.

They appear in guards: a traced ``if rate > 0.5`` asks about a float argument,
and the answer holds only while the guard does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from penstock.ir.dim_text import parse_dim
from penstock.ir.dims import Size, evaluate_dim, symbols_of
from penstock.ir.errors import TextError

__all__ = ["REAL_OPERATIONS", "Real", "parse_real"]


def _divide(left: float, right: float) -> float:
    try:
        return left / right
    except ZeroDivisionError:
        return (
            math.nan
            if left == 0 or left != left
            else math.copysign(math.inf, left) * math.copysign(1.0, right)
        )


REAL_OPERATIONS: Mapping[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "neg": lambda a: -a,
    "abs": abs,
}


class Real:
    """An expression over the float arguments of a function.

    ``operation`` is ``"parameter"`` (with ``name``), ``"constant"`` (``value``),
    ``"size"`` (``size``, an integer of the host program as a float), or a key of
    ``REAL_OPERATIONS`` with ``arguments``. ``length`` counts the operations in it.

    Example:
        >>> rate = Real.parameter("rate")
        >>> Real("*", (rate, Real.constant(0.5)))
        (%rate * 0.5)
    """

    __slots__ = ("arguments", "length", "name", "operation", "size", "value")

    def __init__(
        self,
        operation: str,
        arguments: tuple[Real, ...] = (),
        *,
        name: str = "",
        value: float = 0.0,
        size: Size = 0,
    ) -> None:
        self.operation = operation
        self.arguments = arguments
        self.length: int = 1 + sum(argument.length for argument in arguments)
        self.name = name
        self.value = value
        self.size = size

    @classmethod
    def parameter(cls, name: str) -> Real:
        """The float argument ``name``."""
        return cls("parameter", name=name)

    @classmethod
    def constant(cls, value: float) -> Real:
        """A number."""
        return cls("constant", value=value)

    @classmethod
    def of_size(cls, size: Size) -> Real:
        """An integer of the host program, as a float."""
        return cls("size", size=size)

    def __repr__(self) -> str:
        if self.operation == "parameter":
            return f"%{self.name}"
        if self.operation == "constant":
            return repr(self.value)
        if self.operation == "size":
            return f"float({self.size})"
        if len(self.arguments) == 1:
            return f"{self.operation}({self.arguments[0]})"
        left, right = self.arguments
        return f"({left} {self.operation} {right})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Real) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def evaluate(self, reals: Mapping[str, float], sizes: Mapping[str, int]) -> float:
        """The number, given float arguments and symbols by name."""
        if self.operation == "parameter":
            return reals[self.name]
        if self.operation == "constant":
            return self.value
        if self.operation == "size":
            return float(evaluate_dim(self.size, sizes))
        values = (argument.evaluate(reals, sizes) for argument in self.arguments)
        return REAL_OPERATIONS[self.operation](*values)

    def symbols(self) -> set[str]:
        """The symbols that this depends on."""
        if self.operation == "size":
            return set(symbols_of(self.size))
        return {name for a in self.arguments for name in a.symbols()}

    def parameters(self) -> set[str]:
        """The names of the float arguments that this depends on."""
        if self.operation == "parameter":
            return {self.name}
        return {name for a in self.arguments for name in a.parameters()}


_NUMBER = r"-?(?:inf|nan|\d+(?:\.\d+)?(?:e[-+]?\d+)?)"


def parse_real(text: str) -> Real:
    """Read a Real as it prints.

    Raises:
        TextError: the text is no Real.
    """
    result, rest = _parse(text.strip())
    if rest.strip():
        raise _error(text)
    return result


def _error(text: str) -> TextError:
    return TextError(None, f"cannot read the number {text!r}")


def _parse(text: str) -> tuple[Real, str]:
    text = text.lstrip()
    if match := re.match(r"%(\w+)", text):
        return Real.parameter(match[1]), text[match.end() :]
    if match := re.match(r"(neg|abs)\(", text):
        inner, rest = _parse(text[match.end() :])
        return Real(match[1], (inner,)), _expect(rest, ")")
    if text.startswith("float("):
        depth, end = 1, 6
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        return Real.of_size(parse_dim(text[6 : end - 1])), text[end:]
    if text.startswith("("):
        left, rest = _parse(text[1:])
        rest = rest.lstrip()
        if not rest or rest[0] not in "+-*/":
            raise _error(text)
        right, tail = _parse(rest[1:])
        return Real(rest[0], (left, right)), _expect(tail, ")")
    if match := re.match(_NUMBER, text):
        return Real.constant(float(match[0])), text[match.end() :]
    raise _error(text)


def _expect(text: str, token: str) -> str:
    text = text.lstrip()
    if not text.startswith(token):
        raise _error(text)
    return text[len(token) :]
