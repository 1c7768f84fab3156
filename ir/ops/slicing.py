"""Parts of arrays at regular distances, read and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.dims import Size, dim_maximum, dim_minimum
from penstock.ir.errors import TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.guards import Guard
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, define
from penstock.ir.ops.families import (
    ElementContext,
    Movement,
    batch_size,
)
from penstock.ir.types import TensorType, Type

_NUMPY = "numpy.org/doc/stable/reference/routines.array-manipulation.html"


def check_slice(
    name: str, type_: TensorType, attributes: Mapping[str, Any]
) -> tuple[Size, ...]:
    """The sizes of a slice, if its attributes fit the array.

    Raises:
        TypeRuleError: they do not.
    """
    start, step, size = (attributes[key] for key in ("start", "step", "size"))
    assert isinstance(start, tuple)
    assert isinstance(step, tuple)
    assert isinstance(size, tuple)
    if not len(start) == len(step) == len(size) == type_.rank:
        raise TypeRuleError(f"{name}: slices do not fit an array of {type_.rank} axes")
    for first, stride, count, whole in zip(start, step, size, type_.shape, strict=True):
        numbers = (first, stride, count, whole)
        if not all(isinstance(number, int) for number in numbers):
            continue
        last = first + (count - 1) * stride
        if count > 0 and not (0 <= first < whole and 0 <= last < whole):
            raise TypeRuleError(
                f"{name}: elements {first} to {last} lie outside an axis of {whole}"
            )
        if count < 0:
            raise TypeRuleError(f"{name}: a slice of {count} elements")
    return size


def slice_requirements(
    type_: TensorType, attributes: Mapping[str, Any]
) -> Iterator[Guard]:
    """That a slice lies within the array, if it has elements at all."""
    start, step, size = (attributes[key] for key in ("start", "step", "size"))
    for first, stride, count, whole in zip(start, step, size, type_.shape, strict=True):
        last = first + (count - 1) * stride
        if isinstance(stride, int):
            low, high = (first, last) if stride >= 0 else (last, first)
        else:
            low, high = dim_minimum(first, last), dim_maximum(first, last)
        # With the count as a factor, they hold where there are no elements.
        factor = 1 if isinstance(count, int) and count > 0 else count
        yield Guard(low * factor, ">=", 0)
        yield Guard((whole - 1 - high) * factor, ">=", 0)


def slice_key(start: Sequence[int], step: Sequence[int], size: Sequence[int]) -> Any:
    """NumPy's index for elements ``start + i * step``, i below ``size``."""
    key: list[Any] = []
    for first, stride, count in zip(start, step, size, strict=True):
        stop = first + count * stride
        if count == 0:
            key.append(slice(0, 0))
        elif stride == 0:
            key.append(np.full(count, first))
        else:
            key.append(slice(first, stop if stop >= 0 else None, stride))
    if any(isinstance(part, np.ndarray) for part in key):
        return np.ix_(*(
            np.array([f + i * s for i in range(c)], np.intp)
            for f, s, c in zip(start, step, size, strict=True)
        ))  # fmt: skip
    return tuple(key)


@define
class Slice(Movement):
    """Elements at regular distances: element i is x[start + i * step], per axis.

    x: any [...]  ->  any [size].
    """

    name = "slice"
    operands = (Anything("x"),)
    attributes = ("start", "step", "size")
    source = "numpy.org/doc/stable/user/basics.indexing.html"
    linear = (0,)

    @staticmethod
    def reference(
        x: Any, *, start: tuple[int, ...], step: tuple[int, ...], size: tuple[int, ...]
    ) -> Any:
        return x[slice_key(start, step, size)].copy()

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The operand's dtype in the given sizes."""
        (type_,) = cls.check_operands(types)
        return type_.with_shape(check_slice(cls.name, type_, attributes))

    @classmethod
    def requirements(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> Iterator[Guard]:
        """The slice lies within the array."""
        (type_,) = cls.check_operands(types)
        return slice_requirements(type_, attributes)

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        **attributes: Any,
    ) -> Expression:
        zeros = cotangent.constant(0).broadcast_to(x[0].shape)
        return zeros.apply("update_slice", cotangent, **attributes)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        start: tuple[Size, ...],
        step: tuple[Size, ...],
        size: tuple[Size, ...],
    ) -> Expression:
        (x,) = operands
        return x.apply(
            "slice", start=(0, *start), step=(1, *step), size=(x.shape[0], *size)
        )

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        builder = context.builder
        own = [
            builder.size(first) + index * builder.size(stride)
            for first, stride, index in zip(
                context.attributes["start"],
                context.attributes["step"],
                indices,
                strict=True,
            )
        ]
        return context.operand(0, own)


@define
class UpdateSlice(Movement):
    """An array with the elements of a slice replaced.

    x: any [...]; y: the same dtype [size]  ->  x, with x[start + i * step] = y[i].
    """

    name = "update_slice"
    operands = (Anything("x"), Anything("y"))
    attributes = ("start", "step", "size")
    source = "numpy.org/doc/stable/user/basics.indexing.html"

    @staticmethod
    def reference(
        x: Any,
        y: Any,
        *,
        start: tuple[int, ...],
        step: tuple[int, ...],
        size: tuple[int, ...],
    ) -> Any:
        result = x.copy()
        result[slice_key(start, step, size)] = y
        return result

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The type of x."""
        x, y = cls.check_operands(types)
        size = check_slice(cls.name, x, attributes)
        step = attributes["step"]
        assert isinstance(step, tuple)
        if any(s == 0 and c != 1 for s, c in zip(step, size, strict=True)):
            raise TypeRuleError("update_slice: a step of 0 writes one element twice")
        if y.shape != size or y.dtype is not x.dtype:
            raise TypeRuleError(
                f"update_slice: cannot write {y} to {x.with_shape(size)}"
            )
        return x

    @classmethod
    def requirements(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> Iterator[Guard]:
        """The slice lies within x, and writes no element twice."""
        yield from slice_requirements(cls.check_operands(types)[0], attributes)
        for stride, count in zip(attributes["step"], attributes["size"], strict=True):
            if count != 1:
                yield Guard(stride, "!=", 0)

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        **attributes: Any,
    ) -> Expression:
        zero = x[0].constant(0)
        whole, part = (
            zero.broadcast_to(a.shape) if da is None else da
            for a, da in zip(x, tangents, strict=True)
        )
        return whole.apply("update_slice", part, **attributes)

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        **attributes: Any,
    ) -> Expression:
        if position == 1:
            return cotangent.apply("slice", **attributes)
        zeros = cotangent.constant(0).broadcast_to(x[1].shape)
        return cotangent.apply("update_slice", zeros, **attributes)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        start: tuple[Size, ...],
        step: tuple[Size, ...],
        size: tuple[Size, ...],
    ) -> Expression:
        count = batch_size(operands, batched)
        x, y = (
            operand if yes else operand.broadcast_to((count, *operand.shape))
            for operand, yes in zip(operands, batched, strict=True)
        )
        return x.apply(
            "update_slice", y, start=(0, *start), step=(1, *step), size=(count, *size)
        )

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        builder, attributes = context.builder, context.attributes
        own, inside = [], None
        for axis, index in enumerate(indices):
            first, stride, count = (
                attributes[key][axis] for key in ("start", "step", "size")
            )
            moved = index - builder.size(first)
            within = None
            if count == 1:
                stride = 1  # of one element, any step is the same
            if stride not in (1, -1):
                divisor = builder.size(stride)
                within = (moved % divisor).equals(0)
                moved = moved // divisor
            elif stride == -1:
                moved = builder.size(0) - moved
            own.append(moved)
            if first == 0 and stride == 1 and count == context.type.shape[axis]:
                continue
            if stride == 1:
                start, end = builder.size(first), builder.size(first + count)
                in_range = (index >= start) & (index < end)
            else:
                in_range = (moved >= 0) & (moved < builder.size(count))
            within = in_range if within is None else within & in_range
            inside = within if inside is None else inside & within
        if inside is None:
            return context.operand(1, own)
        new = context.operand(1, own, when=inside)
        return builder.select(inside, new, context.operand(0, indices))
