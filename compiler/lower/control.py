"""Control flow of a fused Function as statements of a Plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.ir.dims import substitute_dim
from penstock.ir.graph.value import Function, Value
from penstock.ir.plan.node import (
    Element,
    PlanBind,
    PlanBuffer,
    PlanIf,
    PlanLoop,
    PlanStatement,
    PlanWhile,
    RunError,
    Swap,
)
from penstock.ir.types import TensorType, bool_, i64

if TYPE_CHECKING:
    from penstock.lower.plan import PlanBuilder

__all__ = ["CONTROL", "lower_control"]

CONTROL = frozenset({"bind", "if", "while", "loop", "recompute"})

Wanted = Sequence[PlanBuffer | None]

# How often a loop of unknown length is taken to run, where work is estimated.
_TURNS = 1000


def lower_control(plan: PlanBuilder, value: Value, wanted: Wanted) -> list[PlanBuffer]:
    """Lower one Value of control flow.

    Args:
        plan: what is being built.
        value: the Value, its operands in memory.
        wanted: where its results belong; ``None`` for wherever they are.

    Returns:
        Where its results are.
    """
    if value.is_op("if"):
        return _lower_if(plan, value, wanted)
    if value.is_op("while"):
        return _lower_while(plan, value, wanted)
    if value.is_op("loop"):
        return _lower_loop(plan, value, wanted)
    if value.is_op("bind"):
        return _lower_bind(plan, value, wanted)
    (body,) = value.regions
    operands = [plan.buffer_of[operand] for operand in value.operands]
    _bind(plan, body, operands)
    buffers = _targets(plan, body.results, wanted)
    return plan.lower_body(body, buffers)


def _bind(plan: PlanBuilder, region: Function, buffers: Sequence[PlanBuffer]) -> None:
    plan.buffer_of.update(zip(region.parameters, buffers, strict=True))


def _targets(
    plan: PlanBuilder, results: Sequence[Value], wanted: Wanted
) -> list[PlanBuffer]:
    """Memory for results that have no place yet."""
    return [
        plan.temporary(_normal(plan, result)) if buffer is None else buffer
        for result, buffer in zip(results, wanted, strict=True)
    ]


def _normal(plan: PlanBuilder, value: Value) -> TensorType:
    """A Value's type, its sizes as the facts have them."""
    type_ = plan.facts.normalize_type(value.type)
    assert isinstance(type_, TensorType)
    return type_


@contextmanager
def _within(plan: PlanBuilder) -> Iterator[list[PlanStatement]]:
    """What is lowered goes to a body of its own."""
    outer, plan.body = plan.body, []
    try:
        yield plan.body
    finally:
        plan.body = outer


def _lower_if(plan: PlanBuilder, value: Value, wanted: Wanted) -> list[PlanBuffer]:
    condition, *operands = (plan.buffer_of[operand] for operand in value.operands)
    results = _targets(plan, value.regions[0].results, wanted)
    bodies = []
    for region in value.regions:
        with _within(plan) as body:
            _bind(plan, region, operands)
            plan.lower_body(region, results)
        bodies.append(body)
    plan.body.append(PlanIf(condition, *bodies))
    return results


class _State:
    """What goes from turn to turn, each in memory of its own.

    A turn writes the next value beside the present one, then they change places; where
    it only updates an array that nothing reads after, it does so in place, and in the
    memory of the operand if nothing reads that after the loop.

    Args:
        plan: what is being built.
        operands: what is carried into the first turn.
        wanted: where the results belong; ``None`` for wherever they are.
        body: of the loop.
        first: the number of its first parameter that is carried.
    """

    def __init__(
        self,
        plan: PlanBuilder,
        operands: Sequence[Value],
        wanted: Wanted,
        body: Function,
        first: int,
    ) -> None:
        self.plan = plan
        self.now: list[PlanBuffer] = []
        # Where the next values go; nowhere if they stay what they are.
        self.next: list[PlanBuffer | None] = []
        for i, operand in enumerate(operands):
            source = plan.buffer_of[operand]
            if body.results[i] is body.parameters[first + i]:
                self.now.append(source)
                self.next.append(None)
                continue
            type_ = plan.facts.normalize_type(source.type)
            assert isinstance(type_, TensorType)
            if plan.memory.updated_parameter(body, i) == first + i:
                target = wanted[i] or plan.temporary(type_)
                plan.copy(source, target)
                self.now.append(target)
                self.next.append(target)
                continue
            self.now.append(plan.temporary(type_))
            plan.copy(source, self.now[-1])
            self.next.append(plan.temporary(type_))

    def swap(self) -> None:
        """What was written becomes the present."""
        for first, second in zip(self.now, self.next, strict=True):
            if second is not None and second is not first:
                self.plan.body.append(Swap(first, second))

    def finish(self, wanted: Wanted) -> list[PlanBuffer]:
        """Where the values are in the end."""
        found = []
        for buffer, target in zip(self.now, wanted, strict=True):
            if target is not None:
                self.plan.copy(buffer, target)
            found.append(target or buffer)
        return found


def _lower_while(plan: PlanBuilder, value: Value, wanted: Wanted) -> list[PlanBuffer]:
    cond, body = value.regions
    state = _State(plan, value.operands, wanted, body, 0)
    holds = plan.temporary(TensorType(bool_))
    before_work, plan.work = plan.work, 0
    with _within(plan) as before:
        _bind(plan, cond, state.now)
        plan.lower_body(cond, [holds])
    with _within(plan) as statements:
        _bind(plan, body, state.now)
        plan.lower_body(body, state.next)
        state.swap()
    plan.work = plan.work * _TURNS + before_work
    plan.body.append(PlanWhile(before, holds, statements))
    return state.finish(wanted)


def _lower_loop(plan: PlanBuilder, value: Value, wanted: Wanted) -> list[PlanBuffer]:
    (body,) = value.regions
    attributes = value.attributes
    trip, carried, sliced = (attributes[k] for k in ("trip", "carried", "sliced"))
    assert isinstance(carried, int)
    assert isinstance(sliced, int)
    state = _State(plan, value.operands[:carried], wanted, body, 1)
    arguments = [plan.buffer_of[operand] for operand in value.operands[carried:]]
    types = [
        result.tensor.with_shape((trip, *result.tensor.shape))
        for result in body.results[carried:]
    ]
    stacks = [
        plan.temporary(type_) if buffer is None else buffer
        for type_, buffer in zip(types, wanted[carried:], strict=True)
    ]
    counter = PlanBuffer("i", TensorType(i64), "counter")
    before_work, plan.work = plan.work, 0
    with _within(plan) as statements:
        slices = [
            _element(plan, whole, counter, parameter)
            for whole, parameter in zip(
                arguments[:sliced], body.parameters[1 + carried :], strict=False
            )
        ]
        rows = [
            _element(plan, whole, counter, result)
            for whole, result in zip(stacks, body.results[carried:], strict=True)
        ]
        _bind(plan, body, [counter, *state.now, *slices, *arguments[sliced:]])
        plan.lower_body(body, [*state.next, *rows])
        state.swap()
    plan.work = plan.work * trip + before_work
    plan.body.append(PlanLoop(counter, trip, statements, bool(attributes["reverse"])))
    return state.finish(wanted[:carried]) + stacks


def _lower_bind(plan: PlanBuilder, value: Value, wanted: Wanted) -> list[PlanBuffer]:
    (body,) = value.regions
    number, *operands = (plan.buffer_of[operand] for operand in value.operands)
    symbol = str(value.attributes["symbol"])
    results = _targets(plan, body.results, wanted)
    before_work, plan.work = plan.work, 0
    with _within(plan) as statements:
        _bind(plan, body, operands)
        plan.lower_body(body, results)
    plan.work = substitute_dim(plan.work, {symbol: _TURNS}) + before_work
    errors = (
        RunError(
            "negative-size", f"the size {symbol} is {{value}}, below 0", value.loc,
            "RunError",
        ),
        RunError(
            "out-of-memory",
            f"there are no {{value}} bytes of memory for what depends on {symbol}",
            value.loc, "OutOfMemoryError",
        ),
    )  # fmt: skip
    negative, memory = map(plan.errors.number, errors)
    plan.body.append(PlanBind(number, symbol, statements, (negative, memory)))
    return results


def _element(
    plan: PlanBuilder, whole: PlanBuffer, counter: PlanBuffer, value: Value
) -> PlanBuffer:
    """The part of an array that a turn sees, of a Value's type."""
    buffer = PlanBuffer("e", _normal(plan, value), "element", whole.strided)
    plan.body.append(Element(buffer, whole, counter))
    return buffer
