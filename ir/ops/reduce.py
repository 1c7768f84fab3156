"""Reductions over axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.dims import Size, product
from penstock.ir.errors import AxisError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.op import ULP, Anything, Boolean, Numeric, Op, Unsupported, define
from penstock.ir.ops.families import Reduction, reduced_shape
from penstock.ir.types import Dtype, TensorType, Type, i64

_NUMPY = "numpy.org/doc/stable/reference/routines.math.html"


def keep_axes(x: Expression, shape: Sequence[Size], axes: Sequence[int]) -> Expression:
    """A reduced array with its axes put back at size 1."""
    return x.reshape(reduced_shape(shape, axes, True))


@define
class Sum(Reduction):
    """Sum over axes; 0 for none.

    x: number [...]  ->  number, without the axes or with size 1 there. Integers wrap
    around. Terms are added in an order that depends on the sizes alone.
    """

    name = "sum"
    operands = (Numeric("x"),)
    reference = np.sum
    combine = "add"
    # Relative to the sum of magnitudes; the order of terms differs from NumPy's.
    tolerance = {"f32": 8 * ULP, "f64": 8 * ULP, "f16": 2 * ULP, "bf16": 2 * ULP}
    source = _NUMPY
    flops = 1
    linear = (0,)

    @classmethod
    def identity(cls, dtype: Dtype) -> Any:
        return 0

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        axes: tuple[int, ...],
        keepdims: bool,
    ) -> Expression:
        shape = x[0].shape
        return keep_axes(cotangent, shape, axes).broadcast_to(shape)


@define
class Product(Reduction):
    """Product over axes; 1 for none.

    x: number [...]  ->  number, without the axes or with size 1 there.
    d prod x = sum_i (prod of the others) dx_i, the others being those before times
    those after. It divides by nothing, so zeros do no harm to derivatives of any order.
    """

    name = "prod"
    operands = (Numeric("x"),)
    reference = np.prod
    combine = "mul"
    tolerance = {"f32": 64 * ULP, "f64": 64 * ULP, "f16": 4 * ULP, "bf16": 4 * ULP}
    source = _NUMPY
    flops = 1

    @classmethod
    def identity(cls, dtype: Dtype) -> Any:
        return 1

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression],
        *,
        axes: tuple[int, ...],
        keepdims: bool,
    ) -> Expression:
        if not axes:
            return tangents[0]
        a, da = (_flatten(expression, axes) for expression in (x[0], tangents[0]))
        # Not on top: these modules define ops of their own, in an order that shows.
        from penstock.ir.ops.order import backwards, shifted

        axis = a.rank - 1

        def before(x: Expression) -> Expression:
            return shifted(x.apply("cumprod", axis=axis), axis, 1, first=1)

        others = before(a) * backwards(before(backwards(a, axis)), axis)
        return da.apply("scale", others).sum((axis,)).reshape(y.shape)


def _flatten(x: Expression, axes: Sequence[int]) -> Expression:
    """Some axes moved to the end and made one."""
    kept = [axis for axis in range(x.rank) if axis not in axes]
    moved = x.transpose((*kept, *axes))
    shape = moved.shape
    return moved.reshape((*shape[: len(kept)], product(shape[len(kept) :])))


def _extremum_jvp(
    y: Expression,
    x: Sequence[Expression],
    tangents: Sequence[Expression],
    *,
    axes: tuple[int, ...],
    keepdims: bool,
) -> Expression:
    """The mean of the tangents of all elements that attain the extremum.

    Where that is nan, of all that are nan.
    """
    (a,), (da,) = x, tangents
    attained = a.apply("equal", keep_axes(y, a.shape, axes))
    attained = attained.apply("or", a.apply("is_nan"))
    chosen = attained.apply("select", da, a.constant(0))
    # Counted in integers: float32 would stop counting at 2**24.
    count = attained.apply("astype", dtype=i64).sum(axes, keepdims)
    return chosen.sum(axes, keepdims) / count.apply("astype", dtype=a.dtype)


@define
class Max(Reduction):
    """Greatest element over axes; nan if any is nan.

    x: any [...]  ->  any, without the axes or with size 1 there. Of no elements it is
    the least number, which the tracer refuses as NumPy does.
    """

    name = "max"
    operands = (Anything("x"),)
    reference = np.max
    combine = "maximum"
    source = _NUMPY
    flops = 1
    jvp = staticmethod(_extremum_jvp)

    @classmethod
    def identity(cls, dtype: Dtype) -> Any:
        return least(dtype)

    @classmethod
    def evaluate(
        cls, arrays: Sequence[Any], attributes: Mapping[str, Any], type_: Type
    ) -> Any:
        """``np.max``, with the identity for no elements."""
        return _extremum(cls, arrays[0], attributes, least)


@define
class Min(Reduction):
    """Least element over axes; nan if any is nan.

    x: any [...]  ->  any, without the axes or with size 1 there. Of no elements it is
    the greatest number, which the tracer refuses as NumPy does.
    """

    name = "min"
    operands = (Anything("x"),)
    reference = np.min
    combine = "minimum"
    source = _NUMPY
    flops = 1
    jvp = staticmethod(_extremum_jvp)

    @classmethod
    def identity(cls, dtype: Dtype) -> Any:
        return greatest(dtype)

    @classmethod
    def evaluate(
        cls, arrays: Sequence[Any], attributes: Mapping[str, Any], type_: Type
    ) -> Any:
        """``np.min``, with the identity for no elements."""
        return _extremum(cls, arrays[0], attributes, greatest)


def least(dtype: Dtype) -> Any:
    """The least number of a dtype."""
    if dtype.is_float:
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype.numpy).min


def greatest(dtype: Dtype) -> Any:
    """The greatest number of a dtype."""
    if dtype.is_float:
        return np.inf
    return True if dtype.kind == "b" else np.iinfo(dtype.numpy).max


def _extremum(
    cls: type[Reduction], x: Any, attributes: Mapping[str, Any], identity: Any
) -> Any:
    from penstock.ir.types import dtype_of

    dtype = dtype_of(x.dtype)
    assert dtype is not None
    axes, keepdims = attributes["axes"], attributes["keepdims"]
    if x.size == 0:
        shape = reduced_shape(x.shape, axes, keepdims)
        return np.full(shape, identity(dtype), x.dtype)
    return np.asarray(cls.reference(x, axis=axes, keepdims=keepdims))


@define
class AnyTrue(Reduction):
    """Whether any element is True.

    x: bool [...]  ->  bool, without the axes or with size 1 there.
    """

    name = "any"
    operands = (Boolean("x"),)
    reference = np.any
    combine = "or"
    source = _NUMPY
    flops = 0
    jvp = Unsupported("the result is a bool")

    @classmethod
    def identity(cls, dtype: Dtype) -> Any:
        return False


@define
class AllTrue(Reduction):
    """Whether all elements are True.

    x: bool [...]  ->  bool, without the axes or with size 1 there.
    """

    name = "all"
    operands = (Boolean("x"),)
    reference = np.all
    combine = "and"
    source = _NUMPY
    flops = 0
    jvp = Unsupported("the result is a bool")

    @classmethod
    def identity(cls, dtype: Dtype) -> Any:
        return True


class ArgumentExtremum(Op):
    """The index of an extremum along one axis: the first of equals, or of nan.

    It is expanded into reductions before fusion, by ``expand``.
    """

    family = "composite"
    operands = (Anything("x"),)
    attributes = ("axis", "keepdims")
    source = "numpy.org/doc/stable/reference/generated/numpy.argmax.html"
    flops = 2
    jvp = Unsupported("the result is an index")
    lower = "expand"
    extremum: str
    # What no number is beyond, on the side of the extremum.
    furthest: float

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """i64, without the axis or with size 1 there."""
        (type_,) = cls.check_operands(types)
        axis = attributes["axis"]
        if not (isinstance(axis, int) and 0 <= axis < type_.rank):
            raise TypeRuleError(
                f"{cls.name}: axis {axis} does not fit an array of {type_.rank} axes",
                kind=AxisError,
            )
        shape = reduced_shape(type_.shape, (axis,), bool(attributes["keepdims"]))
        return TensorType(i64, shape)

    @classmethod
    def evaluate(
        cls, arrays: Sequence[Any], attributes: Mapping[str, Any], type_: Type
    ) -> Any:
        """The NumPy function."""
        return np.asarray(cls.reference(arrays[0], **attributes), np.int64)

    @classmethod
    def batch(
        cls,
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        axis: int,
        keepdims: bool,
    ) -> Expression:
        """The same, its axis one further on."""
        return operands[0].apply(cls.name, axis=axis + 1, keepdims=keepdims)

    @classmethod
    def expand(cls, x: Expression, *, axis: int, keepdims: bool) -> Expression:
        """The least index at which the extremum, or else a nan, stands."""
        extremum = x.apply(cls.extremum, axes=(axis,), keepdims=True)
        if x.dtype.is_float:
            # By comparisons with the extremum alone, which is nan where there is one:
            # an array of what is nan would be made before it is known.
            limit = x.constant(cls.furthest, x.dtype)
            nan = x.constant(math.nan, x.dtype)
            beyond = extremum.apply("is_nan").apply("select", limit, nan)
            if cls.furthest > 0:
                below = x.apply("less", extremum)
                is_number = x.apply("less_equal", beyond)
            else:
                below = extremum.apply("less", x)
                is_number = beyond.apply("less_equal", x)
            found = below.apply("or", is_number).apply("not")
        else:
            found = x.apply("equal", extremum)
        index = x.builder.add("iota", shape=x.shape, axis=axis, dtype=i64)
        last = x.constant(greatest(i64), i64)
        candidates = found.apply("select", Expression(x.builder, index), last)
        return candidates.apply("min", axes=(axis,), keepdims=keepdims)


@define
class ArgMax(ArgumentExtremum):
    """The index of the first greatest element along an axis, or of the first nan.

    x: any [...]  ->  i64, without the axis or with size 1 there.
    """

    name = "argmax"
    reference = np.argmax
    extremum = "max"
    furthest = math.inf


@define
class ArgMin(ArgumentExtremum):
    """The index of the first least element along an axis, or of the first nan.

    x: any [...]  ->  i64, without the axis or with size 1 there.
    """

    name = "argmin"
    reference = np.argmin
    extremum = "min"
    furthest = -math.inf
