"""What a Function needs of sizes that neither types nor guards say of it.

The tracer asks for each before it makes a Value. A Function that was written as text
may lack some, and native code of it would read and write beyond its arrays.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.ir.dims import Size
from penstock.ir.errors import VerifyError
from penstock.ir.graph.value import Function, Value, bound_symbols
from penstock.ir.guards import Guard
from penstock.ir.types import TensorType, TupleType, Type

__all__ = ["sizes_of", "with_requirements"]


def with_requirements(function: Function) -> Function:
    """The Function with a guard for all that its ops need and nothing says yet.

    Raises:
        VerifyError: it is about a size that only the running program knows.
    """
    facts = function.facts.copy()
    born = set(bound_symbols(function))
    missing = []
    for guard in _requirements(function):
        left, right = facts.normalize(guard.left), facts.normalize(guard.right)  # type: ignore[arg-type]
        guard = Guard(left, guard.relation, right)
        if facts.decide(left, guard.relation, right):
            continue
        if guard.symbols() & born:
            raise VerifyError(
                None,
                f"@{function.name}: whether {guard} is known only when it runs",
                hint="the evaluator runs it: leave out --compiled",
            )
        facts.add(guard)
        missing.append(guard)
    if not missing:
        return function
    return Function(
        function.name,
        function.parameters,
        function.results,
        integers=function.integers,
        effects=function.effects,
        guards=(*function.guards, *missing),
    )


def _requirements(function: Function) -> Iterator[Guard]:
    for value in function.values:
        for size in sizes_of(value):
            yield Guard(size, ">=", 0)
        types = [operand.type for operand in value.operands]
        yield from value.op.requirements(types, value.attributes)
        for region in value.regions:
            yield from _requirements(region)


def sizes_of(value: Value) -> Iterator[Size]:
    """The sizes that a Value may not have below 0: those of its arrays, and its turns.

    Those of its regions are left out.
    """
    yield from _sizes(value.type)
    if value.is_op("loop"):
        yield value.attributes["trip"]


def _sizes(type_: Type) -> Iterator[Size]:
    if isinstance(type_, TensorType):
        yield from type_.shape
    elif isinstance(type_, TupleType):
        for element in type_.elements:
            yield from _sizes(element)
