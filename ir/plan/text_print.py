"""Plans as text: the one form that prints, parses and is tested.

    plan @f(%x: f32[n,4] strided, %rate: float, k: int) -> (%y: f32[n]) where n >= 2 {
      arena (64*((4*n + 63) // 64))
      work (12*n)
      constant %c: f32[2] = [1.0, 2.0]
      error 0 IndexOutOfBoundsError "bad-index" "index {value} is ..."  # model.py:12:9
      %t = alloc f32[n] at 0
      launch @f_0(%x, %c, %t) chunk 16
      launch @f_1(%t, %y)
      free %t
      return n
    }

The texts of the Kernels follow. The grammar is described in ``text_parse``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring_ascii as _quoted

from penstock.ir.dims import Size, substitute_dim
from penstock.ir.graph.literal import format_constant
from penstock.ir.loop.text_print import print_kernel
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
from penstock.ir.text import (
    format_guard,
    format_number,
    format_places,
    format_size,
    printable_function_name,
    printable_name,
    printable_symbols,
)
from penstock.ir.types import TensorType

__all__ = ["print_plan"]


def print_plan(plan: Plan, *, kernels: bool = True, locations: bool = True) -> str:
    """The text of a Plan.

    Args:
        plan: what to print.
        kernels: whether the texts of its Kernels follow.
        locations: end the lines of errors, and of Kernels, with their places in the
            source.

    Example:
        >>> from penstock.ir.types import f32
        >>> x = PlanBuffer("x", TensorType(f32, (4,)), "parameter")
        >>> y = PlanBuffer("y", TensorType(f32, (4,)), "result")
        >>> print(print_plan(Plan("f", (x,), (), (y,))))
        plan @f(%x: f32[4]) -> (%y: f32[4]) {
        }
    """
    printer = _Printer(plan, locations)
    printer.plan(plan)
    texts = ["\n".join(printer.lines)]
    if kernels:
        texts += [print_kernel(k, locations=locations) for k in plan.kernels]
    return "\n\n".join(texts)


class _Printer:
    def __init__(self, plan: Plan, locations: bool) -> None:
        self.locations = locations
        self.lines: list[str] = []
        self.names: dict[PlanBuffer, str] = {}
        self.taken: set[str] = set()
        self.renamed: Mapping[str, Size] = printable_symbols(
            (*plan.symbols, *plan.bound)
        )

    def define(self, buffer: PlanBuffer, prefix: str) -> str:
        name = f"%{printable_name(buffer.name, prefix, self.taken)}"
        self.names[buffer] = name
        return name

    def name(self, buffer: PlanBuffer) -> str:
        # One that nothing defines is an error for the verifier to tell, by this.
        return self.names.get(buffer, "%undefined")

    def type(self, buffer: PlanBuffer) -> TensorType:
        return buffer.type.substitute(self.renamed)

    def size(self, size: Size) -> str:
        return format_size(substitute_dim(size, self.renamed))

    def plan(self, plan: Plan) -> None:
        arguments = ", ".join(self.arguments(plan))
        results = ", ".join(
            f"{self.define(buffer, 'r')}: {self.type(buffer)}"
            for buffer in plan.results
        )
        reals = {b.name: self.names[b][1:] for b in plan.parameters}
        guards = ", ".join(
            format_guard(guard, self.renamed, reals) for guard in plan.guards
        )
        where = f" where {guards}" if guards else ""
        name = printable_function_name(plan.name)
        self.lines.append(f"plan @{name}({arguments}) -> ({results}){where} {{")
        for word, size in (("arena", plan.arena), ("work", plan.work)):
            if size != 0:
                self.lines.append(f"  {word} {self.size(size)}")
        for buffer in plan.constants:
            data = "" if buffer.data is None else format_constant(buffer.data)
            name = self.define(buffer, "c")
            self.lines.append(f"  constant {name}: {buffer.type} = {data}")
        for number, error in enumerate(plan.errors):
            texts = f"{_quoted(error.code)} {_quoted(error.message)}"
            line = f"  error {number} {error.kind} {texts}"
            if self.locations and error.loc is not None:
                line += f"  # {format_places([error.loc])}"
            self.lines.append(line)
        self.body(plan.body, "  ")
        if plan.returned:
            numbers = (format_number(n, self.renamed, reals) for n in plan.returned)
            self.lines.append(f"  return {', '.join(numbers)}")
        self.lines.append("}")

    def arguments(self, plan: Plan) -> Iterable[str]:
        for buffer in plan.parameters:
            name = self.define(buffer, "p")
            if buffer.role == "real":
                yield f"{name}: float"
            else:
                yield f"{name}: {self.type(buffer)}{' strided' * buffer.strided}"
        for symbol in plan.integers:
            yield f"{self.renamed.get(symbol, symbol)}: int"

    def body(self, body: Iterable[PlanStatement], indent: str) -> None:
        for statement in body:
            if isinstance(statement, Alloc):
                name = self.define(statement.buffer, "t")
                type_, offset = self.type(statement.buffer), self.size(statement.offset)
                self.lines.append(f"{indent}{name} = alloc {type_} at {offset}")
            elif isinstance(statement, Free):
                self.lines.append(f"{indent}free {self.name(statement.buffer)}")
            elif isinstance(statement, Launch):
                self.lines.append(indent + self.launch(statement))
            elif isinstance(statement, Element):
                whole, counter = map(self.name, (statement.whole, statement.counter))
                name = self.define(statement.buffer, "e")
                type_ = self.type(statement.buffer)
                self.lines.append(
                    f"{indent}{name} = element {type_} of {whole} at {counter}"
                )
            elif isinstance(statement, Swap):
                names = map(self.name, (statement.first, statement.second))
                self.lines.append(f"{indent}swap {', '.join(names)}")
            elif isinstance(statement, PlanLoop):
                name = self.define(statement.counter, "i")
                down = " reverse" * statement.reverse
                self.lines.append(
                    f"{indent}loop {name} to {self.size(statement.trip)}{down} {{"
                )
                self.body(statement.body, indent + "  ")
                self.lines.append(f"{indent}}}")
            elif isinstance(statement, PlanBind):
                self.lines.append(f"{indent}{self.bind(statement)} {{")
                self.body(statement.body, indent + "  ")
                self.lines.append(f"{indent}}}")
            else:
                condition = self.name(statement.condition)
                inner = indent + "  "
                if isinstance(statement, PlanIf):
                    self.lines.append(f"{indent}if {condition} {{")
                    self.body(statement.then, inner)
                    self.lines.append(f"{indent}}} else {{")
                    self.body(statement.otherwise, inner)
                else:
                    self.lines.append(f"{indent}while {condition} {{")
                    self.body(statement.before, inner)
                    self.lines.append(f"{indent}}} do {{")
                    self.body(statement.body, inner)
                self.lines.append(f"{indent}}}")

    def bind(self, bind: PlanBind) -> str:
        symbol = self.renamed.get(bind.symbol, bind.symbol)
        arena = f" arena {self.size(bind.arena)}" if bind.arena != 0 else ""
        negative, memory = bind.errors
        return (
            f"bind {symbol} to {self.name(bind.number)}{arena} "
            f"else {negative}, {memory}"
        )

    def launch(self, launch: Launch) -> str:
        kernel, own = launch.kernel, printable_symbols(launch.kernel.sizes)
        renamed = launch.renamed.items()
        sizes = (f"{own.get(name, name)} = {self.size(size)}" for name, size in renamed)
        arguments = ", ".join([*map(self.name, launch.arguments), *sizes])
        name = printable_function_name(kernel.name)
        chunk = "" if launch.chunk == 1 else f" chunk {self.size(launch.chunk)}"
        return f"launch @{name}({arguments}){chunk}"
