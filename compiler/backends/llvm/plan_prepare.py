"""The entry of an artifact that looks at a call's arguments before it is run.

``penstock_prepare(slots, sizes)`` evaluates guards and sizes, and gives -1 where one
does not fit 64 bits. Slots are 8-byte words: one reserved for the detail of an error;
for each array argument the addresses of its data, sizes and byte strides; for each
integer or float argument its value; for each result its address.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.module import Module, Parameter
from penstock.backends.llvm.operand import Operand
from penstock.backends.llvm.plan_sizes import answered_sizes, asked_of_prepare
from penstock.backends.llvm.sizes import Sizes, emit_guard, emit_overflow, emit_real
from penstock.ir.dims import Dim
from penstock.ir.plan.node import Plan, PlanBuffer
from penstock.ir.reals import Real

__all__ = [
    "PREPARE",
    "Slots",
    "emit_prepare",
    "is_real",
]

PREPARE = "penstock_prepare"


class Slots:
    """Where the words of arguments and results are."""

    def __init__(self, plan: Plan, order: Sequence[str]) -> None:
        self.plan = plan
        self.first: dict[str, int] = {}
        arrays = {p.name: p for p in plan.parameters}
        position = 1
        for name in order:
            self.first[name] = position
            buffer = arrays.get(name)
            # A float argument is f64[] whose word is its value.
            position += 1 if buffer is None or is_real(buffer) else 3
        self.results = position

    def symbols(self, e: Emitter, slots: Operand) -> dict[str, Operand]:
        """Load every symbol that the arguments declare."""
        found: dict[str, Operand] = {}
        for name in self.plan.integers:
            found[name] = self.word(e, slots, self.first[name])
        for buffer in self.plan.parameters:
            sizes: Operand | None = None
            for axis, size in enumerate(buffer.type.shape):
                if not isinstance(size, Dim):
                    continue
                if sizes is None:
                    address = e.element_address(
                        slots, self.first[buffer.name] + 1, "i64"
                    )
                    sizes = e.load(address, "ptr", align=8)
                found[str(size)] = e.load(
                    e.element_address(sizes, axis, "i64"), "i64", align=8
                )
        return found

    def reals(self, e: Emitter, slots: Operand) -> dict[str, Operand]:
        """Load every float argument."""
        return {
            buffer.name: e.load(
                e.element_address(slots, self.first[buffer.name], "i64"), "f64", align=8
            )
            for buffer in self.plan.parameters
            if is_real(buffer)
        }

    def word(self, e: Emitter, slots: Operand, position: int) -> Operand:
        """The word at a position, as a number."""
        return e.load(e.element_address(slots, position, "i64"), "i64", align=8)


def is_real(buffer: PlanBuffer) -> bool:
    """Whether a parameter is a float argument, passed by value."""
    return buffer.role == "real"


def emit_prepare(module: Module, plan: Plan, slots: Slots) -> None:
    """The entry that looks at a call's arguments."""
    # Short and straight: what passes would win here is less than they cost.
    e = module.function(
        PREPARE,
        [Parameter("slots", "ptr"), Parameter("sizes", "ptr")],
        result="i64",
        rare=True,
    )
    words, answers = e.parameters
    sizes = Sizes(e, slots.symbols(e, words))
    reals = slots.reals(e, words)
    for number, guard in enumerate(plan.guards):
        # Those before have held: what this one asks about is meant.
        _leave_if(e, emit_overflow(sizes, (guard.left, guard.right)), -1)
        holds = emit_guard(sizes, guard, reals)
        _leave_if(e, e.bit_not(holds), number + 1)
    _leave_if(e, emit_overflow(sizes, [plan.arena, *asked_of_prepare(plan)]), -1)
    for position, entry in enumerate([plan.arena, plan.work, *answered_sizes(plan)]):
        if isinstance(entry, Real):
            value = emit_real(sizes, entry, reals)
        else:
            value = sizes.emit(entry)
        e.store(value, e.element_address(answers, position, "i64"), align=8)
    e.ret(e.constant(0, "i64"))


def _leave_if(e: Emitter, condition: Operand | None, answer: int) -> None:
    """Return an answer where a condition holds."""
    if condition is None:
        return
    with e.leaving(condition):
        e.ret(e.constant(answer, "i64"))
