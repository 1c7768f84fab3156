"""Ops along an order: cumulative sums and sorting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attributes import Attribute
from penstock.ir.dims import Size
from penstock.ir.errors import AxisError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.op import ULP, Anything, Numeric, define
from penstock.ir.ops.families import Nest, NestContext, batch_size
from penstock.ir.types import TensorType, Type, i64


class AlongAxis(Nest):
    """Ops on each line of elements along one axis, of the operand's shape."""

    family = "library"
    attributes = ("axis",)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The type of the operand."""
        (type_,) = cls.check_operands(types)
        return cls.along_axis(type_, attributes["axis"])

    @classmethod
    def along_axis(cls, type_: TensorType, axis: Attribute) -> TensorType:
        """The type, if it has the axis."""
        if not (isinstance(axis, int) and 0 <= axis < type_.rank):
            raise TypeRuleError(
                f"{cls.name}: axis {axis} does not fit an array of {type_.rank} axes",
                kind=AxisError,
            )
        return type_

    @classmethod
    def batch(
        cls, operands: Sequence[Expression], batched: Sequence[bool], *, axis: int
    ) -> Expression:
        """The same, its axis one further on."""
        return operands[0].apply(cls.name, axis=axis + 1)


@define
class CumulativeSum(AlongAxis):
    """Sums of the elements up to and including each one, along an axis.

    x: number [...]  ->  number [...]. 16-bit floats accumulate in f32.
    """

    name = "cumsum"
    operands = (Numeric("x"),)
    tolerance = {"f32": 8 * ULP, "f64": 8 * ULP, "f16": 2 * ULP, "bf16": 2 * ULP}
    source = "numpy.org/doc/stable/reference/generated/numpy.cumsum.html"
    flops = 1
    linear = (0,)

    @staticmethod
    def reference(x: Any, *, axis: int) -> Any:
        wide = (
            np.float32 if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else None
        )
        return np.cumsum(x, axis, dtype=wide or x.dtype).astype(x.dtype)

    @staticmethod
    def transpose(
        cotangent: Expression, x: Sequence[Expression], position: int, *, axis: int
    ) -> Expression:
        return _reversed(_reversed(cotangent, axis).apply("cumsum", axis=axis), axis)

    @staticmethod
    def lower(context: NestContext) -> None:
        builder = context.builder

        def step(total: Scalar, indices: list[Scalar]) -> Scalar:
            return total + builder.convert(context.operand(0, indices), total.dtype)

        _scan(context, step)


@define
class LinearRecurrence(AlongAxis):
    """y[k] = a[k] y[k - 1] + b[k] along an axis, from y[0] = b[0].

    a, b: number [...], of one type  ->  number [...]. 16-bit floats are carried in f32.
    It is linear in b, and its derivatives by a are recurrences again; cumulative
    products are the case b = (a[0], 0, 0, ...).
    """

    name = "recurrence"
    operands = (Numeric("a"), Numeric("b"))
    source = "Blelloch, Prefix Sums and Their Applications (1990), section 1.4"
    flops = 2
    linear = (1,)

    @staticmethod
    def reference(a: Any, b: Any, *, axis: int) -> Any:
        wide = (
            np.float32 if a.dtype.itemsize == 2 and a.dtype.kind not in "iu" else None
        )
        first, second = (
            np.moveaxis(x, axis, 0).astype(wide or x.dtype) for x in (a, b)
        )
        result = second.copy()
        for k in range(1, len(result)):
            result[k] = first[k] * result[k - 1] + second[k]
        return np.moveaxis(result, 0, axis).astype(a.dtype)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The type of the operands."""
        a, b = cls.check_operands(types)
        if a != b:
            raise TypeRuleError(f"recurrence: operands are {a} and {b}")
        return cls.along_axis(a, attributes["axis"])

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        *,
        axis: int,
    ) -> Expression:
        a, _ = x
        da, db = tangents
        added = db
        if da is not None:
            by_a = da * shifted(y, axis, 1)
            added = by_a if db is None else db + by_a
        assert added is not None
        return a.apply("recurrence", added, axis=axis)

    @staticmethod
    def transpose(
        cotangent: Expression, x: Sequence[Expression], position: int, *, axis: int
    ) -> Expression:
        a = _reversed(shifted(x[0], axis, -1), axis)
        result = a.apply("recurrence", _reversed(cotangent, axis), axis=axis)
        return _reversed(result, axis)

    @classmethod
    def batch(
        cls, operands: Sequence[Expression], batched: Sequence[bool], *, axis: int
    ) -> Expression:
        """The same, its axis one further on."""
        count = batch_size(operands, batched)
        a, b = (
            operand if yes else operand.broadcast_to((count, *operand.shape))
            for operand, yes in zip(operands, batched, strict=True)
        )
        return a.apply("recurrence", b, axis=axis + 1)

    @staticmethod
    def lower(context: NestContext) -> None:
        builder = context.builder

        def step(total: Scalar, indices: list[Scalar]) -> Scalar:
            a, b = (
                builder.convert(context.operand(p, indices), total.dtype)
                for p in (0, 1)
            )
            is_first = indices[context.attributes["axis"]].equals(0)
            return builder.select(is_first, b, a * total + b)

        _scan(context, step)


def _scan(context: NestContext, step: Callable[[Scalar, list[Scalar]], Scalar]) -> None:
    """Store what ``step`` makes, along each line, of what it made before; 0 first."""
    builder, shape = context.builder, context.type.shape
    axis, last = context.attributes["axis"], len(shape) - 1
    across = axis != last
    outer = [a for a in range(len(shape)) if a != axis and not (across and a == last)]
    with context.rows([shape[a] for a in outer]) as rows:
        at = dict(zip(outer, rows, strict=True))

        def line() -> None:
            zero = builder.constant(0, context.type.dtype.compute)
            with builder.loop(
                "serial", builder.size(shape[axis]), carries=[(zero, None)], hint="s"
            ) as loop:
                at[axis] = loop.index
                indices = [at[a] for a in range(len(shape))]
                total = step(loop.carried[0], indices)
                context.store(indices, builder.convert(total, context.type.dtype))
                loop.update(total)

        if across:
            with builder.loop("vector", builder.size(shape[last]), hint="j") as loop:
                at[last] = loop.index
                line()
        else:
            line()


def shifted(x: Expression, axis: int, places: int) -> Expression:
    """The elements moved along an axis, zeros in the places that become free."""
    low = tuple(places if a == axis else 0 for a in range(x.rank))
    return x.apply("pad", x.constant(0), low=low, high=tuple(-n for n in low))


def _reversed(x: Expression, axis: int) -> Expression:
    start: tuple[Size, ...] = tuple(
        size - 1 if a == axis else 0 for a, size in enumerate(x.shape)
    )
    step = tuple(-1 if a == axis else 1 for a in range(x.rank))
    return x.apply("slice", start=start, step=step, size=x.shape)


@define
class Sort(AlongAxis):
    """Elements in ascending order along an axis, nan last.

    x: any [...]  ->  any [...]. Equal elements, 0 and -0, stay in their order.
    """

    name = "sort"
    operands = (Anything("x"),)
    source = "numpy.org/doc/stable/reference/generated/numpy.sort.html"
    flops = 16

    @staticmethod
    def reference(x: Any, *, axis: int) -> Any:
        # The comparison of ml_dtypes' bfloat16 does not put nan last.
        wide = x.astype(np.float32) if x.dtype.kind == "V" else x
        return np.sort(wide, axis, kind="stable").astype(x.dtype)

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression],
        *,
        axis: int,
    ) -> Expression:
        """The tangents in the order of the elements; equal ones as they stand.

        An element's place is the number of elements that come before it, found by
        comparing all pairs along the axis.
        """
        (a,), (da,) = x, tangents
        a, da = a.move_axis(axis, a.rank - 1), da.move_axis(axis, a.rank - 1)
        builder, shape = a.builder, a.shape
        size = shape[-1]
        pairs = (*shape, size)
        here = a.reshape((*shape, 1)).broadcast_to(pairs)
        there = a.reshape((*shape[:-1], 1, size)).broadcast_to(pairs)
        rank = len(pairs)
        i, j = (
            Expression(builder, builder.add("iota", shape=pairs, axis=k, dtype=i64))
            for k in (rank - 2, rank - 1)
        )
        nan_here, nan_there = here.apply("is_nan"), there.apply("is_nan")
        less = there.apply("less", here).apply(
            "or", nan_here.apply("and", nan_there.apply("not"))
        )
        same = there.apply("equal", here).apply("or", nan_here.apply("and", nan_there))
        before = less.apply("or", same.apply("and", j.apply("less", i)))
        one, zero = j.constant(1), j.constant(0)
        place = before.apply("select", one, zero).sum((rank - 1,))
        target = place.reshape((*shape, 1)).apply("equal", j)
        placed = target.apply(
            "select", da.reshape((*shape, 1)).broadcast_to(pairs), da.constant(0)
        )
        return placed.sum((rank - 2,)).move_axis(a.rank - 1, axis)

    @staticmethod
    def lower(context: NestContext) -> None:
        """A bottom-up merge sort of each line (Knuth, TAOCP 3, 5.2.4 S)."""
        builder, shape = context.builder, context.type.shape
        axis = context.attributes["axis"]
        outer = [a for a in range(len(shape)) if a != axis]
        result = context.result()
        spare = context.scratch(context.type)
        size = builder.size(shape[axis])
        with context.rows([shape[a] for a in outer]) as rows:
            at = dict(zip(outer, rows, strict=True))

            def place(index: Scalar) -> list[Scalar]:
                return [at[a] if a != axis else index for a in range(len(shape))]

            with builder.loop("serial", size, hint="c") as loop:
                here = place(loop.index)
                builder.store(result, here, context.operand(0, here))
            one = builder.constant(1, i64)
            with builder.loop(
                "serial", _doublings(context, size), carries=[(one, None)], hint="p"
            ) as merge:
                width = merge.carried[0]
                _merge_runs(context, result, spare, size, width, place)
                with builder.loop("serial", size, hint="c") as loop:
                    here = place(loop.index)
                    builder.store(result, here, builder.load(spare, here))
                merge.update(width + width)


def _doublings(context: NestContext, size: Scalar) -> Scalar:
    """How often 1 has to be doubled to reach ``size``."""
    builder = context.builder
    zero, one = builder.constant(0, i64), builder.constant(1, i64)
    with builder.loop(
        "serial",
        builder.constant(62, i64),
        carries=[(zero, None), (one, None)],
        hint="b",
    ) as loop:
        count, power = loop.carried
        loop.update(builder.select(power < size, count + 1, count), power + power)
    return loop.results[0]


def _merge_runs(
    context: NestContext,
    source: Buffer,
    target: Buffer,
    size: Scalar,
    width: Scalar,
    place: Any,
) -> None:
    """Merge neighbouring sorted runs of ``width`` from source into target."""
    builder = context.builder
    pair = width + width
    pairs = (size + pair - 1) // pair
    last = size - 1
    with builder.loop("serial", pairs, hint="r") as run:
        low = run.index * pair
        middle = builder.apply("minimum", low + width, size)
        high = builder.apply("minimum", low + pair, size)
        with builder.loop(
            "serial",
            high,
            start=low,
            carries=[(low, None), (middle, None)],
            hint="k",
        ) as loop:
            left, right = loop.carried
            a = builder.load(source, place(builder.apply("minimum", left, last)))
            b = builder.load(source, place(builder.apply("minimum", right, last)))
            precedes = b < a
            if a.dtype.is_float:
                nan_a, nan_b = (builder.apply("is_nan", x) for x in (a, b))
                precedes = precedes | (nan_a & ~nan_b)
            take_left = (left < middle) & ((right >= high) | ~precedes)
            builder.store(target, place(loop.index), builder.select(take_left, a, b))
            loop.update(
                builder.select(take_left, left + 1, left),
                builder.select(take_left, right, right + 1),
            )
