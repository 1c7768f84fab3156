"""Sums of products as loops: tiles of the result in registers, operands in panels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from penstock.ir.dims import Size, product
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.ops.families import NestContext
from penstock.ir.ops.letters import letter_sizes, split_spec
from penstock.ir.ops.tile import Row, Tile
from penstock.ir.record import Record

if TYPE_CHECKING:
    from penstock.ir.loop.build import KernelBuilder

__all__ = ["lower_contraction", "multiply_add", "serial_loops"]

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
        combine = "add" if last == "vector" else None
        with builder.loop(
            last if axis == len(sizes) - 1 else "serial",
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


class _Loops:
    """The loops of a contraction.

    Attributes:
        sizes: the size of each letter.
        column: the letter of the result that vectors run along, or none.
        row: the letter of the result that tiles of rows run along, or none.
        rows: the letters of the result without the column's.
        summed: the letters that are summed over, the innermost last.
        innermost: the kind of the innermost loop.
        panels: for each operand its copy, if there is one.
        position: the indices of the letters of the result.
        tile: the rows that are added up together.
        start: the first of the columns that are being gone along.
        place: which of these columns it is.
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
        self.panels: list[_Panels | None] = [None for _ in self.inputs]
        self.position: dict[str, Scalar] = {}
        self.start = self.place = self.builder.size(0)
        size = self.sizes[self.row] if self.row else 1
        self.tile = Tile(context, size, self.store)

    # Choices

    def choose_column(self) -> str:
        """The letter of the result that vectors run along; none if a summed one is.

        A letter of the result gives independent lanes, and is best where it is the
        contiguous axis of an operand, or panels make it so. Else a summed letter that
        is contiguous in all operands that have it. Else the last letter, by gathers.
        """
        last = self.output[-1:]
        if last and self.sizes[last] == 1:
            last = ""
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
        self.panels[right] = self.copy(right, self.column, self.panel_width)
        inner = [letter for letter in self.summed if letter in self.inputs[left]]
        if self.is_more_than(self.column, _COLUMNS) and not (
            inner and self.is_contiguous(left, inner[-1])
        ):
            self.panels[left] = self.copy(left, self.row, self.tile.height)

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
                    if letter == self.column:
                        fill([*indices, piece, *places], stop - start)
                    return []

                def fill(where: list[Scalar], count: Scalar) -> None:
                    # All columns of a panel are gone along, so all must be numbers.
                    length = builder.size(width)
                    with builder.loop("serial", length, start=count, hint="j") as loop:
                        zero = builder.constant(0, type_.dtype)
                        builder.store(target, [*where, loop.index], zero)

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
        context, tile = self.context, self.tile
        panels = next((p for p in self.panels if p and p.letter == self.column), None)
        if panels is not None:
            tile.hold(panels.width)
        elif context.is_consumed:
            tile.hold(_COLUMNS if self.column else 1)
        extents = [tile.blocks if c == self.row else self.sizes[c] for c in self.rows]
        terms = product([self.sizes[letter] for letter in self.summed])
        elements = context.type.size
        whole = elements, elements * terms
        if self.summed and len(self.inputs) == 2:
            self.builder.state_products(elements * terms)
        if not self.column:
            context.effort((tile.height, tile.height * terms), whole)
            with context.rows(extents) as indices:
                self.go_to(indices)
                self.add_up(tile.rows(tile.height), self.start, self.start)
                tile.finish_column(self.start)
            return
        block = _COLUMNS if panels is None else self.block(terms)
        area = tile.height * block
        context.effort((area, area * terms), whole)
        columns = self.sizes[self.column]
        with context.tiles(extents, columns, block) as (indices, start, stop):
            self.go_to(indices)
            if panels is None:
                self.go_along(start, stop, tile.rows(tile.height))
                tile.finish(start, stop)
            else:
                self.go_through(panels, start, stop)

    @property
    def panel_width(self) -> int:
        """Columns of a panel."""
        return _PANEL_BYTES // self.context.type.dtype.compute.itemsize

    def block(self, terms: Size) -> int:
        """Columns whose panels stay in cache while the tiles of rows pass."""
        itemsize = self.context.type.dtype.compute.itemsize
        if not isinstance(terms, int):
            return 2 * _COLUMNS
        block = 4 * _COLUMNS
        while block > _COLUMNS and block * terms * itemsize > _CACHE_BYTES:
            block //= 2
        return block

    def go_to(self, indices: Sequence[Scalar]) -> None:
        """Go to a tile of rows."""
        self.position.update(zip(self.rows, indices, strict=True))
        self.tile.begin(self.position.get(self.row, self.builder.size(0)))

    def go_through(self, panels: _Panels, start: Scalar, stop: Scalar) -> None:
        """A tile of rows of a block of columns, one panel after the other."""
        builder, tile, width = self.builder, self.tile, panels.width
        many, rows = self.many(builder), tile.rows(tile.height)
        with builder.loop("serial", stop, start=start, step=width, hint="p") as loop:
            first = loop.index
            end = builder.apply("minimum", first + width, stop)
            with nullcontext() if many is None else builder.when(many):
                self.go_along_panel(first, width, rows)
            if many is not None:
                with builder.when(~many):
                    self.go_without_panels(first, end)
            tile.finish(first, end)

    def go_without_panels(self, start: Scalar, stop: Scalar) -> None:
        """The same for a few rows, from where the operands are."""
        panels, self.panels = self.panels, [None for _ in self.inputs]
        by_column = self.runs_along(self.column) or not self.vectorize_sum()
        kind = "vector" if by_column else "serial"
        # A whole tile would be mostly rows that there are not.
        half = self.tile.height // 2
        with self.builder.loop("serial", self.tile.count, step=half, hint="r") as loop:
            self.go_along(start, stop, self.tile.rows(half, loop.index), kind)
        self.panels = panels

    def go_along_panel(self, first: Scalar, width: int, rows: Sequence[Row]) -> None:
        """Some rows of all columns of a panel, also of those that fill up the last."""
        self.start = first
        with self.builder.loop("vector", self.builder.size(width), hint="j") as loop:
            self.add_up(rows, first + loop.index, loop.index)

    def go_along(
        self, start: Scalar, stop: Scalar, rows: Sequence[Row], kind: str = "vector"
    ) -> None:
        """Some rows of some columns."""
        self.start = start
        with self.builder.loop(kind, stop, start=start, hint="j") as loop:
            self.add_up(rows, loop.index, loop.index - start)

    def add_up(self, rows: Sequence[Row], column: Scalar, place: Scalar) -> None:
        """Some rows of one column, which has a place among those gone along."""
        self.position[self.column] = column
        self.place = place
        builder, dtype = self.builder, self.context.type.dtype

        def step(indices: list[Scalar], totals: Sequence[Scalar]) -> list[Scalar]:
            at = {**self.position, **dict(zip(self.summed, indices, strict=True))}
            return [
                self.add_term({**at, self.row: row.index}, total)
                for row, total in zip(rows, totals, strict=True)
            ]

        zeros = [builder.constant(0, dtype.compute)] * len(rows)
        extents = [self.sizes[letter] for letter in self.summed]
        totals = serial_loops(builder, extents, zeros, step, self.innermost)
        self.tile.put(rows, totals, column, place)

    def store(self, row: Scalar, column: Scalar, total: Scalar) -> None:
        """Write an element of the result, and what is computed from it."""
        at = {**self.position, self.row: row, self.column: column}
        self.context.store([at[letter] for letter in self.output], total)

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
        first, place = self.start, self.place
        if panels.letter != self.column:
            first = self.tile.first
            place = at[panels.letter] - first
        return self.builder.load(
            panels.buffer,
            [
                *(at[letter] for letter in panels.outer),
                first // panels.width,
                *(at[letter] for letter in panels.summed),
                place,
            ],
        )
