"""What derivatives are made of beside the ops that users write."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Floating, define
from penstock.ir.ops.families import Elementwise


@define
class Scale(Elementwise):
    """Product of a tangent and a derivative, 0 where either is 0.

    tangent, factor: float [...]  ->  float [...]. 0 times inf or nan is 0, not nan:
    what a branch that was not chosen would have had as its derivative must not spoil
    the one that was. It holds of both, so that both modes agree and derivatives of it
    too.
    """

    name = "scale"
    operands = (Floating("tangent"), Floating("factor"))
    source = "the zero of a linear map, wherever its factor is"
    flops = 1

    @staticmethod
    def reference(tangent: Any, factor: Any) -> Any:
        product = np.multiply(tangent, factor)
        counts = (tangent != 0) & (factor != 0)
        return np.where(counts, product, product.dtype.type(0))

    @staticmethod
    def partials(z: Expression, t: Expression, y: Expression) -> tuple[Any, Any]:
        return y, t

    @staticmethod
    def lower(tangent: Scalar, factor: Scalar) -> Scalar:
        """Two comparisons and a masked product; nan differs from 0 too."""
        product = tangent * factor
        assert product.builder is not None
        zero = product.builder.constant(0, product.dtype)
        not_equal = scalar.primitive("not_equal")
        counts = not_equal(tangent, zero) & not_equal(factor, zero)
        return scalar.select(counts, product, zero)
