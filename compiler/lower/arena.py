"""Where temporaries lie in memory: an arena by their lifetimes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from penstock.ir.dims import Size, without_constant
from penstock.ir.guards import Facts
from penstock.ir.plan.node import (
    Alloc,
    Element,
    Free,
    Launch,
    PlanBind,
    PlanBuffer,
    PlanIf,
    PlanLoop,
    PlanStatement,
    PlanWhile,
    Swap,
    walk,
)
from penstock.ir.record import Node

__all__ = ["lay_out_arena"]

_ALIGNMENT = 64


def lay_out_arena(
    body: Sequence[PlanStatement], temporaries: Sequence[PlanBuffer], facts: Facts
) -> tuple[list[PlanStatement], Size]:
    """Place temporaries so that those that live at different times share memory.

    Returns:
        The statements with an Alloc before the first use of each temporary and a Free
        after its last, and the size of the arena in bytes.
    """
    wanted = set(temporaries)
    wanted -= _lay_out_blocks(body, wanted, facts)
    first: dict[PlanBuffer, int] = {}
    last: dict[PlanBuffer, int] = {}
    used = [_used(statement) for statement in body]
    for position, buffers in enumerate(used):
        for buffer in buffers:
            if buffer in wanted:
                first.setdefault(buffer, position)
                last[buffer] = position
    for one in walk(list(body)):
        if isinstance(one, Swap) and one.first in last:
            # Each may be where the other was: they live and die together.
            pair = (one.first, one.second)
            last.update(dict.fromkeys(pair, max(last[buffer] for buffer in pair)))
    wanted_until: dict[int, list[PlanBuffer]] = {}
    for buffer in first:
        wanted_until.setdefault(last[buffer], []).append(buffer)
    arena = _Arena(facts)
    laid_out: list[PlanStatement] = []
    for position, statement in enumerate(body):
        own = [buffer for buffer in used[position] if buffer in wanted]
        laid_out += [
            Alloc(buffer, arena.take(buffer))
            for buffer in own
            if first[buffer] == position
        ]
        laid_out.append(statement)
        for buffer in wanted_until.get(position, ()):
            laid_out.append(Free(buffer))
            arena.give_back(buffer)
    return laid_out, arena.size


def _lay_out_blocks(
    body: Sequence[PlanStatement], wanted: set[PlanBuffer], facts: Facts
) -> set[PlanBuffer]:
    """Place what only the body of one ``PlanBind`` uses in the block of that.

    Returns:
        Those of the temporaries that have a place by that.
    """
    binds = [s for s in _around_binds(body) if isinstance(s, PlanBind)]
    if not binds:
        return set()
    # What of each temporary says that it lives outside: uses there, or in two.
    shared: set[PlanBuffer] = set()
    for statement in _around_binds(body):
        shared.update(_touched(statement))
    inside: list[set[PlanBuffer]] = []
    for bind in binds:
        own = {b for one in walk(bind.body) for b in _touched(one)}
        for other in inside:
            shared |= own & other
        inside.append(own)
    for one in walk(body):
        # What changes places lies in the same memory.
        if isinstance(one, Swap) and {one.first, one.second} & shared:
            shared |= {one.first, one.second}
    placed: set[PlanBuffer] = set()
    for bind, own in zip(binds, inside, strict=True):
        mine = (own & wanted) - shared
        ordered = [buffer for one in bind.body for buffer in _used(one)]
        bind.body, bind.arena = lay_out_arena(
            bind.body, [b for b in dict.fromkeys(ordered) if b in mine], facts
        )
        placed |= mine
    return placed


def _around_binds(body: Iterable[PlanStatement]) -> Iterator[PlanStatement]:
    """All statements but those within a ``PlanBind``."""
    for statement in body:
        yield statement
        if isinstance(statement, PlanIf):
            yield from _around_binds((*statement.then, *statement.otherwise))
        elif isinstance(statement, PlanWhile):
            yield from _around_binds((*statement.before, *statement.body))
        elif isinstance(statement, PlanLoop):
            yield from _around_binds(statement.body)


def _touched(one: PlanStatement) -> tuple[PlanBuffer, ...]:
    """The arrays that a statement itself touches, but not those within it."""
    if isinstance(one, Launch):
        return one.arguments
    if isinstance(one, (PlanIf, PlanWhile)):
        return (one.condition,)
    if isinstance(one, PlanBind):
        return (one.number,)
    if isinstance(one, Element):
        return (one.whole,)
    if isinstance(one, Swap):
        return (one.first, one.second)
    return ()


def _used(statement: PlanStatement) -> list[PlanBuffer]:
    """The arrays that a statement touches, and those within it."""
    return list(dict.fromkeys(b for one in walk([statement]) for b in _touched(one)))


class _Place(Node):
    """Memory of the arena: so many bytes from the offset on, but for a common part."""

    constant: int
    offset: Size


class _Arena:
    """Memory for temporaries.

    A temporary takes over the smallest place of a dead one that is known to be large
    enough: by as many bytes or by a constant more, since sizes may be symbolic. Else
    it gets a new place at the end.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.size: Size = 0
        self.free: dict[Size, list[_Place]] = {}
        self.taken: dict[PlanBuffer, _Place] = {}

    def take(self, buffer: PlanBuffer) -> Size:
        """A place for a temporary: its offset."""
        symbolic, constant = without_constant(self.bytes(buffer))
        places = self.free.setdefault(symbolic, [])
        place = min(
            (place for place in places if place.constant >= constant),
            key=lambda place: place.constant,
            default=None,
        )
        if place is None:
            place = _Place(constant, self.size)
            room = (self.bytes(buffer) + (_ALIGNMENT - 1)) // _ALIGNMENT * _ALIGNMENT
            self.size = room + self.size
        else:
            places.remove(place)
        self.taken[buffer] = place
        return place.offset

    def bytes(self, buffer: PlanBuffer) -> Size:
        """How much a temporary needs, as short as the facts allow."""
        return self.facts.normalize(buffer.type.size * buffer.type.dtype.itemsize)

    def give_back(self, buffer: PlanBuffer) -> None:
        """The temporary is dead."""
        symbolic, _ = without_constant(self.bytes(buffer))
        self.free[symbolic].append(self.taken.pop(buffer))
