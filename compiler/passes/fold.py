"""Constants computed once, here."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ir.attributes import Attribute
from penstock.ir.graph.evaluate import evaluate_value
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.types import Dtype, TensorType
from penstock.passes.graph_pass import graph_pass
from penstock.passes.pattern import constant_of
from penstock.passes.rewrite import inline, rewrite

__all__ = ["LARGEST", "fold"]

LARGEST = 64
"""A constant of more elements is made only where it replaces larger ones."""

# Of one element these make many, which is cheaper done where they are read.
_SPREADING = frozenset({"broadcast_to", "iota"})
_FAMILIES = frozenset({"elementwise", "reduction", "movement", "indexing", "library"})


@graph_pass("fold")
def fold(function: Function) -> Function:
    """Compute what depends on constants only, and choose between known branches.

    An op is computed if its compiled form would give the same bits. That leaves out
    the transcendental functions and sums of floats, which may differ from NumPy in
    the last bit: else ``exp`` of a constant and of an equal argument would be two
    numbers.

    Requires: nothing.    Keeps: every bit; an index that is out of range stays, to be
    an error where the program runs.

    Before: %0 = const 2.0 ; %1 = const 3.0 ; %2 = mul %0, %1 ; return %2
    After:  %0 = const 6.0 ; return %0
    """
    return rewrite(function, _visit)


def _visit(builder: Builder, value: Value) -> Value | None:
    name = value.op.name
    if name == "dim":
        size = value.attributes["size"]
        return _constant(builder, value, size) if isinstance(size, int) else None
    if name == "get":
        results = _known_results(builder, value.operands[0])
        index = value.attributes["index"]
        return results[index] if results and isinstance(index, int) else None
    if value.regions:
        results = _known_results(builder, value)
        return results[0] if results and len(results) == 1 else None
    return _computed(builder, value)


def _constant(builder: Builder, value: Value, array: Any) -> Value:
    return builder.constant(array, value.dtype, locations=value.locations)


def _known_results(builder: Builder, value: Value) -> tuple[Value, ...] | None:
    """What a Value with regions gives, where it is known which of them run."""
    if value.is_op("if"):
        condition = constant_of(value.operands[0])
        if condition is None:
            return None
        then, otherwise = value.regions
        return inline(builder, then if condition else otherwise, value.operands[1:])
    if value.is_op("loop"):
        trip, carried = value.attributes["trip"], value.attributes["carried"]
        if not isinstance(trip, int) or trip > 0:
            return None
        # Stacks of no turns are left to run: they have no elements.
        stacks = len(value.regions[0].results) - carried
        return None if stacks else value.operands[:carried]
    return None


def _computed(builder: Builder, value: Value) -> Value | None:
    op, type_ = value.op, value.type
    if not value.operands or op.family not in _FAMILIES or op.name in _SPREADING:
        return None
    arrays = [constant_of(operand) for operand in value.operands]
    known = [array for array in arrays if array is not None]
    if len(known) != len(arrays) or not isinstance(type_, TensorType):
        return None
    if not _is_small(type_, known) or not _is_exact(value):
        return None
    if _is_machine_dependent(value.attributes.get("dtype"), known[0]):
        return None
    try:
        with np.errstate(all="ignore"):
            return _constant(builder, value, evaluate_value(value, known, {}))
    except (IndexError, ValueError):
        # An index out of range, an integer to a negative power: errors of the run.
        return None


def _is_small(type_: TensorType, operands: list[np.ndarray[Any, Any]]) -> bool:
    size = type_.size
    if not isinstance(size, int):
        return False
    return size <= max(LARGEST, sum(array.size for array in operands))


def _is_exact(value: Value) -> bool:
    dtypes = {value.dtype, *(operand.dtype for operand in value.operands)}
    return all(value.op.tolerance.get(dtype.name, 0.0) == 0.0 for dtype in dtypes)


def _is_machine_dependent(dtype: Attribute, array: np.ndarray[Any, Any]) -> bool:
    """Whether this converts a float that no integer of the dtype holds."""
    if (
        not isinstance(dtype, Dtype)
        or not dtype.is_integer
        or array.dtype.kind in "biu"
    ):
        return False
    limits = np.iinfo(dtype.numpy)
    wide = np.trunc(array.astype(np.float64))
    # float(2**63 - 1) is 2**63, which no i64 holds.
    return not np.all((wide >= float(limits.min)) & (wide < float(limits.max) + 1.0))
