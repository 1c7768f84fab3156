"""What holds in vector loops: which Scalars differ between lanes, and how sums form.

A vector loop runs several iterations, its lanes, at a time. Control must be the same
in all of them, and a carried value becomes one partial result for each lane, which
the loop's ``combine`` joins at the end.
"""

from __future__ import annotations

from collections.abc import Iterable

from penstock.ir.loop.node import (
    Block,
    Carry,
    Check,
    For,
    If,
    Let,
    Load,
    Scalar,
    Statement,
    Store,
)

__all__ = ["broken_vector_rule", "varying_scalars"]

Broken = tuple[str, Statement]


def varying_scalars(loop: For) -> set[Scalar]:
    """The Scalars that differ between the lanes of a vector loop."""
    varying = {loop.index, *(carry.parameter for carry in loop.carries)}
    while True:
        before = len(varying)
        _spread(loop.body, varying)
        # A serial loop inside may carry what varies back to where it starts.
        if len(varying) == before:
            return varying


def _spread(block: Block, varying: set[Scalar]) -> None:
    for statement in block.statements:
        if isinstance(statement, Let):
            if not varying.isdisjoint(statement.operands):
                varying.add(statement.result)
        elif isinstance(statement, Load):
            if not varying.isdisjoint(_address(statement)):
                varying.add(statement.result)
        elif isinstance(statement, For):
            for carry in statement.carries:
                if carry.initial in varying or carry.update in varying:
                    varying |= {carry.parameter, carry.result}
        if isinstance(statement, For | If):
            _spread(statement.body, varying)
        if isinstance(statement, For):
            for carry in statement.carries:
                if carry.update in varying:
                    varying |= {carry.parameter, carry.result}


def _address(access: Load | Store) -> tuple[Scalar, ...]:
    if access.predicate is None:
        return access.indices
    return (*access.indices, access.predicate)


def broken_vector_rule(loop: For) -> Broken | None:
    """What a vector loop does that lanes cannot, and the statement that does it."""
    varying = varying_scalars(loop)
    for statement in loop.body.walk():
        problem = ""
        if isinstance(statement, For):
            if statement.kind != "serial":
                problem = f"a {statement.kind} loop is inside a vector loop"
            elif statement.start in varying or statement.stop in varying:
                problem = "its bounds differ between the lanes of a vector loop"
            elif statement.test is not None and statement.test.parameter in varying:
                problem = "its test differs between the lanes of a vector loop"
        elif isinstance(statement, If):
            if statement.condition in varying:
                problem = "its condition differs between the lanes of a vector loop"
        elif isinstance(statement, Store) and varying.isdisjoint(_address(statement)):
            problem = "all lanes of a vector loop store to one place"
        if problem:
            return problem, statement
    for carry in loop.carries:
        broken = _broken_combination(loop, carry)
        if broken is not None:
            return broken
    return None


def _broken_combination(loop: For, carry: Carry) -> Broken | None:
    """Where a carried value is used otherwise than to combine something into it."""
    partial = {carry.parameter}
    broken = _follow(loop.body, carry, partial)
    if broken is None and not _goes_on(carry.update, carry, partial):
        return f"its update does not {carry.combine} into the carried value", loop
    return broken


def _follow(block: Block, carry: Carry, partial: set[Scalar]) -> Broken | None:
    """Add to ``partial`` what holds the carried value with more combined into it."""
    for statement in block.statements:
        if isinstance(statement, Let):
            used = [operand in partial for operand in statement.operands]
            if any(used):
                if not _combines(statement.primitive, carry.combine, used):
                    return (
                        f"it does not {carry.combine} into a carried value",
                        statement,
                    )
                partial.add(statement.result)
        elif isinstance(statement, For):
            broken = _follow_loop(statement, carry, partial)
            if broken is not None:
                return broken
        elif not partial.isdisjoint(_operands(statement)):
            return "it reads a carried value of a vector loop", statement
        elif isinstance(statement, If):
            broken = _follow(statement.body, carry, partial)
            if broken is not None:
                return broken
    return None


def _follow_loop(loop: For, carry: Carry, partial: set[Scalar]) -> Broken | None:
    """A serial loop inside that goes on combining into the carried value."""
    inner = [c for c in loop.carries if c.initial in partial]
    partial.update(c.parameter for c in inner)
    broken = _follow(loop.body, carry, partial)
    if broken is not None:
        return broken
    for c in loop.carries:
        goes_on = _goes_on(c.update, carry, partial)
        if not goes_on if c in inner else c.update in partial:
            return f"it does not {carry.combine} into a carried value", loop
    partial.update(c.result for c in inner)
    return None


def _goes_on(update: Scalar | None, carry: Carry, partial: set[Scalar]) -> bool:
    """Whether a loop hands on the carried value, with more combined into it."""
    if update is None or update in partial:
        return update is not None
    # Zero is what a builder makes of any product with zero.
    let = update.definition
    is_zero = isinstance(let, Let) and let.primitive == "const" and let.value == 0
    return carry.combine == "mul" and is_zero


def _operands(statement: Statement) -> Iterable[Scalar]:
    if isinstance(statement, Load):
        return _address(statement)
    if isinstance(statement, Store):
        return (*_address(statement), statement.value)
    if isinstance(statement, Check):
        return (statement.condition, statement.detail)
    return (statement.condition,) if isinstance(statement, If) else ()


def _combines(primitive: str, combine: str | None, used: list[bool]) -> bool:
    """Whether a primitive adds to a partial result, given which operands hold it."""
    if primitive == "select":
        # Of lanes where there is nothing to combine.
        return used == [False, True, True]
    if primitive == "fma":
        return combine == "add" and used == [False, False, True]
    if primitive == "sub":
        return combine == "add" and used == [True, False]
    return primitive == combine and used.count(True) == 1
