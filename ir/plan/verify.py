"""Checks that a Plan keeps the rules of the plan level."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from penstock.ir import errors
from penstock.ir.dims import Dim, Size, symbols_of
from penstock.ir.errors import VerifyError
from penstock.ir.guards import Facts
from penstock.ir.loop.node import Buffer, Check, Kernel
from penstock.ir.loop.verify import broken_rule as broken_rule_of_kernel
from penstock.ir.plan.node import (
    Alloc,
    Element,
    Free,
    Launch,
    Plan,
    PlanBind,
    PlanBuffer,
    PlanIf,
    PlanLoop,
    PlanStatement,
    Swap,
)
from penstock.ir.reals import Real
from penstock.ir.types import TensorType, bool_, f64, i64

__all__ = ["broken_rule", "verify_plan"]


def verify_plan(plan: Plan) -> None:
    """Check a Plan and its Kernels.

    - Temporaries are used between their Alloc and their Free, and nothing is read
      before it is written. A branch frees what it allocates, and nothing else.
    - A launch gives each Buffer an array of its dtype and as many elements, with given
      strides only where the Kernel takes them. What it writes is neither a parameter
      nor a constant, and is given once.
    - Every result is written. Sizes mention declared symbols, those of a bind within
      it; Kernels report errors of the Plan's table, and have names of their own.

    Args:
        plan: what to check. Whether places in the arena overlap depends on sizes: the
            evaluator checks that.

    Raises:
        VerifyError: a rule is broken.
    """
    broken = broken_rule(plan)
    if broken is not None:
        problem, statement = broken
        if isinstance(statement, Launch):
            problem = f"launch of @{statement.kernel.name}: {problem}"
        raise VerifyError(None, f"plan @{plan.name}: {problem}")


def broken_rule(plan: Plan) -> tuple[str, PlanStatement | None] | None:
    """The first rule that a Plan breaks, and the statement that breaks it."""
    try:
        _Verifier(plan).plan_rules()
    except _BrokenRuleError as broken:
        return broken.problem, broken.statement
    return None


class _BrokenRuleError(Exception):
    def __init__(self, problem: str, statement: PlanStatement | None) -> None:
        self.problem = problem
        self.statement = statement


class _Verifier:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.symbols = set(plan.symbols)
        self.facts = Facts(plan.minimum)
        for guard in plan.guards:
            self.facts.add(guard)
        self.alive: set[PlanBuffer] = set()
        self.written: set[PlanBuffer] = set()
        # The array of which each element is a part.
        self.whole: dict[PlanBuffer, PlanBuffer] = {}
        self.trips: dict[PlanBuffer, Size] = {}
        self.statement: PlanStatement | None = None

    def require(self, holds: bool, problem: str) -> None:
        if not holds:
            raise _BrokenRuleError(problem, self.statement)

    def plan_rules(self) -> None:
        plan = self.plan
        self.require(bool(plan.name), "it has no name")
        self.parameters()
        self.constants()
        for guard in plan.guards:
            self.host_numbers((guard.left, guard.right), f"the guard {guard}")
        self.sizes([plan.arena, plan.work], "the arena or the work")
        self.host_numbers(plan.returned, "a returned number")
        for error in plan.errors:
            known = error.kind in errors.__all__ and error.kind != "TypeRuleError"
            self.require(known, f"there is no class of errors {error.kind}")
        for buffer in plan.results:
            self.require(buffer.role == "result", f"{buffer.name} is no result")
            self.sizes(buffer.type.shape, buffer.name)
        self.alive |= {*plan.parameters, *plan.results, *plan.constants}
        count = len(plan.parameters) + len(plan.results) + len(plan.constants)
        self.require(len(self.alive) == count, "an array has two roles")
        self.written |= {*plan.parameters, *plan.constants}
        self.kernels(plan.kernels)
        self.body(plan.body)
        self.statement = None
        for buffer in plan.results:
            self.require(buffer in self.written, f"nothing writes {buffer.name}")

    def parameters(self) -> None:
        for buffer in self.plan.parameters:
            if buffer.role == "real":
                is_real = buffer.type == TensorType(f64) and not buffer.strided
                self.require(is_real, f"the float {buffer.name} is {buffer.type}")
                continue
            self.require(buffer.role == "parameter", f"{buffer.name} is no parameter")
            for size in buffer.type.shape:
                self.require(
                    not isinstance(size, Dim) or list(symbols_of(size)) == [str(size)],
                    f"{buffer.name} is {buffer.type}: an axis must be a symbol or a "
                    "number",
                )

    def constants(self) -> None:
        for buffer in self.plan.constants:
            data, type_ = buffer.data, buffer.type
            self.require(buffer.role == "constant", f"{buffer.name} is no constant")
            if data is None:
                self.require(False, f"{buffer.name} has no data")
                continue
            fits = data.shape == type_.shape and data.dtype == type_.dtype.numpy
            self.require(fits, f"the data of {buffer.name} are not {type_}")

    def sizes(self, sizes: Iterable[Size], owner: str) -> None:
        for size in sizes:
            for name in symbols_of(size):
                self.require(
                    name in self.symbols, f"{owner} needs {name}, which is not given"
                )

    def host_numbers(self, numbers: Iterable[Size | Real], owner: str) -> None:
        for number in numbers:
            if isinstance(number, Real):
                reals = {b.name for b in self.plan.parameters if b.role == "real"}
                for name in sorted(number.parameters() - reals):
                    self.require(False, f"{owner} needs %{name}, which is not given")
                for name in sorted(number.symbols() - self.symbols):
                    self.require(False, f"{owner} needs {name}, which is not given")
            else:
                self.sizes([number], owner)

    def kernels(self, kernels: Sequence[Kernel]) -> None:
        names: set[str] = set()
        for kernel in kernels:
            self.require(kernel.name not in names, f"two kernels are @{kernel.name}")
            names.add(kernel.name)
            broken = broken_rule_of_kernel(kernel)
            if broken is not None:
                raise _BrokenRuleError(f"kernel @{kernel.name}: {broken[0]}", None)
            for statement in kernel.body.walk():
                if isinstance(statement, Check):
                    self.require(
                        statement.error < len(self.plan.errors),
                        f"@{kernel.name} reports the error {statement.error}",
                    )

    def body(self, statements: Iterable[PlanStatement]) -> None:
        for statement in statements:
            self.statement = statement
            if isinstance(statement, Alloc):
                self.alloc(statement)
            elif isinstance(statement, Free):
                buffer = statement.buffer
                self.reads(buffer, written=False)
                self.require(buffer.role == "temporary", f"{buffer.name} is not freed")
                self.alive.remove(buffer)
            elif isinstance(statement, Launch):
                self.launch(statement)
            elif isinstance(statement, PlanLoop):
                self.loop(statement)
            elif isinstance(statement, PlanBind):
                self.bind(statement)
            elif isinstance(statement, Element):
                self.element(statement)
            elif isinstance(statement, Swap):
                self.swap(statement)
            elif isinstance(statement, PlanIf):
                self.condition(statement.condition)
                self.branches(statement.then, statement.otherwise)
            else:
                # What is before the condition runs once at least.
                self.branches(statement.before)
                self.condition(statement.condition)
                self.branches(statement.body, ())

    def alloc(self, alloc: Alloc) -> None:
        buffer = alloc.buffer
        self.require(buffer.role == "temporary", f"{buffer.name} is not allocated")
        self.require(buffer not in self.alive, f"{buffer.name} is allocated twice")
        self.sizes((*buffer.type.shape, alloc.offset), buffer.name)
        self.alive.add(buffer)
        self.written.discard(buffer)

    def reads(self, buffer: PlanBuffer, *, written: bool = True) -> None:
        self.require(buffer in self.alive, f"{buffer.name} is not there")
        self.require(
            not written or buffer in self.written,
            f"{buffer.name} is read before it is written",
        )

    def condition(self, buffer: PlanBuffer) -> None:
        self.reads(buffer)
        self.require(
            buffer.type == TensorType(bool_),
            f"the condition {buffer.name} is {buffer.type}, but must be bool[]",
        )

    def branches(self, *bodies: Iterable[PlanStatement]) -> None:
        """Check bodies of which one runs."""
        alive, written = set(self.alive), set(self.written)
        ends = []
        owner = self.statement
        for body in bodies:
            self.written = set(written)
            self.body(body)
            self.statement = owner
            # Elements end with the body that takes them.
            self.alive -= {b for b in self.alive if b.role == "element"} - alive
            self.require(
                self.alive == alive, "a branch must free what it allocates, no more"
            )
            ends.append(self.written)
        self.written = set.intersection(*ends)

    def loop(self, loop: PlanLoop) -> None:
        counter = loop.counter
        self.sizes([loop.trip], counter.name)
        self.require(
            counter.role == "counter" and counter.type == TensorType(i64),
            f"{counter.name} is no counter",
        )
        alive = set(self.alive)
        self.trips[counter] = loop.trip
        self.alive.add(counter)
        self.written.add(counter)
        written = set(self.written)
        self.branches(loop.body)
        # It may run no turn; a whole that it writes by elements then has none.
        self.written = written | {
            self.whole[buffer] for buffer in self.written if buffer in self.whole
        }
        self.alive = alive
        self.written -= {counter}

    def bind(self, bind: PlanBind) -> None:
        number, symbol = bind.number, bind.symbol
        self.reads(number)
        self.require(
            number.type == TensorType(i64),
            f"the number {number.name} is {number.type}, but must be i64[]",
        )
        self.require(symbol not in self.symbols, f"{symbol} is declared twice")
        for error in bind.errors:
            self.require(
                0 <= error < len(self.plan.errors), f"it reports the error {error}"
            )
        self.symbols.add(symbol)
        self.facts.declare(symbol, 0)
        self.sizes([bind.arena], "the arena of a bind")
        self.branches(bind.body)
        self.symbols.remove(symbol)

    def element(self, element: Element) -> None:
        buffer, whole = element.buffer, element.whole
        self.reads(whole, written=False)
        self.reads(element.counter)
        trip = self.trips.get(element.counter, 0)
        normal = self.facts.normalize
        self.require(
            buffer.role == "element"
            and buffer.type.dtype is whole.type.dtype
            and normal(buffer.type.size * trip) == normal(whole.type.size)
            and buffer.strided == whole.strided
            and (not whole.strided or buffer.type.shape == whole.type.shape[1:]),
            f"{buffer.name} is no part of {whole.name}",
        )
        self.whole[buffer] = whole
        self.alive.add(buffer)
        if whole in self.written:
            self.written.add(buffer)

    def root(self, buffer: PlanBuffer) -> PlanBuffer:
        """The array of which this is a part, or itself."""
        while buffer in self.whole:
            buffer = self.whole[buffer]
        return buffer

    def swap(self, swap: Swap) -> None:
        for buffer in (swap.first, swap.second):
            self.reads(buffer)
            self.require(buffer.role == "temporary", f"{buffer.name} is not swapped")
        self.require(
            swap.first.type == swap.second.type,
            f"{swap.first.name} and {swap.second.name} differ in type",
        )

    def launch(self, launch: Launch) -> None:
        kernel = launch.kernel
        self.sizes([launch.chunk], "its chunk")
        self.sizes(launch.renamed.values(), "a size of its kernel")
        for name in launch.renamed:
            self.require(name in kernel.sizes, f"@{kernel.name} has no size {name}")
        for name in kernel.sizes:
            given = name in self.symbols or name in launch.renamed
            self.require(given, f"it needs {name}, which is not given")
        self.require(
            len(launch.arguments) == len(kernel.arguments),
            f"it takes {len(kernel.arguments)} arrays, not {len(launch.arguments)}",
        )
        pairs = list(zip(kernel.arguments, launch.arguments, strict=True))
        for buffer, argument in pairs:
            self.reads(argument, written=buffer.mode == "in")
            if buffer.mode != "in":
                self.require(
                    self.root(argument).role in ("result", "temporary"),
                    f"it writes the {argument.role} {argument.name}",
                )
                self.require(
                    launch.arguments.count(argument) == 1,
                    f"it writes {argument.name}, which is given twice",
                )
            self.fits(buffer.type.substitute(launch.renamed), buffer, argument)
        self.written |= {a for buffer, a in pairs if buffer.mode != "in"}

    def fits(self, wanted: TensorType, buffer: Buffer, argument: PlanBuffer) -> None:
        normal = self.facts.normalize
        have = argument.type
        shapes = [tuple(map(normal, type_.shape)) for type_ in (have, wanted)]
        same_size = normal(have.size) == normal(wanted.size) or (
            _product(shapes[0], shapes[1]) == _product(shapes[1], shapes[0])
        )
        self.require(
            have.dtype is wanted.dtype and same_size,
            f"{argument.name} is {have}, but must be {wanted}",
        )
        if argument.strided:
            self.require(
                buffer.strided and shapes[0] == shapes[1],
                f"the strides of {argument.name} are given only at run time",
            )


def _product(shape: Sequence[Size], other: Sequence[Size]) -> Size:
    """The product of the sizes that another shape does not have too.

    Products of quotients have several forms, so those of equal sizes may look
    unlike each other; what both shapes have is left out.
    """
    common = Counter(shape) & Counter(other)
    return math.prod((Counter(shape) - common).elements(), start=1)
