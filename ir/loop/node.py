"""Nodes of the loop level: Scalars, Buffers, statements, Kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.ir.dims import Size
from penstock.ir.location import Location
from penstock.ir.types import Dtype, TensorType

if TYPE_CHECKING:
    from penstock.ir.loop.build import KernelBuilder

__all__ = [
    "Block",
    "Buffer",
    "Carry",
    "Check",
    "For",
    "If",
    "Kernel",
    "Let",
    "Load",
    "Scalar",
    "Statement",
    "Store",
]


class Scalar:
    """One number of a Kernel: the result of a statement, or a loop's index.

    Operators build further statements where the Scalar's builder is.

    Attributes:
        dtype: its dtype; sizes and indices are ``i64``.
        definition: the statement that makes it, or ``None`` for the Kernel's sizes.
        depth: how many loops are around its definition.
    """

    __slots__ = ("builder", "definition", "depth", "dtype", "hint")

    def __init__(
        self,
        dtype: Dtype,
        builder: KernelBuilder | None,
        depth: int,
        definition: Statement | None = None,
        hint: str = "",
    ) -> None:
        self.dtype = dtype
        self.builder = builder
        self.depth = depth
        self.definition = definition
        self.hint = hint

    def _apply(self, primitive: str, *operands: Any) -> Scalar:
        builder = self.builder
        assert builder is not None
        scalars = [
            operand
            if isinstance(operand, Scalar)
            else builder.constant(operand, self.dtype)
            for operand in operands
        ]
        return builder.apply(primitive, *scalars)

    def __add__(self, other: Scalar | float) -> Scalar:
        return self._apply("add", self, other)

    def __radd__(self, other: float) -> Scalar:
        return self._apply("add", self, other)

    def __sub__(self, other: Scalar | float) -> Scalar:
        return self._apply("sub", self, other)

    def __rsub__(self, other: float) -> Scalar:
        return self._apply("sub", other, self)

    def __mul__(self, other: Scalar | float) -> Scalar:
        return self._apply("mul", self, other)

    def __rmul__(self, other: float) -> Scalar:
        return self._apply("mul", self, other)

    def __truediv__(self, other: Scalar | float) -> Scalar:
        return self._apply("div", self, other)

    def __floordiv__(self, other: Scalar | int) -> Scalar:
        return self._apply("floor_divide", self, other)

    def __mod__(self, other: Scalar | int) -> Scalar:
        return self._apply("remainder", self, other)

    def __neg__(self) -> Scalar:
        return self._apply("neg", self)

    def __lt__(self, other: Scalar | float) -> Scalar:
        return self._apply("less", self, other)

    def __le__(self, other: Scalar | float) -> Scalar:
        return self._apply("less_equal", self, other)

    def __gt__(self, other: Scalar | float) -> Scalar:
        return self._apply("greater", self, other)

    def __ge__(self, other: Scalar | float) -> Scalar:
        return self._apply("greater_equal", self, other)

    def equals(self, other: Scalar | float) -> Scalar:
        """Whether the numbers are equal; ``==`` compares the objects."""
        return self._apply("equal", self, other)

    def __and__(self, other: Scalar) -> Scalar:
        return self._apply("and", self, other)

    def __or__(self, other: Scalar) -> Scalar:
        return self._apply("or", self, other)

    def __invert__(self) -> Scalar:
        return self._apply("not", self)


class Buffer:
    """Typed memory with a shape, as a Kernel sees it.

    Attributes:
        name: as it prints.
        type: dtype and shape. The shape may differ from the graph's: axes that lie
            together in memory are merged.
        mode: ``"in"`` (read only), ``"out"`` (every element is written),
            ``"inout"``, or ``"local"``: memory of each iteration of the parallel loop,
            of a fixed size, that nobody else sees.
        strided: whether the byte strides are given at run time; otherwise elements
            lie in C order without gaps.
    """

    __slots__ = ("mode", "name", "strided", "type")

    def __init__(
        self, name: str, type: TensorType, mode: str, strided: bool = False
    ) -> None:
        self.name = name
        self.type = type
        self.mode = mode
        self.strided = strided

    @property
    def dtype(self) -> Dtype:
        """The dtype of the elements."""
        return self.type.dtype

    @property
    def shape(self) -> tuple[Size, ...]:
        """The sizes of the axes."""
        return self.type.shape


class Let:
    """``%r = primitive %a, %b : dtype``; ``const`` and ``size`` carry a value."""

    __slots__ = ("operands", "primitive", "result", "value")

    def __init__(
        self,
        result: Scalar,
        primitive: str,
        operands: tuple[Scalar, ...] = (),
        value: Any = None,
    ) -> None:
        self.result = result
        self.primitive = primitive
        self.operands = operands
        self.value = value


class Load:
    """``%r = load buffer[indices]``, zero where the predicate is false."""

    __slots__ = ("buffer", "indices", "predicate", "result")

    def __init__(
        self,
        result: Scalar,
        buffer: Buffer,
        indices: tuple[Scalar, ...],
        predicate: Scalar | None = None,
    ) -> None:
        self.result = result
        self.buffer = buffer
        self.indices = indices
        self.predicate = predicate


class Store:
    """``store %v, buffer[indices]``, nothing where the predicate is false."""

    __slots__ = ("buffer", "indices", "predicate", "value")

    def __init__(
        self,
        buffer: Buffer,
        indices: tuple[Scalar, ...],
        value: Scalar,
        predicate: Scalar | None = None,
    ) -> None:
        self.buffer = buffer
        self.indices = indices
        self.value = value
        self.predicate = predicate


class Check:
    """Stops the program with an error unless the condition holds.

    The statements after it run all the same, so whatever they would index with
    has to be clamped. ``error`` is an index into the program's error table.
    """

    __slots__ = ("condition", "detail", "error")

    def __init__(self, condition: Scalar, error: int, detail: Scalar) -> None:
        self.condition = condition
        self.error = error
        self.detail = detail


class Carry:
    """A value that a loop hands from one iteration to the next.

    Attributes:
        parameter: its value at the start of an iteration.
        initial: its value before the first.
        combine: a primitive of ``COMBINES`` when the loop may be reordered, because
            each iteration only combines something into it; else ``None``.
        result: its value after the last iteration.
        update: its value at the end of an iteration.
    """

    __slots__ = ("combine", "initial", "parameter", "result", "update")

    def __init__(
        self,
        parameter: Scalar,
        initial: Scalar,
        combine: str | None,
        result: Scalar,
        update: Scalar | None = None,
    ) -> None:
        self.parameter = parameter
        self.initial = initial
        self.combine = combine
        self.result = result
        self.update = update


class For:
    """A counted loop.

    Attributes:
        kind: ``"serial"``; ``"parallel"`` (iterations are independent: only a
            Kernel's outermost loop); ``"vector"`` (iterations are independent but
            for carries with a ``combine``).
        index: the loop variable, from ``start`` up to but not including ``stop``.
        unroll: how many vectors or iterations to keep in flight; 0 lets the
            backend choose, and 1 says that a short body counts for more than speed.
        test: a carry of bools, of a serial loop: an iteration runs only where its
            parameter holds and no check has failed; the loop ends at the first that
            does not run.
    """

    __slots__ = (
        "body",
        "carries",
        "index",
        "kind",
        "start",
        "step",
        "stop",
        "test",
        "unroll",
    )

    def __init__(
        self,
        kind: str,
        index: Scalar,
        start: Scalar,
        stop: Scalar,
        step: int,
        carries: list[Carry],
        body: Block,
        unroll: int = 0,
        test: Carry | None = None,
    ) -> None:
        self.kind = kind
        self.index = index
        self.start = start
        self.stop = stop
        self.step = step
        self.carries = carries
        self.body = body
        self.unroll = unroll
        self.test = test


class If:
    """Runs its body when the condition holds; the condition is never a vector."""

    __slots__ = ("body", "condition")

    def __init__(self, condition: Scalar, body: Block) -> None:
        self.condition = condition
        self.body = body


Statement = Let | Load | Store | Check | For | If


class Block:
    """Statements in order."""

    __slots__ = ("statements",)

    def __init__(self, statements: list[Statement] | None = None) -> None:
        self.statements: list[Statement] = [] if statements is None else statements

    def walk(self) -> Iterator[Statement]:
        """All statements, those of inner blocks after the one that holds them."""
        for statement in self.statements:
            yield statement
            if isinstance(statement, (For, If)):
                yield from statement.body.walk()


class Kernel:
    """A loop-level program over Buffers.

    Attributes:
        name: as it prints, unique within a Plan.
        buffers: what it reads and writes.
        sizes: the symbols it needs, passed as ``i64`` after the buffers.
        body: at most one ``parallel`` loop, as its last statement.
        locations: the user's lines that it computes.
        products: how many products its loops that carry sums add up, where that is
            stated: these loops may go through more, to fill up a tile or a vector.
    """

    __slots__ = ("body", "buffers", "locations", "name", "products", "sizes")

    def __init__(
        self,
        name: str,
        buffers: tuple[Buffer, ...],
        sizes: tuple[str, ...],
        body: Block,
        locations: tuple[Location, ...] = (),
        products: Size | None = None,
    ) -> None:
        self.name = name
        self.buffers = buffers
        self.sizes = sizes
        self.body = body
        self.locations = locations
        self.products = products

    @property
    def arguments(self) -> tuple[Buffer, ...]:
        """The Buffers that a launch gives, in its order."""
        return tuple(buffer for buffer in self.buffers if buffer.mode != "local")

    @property
    def carried_dtypes(self) -> set[Dtype]:
        """The dtypes of what its loops carry."""
        return {
            carry.parameter.dtype
            for statement in self.body.walk()
            if isinstance(statement, For)
            for carry in statement.carries
        }

    @property
    def parallel(self) -> For | None:
        """The outermost parallel loop, if there is one."""
        for statement in self.body.statements:
            if isinstance(statement, For) and statement.kind == "parallel":
                return statement
        return None

    def __str__(self) -> str:
        from penstock.ir.loop.text_print import print_kernel

        return print_kernel(self)
