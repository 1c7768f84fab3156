"""What a traced function returns, taken apart into the results of a graph."""

from __future__ import annotations

import enum
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from penstock.frontend.containers import FrozenDict
from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import HostInteger, HostNumber
from penstock.frontend.host_reals import HostReal
from penstock.frontend.inputs import Inputs
from penstock.frontend.libraries import is_library
from penstock.frontend.lift import value_of
from penstock.frontend.namespace import Forbidden
from penstock.frontend.selection import Selection
from penstock.frontend.tracer import Tracer
from penstock.frontend.truths import TracedTruth
from penstock.ir.dims import Size
from penstock.ir.errors import StructureError, TraceError
from penstock.ir.graph.value import Value
from penstock.ir.location import Location
from penstock.ir.reals import Real
from penstock.ir.wording import with_article
from penstock.runtime.pytree import Structure, flatten
from penstock.runtime.signature import (
    ArrayResult,
    ConstantResult,
    IntegerResult,
    ParameterResult,
    RealLeaf,
    RealResult,
    Result,
    TruthResult,
)

__all__ = ["Results", "collect_results"]

_CONSTANTS = (
    bool, int, float, complex, str, bytes, np.generic, np.dtype, enum.Enum, type,
    range, slice, frozenset,
)  # fmt: skip


class Results:
    """The results of a graph and how the caller gets them.

    Attributes:
        structure: how they nest.
        leaves: the kind of each.
        values: the arrays that the graph computes, in order.
        host_numbers: the sizes and floats that are returned; element ``i`` is behind
            the sizes of all arrays in the sizes vector, at ``2 + ranks + i``.
    """

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.leaves: list[Result] = []
        self.values: list[Value] = []
        self.host_numbers: list[Size | Real] = []


def collect_results(
    tracer: Tracer,
    inputs: Inputs,
    returned: Any,
    place: Callable[[], Location | None],
) -> Results:
    """Take apart what the traced function returned.

    Args:
        tracer: the trace.
        inputs: its inputs.
        returned: what the function returned.
        place: where it returned it, worked out for messages alone.

    Raises:
        TraceError: a part of it is nothing that a compiled function can return.
    """
    try:
        leaves, structure = flatten(returned)
    except StructureError as error:
        raise StructureError(
            place(), error.message, code=error.code, hint=error.hint
        ) from None
    results = Results(structure)
    ranks = sum(
        len(leaf.sizes)
        for leaf in leaves
        if issubclass(type(leaf), TracedArray) and leaf.value not in inputs.positions
    )
    ranks += sum(leaf.ndim for leaf in leaves if type(leaf) is np.ndarray)
    for leaf in leaves:
        results.leaves.append(_collect(tracer, inputs, results, leaf, 2 + ranks, place))
    return results


def _collect(
    tracer: Tracer,
    inputs: Inputs,
    results: Results,
    leaf: Any,
    first: int,
    place: Callable[[], Location | None],
) -> Result:
    if issubclass(type(leaf), (TracedArray, HostNumber)) and leaf.tracer is not tracer:
        leaf.tracer.check()
    if issubclass(type(leaf), TracedArray) or type(leaf) is np.ndarray:
        value = value_of(tracer, leaf)
        position = inputs.positions.get(value)
        # A float of Python that was made an array is a float no longer.
        if position is not None:
            is_number = type(inputs.leaves[position]) is RealLeaf
            if not is_number or type(leaf) is not TracedArray:
                return ParameterResult(position)
        results.values.append(value)
        if type(leaf) is TracedTruth:
            return TruthResult(value.dtype, 0)
        return ArrayResult(value.dtype, len(value.shape))
    if type(leaf) is HostInteger:
        size = tracer.normalize(leaf.size)
        return _host_result(results, size, first, IntegerResult)
    if type(leaf) is HostReal:
        if leaf.op == "parameter":
            return ParameterResult(inputs.positions[leaf.value])
        if leaf.expression is None:
            # Beyond what the prepare function evaluates: the number itself.
            return ConstantResult(leaf.concrete())
        return _host_result(results, leaf.expression, first, RealResult)
    if isinstance(leaf, _CONSTANTS):
        if isinstance(leaf, str) and any(shown in leaf for shown in tracer.shown):
            raise TraceError(
                place(),
                f"the function returns {leaf!r}, which shows the type of a traced "
                "array in place of its elements",
                code="result-type",
                hint="return the array and make its text outside",
            )
        return ConstantResult(leaf)
    if type(leaf) is Selection:
        raise leaf.refusal("returning x[mask]", loc=leaf.loc)
    kind = type(leaf)
    is_function = callable(leaf) and is_library(kind.__module__)
    if issubclass(kind, (FrozenDict, Forbidden)):
        kind = leaf.outside_type  # An OrderedDict or a file of the caller, say.
        is_function = issubclass(kind, (BuiltinFunctionType, FunctionType))
    noun = "function" if is_function else kind.__name__
    raise TraceError(
        place(),
        f"the function returns {with_article(noun)}, "
        "which a compiled function cannot return",
        code="result-type",
        hint="return arrays, numbers, strings, and tuples, lists, dicts or "
        "dataclasses of them",
    )


def _host_result(
    results: Results, number: Size | Real, first: int, kind: type[Any]
) -> Result:
    if isinstance(number, int):
        return ConstantResult(number)
    results.host_numbers.append(number)
    result: Result = kind(first + len(results.host_numbers) - 1)
    return result
