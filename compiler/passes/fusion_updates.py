"""Arrays of which a part is written: what is computed where it is written.

An array that only the writing reads is computed by the same kernel, element by
element, and never lies in memory.
"""

from __future__ import annotations

from penstock.ir.graph.value import Function, Value
from penstock.ir.guards import Facts
from penstock.ir.ops.families import Elementwise

__all__ = ["is_moved_within", "written_only"]

# Elements that a writing may leave along an axis, where its kernel goes through all.
_MOST_LEFT = 4


def written_only(function: Function, facts: Facts) -> frozenset[Value]:
    """Values that are computed from others only to be written into most of an array."""
    users = function.uses()
    found: set[Value] = set()
    for value in reversed(function.values):
        if not issubclass(value.op, Elementwise) or value in function.results:
            continue
        if len(users[value]) != 1:
            continue
        (user,) = users[value]
        if user in found or (user.is_op("update_slice") and covers_most(user, facts)):
            found.add(value)
    return frozenset(found)


def covers_most(update: Value, facts: Facts) -> bool:
    """Whether nearly all elements of an array are written.

    A kernel that goes through all of them then computes little that nobody needs.
    """
    sizes = update.attributes["size"]
    assert isinstance(sizes, tuple)
    for whole, size in zip(update.shape, sizes, strict=True):
        left = facts.number(whole - size)
        if left is None:
            return False
        if left > _MOST_LEFT and not (isinstance(whole, int) and 2 * left <= whole):
            return False
    return True


def is_moved_within(value: Value, users: list[Value], facts: Facts) -> bool:
    """Whether a slice of an array is written to a small part of the same array.

    Stored by itself first, it lets the part be written where the array lies.
    """
    if not value.is_op("slice") or len(users) != 1:
        return False
    (user,) = users
    return (
        user.is_op("update_slice")
        and user.operands[0] is value.operands[0]
        and not covers_most(user, facts)
    )
