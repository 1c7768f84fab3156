"""Cumulative products and extrema along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import ULP, Anything, Numeric, define
from penstock.ir.ops.families import NestContext
from penstock.ir.ops.order import AlongAxis, scan, shifted

_NUMPY = "numpy.org/doc/stable/reference/generated/numpy.{}.html"


class Cumulative(AlongAxis):
    """What a primitive makes of the elements up to and including each one."""

    primitive: str

    @classmethod
    def lower(cls, context: NestContext) -> None:
        """From the first element on."""
        builder = context.builder

        def step(total: Scalar, indices: list[Scalar]) -> Scalar:
            x = builder.convert(context.operand(0, indices), total.dtype)
            is_first = indices[context.attributes["axis"]].equals(0)
            return builder.select(is_first, x, builder.apply(cls.primitive, total, x))

        scan(context, step)


@define
class CumulativeProduct(Cumulative):
    """Products of the elements up to and including each one, along an axis.

    x: number [...]  ->  number [...]. 16-bit floats are carried in f32.
    """

    name = "cumprod"
    primitive = "mul"
    operands = (Numeric("x"),)
    tolerance = {"f16": 2 * ULP, "bf16": 2 * ULP}
    source = _NUMPY.format("cumprod")
    flops = 1

    @staticmethod
    def reference(x: Any, *, axis: int) -> Any:
        is_half = x.dtype.itemsize == 2 and x.dtype.kind not in "iu"
        wide = np.float32 if is_half else x.dtype
        return np.cumprod(x, axis, dtype=wide).astype(x.dtype)

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression],
        *,
        axis: int,
    ) -> Expression:
        """dy[k] = x[k] dy[k - 1] + y[k - 1] dx[k], where y[-1] is 1."""
        before = shifted(y, axis, 1, first=1)
        return x[0].apply("recurrence", before * tangents[0], axis=axis)


class CumulativeExtremum(Cumulative):
    """Running extrema; the derivative goes to the first of equal elements."""

    operands = (Anything("x"),)
    flops = 1

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression],
        *,
        axis: int,
    ) -> Expression:
        """The tangent of the element that was last to change the extremum."""
        (da,) = tangents
        one, zero = y.constant(1), y.constant(0)
        ones = one.broadcast_to(y.shape)
        is_first = shifted(ones, axis, 1).apply("equal", 0)
        before = shifted(y, axis, 1)
        # From the first nan on nothing changes.
        nan_before, same = before.apply("is_nan"), y.apply("equal", before)
        changed = nan_before.apply("or", same).apply("not").apply("or", is_first)
        kept = changed.apply("select", zero, one)
        return kept.apply("recurrence", changed.apply("select", da, zero), axis=axis)


@define
class CumulativeMaximum(CumulativeExtremum):
    """The largest of the elements up to and including each one, along an axis.

    x: any [...]  ->  any [...]; nan from the first nan on.
    """

    name = "cummax"
    primitive = "maximum"
    source = _NUMPY.format("ufunc.accumulate")

    @staticmethod
    def reference(x: Any, *, axis: int) -> Any:
        return np.maximum.accumulate(x, axis)


@define
class CumulativeMinimum(CumulativeExtremum):
    """The least of the elements up to and including each one, along an axis.

    x: any [...]  ->  any [...]; nan from the first nan on.
    """

    name = "cummin"
    primitive = "minimum"
    source = _NUMPY.format("ufunc.accumulate")

    @staticmethod
    def reference(x: Any, *, axis: int) -> Any:
        return np.minimum.accumulate(x, axis)
