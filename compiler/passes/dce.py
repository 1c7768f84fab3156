"""Removal of what no result depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Facts
from penstock.ir.types import TupleType
from penstock.passes.graph_pass import graph_pass

__all__ = ["dce"]


@graph_pass("dce")
def dce(function: Function) -> Function:
    """Drop results of control flow that nothing reads, and what only they need.

    A Value that no result reaches is no part of a Function to begin with; within
    regions the same is found by looking which of their results are read. A value
    that a loop carries goes if neither its condition nor what is read depends on it.

    Requires: nothing.    Keeps: effects and their order, and all parameters.

    Before: %0 = if %c, %x, %y { then(%a, %b) { return %a, %b } else ... } ;
            %1 = get %0 {index=0} ; return %1
    After:  %0 = if %c, %x { then(%a) { return %a } else ... } ; return %0
    """
    return _Remover(function.facts).function(function)


class _Remover:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def function(self, function: Function) -> Function:
        """The Function with its control flow reduced; the same if nothing is."""
        if not any(value.regions for value in function.values):
            return function
        builder = Builder(self.facts)
        replaced: dict[Value, Value] = {p: p for p in function.parameters}
        # Where each result that is left of a Value stands now.
        places: dict[Value, dict[int, int]] = {}
        read = _indices_read(function)
        changed = False
        for old in function.values:
            operands = [replaced[operand] for operand in old.operands]
            if old.regions:
                new = self.control(builder, old, operands, read, places)
                changed = changed or new.regions != old.regions
            elif old.is_op("get") and old.operands[0] in places:
                new = _element(builder, old, operands[0], places[old.operands[0]])
            else:
                new = builder.rebuild(old, operands)
            replaced[old] = new
        if not changed:
            return function
        return _with_roots(
            function,
            function.parameters,
            [replaced[result] for result in function.results],
            [replaced[effect] for effect in function.effects],
        )

    def control(
        self,
        builder: Builder,
        old: Value,
        operands: Sequence[Value],
        read: dict[Value, set[int]],
        places: dict[Value, dict[int, int]],
    ) -> Value:
        regions = tuple(self.function(region) for region in old.regions)
        count = len(old.type.elements) if isinstance(old.type, TupleType) else 1
        results = read[old] if isinstance(old.type, TupleType) else {0}
        name = old.op.name
        attributes = dict(old.attributes)
        # Operands that come before the arguments, and parameters that no operand
        # gives: the condition, the counter.
        leading = 1 if name in ("if", "bind") else 0
        counter = 1 if name == "loop" else 0
        if name == "while":
            read_first = results | _live(regions[0], {0})
            results = _carried(regions[1], read_first, 0, len(operands))
            arguments = results
        elif name == "loop":
            carried, sliced = attributes["carried"], attributes["sliced"]
            results = _carried(regions[0], results, 1, carried)
            arguments = {index - 1 for index in _live(regions[0], results) if index}
            arguments |= {index for index in results if index < carried}
            attributes["carried"] = sum(index < carried for index in results)
            attributes["sliced"] = sum(
                carried <= index < carried + sliced for index in arguments
            )
        elif name in ("if", "recompute", "segmented", "bind"):
            arguments = set().union(*(_live(region, results) for region in regions))
        else:
            # What its results are is not for this pass to know.
            places[old] = {index: index for index in range(count)}
            return builder.add(
                old.op,
                *operands,
                locations=old.locations,
                regions=regions,
                **attributes,
            )
        kept = sorted(results)
        places[old] = {index: place for place, index in enumerate(kept)}
        parameters = [*range(counter), *(i + counter for i in sorted(arguments))]
        return builder.add(
            old.op,
            *operands[:leading],
            *(operands[leading + index] for index in sorted(arguments)),
            locations=old.locations,
            regions=tuple(
                _reduced(
                    region,
                    parameters,
                    [0] if name == "while" and region is regions[0] else kept,
                )
                for region in regions
            ),
            **attributes,
        )


def _indices_read(function: Function) -> dict[Value, set[int]]:
    """For each Value of several results, which of them are read."""
    read: dict[Value, set[int]] = {}
    for value in function.values:
        if isinstance(value.type, TupleType):
            read[value] = set()
        if value.is_op("get"):
            index = value.attributes["index"]
            assert isinstance(index, int)
            read[value.operands[0]].add(index)
    return read


def _element(
    builder: Builder, old: Value, control: Value, places: dict[int, int]
) -> Value:
    """What a ``get`` reads, from a Value that has fewer results now."""
    if not isinstance(control.type, TupleType):
        return control
    index = old.attributes["index"]
    assert isinstance(index, int)
    return builder.add("get", control, locations=old.locations, index=places[index])


def _live(region: Function, results: Iterable[int]) -> set[int]:
    """Which parameters the given results of a region depend on."""
    roots = [region.results[index] for index in sorted(results)]
    reached = set(roots).union(region.effects)
    for value in _with_roots(region, region.parameters, roots, region.effects).values:
        reached.update(value.operands)
    return {i for i, parameter in enumerate(region.parameters) if parameter in reached}


def _carried(body: Function, needed: set[int], counter: int, count: int) -> set[int]:
    """The results that the needed ones depend on, from turn to turn.

    Args:
        body: what is repeated.
        needed: the results that are read.
        counter: how many parameters come before the carried ones.
        count: how many are carried.
    """
    while True:
        live = {
            index - counter
            for index in _live(body, needed)
            if counter <= index < counter + count
        }
        if live <= needed:
            return needed
        needed = needed | live


def _reduced(
    region: Function, parameters: Sequence[int], results: Sequence[int]
) -> Function:
    """The region with only some parameters and results; the same if that is all."""
    if len(parameters) == len(region.parameters) and len(results) == len(
        region.results
    ):
        return region
    return _with_roots(
        region,
        tuple(region.parameters[index] for index in parameters),
        [region.results[index] for index in results],
        region.effects,
    )


def _with_roots(
    function: Function,
    parameters: tuple[Value, ...],
    results: Sequence[Value],
    effects: Sequence[Value],
) -> Function:
    return Function(
        function.name,
        parameters,
        tuple(results),
        integers=function.integers,
        effects=tuple(effects),
        guards=function.guards,
    )
