"""Ops along an order: cumulative sums and sorting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attributes import Attribute
from penstock.ir.dims import Size
from penstock.ir.errors import AxisError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import ULP, Anything, Numeric, Unsupported, define
from penstock.ir.ops.families import Nest, NestContext, batch_size
from penstock.ir.ops.sorting import lower_sort
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
        return backwards(backwards(cotangent, axis).apply("cumsum", axis=axis), axis)

    @staticmethod
    def lower(context: NestContext) -> None:
        builder = context.builder

        def step(total: Scalar, indices: list[Scalar]) -> Scalar:
            return total + builder.convert(context.operand(0, indices), total.dtype)

        # The first sum is the first element, with its sign.
        scan(context, step, first=-0.0 if context.type.dtype.is_float else 0)


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
        a = backwards(shifted(x[0], axis, -1), axis)
        result = a.apply("recurrence", backwards(cotangent, axis), axis=axis)
        return backwards(result, axis)

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

        scan(context, step)


def scan(
    context: NestContext,
    step: Callable[[Scalar, list[Scalar]], Scalar],
    first: float = 0,
) -> None:
    """Store what ``step`` makes, along each line, of what it made before."""
    builder, shape = context.builder, context.type.shape
    axis, last = context.attributes["axis"], len(shape) - 1
    across = axis != last
    outer = [a for a in range(len(shape)) if a != axis and not (across and a == last)]
    with context.rows([shape[a] for a in outer]) as rows:
        at = dict(zip(outer, rows, strict=True))

        def line() -> None:
            start = builder.constant(first, context.type.dtype.compute)
            with builder.loop(
                "serial", builder.size(shape[axis]), carries=[(start, None)], hint="s"
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


def shifted(x: Expression, axis: int, places: int, first: float = 0) -> Expression:
    """The elements moved along an axis, a number in the places that become free."""
    low = tuple(places if a == axis else 0 for a in range(x.rank))
    return x.apply("pad", x.constant(first), low=low, high=tuple(-n for n in low))


def backwards(x: Expression, axis: int) -> Expression:
    """The elements along an axis in the other order."""
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
        """The tangents in the order of the elements; equal ones as they stand."""
        return along(tangents[0], x[0].apply("argsort", axis=axis), axis)

    @staticmethod
    def lower(context: NestContext) -> None:
        lower_sort(context, context.attributes["axis"], positions=False)


@define
class ArgSort(AlongAxis):
    """Where along an axis the elements in ascending order were, nan last.

    x: any [...]  ->  i64 [...]. Equal elements, 0 and -0, stay in their order.
    """

    name = "argsort"
    operands = (Anything("x"),)
    source = "numpy.org/doc/stable/reference/generated/numpy.argsort.html"
    flops = 16
    jvp = Unsupported("positions are piecewise constant")

    @staticmethod
    def reference(x: Any, *, axis: int) -> Any:
        wide = x.astype(np.float32) if x.dtype.kind == "V" else x
        return np.argsort(wide, axis, kind="stable").astype(np.int64)

    @classmethod
    def along_axis(cls, type_: TensorType, axis: Attribute) -> TensorType:
        """Positions for each element."""
        return super().along_axis(type_, axis).with_dtype(i64)

    @staticmethod
    def lower(context: NestContext) -> None:
        lower_sort(context, context.attributes["axis"], positions=True)


def along(x: Expression, positions: Expression, axis: int) -> Expression:
    """Elements at positions along an axis, the others' own indices elsewhere."""
    builder, shape = x.builder, positions.shape
    indices = [
        positions
        if a == axis
        else Expression(builder, builder.add("iota", shape=shape, axis=a, dtype=i64))
        for a in range(len(shape))
    ]
    return x.apply("gather", *indices, axes=tuple(range(len(shape))))
