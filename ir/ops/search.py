"""Searches in sorted tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.errors import TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, Unsupported, define
from penstock.ir.ops.families import Nest, NestContext, batch_size
from penstock.ir.types import Type, i64

_BLOCK = 1024


@define
class SearchSorted(Nest):
    """Where numbers would be inserted into a sorted table, nan last.

    table: any [B, m], x: the same dtype [B, ...]  ->  i64 [B, ...]. B are the first
    ``batch_axes`` axes of both. ``side`` says where among equal elements: "left" before
    them, "right" after. The table is not checked to be sorted.
    """

    name = "searchsorted"
    family = "library"
    operands = (Anything("table"), Anything("x"))
    attributes = ("side", "batch_axes")
    source = "Knuth, TAOCP 3, 6.2.1 C"
    flops = 20
    jvp = Unsupported("positions are piecewise constant")
    fuses_result = True

    @staticmethod
    def reference(table: Any, x: Any, *, side: str, batch_axes: int) -> Any:
        if not x.size or not table.size:
            return np.zeros(x.shape, np.int64)
        wide = np.float32 if x.dtype.kind == "V" else x.dtype
        lines = table.astype(wide).reshape(-1, table.shape[-1])
        rows = x.astype(wide).reshape(len(lines), -1)
        found = [
            np.searchsorted(line, row, "left" if side == "left" else "right")
            for line, row in zip(lines, rows, strict=True)
        ]
        return np.array(found, np.int64).reshape(x.shape)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The shape of x, as positions."""
        table, x = cls.check_operands(types)
        lead, side = attributes["batch_axes"], attributes["side"]
        fits = (
            isinstance(lead, int)
            and table.rank == lead + 1
            and table.shape[:lead] == x.shape[:lead]
            and table.dtype is x.dtype
        )
        if not fits:
            raise TypeRuleError(
                f"searchsorted: {x} does not fit tables {table} along {lead} axes"
            )
        if side not in ("left", "right"):
            raise TypeRuleError(f"searchsorted: side is {side!r}, not left or right")
        return x.with_dtype(i64)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        side: str,
        batch_axes: int,
    ) -> Expression:
        """One more of the first axes."""
        table, x = operands
        if not batched[0] and batch_axes == 0:
            return table.apply("searchsorted", x, side=side, batch_axes=0)
        count = batch_size(operands, batched)
        table, x = (
            operand if yes else operand.broadcast_to((count, *operand.shape))
            for operand, yes in zip(operands, batched, strict=True)
        )
        return table.apply("searchsorted", x, side=side, batch_axes=batch_axes + 1)

    @staticmethod
    def lower(context: NestContext) -> None:
        builder, shape = context.builder, context.type.shape
        bits = _bits(builder, builder.size(context.types[0].shape[-1]))
        if not shape:
            with context.rows(()):
                context.store([], _search(context, [], bits))
            return
        kind = "serial" if shape[-1] == 1 else "vector"
        with (
            context.tiles(shape[:-1], shape[-1], _BLOCK) as (rows, start, stop),
            builder.loop(kind, stop, start=start, hint="v") as loop,
        ):
            indices = [*rows, loop.index]
            context.store(indices, _search(context, indices, bits))


def _search(
    context: NestContext, indices: Sequence[Scalar], bits: tuple[Scalar, Scalar]
) -> Scalar:
    """The position, bit by bit from the highest: how many elements come before."""
    builder = context.builder
    lead = indices[: context.attributes["batch_axes"]]
    x = context.operand(1, indices)
    size = builder.size(context.types[0].shape[-1])
    one, zero = builder.constant(1, i64), builder.constant(0, i64)
    count, top = bits
    carries = [(zero, None), (top, None)]
    with builder.loop("serial", count, carries=carries, hint="b") as loop:
        place, step = loop.carried
        last = place + step - 1
        within = last < size
        index = builder.select(within, last, zero)
        element = context.operand(0, [*lead, index])
        before = element < x if context.attributes["side"] == "left" else element <= x
        if x.dtype.is_float:
            of_nan = builder.apply("is_nan", x)
            if context.attributes["side"] == "left":
                of_nan = of_nan & ~builder.apply("is_nan", element)
            before = before | of_nan
        moved = builder.select(within & before, place + step, place)
        loop.update(moved, builder.apply("shift_right", step, one))
    return loop.results[0]


def _bits(builder: KernelBuilder, size: Scalar) -> tuple[Scalar, Scalar]:
    """How many bits a position has, and the highest of them."""
    zero, one = builder.constant(0, i64), builder.constant(1, i64)
    carries = [(zero, None), (one, None), (zero, None)]
    with builder.loop("serial", builder.constant(62, i64), carries=carries) as loop:
        count, power, top = loop.carried
        needed = power <= size
        loop.update(
            builder.select(needed, count + 1, count),
            power + power,
            builder.select(needed, power, top),
        )
    return loop.results[0], loop.results[2]
