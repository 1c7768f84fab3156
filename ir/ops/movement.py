"""Ops that move elements: reshape, transpose, slices, joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attributes import Attribute
from penstock.ir.dims import Size, without_remainders
from penstock.ir.errors import AxisError, DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, define
from penstock.ir.ops.families import ElementContext, Movement, broadcast_indices
from penstock.ir.types import TensorType, Type, bool_

_NUMPY = "numpy.org/doc/stable/reference/routines.array-manipulation.html"


@define
class Reshape(Movement):
    """The same elements, in C order, in another shape of the same size.

    x: any [...]  ->  any [shape].
    """

    name = "reshape"
    operands = (Anything("x"),)
    attributes = ("shape",)
    source = _NUMPY
    linear = (0,)

    @staticmethod
    def reference(x: Any, *, shape: tuple[int, ...]) -> Any:
        return np.reshape(x, shape)

    @classmethod
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
        """The operand's dtype in the given shape."""
        (type_,) = cls.check_operands(types)
        result = TensorType(type_.dtype, attributes["shape"])  # type: ignore[arg-type]
        # A quotient of sizes is one that a guard says to leave no remainder.
        if without_remainders(result.size - type_.size) != 0:
            raise TypeRuleError(
                f"reshape: {type_} has {type_.size} elements, "
                f"{list(result.shape)} would have {result.size}"
            )
        return result

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        shape: tuple[Size, ...],
    ) -> Expression:
        return cotangent.reshape(x[0].shape)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        shape: tuple[Size, ...],
    ) -> Expression:
        (x,) = operands
        return x.reshape((x.shape[0], *shape))

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        (source,) = context.types
        return context.operand(
            0, reshaped_indices(context, context.type.shape, source.shape, indices)
        )


def reshaped_indices(
    context: ElementContext,
    shape: Sequence[Size],
    source: Sequence[Size],
    indices: Sequence[Scalar],
) -> list[Scalar]:
    """Where the element at ``indices`` of ``shape`` stands in ``source``."""
    result: list[Scalar] = []
    builder = context.builder
    for own, other in matching_groups(shape, source):
        if len(own) == 1 and len(other) == 1:
            result.append(indices[own[0]])
            continue
        linear = builder.size(0)
        for axis in own:
            linear = linear * builder.size(shape[axis]) + indices[axis]
        inner: list[Scalar] = []
        for axis in reversed(other[1:]):
            size = source[axis]
            if size == 1:
                inner.append(builder.size(0))
                continue
            divisor = builder.size(size)
            inner.append(linear % divisor)
            linear = linear // divisor
        if other:
            result += [linear, *reversed(inner)]
    return result


def matching_groups(
    left: Sequence[Size], right: Sequence[Size]
) -> list[tuple[list[int], list[int]]]:
    """Split two shapes of one size into the shortest runs of equal size.

    Example:
        >>> matching_groups((2, 3, 4), (6, 4))
        [([0, 1], [0]), ([2], [1])]
    """
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(left) or j < len(right):
        own: list[int] = []
        other: list[int] = []
        own_size: Size = 1
        other_size: Size = 1
        while True:
            if own_size == other_size and (own or other):
                break
            # Extend the side that surely is smaller; where unknown, take both.
            if j >= len(right) or (i < len(left) and _extends(own_size, other_size)):
                if i >= len(left):
                    break
                own_size = left[i] * own_size
                own.append(i)
                i += 1
            else:
                other_size = right[j] * other_size
                other.append(j)
                j += 1
        groups.append((own, other))
    return groups


def _extends(own: Size, other: Size) -> bool:
    if isinstance(own, int) and isinstance(other, int):
        return own <= other
    if isinstance(own, int) or isinstance(other, int):
        return isinstance(own, int)
    return len(own.terms[0][0]) <= len(other.terms[0][0])


@define
class Transpose(Movement):
    """The axes in another order.

    x: any [...]  ->  any; axis i of the result is axis permutation[i] of x.
    """

    name = "transpose"
    operands = (Anything("x"),)
    attributes = ("permutation",)
    source = _NUMPY
    linear = (0,)

    @staticmethod
    def reference(x: Any, *, permutation: tuple[int, ...]) -> Any:
        return np.transpose(x, permutation)

    @classmethod
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
        """The sizes in another order."""
        (type_,) = cls.check_operands(types)
        permutation = attributes["permutation"]
        assert isinstance(permutation, tuple)
        if sorted(permutation) != list(range(type_.rank)):  # type: ignore[type-var]
            raise TypeRuleError(
                f"transpose: {permutation} does not order {type_.rank} axes",
                kind=AxisError,
            )
        return type_.with_shape(
            tuple(type_.shape[axis] for axis in permutation)  # type: ignore[index]
        )

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        permutation: tuple[int, ...],
    ) -> Expression:
        return cotangent.transpose(inverse(permutation))

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        permutation: tuple[int, ...],
    ) -> Expression:
        return operands[0].transpose((0, *(axis + 1 for axis in permutation)))

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        order = inverse(context.attributes["permutation"])
        return context.operand(0, [indices[axis] for axis in order])


def inverse(permutation: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes another."""
    order = [0] * len(permutation)
    for position, axis in enumerate(permutation):
        order[axis] = position
    return tuple(order)


@define
class BroadcastTo(Movement):
    """The elements repeated along new leading axes and axes of size 1.

    x: any [...]  ->  any [shape].
    """

    name = "broadcast_to"
    operands = (Anything("x"),)
    attributes = ("shape",)
    source = _NUMPY
    linear = (0,)

    @staticmethod
    def reference(x: Any, *, shape: tuple[int, ...]) -> Any:
        return np.broadcast_to(x, shape).copy()

    @classmethod
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
        """The operand's dtype in the given shape."""
        (type_,) = cls.check_operands(types)
        result = TensorType(type_.dtype, attributes["shape"])  # type: ignore[arg-type]
        tail = result.shape[result.rank - type_.rank :]
        if type_.rank > result.rank or any(
            size not in (1, wanted)
            for size, wanted in zip(type_.shape, tail, strict=True)
        ):
            raise TypeRuleError(
                f"broadcast_to: cannot broadcast {type_} to {list(result.shape)}",
                hint="only axes of size 1, and new leading axes, can be repeated",
            )
        return result

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        shape: tuple[Size, ...],
    ) -> Expression:
        (type_,) = (operand.type for operand in x)
        missing = len(shape) - type_.rank
        axes = [*range(missing)]
        for axis, size in enumerate(type_.shape):
            if size == 1 and shape[missing + axis] != 1:
                axes.append(missing + axis)
        return cotangent.sum(axes).reshape(type_.shape)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        shape: tuple[Size, ...],
    ) -> Expression:
        (x,) = operands
        missing = len(shape) - (x.rank - 1)
        x = x.reshape((x.shape[0], *([1] * missing), *x.shape[1:]))
        return x.broadcast_to((x.shape[0], *shape))

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        (source,) = context.types
        return context.operand(
            0, broadcast_indices(context.builder, source.shape, indices)
        )


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
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
        """The sizes along the axis add up."""
        checked = cls.check_operands(types)
        first, axis = checked[0], attributes["axis"]
        if not (isinstance(axis, int) and 0 <= axis < first.rank):
            raise TypeRuleError(
                f"concatenate: axis {axis} does not fit {first}", kind=AxisError
            )
        total: Size = 0
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
            total = type_.shape[axis] + total
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


def batch_size(operands: Sequence[Expression], batched: Sequence[bool]) -> Size:
    """The size of the batch axis."""
    return next(
        operand.shape[0] for operand, yes in zip(operands, batched, strict=True) if yes
    )


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
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
        """The sizes with both widths added."""
        x, fill = cls.check_operands(types)
        low, high = attributes["low"], attributes["high"]
        assert isinstance(low, tuple) and isinstance(high, tuple)
        if fill.shape != () or fill.dtype is not x.dtype:
            raise TypeRuleError(f"pad: fill is {fill}, but must be {x.dtype}[]")
        if not len(low) == len(high) == x.rank:
            raise TypeRuleError(f"pad: widths {low}, {high} do not fit {x}")
        shape: tuple[Size, ...] = tuple(
            size + before + after  # type: ignore[operator]
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
            size = builder.size(context.types[0].shape[axis])
            within = (moved >= 0) & (moved < size)
            inside = within if inside is None else inside & within
        if inside is None:
            return context.operand(0, own)
        return builder.select(inside, context.operand(0, own, when=inside), fill)


def check_slice(
    name: str, type_: TensorType, attributes: Mapping[str, Attribute]
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
        last = first + (count - 1) * stride  # type: ignore[operator]
        if count > 0 and not (0 <= first < whole and 0 <= last < whole):  # type: ignore[operator]
            raise TypeRuleError(
                f"{name}: elements {first} to {last} lie outside an axis of {whole}"
            )
        if count < 0:  # type: ignore[operator]
            raise TypeRuleError(f"{name}: a slice of {count} elements")
    return size  # type: ignore[return-value]


def slice_key(start: Sequence[int], step: Sequence[int], size: Sequence[int]) -> Any:
    """NumPy's index for elements ``start + i * step``, i below ``size``."""
    key = []
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
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
        """The operand's dtype in the given sizes."""
        (type_,) = cls.check_operands(types)
        return type_.with_shape(check_slice(cls.name, type_, attributes))

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        **attributes: Attribute,
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
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
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

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        **attributes: Attribute,
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
        **attributes: Attribute,
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
            in_range = (moved >= 0) & (moved < builder.size(count))
            within = in_range if within is None else within & in_range
            inside = within if inside is None else inside & within
        if inside is None:
            return context.operand(1, own)
        new = context.operand(1, own, when=inside)
        return builder.select(inside, new, context.operand(0, indices))
