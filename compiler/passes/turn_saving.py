"""What a loop keeps of each turn for the loop that goes back, by minimum cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from penstock.ir.graph.value import Function, Value
from penstock.passes.minimum_cut import minimum_cut
from penstock.passes.nominal import bytes_of, elements_of

__all__ = ["saved_of_turn"]

# What is made anew in each element costs no more than to read it.
_CHEAP = frozenset({"elementwise", "movement", "create"})
# A turn and the turn back may compute together this many times what a turn does; the
# rest of what a gradient may cost is for what is linear.
_MOST_FLOPS = 2


def saved_of_turn(
    joint: Function, linear: Collection[Value], free: Collection[Value]
) -> list[Value]:
    """The Values of least bytes from which a turn's linear part can be computed.

    What is elementwise is computed again from them; contractions, reductions and the
    like are not.

    Args:
        joint: the body with its tangents; its results are what is linear.
        linear: its Values that depend on tangents.
        free: parameters that the turn back has anyway.
    """
    wanted = dict.fromkeys(
        operand
        for value in joint.values
        if value in linear
        for operand in value.operands
        if operand not in linear
    )
    wanted.update(dict.fromkeys(end for end in joint.results if end not in linear))
    values = [value for value in joint.values if value not in linear]
    parameters = [p for p in joint.parameters if p not in linear]
    barred: set[Value] = set()
    while True:
        kept = _cut(values, parameters, wanted, free, barred)
        costly = _too_costly(values, wanted, kept)
        if not costly:
            return [value for value in (*parameters, *values) if value in kept]
        barred |= costly


def _is_cheap(value: Value) -> bool:
    return (
        not value.regions
        and value.op.family in _CHEAP
        and isinstance(value.op.flops, int)
    )


def _cut(
    values: Iterable[Value],
    parameters: Iterable[Value],
    wanted: Collection[Value],
    free: Collection[Value],
    barred: Collection[Value],
) -> set[Value]:
    weights = {p: 0 if p in free else bytes_of(p) for p in parameters}
    sources = list(weights)
    edges: list[tuple[Value, Value]] = []
    for value in values:
        if not value.operands:
            weights[value] = 0  # a constant
            sources.append(value)
            continue
        # A tuple is not kept: its elements are.
        weights[value] = bytes_of(value) if elements_of(value) else _ENDLESS
        if value in barred or not _is_cheap(value):
            sources.append(value)
        else:
            edges += [(operand, value) for operand in dict.fromkeys(value.operands)]
    kept = minimum_cut(weights, edges, sources, wanted)
    return {value for value in kept if weights[value]}


_ENDLESS = 1 << 80


def _too_costly(
    values: Iterable[Value], wanted: Iterable[Value], kept: Collection[Value]
) -> set[Value]:
    """Values that had better be kept, for the flops that they cost again."""
    again: set[Value] = set()
    pending = [value for value in wanted if value not in kept]
    while pending:
        value = pending.pop()
        if value in kept or value in again:
            continue
        again.add(value)
        pending += value.operands
    turn = sum(_flops(value) for value in values if not _is_of_derivative(value))
    # Factors of the derivative are computed once, whichever of the turns does it.
    costs = {v: _flops(v) for v in again if not _is_of_derivative(v)}
    if turn + sum(costs.values()) <= _MOST_FLOPS * turn:
        return set()
    most = max(costs.values())
    return {value for value, flops in costs.items() if flops == most}


def _flops(value: Value) -> int:
    flops = value.op.flops
    return flops * elements_of(value) if isinstance(flops, int) else 0


def _is_of_derivative(value: Value) -> bool:
    return bool(value.locations) and all(loc.role for loc in value.locations)
