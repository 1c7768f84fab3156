"""Rules for ops that only move elements: those that cancel, compose, or do nothing.

All of them are exact. Sizes are compared as the guards let them be written, so a
guard ``m == n`` or ``n == 1`` makes more of them apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.ir.dims import Size
from penstock.ir.graph.value import Value
from penstock.ir.op import OPS
from penstock.ir.ops.families import Elementwise, broadcast_shapes
from penstock.ir.ops.letters import split_spec
from penstock.passes.pattern import Match, Rule, any_of, call, var

__all__ = ["MOVEMENT"]

x, y = var("x"), var("y")
_SLICES = ("start", "step", "size")


def _attribute(value: Value, name: str) -> Any:
    return value.attributes[name]


def _unless_moved(match: Match) -> Value | None:
    """The operand, if the op gives it the shape that it has."""
    return match["x"] if match.shape(match["x"]) == match.value.shape else None


# Reshape, transpose, broadcast.


def _reshape_once(match: Match) -> Value:
    return match.add("reshape", match["x"], shape=match.value.shape)


def _reshape_of_one(match: Match) -> Value | None:
    """Many copies of one element have no order to keep."""
    source = match["x"]
    if any(size != 1 for size in match.shape(source)) or match.value.tensor.size == 1:
        return None
    if match.shape(source):
        source = match.add("reshape", source, shape=())
    return match.add("broadcast_to", source, shape=match.value.shape)


def _reshape_of_reduction(match: Match) -> Value | None:
    """The reduced axes are kept by the reduction itself."""
    reduction = match["reduction"]
    source = match["x"]
    axes = _attribute(reduction, "axes")
    kept = tuple(1 if a in axes else size for a, size in enumerate(match.shape(source)))
    if kept != match.value.shape or _attribute(reduction, "keepdims"):
        return None
    return match.add(reduction.op.name, source, axes=axes, keepdims=True)


def _transpose_in_order(match: Match) -> Value | None:
    """Only axes of size 1 move, if any: no element does."""
    permutation = _attribute(match.value, "permutation")
    moved = [axis for axis in permutation if match.shape(match["x"])[axis] != 1]
    if moved != sorted(moved):
        return None
    if match.shape(match["x"]) == match.value.shape:
        return match["x"]
    return match.add("reshape", match["x"], shape=match.value.shape)


def _transpose_once(match: Match) -> Value:
    inner = _attribute(match["inner"], "permutation")
    permutation = tuple(inner[axis] for axis in _attribute(match.value, "permutation"))
    return match.add("transpose", match["x"], permutation=permutation)


def _broadcast_once(match: Match) -> Value:
    return match.add("broadcast_to", match["x"], shape=match.value.shape)


def _broadcast_implicitly(match: Match) -> Value | None:
    """Leave out the broadcasts that the op does by itself.

    Where all operands repeat elements, the op is done once for each, and its results
    are repeated.
    """
    value = match.value
    operands = list(value.operands)
    for position, operand in enumerate(operands):
        if operand.is_op("broadcast_to"):
            operands[position] = operand.operands[0]
    if operands == list(value.operands):
        return None
    shape = broadcast_shapes(value.op.name, list(map(match.type, operands)))
    new = match.add(value.op.name, *operands, **value.attributes)
    if shape == value.shape:
        return new
    return match.add("broadcast_to", new, shape=value.shape)


# Slices.


def _is_whole(value: Value, shape: Sequence[Size]) -> bool:
    """Whether a slice is of all elements, in order."""
    start, step, size = (_attribute(value, name) for name in _SLICES)
    return (
        size == tuple(shape)
        and all(first == 0 for first in start)
        and all(s == 1 or n == 1 for s, n in zip(step, size, strict=True))
    )


def _same_slice(left: Value, right: Value) -> bool:
    return all(_attribute(left, name) == _attribute(right, name) for name in _SLICES)


def _slice_of_all(match: Match) -> Value | None:
    return match["x"] if _is_whole(match.value, match.shape(match["x"])) else None


def _slice_once(match: Match) -> Value:
    """x[a + b*(c + d*i)] is x[(a + b*c) + (b*d)*i]."""
    start, step, _ = (_attribute(match["inner"], name) for name in _SLICES)
    then, by, size = (_attribute(match.value, name) for name in _SLICES)
    return match.add(
        "slice",
        match["x"],
        start=tuple(b * c + a for a, b, c in zip(start, step, then, strict=True)),
        step=tuple(b * d for b, d in zip(step, by, strict=True)),
        size=size,
    )


def _slice_of_update(match: Match) -> Value | None:
    """What was written is read again."""
    update = match["update"]
    # A symbol may be 0, and a step of 0 would write one element many times.
    if not all(isinstance(step, int) for step in _attribute(update, "step")):
        return None
    return match["y"] if _same_slice(match.value, update) else None


def _update_of_all(match: Match) -> Value | None:
    return match["y"] if _is_whole(match.value, match.shape(match["x"])) else None


def _update_with_itself(match: Match) -> Value | None:
    return match["x"] if _same_slice(match.value, match["slice"]) else None


def _update_once(match: Match) -> Value | None:
    """The second of two updates of the same elements."""
    inner = match["inner"]
    if not _same_slice(match.value, inner):
        return None
    attributes = {name: _attribute(inner, name) for name in _SLICES}
    return match.add("update_slice", match["x"], match["y"], **attributes)


def _slice_of_broadcast(match: Match) -> Value | None:
    """Slice before repeating: only axes that are not repeated need it."""
    source = match["x"]
    start, step, size = (_attribute(match.value, name) for name in _SLICES)
    missing = len(size) - len(match.shape(source))
    own_start, own_step, own_size = [], [], []
    for axis, whole in enumerate(match.shape(source)):
        repeated = whole == 1
        own_start.append(0 if repeated else start[missing + axis])
        own_step.append(1 if repeated else step[missing + axis])
        own_size.append(1 if repeated else size[missing + axis])
    if match.shape(source):
        source = match.add(
            "slice",
            source,
            start=tuple(own_start),
            step=tuple(own_step),
            size=tuple(own_size),
        )
    return match.add("broadcast_to", source, shape=size)


# Joins.


def _concatenate_flat(match: Match) -> Value | None:
    """Leave out empty operands, and take joins along the same axis apart."""
    value = match.value
    axis = _attribute(value, "axis")
    parts: list[Value] = []
    for operand in value.operands:
        if operand.is_op("concatenate") and _attribute(operand, "axis") == axis:
            parts += operand.operands
        else:
            parts.append(operand)
    parts = [part for part in parts if match.shape(part)[axis] != 0] or parts[:1]
    if parts == list(value.operands) and len(parts) > 1:
        return None
    return parts[0] if len(parts) == 1 else match.add("concatenate", *parts, axis=axis)


def _pad_nothing(match: Match) -> Value | None:
    widths = (*_attribute(match.value, "low"), *_attribute(match.value, "high"))
    return match["x"] if all(width == 0 for width in widths) else None


def _pad_once(match: Match) -> Value:
    widths = {
        name: tuple(
            outer + inner
            for outer, inner in zip(
                _attribute(match.value, name),
                _attribute(match["inner"], name),
                strict=True,
            )
        )
        for name in ("low", "high")
    }
    return match.add("pad", match["x"], match["fill"], **widths)


# Reductions and contractions.


def _reduce_nothing(match: Match) -> Value | None:
    """A reduction over axes of size 1 moves elements."""
    value, source = match.value, match["x"]
    axes = _attribute(value, "axes")
    if any(match.shape(source)[axis] != 1 for axis in axes):
        return None
    if value.is_op("sum") and value.dtype.is_float:
        # The sum starts from 0.0, to which -0.0 adds up as 0.0.
        source = match.add("add", source, match.number(0.0, source.dtype))
    if match.shape(source) == value.shape:
        return source
    return match.add("reshape", source, shape=value.shape)


def _along_one(match: Match) -> Value | None:
    """Sums and orders along an axis of size 1 change nothing."""
    axis = _attribute(match.value, "axis")
    return match["x"] if match.shape(match["x"])[axis] == 1 else None


def _contract_nothing(match: Match) -> Value | None:
    """A contraction of one array, each letter once, is a transpose."""
    (letters, *others), output = split_spec(_attribute(match.value, "spec"))
    if others or len(set(letters)) != len(letters) or len(letters) != len(output):
        return None
    permutation = tuple(letters.index(letter) for letter in output)
    return match.add("transpose", match["x"], permutation=permutation)


def _contract_transposed(match: Match) -> Value | None:
    """A contraction reads its operands in any order of axes."""
    value = match.value
    inputs, output = split_spec(_attribute(value, "spec"))
    operands = list(value.operands)
    for position, operand in enumerate(operands):
        if operand.is_op("transpose"):
            # Axis i of the transpose is axis permutation[i] of its operand.
            named = dict(
                zip(_attribute(operand, "permutation"), inputs[position], strict=True)
            )
            inputs[position] = "".join(named[axis] for axis in range(len(named)))
            operands[position] = operand.operands[0]
    if operands == list(value.operands):
        return None
    return match.add("contract", *operands, spec=f"{','.join(inputs)}->{output}")


_REDUCTIONS = ("sum", "prod", "min", "max", "any", "all")
_ELEMENTWISE = [name for name, op in OPS.items() if issubclass(op, Elementwise)]
_fill = var("fill")

MOVEMENT = (
    Rule("reshape-to-same-shape", call("reshape", x), _unless_moved),
    Rule("reshape-of-reshape", call("reshape", call("reshape", x)), _reshape_once),
    Rule(
        "reshape-of-one-element",
        call("reshape", call("broadcast_to", x)),
        _reshape_of_one,
    ),
    Rule(
        "reshape-of-reduction",
        call("reshape", any_of(_REDUCTIONS, x, name="reduction")),
        _reshape_of_reduction,
    ),
    Rule(
        "transpose-of-transpose",
        call("transpose", call("transpose", x, name="inner")),
        _transpose_once,
    ),
    Rule("transpose-in-order", call("transpose", x), _transpose_in_order),
    Rule("broadcast-to-same-shape", call("broadcast_to", x), _unless_moved),
    Rule(
        "broadcast-of-broadcast",
        call("broadcast_to", call("broadcast_to", x)),
        _broadcast_once,
    ),
    Rule("broadcast-implicitly", any_of(_ELEMENTWISE), _broadcast_implicitly),
    Rule("slice-of-all", call("slice", x), _slice_of_all),
    Rule("slice-of-slice", call("slice", call("slice", x, name="inner")), _slice_once),
    Rule(
        "slice-of-broadcast",
        call("slice", call("broadcast_to", x)),
        _slice_of_broadcast,
    ),
    Rule(
        "slice-of-update",
        call("slice", call("update_slice", x, y, name="update")),
        _slice_of_update,
    ),
    Rule("update-of-all", call("update_slice", x, y), _update_of_all),
    Rule(
        "update-with-itself",
        call("update_slice", x, call("slice", x, name="slice")),
        _update_with_itself,
    ),
    Rule(
        "update-of-update",
        call("update_slice", call("update_slice", x, var("old"), name="inner"), y),
        _update_once,
    ),
    Rule("concatenate-flat", any_of(("concatenate",)), _concatenate_flat),
    Rule("pad-nothing", call("pad", x, _fill), _pad_nothing),
    Rule(
        "pad-of-pad", call("pad", call("pad", x, _fill, name="inner"), _fill), _pad_once
    ),
    Rule("reduce-nothing", any_of(_REDUCTIONS, x), _reduce_nothing),
    Rule("along-one-element", any_of(("cumsum", "sort"), x), _along_one),
    Rule("contract-nothing", call("contract", x), _contract_nothing),
    Rule("contract-transposed", any_of(("contract",)), _contract_transposed),
)
