"""Reads the text of Functions.

    function   = "func" @name "(" [argument ","...] ")" "->" types
                 ["where" guard ","...] "{" body "}"
    argument   = %name ":" type | symbol ":" "int"
    types      = type | "(" [type ","...] ")"
    type       = dtype "[" [size ","...] "]" | "token" | "(" [type ","...] ")"
    body       = statement... "return" [%name ","...] ["effects" %name ","...]
    statement  = %name "=" op [%name ","...] ["{" [name "=" attribute ","...] "}"]
                 ":" types ["{" region... "}"]
               | %name "=" "const" constant ":" type
    region     = name "(" [%name ":" type ","...] ")" "->" types "{" body "}"
    constant   = number | "[" [number ","...] "]" | hex"digits"
    attribute  = none | true | false | "text" | real | size | dtype
               | dtype "[" [size ","...] "]" constant | "(" [attribute ","...] ")"

Sizes and guards are as ``penstock.ir.dims`` and ``penstock.ir.guards`` print them.
A ``#`` starts a comment; places such as ``model.py:12:9`` in the comment on the line
of a statement become the Value's locations. Every type is inferred again and
compared, and the Function is verified, so text that parses is valid.
"""

from __future__ import annotations

import penstock.ir.ops  # noqa: F401
from penstock.ir.attribute_kinds import check_attributes, check_sizes
from penstock.ir.attributes import Attribute
from penstock.ir.errors import TextError
from penstock.ir.graph.text_term import UNFIT, Terms, reason
from penstock.ir.graph.text_token import Token, shortened
from penstock.ir.graph.value import Builder, Function, Value, declare_symbols
from penstock.ir.graph.verify import verify
from penstock.ir.guards import Facts, Guard, parse_guard
from penstock.ir.location import Location
from penstock.ir.op import OPS, Op
from penstock.ir.text import RESERVED_WORDS
from penstock.ir.types import TOKEN, TupleType, Type

__all__ = ["parse_function"]


def parse_function(text: str, file: str = "<text>") -> Function:
    """Read a Function.

    Args:
        text: as ``print_function`` writes it; the module says the grammar.
        file: the name of the text in messages.

    Returns:
        The Function, verified. Values that no result or effect reaches are dropped.

    Raises:
        TextError: the text is not that of a Function, at its line and column.
        VerifyError: the Function breaks a rule that no place in the text shows.

    Example:
        >>> print(parse_function('''
        ... func @double(%x: f32[n]) -> f32[n] {
        ...   %sum = add %x, %x : f32[n]
        ...   return %sum
        ... }'''))
        func @double(%x: f32[n]) -> f32[n] {
          %0 = add %x, %x : f32[n]
          return %0
        }
    """
    function = _Parser(text, file).function()
    verify(function)
    return function


class _Scope:
    """What one Function or region of the text defines."""

    def __init__(self, facts: Facts) -> None:
        self.builder = Builder(facts)
        self.values: dict[str, Value] = {}
        self.effects: list[tuple[Value, Token]] = []
        self.used: set[Value] = set()


class _Parser(Terms):
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text, file)
        self.names: set[str] = set()

    def function(self) -> Function:
        if self.token.text in ("kernel", "plan"):
            raise self.error(
                f"this is the text of a {self.token.text}, not of a graph",
                hint="take that of the stage trace, graph or fused",
            )
        self.expect("func")
        name = self.expect_kind("function", "a name such as @f").text[1:]
        scope = _Scope(self.facts)
        parameters: list[Value] = []
        integers: list[str] = []
        self.expect("(")
        while not self.accept(")"):
            if parameters or integers:
                self.expect(",")
            if self.token.kind == "word":
                integers.append(self.integer_argument(integers))
            else:
                parameters.append(self.parameter(scope))
        declare_symbols(self.facts, (p.type for p in parameters), integers)
        self.expect("->")
        types = self.result_types()
        guards = self.guards() if self.accept("where") else ()
        results, effects = self.body(scope, types)
        if self.token.kind != "end":
            self.unexpected("the end of the text")
        function = Function(
            name,
            tuple(parameters),
            results,
            integers=tuple(integers),
            effects=effects,
            guards=guards,
        )
        self.check_effects(function, scope)
        return function

    def integer_argument(self, others: list[str]) -> str:
        token = self.next()
        if token.text in others or token.text in RESERVED_WORDS:
            raise self.error(f"{token.text} cannot name an integer argument", token)
        self.expect(":")
        self.expect("int")
        return token.text

    def parameter(self, scope: _Scope) -> Value:
        token = self.new_name()
        self.expect(":")
        type_ = self.normal(self.type_(), token)
        parameter = scope.builder.parameter(token.text[1:], type_)
        scope.values[token.text] = parameter
        return parameter

    def new_name(self) -> Token:
        token = self.expect_kind("value", "a name such as %x")
        if token.text in self.names:
            raise self.error(f"{token.text} is defined twice", token)
        self.names.add(token.text)
        return token

    def guards(self) -> tuple[Guard, ...]:
        guards = []
        while True:
            text, start, end = self.until(",{")
            try:
                guard = parse_guard(text)
                for name in guard.symbols():
                    if name not in self.facts.order:
                        raise TextError(None, f"no parameter declares {name}")
                self.facts.add(guard)
            except UNFIT as error:
                raise self.error_at(reason(error), start, end) from None
            guards.append(guard)
            if not self.accept(","):
                return tuple(guards)

    def normal(self, type_: Type, token: Token) -> Type:
        try:
            return self.facts.normalize_type(type_)
        except UNFIT as error:
            raise self.error(reason(error), token) from None

    def body(
        self, scope: _Scope, types: tuple[Type, ...]
    ) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        self.expect("{")
        while self.token.text != "return":
            self.statement(scope)
        token = self.next()
        results = self.operands(scope)
        have = tuple(self.normal(result.type, token) for result in results)
        wanted = tuple(self.normal(type_, token) for type_ in types)
        if have != wanted:
            message = f"returns {TupleType(have)}, not {TupleType(wanted)}"
            raise self.error(message, token)
        effects = self.operands(scope) if self.accept("effects") else ()
        self.expect("}")
        return results, effects

    def operands(self, scope: _Scope) -> tuple[Value, ...]:
        operands: list[Value] = []
        while self.token.kind == "value":
            token = self.next()
            operand = scope.values.get(token.text)
            if operand is None:
                raise self.unknown(token)
            if operand.type is TOKEN:
                # Values are interned, so a second use could not be told later.
                if operand in scope.used:
                    raise self.error(f"the token {token.text} is used twice", token)
                scope.used.add(operand)
            operands.append(operand)
            if not self.accept(","):
                break
        return tuple(operands)

    def unknown(self, token: Token) -> TextError:
        if token.text in self.names:
            return self.error(
                f"{token.text} is defined outside this region",
                token,
                "give it to the op as an operand",
            )
        return self.error(f"{token.text} is not defined", token)

    def statement(self, scope: _Scope) -> None:
        name = self.expect_kind("value", "a statement or 'return'")
        self.expect("=")
        op_token = self.expect_kind("word", "an op")
        op = OPS.get(op_token.text)
        if op is None or op.name == "parameter":
            raise self.error(f"there is no op {shortened(op_token.text)}", op_token)
        attributes: dict[str, Attribute] = {}
        operands: tuple[Value, ...] = ()
        constant = self.constant() if op.name == "const" else None
        if constant is None:
            operands = self.operands(scope)
            attributes = self.attributes()
        self.expect(":")
        wanted = self.type_()
        if constant is not None:
            attributes["value"] = self.array(wanted, constant, op_token)
        places = self.places.get(self.tokens[self.position - 1].start, ())
        regions: list[Function] = []
        if self.accept("{"):
            places = self.places.get(self.tokens[self.position - 1].start, ())
            while not self.accept("}"):
                labels = op.region_names[len(regions) :]
                regions.append(self.region(labels[0] if labels else None))
        if "symbol" in attributes:
            self.ended.add(str(attributes["symbol"]))
        value = self.build(
            scope, op, operands, attributes, tuple(regions), wanted, op_token, places
        )
        if name.text in self.names:
            raise self.error(f"{name.text} is defined twice", name)
        self.names.add(name.text)
        scope.values[name.text] = value
        if _has_token(value.type):
            scope.effects.append((value, name))

    def build(
        self,
        scope: _Scope,
        op: type[Op],
        operands: tuple[Value, ...],
        attributes: dict[str, Attribute],
        regions: tuple[Function, ...],
        wanted: Type,
        token: Token,
        places: tuple[Location, ...],
    ) -> Value:
        try:
            check_attributes(op, attributes)
            value = scope.builder.add(
                op, *operands, locations=places, regions=regions, **attributes
            )
            check_sizes(op.name, value.type)
        except UNFIT as error:
            hint = getattr(error, "hint", None)
            raise self.error(reason(error), token, hint) from None
        wanted = self.normal(wanted, token)
        if value.type != wanted:
            raise self.error(f"{op.name} gives {value.type}, not {wanted}", token)
        return value

    def region(self, label: str | None) -> Function:
        self.nest()
        token = self.expect_kind("word", "a region")
        if token.text != label:
            wanted = f"the region {label!r}" if label else "no further region"
            raise self.error(f"expected {wanted}, found {token.text!r}", token)
        scope = _Scope(self.facts)
        parameters: list[Value] = []
        self.expect("(")
        while not self.accept(")"):
            if parameters:
                self.expect(",")
            parameters.append(self.parameter(scope))
        self.expect("->")
        types = self.result_types()
        results, effects = self.body(scope, types)
        region = Function(token.text, tuple(parameters), results, effects=effects)
        self.check_effects(region, scope)
        self.depth -= 1
        return region

    def check_effects(self, function: Function, scope: _Scope) -> None:
        """Refuse to drop an effect that nothing reaches."""
        reached = set(function.values)
        for value, token in scope.effects:
            if value not in reached:
                raise self.error(
                    f"the effect {token.text} is lost",
                    token,
                    "name the last token of each chain after 'effects'",
                )


def _has_token(type_: Type) -> bool:
    if isinstance(type_, TupleType):
        return any(map(_has_token, type_.elements))
    return type_ is TOKEN
