"""Kernels as LLVM functions: loops widened to vectors, addresses hoisted.

A function takes a frame (an array of 8-byte words: buffers, then strides, then
sizes), and the range of the parallel loop that it is to run. It returns 0, or k if
error ``k - 1`` struck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.module import Module, Parameter
from penstock.backends.llvm.operand import LLVM_TYPES, Operand
from penstock.backends.llvm.primitives import ELEMENTS, emit_primitive
from penstock.backends.llvm.sizes import emit_size
from penstock.backends.llvm.width import lanes_of, unroll_of
from penstock.ir.dims import Size, product
from penstock.ir.loop.node import (
    Block,
    Buffer,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Statement,
    Store,
)
from penstock.ir.types import Dtype, i64

__all__ = ["emit_kernel", "frame_words"]


def frame_words(kernel: Kernel) -> list[tuple[str, Buffer | str | None]]:
    """What a Kernel's frame holds, word by word.

    ``("detail", None)`` is the address for an error's detail, ``("data", buffer)`` and
    ``("strides", buffer)`` are addresses, ``("size", symbol)`` is a number.
    """
    words: list[tuple[str, Buffer | str | None]] = [("detail", None)]
    words += [("data", buffer) for buffer in kernel.buffers]
    words += [("strides", buffer) for buffer in kernel.buffers if buffer.strided]
    words += [("size", name) for name in kernel.sizes]
    return words


def emit_kernel(module: Module, kernel: Kernel) -> None:
    """Add a Kernel to a module, as an internal function of its name."""
    _KernelEmitter(module, kernel).emit()


@dataclass
class _Number:
    """A Scalar while it is emitted.

    Attributes:
        base: its value, or that of the first lane.
        stride: how much it grows from lane to lane; 0 if it is the same in all, and
            ``None`` if it has no such rule: then ``lanes`` holds it.
        lanes: a number of its own for each lane.
    """

    base: Operand | None
    stride: int | Operand | None = 0
    lanes: Operand | None = None

    @property
    def is_uniform(self) -> bool:
        return isinstance(self.stride, int) and self.stride == 0


@dataclass
class _Partial:
    """The part of an address that is known outside a loop."""

    pointer: Operand
    axes: frozenset[int]


class _KernelEmitter:
    def __init__(self, module: Module, kernel: Kernel) -> None:
        self.kernel = kernel
        self.machine = module.machine
        self.e: Emitter = module.function(
            kernel.name,
            [Parameter("frame", "ptr"), Parameter("begin", "i64"), Parameter("end", "i64")],
            result="i64",
            internal=True,
        )
        self.numbers: dict[Scalar, _Number] = {}
        self.symbols: dict[str, Operand] = {}
        self.pointers: dict[Buffer, Operand] = {}
        self.strides: dict[Buffer, list[Operand | int]] = {}
        self.partial: dict[Statement, _Partial] = {}
        # Addresses and spread numbers that can be read from here.
        self.shared: dict[tuple[object, ...], Operand] = {}
        # Keys of `shared` hold the identities of these.
        self.kept: list[_Number] = []
        # The vector loop around what is being emitted.
        self.lanes = 1
        self.mask: Operand | None = None
        self.in_vector = False
        self.detail: Operand | None = None
        self.status: Operand | None = None

    def emit(self) -> None:
        e, kernel = self.e, self.kernel
        frame = e.parameters[0]
        has_checks = any(isinstance(s, Check) for s in kernel.body.walk())
        stride_words: dict[Buffer, Operand] = {}
        for position, (kind, what) in enumerate(frame_words(kernel)):
            address = e.element_address(frame, position, "i64")
            if kind == "detail":
                if has_checks:
                    self.detail = e.load(address, "ptr", align=8)
            elif isinstance(what, Buffer):
                word = e.load(address, "ptr", align=8)
                if kind == "data":
                    self.pointers[what] = word
                else:
                    stride_words[what] = word
            else:
                assert what is not None
                self.symbols[what] = e.load(address, "i64", align=8)
        for buffer in kernel.buffers:
            self.strides[buffer] = self.byte_strides(buffer, stride_words.get(buffer))
        if has_checks:
            self.status = e.allocate(8, 8)
            e.store(e.constant(0, "i64"), self.status, align=8)
        self.hoist(kernel.body)
        self.block(kernel.body)
        zero = e.constant(0, "i64")
        e.ret(zero if self.status is None else e.load(self.status, "i64", align=8))

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

    def size(self, size: Size) -> Operand:
        key = ("size", size)
        if key not in self.shared:
            self.shared[key] = emit_size(self.e, size, self.symbols)
        return self.shared[key]

    # Statements

    def block(self, block: Block) -> None:
        for statement in block.statements:
            if isinstance(statement, Let):
                self.let(statement)
            elif isinstance(statement, Load):
                self.load(statement)
            elif isinstance(statement, Store):
                self.store(statement)
            elif isinstance(statement, Check):
                self.check(statement)
            elif isinstance(statement, If):
                self.when(statement)
            elif statement.kind == "vector" and not self.in_vector:
                self.vector_loop(statement)
            else:
                self.counted_loop(statement)

    def let(self, let: Let) -> None:
        e = self.e
        if let.primitive == "const":
            value = let.value.item() if hasattr(let.value, "item") else let.value
            element = ELEMENTS[let.result.dtype.name]
            number = _Number(e.constant(_as_signed(value, let.result.dtype), element))
        elif let.primitive == "size":
            number = _Number(emit_size(e, let.value, self.symbols))
        else:
            number = self.primitive(let)
        self.numbers[let.result] = number

    def primitive(self, let: Let) -> _Number:
        operands = [self.numbers[operand] for operand in let.operands]
        if all(number.is_uniform for number in operands):
            scalars = [self.uniform(number) for number in operands]
            return _Number(self.apply(let, scalars))
        if let.result.dtype is i64:
            affine = self.affine(let, operands)
            if affine is not None:
                return affine
        lanes = [self.vector(number) for number in operands]
        return self.lanes_number(self.apply(let, lanes))

    def apply(self, let: Let, operands: Sequence[Operand]) -> Operand:
        dtypes = [operand.dtype for operand in let.operands]
        return emit_primitive(
            self.e, let.primitive, operands, dtypes, let.result.dtype
        )

    def lanes_number(self, vector: Operand) -> _Number:
        """A number known lane by lane."""
        if self.lanes == 1:
            return _Number(vector)
        return _Number(None, None, vector)

    def affine(self, let: Let, operands: Sequence[_Number]) -> _Number | None:
        """Index arithmetic on numbers that grow evenly from lane to lane."""
        if let.primitive not in ("add", "sub", "mul") or any(
            number.stride is None for number in operands
        ):
            return None
        e = self.e
        a, b = operands
        if let.primitive == "mul":
            if not a.is_uniform and not b.is_uniform:
                return None
            factor, other = (a, b) if a.is_uniform else (b, a)
            stride = self.times(other.stride, self.uniform(factor))
        elif let.primitive == "add":
            stride = self.plus(a.stride, b.stride)
        else:
            stride = self.plus(a.stride, self.times(b.stride, -1))
        assert a.base is not None and b.base is not None
        base = getattr(e, let.primitive)(a.base, b.base)
        return _Number(base, stride)

    def times(
        self, a: int | Operand | None, b: int | Operand
    ) -> int | Operand:
        assert a is not None
        if isinstance(b, Operand) and b.is_constant:
            b = int(b.text)
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if isinstance(a, int):
            a, b = b, a
        assert isinstance(a, Operand)
        if isinstance(b, int) and b in (0, 1):
            return a if b else 0
        return self.e.mul(a, b)

    def plus(
        self, a: int | Operand | None, b: int | Operand | None
    ) -> int | Operand:
        assert a is not None and b is not None
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if isinstance(a, int):
            a, b = b, a
        assert isinstance(a, Operand)
        if isinstance(b, int) and b == 0:
            return a
        return self.e.add(a, b)

    def uniform(self, number: _Number) -> Operand:
        assert number.base is not None
        return number.base

    def vector(self, number: _Number) -> Operand:
        """A number as the lanes of the current vector loop."""
        if self.lanes == 1:
            return self.uniform(number)
        if number.lanes is not None:
            return number.lanes
        key = ("lanes", id(number), self.lanes)
        if key not in self.shared:
            e = self.e
            found = _spread(e, self.uniform(number), self.lanes)
            if not number.is_uniform:
                assert number.stride is not None
                found = e.add(found, e.stride_offsets(number.stride, self.lanes))
            self.shared[key] = found
            self.kept.append(number)
        return self.shared[key]

    # Memory

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
                pointer = self.advance(statement.buffer, pointer, statement.indices, ready)
                self.partial[statement] = _Partial(pointer, axes | set(ready))

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
                key = ("step", pointer, base)
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
            self.numbers[load.result] = _Number(e.load(pointer, element, mask=mask))
            return
        if isinstance(step, int) and step == 0 and self.is_steady(load.predicate):
            mask = None
            if load.predicate is not None:
                mask = self.uniform(self.numbers[load.predicate])
            self.numbers[load.result] = _Number(e.load(pointer, element, mask=mask))
            return
        mask = self.access_mask(load.predicate)
        if offsets is not None:
            vector = e.gather(pointer, offsets, element, mask=mask)
        else:
            assert step is not None
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

    def when(self, statement: If) -> None:
        condition = self.uniform(self.numbers[statement.condition])
        saved = dict(self.shared), dict(self.numbers)
        with self.e.when(condition):
            self.block(statement.body)
        self.shared, self.numbers = saved

    # Loops

    def counted_loop(self, loop: For) -> None:
        """A loop of one iteration after the other, within a vector loop or not."""
        e = self.e
        if loop.kind == "parallel":
            start, stop = e.parameters[1], e.parameters[2]
        else:
            start = self.uniform(self.numbers[loop.start])
            stop = self.uniform(self.numbers[loop.stop])
        initial = [self.carried(carry.initial) for carry in loop.carries]
        self.settle(loop.body)
        # What a body defines is gone after it: it may be emitted again elsewhere.
        saved = dict(self.partial), dict(self.shared), dict(self.numbers)
        self.hoist(loop.body)
        with e.for_loop(start, stop, loop.step, initial) as emitted:
            inner = dict(self.shared)
            self.numbers[loop.index] = _Number(emitted.index)
            for carry, value in zip(loop.carries, emitted.carried, strict=True):
                self.numbers[carry.parameter] = self.carried_number(value)
            self.hoist(loop.body)
            self.block(loop.body)
            updates = [carry.update for carry in loop.carries]
            assert None not in updates
            if loop.carries:
                emitted.carry(*(self.carried(u) for u in updates if u is not None))
            self.shared = inner
        self.partial, self.shared, self.numbers = saved
        for carry, value in zip(loop.carries, emitted.results, strict=True):
            self.numbers[carry.result] = self.carried_number(value)

    def carried(self, scalar: Scalar) -> Operand:
        number = self.numbers[scalar]
        return self.vector(number) if self.in_vector else self.uniform(number)

    def carried_number(self, value: Operand) -> _Number:
        return self.lanes_number(value) if self.in_vector else _Number(value)

    def settle(self, block: Block) -> None:
        """Spread, before a loop, the numbers that its body wants in all lanes."""
        if not self.in_vector or self.lanes == 1:
            return
        for statement in block.walk():
            if isinstance(statement, Let):
                wanted: Sequence[Scalar] = statement.operands
            elif isinstance(statement, Store):
                wanted = (statement.value,)
            else:
                continue
            for scalar in wanted:
                number = self.numbers.get(scalar)
                if number is not None and scalar.dtype is not i64 and number.base:
                    self.vector(number)

    def vector_loop(self, loop: For) -> None:
        """Whole vectors first, several at a time; then what is left, masked."""
        e = self.e
        width = lanes_of(self.machine, loop)
        unroll = unroll_of(loop)
        start = self.uniform(self.numbers[loop.start])
        stop = self.uniform(self.numbers[loop.stop])
        saved = dict(self.partial), dict(self.shared)
        self.in_vector = True
        self.lanes = width
        self.settle(loop.body)
        self.hoist(loop.body)
        identities = [self.identity(loop, position) for position in range(len(loop.carries))]
        sums = [_spread(e, identity, width) for identity in identities]
        length = _constant_length(start, stop)
        position = start
        step = width * unroll
        if length is None or length >= step:
            last = e.sub(stop, step - 1)
            carried = [position, *(total for total in sums for _ in range(unroll))]
            with e.for_loop(start, last, step, carried) as main:
                totals = list(main.carried[1:])
                for copy in range(unroll):
                    chosen = totals[copy::unroll]
                    index = e.add(main.index, copy * width) if copy else main.index
                    totals[copy::unroll] = self.vector_body(loop, index, chosen)
                main.carry(e.add(main.index, step), *totals)
            position = main.results[0]
            sums = []
            for number, carry in enumerate(loop.carries):
                parts = main.results[1 + number * unroll : 1 + (number + 1) * unroll]
                total = parts[0]
                for part in parts[1:]:
                    total = self.combine(carry.combine, total, part, carry.result.dtype)
                sums.append(total)
        if length is None or length % step:
            sums = self.rest(loop, position, stop, sums, identities)
        self.in_vector = False
        self.lanes = 1
        self.mask = None
        self.partial, self.shared = saved
        self.finish_carries(loop, sums)

    def rest(
        self,
        loop: For,
        position: Operand,
        stop: Operand,
        sums: list[Operand],
        identities: list[Operand],
    ) -> list[Operand]:
        """The iterations that do not fill all vectors of the main loop."""
        e, width = self.e, self.lanes
        if self.machine.vector_bytes == 64:
            with e.for_loop(position, stop, width, sums) as tail:
                left = e.convert(e.minimum(e.sub(stop, tail.index), width), "i32")
                self.mask = e.first_lanes(left, width)
                new = self.vector_body(loop, tail.index, list(tail.carried))
                if new:
                    pairs = zip(new, tail.carried, strict=True)
                    tail.carry(*(e.select(self.mask, a, b) for a, b in pairs))
            self.mask = None
            return list(tail.results)
        # Without masks: one by one, into a number that joins the first lane.
        self.lanes = 1
        saved = dict(self.partial), dict(self.shared)
        with e.for_loop(position, stop, 1, identities) as tail:
            new = self.vector_body(loop, tail.index, list(tail.carried))
            if new:
                tail.carry(*new)
        self.partial, self.shared = saved
        self.lanes = width
        results = []
        for carry, total, single in zip(loop.carries, sums, tail.results, strict=True):
            first = self.combine(
                carry.combine, e.extract(total, 0), single, carry.result.dtype
            )
            results.append(e.insert(total, 0, first))
        return results

    def vector_body(
        self, loop: For, index: Operand, totals: list[Operand]
    ) -> list[Operand]:
        """The body for the lanes from ``index`` on; the carried values after it."""
        saved = dict(self.partial), dict(self.shared), dict(self.numbers)
        self.numbers[loop.index] = _Number(index, 1 if self.lanes > 1 else 0)
        for carry, total in zip(loop.carries, totals, strict=True):
            self.numbers[carry.parameter] = self.lanes_number(total)
        self.hoist(loop.body)
        self.block(loop.body)
        updated = []
        for carry in loop.carries:
            assert carry.update is not None
            updated.append(self.vector(self.numbers[carry.update]))
        self.partial, self.shared, self.numbers = saved
        return updated

    def finish_carries(self, loop: For, sums: Sequence[Operand]) -> None:
        e = self.e
        for carry, lanes in zip(loop.carries, sums, strict=True):
            dtype = carry.result.dtype
            total = e.reduce(
                lambda a, b, c=carry, d=dtype: self.combine(c.combine, a, b, d),  # type: ignore[misc]
                lanes,
            )
            initial = self.uniform(self.numbers[carry.initial])
            total = self.combine(carry.combine, initial, total, dtype)
            self.numbers[carry.result] = _Number(total)

    def combine(
        self, primitive: str | None, a: Operand, b: Operand, dtype: Dtype
    ) -> Operand:
        assert primitive is not None
        return emit_primitive(self.e, primitive, [a, b], [dtype, dtype], dtype)

    def identity(self, loop: For, position: int) -> Operand:
        """The value that a carry's combining primitive does not notice."""
        carry = loop.carries[position]
        dtype = carry.result.dtype
        value = _identity_of(carry.combine, dtype)
        return self.e.constant(_as_signed(value, dtype), ELEMENTS[dtype.name])


def _spread(e: Emitter, scalar: Operand, lanes: int) -> Operand:
    """A scalar in all lanes; of a constant, again a constant."""
    if not scalar.is_constant:
        return e.splat(scalar, lanes)
    kind = LLVM_TYPES[scalar.element]
    return Operand(f"splat ({kind} {scalar.text})", scalar.element, lanes)


def _identity_of(combine: str | None, dtype: Dtype) -> float:
    if combine == "add":
        # x + -0.0 is x for every x; -0.0 + 0.0 would lose the sign.
        return -0.0 if dtype.is_float else 0
    if combine == "mul":
        return 1
    if combine in ("and", "or"):
        if dtype.kind == "b":
            return combine == "and"
        return -1 if combine == "and" else 0
    least = combine == "maximum"
    if dtype.is_float:
        return float("-inf") if least else float("inf")
    if dtype.kind == "b":
        return not least
    if dtype.kind == "u":
        return 0 if least else 2**dtype.bits - 1
    return -(2 ** (dtype.bits - 1)) if least else 2 ** (dtype.bits - 1) - 1


def _as_signed(value: float, dtype: Dtype) -> float:
    """Integers of LLVM print as signed numbers of their width."""
    if dtype.kind == "u" and value >= 2 ** (dtype.bits - 1):
        return int(value) - 2**dtype.bits
    return value


def _constant_length(start: Operand, stop: Operand) -> int | None:
    if start.is_constant and stop.is_constant:
        return max(int(stop.text) - int(start.text), 0)
    return None
