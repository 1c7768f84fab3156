"""Addresses, loads, stores, atomics."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter_lanes import LaneEmitter
from penstock.backends.llvm.operand import BITS, Operand, suffix_text, type_text

# Vectors to load or store for one of every third element are as many as three; of more
# the machine's own gathers are as fast, where it has them.
_MOST_OF_A_GROUP = 4
_MOST_OF_NARROW_ONES = 8


class MemoryEmitter(LaneEmitter):
    """Memory as bytes: addresses are pointers and byte offsets.

    An ``i1`` is a byte of 0 or 1 in memory. Alignment is 1 unless given, since callers'
    arrays need not be aligned.
    """

    def offset(self, pointer: Operand, offset: Operand | int) -> Operand:
        """The pointer moved by a number of bytes, an ``i64``."""
        amount = offset.typed if isinstance(offset, Operand) else f"i64 {offset}"
        return self.instruction(f"getelementptr i8, {pointer.typed}, {amount}", "ptr")

    def element_address(
        self, pointer: Operand, index: Operand | int, element: str
    ) -> Operand:
        """The address of an element of a contiguous array, by its ``i64`` index."""
        amount = index.typed if isinstance(index, Operand) else f"i64 {index}"
        kind = "i8" if element == "i1" else type_text(element)
        return self.instruction(
            f"getelementptr {kind}, {pointer.typed}, {amount}", "ptr"
        )

    def allocate(self, size: int, align: int = 64) -> Operand:
        """Bytes on the stack, for the whole function."""
        name = f"%stack.{len(self._entry)}"
        self._entry.append(f"  {name} = alloca [{size} x i8], align {align}")
        return Operand(name, "ptr")

    def load(
        self,
        pointer: Operand,
        element: str,
        width: int = 1,
        *,
        mask: Operand | None = None,
        align: int = 1,
    ) -> Operand:
        """Load a scalar, or consecutive elements.

        Args:
            pointer: address of the first element.
            element: the element type.
            width: lanes.
            mask: ``i1`` per lane; lanes where it is false are not touched, and are 0.
            align: bytes by which the address is known to be divisible.
        """
        stored = "i8" if element == "i1" else element
        kind = type_text(stored, width)
        if mask is None:
            text = f"load {kind}, {pointer.typed}, align {align}"
            loaded = self.instruction(text, stored, width)
        elif width == 1:
            loaded = self._load_if(pointer, stored, mask, align)
        else:
            name = f"llvm.masked.load.{suffix_text(stored, width)}.p0"
            self.module.declare(name, f"{kind} @{name}(ptr, <{width} x i1>, {kind})")
            loaded = self.instruction(
                f"call {kind} @{name}(ptr align {align} {pointer.text}, {mask.typed}, "
                f"{kind} zeroinitializer)",
                stored,
                width,
            )
        return self.ne(loaded, 0) if element == "i1" else loaded

    def store(
        self,
        value: Operand,
        pointer: Operand,
        *,
        mask: Operand | None = None,
        align: int = 1,
        nontemporal: bool = False,
    ) -> None:
        """Store a scalar, or consecutive elements.

        Args:
            value: what to store.
            pointer: address of the first element.
            mask: ``i1`` per lane; lanes where it is false are not touched.
            align: bytes by which the address is known to be divisible.
            nontemporal: whether to bypass the cache. It takes effect only where
                ``align`` is the size of the value, and needs a ``fence`` after.
        """
        if value.element == "i1":
            value = self.convert(value, "i8")
        if mask is None:
            hint = ""
            if nontemporal:
                hint = f", !nontemporal {self.module.metadata('!{i32 1}')}"
            self.emit(f"store {value.typed}, {pointer.typed}, align {align}{hint}")
        elif value.width == 1:
            with self.when(mask):
                self.store(value, pointer, align=align)
        else:
            kind = type_text(value.element, value.width)
            name = f"llvm.masked.store.{suffix_text(value.element, value.width)}.p0"
            self.module.declare(
                name, f"void @{name}({kind}, ptr, <{value.width} x i1>)"
            )
            self.emit(
                f"call void @{name}({value.typed}, ptr align {align} {pointer.text}, "
                f"{mask.typed})"
            )

    def stride_offsets(self, stride: Operand | int, width: int) -> Operand:
        """The byte offsets 0, stride, 2 * stride, ... of lanes, for ``gather``."""
        if isinstance(stride, int):
            return self.constants([lane * stride for lane in range(width)], "i64")
        return self.mul(self.iota("i64", width), self.splat(stride, width))

    def shuffles(self, element: str, stride: int) -> bool:
        """Whether elements at so small a distance are best moved by whole vectors."""
        wide = BITS[element] >= 32 or element == "i1"
        if self.machine.vector_bytes == 16 and not wide:
            return False  # shuffles of bytes came with SSSE3
        return 2 <= stride <= (_MOST_OF_A_GROUP if wide else _MOST_OF_NARROW_ONES)

    def stores_in_turn(self, element: str, count: int) -> bool:
        """The same of so many vectors that are stored."""
        return count <= _MOST_OF_NARROW_ONES and self.shuffles(element, 2)

    def load_every(
        self, pointer: Operand, stride: int, element: str, width: int
    ) -> Operand:
        """Load every ``stride``-th element: whole vectors, and their lanes taken.

        No byte is touched beyond the last lane's element.

        Args:
            pointer: address of the first.
            stride: how many elements they are apart, less than ``width``.
            element: the element type.
            width: lanes.
        """
        stored = "i8" if element == "i1" else element
        wanted = range(0, width * stride, stride)
        # The last vector ends with the last element.
        starts = [width * part for part in range(stride - 1)]
        starts.append(wanted[-1] + 1 - width)
        vectors = [
            self.load(self.element_address(pointer, start, stored), stored, width)
            for start in starts
        ]
        found = vectors[0]
        for part in range(1, stride):
            order = [
                (lane if part > 1 else at)
                if at < width * part
                else min(width + at - starts[part], 2 * width - 1)
                for lane, at in enumerate(wanted)
            ]
            found = self._shuffle(found, vectors[part], order)
        return self.ne(found, 0) if element == "i1" else found

    def store_in_turn(self, values: Sequence[Operand], pointer: Operand) -> None:
        """Store the first lane of each vector, then the second of each, and so on."""
        values = [self.convert(v, "i8") if v.element == "i1" else v for v in values]
        width, count = values[0].width, len(values)
        for part in range(count):
            places = [divmod(width * part + lane, count) for lane in range(width)]
            found = values[0]
            for number in range(1, count):
                order = [
                    width + row if turn == number else (lane if number > 1 else row)
                    for lane, (row, turn) in enumerate(places)
                ]
                found = self._shuffle(found, values[number], order)
            address = self.element_address(pointer, width * part, found.element)
            self.store(found, address)

    def gather(
        self,
        pointer: Operand,
        offsets: Operand,
        element: str,
        *,
        mask: Operand | None = None,
    ) -> Operand:
        """Load one element per lane, from the pointer plus a byte offset.

        Args:
            pointer: scalar.
            offsets: ``i64``, one per lane. Compute those of a stride once, before the
                loop, with ``stride_offsets``.
            element: the element type.
            mask: ``i1`` per lane; lanes where it is false are not touched, and are 0.
        """
        width = offsets.width
        stored = "i8" if element == "i1" else element
        if width == 1:
            return self.load(self.offset(pointer, offsets), element, mask=mask)
        if self._gathers(stored):
            loaded = self._hardware_gather(pointer, offsets, stored, mask)
        else:
            loaded = self._lane_loads(pointer, offsets, stored, mask)
        return self.ne(loaded, 0) if element == "i1" else loaded

    def scatter(
        self,
        value: Operand,
        pointer: Operand,
        offsets: Operand,
        *,
        mask: Operand | None = None,
    ) -> None:
        """Store one element per lane, at the pointer plus a byte offset.

        Lanes are stored in order, so that of equal offsets the last lane stays.

        Args:
            value: one element per lane.
            pointer: scalar.
            offsets: ``i64``, one per lane.
            mask: ``i1`` per lane; lanes where it is false are not touched.
        """
        if value.element == "i1":
            value = self.convert(value, "i8")
        width = value.width
        if width == 1:
            self.store(value, self.offset(pointer, offsets), mask=mask)
        elif self._gathers(value.element):
            addresses = self._addresses(pointer, offsets)
            kind = type_text(value.element, width)
            name = f"llvm.masked.scatter.{suffix_text(value.element, width)}.v{width}p0"
            self.module.declare(
                name, f"void @{name}({kind}, <{width} x ptr>, <{width} x i1>)"
            )
            active = mask or self.constant(True, "i1", width)
            self.emit(
                f"call void @{name}({value.typed}, <{width} x ptr> align 1 "
                f"{addresses.text}, {active.typed})"
            )
        else:
            addresses = self._lane_addresses(pointer, offsets, value.element, mask)
            for lane in range(width):
                address = self.extract(addresses, lane)
                self.store(self.extract(value, lane), address)

    def load_atomic(
        self, pointer: Operand, element: str, order: str = "acquire"
    ) -> Operand:
        """Load an integer or pointer that other threads write."""
        size = BITS[element] // 8
        kind = type_text(element)
        return self.instruction(
            f"load atomic {kind}, {pointer.typed} {order}, align {size}", element
        )

    def store_atomic(
        self, value: Operand, pointer: Operand, order: str = "release"
    ) -> None:
        """Store an integer or pointer that other threads read."""
        size = BITS[value.element] // 8
        self.emit(f"store atomic {value.typed}, {pointer.typed} {order}, align {size}")

    def update_atomic(
        self, operation: str, pointer: Operand, value: Operand, order: str = "seq_cst"
    ) -> Operand:
        """Combine into memory by ``add sub and or xor xchg``; the old value."""
        return self.instruction(
            f"atomicrmw {operation} {pointer.typed}, {value.typed} {order}",
            value.element,
        )

    def compare_exchange(
        self, pointer: Operand, expected: Operand, desired: Operand
    ) -> tuple[Operand, Operand]:
        """Replace a value if it is as expected; the old value, and whether it was."""
        kind = type_text(expected.element)
        pair = self.instruction(
            f"cmpxchg {pointer.typed}, {expected.typed}, {desired.typed} "
            f"seq_cst seq_cst",
            expected.element,
        )
        old = self.instruction(
            f"extractvalue {{{kind}, i1}} {pair.text}, 0", expected.element
        )
        done = self.instruction(f"extractvalue {{{kind}, i1}} {pair.text}, 1", "i1")
        return old, done

    def fence(self) -> None:
        """Order all memory accesses before with those after."""
        self.emit("fence seq_cst")

    def _load_if(
        self, pointer: Operand, element: str, mask: Operand, align: int
    ) -> Operand:
        zero = self.constant(0, element)
        return self.choose(
            mask,
            lambda: [self.load(pointer, element, align=align)],
            lambda: [zero],
        )[0]

    def _gathers(self, element: str) -> bool:
        """Whether the machine has a gather of elements that beats single loads."""
        return self.machine.vector_bytes == 64 and BITS[element] >= 32

    def _addresses(self, pointer: Operand, offsets: Operand) -> Operand:
        return self.instruction(
            f"getelementptr i8, {pointer.typed}, {offsets.typed}", "ptr", offsets.width
        )

    def _hardware_gather(
        self, pointer: Operand, offsets: Operand, element: str, mask: Operand | None
    ) -> Operand:
        width = offsets.width
        addresses = self._addresses(pointer, offsets)
        kind = type_text(element, width)
        name = f"llvm.masked.gather.{suffix_text(element, width)}.v{width}p0"
        self.module.declare(
            name, f"{kind} @{name}(<{width} x ptr>, <{width} x i1>, {kind})"
        )
        active = mask or self.constant(True, "i1", width)
        return self.instruction(
            f"call {kind} @{name}(<{width} x ptr> align 1 {addresses.text}, "
            f"{active.typed}, {kind} zeroinitializer)",
            element,
            width,
        )

    def _lane_loads(
        self, pointer: Operand, offsets: Operand, element: str, mask: Operand | None
    ) -> Operand:
        addresses = self._lane_addresses(pointer, offsets, element, mask)
        kind = type_text(element, offsets.width)
        loaded = Operand("poison", element, offsets.width)
        for lane in range(offsets.width):
            one = self.load(self.extract(addresses, lane), element)
            loaded = self.instruction(
                f"insertelement {kind} {loaded.text}, {one.typed}, i32 {lane}",
                element,
                offsets.width,
            )
        return loaded

    def _lane_addresses(
        self, pointer: Operand, offsets: Operand, element: str, mask: Operand | None
    ) -> Operand:
        """Addresses that may all be touched: masked lanes go to a word of our own."""
        addresses = self._addresses(pointer, offsets)
        if mask is None:
            return addresses
        spare = self.allocate(8, 8)
        self._entry.append(f"  store i64 0, {spare.typed}")
        return self.select(mask, addresses, self.splat(spare, offsets.width))
