"""Record a function as an expression, for peers that take no Python functions.

It covers what the workloads for peers use: elementwise functions of one result.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import with_namespace

SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}


@dataclass(frozen=True, eq=False)
class Expression:
    """An operation on other expressions; a parameter or constant has no operands."""

    name: str
    operands: tuple["Expression", ...] = ()
    constant: float | int | None = None

    def __add__(self, other: Any) -> "Expression":
        return apply("add", self, other)

    def __radd__(self, other: Any) -> "Expression":
        return apply("add", other, self)

    def __sub__(self, other: Any) -> "Expression":
        return apply("subtract", self, other)

    def __rsub__(self, other: Any) -> "Expression":
        return apply("subtract", other, self)

    def __mul__(self, other: Any) -> "Expression":
        return apply("multiply", self, other)

    def __rmul__(self, other: Any) -> "Expression":
        return apply("multiply", other, self)

    def __truediv__(self, other: Any) -> "Expression":
        return apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> "Expression":
        return apply("divide", other, self)

    def __pow__(self, other: Any) -> "Expression":
        return apply("power", self, other)


class Namespace:
    """Stands for NumPy: every function in it records its call."""

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        return lambda *operands: apply(name, *operands)


def apply(name: str, *operands: Any) -> Expression:
    """Record one operation."""
    return Expression(
        name,
        tuple(
            operand
            if isinstance(operand, Expression)
            else Expression("constant", constant=operand)
            for operand in operands
        ),
    )


def record(function: Callable[..., Any]) -> tuple[list[Expression], Expression]:
    """Return the parameters of a function, and its result as an expression of them."""
    parameters = [Expression(name) for name in inspect.signature(function).parameters]
    return parameters, with_namespace(function, Namespace())(*parameters)


def in_order(result: Expression) -> Iterator[Expression]:
    """Yield each expression once, operands first."""
    seen: set[int] = set()

    def visit(expression: Expression) -> Iterator[Expression]:
        if id(expression) in seen:
            return
        seen.add(id(expression))
        for operand in expression.operands:
            yield from visit(operand)
        yield expression

    return visit(result)


def spell(expression: Expression, operands: list[str], prefix: str = "") -> str:
    """Print one operation as Python, its operands being printed already."""
    if expression.name == "power":
        exponent = expression.operands[1].constant
        # An integer stays one, so that the peer may multiply instead.
        shown = str(exponent) if isinstance(exponent, int) else operands[1]
        return f"({operands[0]} ** {shown})"
    if expression.name in SYMBOLS:
        return f"({f' {SYMBOLS[expression.name]} '.join(operands)})"
    return f"{prefix}{expression.name}({', '.join(operands)})"
