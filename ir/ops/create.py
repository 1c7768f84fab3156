"""Ops without array operands: parameters, constants, sizes, counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attribute_kinds import SIZE
from penstock.ir.attributes import Constant
from penstock.ir.errors import DtypeError, TypeRuleError
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Op, Unsupported, define
from penstock.ir.ops.families import ElementContext, Movement
from penstock.ir.types import TensorType, Type, dtype_of, i64

_NO_OPERANDS = Unsupported("it has no operands")


class Create(Movement):
    """Ops without operands: nothing to differentiate or to batch."""

    operands = ()
    family = "create"
    transpose = _NO_OPERANDS
    batch = _NO_OPERANDS


@define
class Parameter(Op):
    """A parameter of a Function: an array, or a float argument as ``f64[]``."""

    name = "parameter"
    family = "create"
    operands = ()
    attributes = ("name",)
    reference = Unsupported("its value is given by the caller")
    source = "a Function's parameters"
    transpose = _NO_OPERANDS
    batch = _NO_OPERANDS
    lower = Unsupported("it is a Buffer of its own")
    flops = 0


@define
class Const(Create):
    """A constant array.

    ->  the constant's dtype and shape.
    """

    name = "const"
    attributes = ("value",)
    source = "numpy.org/doc/stable/reference/generated/numpy.array.html"

    @staticmethod
    def reference(*, value: Constant) -> Any:
        return value.array

    @classmethod
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> TensorType:
        """The type of the array."""
        value = attributes["value"]
        assert isinstance(value, Constant)
        dtype = dtype_of(value.array.dtype)
        if dtype is None:
            raise TypeRuleError(
                f"const: an array of {value.array.dtype} is not supported",
                kind=DtypeError,
            )
        return TensorType(dtype, value.array.shape)

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        # Arrays larger than one element are Buffers; they never come here.
        array = context.attributes["value"].array
        assert array.size == 1
        return context.builder.constant(array.reshape(())[()], context.type.dtype)


@define
class DimValue(Create):
    """A host integer as a scalar.

    ->  i64[].
    """

    name = "dim"
    attributes = ("size",)
    attribute_kinds = {"size": SIZE}
    source = "a host integer"

    @staticmethod
    def reference(*, size: int) -> Any:
        return np.array(size, np.int64)

    @classmethod
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> TensorType:
        """Always ``i64[]``."""
        return TensorType(i64)

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        return context.builder.size(context.attributes["size"])


@define
class Iota(Create):
    """Each element is its own index along one axis (``np.arange``).

    ->  dtype [shape].
    """

    name = "iota"
    attributes = ("shape", "axis", "dtype")
    source = "numpy.org/doc/stable/reference/generated/numpy.indices.html"

    @staticmethod
    def reference(*, shape: tuple[int, ...], axis: int, dtype: Any) -> Any:
        numpy_dtype = dtype.numpy
        counter = np.arange(shape[axis]).astype(numpy_dtype)
        column = counter.reshape([-1 if a == axis else 1 for a in range(len(shape))])
        return np.broadcast_to(column, shape).copy()

    @classmethod
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> TensorType:
        """The given dtype and shape."""
        shape, axis, dtype = (attributes[name] for name in cls.attributes)
        assert isinstance(shape, tuple)
        if not (isinstance(axis, int) and 0 <= axis < len(shape)):
            raise TypeRuleError(f"iota: axis {axis} is not in {len(shape)} axes")
        return TensorType(dtype, shape)

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        index = indices[context.attributes["axis"]]
        return context.builder.convert(index, context.type.dtype)
