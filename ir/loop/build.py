"""Builds Kernels: places statements, hoists what loops do not change.

Each Scalar knows how many loops are around it. A pure statement is placed in the
outermost open block in which its operands exist, so that loop-invariant work is
done once; equal statements that are visible from there are made once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from penstock.ir.dims import Size, symbols_of
from penstock.ir.loop.node import (
    Block,
    Buffer,
    Carry,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Store,
)
from penstock.ir.loop.primitive import COMBINES, PRIMITIVES
from penstock.ir.types import Dtype, TensorType, i64

__all__ = ["KernelBuilder", "Loop"]


class Loop:
    """A loop that is being built.

    Attributes:
        index: the loop variable.
        carried: the carried values at the start of an iteration.
        results: the carried values after the loop; read them outside it.
    """

    def __init__(self, statement: For) -> None:
        self.statement = statement
        self.index = statement.index
        self.carried = [carry.parameter for carry in statement.carries]
        self.results = [carry.result for carry in statement.carries]

    def update(self, *values: Scalar) -> None:
        """State the carried values at the end of an iteration."""
        assert len(values) == len(self.statement.carries)
        for carry, value in zip(self.statement.carries, values, strict=True):
            carry.update = value


class KernelBuilder:
    """Builds one Kernel.

    Example:
        >>> from penstock.ir.types import f32
        >>> from penstock.ir.dims import symbol
        >>> b = KernelBuilder("double")
        >>> x = b.buffer("x", TensorType(f32, (symbol("n"),)), "in")
        >>> y = b.buffer("y", TensorType(f32, (symbol("n"),)), "out")
        >>> with b.loop("vector", b.size(symbol("n"))) as loop:
        ...     b.store(y, [loop.index], b.load(x, [loop.index]) * 2.0)
        >>> b.finish().sizes
        ('n',)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._buffers: list[Buffer] = []
        self._sizes: dict[str, None] = {}
        self._blocks: list[Block] = [Block()]
        self._memo: list[dict[Hashable, Scalar]] = [{}]
        self._loops: list[For | If] = []
        self._below: dict[Scalar, Size] = {}
        self._products: Size | None = None

    @property
    def depth(self) -> int:
        """How many loops are open."""
        return len(self._blocks) - 1

    def buffer(
        self, name: str, type_: TensorType, mode: str, *, strided: bool = False
    ) -> Buffer:
        """A further Buffer that the Kernel reads or writes."""
        buffer = Buffer(name, type_, mode, strided)
        self._buffers.append(buffer)
        for size in type_.shape:
            self._need(size)
        return buffer

    def constant(self, value: Any, dtype: Dtype) -> Scalar:
        """A number."""
        number = np.asarray(value).astype(dtype.numpy)[()]
        key = ("const", dtype.name, number.tobytes())
        return self._place(key, 0, dtype, "const", (), number)

    def size(self, size: Size) -> Scalar:
        """A size of the host program, as an ``i64``."""
        if isinstance(size, int):
            return self.constant(size, i64)
        self._need(size)
        return self._place(("size", size), 0, i64, "size", (), size)

    def _need(self, size: Size) -> None:
        self._sizes.update(dict.fromkeys(symbols_of(size)))

    def apply(
        self, primitive: str, *operands: Scalar, dtype: Dtype | None = None
    ) -> Scalar:
        """The result of a primitive; ``dtype`` only for ``convert`` and ``bitcast``."""
        definition = PRIMITIVES[primitive]
        assert len(operands) == definition.arity, primitive
        dtypes = tuple(operand.dtype for operand in operands)
        same = dtypes[1:] if primitive == "select" else dtypes
        assert len(set(same)) == 1, (primitive, dtypes)
        assert same[0].kind in definition.kinds, (primitive, same)
        if dtype is None:
            dtype = definition.result_dtype(dtypes)
        if primitive in ("convert", "bitcast") and dtype is dtypes[0]:
            return operands[0]
        folded = _fold_index(self, primitive, operands)
        if folded is not None:
            return folded
        depth = max(operand.depth for operand in operands)
        key = (primitive, dtype.name, *(id(operand) for operand in operands))
        return self._place(key, depth, dtype, primitive, operands, None)

    def _place(
        self,
        key: Hashable,
        depth: int,
        dtype: Dtype,
        primitive: str,
        operands: tuple[Scalar, ...],
        value: Any,
    ) -> Scalar:
        memo = self._memo[depth]
        found = memo.get(key)
        if found is None:
            found = Scalar(dtype, self, depth)
            let = Let(found, primitive, operands, value)
            found.definition = let
            self._blocks[depth].statements.append(let)
            memo[key] = found
        return found

    def convert(self, x: Scalar, dtype: Dtype) -> Scalar:
        """The number in another dtype, as ``astype``."""
        return self.apply("convert", x, dtype=dtype)

    def select(self, condition: Scalar, yes: Scalar, no: Scalar) -> Scalar:
        """One number or the other."""
        return yes if yes is no else self.apply("select", condition, yes, no)

    def recall(self, key: Hashable) -> Scalar | None:
        """A Scalar that was remembered in a block that is still open."""
        for memo in self._memo:
            if key in memo:
                return memo[key]
        return None

    def remember(self, key: Hashable, scalar: Scalar) -> None:
        """Recall this Scalar by a key for as long as it can be read."""
        self._memo[scalar.depth][key] = scalar

    def load(
        self,
        buffer: Buffer,
        indices: Sequence[Scalar],
        predicate: Scalar | None = None,
    ) -> Scalar:
        """An element of a Buffer; zero where the predicate is false."""
        indices = tuple(indices)
        assert len(indices) == buffer.type.rank, (buffer, indices)
        depth = self.depth
        key: Hashable = None
        if buffer.mode == "in":
            key = ("load", id(buffer), *map(id, indices), id(predicate))
            if predicate is None and all(map(self._is_in_range, indices, buffer.shape)):
                depth = max((index.depth for index in indices), default=0)
            for level in range(depth + 1):
                if key in self._memo[level]:
                    return self._memo[level][key]
        result = Scalar(buffer.dtype, self, depth)
        load = Load(result, buffer, indices, predicate)
        result.definition = load
        self._blocks[depth].statements.append(load)
        if key is not None:
            self._memo[depth][key] = result
        return result

    def state_below(self, index: Scalar, size: Size) -> None:
        """State that an index is not negative and below a size wherever it exists."""
        self._below[index] = size

    def _is_in_range(self, index: Scalar, size: Size) -> bool:
        """Whether the index surely lies within the axis, whichever loops run."""
        definition = index.definition
        if isinstance(definition, For):
            # A loop over the whole axis; its body runs for indices inside it alone.
            stop = definition.stop.definition
            if isinstance(stop, Let) and stop.value == size:
                return True
        if isinstance(definition, Let) and definition.primitive == "const":
            return isinstance(size, int) and 0 <= int(definition.value) < size
        return self._below.get(index) == size

    def store(
        self,
        buffer: Buffer,
        indices: Sequence[Scalar],
        value: Scalar,
        predicate: Scalar | None = None,
    ) -> None:
        """Write an element of a Buffer where the predicate holds."""
        assert value.dtype is buffer.dtype, (buffer, value.dtype)
        assert len(indices) == buffer.type.rank
        statement = Store(buffer, tuple(indices), value, predicate)
        self._blocks[-1].statements.append(statement)

    def check(self, condition: Scalar, error: int, detail: Scalar) -> None:
        """Stop with an error unless the condition holds."""
        depth = max(condition.depth, detail.depth)
        key = ("check", id(condition), error)
        if not any(key in memo for memo in self._memo):
            self._memo[-1][key] = condition
            self._blocks[-1].statements.append(Check(condition, error, detail))
        assert depth <= self.depth

    @contextmanager
    def loop(
        self,
        kind: str,
        stop: Scalar,
        *,
        start: Scalar | None = None,
        step: int = 1,
        carries: Sequence[tuple[Scalar, str | None]] = (),
        hint: str = "i",
        unroll: int = 0,
        test: bool = False,
    ) -> Iterator[Loop]:
        """Build a loop; what is built inside is its body.

        Args:
            kind: ``"serial"``, ``"parallel"`` or ``"vector"``.
            stop: where the index stops.
            start: where it starts; zero if not given.
            step: a positive step.
            carries: initial values, each with the primitive that combines it.
            hint: the index's name in text.
            unroll: how many vectors to keep in flight; 0 lets the backend choose.
            test: whether an iteration runs only where the first carry holds.
        """
        assert kind in ("serial", "parallel", "vector")
        outer, depth = self.depth, self.depth + 1
        start = self.constant(0, i64) if start is None else start
        statement = For(
            kind, Scalar(i64, self, depth, None, hint), start, stop, step, [], Block(),
            unroll,
        )  # fmt: skip
        statement.index.definition = statement
        for initial, combine in carries:
            assert combine is None or combine in COMBINES
            statement.carries.append(
                Carry(
                    Scalar(initial.dtype, self, depth, statement),
                    initial,
                    combine,
                    Scalar(initial.dtype, self, outer, statement),
                )
            )
        if test:
            statement.test = statement.carries[0]
        loop = Loop(statement)
        with self._nested(statement):
            yield loop
        assert all(carry.update is not None for carry in statement.carries)

    @contextmanager
    def when(self, condition: Scalar) -> Iterator[None]:
        """Build statements that run only when the condition holds."""
        with self._nested(If(condition, Block())):
            yield

    @contextmanager
    def _nested(self, statement: For | If) -> Iterator[None]:
        self._blocks.append(statement.body)
        self._memo.append({})
        self._loops.append(statement)
        yield
        self._loops.pop()
        self._memo.pop()
        self._blocks.pop()
        self._blocks[-1].statements.append(statement)

    def state_products(self, count: Size) -> None:
        """State how many products the loops that carry sums are there to add up."""
        self._need(count)
        self._products = count

    def finish(self) -> Kernel:
        """The Kernel that was built."""
        assert self.depth == 0
        return Kernel(
            self.name,
            tuple(self._buffers),
            tuple(self._sizes),
            self._blocks[0],
            products=self._products,
        )


def _fold_index(
    builder: KernelBuilder, primitive: str, operands: tuple[Scalar, ...]
) -> Scalar | None:
    """Fold arithmetic on constant indices, which lowering makes much of."""
    if operands[0].dtype is not i64 or len(operands) != 2:
        return None
    left, right = (_constant(operand) for operand in operands)
    if left is not None and right is not None and primitive in ("add", "sub", "mul"):
        with np.errstate(over="ignore"):
            value = PRIMITIVES[primitive].evaluate(left, right)
        return builder.constant(value, i64)
    if right == 0 and primitive in ("add", "sub"):
        return operands[0]
    if left == 0 and primitive == "add":
        return operands[1]
    if right == 1 and primitive in ("mul", "floor_divide"):
        return operands[0]
    if left == 1 and primitive == "mul":
        return operands[1]
    if primitive == "mul" and (left == 0 or right == 0):
        return builder.constant(0, i64)
    return None


def _constant(scalar: Scalar) -> Any:
    definition = scalar.definition
    if isinstance(definition, Let) and definition.primitive == "const":
        return definition.value
    return None
