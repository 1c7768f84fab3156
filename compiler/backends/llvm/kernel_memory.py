"""Loads, stores and checks of a Kernel; addresses are added up outside loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.kernel_numbers import Number, NumberEmitter
from penstock.backends.llvm.operand import Operand
from penstock.backends.llvm.primitives import ELEMENTS
from penstock.ir.dims import Size, product
from penstock.ir.loop.node import Block, Buffer, Check, Load, Scalar, Statement, Store

__all__ = ["MemoryEmitter"]


@dataclass
class _Partial:
    """The part of an address that is known outside a loop."""

    pointer: Operand
    axes: frozenset[int]


class MemoryEmitter(NumberEmitter):
    """Emits the memory accesses of a Kernel.

    Attributes:
        pointers: the address of each Buffer.
        strides: the byte strides of each Buffer.
        partial: for each access, what is known of its address outside the loop.
        mask: the lanes that take part, where not all do.
        in_vector: whether a vector loop is around.
        detail: where the detail of an error goes.
        status: where the number of an error goes.
    """

    def __init__(self, e: Emitter) -> None:
        super().__init__(e)
        self.pointers: dict[Buffer, Operand] = {}
        self.strides: dict[Buffer, list[Operand | int]] = {}
        self.partial: dict[Statement, _Partial] = {}
        self.mask: Operand | None = None
        self.in_vector = False
        self.detail: Operand | None = None
        self.status: Operand | None = None

    def byte_strides(
        self, buffer: Buffer, words: Operand | None
    ) -> list[Operand | int]:
        e = self.e
        if words is not None:
            return [
                e.load(e.element_address(words, axis, "i64"), "i64", align=8)
                for axis in range(buffer.type.rank)
            ]
        strides: list[Operand | int] = []
        for axis in range(buffer.type.rank):
            size = product(buffer.shape[axis + 1 :]) * buffer.dtype.itemsize
            strides.append(size if isinstance(size, int) else self.size(size))
        return strides

    def hoist(self, block: Block) -> None:
        """Add up, before a loop, what its body's addresses do not change in it."""
        for statement in block.walk():
            if not isinstance(statement, (Load, Store)):
                continue
            known = self.partial.get(statement)
            axes = known.axes if known else frozenset()
            ready = [
                axis
                for axis, index in enumerate(statement.indices)
                if axis not in axes and self.is_settled(index)
            ]
            if ready or known is None:
                pointer = known.pointer if known else self.pointers[statement.buffer]
                pointer = self.advance(
                    statement.buffer, pointer, statement.indices, ready
                )
                if isinstance(statement, Load):
                    pointer = self.within(statement, pointer)
                self.partial[statement] = _Partial(pointer, axes | set(ready))

    def within(self, load: Load, pointer: Operand) -> Operand:
        """The pointer, or the buffer's own where nothing is loaded.

        Lanes that are off touch no memory, but to find out that there is none costs a
        hundred times as much as to load.
        """
        if load.predicate is None or not self.is_settled(load.predicate):
            return pointer
        needed = self.uniform(self.numbers[load.predicate])
        key = ("within", pointer, needed)
        if key not in self.shared:
            self.shared[key] = self.e.select(
                needed, pointer, self.pointers[load.buffer]
            )
        return self.shared[key]

    def is_settled(self, index: Scalar) -> bool:
        number = self.numbers.get(index)
        return number is not None and number.is_uniform

    def advance(
        self,
        buffer: Buffer,
        pointer: Operand,
        indices: Sequence[Scalar],
        axes: Sequence[int],
    ) -> Operand:
        """The pointer moved along some axes, for the first lane."""
        e = self.e
        for axis in axes:
            base = self.uniform(self.numbers[indices[axis]])
            if base.is_constant and base.text == "0":
                continue
            stride = self.strides[buffer][axis]
            if isinstance(stride, int) and stride == buffer.dtype.itemsize:
                key: tuple[object, ...] = ("step", pointer, base)
                if key not in self.shared:
                    element = ELEMENTS[buffer.dtype.name]
                    self.shared[key] = e.element_address(pointer, base, element)
            else:
                key = ("move", pointer, base, stride)
                if key not in self.shared:
                    self.shared[key] = e.offset(pointer, e.mul(base, stride))
            pointer = self.shared[key]
        return pointer

    def address(
        self, access: Load | Store
    ) -> tuple[Operand, int | Operand | None, Operand | None]:
        """Pointer of the first lane, byte stride between lanes, or offsets of lanes."""
        e, buffer = self.e, access.buffer
        partial = self.partial[access]
        rest = [a for a in range(len(access.indices)) if a not in partial.axes]
        numbers = {axis: self.numbers[access.indices[axis]] for axis in rest}
        uneven = [axis for axis in rest if numbers[axis].stride is None]
        if not uneven:
            pointer = self.advance(buffer, partial.pointer, access.indices, rest)
            step: int | Operand = 0
            for axis in rest:
                step = self.plus(
                    step, self.times(numbers[axis].stride, self.strides[buffer][axis])
                )
            return pointer, step, None
        offsets: Operand | None = None
        pointer = partial.pointer
        for axis in rest:
            stride = self.strides[buffer][axis]
            if not isinstance(stride, int):
                stride = e.splat(stride, self.lanes)
            term = e.mul(self.vector(numbers[axis]), stride)
            offsets = term if offsets is None else e.add(offsets, term)
        return pointer, None, offsets

    def access_mask(self, predicate: Scalar | None) -> Operand | None:
        if predicate is None:
            return self.mask
        lanes = self.vector(self.numbers[predicate])
        return lanes if self.mask is None else self.e.bit_and(self.mask, lanes)

    def load(self, load: Load) -> None:
        e, element = self.e, ELEMENTS[load.buffer.dtype.name]
        pointer, step, offsets = self.address(load)
        if not self.in_vector or self.lanes == 1:
            mask = None
            if load.predicate is not None:
                mask = self.uniform(self.numbers[load.predicate])
            self.numbers[load.result] = Number(e.load(pointer, element, mask=mask))
            return
        if isinstance(step, int) and step == 0 and self.is_steady(load.predicate):
            mask = None
            if load.predicate is not None:
                mask = self.uniform(self.numbers[load.predicate])
            self.numbers[load.result] = Number(e.load(pointer, element, mask=mask))
            return
        mask = self.access_mask(load.predicate)
        if offsets is not None:
            vector = e.gather(pointer, offsets, element, mask=mask)
        else:
            assert step is not None
            if not self.is_steady(load.predicate):
                assert mask is not None
                pointer = e.select(
                    e.any_lane(mask), pointer, self.pointers[load.buffer]
                )
            vector = self.load_lanes(pointer, step, load.buffer, element, mask)
        self.numbers[load.result] = self.lanes_number(vector)

    def is_steady(self, predicate: Scalar | None) -> bool:
        return predicate is None or self.numbers[predicate].is_uniform

    def load_lanes(
        self,
        pointer: Operand,
        step: int | Operand,
        buffer: Buffer,
        element: str,
        mask: Operand | None,
    ) -> Operand:
        e, lanes, itemsize = self.e, self.lanes, buffer.dtype.itemsize
        if isinstance(step, int) and step == itemsize:
            return e.load(pointer, element, lanes, mask=mask)
        if isinstance(step, int) and step == -itemsize:
            last = e.offset(pointer, step * (lanes - 1))
            reversed_mask = None if mask is None else e.reverse(mask)
            return e.reverse(e.load(last, element, lanes, mask=reversed_mask))
        if isinstance(step, int):
            every, rest = divmod(step, itemsize)
            if mask is None and not rest and every < lanes:
                if e.shuffles(element, every):
                    return e.load_every(pointer, every, element, lanes)
            offsets = e.stride_offsets(step, lanes)
            return e.gather(pointer, offsets, element, mask=mask)
        # Strides known only now: rows of a larger array are still contiguous.
        (vector,) = e.choose(
            e.eq(step, itemsize),
            lambda: [e.load(pointer, element, lanes, mask=mask)],
            lambda: [
                e.gather(pointer, e.stride_offsets(step, lanes), element, mask=mask)
            ],
            likely=True,
        )
        return vector

    def store(self, store: Store) -> None:
        e = self.e
        pointer, step, offsets = self.address(store)
        number = self.numbers[store.value]
        if not self.in_vector or self.lanes == 1:
            mask = None
            if store.predicate is not None:
                mask = self.uniform(self.numbers[store.predicate])
            e.store(self.uniform(number), pointer, mask=mask)
            return
        mask = self.access_mask(store.predicate)
        value, itemsize = self.vector(number), store.buffer.dtype.itemsize
        if isinstance(step, int) and step == itemsize:
            e.store(value, pointer, mask=mask)
            return
        if offsets is None:
            assert step is not None
            offsets = e.stride_offsets(step, self.lanes)
        e.scatter(value, pointer, offsets, mask=mask)

    def row_of_stores(self, statements: Sequence[Statement], first: int) -> list[Store]:
        """The stores of all elements of a row each, for a vector of rows, if they are.

        Of a pixel, the first is that of its red, the second that of its green.
        """
        store = statements[first]
        assert isinstance(store, Store)
        if self.lanes == 1 or not self.in_vector or self.mask is not None:
            return []
        _, step, _ = self.address(store)
        itemsize, element = (
            store.buffer.dtype.itemsize,
            ELEMENTS[store.buffer.dtype.name],
        )
        count, rest = divmod(step, itemsize) if isinstance(step, int) else (0, 1)
        row = [s for s in statements[first : first + count] if isinstance(s, Store)]
        whole = (
            not rest and 1 < len(row) == count and self.e.stores_in_turn(element, count)
        )
        alike = all(s.buffer is store.buffer and s.predicate is None for s in row)
        if whole and alike and list(map(self.number_in_row, row)) == list(range(count)):
            return row
        return []

    def number_in_row(self, store: Store) -> int | None:
        """The place that an element has among those of the last axes, where known.

        The loop's own index is that of the axis before.
        """
        number: int = 0
        row: Size = 1
        for axis in reversed(range(len(store.indices))):
            index = self.numbers[store.indices[axis]]
            if index.base is None or not index.is_uniform or not index.base.is_constant:
                return number
            if not isinstance(row, int):
                return None
            number += int(index.base.text) * row
            row = store.buffer.shape[axis] * row
        return None

    def store_row(self, row: Sequence[Store]) -> None:
        pointer, _, _ = self.address(row[0])
        values = [self.vector(self.numbers[store.value]) for store in row]
        self.e.store_in_turn(values, pointer)

    def check(self, check: Check) -> None:
        e = self.e
        assert self.status is not None and self.detail is not None
        condition = self.numbers[check.condition]
        detail = self.numbers[check.detail]
        if self.lanes == 1 or not self.in_vector or condition.is_uniform:
            failed = e.bit_not(self.uniform(condition))
            found = None
        else:
            bad = e.bit_not(self.vector(condition))
            found = bad if self.mask is None else e.bit_and(self.mask, bad)
            failed = e.any_lane(found)
        lanes = None if found is None else self.vector(detail)
        with e.when(failed, likely=False):
            first = e.eq(e.load(self.status, "i64", align=8), 0)
            with e.when(first):
                e.store(e.constant(check.error + 1, "i64"), self.status, align=8)
                if found is None or lanes is None:
                    value = self.uniform(detail)
                else:
                    value = e.extract(lanes, e.first_true(found))
                e.store(value, self.detail, align=8)
