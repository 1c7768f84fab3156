"""Families of ops: what follows from the kind of op alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from penstock.ir.dims import Size
from penstock.ir.errors import AxisError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.op import Op
from penstock.ir.types import Dtype, TensorType, Type, bool_

if TYPE_CHECKING:
    from penstock.ir.loop.build import KernelBuilder

__all__ = [
    "ElementContext",
    "Elementwise",
    "Movement",
    "Nest",
    "NestContext",
    "Predicate",
    "Reduction",
    "batch_size",
    "broadcast_shapes",
    "check_axes",
]


class ElementContext(Protocol):
    """What a lowering rule sees of one element of a Value."""

    builder: KernelBuilder

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The Value's attributes."""

    @property
    def type(self) -> TensorType:
        """The Value's type."""

    @property
    def types(self) -> Sequence[TensorType]:
        """The operands' types."""

    def operand(
        self, position: int, indices: Sequence[Scalar], when: Scalar | None = None
    ) -> Scalar:
        """An element of an operand; zero where ``when`` does not hold."""

    def check(self, condition: Scalar, detail: Scalar, axis: int) -> None:
        """Raise an index error at run time unless the condition holds."""

    def require(self, condition: Scalar, text: str, code: str) -> None:
        """Raise an ArgumentError at run time unless the condition holds."""


class NestContext(ElementContext, Protocol):
    """What the lowering rule of an op with loops of its own sees.

    ``in_place`` says that the result is in the memory of the first operand, and holds
    its elements already; ``is_consumed`` that more is computed from it, by ``store``;
    ``registers`` how many vector registers the machine has.
    """

    in_place: bool
    is_consumed: bool
    registers: int

    def rows(self, sizes: Sequence[Size]) -> AbstractContextManager[tuple[Scalar, ...]]:
        """The parallel loop over all indices of some axes."""

    def tiles(
        self, sizes: Sequence[Size], blocked: Size, block: int
    ) -> AbstractContextManager[tuple[tuple[Scalar, ...], Scalar, Scalar]]:
        """The parallel loop over blocks of one axis and all indices of others.

        Gives the indices, and where the block starts and stops.
        """

    def store(self, indices: Sequence[Scalar], value: Scalar) -> None:
        """Write an element of the result."""

    def result(self) -> Buffer:
        """The result itself, to read back what was stored."""

    def scratch(self, type_: TensorType) -> Buffer:
        """Memory for the Kernel's own use."""

    def effort(self, each: tuple[Size, Size], whole: tuple[Size, Size]) -> None:
        """How many elements and terms of sums an iteration, and the whole, handle.

        Unless it is stated, it is estimated from the sizes of operands and result.
        """

    def before(
        self, type_: TensorType
    ) -> AbstractContextManager[tuple[NestContext, Buffer, Buffer]]:
        """A Kernel that runs before this one, and fills an array for it.

        Gives what its loops are built with, the array as it writes it, and as this
        Kernel reads it.
        """

    def local(self, type_: TensorType) -> Buffer:
        """A little memory of each iteration of the parallel loop, of a fixed size."""

    def is_contiguous(self, position: int, axis: int) -> bool:
        """Whether neighbours along an operand's axis are neighbours in memory."""


def broadcast_shapes(name: str, types: Sequence[TensorType]) -> tuple[Size, ...]:
    """The common shape of operands that broadcast.

    Raises:
        TypeRuleError: two sizes differ and neither is 1.
    """
    rank = max((type_.rank for type_ in types), default=0)
    shape: list[Size] = [1] * rank
    for type_ in types:
        offset = rank - type_.rank
        for axis, size in enumerate(type_.shape):
            known = shape[offset + axis]
            if known == 1:
                shape[offset + axis] = size
            elif size not in (1, known):
                listed = " with ".join(map(str, types))
                raise TypeRuleError(
                    f"{name}: cannot broadcast {listed}",
                    hint="align trailing axes, e.g. x[:, None]",
                )
    return tuple(shape)


def check_axes(name: str, axes: Any, rank: int) -> tuple[int, ...]:
    """The axes, if they are ascending, distinct and within the rank.

    Raises:
        TypeRuleError: they are not.
    """
    if not (
        isinstance(axes, tuple)
        and all(isinstance(axis, int) and 0 <= axis < rank for axis in axes)
        and list(axes) == sorted(set(axes))
    ):
        raise TypeRuleError(
            f"{name}: axes {axes} do not fit an array of {rank} axes", kind=AxisError
        )
    return axes


class Elementwise(Op):
    """Ops that compute each element from the elements at the same indices.

    A definition states ``partials(y, *x)`` and ``lower(*scalars)``; operands have one
    dtype and broadcast. Shapes, batching and loops follow.
    """

    family = "elementwise"
    # The dtype of the result where it is not that of the operands.
    result_dtype: ClassVar[Dtype | None] = None

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The broadcast shape, in the operands' dtype or ``result_dtype``."""
        checked = cls.check_operands(types)
        same = [type_.dtype for type_ in checked[cls.first_typed :]]
        if any(dtype is not same[0] for dtype in same):
            raise TypeRuleError(
                f"{cls.name}: operands are {' and '.join(map(str, same))}, "
                "but must be of one dtype",
                code="dtype",
            )
        dtype = cls.result_dtype or same[0]
        return TensorType(dtype, broadcast_shapes(cls.name, checked))

    # The operand from which on all dtypes are the same (1 for `select`).
    first_typed: ClassVar[int] = 0

    @classmethod
    def batch(
        cls,
        operands: Sequence[Expression],
        batched: Sequence[bool],
        **attributes: Any,
    ) -> Expression:
        """Align the batch axis: broadcasting counts axes from the last."""
        rank = max(
            operand.rank - is_batched
            for operand, is_batched in zip(operands, batched, strict=True)
        )
        aligned = []
        for operand, is_batched in zip(operands, batched, strict=True):
            if is_batched and operand.rank - 1 < rank:
                missing = rank - (operand.rank - 1)
                shape = operand.shape
                operand = operand.reshape((shape[0], *([1] * missing), *shape[1:]))
            aligned.append(operand)
        return aligned[0].apply(cls.name, *aligned[1:], **attributes)

    @classmethod
    def element(cls, context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        """The element at ``indices``, from the operands' elements."""
        scalars = []
        for position, type_ in enumerate(context.types):
            own = broadcast_indices(context.builder, type_.shape, indices)
            scalars.append(context.operand(position, own))
        result: Scalar = cls.lower(*scalars, **context.attributes)
        return result


def broadcast_indices(
    builder: KernelBuilder, shape: Sequence[Size], indices: Sequence[Scalar]
) -> list[Scalar]:
    """The indices into an operand that broadcasts: 0 along axes of size 1."""
    tail = indices[len(indices) - len(shape) :]
    zero = builder.size(0)
    return [
        zero if size == 1 else index for size, index in zip(shape, tail, strict=True)
    ]


class Predicate(Elementwise):
    """Elementwise ops that answer with a bool; their derivative is zero."""

    result_dtype = bool_

    @staticmethod
    def partials(y: Expression, *x: Expression) -> tuple[None, ...]:
        """Zero: the result is piecewise constant."""
        return tuple(None for _ in x)


class Reduction(Op):
    """Ops that combine all elements along axes.

    A definition states ``combine`` (a primitive that is associative and
    commutative), ``identity(dtype)``, and a derivative. An op without an identity
    on empty arrays is guarded by whoever builds it.
    """

    family = "reduction"
    attributes = ("axes", "keepdims")
    combine: ClassVar[str]

    @classmethod
    def identity(cls, dtype: Dtype) -> Any:
        """The value that changes nothing when combined."""
        raise NotImplementedError

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The operand's type without the axes, or with size 1 there."""
        (type_,) = cls.check_operands(types)
        axes = check_axes(cls.name, attributes["axes"], type_.rank)
        return type_.with_shape(
            reduced_shape(type_.shape, axes, bool(attributes["keepdims"]))
        )

    @classmethod
    def evaluate(
        cls, arrays: Sequence[Any], attributes: Mapping[str, Any], type_: Type
    ) -> Any:
        """The NumPy reduction; 16-bit floats accumulate in ``f32``."""
        assert isinstance(type_, TensorType)
        (x,) = arrays
        dtype = type_.dtype
        wide = x.astype(dtype.compute.numpy)
        result = cls.reference(
            wide, axis=attributes["axes"], keepdims=attributes["keepdims"]
        )
        return np.asarray(result).astype(dtype.numpy)

    @classmethod
    def batch(
        cls,
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        axes: tuple[int, ...],
        keepdims: bool,
    ) -> Expression:
        """The same reduction, its axes one further on."""
        shifted = tuple(axis + 1 for axis in axes)
        return operands[0].apply(cls.name, axes=shifted, keepdims=keepdims)

    lower = "combine"


def reduced_shape(
    shape: Sequence[Size], axes: Sequence[int], keepdims: bool
) -> tuple[Size, ...]:
    """A shape after reducing axes."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


class Movement(Op):
    """Ops whose elements are elements of their operands at other indices.

    A definition states ``lower(context, indices)``, the element at ``indices``.
    """

    family = "movement"
    flops = 0

    @classmethod
    def element(cls, context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        """The element at ``indices``."""
        result: Scalar = cls.lower(context, indices)
        return result


class Nest(Op):
    """Ops that need loops of their own: contractions, sorts, scans, scatters.

    A definition states ``lower(context)``, which builds the loops and stores every
    element of the result. ``fuses_result`` says that each element is stored once
    and not read back, so that elementwise consumers may join the store.
    """

    family = "nest"
    fuses_result: ClassVar[bool] = False


def batch_size(operands: Sequence[Expression], batched: Sequence[bool]) -> Size:
    """The size of the batch axis."""
    return next(
        operand.shape[0] for operand, yes in zip(operands, batched, strict=True) if yes
    )
