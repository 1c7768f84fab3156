"""What the tangents of branches and parts read, and what is kept for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Facts
from penstock.passes.nominal import bytes_of
from penstock.passes.region_rules import (
    copies,
    dependent,
    extract,
    reached,
    zeros_like,
)
from penstock.passes.turn_saving import saved_of_turn

if TYPE_CHECKING:
    from penstock.passes.push_control import Pushed

__all__ = [
    "Joint",
    "joint",
    "kept_of_branches",
    "needed_of",
    "or_zeros",
    "tangents_alone",
]


class Joint:
    """What computes the tangents of a region.

    Attributes:
        own: its parameters.
        given: those for tangents.
        ends: the tangents that are wanted.
    """

    def __init__(
        self, facts: Facts, own: list[Value], given: list[Value], ends: list[Value]
    ) -> None:
        self.facts, self.own, self.given, self.ends = facts, own, given, ends


def joint(body: Pushed, moving: Sequence[int]) -> Joint:
    """What computes the tangents of some results of a region."""
    ends = [body.tangent(i) for i in moving]
    return Joint(body.builder.facts, body.parameters, body.given, ends)


def needed_of(parts: Sequence[Joint]) -> list[int]:
    """Which of their own parameters tangents depend on.

    The others are not given to them: a loop would keep these for each turn.
    """
    found: set[int] = set()
    for part in parts:
        whole = Function("part", (*part.own, *part.given), tuple(part.ends))
        found |= reached(whole, range(len(part.ends)))
    return sorted(i for i in found if i < len(parts[0].own))


Saved = Sequence[Sequence[Value]]


def kept_of_branches(
    branches: Sequence[Pushed], parts: Sequence[Joint], needed: Sequence[int]
) -> tuple[list[int], Saved] | None:
    """What branches keep for their tangents, if it is less than what these read.

    So of an array that is carried from turn to turn, and read at one place, a loop
    keeps the element.

    Returns:
        Which parameters are read still, and what each branch gives beside its results.
    """
    read: set[int] = set()
    saved: list[list[Value]] = []
    for branch, part in zip(branches, parts, strict=True):
        whole = Function("joint", (*part.own, *part.given), tuple(part.ends))
        linear = dependent(whole.values, part.given)
        kept = saved_of_turn(whole, linear, ())
        read.update(i for i, own in enumerate(branch.parameters) if own in kept)
        saved.append([v for v in kept if v not in branch.parameters])
    bytes_kept = sum(bytes_of(v) for own in saved for v in own)
    bytes_kept += sum(bytes_of(parts[0].own[i]) for i in read)
    if bytes_kept >= sum(bytes_of(parts[0].own[i]) for i in needed):
        return None
    return sorted(read), saved


def or_zeros(builder: Builder, saved: Saved, own: Sequence[Value]) -> list[Value]:
    """What is saved of all branches, zeros in the place of that of others."""
    return [
        value if one is own else zeros_like(builder, value)
        for one in saved
        for value in one
    ]


def tangents_alone(
    part: Joint,
    needed: Sequence[int],
    saved: Saved = (),
    own: Sequence[Value] = (),
) -> Function:
    """A region that computes tangents, from parameters and what was saved."""
    builder = Builder(part.facts)
    read = [part.own[i] for i in needed]
    inside = copies(builder, read, "a")
    given = dict(zip(read, inside, strict=True))
    for one in saved:
        copied = copies(builder, one, "r")
        inside += copied
        if one is own:
            given.update(zip(one, copied, strict=True))
    directions = copies(builder, part.given, "d")
    given.update(zip(part.given, directions, strict=True))
    results = extract(builder, part.ends, given)
    return Function("body", (*inside, *directions), tuple(results))
