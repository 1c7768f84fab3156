"""Runs Plans on NumPy arrays: the meaning of the plan level, and its oracle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from penstock.ir import errors
from penstock.ir.dims import Dim, Size, evaluate_dim
from penstock.ir.errors import PenstockError, RunError, VerifyError
from penstock.ir.loop.evaluate import evaluate_kernel
from penstock.ir.plan import node
from penstock.ir.plan.node import (
    Alloc,
    Element,
    Free,
    Launch,
    Plan,
    PlanBind,
    PlanBuffer,
    PlanIf,
    PlanLoop,
    PlanStatement,
    Swap,
)
from penstock.ir.reals import Real
from penstock.ir.types import text_of_array

__all__ = ["evaluate_plan"]

Array = np.ndarray[Any, Any]

# What memory holds before it is written, so that reading it too early shows.
_GARBAGE = 0xA5


def evaluate_plan(
    plan: Plan,
    arguments: Sequence[Any],
    integers: Mapping[str, int] = {},
    *,
    width: int = 1,
    shuffle: Random | None = None,
) -> tuple[list[Array], list[int | float]]:
    """Run a Plan.

    Args:
        plan: a Plan that verifies.
        arguments: for each parameter an array of its dtype and shape, or a float.
            Only ``strided`` parameters may have gaps or another order of axes.
        integers: the value of each integer argument by name.
        width: lanes that vector loops run at a time.
        shuffle: the order in which to run parallel iterations; in order if not given.

    Returns:
        The results, and the numbers that the Plan returns.

    Raises:
        RunError: an argument does not fit, or a guard does not hold.
        PenstockError: a Kernel reported an error, of the class that the Plan says.
        VerifyError: temporaries overlap or leave the arena, or a Kernel reads or
            writes outside an array.

    Example:
        >>> from penstock.ir.plan.text_parse import parse_plan
        >>> plan = parse_plan('''
        ... plan @f(%x: f32[n]) -> (%y: f32[n]) {
        ...   launch @negate(%x, %y)
        ...   return n
        ... }
        ... kernel @negate(%x: in f32[n], %y: out f32[n], n: index) {
        ...   parallel %i = 0 to n {
        ...     %0 = load %x[%i] : f32
        ...     %1 = neg %0 : f32
        ...     store %1, %y[%i]
        ...   }
        ... }''')
        >>> evaluate_plan(plan, [np.array([1, 2], np.float32)])
        ([array([-1., -2.], dtype=float32)], [2])
    """
    arrays = _bind(plan, arguments)
    sizes = _sizes(plan, arrays, integers)
    reals = {b.name: float(arrays[b]) for b in plan.parameters if b.role == "real"}
    for guard in plan.guards:
        if not guard.holds(sizes, reals):
            raise _misuse(plan, f"the guard {guard} does not hold")
    run = _Run(plan, arrays, sizes, width, shuffle)
    run.body(plan.body)
    numbers = [
        number.evaluate(reals, sizes)
        if isinstance(number, Real)
        else evaluate_dim(number, sizes)
        for number in plan.returned
    ]
    return [run.arrays[buffer] for buffer in plan.results], numbers


def _misuse(plan: Plan, message: str) -> RunError:
    return RunError(None, f"plan @{plan.name}: {message}", code="evaluate")


def _bind(plan: Plan, arguments: Sequence[Any]) -> dict[PlanBuffer, Array]:
    if len(arguments) != len(plan.parameters):
        raise _misuse(
            plan, f"takes {len(plan.parameters)} arguments, not {len(arguments)}"
        )
    arrays = {}
    for buffer, argument in zip(plan.parameters, arguments, strict=True):
        array = np.asarray(argument)
        type_ = buffer.type
        fits = array.ndim == type_.rank and all(
            isinstance(size, Dim) or size == have
            for size, have in zip(type_.shape, array.shape, strict=True)
        )
        if not fits or array.dtype != type_.dtype.numpy:
            have = text_of_array(array)
            raise _misuse(plan, f"the argument {buffer.name} is {have}, not {type_}")
        if not buffer.strided and not array.flags.c_contiguous:
            raise _misuse(plan, f"the argument {buffer.name} must be in C order")
        arrays[buffer] = array
    for buffer in plan.constants:
        assert buffer.data is not None
        arrays[buffer] = buffer.data
    return arrays


def _sizes(
    plan: Plan, arrays: Mapping[PlanBuffer, Array], integers: Mapping[str, int]
) -> dict[str, int]:
    if set(integers) != set(plan.integers):
        raise _misuse(
            plan, f"the integers must be {', '.join(plan.integers) or 'none'}"
        )
    sizes: dict[str, int] = {}
    for buffer in plan.parameters:
        for size, number in zip(buffer.type.shape, arrays[buffer].shape, strict=True):
            if isinstance(size, Dim) and sizes.setdefault(str(size), number) != number:
                raise _misuse(
                    plan, f"the size {size} is both {sizes[str(size)]} and {number}"
                )
    return {**sizes, **integers}


class _Run:
    """One run of a Plan."""

    def __init__(
        self,
        plan: Plan,
        arrays: dict[PlanBuffer, Array],
        sizes: Mapping[str, int],
        width: int,
        shuffle: Random | None,
    ) -> None:
        self.plan = plan
        self.arrays = arrays
        self.sizes = sizes
        self.width = width
        self.shuffle = shuffle
        self.arena = np.full(self.number(plan.arena), _GARBAGE, np.uint8)
        # First and last byte of each temporary that is alive.
        self.places: dict[PlanBuffer, tuple[int, int]] = {}
        for buffer in plan.results:
            self.arrays[buffer] = self.fresh(buffer)

    def number(self, size: Size) -> int:
        return evaluate_dim(size, self.sizes)

    def bytes_of(self, buffer: PlanBuffer) -> int:
        return self.number(buffer.type.size) * buffer.type.dtype.itemsize

    def fresh(self, buffer: PlanBuffer) -> Array:
        memory = np.full(self.bytes_of(buffer), _GARBAGE, np.uint8)
        return self.as_array(buffer, memory)

    def as_array(self, buffer: PlanBuffer, memory: Array) -> Array:
        shape = buffer.type.concrete(self.sizes)
        return memory.view(buffer.type.dtype.numpy).reshape(shape)

    def error(self, message: str) -> VerifyError:
        return VerifyError(None, f"plan @{self.plan.name}: {message}", code="arena")

    def body(self, statements: Iterable[PlanStatement]) -> None:
        for statement in statements:
            if isinstance(statement, Alloc):
                self.alloc(statement)
            elif isinstance(statement, Free):
                del self.places[statement.buffer], self.arrays[statement.buffer]
            elif isinstance(statement, Launch):
                self.launch(statement)
            elif isinstance(statement, PlanLoop):
                self.loop(statement)
            elif isinstance(statement, PlanBind):
                self.bind(statement)
            elif isinstance(statement, Element):
                self.arrays[statement.buffer] = self.part(statement)
            elif isinstance(statement, Swap):
                first, second = statement.first, statement.second
                arrays, places = self.arrays, self.places
                arrays[first], arrays[second] = arrays[second], arrays[first]
                if first in places:
                    # Those from outside of a bind keep their places there.
                    places[first], places[second] = places[second], places[first]
            elif isinstance(statement, PlanIf):
                holds = self.arrays[statement.condition]
                self.body(statement.then if holds else statement.otherwise)
            else:
                self.body(statement.before)
                while self.arrays[statement.condition]:
                    self.body(statement.body)
                    self.body(statement.before)

    def part(self, element: Element) -> Array:
        counter = int(self.arrays[element.counter])
        whole = self.arrays[element.whole]
        shape = element.buffer.type.concrete(self.sizes)
        if whole.flags.c_contiguous:
            size = int(np.prod(shape, dtype=np.int64))
            start = counter * size
            return whole.reshape(-1)[start : start + size].reshape(shape)
        return whole[counter : counter + 1].reshape(shape)

    def loop(self, loop: PlanLoop) -> None:
        turns = range(max(self.number(loop.trip), 0))
        for turn in reversed(turns) if loop.reverse else turns:
            self.arrays[loop.counter] = np.array(turn, np.int64)
            self.body(loop.body)

    def bind(self, bind: PlanBind) -> None:
        number = int(self.arrays[bind.number])
        if number < 0:
            raise _run_error(self.plan.errors[bind.errors[0]], number)
        outside = self.sizes, self.arena, self.places
        self.sizes = {**self.sizes, bind.symbol: number}
        size = self.number(bind.arena)
        try:
            self.arena = np.full(size, _GARBAGE, np.uint8)
        except (MemoryError, ValueError, OverflowError):
            raise _run_error(self.plan.errors[bind.errors[1]], size) from None
        # Elsewhere than what lives outside, so nothing overlaps that.
        self.places = {}
        self.body(bind.body)
        self.sizes, self.arena, self.places = outside

    def alloc(self, alloc: Alloc) -> None:
        buffer = alloc.buffer
        first = self.number(alloc.offset)
        last = first + self.bytes_of(buffer)
        if first < 0 or last > self.arena.size:
            raise self.error(
                f"{buffer.name} is at {first} to {last} of {self.arena.size} bytes"
            )
        if first % buffer.type.dtype.itemsize:
            raise self.error(f"{buffer.name} is at {first}, which is not aligned")
        for other, (start, stop) in self.places.items():
            if max(first, start) < min(last, stop):
                raise self.error(
                    f"{buffer.name} at {first} to {last} overlaps {other.name} "
                    f"at {start} to {stop}"
                )
        self.places[buffer] = (first, last)
        self.arena[first:last] = _GARBAGE
        self.arrays[buffer] = self.as_array(buffer, self.arena[first:last])

    def launch(self, launch: Launch) -> None:
        kernel = launch.kernel
        arrays = []
        sizes = launch.kernel_sizes(self.sizes)
        for buffer, argument in zip(kernel.arguments, launch.arguments, strict=True):
            array = self.arrays[argument]
            shape = buffer.type.concrete(sizes)
            # Only contiguous arrays change their shape, so this is a view.
            arrays.append(array if array.shape == shape else array.reshape(shape))
        failures = evaluate_kernel(
            kernel, arrays, sizes, width=self.width, shuffle=self.shuffle
        )
        if failures:
            number, detail = failures[0]
            raise _run_error(self.plan.errors[number], detail)


def _run_error(error: node.RunError, detail: int) -> PenstockError:
    kind: type[PenstockError] = getattr(errors, error.kind)
    message = error.message.replace("{value}", str(detail))
    return kind(error.loc, message, code=error.code)
