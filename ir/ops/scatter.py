"""Extrema gathered at integer positions (``np.maximum.at`` and ``np.minimum.at``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, Integer, define
from penstock.ir.ops.index import Scatter, checked, move_indexed_first


class ScatterExtremum(Scatter):
    """Ops that leave the extremum of an element and of the updates at its position.

    Where several are equal to it, or several are nan, they share the derivative.
    """

    reads_old = True
    flops = 1
    primitive: ClassVar[str]
    at: ClassVar[Callable[..., None]]

    @classmethod
    def jvp(
        cls,
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        *,
        axes: tuple[int, ...],
    ) -> Expression:
        """The mean of the tangents of those that are equal to the result."""
        whole, updates, *indices = x
        zero, one = y.constant(0), y.constant(1)
        taken = y.apply("gather", *indices, axes=axes)
        kept = whole.apply("equal", y).apply("or", whole.apply("is_nan"))
        chosen = updates.apply("equal", taken).apply("or", updates.apply("is_nan"))

        def gathered(first: Expression, second: Expression) -> Expression:
            first = kept.apply("select", first, zero)
            second = chosen.apply("select", second, zero)
            return first.apply("scatter_add", second, *indices, axes=axes)

        first, second = (
            zero.broadcast_to(a.shape) if da is None else da
            for a, da in zip((whole, updates), tangents[:2], strict=True)
        )
        return gathered(first, second) / gathered(one, one)

    @classmethod
    def reference(cls, x: Any, updates: Any, *indices: Any, axes: Any) -> Any:
        """NumPy's unbuffered ufunc."""
        wrapped = checked(x, axes, indices)
        result = x.copy()
        cls.at(move_indexed_first(result, axes), wrapped, updates)
        return result

    @classmethod
    def combine_into(cls, old: Scalar | None, new: Scalar) -> Scalar:
        assert old is not None
        assert old.builder is not None
        return old.builder.apply(cls.primitive, old, new)


@define
class ScatterMaximum(ScatterExtremum):
    """The greater of an array and updates at integer positions (``np.maximum.at``).

    x: any [...]; updates: the same dtype [B, the other axes]; index...: integer B
    ->  x or the greatest update. Positions outside the axis raise IndexError.
    """

    name = "scatter_max"
    operands = (Anything("x"), Anything("updates"), Integer("index", variadic=True))
    primitive = "maximum"
    at = np.maximum.at


@define
class ScatterMinimum(ScatterExtremum):
    """The lesser of an array and updates at integer positions (``np.minimum.at``).

    x: any [...]; updates: the same dtype [B, the other axes]; index...: integer B
    ->  x or the least update. Positions outside the axis raise IndexError.
    """

    name = "scatter_min"
    operands = (Anything("x"), Anything("updates"), Integer("index", variadic=True))
    primitive = "minimum"
    at = np.minimum.at
