"""How many lanes a vector loop has, and how many vectors it keeps in flight."""

from __future__ import annotations

from penstock.ir.loop.node import Check, For, Let, Load, Store
from penstock.ir.loop.primitive import PRIMITIVES
from penstock.ir.ops.tile import REGISTERS_BESIDE
from penstock.ir.types import i64
from penstock.runtime.machine import Machine

__all__ = ["lanes_of", "may_overlap", "registers_of", "unroll_of"]

_MOST_LANES = 64
_SHORT_BODY = 48


def lanes_of(machine: Machine, loop: For) -> int:
    """Lanes that fill a register with the widest numbers that the loop handles.

    Indices do not count: they are kept as one number and a stride.
    """
    widest = 1
    for statement in loop.body.walk():
        if isinstance(statement, (Load, Store)):
            widest = max(widest, statement.buffer.dtype.compute.itemsize)
        elif isinstance(statement, Let) and statement.result.dtype is not i64:
            widest = max(widest, statement.result.dtype.compute.itemsize)
    for carry in loop.carries:
        widest = max(widest, carry.result.dtype.compute.itemsize)
    return min(machine.vector_bytes // widest, _MOST_LANES)


def unroll_of(loop: For) -> int:
    """Copies of the body in the main loop.

    Sums wait for their last addition, so several run side by side; short bodies pay
    for the loop around them. Long bodies fill the machine alone, and every copy costs
    compile time.
    """
    if loop.unroll:
        return loop.unroll
    if any(isinstance(statement, For) for statement in loop.body.walk()):
        return 1
    flops = _flops(loop)
    if flops <= 8:
        return 4
    return 2 if flops <= 24 else 1


def registers_of(machine: Machine, loop: For) -> int:
    """How many registers side by side the lanes of the main loop fill.

    A loop within the vector loop, such as the sum of a contraction, waits for its last
    addition in each lane; with several registers it has something to do meanwhile.
    """
    inner = [s for s in loop.body.walk() if isinstance(s, For)]
    is_sum = len(inner) > 0 and all(s.kind == "serial" and s.carries for s in inner)
    if not is_sum or loop.carries or _flops(loop) > _SHORT_BODY:
        return 1
    room = machine.vector_registers - REGISTERS_BESIDE
    sums = max(len(s.carries) for s in inner)
    most = max(room // sums, 1)
    carries_bools = any(c.result.dtype.kind == "b" for s in inner for c in s.carries)
    if carries_bools and machine.vector_bytes < 64:
        # LLVM keeps a bool of each lane in a byte, and takes more than a register of
        # them from one turn to the next one by one.
        most = min(most, machine.vector_bytes // lanes_of(machine, loop))
    return next(count for count in (4, 2, 1) if count <= most)


def may_overlap(loop: For) -> bool:
    """Whether to compute again, with the last vector, what another has stored.

    Of an iteration with a loop inside, which takes as long for one lane as for a
    vector of them; where it is the first to write what it reads of its results, it
    stores the same a second time.
    """
    statements = list(loop.body.walk())
    return (
        not loop.carries
        and any(isinstance(s, For) for s in statements)
        and not any(
            isinstance(s, Check) or (isinstance(s, Store) and s.buffer.mode != "out")
            for s in statements
        )
    )


def _flops(loop: For) -> int:
    """What the body computes; a comparison takes as long as a sum."""
    return sum(
        PRIMITIVES[statement.primitive].flops
        + (PRIMITIVES[statement.primitive].result == "bool")
        for statement in loop.body.walk()
        if isinstance(statement, Let) and statement.primitive in PRIMITIVES
    )
