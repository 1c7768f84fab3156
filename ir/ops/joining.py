"""Arrays joined with others, or with constants around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attributes import Attribute
from penstock.ir.dims import Size, total_of
from penstock.ir.errors import AxisError, DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Value
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, define
from penstock.ir.ops.families import (
    ElementContext,
    Movement,
    batch_size,
)
from penstock.ir.types import Type, bool_

# What one kernel joins at most: it looks at each element for each of the arrays.
_MOST_TOGETHER = 8

_NUMPY = "numpy.org/doc/stable/reference/routines.array-manipulation.html"


@define
class Concatenate(Movement):
    """Arrays joined along one axis.

    x...: any [...], equal but for that axis  ->  any.
    """

    name = "concatenate"
    operands = (Anything("x", variadic=True),)
    attributes = ("axis",)
    source = _NUMPY

    @staticmethod
    def reference(*x: Any, axis: int) -> Any:
        return np.concatenate(x, axis)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The sizes along the axis add up."""
        checked = cls.check_operands(types)
        first, axis = checked[0], attributes["axis"]
        if not (isinstance(axis, int) and 0 <= axis < first.rank):
            raise TypeRuleError(
                f"concatenate: axis {axis} does not fit {first}", kind=AxisError
            )
        for type_ in checked:
            rest = type_.shape[:axis] + type_.shape[axis + 1 :]
            if rest != first.shape[:axis] + first.shape[axis + 1 :]:
                raise TypeRuleError(
                    f"concatenate: {first} and {type_} differ beyond axis {axis}"
                )
            if type_.dtype is not first.dtype:
                raise TypeRuleError(
                    f"concatenate: operands are {first.dtype} and {type_.dtype}",
                    kind=DtypeError,
                )
        total = total_of(type_.shape[axis] for type_ in checked)
        return first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :]))

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        *,
        axis: int,
    ) -> Expression:
        filled = [
            a.constant(0).broadcast_to(a.shape) if da is None else da
            for a, da in zip(x, tangents, strict=True)
        ]
        return filled[0].apply("concatenate", *filled[1:], axis=axis)

    @staticmethod
    def transpose(
        cotangent: Expression, x: Sequence[Expression], position: int, *, axis: int
    ) -> Expression:
        start: Size = 0
        for operand in x[:position]:
            start = operand.shape[axis] + start
        shape = x[position].shape
        starts = tuple(start if a == axis else 0 for a in range(len(shape)))
        return cotangent.apply(
            "slice", start=starts, step=(1,) * len(shape), size=shape
        )

    @staticmethod
    def batch(
        operands: Sequence[Expression], batched: Sequence[bool], *, axis: int
    ) -> Expression:
        count = batch_size(operands, batched)
        x = [
            operand if yes else operand.broadcast_to((count, *operand.shape))
            for operand, yes in zip(operands, batched, strict=True)
        ]
        return x[0].apply("concatenate", *x[1:], axis=axis + 1)

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        builder, axis = context.builder, context.attributes["axis"]
        index = indices[axis]
        result: Scalar | None = None
        end: Size = 0
        for position, type_ in enumerate(context.types):
            start, end = end, type_.shape[axis] + end
            inside = index >= builder.size(start)
            if position + 1 < len(context.types):
                inside = inside & (index < builder.size(end))
            own = [*indices]
            own[axis] = index - builder.size(start)
            element = context.operand(position, own, when=inside)
            result = (
                element if result is None else builder.select(inside, element, result)
            )
        assert result is not None
        return result


def is_long_join(value: Value) -> bool:
    """Whether so many arrays are joined that each is copied into its place."""
    return value.is_op("concatenate") and len(value.operands) > _MOST_TOGETHER


@define
class Pad(Movement):
    """An array with a constant around it.

    x: any [...]; fill: the same dtype []  ->  any, low[i] and high[i] elements of
    fill before and after axis i. A negative width cuts elements off.
    """

    name = "pad"
    operands = (Anything("x"), Anything("fill"))
    attributes = ("low", "high")
    source = "numpy.org/doc/stable/reference/generated/numpy.pad.html"

    @staticmethod
    def reference(
        x: Any, fill: Any, *, low: tuple[int, ...], high: tuple[int, ...]
    ) -> Any:
        shape = [a + s + b for a, s, b in zip(low, x.shape, high, strict=True)]
        result = np.full(shape, fill, x.dtype)
        starts = [max(before, 0) for before in low]
        stops = [
            max(start, min(before + size, whole))
            for start, before, size, whole in zip(
                starts, low, x.shape, shape, strict=True
            )
        ]
        inside = tuple(map(slice, starts, stops))
        kept = tuple(
            slice(start - before, stop - before)
            for start, stop, before in zip(starts, stops, low, strict=True)
        )
        result[inside] = x[kept]
        return result

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The sizes with both widths added."""
        x, fill = cls.check_operands(types)
        low, high = attributes["low"], attributes["high"]
        assert isinstance(low, tuple) and isinstance(high, tuple)
        if fill.shape != () or fill.dtype is not x.dtype:
            raise TypeRuleError(f"pad: fill is {fill}, but must be {x.dtype}[]")
        if not len(low) == len(high) == x.rank:
            raise TypeRuleError(f"pad: widths {low}, {high} do not fit {x}")
        shape: tuple[Size, ...] = tuple(
            size + before + after
            for size, before, after in zip(x.shape, low, high, strict=True)
        )
        if any(isinstance(size, int) and size < 0 for size in shape):
            raise TypeRuleError(f"pad: widths {low}, {high} cut off more than {x} has")
        return x.with_shape(shape)

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        *,
        low: tuple[Size, ...],
        high: tuple[Size, ...],
    ) -> Expression:
        zero = x[0].constant(0)
        a, fill = tangents
        if a is None:
            a = zero.broadcast_to(x[0].shape)
        return a.apply("pad", zero if fill is None else fill, low=low, high=high)

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        low: tuple[Size, ...],
        high: tuple[Size, ...],
    ) -> Expression:
        zero = cotangent.constant(0)
        if position == 0:
            return cotangent.apply(
                "pad", zero, low=tuple(-n for n in low), high=tuple(-n for n in high)
            )
        # What is not inside, not the difference of two sums: that would cancel.
        false, true = cotangent.constant(False, bool_), cotangent.constant(True, bool_)
        outside = false.broadcast_to(x[0].shape).apply("pad", true, low=low, high=high)
        return outside.apply("select", cotangent, zero).sum(range(len(low)))

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        low: tuple[Size, ...],
        high: tuple[Size, ...],
    ) -> Expression:
        x, fill = operands
        count = batch_size(operands, batched)
        if not batched[0]:
            x = x.broadcast_to((count, *x.shape))
        if not batched[1]:
            return x.apply("pad", fill, low=(0, *low), high=(0, *high))
        # A bool that is padded along tells the fill from what is inside.
        false, true = x.constant(False, bool_), x.constant(True, bool_)
        widths: dict[str, Attribute] = {"low": (0, *low), "high": (0, *high)}
        outside = false.broadcast_to(x.shape).apply("pad", true, **widths)
        padded = x.apply("pad", x.constant(0), **widths)
        frame = fill.reshape((count, *([1] * len(low))))
        return outside.apply("select", frame, padded)

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        builder = context.builder
        fill = context.operand(1, [])
        low, high = context.attributes["low"], context.attributes["high"]
        own, inside = [], None
        for axis, index in enumerate(indices):
            if low[axis] == 0 and high[axis] == 0:
                own.append(index)
                continue
            moved = index - builder.size(low[axis])
            own.append(moved)
            end = context.types[0].shape[axis] + low[axis]
            within = (index >= builder.size(low[axis])) & (index < builder.size(end))
            inside = within if inside is None else inside & within
        if inside is None:
            return context.operand(0, own)
        return builder.select(inside, context.operand(0, own, when=inside), fill)
