"""Rows of a result that are added up together, in registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from penstock.ir.dims import Size
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.ops.families import NestContext
from penstock.ir.record import Record
from penstock.ir.types import TensorType

__all__ = ["REGISTERS_BESIDE", "Row", "Tile"]

# A vector of the other operand is loaded once for all rows of a tile, and so many
# sums keep the multipliers busy.
_ROWS = 8

# Vectors of a row that are added up side by side.
_VECTORS = 2

REGISTERS_BESIDE = 4
"""Vector registers that hold no sums, but what is multiplied for them."""

# Writes an element of the result, given its row, its column and the sum.
Store = Callable[[Scalar, Scalar, Scalar], None]


class Row(Record):
    """A row of a tile.

    Beyond the last row of the result, it is the last one again, for nobody.

    Attributes:
        index: which row of the result it is.
        number: which row of the tile it is.
        inside: whether the result has it, if that is known only at run time and it
            is not held.
    """

    index: Scalar
    number: Scalar
    inside: Scalar | None


class Tile:
    """A few rows of a result, by the columns that a vector has.

    It may be held in memory first: then what is computed from the result is written
    once and not for each row, and columns may be added up that the result has not.

    Args:
        context: the Kernel's.
        size: how many rows the result has.
        store: writes an element of the result.
        most: the most rows of a tile.

    Attributes:
        height: rows of a tile.
        blocks: how many tiles there are.
        first: where the tile begins; see ``begin``.
    """

    first: Scalar

    def __init__(
        self,
        context: NestContext,
        size: Size,
        store: Store,
        most: int = _ROWS,
    ) -> None:
        most = min(most, (context.registers - REGISTERS_BESIDE) // _VECTORS)
        self.context = context
        self.builder = context.builder
        self.dtype = context.type.dtype
        self.size = size
        self.write = store
        self.height = min(most, max(size, 1)) if isinstance(size, int) else most
        self.blocks = (size + (self.height - 1)) // self.height
        self.held: Buffer | None = None

    def hold(self, width: int) -> None:
        """Hold so many columns at a time, until they are finished."""
        if self.height > 1:
            type_ = TensorType(self.dtype.compute, (self.height, width))
            self.held = self.context.local(type_)

    def begin(self, block: Scalar) -> None:
        """Go to a tile."""
        self.first = block * self.height if self.blocks != 1 else block

    def rows(self, count: int, offset: Scalar | None = None) -> list[Row]:
        """So many rows of the tile, from some row of it on."""
        builder = self.builder
        offset = builder.size(0) if offset is None else offset
        rows = []
        for number in range(count):
            index, inside = self.first + (offset + number), None
            if number and (not isinstance(self.size, int) or self.size % self.height):
                if self.held is None:
                    inside = index < builder.size(self.size)
                index = builder.apply("minimum", index, builder.size(self.size - 1))
            rows.append(Row(index, offset + number, inside))
        return rows

    @property
    def count(self) -> Scalar:
        """How many rows of the tile are the result's."""
        builder = self.builder
        if isinstance(self.size, int) and self.size % self.height == 0:
            return builder.size(self.height)
        left = builder.size(self.size) - self.first
        return builder.apply("minimum", left, builder.size(self.height))

    def put(
        self,
        rows: Sequence[Row],
        totals: Sequence[Scalar],
        column: Scalar,
        place: Scalar,
    ) -> None:
        """The sums of a column, which has a place among those held."""
        for row, total in zip(rows, totals, strict=True):
            if self.held is not None:
                self.builder.store(self.held, [row.number, place], total)
                continue
            inside = row.inside
            with nullcontext() if inside is None else self.builder.when(inside):
                self.store(row.index, column, total)

    def store(self, row: Scalar, column: Scalar, total: Scalar) -> None:
        self.write(row, column, self.builder.convert(total, self.dtype))

    def finish(self, start: Scalar, stop: Scalar, kind: str = "vector") -> None:
        """Write the columns that are held, in a loop of some kind."""
        if self.held is None:
            return
        builder = self.builder
        with builder.loop("serial", self.count, hint="r") as rows:
            row = self.first + rows.index
            with builder.loop(kind, stop, start=start, hint="j", unroll=1) as loop:
                total = builder.load(self.held, [rows.index, loop.index - start])
                self.store(row, loop.index, total)

    def finish_column(self, column: Scalar) -> None:
        """Write the one column that is held, in vectors of rows."""
        if self.held is None:
            return
        builder = self.builder
        with builder.loop("vector", self.count, hint="r", unroll=1) as rows:
            total = builder.load(self.held, [rows.index, builder.size(0)])
            self.store(self.first + rows.index, column, total)
