"""Sums of products as loops: tiles of the result in registers, operands in panels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from penstock.ir.dims import Size, product
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.ops.families import NestContext
from penstock.ir.ops.letters import letter_sizes, split_spec
from penstock.ir.record import Record
from penstock.ir.types import TensorType

if TYPE_CHECKING:
    from penstock.ir.loop.build import KernelBuilder

__all__ = ["lower_contraction", "multiply_add", "serial_loops"]

# Rows of the result that are computed together: a vector of the other operand is
# loaded once for all of them, and so many sums keep the multipliers busy.
_ROWS = 8

# Rows that are computed together where there are few.
_FEW_ROWS = 4

# Bytes of a panel's row: what the main loop of the widest vectors takes at once, so
# that a panel is read from its start to its end.
_PANEL_BYTES = 128

# Columns that one iteration covers where there are no panels.
_COLUMNS = 64

# Panels that are gone through for every tile of rows stay in the second cache.
_CACHE_BYTES = 1 << 20

# An operand that is read for fewer rows than this is not worth a copy.
_MANY_ROWS = 32

# So small an operand is near enough wherever its elements are.
_SMALL_BYTES = 1 << 14

# Sums of so few terms leave most lanes of a vector idle.
_SHORT_SUM = 8


def multiply_add(a: Scalar, b: Scalar, total: Scalar) -> Scalar:
    """``a * b + total`` in the accumulator's dtype, by fma for floats."""
    builder = total.builder
    assert builder is not None
    a, b = (builder.convert(x, total.dtype) for x in (a, b))
    if total.dtype.is_float:
        return builder.apply("fma", a, b, total)
    return a * b + total


def serial_loops(
    builder: KernelBuilder,
    sizes: Sequence[Size],
    totals: Sequence[Scalar],
    step: Callable[[list[Scalar], Sequence[Scalar]], Sequence[Scalar]],
    last: str = "serial",
) -> Sequence[Scalar]:
    """Accumulate over all indices of some axes, the last one innermost.

    Args:
        builder: the Kernel's.
        sizes: the sizes of the axes.
        totals: what the sums start from.
        step: gives the sums after one more term, from its indices and those before.
        last: the kind of the innermost loop.
    """

    def nest(
        axis: int, indices: list[Scalar], totals: Sequence[Scalar]
    ) -> Sequence[Scalar]:
        if axis == len(sizes):
            return step(indices, totals)
        innermost = axis == len(sizes) - 1
        combine = "add" if innermost and last == "vector" else None
        with builder.loop(
            last if innermost else "serial",
            builder.size(sizes[axis]),
            carries=[(total, combine) for total in totals],
            hint="k",
        ) as loop:
            loop.update(*nest(axis + 1, [*indices, loop.index], loop.carried))
        return loop.results

    return nest(0, [], totals)


def lower_contraction(context: NestContext) -> None:
    """The loops of a contraction of one or two arrays."""
    _Loops(context).emit()


class _Panels(Record):
    """A copy of an operand, cut along one letter.

    Its axes are those of the letters that neither are summed nor cut, the number of
    the piece, the summed letters, and the place within the piece.
    """

    letter: str
    width: int
    outer: tuple[str, ...]
    summed: tuple[str, ...]
    buffer: Buffer


class _Row(Record):
    """A row of a tile.

    Beyond the last row of the result, it is the last one again, for nobody.

    Attributes:
        at: the index of its letter.
        number: which row of the tile it is.
        inside: whether the result has it, if that is known only at run time.
    """

    at: dict[str, Scalar]
    number: Scalar
    inside: Scalar | None


class _Loops:
    """The loops of a contraction.

    Attributes:
        sizes: the size of each letter.
        column: the letter of the result that vectors run along, or none.
        row: the letter of the result that tiles of rows run along, or none.
        tile: rows of a tile.
        rows: the letters of the result without the column's.
        summed: the letters that are summed over, the innermost last.
        innermost: the kind of the innermost loop.
        panels: for each operand its copy, if there is one.
        position: the indices of the letters of the result.
        tile_rows: the rows of the tile that are added up together.
        first: where the tile begins, by letter.
        local: memory that holds the tile, where it is held.
    """

    def __init__(self, context: NestContext) -> None:
        self.context = context
        self.builder = context.builder
        spec = context.attributes["spec"]
        self.inputs, self.output = split_spec(spec)
        self.sizes = letter_sizes(spec, context.types)
        self.summed = [letter for letter in self.sizes if letter not in self.output]
        self.innermost = "serial"
        self.column = self.choose_column()
        self.rows = [letter for letter in self.output if letter != self.column]
        self.row = self.choose_row()
        size = self.sizes[self.row] if self.row else 1
        self.tile = min(_ROWS, max(size, 1)) if isinstance(size, int) else _ROWS
        self.panels: list[_Panels | None] = [None for _ in self.inputs]
        self.position: dict[str, Scalar] = {}
        self.first: dict[str, Scalar] = {}
        self.local: Buffer | None = None
        self.tile_rows: list[_Row] = []

    # Choices

    def choose_column(self) -> str:
        """The letter of the result that vectors run along; none if a summed one is.

        A letter of the result gives independent lanes, and is best where it is the
        contiguous axis of an operand, or panels make it so. Else a summed letter that
        is contiguous in all operands that have it. Else the last letter, by gathers.
        """
        last = self.output[-1:]
        if last and (self.runs_along(last) or self.may_copy(last)):
            return last
        return "" if self.vectorize_sum() else last

    def vectorize_sum(self) -> bool:
        """Run vectors along a letter that is summed, if one is good for that."""
        for letter in self.summed:
            if self.runs_along(letter) and self.is_more_than(letter, _SHORT_SUM):
                self.innermost = "vector"
                self.summed.remove(letter)
                self.summed.append(letter)
                return True
        return False

    def runs_along(self, letter: str) -> bool:
        """Whether neighbours along a letter are neighbours in all operands."""
        return all(
            letter not in letters or self.is_contiguous(position, letter)
            for position, letters in enumerate(self.inputs)
        )

    def is_contiguous(self, position: int, letter: str) -> bool:
        letters = self.inputs[position]
        once = letters.endswith(letter) and letters.count(letter) == 1
        return once and self.context.is_contiguous(position, len(letters) - 1)

    def is_more_than(self, letter: str, count: int) -> bool:
        """Whether a size is large, or is known only at run time."""
        size = self.sizes[letter]
        return not isinstance(size, int) or size > count

    def may_copy(self, column: str) -> bool:
        """Whether an operand has this letter alone, and is read for many rows."""
        owners = [letters for letters in self.inputs if column in letters]
        if len(self.inputs) < 2 or len(owners) != 1 or owners[0].count(column) != 1:
            return False
        others = [c for c in self.output if c not in owners[0]]
        return bool(self.summed) and any(
            self.is_more_than(c, _MANY_ROWS) for c in others
        )

    def choose_row(self) -> str:
        """A letter of one operand alone, so that rows share what the other one has."""
        if not self.summed or len(self.inputs) < 2:
            return ""
        found = [
            letter
            for mine, other in (self.inputs, self.inputs[::-1])
            for letter in self.rows
            if letter in mine and letter not in other
            if not self.column or self.column in other
        ]
        return found[-1] if found else ""

    def copy_operands(self) -> None:
        """Copy what tiles would read from all over memory."""
        if not self.row or not self.column:
            return
        right = next(
            p for p, letters in enumerate(self.inputs) if self.row not in letters
        )
        left = 1 - right
        if self.column in self.inputs[left]:
            return
        size = self.context.types[right].size
        dtype = self.context.type.dtype.compute
        small = isinstance(size, int) and size * dtype.itemsize <= _SMALL_BYTES
        if not self.is_more_than(self.row, _MANY_ROWS - 1) or (
            small and self.is_contiguous(right, self.column)
        ):
            return
        width = _PANEL_BYTES // dtype.itemsize
        self.panels[right] = self.copy(right, self.column, width)
        inner = [letter for letter in self.summed if letter in self.inputs[left]]
        if self.is_more_than(self.column, _COLUMNS) and not (
            inner and self.is_contiguous(left, inner[-1])
        ):
            self.panels[left] = self.copy(left, self.row, self.tile)

    def many(self, builder: KernelBuilder) -> Scalar | None:
        """Whether there are rows enough for copies, if it is known only at run time."""
        size = self.sizes[self.row]
        return None if isinstance(size, int) else builder.size(size) >= _MANY_ROWS

    def copy(self, position: int, letter: str, width: int) -> _Panels:
        """Copy an operand into panels, in a Kernel before this one."""
        letters, size = self.inputs[position], self.sizes[letter]
        outer = tuple(c for c in letters if c in self.output and c != letter)
        summed = tuple(c for c in self.summed if c in letters)
        pieces = (size + (width - 1)) // width
        shape = [self.sizes[c] for c in outer], [self.sizes[c] for c in summed]
        type_ = self.context.types[position].with_shape(
            (*shape[0], pieces, *shape[1], width)
        )
        with self.context.before(type_) as (context, target, source):
            builder = context.builder
            with context.tiles(shape[0], size, width) as (indices, start, stop):
                at = dict(zip(outer, indices, strict=True))
                piece = start // width

                def step(places: list[Scalar], _: Sequence[Scalar]) -> list[Scalar]:
                    at.update(zip(summed, places, strict=True))
                    with builder.loop(
                        "vector", stop - start, hint="j", unroll=1
                    ) as loop:
                        at[letter] = start + loop.index
                        element = context.operand(position, [at[c] for c in letters])
                        where = [*indices, piece, *places, loop.index]
                        builder.store(target, where, element)
                    return []

                terms = product(shape[1])
                all_elements = self.context.types[position].size
                context.effort((width * terms, 0), (all_elements, 0))
                many = self.many(builder)
                with nullcontext() if many is None else builder.when(many):
                    serial_loops(builder, shape[1], [], step)
        return _Panels(letter, width, outer, summed, source)

    # Loops

    def emit(self) -> None:
        """Build them all."""
        self.copy_operands()
        context = self.context
        extents = [
            (self.sizes[c] + (self.tile - 1)) // self.tile
            if c == self.row
            else self.sizes[c]
            for c in self.rows
        ]
        terms = product([self.sizes[letter] for letter in self.summed])
        elements = context.type.size
        whole = elements, elements * terms
        if not self.column:
            context.effort((self.tile, self.tile * terms), whole)
            self.make_local(1)
            with context.rows(extents) as indices:
                self.place(indices)
                self.add_up()
                self.finish_rows()
            return
        panels = next((p for p in self.panels if p and p.letter == self.column), None)
        block = _COLUMNS if panels is None else self.block(terms)
        area = self.tile * block
        context.effort((area, area * terms), whole)
        self.make_local(_COLUMNS if panels is None else panels.width)
        columns = self.sizes[self.column]
        with context.tiles(extents, columns, block) as (indices, start, stop):
            self.place(indices)
            if panels is None:
                self.go_along(start, stop)
            else:
                self.go_through(panels, start, stop)

    def block(self, terms: Size) -> int:
        """Columns whose panels stay in cache while the tiles of rows pass."""
        itemsize = self.context.type.dtype.compute.itemsize
        if not isinstance(terms, int):
            return 2 * _COLUMNS
        block = 4 * _COLUMNS
        while block > _COLUMNS and block * terms * itemsize > _CACHE_BYTES:
            block //= 2
        return block

    def make_local(self, width: int) -> None:
        """Hold a tile in memory where much is computed from it: once for all rows."""
        if self.context.is_consumed and self.tile > 1:
            dtype = self.context.type.dtype.compute
            self.local = self.context.local(TensorType(dtype, (self.tile, width)))

    def place(self, indices: Sequence[Scalar]) -> None:
        """Where the tile of rows is."""
        self.position.update(zip(self.rows, indices, strict=True))
        if self.row:
            size, first = self.sizes[self.row], self.position[self.row]
            if not isinstance(size, int) or size > self.tile:
                first = first * self.tile
            self.first[self.row] = first
        self.tile_rows = self.rows_of_tile(self.tile, self.builder.size(0))

    def go_through(self, panels: _Panels, start: Scalar, stop: Scalar) -> None:
        """A tile of rows of a block of columns, one panel after the other."""
        builder, width = self.builder, panels.width
        many = self.many(builder)
        with builder.loop("serial", stop, start=start, step=width, hint="p") as loop:
            first = loop.index
            end = builder.apply("minimum", first + width, stop)
            with nullcontext() if many is None else builder.when(many):
                self.go_along(first, end, finish=many is None)
            if many is None:
                return
            with builder.when(~many):
                self.go_without_panels(first, end)
            self.finish_tile(first, end)

    def go_without_panels(self, start: Scalar, stop: Scalar) -> None:
        """The same for a few rows, from where the operands are."""
        panels, rows = self.panels, self.tile_rows
        self.panels = [None for _ in self.inputs]
        by_column = self.runs_along(self.column) or not self.vectorize_sum()
        kind = "vector" if by_column else "serial"
        last = self.rows_inside()
        with self.builder.loop("serial", last, step=_FEW_ROWS, hint="r") as loop:
            self.tile_rows = self.rows_of_tile(_FEW_ROWS, loop.index)
            self.go_along(start, stop, kind, finish=False)
        self.panels, self.tile_rows = panels, rows

    def go_along(
        self, start: Scalar, stop: Scalar, kind: str = "vector", finish: bool = True
    ) -> None:
        """A tile of rows of some columns."""
        self.first[self.column] = start
        with self.builder.loop(kind, stop, start=start, hint="j") as loop:
            self.position[self.column] = loop.index
            self.add_up()
        if finish:
            self.finish_tile(start, stop)

    def add_up(self) -> None:
        """A tile of rows of one column."""
        builder, dtype = self.builder, self.context.type.dtype

        def step(indices: list[Scalar], totals: Sequence[Scalar]) -> list[Scalar]:
            at = {**self.position, **dict(zip(self.summed, indices, strict=True))}
            return [
                self.add_term({**at, **row.at}, total)
                for row, total in zip(self.tile_rows, totals, strict=True)
            ]

        zeros = [builder.constant(0, dtype.compute)] * len(self.tile_rows)
        extents = [self.sizes[letter] for letter in self.summed]
        totals = serial_loops(builder, extents, zeros, step, self.innermost)
        for row, total in zip(self.tile_rows, totals, strict=True):
            if self.local is not None:
                builder.store(self.local, self.local_place(row.number), total)
                continue
            with nullcontext() if row.inside is None else builder.when(row.inside):
                self.store({**self.position, **row.at}, total)

    def local_place(self, number: Scalar) -> list[Scalar]:
        """Where a row of the tile has the column."""
        if not self.column:
            return [number, self.builder.size(0)]
        return [number, self.position[self.column] - self.first[self.column]]

    def store(self, at: dict[str, Scalar], total: Scalar) -> None:
        """Write an element of the result, and what is computed from it."""
        total = self.builder.convert(total, self.context.type.dtype)
        self.context.store([at[letter] for letter in self.output], total)

    def finish_tile(self, start: Scalar, stop: Scalar) -> None:
        """What is computed from a tile that is held in memory."""
        if self.local is None:
            return
        builder, first = self.builder, self.first[self.row]
        with builder.loop("serial", self.rows_inside(), hint="r") as rows:
            at = {**self.position, self.row: first + rows.index}
            with builder.loop("vector", stop, start=start, hint="j", unroll=1) as loop:
                at[self.column] = loop.index
                total = builder.load(self.local, [rows.index, loop.index - start])
                self.store(at, total)

    def finish_rows(self) -> None:
        """The same for a tile of one column."""
        if self.local is None:
            return
        builder, first = self.builder, self.first[self.row]
        with builder.loop("vector", self.rows_inside(), hint="r", unroll=1) as rows:
            total = builder.load(self.local, [rows.index, builder.size(0)])
            self.store({**self.position, self.row: first + rows.index}, total)

    def rows_inside(self) -> Scalar:
        """How many rows of the tile are the result's."""
        builder, size = self.builder, self.sizes[self.row]
        if isinstance(size, int) and size % self.tile == 0:
            return builder.size(self.tile)
        left = builder.size(size) - self.first[self.row]
        return builder.apply("minimum", left, builder.size(self.tile))

    def rows_of_tile(self, count: int, offset: Scalar) -> list[_Row]:
        """So many rows of the tile, from some row of it on."""
        if not self.row:
            return [_Row({}, offset, None)]
        builder, size = self.builder, self.sizes[self.row]
        first = self.first[self.row] + offset
        rows = []
        for number in range(count):
            row, inside = first + number if number else first, None
            if number and (not isinstance(size, int) or size % self.tile):
                inside = row < builder.size(size)
                row = builder.apply("minimum", row, builder.size(size - 1))
            rows.append(_Row({self.row: row}, offset + number, inside))
        return rows

    def add_term(self, at: dict[str, Scalar], total: Scalar) -> Scalar:
        """One product more; where nothing is summed, the product itself."""
        factors = [self.factor(position, at) for position in range(len(self.inputs))]
        if not self.summed:
            # Nothing is added up, so not even a zero: it would lose the sign of -0.
            wide = [self.builder.convert(factor, total.dtype) for factor in factors]
            return wide[0] if len(wide) == 1 else wide[0] * wide[1]
        if len(factors) == 1:
            return total + self.builder.convert(factors[0], total.dtype)
        return multiply_add(factors[0], factors[1], total)

    def factor(self, position: int, at: dict[str, Scalar]) -> Scalar:
        """An element of an operand, or of its copy."""
        panels = self.panels[position]
        if panels is None:
            letters = self.inputs[position]
            return self.context.operand(position, [at[letter] for letter in letters])
        first = self.first[panels.letter]
        return self.builder.load(
            panels.buffer,
            [
                *(at[letter] for letter in panels.outer),
                first // panels.width,
                *(at[letter] for letter in panels.summed),
                at[panels.letter] - first,
            ],
        )
