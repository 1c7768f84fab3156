"""Which threads run what: the loops of a Kernel on blocks and threads.

An iteration of the ``parallel`` loop goes to a block, those of a ``vector`` loop to the
threads of that block; what lies around vector loops all threads compute alike, so that
each has it at hand. A Kernel without vector loops gives each thread an iteration of
its parallel loop instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.ir.loop.chain import chain_of
from penstock.ir.loop.node import (
    Block,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Statement,
    Store,
)

__all__ = ["ThreadMap"]


class ThreadMap:
    """Which threads run which statements of a Kernel.

    Attributes:
        parallel: the Kernel's parallel loop.
        by_rows: whether each thread has iterations of the parallel loop to itself.
        solo: serial loops that only the first thread of a block runs: they store, and
            nobody reads what they compute.
        gathering: loops after which the threads join their parts of carried values
            into totals that all of them get.
        continuing: loops that go on with the parts of a gathering loop around them.
        live: the Scalars that something stored, checked or branched on depends on.
        depths: how many statements are around the definition of a Scalar.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.parallel = kernel.parallel
        body = kernel.body if self.parallel is None else self.parallel.body
        self.by_rows = self.parallel is not None and not _has_vectors(body)
        self.live = _live_scalars(kernel.body)
        self.depths: dict[Scalar, int] = {}
        self._measure_depths(kernel.body, 0)
        self.solo: set[For] = set()
        self.gathering: set[For] = set()
        self.continuing: set[For] = set()
        if not self.by_rows:
            self._divide(body)

    def _measure_depths(self, block: Block, depth: int) -> None:
        for statement in block.statements:
            if isinstance(statement, Let | Load):
                self.depths[statement.result] = depth
            elif isinstance(statement, For):
                self.depths[statement.index] = depth + 1
                for carry in statement.carries:
                    self.depths[carry.parameter] = depth + 1
                    self.depths[carry.result] = depth
            if isinstance(statement, For | If):
                self._measure_depths(statement.body, depth + 1)

    def _divide(self, block: Block) -> None:
        """Sort the loops that all threads meet by who runs them."""
        for statement in block.statements:
            if isinstance(statement, If):
                self._divide(statement.body)
            elif isinstance(statement, For):
                chain = chain_of(statement)
                if chain:
                    if statement.carries:
                        self.gathering.add(statement)
                        self.continuing.update(chain[1:])
                elif self._is_solo(statement):
                    self.solo.add(statement)
                else:
                    self._divide(statement.body)

    def _is_solo(self, loop: For) -> bool:
        return (
            any(isinstance(statement, Store) for statement in loop.body.walk())
            and not _has_vectors(loop.body)
            and self.live.isdisjoint(carry.result for carry in loop.carries)
        )


def _has_vectors(block: Block) -> bool:
    return any(isinstance(s, For) and s.kind == "vector" for s in block.walk())


def _live_scalars(block: Block) -> set[Scalar]:
    live: set[Scalar] = set()
    pure: list[Let | Load] = []
    for statement in block.walk():
        if isinstance(statement, Let | Load):
            pure.append(statement)
        else:
            live.update(_operands(statement))
    # Each stands after what it reads, so one pass from the end finds all.
    for statement in reversed(pure):
        if statement.result in live:
            live.update(_operands(statement))
    return live


def _operands(statement: Statement) -> Iterator[Scalar]:
    """The Scalars that a statement reads, those of its body aside."""
    if isinstance(statement, Let):
        yield from statement.operands
    elif isinstance(statement, Load | Store):
        yield from statement.indices
        if statement.predicate is not None:
            yield statement.predicate
        if isinstance(statement, Store):
            yield statement.value
    elif isinstance(statement, Check):
        yield from (statement.condition, statement.detail)
    elif isinstance(statement, If):
        yield statement.condition
    else:
        yield from (statement.start, statement.stop)
        for carry in statement.carries:
            yield carry.initial
            if carry.update is not None:
                yield carry.update
