"""Parts of a trace that become Functions of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from penstock.frontend.cells import next_serial
from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.tracer import Tracer
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.types import TensorType

__all__ = ["Region", "captured_by"]


class Region:
    """A Function that is traced within another.

    What is computed inside ``open`` belongs to it; what it reads from outside becomes
    further parameters, so that it stands on its own.

    Args:
        tracer: the trace.
        types: of its own parameters.
        surely_runs: whether it runs where what is around it does.

    Attributes:
        handles: the parameters as the traced program sees them.
        captured: the Values from outside that it reads, each with its parameter.
        results: what it returns, once it is closed.
    """

    def __init__(
        self, tracer: Tracer, types: Sequence[TensorType], surely_runs: bool = True
    ) -> None:
        self.tracer = tracer
        self._surely_runs = surely_runs
        self.parameters = [
            tracer.builder.parameter(f"x{number}", type_)
            for number, type_ in enumerate(types)
        ]
        self.handles: list[TracedArray] = []
        self.captured: dict[Value, Value] = {}
        self.results: tuple[Value, ...] = ()
        self._builder = Builder(tracer.facts, tracer.builder)

    @contextmanager
    def open(self) -> Iterator[Sequence[TracedArray]]:
        """While it is open, what is traced belongs to the region."""
        tracer = self.tracer
        outer, first = tracer.builder, tracer.first_serial
        surely_ran = tracer.surely_runs
        tracer.builder, tracer.first_serial = self._builder, next_serial()
        tracer.surely_runs = surely_ran and self._surely_runs
        # Made here: what the region is given it may write to.
        self.handles = self.handles or [wrap(tracer, p) for p in self.parameters]
        try:
            yield self.handles
        finally:
            tracer.builder, tracer.first_serial = outer, first
            tracer.surely_runs = surely_ran
            tracer.dead.update(self.parameters)
            tracer.dead.update(self._builder.made)

    def close(self, results: Sequence[Value]) -> None:
        """Take what it returns; fills ``captured``.

        Args:
            results: as traced.
        """
        own = set(self._builder.made)
        given = {*self.parameters}
        read = dict.fromkeys(
            operand
            for value in own
            for operand in value.operands
            if operand not in own and operand not in given
        )
        reached = Function("region", (*self.parameters, *read), tuple(results))
        needed = [value for value in reached.values if value in own]
        builder = self._final = Builder(self.tracer.facts)
        inside = {
            p: builder.parameter(
                str(p.attributes["name"]), self.tracer.type_of(p), p.locations
            )
            for p in self.parameters
        }
        self._own = tuple(inside.values())
        for value in (
            *(o for own_value in needed for o in own_value.operands),
            *results,
        ):
            if value in own or value in inside:
                continue
            if value.is_op("const"):
                inside[value] = builder.rebuild(value, ())
                continue
            type_ = self.tracer.type_of(value)
            inside[value] = builder.parameter(f"c{len(self.captured)}", type_)
            self.captured[value] = inside[value]
        for value in needed:
            operands = [inside[operand] for operand in value.operands]
            inside[value] = builder.rebuild(value, operands)
        self.results = tuple(inside[result] for result in results)

    def function(
        self, name: str, captured: Iterable[Value] | None = None, passed: bool = False
    ) -> Function:
        """The closed region as a Function.

        Args:
            name: how it prints.
            captured: the Values from outside that it takes after its own parameters,
                at least those that it reads; these by default.
            passed: whether it returns them again.
        """
        outside = self.captured if captured is None else captured
        further = tuple(
            self.captured.get(value)
            or self._final.parameter(f"c{number}", self.tracer.type_of(value))
            for number, value in enumerate(outside)
        )
        results = (*self.results, *further) if passed else self.results
        return Function(name, (*self._own, *further), results)


def captured_by(regions: Iterable[Region]) -> list[Value]:
    """The Values from outside that any of some regions reads."""
    return list(dict.fromkeys(value for region in regions for value in region.captured))
