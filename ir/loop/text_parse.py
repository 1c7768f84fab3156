"""Reads the text of Kernels.

    kernel    = "kernel" @name "(" [argument ","...] ")" ["products" count]
                "{" statement... "}"
    argument  = %name ":" ("in" | "out" | "inout" | "local") type ["strided"]
              | symbol ":" "index"
    statement = %name "=" primitive [operand ","...] ":" dtype
              | %name "=" "const" number ":" dtype
              | %name "=" "load" place ":" dtype
              | "store" operand "," place
              | "check" operand "error" number "detail" operand
              | "if" operand "{" statement... "}"
              | ("serial" | "parallel" | "vector") %name "=" operand "to" operand
                ["step" number] ["unroll" number]
                ["carry" "(" carry ","... ")" "->" "(" %name ","... ")"]
                ["while" %name]
                "{" statement... ["yield" operand ","...] "}"
    carry     = %name "=" operand [combine]
    place     = %name "[" [operand ","...] "]" ["where" operand]
    operand   = %name | count
    count     = number | symbol | "(" size ")"

An operand without ``%`` is an ``i64``: a number or a size. A ``#`` starts a comment;
places in the comment on the first line become the Kernel's locations. The Kernel is
verified, so text that parses is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from penstock.ir.dims import Size, symbol, symbols_of
from penstock.ir.graph.literal import parse_number
from penstock.ir.graph.text_term import Terms
from penstock.ir.graph.text_token import Token, shortened
from penstock.ir.guards import Facts
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
    Statement,
    Store,
)
from penstock.ir.loop.primitive import PRIMITIVES
from penstock.ir.loop.verify import broken_rule
from penstock.ir.text import RESERVED_WORDS
from penstock.ir.types import DTYPES, Dtype, TensorType, i64

__all__ = ["KernelReader", "parse_kernel", "parse_kernels"]

_KINDS = ("serial", "parallel", "vector")
_MODES = ("in", "out", "inout", "local")


def parse_kernel(text: str, file: str = "<text>") -> Kernel:
    """Read a Kernel.

    Args:
        text: as ``print_kernel`` writes it; the module says the grammar.
        file: the name of the text in messages.

    Returns:
        The Kernel, verified.

    Raises:
        TextError: the text is not that of a Kernel, at its line and column.

    Example:
        >>> print(parse_kernel('''
        ... kernel @fill(%x: out f32[n], n: index) {
        ...   %one = const 1 : f32
        ...   vector %i = 0 to n { store %one, %x[%i] }
        ... }'''))
        kernel @fill(%x: out f32[n], n: index) {
          %0 = const 1.0 : f32
          vector %i = 0 to n {
            store %0, %x[%i]
          }
        }
    """
    reader = KernelReader(text, file)
    kernel = reader.kernel()
    reader.expect_end()
    return kernel


def parse_kernels(text: str, file: str = "<text>") -> tuple[Kernel, ...]:
    """Read the Kernels of a program, as the stage ``loops`` shows them.

    Args:
        text: Kernels one after the other, of different names.
        file: the name of the text in messages.

    Returns:
        The Kernels, verified.

    Raises:
        TextError: the text is not that of Kernels, at its line and column.

    Example:
        >>> text = "kernel @f(%x: out f32[n], n: index) { }"
        >>> [kernel.name for kernel in parse_kernels(text + text.replace("@f", "@g"))]
        ['f', 'g']
    """
    reader = KernelReader(text, file)
    kernels = tuple(kernel for kernel, _ in reader.kernels())
    reader.expect_end()
    return kernels


class KernelReader(Terms):
    """Recursive descent over Kernels in a text."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text, file)
        self._begin()

    def _begin(self) -> None:
        self.facts = Facts()
        self.buffers: dict[str, Buffer] = {}
        self.names: set[str] = set()
        self.scopes: list[dict[str, Scalar]] = [{}]
        self.block: list[Statement] = []
        # Sizes and numbers, which stand before all other statements.
        self.inline: dict[Size, Let] = {}
        self.tokens_of: dict[Statement, Token] = {}

    def expect_end(self) -> None:
        if self.token.kind != "end":
            self.unexpected("the end of the text")

    def list_of(self, read: Callable[[], None], close: str) -> None:
        """Read items between commas, up to a closing bracket."""
        first = True
        while not self.accept(close):
            if not first:
                self.expect(",")
            first = False
            read()

    def kernels(self) -> Iterator[tuple[Kernel, Token]]:
        """Read Kernels as long as there are any, with the tokens of their names."""
        names = set()
        while self.token.text == "kernel":
            token = self.tokens[self.position + 1]
            kernel = self.kernel()
            if kernel.name in names:
                raise self.error(f"@{kernel.name} is defined twice", token)
            names.add(kernel.name)
            yield kernel, token

    def kernel(self) -> Kernel:
        self._begin()
        start = self.expect("kernel")
        name = self.expect_kind("function", "a name such as @f").text[1:]
        self.expect("(")
        sizes_of: list[tuple[Token, Buffer]] = []
        self.list_of(lambda: self.argument(sizes_of), ")")
        for token, buffer in sizes_of:
            for size in buffer.shape:
                for needed in symbols_of(size):
                    if needed not in self.facts.order:
                        raise self.error(f"no argument declares {needed}", token)
        products = self.host_integer() if self.accept("products") else None
        locations = self.places.get(self.expect("{").start, ())
        self.statements()
        self.expect("}")
        kernel = Kernel(
            name,
            tuple(self.buffers.values()),
            tuple(self.facts.order),
            Block([*self.inline.values(), *self.block]),
            locations,
            products,
        )
        broken = broken_rule(kernel)
        if broken is not None:
            problem, statement = broken
            token = start if statement is None else self.tokens_of.get(statement, start)
            raise self.error(problem, token)
        return kernel

    def argument(self, sizes_of: list[tuple[Token, Buffer]]) -> None:
        token = self.token
        if token.kind == "word":
            if token.text in RESERVED_WORDS or token.text in self.facts.order:
                raise self.error(f"{token.text} cannot name a size", token)
            self.next()
            self.expect(":")
            self.expect("index")
            self.facts.declare(token.text, None)
            return
        name = self.new_name()
        self.expect(":")
        mode = self.expect_kind("word", "in, out, inout or local")
        if mode.text not in _MODES:
            raise self.error(f"there is no mode {shortened(mode.text)}", mode)
        # Sizes may be declared after the Buffers that have them.
        declared, self.facts = self.facts, Facts()
        type_ = self.tensor_type(self.expect_kind("word", "a type such as f32[n]"))
        self.facts = declared
        buffer = Buffer(name[1:], type_, mode.text, self.accept("strided"))
        self.buffers[name] = buffer
        sizes_of.append((token, buffer))

    # Names.

    def new_name(self) -> str:
        token = self.expect_kind("value", "a name such as %x")
        if token.text in self.names:
            raise self.error(f"{token.text} is defined twice", token)
        self.names.add(token.text)
        return token.text

    @property
    def nesting(self) -> int:
        return len(self.scopes) - 1

    def operand(self) -> Scalar:
        token = self.token
        if token.kind != "value":
            return self.inline_operand()
        self.next()
        for scope in reversed(self.scopes):
            if token.text in scope:
                return scope[token.text]
        known = token.text in self.names
        what = "is not defined here" if known else "is not defined"
        raise self.error(f"{token.text} {what}", token)

    def inline_operand(self) -> Scalar:
        """A size or number, which is defined before all statements."""
        token = self.token
        value = self.host_integer()
        let = self.inline.get(value)
        if let is None:
            result = Scalar(i64, None, 0)
            if isinstance(value, int):
                let = Let(result, "const", (), np.int64(value))
            else:
                let = Let(result, "size", (), value)
            result.definition = self.inline[value] = let
            self.tokens_of[let] = token
        return let.result

    def host_integer(self) -> Size:
        """A number, a symbol, or a size in brackets."""
        token = self.token
        if token.kind == "number" or token.text == "-":
            return self.integer()
        if self.accept("("):
            value = self.size(")")
            self.expect(")")
            return value
        if token.kind != "word":
            self.unexpected("a name, a number or a size")
        self.next()
        if token.text not in self.facts.order:
            raise self.error(f"no argument declares {token.text}", token)
        return symbol(token.text)

    def integer(self) -> int:
        token = self.token
        text = "-" if self.accept("-") else ""
        text += self.expect_kind("number", "a number").text
        try:
            return int(parse_number(text, i64))
        except ValueError as error:
            raise self.error(str(error), token) from None

    # Statements.

    def statements(self) -> None:
        while self.token.text not in ("}", "yield"):
            token = self.token
            if token.kind == "value":
                statement = self.definition()
            elif self.accept("store"):
                statement = self.store()
            elif self.accept("check"):
                statement = self.check()
            elif self.accept("if"):
                statement = If(self.operand(), Block())
                with self.body(statement):
                    self.statements()
            elif token.text in _KINDS:
                statement = self.loop()
            else:
                self.unexpected("a statement")
            self.block.append(statement)
            self.tokens_of[statement] = token

    def definition(self) -> Statement:
        name = self.new_name()
        self.expect("=")
        token = self.expect_kind("word", "a primitive")
        statement: Let | Load
        if token.text == "load":
            buffer, indices = self.place()
            predicate = self.predicate()
            result = self.result()
            statement = Load(result, buffer, indices, predicate)
        elif token.text == "const":
            literal = self.constant()
            result = self.result()
            array = self.array(TensorType(result.dtype), literal, token).array
            statement = Let(result, "const", (), array[()])
        elif token.text in PRIMITIVES:
            operands = []
            for position in range(PRIMITIVES[token.text].arity):
                if position:
                    self.expect(",")
                operands.append(self.operand())
            result = self.result()
            statement = Let(result, token.text, tuple(operands))
        else:
            raise self.error(f"there is no primitive {shortened(token.text)}", token)
        result.definition = statement
        self.scopes[-1][name] = result
        return statement

    def result(self) -> Scalar:
        self.expect(":")
        return Scalar(self.dtype(), None, self.nesting)

    def dtype(self) -> Dtype:
        token = self.expect_kind("word", "a dtype")
        if token.text not in DTYPES:
            raise self.error(f"there is no dtype {shortened(token.text)}", token)
        return DTYPES[token.text]

    def place(self) -> tuple[Buffer, tuple[Scalar, ...]]:
        token = self.expect_kind("value", "a buffer such as %x")
        if token.text not in self.buffers:
            raise self.error(f"there is no buffer {token.text}", token)
        indices: list[Scalar] = []
        self.expect("[")
        self.list_of(lambda: indices.append(self.operand()), "]")
        return self.buffers[token.text], tuple(indices)

    def predicate(self) -> Scalar | None:
        return self.operand() if self.accept("where") else None

    def store(self) -> Store:
        value = self.operand()
        self.expect(",")
        buffer, indices = self.place()
        return Store(buffer, indices, value, self.predicate())

    def check(self) -> Check:
        condition = self.operand()
        self.expect("error")
        error = self.integer()
        self.expect("detail")
        return Check(condition, error, self.operand())

    @contextmanager
    def body(self, statement: For | If) -> Iterator[None]:
        """Read into a statement's block what stands between braces."""
        self.expect("{")
        self.nest()
        outer, self.block = self.block, statement.body.statements
        self.scopes.append({})
        yield
        self.scopes.pop()
        self.block = outer
        self.depth -= 1
        self.expect("}")

    def loop(self) -> For:
        kind = self.next().text
        name = self.new_name()
        index = Scalar(i64, None, self.nesting + 1, None, name[1:])
        self.expect("=")
        start = self.operand()
        self.expect("to")
        stop = self.operand()
        step = self.integer() if self.accept("step") else 1
        unroll = self.integer() if self.accept("unroll") else 0
        loop = For(kind, index, start, stop, step, [], Block(), unroll)
        index.definition = loop
        parameters = {name: index}
        results: dict[str, Scalar] = {}
        if self.accept("carry"):
            self.carries(loop, parameters, results)
        if self.accept("while"):
            self.test(loop, parameters)
        with self.body(loop):
            self.scopes[-1].update(parameters)
            self.statements()
            if loop.carries:
                self.updates(loop)
        self.scopes[-1].update(results)
        return loop

    def carries(
        self, loop: For, parameters: dict[str, Scalar], results: dict[str, Scalar]
    ) -> None:
        depth = self.nesting

        def carry() -> None:
            name = self.new_name()
            self.expect("=")
            initial = self.operand()
            combine = self.next().text if self.token.kind == "word" else None
            parameter = Scalar(initial.dtype, None, depth + 1, loop)
            result = Scalar(initial.dtype, None, depth, loop)
            loop.carries.append(Carry(parameter, initial, combine, result))
            parameters[name] = parameter

        def result() -> None:
            if len(results) == len(loop.carries):
                raise self.error("there are more results than carried values")
            found = loop.carries[len(results)].result
            results[self.new_name()] = found

        self.expect("(")
        self.list_of(carry, ")")
        self.expect("->")
        self.expect("(")
        self.list_of(result, ")")
        if len(results) != len(loop.carries):
            raise self.error("there are fewer results than carried values")

    def test(self, loop: For, parameters: dict[str, Scalar]) -> None:
        token = self.expect_kind("value", "a carried value such as %x")
        for carry in loop.carries:
            if carry.parameter is parameters.get(token.text):
                loop.test = carry
        if loop.test is None:
            raise self.error(f"the loop does not carry {token.text}", token)

    def updates(self, loop: For) -> None:
        self.expect("yield")
        for position, carry in enumerate(loop.carries):
            if position:
                self.expect(",")
            carry.update = self.operand()
