"""Indexing by integer arrays, read and written; out of range is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.dims import Size
from penstock.ir.errors import AxisError, DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, Integer, Numeric, define
from penstock.ir.ops.families import (
    ElementContext,
    Movement,
    Nest,
    NestContext,
    batch_size,
)
from penstock.ir.types import TensorType, Type, i64

_NUMPY = "numpy.org/doc/stable/user/basics.indexing.html"


def _indexed_shape(
    name: str,
    x: TensorType,
    indices: Sequence[TensorType],
    attributes: Mapping[str, Any],
) -> tuple[Size, ...]:
    """The shape of ``x[indices]``: the indices' shape, then the other axes."""
    axes = attributes["axes"]
    assert isinstance(axes, tuple)
    if not (
        len(axes) == len(indices)
        and len(set(axes)) == len(axes)
        and all(isinstance(axis, int) and 0 <= axis < x.rank for axis in axes)
    ):
        raise TypeRuleError(
            f"{name}: axes {axes} do not fit {x} and {len(indices)} index arrays",
            kind=AxisError,
        )
    for index in indices:
        if index.shape != indices[0].shape:
            raise TypeRuleError(
                f"{name}: index arrays {indices[0]} and {index} differ in shape"
            )
    rest = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    return indices[0].shape + rest


def move_indexed_first(x: Any, axes: Sequence[int]) -> Any:
    """A view of an array with the indexed axes in front."""
    return np.moveaxis(x, axes, range(len(axes)))


def checked(x: Any, axes: Sequence[int], indices: Sequence[Any]) -> tuple[Any, ...]:
    """Index arrays of NumPy's own dtype, or an IndexError."""
    wrapped = []
    for axis, index in zip(axes, indices, strict=True):
        size = x.shape[axis]
        index = np.asarray(index)
        outside = (index < -size) | (index >= size)
        if outside.any():
            bad = index[outside].reshape(-1)[0]
            raise IndexError(
                f"index {bad} is out of bounds for axis {axis} with size {size}"
            )
        wrapped.append(index.astype(np.intp))
    return tuple(wrapped)


def locate(
    context: ElementContext, first: int, batch_indices: Sequence[Scalar]
) -> tuple[dict[int, Scalar], Scalar]:
    """Index of each indexed axis, and whether all are in range (else checked)."""
    builder = context.builder
    found: dict[int, Scalar] = {}
    valid: Scalar | None = None
    for number, axis in enumerate(context.attributes["axes"]):
        raw = context.operand(first + number, batch_indices)
        index = builder.convert(raw, i64)
        size = builder.size(context.types[0].shape[axis])
        wrapped = builder.select(index < 0, index + size, index)
        within = (wrapped >= 0) & (wrapped < size)
        context.check(within, index, axis)
        found[axis] = wrapped
        valid = within if valid is None else valid & within
    assert valid is not None
    return found, valid


@define
class Gather(Movement):
    """Elements at integer positions along some axes.

    x: any [...]; index...: integer B  ->  any [B, the other axes of x in order].
    Negative positions count from the end; others outside the axis raise IndexError.
    """

    name = "gather"
    family = "indexing"
    operands = (Anything("x"), Integer("index", variadic=True))
    attributes = ("axes",)
    total = False
    source = _NUMPY
    linear = (0,)

    @staticmethod
    def reference(x: Any, *indices: Any, axes: tuple[int, ...]) -> Any:
        wrapped = checked(x, axes, indices)
        return np.array(move_indexed_first(x, axes)[wrapped])

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The shape of the indices, then the axes that are not indexed."""
        x, *indices = cls.check_operands(types)
        return x.with_shape(_indexed_shape(cls.name, x, indices, attributes))

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        zeros = cotangent.constant(0).broadcast_to(x[0].shape)
        return zeros.apply("scatter_add", cotangent, *x[1:], axes=axes)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        return _batch_indexed("gather", 1, operands, batched, axes)

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        count = context.types[1].rank
        found, valid = locate(context, 1, indices[:count])
        rest = iter(indices[count:])
        own = [
            found[axis] if axis in found else next(rest)
            for axis in range(context.types[0].rank)
        ]
        return context.operand(0, own, when=valid)


def _batch_indexed(
    name: str,
    first_index: int,
    operands: Sequence[Expression],
    batched: Sequence[bool],
    axes: tuple[int, ...],
) -> Expression:
    """Batch by one more indexed axis, the batch, whose positions are its own."""
    count = batch_size(operands, batched)
    whole = [
        operand if yes else operand.broadcast_to((count, *operand.shape))
        for operand, yes in zip(operands, batched, strict=True)
    ]
    shape = whole[first_index].shape
    x = whole[0]
    own = Expression(x.builder, x.builder.add("iota", shape=shape, axis=0, dtype=i64))
    arrays, indices = whole[1:first_index], whole[first_index:]
    return x.apply(name, *arrays, own, *indices, axes=(0, *(axis + 1 for axis in axes)))


class Scatter(Nest):
    """Ops that write elements at integer positions."""

    family = "indexing"
    attributes = ("axes",)
    total = False
    source = _NUMPY

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The type of x."""
        x, updates, *indices = cls.check_operands(types)
        shape = _indexed_shape(cls.name, x, indices, attributes)
        if updates.shape != shape or updates.dtype is not x.dtype:
            raise TypeRuleError(
                f"{cls.name}: updates are {updates}, but must be {x.with_shape(shape)}",
                kind=DtypeError,
            )
        return x

    @classmethod
    def batch(
        cls,
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        """One more indexed axis, the batch."""
        return _batch_indexed(cls.name, 2, operands, batched, axes)

    @classmethod
    def combine_into(cls, old: Scalar | None, new: Scalar) -> Scalar:
        """What is written where ``old`` stands."""
        raise NotImplementedError

    reads_old = False

    @classmethod
    def lower(cls, context: NestContext) -> None:
        """Copy x unless it is written in place, then write the updates in C order.

        One thread does it: which of two equal positions wins must not depend on
        threads.
        """
        builder, result = context.builder, context.result()
        if not context.in_place:
            _copy(context)
        updates, index = context.types[1], context.types[2]
        positions: list[Scalar] = []

        def nest(axis: int) -> None:
            if axis == updates.rank:
                write()
                return
            innermost = axis == updates.rank - 1 and axis >= index.rank
            kind = "vector" if innermost else "serial"
            stop = builder.size(updates.shape[axis])
            with builder.loop(kind, stop, hint="u") as loop:
                positions.append(loop.index)
                nest(axis + 1)
                positions.pop()

        def write() -> None:
            found, valid = locate(context, 2, positions[: index.rank])
            rest = iter(positions[index.rank :])
            own = [
                found[axis] if axis in found else next(rest)
                for axis in range(context.type.rank)
            ]
            new = context.operand(1, positions)
            old = builder.load(result, own, valid) if cls.reads_old else None
            builder.store(result, own, cls.combine_into(old, new), valid)

        nest(0)


def _are_distinct(indices: Sequence[Expression]) -> bool:
    """Whether it is known that no position occurs twice: each axis is counted along."""
    counted = {
        index.value.attributes["axis"] for index in indices if index.value.is_op("iota")
    }
    return all(
        size == 1 or axis in counted for axis, size in enumerate(indices[0].shape)
    )


def _copy(context: NestContext) -> None:
    builder, type_ = context.builder, context.type
    positions: list[Scalar] = []

    def nest(axis: int) -> None:
        if axis == type_.rank:
            builder.store(context.result(), positions, context.operand(0, positions))
            return
        kind = "vector" if axis == type_.rank - 1 else "serial"
        with builder.loop(kind, builder.size(type_.shape[axis])) as loop:
            positions.append(loop.index)
            nest(axis + 1)
            positions.pop()

    nest(0)


@define
class ScatterSet(Scatter):
    """An array with elements at integer positions replaced.

    x: any [...]; updates: the same dtype [B, the other axes]; index...: integer B
    ->  x with ``x[index...] = updates``. Of a repeated position the last in C order
    stays. Positions outside the axis raise IndexError.
    """

    name = "scatter"
    operands = (Anything("x"), Anything("updates"), Integer("index", variadic=True))
    flops = 0

    @staticmethod
    def reference(x: Any, updates: Any, *indices: Any, axes: tuple[int, ...]) -> Any:
        wrapped = checked(x, axes, indices)
        result = x.copy()
        move_indexed_first(result, axes)[wrapped] = updates
        return result

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        zero = x[0].constant(0)
        whole, part = (
            zero.broadcast_to(a.shape) if da is None else da
            for a, da in zip(x[:2], tangents[:2], strict=True)
        )
        return whole.apply("scatter", part, *x[2:], axes=axes)

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        updates, indices = x[1], x[2:]
        if position == 0:
            zeros = cotangent.constant(0).broadcast_to(updates.shape)
            return cotangent.apply("scatter", zeros, *indices, axes=axes)
        taken = cotangent.apply("gather", *indices, axes=axes)
        if _are_distinct(indices):
            return taken
        # Only the update that stays has an effect: number them and look which did.
        builder = cotangent.builder
        total: Size = updates.type.size
        flat = builder.add("iota", shape=(total,), axis=0, dtype=i64)
        numbers = Expression(builder, flat).reshape(updates.shape)
        none = numbers.constant(-1).broadcast_to(cotangent.shape)
        winner = none.apply("scatter", numbers, *indices, axes=axes)
        stayed = winner.apply("gather", *indices, axes=axes).apply("equal", numbers)
        return stayed.apply("select", taken, taken.constant(0))

    @classmethod
    def combine_into(cls, old: Scalar | None, new: Scalar) -> Scalar:
        return new


@define
class ScatterAdd(Scatter):
    """An array with numbers added at integer positions (``np.add.at``).

    x: number [...]; updates: the same dtype [B, the other axes]; index...: integer B
    ->  x with each update added, repeated positions in C order. Positions outside the
    axis raise IndexError.
    """

    name = "scatter_add"
    operands = (Numeric("x"), Numeric("updates"), Integer("index", variadic=True))
    flops = 1
    reads_old = True

    @staticmethod
    def reference(x: Any, updates: Any, *indices: Any, axes: tuple[int, ...]) -> Any:
        wrapped = checked(x, axes, indices)
        result = x.copy()
        np.add.at(move_indexed_first(result, axes), wrapped, updates)
        return result

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        zero = x[0].constant(0)
        whole, part = (
            zero.broadcast_to(a.shape) if da is None else da
            for a, da in zip(x[:2], tangents[:2], strict=True)
        )
        return whole.apply("scatter_add", part, *x[2:], axes=axes)

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        if position == 0:
            return cotangent
        return cotangent.apply("gather", *x[2:], axes=axes)

    @classmethod
    def combine_into(cls, old: Scalar | None, new: Scalar) -> Scalar:
        assert old is not None
        return old + new
