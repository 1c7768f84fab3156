"""From a Python function and the arguments of a call to a graph."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from penstock.frontend.inputs import Inputs
from penstock.frontend.results import collect_results
from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.graph.value import Function
from penstock.ir.reals import Real
from penstock.runtime.binding import Call
from penstock.runtime.signature import Signature
from penstock.runtime.pytree import unflatten

__all__ = ["Trace", "trace"]


@dataclass(frozen=True)
class Trace:
    """What tracing a function gives.

    Attributes:
        function: the graph, with its guards.
        signature: how a call becomes the graph's inputs, and its results what the
            caller gets.
        host_numbers: the integers and floats that the function returns, as
            expressions: element ``i`` belongs behind the results' sizes.
        hints: the value that each symbol had in the call that was traced.
    """

    function: Function
    signature: Signature
    host_numbers: tuple[Size | Real, ...]
    hints: dict[str, int]


def trace(
    function: Callable[..., Any],
    call: Call,
    *,
    static: Collection[Any] = (),
    name: str | None = None,
) -> Trace:
    tracer = Tracer(name or getattr(function, "__name__", type(function).__name__))
    inputs = Inputs(tracer, static)
    with tracer:
        names = call.leaf_names()
        handles = [
            inputs.add(leaf, leaf_name, f"argument {leaf_name}")
            for leaf, leaf_name in zip(call.leaves, names, strict=True)
        ]
        values = unflatten(call.structure, handles)
        returned = function(*values)
        results = collect_results(tracer, inputs, returned, None)
    graph = Function(
        tracer.name,
        tuple(inputs.parameters),
        tuple(results.values),
        integers=tuple(inputs.integers),
        guards=tuple(tracer.facts.guards),
    )
    signature = Signature(
        call.names,
        call.structure,
        tuple(inputs.leaves),
        (),
        tuple(results.leaves),
        results.structure,
    )
    return Trace(graph, signature, tuple(results.host_numbers), tracer.hints)
