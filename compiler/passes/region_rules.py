"""What transforms of control flow share: regions as parts that are built again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from penstock.ir.attributes import Constant
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Facts
from penstock.ir.types import Type

__all__ = [
    "copies",
    "dependent",
    "extract",
    "fresh_symbol",
    "is_zeros",
    "reached",
    "zeros_like",
]


def copies(builder: Builder, values: Sequence[Value], prefix: str) -> list[Value]:
    """Parameters of the types of some Values."""
    return [
        builder.parameter(f"{prefix}{i}", normal(builder, value), value.locations)
        for i, value in enumerate(values)
    ]


def normal(builder: Builder, value: Value) -> Type:
    """A Value's type, its sizes as the facts have them."""
    return builder.facts.normalize_type(value.type)


def zeros_like(builder: Builder, value: Value) -> Value:
    """Zeros of a Value's type."""
    expression = Expression(builder, value)
    return expression.constant(0).broadcast_to(expression.shape).value


def is_zeros(value: Value) -> bool:
    """Whether a Value is what ``zeros_like`` gives."""
    while value.is_op("broadcast_to"):
        (value,) = value.operands
    if not value.is_op("const"):
        return False
    constant = value.attributes["value"]
    assert isinstance(constant, Constant)
    return not constant.array.any()


def extract(
    builder: Builder,
    results: Sequence[Value],
    given: dict[Value, Value],
) -> list[Value]:
    """Values built again elsewhere.

    Args:
        builder: of the Function that receives them.
        results: what is wanted there.
        given: for each Value that they may read, the Value there; what is built is
            added. Constants need not be given.
    """
    order = Function("part", tuple(given), tuple(results)).values
    for value in order:
        if value in given:
            continue
        operands = [given[operand] for operand in value.operands]
        given[value] = builder.rebuild(value, operands)
    return [given[result] for result in results]


def dependent(values: Collection[Value], sources: Collection[Value]) -> set[Value]:
    """Those of some Values, operands first, that depend on the sources."""
    found = set(sources)
    for value in values:
        if any(operand in found for operand in value.operands):
            found.add(value)
    return found


def reached(region: Function, results: Iterable[int]) -> set[int]:
    """Which parameters of a region some of its results depend on."""
    roots = tuple(region.results[i] for i in sorted(results))
    values = Function("part", region.parameters, roots).values
    read = {*roots, *(operand for value in values for operand in value.operands)}
    return {i for i, parameter in enumerate(region.parameters) if parameter in read}


def fresh_symbol(facts: Facts, name: str) -> str:
    """A symbol that is not declared yet, and is now."""
    number, found = 0, name
    while found in facts.order:
        number += 1
        found = f"{name}{number}"
    facts.declare(found, 0)
    return found
