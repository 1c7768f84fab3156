"""What the running program must find in arrays, or else end with an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.errors import ArgumentError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, Boolean, define
from penstock.ir.ops.families import ElementContext, Movement, batch_size
from penstock.ir.types import TensorType, Type


@define
class Require(Movement):
    """The elements of an array, where a condition holds for each; else an error.

    x: any [...]; holds: bool, same shape  ->  x.
    """

    name = "require"
    operands = (Anything("x"), Boolean("holds"))
    attributes = ("text", "code")
    total = False
    source = "an error of the running program"
    linear = (0,)

    @staticmethod
    def reference(x: Any, holds: Any, *, text: str, code: str) -> Any:
        if not np.all(holds):
            raise ArgumentError(None, text, code=code)
        return np.array(x)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The type of x."""
        x, holds = cls.check_operands(types)
        if holds.shape != x.shape:
            raise TypeRuleError(f"require: {holds} does not say it of each in {x}")
        return TensorType(x.dtype, x.shape)

    @staticmethod
    def transpose(
        cotangent: Expression, x: Sequence[Expression], position: int, **error: str
    ) -> Expression:
        return cotangent.apply("require", x[1], **error)

    @staticmethod
    def batch(
        operands: Sequence[Expression], batched: Sequence[bool], **error: str
    ) -> Expression:
        count = batch_size(operands, batched)
        x, holds = (
            operand if yes else operand.broadcast_to((count, *operand.shape))
            for operand, yes in zip(operands, batched, strict=True)
        )
        return x.apply("require", holds, **error)

    @staticmethod
    def lower(context: ElementContext, indices: Sequence[Scalar]) -> Scalar:
        error = context.attributes
        context.require(context.operand(1, indices), error["text"], error["code"])
        return context.operand(0, indices)
