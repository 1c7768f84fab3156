"""A Plan as one LLVM module with the two entries of an artifact.

``penstock_prepare`` is in plan_prepare.py, which also says what slots are;
``penstock_run(slots, arena, parallel)`` launches the Kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.kernel import (
    NOTHING,
    emit_kernel,
    frame_words,
    looks_for_signals,
)
from penstock.backends.llvm.module import Module, Parameter
from penstock.backends.llvm.operand import Operand
from penstock.backends.llvm.plan_prepare import PREPARE, Slots, emit_prepare, is_real
from penstock.backends.llvm.plan_sizes import computed_within, names
from penstock.backends.llvm.sizes import Sizes, emit_overflow
from penstock.ir.loop.node import Buffer, Let
from penstock.ir.plan.node import (
    Alloc,
    Element,
    Launch,
    Plan,
    PlanBind,
    PlanBuffer,
    PlanIf,
    PlanLoop,
    PlanStatement,
    PlanWhile,
    Swap,
)
from penstock.runtime.machine import Machine, host

__all__ = ["PREPARE", "RUN", "emit_modules", "emit_plan"]

RUN = "penstock_run"


# Statements of Kernels that a module has before the next is begun.
_LONG_MODULE = 500


def emit_plan(plan: Plan, order: Sequence[str], machine: Machine | None = None) -> str:
    """The LLVM module of a Plan.

    Args:
        plan: what to print.
        order: the names of parameters and integer arguments in the order of the
            caller's arguments.
        machine: the processor to print for; this one by default.
    """
    module = Module(machine or host())
    for kernel in plan.kernels:
        emit_kernel(module, kernel)
    _emit_host(module, plan, order)
    return module.text()


def emit_modules(
    plan: Plan, order: Sequence[str], machine: Machine | None = None
) -> Iterator[str]:
    """The same in modules that are to be linked, so many as the Plan is long.

    The first may be compiled while the next are being written.
    """
    machine = machine or host()
    module, length, elsewhere = Module(machine), 0, False
    for kernel in plan.kernels:
        length += sum(1 for _ in kernel.body.walk())
        emit_kernel(module, kernel, internal=False)
        if length >= _LONG_MODULE:
            _emit_nothing_if_called(module, plan)
            yield module.text()
            module, length, elsewhere = Module(machine), 0, True
    if elsewhere:
        for kernel in plan.kernels:
            module.declare(kernel.name, f"hidden i64 @{kernel.name}(ptr, i64, i64)")
    _emit_host(module, plan, order)
    yield module.text()


def _emit_host(module: Module, plan: Plan, order: Sequence[str]) -> None:
    slots = Slots(plan, order)
    _emit_nothing_if_called(module, plan)
    if _has_many_launches(plan):
        _emit_launch(module)
    emit_prepare(module, plan, slots)
    _RunEmitter(module, plan, slots).emit()


# Blocks of memory begin at multiples of this, as arenas do.
_BLOCK_ALIGN = 64
_TURNS_BETWEEN_CHECKS = 256


def _emit_nothing_if_called(module: Module, plan: Plan) -> None:
    repeats = any(isinstance(s, (PlanLoop, PlanWhile)) for s in plan.statements())
    if not repeats and not any(map(looks_for_signals, plan.kernels)):
        return
    e = module.function(
        NOTHING,
        [Parameter("frame", "ptr"), Parameter("begin", "i64"), Parameter("end", "i64")],
        result="i64",
        internal=True,
        rare=True,
    )
    e.ret(e.constant(0, "i64"))


_LAUNCH = "penstock_launch"
# From so many launches on they are calls of one function, which is less to compile.
_MANY_LAUNCHES = 8


def _has_many_launches(plan: Plan) -> bool:
    launches = sum(isinstance(step, Launch) for step in plan.statements())
    return launches >= _MANY_LAUNCHES


def _emit_launch(module: Module) -> None:
    """``penstock_launch(kernel, frame, total, chunk, parallel)``: see ``_launch``."""
    e = module.function(
        _LAUNCH,
        [
            Parameter("kernel", "ptr"),
            Parameter("frame", "ptr"),
            Parameter("total", "i64"),
            Parameter("chunk", "i64"),
            Parameter("parallel", "ptr"),
        ],
        result="i64",
        internal=True,
        rare=True,
    )
    e.ret(_launch(e, *e.parameters))


def _launch(
    e: Emitter,
    kernel: Operand,
    frame: Operand,
    total: Operand,
    chunk: Operand,
    parallel: Operand,
) -> Operand:
    """Run the parallel loop of a Kernel, by the pool if it has several chunks."""

    def direct() -> list[Operand]:
        return [e.call(kernel, [frame, e.constant(0, "i64"), total], "i64")]

    def shared() -> list[Operand]:
        status = e.call(parallel, [kernel, frame, total, chunk], "i64")
        # Once more in order, so that which error is reported does not depend on which
        # thread met one first.
        return list(e.choose(e.gt(status, 0), direct, lambda: [status], likely=False))

    (status,) = e.choose(e.le(total, chunk), direct, shared)
    return status


class _RunEmitter:
    def __init__(self, module: Module, plan: Plan, slots: Slots) -> None:
        self.module = module
        self.plan = plan
        self.slots = slots
        self.e = module.function(
            RUN,
            [
                Parameter("slots", "ptr"),
                Parameter("arena", "ptr"),
                Parameter("parallel", "ptr"),
            ],
            result="i64",
            rare=True,
        )
        self.words, self.arena, self.parallel = self.e.parameters
        self.symbols = slots.symbols(self.e, self.words)
        self.sizes = Sizes(self.e, self.symbols)
        self.many_launches = _has_many_launches(plan)
        self.data: dict[PlanBuffer, Operand] = {}
        # Of elements of arrays with strides of their own, the address of these.
        self.strides: dict[PlanBuffer, Operand] = {}
        # Temporaries that change places have their addresses in memory.
        self.places = {
            buffer: self.e.allocate(8, 8)
            for statement in plan.statements()
            if isinstance(statement, Swap)
            for buffer in (statement.first, statement.second)
        }
        self.frames: dict[int, Operand] = {}
        # Memory of binds, from outermost to innermost, to be freed on the way out.
        self.blocks: list[Operand] = []

    def emit(self) -> None:
        e, plan = self.e, self.plan
        for buffer in plan.parameters:
            address = e.element_address(
                self.words, self.slots.first[buffer.name], "i64"
            )
            self.data[buffer] = (
                address if is_real(buffer) else e.load(address, "ptr", align=8)
            )
        for number, buffer in enumerate(plan.results):
            address = e.element_address(self.words, self.slots.results + number, "i64")
            self.data[buffer] = e.load(address, "ptr", align=8)
        for buffer in plan.constants:
            assert buffer.data is not None
            self.data[buffer] = self.module.bytes_data(
                buffer.name, buffer.data.tobytes(), 64
            )
        self.statements(plan.body)
        e.ret(e.constant(0, "i64"))

    @contextmanager
    def nested(self) -> Iterator[None]:
        """What may not run computes no sizes for what follows."""
        kept, self.sizes.keeps = self.sizes.keeps, False
        yield
        self.sizes.keeps = kept

    def statements(self, body: Sequence[PlanStatement]) -> None:
        for statement in body:
            if isinstance(statement, Alloc):
                offset = self.sizes.emit(statement.offset)
                self.data[statement.buffer] = self.e.offset(self.arena, offset)
                if statement.buffer in self.places:
                    place = self.places[statement.buffer]
                    self.e.store(self.data[statement.buffer], place, align=8)
            elif isinstance(statement, Launch):
                self.launch(statement)
            elif isinstance(statement, PlanIf):
                self.branch(statement)
            elif isinstance(statement, PlanWhile):
                self.repeat(statement)
            elif isinstance(statement, PlanLoop):
                self.count(statement)
            elif isinstance(statement, PlanBind):
                self.bind(statement)
            elif isinstance(statement, Element):
                self.element(statement)
            elif isinstance(statement, Swap):
                first, second = map(self.address, (statement.first, statement.second))
                self.e.store(second, self.places[statement.first], align=8)
                self.e.store(first, self.places[statement.second], align=8)

    def address(self, buffer: PlanBuffer) -> Operand:
        """Where an array lies now."""
        if buffer in self.places:
            return self.e.load(self.places[buffer], "ptr", align=8)
        return self.data[buffer]

    def stride_words(self, buffer: PlanBuffer) -> Operand:
        """Where the byte strides of an array are."""
        if buffer not in self.strides:
            first = self.slots.first[buffer.name]
            address = self.e.element_address(self.words, first + 2, "i64")
            return self.e.load(address, "ptr", align=8)
        return self.strides[buffer]

    def count(self, loop: PlanLoop) -> None:
        e = self.e
        trip = self.sizes.emit(loop.trip)
        # Counts the turns; the counter may run the other way.
        turn = self.turns()
        counter = self.data[loop.counter] = e.allocate(8, 8)
        test, body, after = e.label("test"), e.label("body"), e.label("after")
        e.branch(test)
        e.begin(test)
        number = e.load(turn, "i64", align=8)
        e.branch_if(e.lt(number, trip), body, after)
        e.begin(body)
        shown = e.sub(e.sub(trip, 1), number) if loop.reverse else number
        e.store(shown, counter, align=8)
        with self.nested():
            self.statements(loop.body)
        self.next_turn(turn)
        e.branch(test)
        e.begin(after)

    def turns(self) -> Operand:
        """Where the turns of a loop are counted."""
        turn = self.e.allocate(8, 8)
        self.e.store(self.e.constant(0, "i64"), turn, align=8)
        return turn

    def next_turn(self, turn: Operand) -> None:
        """Count a turn, and now and then let the user interrupt."""
        e = self.e
        number = e.add(e.load(turn, "i64", align=8), 1)
        e.store(number, turn, align=8)
        with e.when(
            e.eq(e.bit_and(number, _TURNS_BETWEEN_CHECKS - 1), 0), likely=False
        ):
            one = e.constant(1, "i64")
            task = Operand(f"@{NOTHING}", "ptr")
            self.finish(e.call(self.parallel, [task, self.words, one, one], "i64"))

    def element(self, element: Element) -> None:
        e, whole = self.e, element.whole
        counter = e.load(self.data[element.counter], "i64", align=8)
        if whole.strided:
            words = self.stride_words(whole)
            stride = e.load(words, "i64", align=8)
            self.strides[element.buffer] = e.element_address(words, 1, "i64")
        else:
            part = element.buffer.type
            stride = self.sizes.emit(part.size * part.dtype.itemsize)
        start = self.address(whole)
        self.data[element.buffer] = e.offset(start, e.mul(counter, stride))

    def branch(self, statement: PlanIf) -> None:
        e = self.e
        condition = e.load(self.address(statement.condition), "i1")
        then, other, after = e.label("then"), e.label("else"), e.label("after")
        e.branch_if(condition, then, other)
        for label, body in ((then, statement.then), (other, statement.otherwise)):
            e.begin(label)
            with self.nested():
                self.statements(body)
            e.branch(after)
        e.begin(after)

    def repeat(self, statement: PlanWhile) -> None:
        e = self.e
        turn = self.turns()
        test, body, after = e.label("test"), e.label("body"), e.label("after")
        e.branch(test)
        e.begin(test)
        self.statements(statement.before)
        e.branch_if(e.load(self.address(statement.condition), "i1"), body, after)
        e.begin(body)
        with self.nested():
            self.statements(statement.body)
        self.next_turn(turn)
        e.branch(test)
        e.begin(after)

    def launch(self, launch: Launch) -> None:
        e, kernel = self.e, launch.kernel
        frame = self.frame(launch)
        begin = e.constant(0, "i64")
        loop = kernel.parallel
        if loop is None:
            end = e.constant(1, "i64")
            self.finish(e.call(kernel.name, [frame, begin, end], "i64", declare=False))
            return
        stop = loop.stop.definition
        assert isinstance(stop, Let), "a parallel loop runs over a size"
        size = stop.value if stop.primitive == "size" else int(stop.value)
        total = self.sizes.emit(launch.size(size))
        chunk = self.sizes.emit(launch.chunk)
        task = Operand(f"@{kernel.name}", "ptr")
        words = [task, frame, total, chunk, self.parallel]
        self.finish(
            e.call(_LAUNCH, words, "i64", declare=False)
            if self.many_launches
            else _launch(e, *words)
        )

    def finish(self, status: Operand) -> None:
        """Return at once when a Kernel reports an error."""
        e = self.e
        with e.leaving(e.ne(status, 0), likely=False):
            self.leave(status)

    def leave(self, status: Operand) -> None:
        """Return a status, whatever memory there is freed."""
        for block in reversed(self.blocks):
            self.e.call("free", [block])
        self.e.ret(status)

    def leave_if(self, condition: Operand, error: int, detail: Operand) -> None:
        """End with an error of the table where a condition holds."""
        e = self.e
        with e.leaving(condition, likely=False):
            e.store(detail, self.words, align=8)
            self.leave(e.constant(error + 1, "i64"))

    def bind(self, bind: PlanBind) -> None:
        e = self.e
        number = e.load(self.address(bind.number), "i64", align=8)
        negative, memory = bind.errors
        self.leave_if(e.lt(number, 0), negative, number)
        outside, sizes, arena = self.symbols, self.sizes, self.arena
        self.symbols = {**outside, bind.symbol: number}
        self.sizes = Sizes(e, self.symbols)
        known = {*self.symbols}
        computed = [
            size
            for size in computed_within(self.plan)
            if bind.symbol in names(size) and names(size) <= known
        ]
        overflow = emit_overflow(self.sizes, [bind.arena, *computed])
        size = self.sizes.emit(bind.arena)
        if overflow is not None:
            largest = e.constant(2**63 - 1, "i64")
            self.leave_if(overflow, memory, largest)
        if bind.arena != 0:
            # Some C libraries give no memory where none is asked for.
            size = e.maximum(size, _BLOCK_ALIGN)
            align = e.constant(_BLOCK_ALIGN, "i64")
            self.arena = e.call("aligned_alloc", [align, size], "ptr")
            self.leave_if(e.eq(self.arena, 0), memory, size)
            self.blocks.append(self.arena)
        self.statements(bind.body)
        if bind.arena != 0:
            e.call("free", [self.blocks.pop()])
        self.symbols, self.sizes, self.arena = outside, sizes, arena

    def frame(self, launch: Launch) -> Operand:
        """Fill the words of a Kernel's frame."""
        e, kernel = self.e, launch.kernel
        words = frame_words(kernel)
        arguments = dict(zip(kernel.arguments, launch.arguments, strict=True))
        if len(words) not in self.frames:
            self.frames[len(words)] = e.allocate(8 * len(words), 8)
        frame = self.frames[len(words)]
        for position, (kind, what) in enumerate(words):
            if kind == "detail":
                word = self.words
            elif kind == "parallel":
                word = self.parallel
            elif isinstance(what, Buffer):
                buffer = arguments[what]
                word = (
                    self.stride_words(buffer)
                    if kind == "strides"
                    else self.address(buffer)
                )
            else:
                assert isinstance(what, str)
                size = launch.renamed.get(what)
                word = self.symbols[what] if size is None else self.sizes.emit(size)
            e.store(word, e.element_address(frame, position, "i64"), align=8)
        return frame
