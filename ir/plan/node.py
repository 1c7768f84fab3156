"""Nodes of the plan level.

A Plan is what runs on the host for one call: it knows every size by then, holds
temporaries in one arena, and launches Kernels in order. One Plan serves all
targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from penstock.ir.dims import Size, evaluate_dim, substitute_dim, symbols_of
from penstock.ir.guards import Guard
from penstock.ir.location import Location
from penstock.ir.loop.node import Kernel
from penstock.ir.reals import Real
from penstock.ir.record import Node, Record
from penstock.ir.types import TensorType

__all__ = [
    "Alloc",
    "Element",
    "Free",
    "Launch",
    "Plan",
    "PlanBind",
    "PlanBuffer",
    "PlanIf",
    "PlanLoop",
    "PlanStatement",
    "PlanWhile",
    "RunError",
    "Swap",
    "walk",
]


class PlanBuffer(Node):
    """An array of the host program.

    Attributes:
        name: as it prints.
        type: dtype and shape.
        role: ``"parameter"``, ``"real"`` (a float argument, ``f64[]``), ``"result"``,
            ``"temporary"``, ``"constant"``, ``"counter"`` (of a loop, ``i64[]``) or
            ``"element"`` (a part of another).
        strided: for a parameter, whether its strides are given at run time; all
            other arrays lie in C order without gaps.
        data: the elements of a constant.
    """

    name: str
    type: TensorType
    role: str
    strided: bool = False
    data: np.ndarray[Any, Any] | None = None


class Alloc(Node):
    """A temporary comes to life, ``offset`` bytes into the arena."""

    buffer: PlanBuffer
    offset: Size


class Free(Node):
    """A temporary is not read any more."""

    buffer: PlanBuffer


class Launch(Node):
    """Run a Kernel on buffers.

    Attributes:
        kernel: its buffers may have other shapes than the arguments (merged axes,
            reshapes), but the same elements.
        arguments: a PlanBuffer for each Buffer of the Kernel.
        chunk: iterations of the parallel loop that one thread takes at a time. It
            depends on sizes alone, so results do not depend on threads.
        renamed: what the Kernel's sizes are here, where it is not the symbol of the
            same name: Kernels that are equal up to names are one.
    """

    kernel: Kernel
    arguments: tuple[PlanBuffer, ...]
    chunk: Size = 1
    renamed: Mapping[str, Size] = MappingProxyType({})

    def size(self, size: Size) -> Size:
        """A size of the Kernel as one of the Plan."""
        return substitute_dim(size, self.renamed) if self.renamed else size

    def kernel_sizes(self, values: Mapping[str, int]) -> Mapping[str, int]:
        """The values of the Kernel's sizes, given those of the Plan's symbols."""
        if not self.renamed:
            return values
        here = {name: evaluate_dim(s, values) for name, s in self.renamed.items()}
        return {**values, **here}


class PlanIf(Node):
    """One of two bodies, by a ``bool[]`` buffer."""

    condition: PlanBuffer
    then: list[PlanStatement]
    otherwise: list[PlanStatement]


class PlanWhile(Node):
    """Runs ``before``; then, while the ``bool[]`` buffer holds, body and before."""

    before: list[PlanStatement]
    condition: PlanBuffer
    body: list[PlanStatement]


class PlanLoop(Node):
    """Runs ``body`` for each number from 0 to ``trip`` of the buffer ``counter``.

    ``reverse`` counts down from ``trip - 1``.
    """

    counter: PlanBuffer
    trip: Size
    body: list[PlanStatement]
    reverse: bool = False


class Element(Node):
    """``buffer`` is part number ``counter`` of ``whole``, cut into equal parts.

    The parts lie one after the other, whatever axes the whole is said to have; of an
    array with strides of its own they are along its first axis.
    """

    buffer: PlanBuffer
    whole: PlanBuffer
    counter: PlanBuffer


class Swap(Node):
    """Two temporaries exchange what they hold; only their addresses change."""

    first: PlanBuffer
    second: PlanBuffer


class PlanBind(Node):
    """Runs ``body``, in which ``symbol`` is the number in the ``i64[]`` buffer.

    Attributes:
        number: the buffer.
        symbol: the name of the size.
        arena: bytes of a block of memory that is there while the body runs, which may
            depend on the symbol. What the body allocates lies in it.
        errors: the places in the table of errors of a number below 0, and of memory
            that there is not.
    """

    number: PlanBuffer
    symbol: str
    body: list[PlanStatement]
    errors: tuple[int, int]
    arena: Size = 0


PlanStatement = (
    Alloc | Free | Launch | PlanIf | PlanWhile | PlanLoop | PlanBind | Element | Swap
)


class RunError(Record):
    """An entry of a Plan's error table.

    Attributes:
        code: the message's code.
        message: what is wrong; ``{value}`` stands for the value found at run time.
        loc: the user's line.
        kind: the name of a class in ``penstock.ir.errors``.
    """

    code: str
    message: str
    loc: Location | None = None
    kind: str = "IndexOutOfBoundsError"


class Plan(Node):
    """The host program of one variant.

    Attributes:
        parameters: arrays and floats (``f64[]``) that the caller gives.
        integers: the names of symbols that are integer arguments.
        results: arrays that the caller allocates, given what ``prepare`` says.
        guards: what must hold for the Plan to serve.
        constants: arrays that belong to the Plan.
        arena: bytes of memory for temporaries.
        body: statements in order. The Plan returns 0, or k if error ``k - 1`` struck.
        errors: the table of errors that Kernels may report.
        returned: host numbers that are results of the user's function.
        work: an estimate of the Plan's run time in nanoseconds on one thread.
    """

    name: str
    parameters: tuple[PlanBuffer, ...]
    integers: tuple[str, ...]
    results: tuple[PlanBuffer, ...]
    guards: tuple[Guard, ...] = ()
    constants: tuple[PlanBuffer, ...] = ()
    arena: Size = 0
    body: Sequence[PlanStatement] = ()
    errors: tuple[RunError, ...] = ()
    returned: tuple[Size | Real, ...] = ()
    work: Size = 0

    def statements(self) -> Iterator[PlanStatement]:
        """All statements, those of bodies after the one that holds them."""
        return walk(self.body)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that parameters and integer arguments declare, in order."""
        return tuple(self.minimum)

    @property
    def minimum(self) -> dict[str, int | None]:
        """The least value of each symbol: 0 of a size, ``None`` of an integer."""
        sizes = [size for buffer in self.parameters for size in buffer.type.shape]
        names = [name for size in sizes for name in symbols_of(size)]
        least: dict[str, int | None] = dict.fromkeys(names, 0)
        integers = [name for name in self.integers if name not in least]
        return least | dict.fromkeys(integers)

    @property
    def bound(self) -> tuple[str, ...]:
        """The symbols of sizes that are known only while the Plan runs, in order."""
        names = (s.symbol for s in self.statements() if isinstance(s, PlanBind))
        return tuple(dict.fromkeys(names))

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The distinct Kernels, in the order of their first launch."""
        launches = (s for s in self.statements() if isinstance(s, Launch))
        return tuple(dict.fromkeys(launch.kernel for launch in launches))

    def __str__(self) -> str:
        from penstock.ir.plan.text_print import print_plan

        return print_plan(self)


def walk(body: Sequence[PlanStatement]) -> Iterator[PlanStatement]:
    """All statements of a body, those within one after it."""
    for statement in body:
        yield statement
        if isinstance(statement, PlanIf):
            yield from walk(statement.then)
            yield from walk(statement.otherwise)
        elif isinstance(statement, PlanWhile):
            yield from walk(statement.before)
            yield from walk(statement.body)
        elif isinstance(statement, (PlanLoop, PlanBind)):
            yield from walk(statement.body)
