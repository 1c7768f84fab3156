"""Kernels as CUDA C functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from penstock.backends.cuda.barriers import Barriers, Hazard
from penstock.backends.cuda.c_types import (
    MEMORY_TYPES,
    REGISTER_TYPES,
    identifier,
    literal,
)
from penstock.backends.cuda.index_width import IndexWidths
from penstock.backends.cuda.launch import WARP, CudaLaunch, unsupported
from penstock.backends.cuda.primitives import Expressions
from penstock.backends.cuda.reduction import Reductions
from penstock.backends.cuda.threads import ThreadMap
from penstock.ir.dims import Dim, product
from penstock.ir.location import Location
from penstock.ir.loop.evaluate import neutral
from penstock.ir.loop.node import (
    Block,
    Buffer,
    Carry,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Store,
)
from penstock.ir.plan.node import Plan

__all__ = ["UnitContext", "line_directive", "print_kernel"]


@dataclass
class UnitContext:
    """What the kernels of a unit share.

    Attributes:
        plan: whose Kernels they are.
        lines: whether ``#line`` leads from each line of code to the user's source.
    """

    plan: Plan
    lines: bool
    expressions: Expressions = field(default_factory=Expressions)

    def __post_init__(self) -> None:
        self.reductions = Reductions(self.expressions)


def print_kernel(
    kernel: Kernel, launch: CudaLaunch, threads: ThreadMap, unit: UnitContext
) -> list[str]:
    """The lines of a Kernel's function.

    Args:
        kernel: what to print.
        launch: its name and parameters.
        threads: which threads run what.
        unit: what it is printed into; helpers that it calls are noted there.

    Raises:
        UnsupportedError: the Kernel has what CUDA text does not cover.
    """
    for buffer in kernel.buffers:
        if buffer.dtype.kind == "c":
            raise unsupported(kernel, f"has {buffer.dtype} numbers")
    return _KernelPrinter(kernel, launch, threads, unit).print()


class _KernelPrinter:
    def __init__(
        self,
        kernel: Kernel,
        launch: CudaLaunch,
        threads: ThreadMap,
        unit: UnitContext,
    ) -> None:
        self.kernel = kernel
        self.launch = launch
        self.threads = threads
        self.unit = unit
        self.expressions = unit.expressions
        self.barriers = Barriers(threads)
        self.widths = IndexWidths(unit.plan.integers)
        self.loc = kernel.locations[0] if kernel.locations else None
        self.lines: list[str] = []
        self.shared: list[str] = []
        self.indent = 1
        self.count = 0
        self.names: dict[Scalar, str] = {}
        parameters = launch.parameters
        self.taken = {parameter.name for parameter in parameters}
        self.data = {p.buffer: p.name for p in parameters if p.kind == "data"}
        self.strides = {
            (p.buffer, p.axis): p.name for p in parameters if p.kind == "stride"
        }
        self.symbols = {p.symbol: p.name for p in parameters if p.kind == "size"}
        for buffer in kernel.buffers:
            if buffer.mode == "local":
                self.local(buffer)
        self.error = next((p.name for p in parameters if p.kind == "error"), "")

    def print(self) -> list[str]:
        """The lines of the function."""
        self.block(self.kernel.body, alone=False)
        body, self.lines = self.lines, []
        self.signature()
        for declaration in self.shared:
            self.write(declaration)
        return [*self.lines, *body, "}"]

    def local(self, buffer: Buffer) -> None:
        """Memory of the block that runs an iteration, or of the thread that does."""
        name = self.data[buffer] = identifier(buffer.name, self.taken)
        kind = MEMORY_TYPES[buffer.dtype.name]
        where = "" if self.threads.by_rows else "__shared__ "
        self.shared.append(f"{where}{kind} {name}[{product(buffer.shape)}];")

    def signature(self) -> None:
        kinds = {
            "stride": "long long",
            "size": "long long",
            "error": "unsigned long long* __restrict__",
        }
        parameters = []
        for parameter in self.launch.parameters:
            buffer = parameter.buffer
            kind = kinds.get(parameter.kind, "")
            if not kind:
                assert buffer is not None
                const = "const " if buffer.mode == "in" else ""
                kind = f"{const}{MEMORY_TYPES[buffer.dtype.name]}* __restrict__"
            parameters.append(f"{kind} {parameter.name}")
        name, block = self.launch.name, self.launch.block
        self.indent = 0
        self.write(f'extern "C" __global__ void __launch_bounds__({block}) {name}(')
        self.indent = 1
        self.lines.append("    " + ",\n    ".join(parameters) + ") {")

    def write(self, text: str, loc: Location | None = None) -> None:
        """A line of code, which comes from a place in the user's source."""
        loc = loc or self.loc
        if self.unit.lines and loc is not None:
            self.lines.append(line_directive(loc.line, loc.file))
        self.lines.append("  " * self.indent + text)

    def close(self) -> None:
        self.indent -= 1
        self.lines.append("  " * self.indent + "}")

    def value(self) -> str:
        """A new name for a number."""
        while True:
            name = f"v{self.count}"
            self.count += 1
            if name not in self.taken:
                self.taken.add(name)
                return name

    def define(self, scalar: Scalar, expression: str) -> None:
        name = self.names[scalar] = self.value()
        self.write(f"const {REGISTER_TYPES[scalar.dtype.name]} {name} = {expression};")

    def operands(self, scalars: Sequence[Scalar]) -> list[str]:
        return [self.names[scalar] for scalar in scalars]

    # Statements

    def block(self, block: Block, *, alone: bool) -> None:
        """Print statements.

        Args:
            block: the statements.
            alone: whether what they touch belongs to the thread that runs them, as
                within vector loops; otherwise all threads of the block run them alike.
        """
        for statement in block.statements:
            if isinstance(statement, Let | Load) and self.is_dead(statement):
                continue
            hazard = self.barriers.before.get(statement)
            if hazard is not None:
                self.barrier(hazard)
            if isinstance(statement, Let):
                self.let(statement)
            elif isinstance(statement, Load):
                self.load(statement)
            elif isinstance(statement, Store):
                self.store(statement, alone=alone)
            elif isinstance(statement, Check):
                self.check(statement, alone=alone)
            elif isinstance(statement, If):
                self.write(f"if ({self.names[statement.condition]}) {{")
                self.indent += 1
                self.block(statement.body, alone=alone)
                self.close()
            elif statement.kind == "parallel":
                self.parallel_loop(statement)
            elif statement.kind == "vector":
                self.vector_loop(statement)
            elif statement in self.threads.solo:
                self.write("if (threadIdx.x == 0) {  // stores one after the other")
                self.indent += 1
                self.serial_loop(statement, alone=True)
                self.close()
            else:
                self.serial_loop(statement, alone=alone)

    def is_dead(self, statement: Let | Load) -> bool:
        return statement.result not in self.threads.live

    def barrier(self, hazard: Hazard) -> None:
        memory = hazard.memory
        if isinstance(memory, For):
            why = "all threads have read the totals before"
        elif hazard.kind == "read":
            why = f"other threads stored what is read of {self.data[memory]}"
        else:
            why = f"other threads are done with {self.data[memory]}"
        self.write(f"__syncthreads();  // {why}")

    def let(self, let: Let) -> None:
        result, value = let.result, let.value
        self.widths.define(let)
        if let.primitive == "const":
            self.names[result] = literal(value, result.dtype)
        elif let.primitive == "size":
            text = self.expressions.size(value, self.symbols)
            if isinstance(value, Dim) and text not in self.symbols.values():
                self.define(result, text)
            else:
                self.names[result] = text
        else:
            expression = self.expressions.primitive(
                let.primitive,
                self.operands(let.operands),
                [operand.dtype for operand in let.operands],
                result.dtype,
                wraps=self.widths.may_overflow(result),
            )
            if expression == self.names[let.operands[0]]:
                # A conversion between dtypes that registers hold alike.
                self.names[result] = expression
            else:
                self.define(result, expression)

    def load(self, load: Load) -> None:
        dtype = load.buffer.dtype
        found = self.expressions.load(self.place(load), dtype)
        if load.predicate is not None:
            found = f"{self.names[load.predicate]} ? {found} : {literal(0, dtype)}"
        self.define(load.result, found)

    def store(self, store: Store, *, alone: bool) -> None:
        dtype = store.buffer.dtype
        value = self.expressions.stored(self.names[store.value], dtype)
        conditions = [] if alone else ["threadIdx.x == 0"]
        if store.predicate is not None:
            conditions.append(self.names[store.predicate])
        condition = f"if ({' && '.join(conditions)}) " if conditions else ""
        self.write(f"{condition}{self.place(store)} = {value};")

    def check(self, check: Check, *, alone: bool) -> None:
        condition = f"!{self.names[check.condition]}"
        if not alone:
            condition = f"threadIdx.x == 0 && {condition}"
        report = self.expressions.helper("report_error")
        arguments = f"{self.error}, {check.error + 1}, {self.names[check.detail]}"
        errors = self.unit.plan.errors
        loc = errors[check.error].loc if check.error < len(errors) else None
        self.write(f"if ({condition}) {report}({arguments});", loc)

    def place(self, access: Load | Store) -> str:
        """The element that is loaded or stored."""
        buffer, indices = access.buffer, self.operands(access.indices)
        data = self.data[buffer]
        if not buffer.strided:
            return f"{data}[{self.offset(buffer, indices)}]"
        steps = [
            f"{index} * {self.strides[buffer, axis]}"
            for axis, index in enumerate(indices)
            if index != "0"
        ]
        function = self.expressions.helper("strided")
        return f"{function}({data}, {' + '.join(steps) or '0'})"

    def offset(self, buffer: Buffer, indices: Sequence[str]) -> str:
        """The number of elements before one in C order, by Horner's rule."""
        text = "0"
        for size, index in zip(buffer.shape, indices, strict=True):
            if text != "0" and size != 1:
                factor = _closed(self.expressions.size(size, self.symbols))
                text = f"{_closed(text)} * {factor}"
            if index != "0":
                text = index if text == "0" else f"{text} + {index}"
        return text

    # Loops

    def open_loop(self, loop: For, first: str, step: str) -> None:
        index = self.names[loop.index] = identifier(loop.index.hint or "i", self.taken)
        start, stop = self.names[loop.start], self.names[loop.stop]
        if first:
            # A literal has to be as wide as the index before unsigned numbers join it.
            wide = "ll" if start.lstrip("-").isdigit() else ""
            start = first if start == "0" else f"{start}{wide} + {first}"
        advance = f"++{index}" if step == "1" else f"{index} += {step}"
        goes_on = f"{index} < {stop}"
        if loop.test is not None:
            goes_on += f" && {self.names[loop.test.parameter]}"
            if any(isinstance(statement, Check) for statement in loop.body.walk()):
                goes_on += f" && *{self.error} == 0"
        header = f"long long {index} = {start}; {goes_on}; {advance}"
        self.write(f"for ({header}) {{")
        self.indent += 1

    def parallel_loop(self, loop: For) -> None:
        """Iterations to blocks, or to the threads of all blocks."""
        first, step = "blockIdx.x", "gridDim.x"
        if self.threads.by_rows:
            first = f"{self.expressions.helper('thread_of_grid')}()"
            step = f"{self.expressions.helper('threads_of_grid')}()"
        self.open_loop(loop, first, step)
        self.block(loop.body, alone=self.threads.by_rows)
        self.close()

    def serial_loop(self, loop: For, *, alone: bool) -> None:
        self.start_carries(loop)
        self.open_loop(loop, "", str(loop.step))
        self.block(loop.body, alone=alone)
        self.update(loop.carries)
        self.close()
        self.finish_carries(loop)

    def vector_loop(self, loop: For) -> None:
        """Iterations to the threads of a block."""
        self.start_carries(loop)
        first, step = "threadIdx.x", "blockDim.x"
        if loop.step != 1:
            first, step = (f"{loop.step}ll * {text}" for text in (first, step))
        self.open_loop(loop, first, step)
        self.block(loop.body, alone=True)
        self.update(loop.carries)
        self.close()
        self.finish_carries(loop)

    # Carried values

    def start_carries(self, loop: For) -> None:
        """One variable is a carried value before, during and after the loop."""
        for carry in loop.carries:
            start = self.names[carry.initial]
            if loop in self.threads.continuing:
                self.names[carry.parameter] = start
                continue
            dtype = carry.initial.dtype
            if loop in self.threads.gathering:
                # A thread has a part of the total only; the start joins at the end.
                assert carry.combine is not None
                start = literal(neutral(carry.combine, dtype), dtype)
            name = self.names[carry.parameter] = self.value()
            self.write(f"{REGISTER_TYPES[dtype.name]} {name} = {start};")

    def finish_carries(self, loop: For) -> None:
        if loop in self.threads.gathering:
            self.totals(loop)
            return
        for carry in loop.carries:
            self.names[carry.result] = self.names[carry.parameter]

    def update(self, carries: Sequence[Carry]) -> None:
        """Hand the carried values to the next iteration, all at once."""
        before = {self.names[carry.parameter] for carry in carries}
        updates = []
        for carry in carries:
            assert carry.update is not None
            target, new = self.names[carry.parameter], self.names[carry.update]
            if new != target and new in before:
                # The value of another carry, which is about to change.
                name = self.value()
                kind = REGISTER_TYPES[carry.parameter.dtype.name]
                self.write(f"const {kind} {name} = {new};")
                new = name
            if new != target:
                updates.append(f"{target} = {new};")
        for update in updates:
            self.write(update)

    def totals(self, loop: For) -> None:
        """Combine what the threads have of each carried value."""
        reductions = self.unit.reductions
        parts = []
        for carry in loop.carries:
            dtype, combine = carry.initial.dtype, carry.combine
            assert combine is not None
            name = self.names[carry.parameter]
            self.write(f"{name} = {reductions.of_warp(combine, dtype)}({name});")
            parts.append(identifier(f"parts_{len(self.shared)}", self.taken))
            kind, warps = REGISTER_TYPES[dtype.name], self.launch.block // WARP
            self.shared.append(f"__shared__ {kind} {parts[-1]}[{warps}];")
        if loop in self.barriers.exchange:
            self.barrier(self.barriers.exchange[loop])
        self.write(f"if (threadIdx.x % {WARP} == 0) {{")
        self.indent += 1
        for carry, part in zip(loop.carries, parts, strict=True):
            name = self.names[carry.parameter]
            self.write(f"{part}[threadIdx.x / {WARP}] = {name};")
        self.close()
        self.write("__syncthreads();  // the totals need the parts of all warps")
        for carry, part in zip(loop.carries, parts, strict=True):
            assert carry.combine is not None
            function = reductions.of_block(carry.combine, carry.initial.dtype)
            start = self.names[carry.initial]
            self.define(carry.result, f"{function}({start}, {part})")


def line_directive(line: int, file: str) -> str:
    """``#line``: the next line of code comes from there."""
    escaped = file.replace("\\", "\\\\").replace('"', '\\"')
    return f'#line {line} "{escaped}"'


def _closed(expression: str) -> str:
    return f"({expression})" if " " in expression else expression
