"""Ops that move elements: reshape, transpose, slices, joins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.dims import Size, product, without_remainders
from penstock.ir.errors import AxisError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.guards import Guard
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, define
from penstock.ir.ops.families import ElementContext, Movement, broadcast_indices
from penstock.ir.types import TensorType, Type

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
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The operand's dtype in the given shape."""
        (type_,) = cls.check_operands(types)
        result = TensorType(type_.dtype, attributes["shape"])
        # A quotient of sizes is one that a guard says to leave no remainder.
        if without_remainders(result.size - type_.size) != 0:
            raise TypeRuleError(
                f"reshape: {type_} has {type_.size} elements, "
                f"{list(result.shape)} would have {result.size}"
            )
        return result

    @classmethod
    def requirements(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> Iterator[Guard]:
        """No quotient of sizes leaves a remainder."""
        (type_,) = cls.check_operands(types)
        yield Guard(product(attributes["shape"]), "==", type_.size)

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
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The sizes in another order."""
        (type_,) = cls.check_operands(types)
        permutation = attributes["permutation"]
        assert isinstance(permutation, tuple)
        if sorted(permutation) != list(range(type_.rank)):
            raise TypeRuleError(
                f"transpose: {permutation} does not order {type_.rank} axes",
                kind=AxisError,
            )
        return type_.with_shape(tuple(type_.shape[axis] for axis in permutation))

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
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The operand's dtype in the given shape."""
        (type_,) = cls.check_operands(types)
        result = TensorType(type_.dtype, attributes["shape"])
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
