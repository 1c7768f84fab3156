"""Where the threads of a block have to wait for each other.

Between two barriers the threads of a block run in any order. So a barrier stands
wherever a statement touches memory that another thread may have touched since the
last one, and one of the two writes. Each barrier costs the whole block a wait, so none
stands elsewhere: a thread that reads again what it stored itself needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from penstock.backends.cuda.threads import ThreadMap
from penstock.ir.loop.node import (
    Block,
    Buffer,
    For,
    If,
    Let,
    Load,
    Scalar,
    Statement,
    Store,
)

__all__ = ["Barriers", "Hazard"]

# Who touches memory: the first thread of the block, all threads, or the threads of a
# vector loop, each its own places.
_FIRST, _ALL, _OWN = "first", "all", "own"

# An axis whose index is that of the vector loop, with the loop's start and step: of
# two accesses with such an axis in common, those to one place are the same thread's.
_Axis = tuple[int, object, int]


@dataclass(frozen=True)
class _Access:
    """What a statement does to a Buffer, or to the exchange of a vector loop.

    ``memory`` is a Buffer, or the loop whose shared memory holds a part of each total
    for every warp.
    """

    memory: Buffer | For
    writes: bool
    who: str
    axes: frozenset[_Axis] = frozenset()

    def meets(self, other: _Access) -> bool:
        """Whether two threads may touch one place, and one of them writes."""
        if self.memory is not other.memory or not (self.writes or other.writes):
            return False
        if self.who == other.who == _FIRST:
            return False
        return self.axes.isdisjoint(other.axes)


@dataclass(frozen=True)
class Hazard:
    """Why a barrier is needed.

    Attributes:
        memory: what two threads touch: a Buffer, or the totals of a vector loop.
        kind: ``"read"`` if it is about to be read and was written, ``"write"`` if it is
            about to be written.
    """

    memory: Buffer | For
    kind: str


_Pending = frozenset[_Access]
_NOTHING: _Pending = frozenset()


class Barriers:
    """The barriers of a Kernel.

    Args:
        threads: which threads run what.

    Attributes:
        before: the statements before which a barrier stands, and why.
        exchange: the vector loops whose totals need one more barrier, before the
            parts of the totals are written, and why.
    """

    def __init__(self, threads: ThreadMap) -> None:
        self.threads = threads
        self.before: dict[Statement, Hazard] = {}
        self.exchange: dict[For, Hazard] = {}
        if not threads.by_rows:
            self._block(threads.kernel.body, _NOTHING)

    def _block(self, block: Block, pending: _Pending) -> _Pending:
        """What may be under way after a block, given what may be before it."""
        for statement in block.statements:
            if isinstance(statement, For):
                pending = self._loop(statement, pending)
            elif isinstance(statement, If):
                pending |= self._block(statement.body, pending)
            elif isinstance(statement, Load | Store):
                # Outside vector loops one thread stores; loads are everybody's.
                who = _ALL if isinstance(statement, Load) else _FIRST
                accesses = self._accesses([statement], who)
                pending = self._step(statement, accesses, pending)
        return pending

    def _loop(self, loop: For, pending: _Pending) -> _Pending:
        if loop.kind == "vector":
            accesses = self._accesses(loop.body.walk(), _OWN, loop)
            pending = self._step(loop, accesses, pending)
        elif loop in self.threads.solo:
            accesses = self._accesses(loop.body.walk(), _FIRST)
            pending = self._step(loop, accesses, pending)
        else:
            pending = self._repeated(loop, pending)
        if loop not in self.threads.gathering:
            return pending
        write = _Access(loop, True, _OWN)
        if any(access.meets(write) for access in pending):
            self.exchange[loop] = Hazard(loop, "write")
        # The totals are read after a barrier of their own, which all else waits for.
        return frozenset({_Access(loop, False, _ALL)})

    def _repeated(self, loop: For, pending: _Pending) -> _Pending:
        """What one iteration leaves under way the next one meets.

        Iterations of the parallel loop share no place of a Buffer, but do share the
        memory of exchanges.
        """
        while True:
            known = len(self.before) + len(self.exchange)
            after = self._block(loop.body, pending)
            if loop.kind == "parallel":
                after = frozenset(a for a in after if isinstance(a.memory, For))
            if after <= pending and known == len(self.before) + len(self.exchange):
                return pending
            pending |= after

    def _step(
        self, statement: Statement, accesses: Iterable[_Access], pending: _Pending
    ) -> _Pending:
        new = frozenset(accesses)
        if statement not in self.before:
            met = [a for a in new if any(a.meets(b) for b in pending)]
            if met:
                # A reading statement names what it reads, which is the clearer reason.
                chosen = min(met, key=lambda a: (a.writes, _name(a.memory)))
                kind = "write" if chosen.writes else "read"
                self.before[statement] = Hazard(chosen.memory, kind)
        if statement in self.before:
            return new
        return pending | new

    def _accesses(
        self, statements: Iterable[Statement], who: str, loop: For | None = None
    ) -> Iterator[_Access]:
        """What statements do to Buffers that are written at all."""
        for statement in statements:
            if not isinstance(statement, Load | Store):
                continue
            if isinstance(statement, Load) and self._is_dead(statement):
                continue
            if statement.buffer.mode != "in":
                axes = () if loop is None else self._axes(statement, loop)
                writes = isinstance(statement, Store)
                yield _Access(statement.buffer, writes, who, frozenset(axes))

    def _is_dead(self, load: Load) -> bool:
        return load.result not in self.threads.live

    def _axes(self, access: Load | Store, loop: For) -> Iterator[_Axis]:
        start = self._identity(loop.start)
        if start is None:
            return
        for axis, index in enumerate(access.indices):
            if index is loop.index:
                yield axis, start, loop.step

    def _identity(self, start: Scalar) -> object:
        """A key equal for loops that start at the same number; None if not known."""
        definition = start.definition
        if isinstance(definition, Let) and definition.primitive == "const":
            return int(definition.value)
        # Inside a serial loop the same Scalar is another number each time.
        outermost = 0 if self.threads.parallel is None else 1
        return start if self.threads.depths[start] <= outermost else None


def _name(memory: Buffer | For) -> str:
    return memory.name if isinstance(memory, Buffer) else ""
