"""A builder that computes what is known when a Kernel is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Buffer, For, Let, Scalar
from penstock.ir.loop.primitive import PRIMITIVES
from penstock.ir.types import Dtype, bool_, i64

__all__ = ["FoldingBuilder", "number_of"]


def number_of(scalar: Scalar) -> int | None:
    """The number that an index or condition is, where it is known."""
    definition = scalar.definition
    if isinstance(definition, Let) and definition.primitive == "const":
        return int(definition.value)
    return None


class FoldingBuilder(KernelBuilder):
    """Folds arithmetic on indices, and conditions on them.

    Where arrays are taken apart into elements, nearly all indices are numbers: what
    ops ask about them is answered here and not once for each turn of a loop.
    """

    def apply(
        self, primitive: str, *operands: Scalar, dtype: Dtype | None = None
    ) -> Scalar:
        """The result of a primitive, computed at once where that is possible."""
        if primitive == "select":
            if _is_known(operands[0]):
                return operands[1] if number_of(operands[0]) else operands[2]
            if operands[1] is operands[2]:
                return operands[1]
        elif primitive in ("and", "or") and operands[0].dtype is bool_:
            for one, other in (operands, operands[::-1]):
                if _is_known(one):
                    keeps = bool(number_of(one)) == (primitive == "and")
                    return other if keeps else one
        holds = _of_index(primitive, operands)
        if holds is not None:
            return self.constant(holds, bool_)
        if primitive not in ("bitcast", "convert") and all(map(_is_known, operands)):
            values = [operand.definition.value for operand in operands]  # type: ignore[union-attr]
            with np.errstate(all="ignore"):
                found: Any = PRIMITIVES[primitive].evaluate(*values)
            dtypes = tuple(operand.dtype for operand in operands)
            return self.constant(found, PRIMITIVES[primitive].result_dtype(dtypes))
        return super().apply(primitive, *operands, dtype=dtype)

    def load(
        self,
        buffer: Buffer,
        indices: Sequence[Scalar],
        predicate: Scalar | None = None,
    ) -> Scalar:
        """An element of a Buffer; zero where the predicate is false."""
        holds = None if predicate is None else number_of(predicate)
        if holds == 0:
            return self.constant(0, buffer.dtype)
        return super().load(buffer, indices, None if holds else predicate)

    def check(self, condition: Scalar, error: int, detail: Scalar) -> None:
        """Stop with an error unless the condition holds."""
        if number_of(condition) != 1:
            super().check(condition, error, detail)


def _of_index(primitive: str, operands: tuple[Scalar, ...]) -> bool | None:
    """Whether a loop's index is on one side of the loop's bounds."""
    if primitive not in ("less", "greater_equal"):
        return None
    index, bound = operands
    loop = index.definition
    if not isinstance(loop, For) or index is not loop.index:
        return None
    start, stop, number = map(number_of, (loop.start, loop.stop, bound))
    if bound is loop.stop or (stop is not None and number is not None
                              and stop <= number):  # fmt: skip
        return primitive == "less"
    if start is not None and number is not None and number <= start:
        return primitive == "greater_equal"
    return None


def _is_known(scalar: Scalar) -> bool:
    definition = scalar.definition
    return (
        scalar.dtype in (bool_, i64)
        and isinstance(definition, Let)
        and definition.primitive == "const"
    )
