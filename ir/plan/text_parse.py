"""Reads the text of Plans.

    text      = plan kernel...
    plan      = "plan" @name "(" [argument ","...] ")" "->" "(" [result ","...] ")"
                ["where" guard ","...] "{" ["arena" integer] ["work" integer]
                constant... error... statement... ["return" number ","...] "}"
    argument  = %name ":" type ["strided"] | %name ":" "float" | symbol ":" "int"
    result    = %name ":" type
    constant  = "constant" %name ":" type "=" number or list or hex"digits"
    error     = "error" number class "code" "message"
    statement = %name "=" "alloc" type "at" integer
              | "free" %name
              | "launch" @name "(" [(%name | symbol "=" integer) ","...] ")"
                ["chunk" integer]
              | "if" %name "{" statement... "}" "else" "{" statement... "}"
              | "while" %name "{" statement... "}" "do" "{" statement... "}"
              | "loop" %name "to" integer ["reverse"] "{" statement... "}"
              | "bind" symbol "to" %name ["arena" integer] "else" number "," number
                "{" statement... "}"
              | %name "=" "element" type "of" %name "at" %name
              | "swap" %name "," %name
    integer   = number | symbol | "(" size ")"

Guards, and the numbers that are returned, are as ``penstock.ir.guards`` and
``penstock.ir.reals`` print them; ``penstock.ir.loop.text_parse`` has the grammar of
Kernels. A ``#`` starts a comment; a place in the comment on the line of an error
becomes its location. The Plan is verified, so text that parses is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from penstock.ir.dim_text import parse_dim
from penstock.ir.dims import Size
from penstock.ir.errors import TextError
from penstock.ir.graph.text_term import UNFIT, reason
from penstock.ir.graph.text_token import Token
from penstock.ir.guards import Facts, Guard, parse_guard
from penstock.ir.loop.node import Block, Kernel
from penstock.ir.loop.text_parse import KernelReader
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
    PlanWhile,
    RunError,
    Swap,
)
from penstock.ir.plan.verify import broken_rule
from penstock.ir.reals import Real, parse_real
from penstock.ir.text import RESERVED_WORDS
from penstock.ir.types import TensorType, f64, i64

__all__ = ["parse_plan"]

_Host = TypeVar("_Host")


def parse_plan(text: str, file: str = "<text>") -> Plan:
    """Read a Plan and its Kernels.

    Args:
        text: as ``print_plan`` writes it; the module says the grammar.
        file: the name of the text in messages.

    Returns:
        The Plan, verified.

    Raises:
        TextError: the text is not that of a Plan, at its line and column.

    Example:
        >>> plan = parse_plan('''
        ... plan @f(%x: f32[n] strided) -> (%y: f32[n]) {
        ...   launch @copy(%x, %y) chunk 4096
        ... }
        ... kernel @copy(%x: in f32[n] strided, %y: out f32[n], n: index) {
        ...   parallel %i = 0 to n {
        ...     %0 = load %x[%i] : f32
        ...     store %0, %y[%i]
        ...   }
        ... }''')
        >>> [kernel.name for kernel in plan.kernels]
        ['copy']
    """
    reader = _PlanReader(text, file)
    plan = reader.plan()
    reader.expect_end()
    return plan


class _PlanReader(KernelReader):
    """Recursive descent over a Plan and the Kernels that follow it."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text, file)
        self.arrays: list[dict[str, PlanBuffer]] = [{}]
        # Kernels come after the launches that name them.
        self.launches: list[tuple[Launch, Token]] = []
        self.statement_tokens: dict[PlanStatement, Token] = {}

    def plan(self) -> Plan:
        start = self.expect("plan")
        name = self.expect_kind("function", "a name such as @f").text[1:]
        parameters: list[PlanBuffer] = []
        integers: list[str] = []
        self.expect("(")
        self.list_of(lambda: self.plan_argument(parameters, integers), ")")
        self.expect("->")
        self.expect("(")
        results: list[PlanBuffer] = []
        self.list_of(lambda: results.append(self.buffer("result")), ")")
        plan = Plan(name, tuple(parameters), tuple(integers), tuple(results))
        self.facts = Facts(plan.minimum)
        plan.guards = self.guards() if self.accept("where") else ()
        self.expect("{")
        plan.arena = self.host_integer() if self.accept("arena") else 0
        plan.work = self.host_integer() if self.accept("work") else 0
        plan.constants = tuple(self.constants())
        plan.errors = tuple(self.errors())
        plan.body = self.plan_statements()
        plan.returned = self.returned() if self.accept("return") else ()
        self.expect("}")
        self.launched_kernels()
        broken = broken_rule(plan)
        if broken is not None:
            problem, statement = broken
            token = start
            if statement is not None:
                token = self.statement_tokens.get(statement, start)
            raise self.error(problem, token)
        return plan

    def plan_argument(self, parameters: list[PlanBuffer], integers: list[str]) -> None:
        token = self.token
        if token.kind == "word":
            self.next()
            if token.text in RESERVED_WORDS or token.text in integers:
                raise self.error(f"{token.text} cannot name an integer", token)
            self.expect(":")
            self.expect("int")
            integers.append(token.text)
            return
        parameters.append(self.buffer("parameter"))

    def buffer(self, role: str) -> PlanBuffer:
        name = self.new_name()
        self.expect(":")
        if role == "parameter" and self.accept("float"):
            buffer = PlanBuffer(name[1:], TensorType(f64), "real")
        else:
            type_ = self.array_type()
            strided = role == "parameter" and self.accept("strided")
            buffer = PlanBuffer(name[1:], type_, role, strided)
        self.arrays[-1][name] = buffer
        return buffer

    def array_type(self) -> TensorType:
        return self.tensor_type(self.expect_kind("word", "a type such as f32[n]"))

    def guards(self) -> tuple[Guard, ...]:
        guards = [self.host_text(",{", parse_guard)]
        while self.accept(","):
            guards.append(self.host_text(",{", parse_guard))
        return tuple(guards)

    def returned(self) -> tuple[Size | Real, ...]:
        numbers = [self.host_text(",}", _parse_number)]
        while self.accept(","):
            numbers.append(self.host_text(",}", _parse_number))
        return tuple(numbers)

    def host_text(self, stops: str, parse: Callable[[str], _Host]) -> _Host:
        """Read what stands before the stops, in the language of host numbers."""
        text, start, end = self.until(stops)
        try:
            return parse(text)
        except UNFIT as error:
            raise self.error_at(reason(error), start, end) from None

    def constants(self) -> list[PlanBuffer]:
        constants = []
        while self.accept("constant"):
            token = self.token
            buffer = self.buffer("constant")
            self.expect("=")
            buffer.data = self.array(buffer.type, self.constant(), token).array
            constants.append(buffer)
        return constants

    def errors(self) -> list[RunError]:
        errors: list[RunError] = []
        while self.accept("error"):
            token = self.token
            if self.integer() != len(errors):
                raise self.error(f"expected the error {len(errors)}", token)
            kind = self.expect_kind("word", "the class of an error").text
            code, message = self.quoted("a code"), self.quoted("a message")
            places = self.places.get(self.tokens[self.position - 1].start, ())
            errors.append(RunError(code, message, places[0] if places else None, kind))
        return errors

    def quoted(self, noun: str) -> str:
        if self.token.kind != "string":
            self.unexpected(f"{noun}, in quotes")
        return self.string()

    # Statements.

    def plan_statements(self) -> list[PlanStatement]:
        statements: list[PlanStatement] = []
        while self.token.text not in ("}", "return"):
            token = self.token
            statement = self.plan_statement()
            self.statement_tokens[statement] = token
            statements.append(statement)
        return statements

    def plan_statement(self) -> PlanStatement:
        token = self.token
        if token.kind == "value":
            return self.alloc()
        if self.accept("free"):
            return Free(self.array_named())
        if self.accept("launch"):
            return self.launch()
        if self.accept("if"):
            condition = self.array_named()
            then = self.plan_body()
            self.expect("else")
            return PlanIf(condition, then, self.plan_body())
        if self.accept("loop"):
            return self.plan_loop()
        if self.accept("bind"):
            return self.plan_bind()
        if self.accept("swap"):
            first = self.array_named()
            self.expect(",")
            return Swap(first, self.array_named())
        if not self.accept("while"):
            self.unexpected("a statement")
        condition = self.array_named()
        before = self.plan_body()
        self.expect("do")
        return PlanWhile(before, condition, self.plan_body())

    def plan_loop(self) -> PlanLoop:
        name = self.new_name()
        self.expect("to")
        trip = self.host_integer()
        reverse = self.accept("reverse")
        counter = PlanBuffer(name[1:], TensorType(i64), "counter")
        return PlanLoop(counter, trip, self.plan_body({name: counter}), reverse)

    def plan_bind(self) -> PlanBind:
        token = self.expect_kind("word", "the symbol of a size")
        if token.text in RESERVED_WORDS or token.text in self.facts.order:
            raise self.error(f"{token.text} cannot name a size here", token)
        self.expect("to")
        number = self.array_named()
        outside, self.facts = self.facts, self.facts.copy()
        self.facts.declare(token.text, 0)
        arena = self.host_integer() if self.accept("arena") else 0
        self.expect("else")
        negative = self.integer()
        self.expect(",")
        errors = (negative, self.integer())
        body = self.plan_body()
        self.facts = outside
        return PlanBind(number, token.text, body, errors, arena)

    def plan_body(
        self, arrays: dict[str, PlanBuffer] | None = None
    ) -> list[PlanStatement]:
        self.expect("{")
        self.nest()
        self.arrays.append({} if arrays is None else arrays)
        statements = self.plan_statements()
        self.arrays.pop()
        self.depth -= 1
        self.expect("}")
        return statements

    def alloc(self) -> Alloc | Element:
        name = self.new_name()
        self.expect("=")
        if self.accept("element"):
            return self.element(name)
        self.expect("alloc")
        type_ = self.array_type()
        self.expect("at")
        buffer = PlanBuffer(name[1:], type_, "temporary")
        self.arrays[-1][name] = buffer
        return Alloc(buffer, self.host_integer())

    def element(self, name: str) -> Element:
        type_ = self.array_type()
        self.expect("of")
        whole = self.array_named()
        self.expect("at")
        counter = self.array_named()
        buffer = PlanBuffer(name[1:], type_, "element", whole.strided)
        self.arrays[-1][name] = buffer
        return Element(buffer, whole, counter)

    def array_named(self) -> PlanBuffer:
        token = self.expect_kind("value", "an array such as %x")
        for scope in reversed(self.arrays):
            if token.text in scope:
                return scope[token.text]
        known = token.text in self.names
        what = "is not defined here" if known else "is not defined"
        raise self.error(f"{token.text} {what}", token)

    def launch(self) -> Launch:
        token = self.expect_kind("function", "a kernel such as @f_0")
        arguments: list[PlanBuffer] = []
        renamed: dict[str, Size] = {}

        def argument() -> None:
            if self.token.kind != "word":
                arguments.append(self.array_named())
                return
            name = self.token
            self.next()
            self.expect("=")
            if name.text in renamed:
                raise self.error(f"{name.text} is given twice", name)
            renamed[name.text] = self.host_integer()

        self.expect("(")
        self.list_of(argument, ")")
        chunk = self.host_integer() if self.accept("chunk") else 1
        unknown = Kernel(token.text[1:], (), (), Block())
        launch = Launch(unknown, tuple(arguments), chunk, renamed)
        self.launches.append((launch, token))
        return launch

    def launched_kernels(self) -> None:
        """Read the Kernels, and give each launch its own."""
        found: dict[str, Kernel] = {}
        launches: Sequence[tuple[Launch, Token]] = self.launches
        for kernel, token in self.kernels():
            if all(launch.kernel.name != kernel.name for launch, _ in launches):
                raise self.error(f"nothing launches @{kernel.name}", token)
            found[kernel.name] = kernel
        for launch, token in launches:
            if launch.kernel.name not in found:
                raise self.error(f"there is no kernel {token.text}", token)
            launch.kernel = found[launch.kernel.name]


def _parse_number(text: str) -> Size | Real:
    # Reals hold what no size does, a point or a %name, so they are tried second.
    try:
        return parse_dim(text)
    except TextError:
        return parse_real(text)
