"""Kernels as LLVM functions: loops widened to vectors, addresses hoisted.

A function takes a frame (an array of 8-byte words: buffers, then strides, then
sizes), and the range of the parallel loop that it is to run. It returns 0, or k if
error ``k - 1`` struck.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from penstock.backends.llvm.kernel_memory import MemoryEmitter
from penstock.backends.llvm.kernel_numbers import Number, as_signed, spread
from penstock.backends.llvm.module import Module, Parameter
from penstock.backends.llvm.operand import Operand
from penstock.backends.llvm.primitives import ELEMENTS, emit_primitive
from penstock.backends.llvm.width import lanes_of, may_overlap, registers_of, unroll_of
from penstock.ir.dims import product
from penstock.ir.loop.chain import chain_of
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

__all__ = ["NOTHING", "emit_kernel", "frame_words", "looks_for_signals"]

# What loops hand to the thread pool so that it looks for signals.
NOTHING = "penstock_nothing"
_TURNS_BETWEEN_CHECKS = 1024


def frame_words(kernel: Kernel) -> list[tuple[str, Buffer | str | None]]:
    """What a Kernel's frame holds, word by word.

    ``("detail", None)`` is the address for an error's detail, ``("data", buffer)`` and
    ``("strides", buffer)`` are addresses, ``("size", symbol)`` is a number, and
    ``("parallel", None)`` the thread pool's entry, for Kernels that look for signals.
    """
    words: list[tuple[str, Buffer | str | None]] = [("detail", None)]
    if looks_for_signals(kernel):
        words.append(("parallel", None))
    words += [("data", buffer) for buffer in kernel.arguments]
    words += [("strides", buffer) for buffer in kernel.arguments if buffer.strided]
    words += [("size", name) for name in kernel.sizes]
    return words


def looks_for_signals(kernel: Kernel) -> bool:
    """Whether a Kernel may run for long on the caller's thread alone."""
    return kernel.parallel is None and any(map(_is_long, kernel.body.walk()))


def _is_long(statement: Statement) -> bool:
    """Whether this is a loop whose turns wait for each other, perhaps many."""
    if not isinstance(statement, For) or statement.kind != "serial":
        return False
    if statement.test is not None:
        return True
    stop = statement.stop.definition
    # One that runs once or not at all is a branch.
    counts = isinstance(stop, Let) and (
        stop.primitive == "size"
        or (stop.primitive == "const" and stop.value >= _TURNS_BETWEEN_CHECKS)
    )
    combines = [carry.combine for carry in statement.carries]
    return counts and (not combines or None in combines)


def emit_kernel(module: Module, kernel: Kernel, *, internal: bool = True) -> None:
    """Add a Kernel to a module, as a function of its name.

    Args:
        module: where it is added.
        kernel: what to emit.
        internal: whether only this module calls it.
    """
    _KernelEmitter(module, kernel, internal).emit()


class _KernelEmitter(MemoryEmitter):
    def __init__(self, module: Module, kernel: Kernel, internal: bool) -> None:
        e = module.function(
            kernel.name,
            [
                Parameter("frame", "ptr"),
                Parameter("begin", "i64"),
                Parameter("end", "i64"),
            ],
            result="i64",
            internal=internal,
        )
        super().__init__(e)
        self.kernel = kernel
        self.machine = module.machine
        # The thread pool's entry, in Kernels that look for signals.
        self.parallel: Operand | None = None
        # Loops that go on with the sums of a loop inside: which, and those sums.
        self.following: dict[For, For] = {}
        self.parts: dict[For, list[Operand]] = {}

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
            elif kind == "parallel":
                self.parallel = e.load(address, "ptr", align=8)
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
            if buffer.mode == "local":
                size = product(buffer.shape) * buffer.dtype.itemsize
                assert isinstance(size, int)
                self.pointers[buffer] = e.allocate(size)
            self.strides[buffer] = self.byte_strides(buffer, stride_words.get(buffer))
        if has_checks:
            self.status = e.allocate(8, 8)
            e.store(e.constant(0, "i64"), self.status, align=8)
        self.hoist(kernel.body)
        self.block(kernel.body)
        zero = e.constant(0, "i64")
        e.ret(zero if self.status is None else e.load(self.status, "i64", align=8))

    def block(self, block: Block) -> None:
        in_turn: list[Store] = []
        for position, statement in enumerate(block.statements):
            if isinstance(statement, Let):
                self.let(statement)
            elif isinstance(statement, Load):
                self.load(statement)
            elif isinstance(statement, Store):
                if not in_turn:
                    in_turn = self.row_of_stores(block.statements, position)
                    if not in_turn:
                        self.store(statement)
                        continue
                if statement is in_turn[-1]:
                    self.store_row(in_turn)
                    in_turn = []
            elif isinstance(statement, Check):
                self.check(statement)
            elif isinstance(statement, If):
                self.when(statement)
            elif statement.kind == "vector" and not self.in_vector:
                self.vector_loop(statement)
            else:
                self.counted_loop(statement)

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
        chain = [] if self.in_vector or loop in self.parts else chain_of(loop)
        if len(chain) > 1:
            self.chained_loops(chain)
            return
        following = self.following.get(loop)
        if loop.kind == "parallel":
            start, stop = e.parameters[1], e.parameters[2]
        else:
            start = self.uniform(self.numbers[loop.start])
            stop = self.uniform(self.numbers[loop.stop])
        initial = self.parts.get(loop)
        if initial is None:
            initial = [self.carried(carry.initial) for carry in loop.carries]
        self.settle(loop.body)
        # What a body defines is gone after it: it may be emitted again elsewhere.
        saved = dict(self.partial), dict(self.shared), dict(self.numbers)
        self.hoist(loop.body)
        test = None if loop.test is None else loop.carries.index(loop.test)
        with e.for_loop(start, stop, loop.step, initial, test) as emitted:
            inner = dict(self.shared)
            self.numbers[loop.index] = Number(emitted.index)
            if following is not None:
                self.parts[following] = list(emitted.carried)
            else:
                for carry, value in zip(loop.carries, emitted.carried, strict=True):
                    self.numbers[carry.parameter] = self.carried_number(value)
            self.hoist(loop.body)
            self.block(loop.body)
            if _is_long(loop):
                self.between_turns(loop, emitted.index)
            if following is not None:
                emitted.carry(*self.parts.pop(following))
            elif loop.carries:
                updates = [carry.update for carry in loop.carries]
                assert None not in updates
                emitted.carry(*(self.carried(u) for u in updates if u is not None))
            self.shared = inner
        self.partial, self.shared, self.numbers = saved
        if following is not None:
            self.parts[loop] = list(emitted.results)
            return
        for carry, value in zip(loop.carries, emitted.results, strict=True):
            self.numbers[carry.result] = self.carried_number(value)

    def chained_loops(self, chain: Sequence[For]) -> None:
        """Loops around a vector loop that go on with its sums, joined at the end."""
        first, vector = chain[0], chain[-1]
        self.following.update(itertools.pairwise(chain))
        self.parts[first] = self.first_parts(vector)
        self.counted_loop(first)
        self.finish_carries(first, self.joined(vector, self.parts.pop(first)))

    def first_parts(self, loop: For) -> list[Operand]:
        """What the lanes of a vector loop combine into, before its first iteration.

        So many for each carried value as the main loop keeps in flight.
        """
        width, unroll = lanes_of(self.machine, loop), unroll_of(loop)
        return [
            spread(self.e, self.identity(loop, position), width)
            for position in range(len(loop.carries))
            for _ in range(unroll)
        ]

    def joined(self, loop: For, parts: Sequence[Operand]) -> list[Operand]:
        """The parts of each carried value combined into one."""
        unroll, sums = unroll_of(loop), []
        for number, carry in enumerate(loop.carries):
            total, *others = parts[number * unroll : (number + 1) * unroll]
            for part in others:
                total = self.combine(carry.combine, total, part, carry.result.dtype)
            sums.append(total)
        return sums

    def between_turns(self, loop: For, index: Operand) -> None:
        """End at an error, and now and then let the user interrupt."""
        e = self.e
        if loop.test is not None and self.status is not None:
            # The turns after it compute what no program asked for, perhaps for ever.
            self.leave_on(e.load(self.status, "i64", align=8))
        if self.parallel is None:
            return
        last = _TURNS_BETWEEN_CHECKS - 1
        with e.when(e.eq(e.bit_and(index, last), last), likely=False):
            one = e.constant(1, "i64")
            task = Operand(f"@{NOTHING}", "ptr")
            words = [task, e.parameters[0], one, one]
            self.leave_on(e.call(self.parallel, words, "i64"))

    def leave_on(self, status: Operand) -> None:
        """Return the number of an error, if there is one."""
        e = self.e
        with e.leaving(e.ne(status, 0), likely=False):
            e.ret(status)

    def carried(self, scalar: Scalar) -> Operand:
        number = self.numbers[scalar]
        return self.vector(number) if self.in_vector else self.uniform(number)

    def carried_number(self, value: Operand) -> Number:
        return self.lanes_number(value) if self.in_vector else Number(value)

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
        unroll, registers = unroll_of(loop), registers_of(self.machine, loop)
        start = self.uniform(self.numbers[loop.start])
        stop = self.uniform(self.numbers[loop.stop])
        saved = dict(self.partial), dict(self.shared)
        self.in_vector = True
        self.lanes = width
        if registers == 1:
            self.settle(loop.body)
        self.hoist(loop.body)
        chained = self.parts.pop(loop, None)
        parts = self.first_parts(loop) if chained is None else chained
        length = _constant_length(start, stop)
        position = start
        if length is not None and not loop.carries:
            unroll = max(min(unroll, length // (width * registers)), 1)
        step = width * unroll * registers
        single = registers > 1 or loop.unroll == 1
        if single and self.machine.vector_bytes == 64 and length != step:
            # One body for all, masked: less to compile, and hardly slower.
            self.lanes = step
            self.settle(loop.body)
        elif may_overlap(loop):
            position = self.overlapping(loop, start, stop)
        elif length is None or length >= step:
            self.lanes = width * registers
            self.settle(loop.body)
            if length == step:
                parts = self.vector_copies(loop, start, unroll, parts)
            else:
                last = e.sub(stop, step - 1)
                with e.for_loop(start, last, step, [position, *parts]) as main:
                    parts = list(main.carried[1:])
                    parts = self.vector_copies(loop, main.index, unroll, parts)
                    main.carry(e.add(main.index, step), *parts)
                position, *parts = main.results
            self.lanes = width
        if position is not stop and (length is None or length % step):
            parts[::unroll] = self.rest(loop, position, stop, parts[::unroll])
        self.in_vector = False
        self.lanes = 1
        self.mask = None
        self.partial, self.shared = saved
        if chained is None:
            self.finish_carries(loop, self.joined(loop, parts))
        else:
            self.parts[loop] = parts

    def vector_copies(
        self, loop: For, start: Operand, unroll: int, parts: list[Operand]
    ) -> list[Operand]:
        """So many vectors from an index on; the carried values after them."""
        for copy in range(unroll):
            shift = copy * self.lanes
            index = self.e.add(start, shift) if shift else start
            chosen = parts[copy::unroll]
            parts[copy::unroll] = self.vector_body(loop, index, chosen)
        return parts

    def overlapping(self, loop: For, start: Operand, stop: Operand) -> Operand:
        """Whole vectors, the last of them over lanes that another has computed too.

        Without masks, lanes that fill no vector would run one by one, and in each of
        them a loop inside takes as long as it takes for all lanes of a vector.

        Returns:
            Where the lanes begin that are too few for one vector: most often the end.
        """
        e, width = self.e, self.lanes
        registers = registers_of(self.machine, loop)
        length, known = e.sub(stop, start), _constant_length(start, stop)
        while registers and start is not stop:
            self.lanes = width * registers
            if known is None or self.lanes <= known:
                self.settle(loop.body)
                end = stop
                if known is None:
                    end = e.select(e.ge(length, self.lanes), stop, start)
                last = e.sub(stop, self.lanes)
                with e.for_loop(start, end, self.lanes) as main:
                    self.vector_body(loop, e.minimum(main.index, last), [])
                start = end
            registers //= 2
        self.lanes = width
        return start

    def rest(
        self,
        loop: For,
        position: Operand,
        stop: Operand,
        sums: list[Operand],
    ) -> list[Operand]:
        """The iterations that do not fill all vectors of the main loop, or all."""
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
        identities = [self.identity(loop, n) for n in range(len(loop.carries))]
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
        self.numbers[loop.index] = Number(index, 1 if self.lanes > 1 else 0)
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
            self.numbers[carry.result] = Number(total)

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
        return self.e.constant(as_signed(value, dtype), ELEMENTS[dtype.name])


def _identity_of(combine: str | None, dtype: Dtype) -> Any:
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


def _constant_length(start: Operand, stop: Operand) -> int | None:
    if start.is_constant and stop.is_constant:
        return max(int(stop.text) - int(start.text), 0)
    return None
