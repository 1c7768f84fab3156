"""Which arrays are updated where they lie, and the order of Values that lets them be.

An update of an array nothing reads afterwards needs no copy: of some elements by a
kernel, or by control flow whose regions do no more than that to what they are given.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.ir.graph.value import Function, Value
from penstock.ir.ops.index import Scatter
from penstock.ir.types import TensorType
from penstock.lower.control import CONTROL
from penstock.lower.updated import updated_array

__all__ = ["InPlace"]

_Users = dict[Value, list[Value]]


class InPlace:
    """Answers for the Functions of one Plan.

    Functions are immutable, so each is looked at once.
    """

    def __init__(self) -> None:
        self._orders: dict[Function, tuple[Value, ...]] = {}
        self._updates: dict[Function, dict[Value, Value]] = {}

    def order(self, function: Function) -> tuple[Value, ...]:
        """The Values of a fused Function, updates of an array after what reads it."""
        self._look_at(function)
        return self._orders[function]

    def updates(self, function: Function) -> dict[Value, Value]:
        """For each Value that may lie where an array lay, that array."""
        self._look_at(function)
        return self._updates[function]

    def updated_parameter(self, function: Function, number: int) -> int | None:
        """The parameter in whose memory a result of a Function may lie."""
        updates = self.updates(function)
        value = function.results[number]
        if function.results.count(value) > 1:
            return None
        while value in updates:
            value = updates[value]
        if value not in function.parameters:
            return None
        return function.parameters.index(value)

    def _look_at(self, function: Function) -> None:
        if function in self._orders:
            return
        users = function.uses()
        # What must run before a Value beside its operands.
        before: _Users = {}
        updates: dict[Value, Value] = {}
        for value in function.values:
            array = self._updated(value)
            if array is None or array in function.results:
                continue
            maker = _maker(value)
            found = _readers(array, users)
            if found is None or any(end in function.results for end in found[1]):
                continue
            others = [user for user in found[0] if user is not maker]
            if len(others) < len(found[0]) - 1:
                continue  # it reads the array in another shape too
            if others and _depends(others, maker, before):
                continue
            before[maker] = [*before.get(maker, ()), *others]
            updates[value] = array
        self._updates[function] = updates
        self._orders[function] = _ordered(function, users, before)

    def _updated(self, value: Value) -> Value | None:
        """The array that a Value only updates, if that is all it reads of it."""
        maker = _maker(value)
        if not isinstance(value.type, TensorType):
            return None
        if maker.op.name in CONTROL:
            index = value.attributes["index"] if value.is_op("get") else 0
            position = self._updated_operand(maker, index)
        elif value is maker:
            position = _written_into(value)
        else:
            return None
        if position is None:
            return None
        array = maker.operands[position]
        return array if maker.operands.count(array) == 1 else None

    def _updated_operand(self, value: Value, index: int) -> int | None:
        """The operand of control flow in whose memory a result may lie."""
        if value.op.name in ("loop", "while"):
            # The counter comes first; the condition of a while updates nothing.
            first = 1 if value.is_op("loop") else 0
            carried = value.attributes["carried"] if first else len(value.operands)
            body = value.regions[-1]
            if index >= carried:
                return None
            found = self.updated_parameter(body, index)
            return index if found == first + index else None
        positions = {self.updated_parameter(r, index) for r in value.regions}
        (position,) = positions if len(positions) == 1 else (None,)
        if position is None:
            return None
        return position + (value.op.name in ("if", "bind"))


def _written_into(value: Value) -> int | None:
    """The operand of a cluster that only has some elements replaced."""
    if not value.is_op("cluster"):
        return None
    (body,) = value.regions
    written = updated_array(value)
    if written is not None:
        return body.parameters.index(written)
    if value.attributes["kind"] != "nest":
        return None
    (result,) = body.results[:1]
    if len(body.results) > 1 or not issubclass(result.op, Scatter):
        return None
    array = result.operands[0]
    if array not in body.parameters or body.uses()[array] != [result]:
        return None
    if result.operands.count(array) > 1:
        return None
    return body.parameters.index(array)


def _maker(value: Value) -> Value:
    return value.operands[0] if value.is_op("get") else value


def _readers(array: Value, users: _Users) -> tuple[list[Value], list[Value]] | None:
    """What reads an array, in all its shapes, and those other shapes.

    ``None`` if control flow may give the same memory as a result.
    """
    readers: list[Value] = []
    shapes: list[Value] = []
    pending = [array]
    while pending:
        current = pending.pop()
        for user in users[current]:
            if user.is_op("reshape"):
                shapes.append(user)
                pending.append(user)
            elif user.op.name in ("loop", "while") and _passes_on(user, current):
                return None
            else:
                readers.append(user)
    return readers, shapes


def _passes_on(value: Value, array: Value) -> bool:
    """Whether a loop carries an array and leaves it what it is."""
    body = value.regions[-1]
    first = 1 if value.is_op("loop") else 0
    count = value.attributes["carried"] if first else len(value.operands)
    return any(
        operand is array and body.parameters[first + i] is body.results[i]
        for i, operand in enumerate(value.operands[:count])
    )


def _depends(values: list[Value], on: Value, before: _Users) -> bool:
    """Whether any of some Values must run after another."""
    seen: set[Value] = set()
    pending = list(values)
    while pending:
        value = pending.pop()
        if value is on:
            return True
        if value not in seen:
            seen.add(value)
            pending += value.operands
            pending += before.get(value, ())
    return False


def _ordered(function: Function, users: _Users, before: _Users) -> tuple[Value, ...]:
    """All Values, operands first, and each after what is to run before it."""
    if not any(before.values()):
        return function.values
    done: set[Value] = set(function.parameters)
    order: list[Value] = []

    def needed(value: Value) -> Iterator[Value]:
        yield from value.operands
        yield from before.get(value, ())

    for root in function.values:
        stack = [(root, needed(root))]
        while stack:
            value, rest = stack[-1]
            following = next((v for v in rest if v not in done), None)
            if following is not None:
                stack.append((following, needed(following)))
                continue
            stack.pop()
            if value in done:
                continue
            # What has several results runs where the first of them is taken.
            gets = [u for u in users[value] if u.is_op("get")]
            done.update((value, *gets))
            order += (value, *gets)
    return tuple(order)
