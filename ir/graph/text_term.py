"""Reads the terms of IR text: types, sizes, attributes and constants."""

from __future__ import annotations

import json

from penstock.ir.attributes import Attribute, Constant
from penstock.ir.dim_text import parse_dim
from penstock.ir.dims import Size, symbol, symbols_of
from penstock.ir.errors import PenstockError, TextError, TypeRuleError
from penstock.ir.graph.literal import (
    array_from_bytes,
    array_from_numbers,
    parse_real_literal,
)
from penstock.ir.graph.text_token import (
    CLOSING,
    MAXIMUM_DEPTH,
    OPENING,
    Token,
    Tokens,
    shortened,
)
from penstock.ir.guards import Facts
from penstock.ir.text import RESERVED_WORDS
from penstock.ir.types import DTYPES, TOKEN, TensorType, TupleType, Type

__all__ = ["UNFIT", "Terms", "reason"]

_Literal = str | list[str] | bytes
_WORDS: dict[str, Attribute] = {"true": True, "false": False, "none": None}
_NUMBER_WORDS = ("true", "false", "inf", "nan")

UNFIT = (
    PenstockError, TypeRuleError, ArithmeticError, AssertionError, AttributeError,
    LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What rules raise where a text gives them what no program would."""


def reason(error: Exception) -> str:
    """What an error of a type rule says, without a place in another text."""
    if isinstance(error, (PenstockError, TypeRuleError)):
        return error.message
    return f"attributes or operands do not fit ({type(error).__name__}: {error})"


class Terms(Tokens):
    """Recursive descent over what is smaller than a statement."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text, file)
        self.facts = Facts()
        self.depth = 0
        # Symbols of binds whose regions have ended.
        self.ended: set[str] = set()

    def nest(self) -> None:
        """Go one level deeper, at most so many; the caller comes back up."""
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise self.error(f"nested more than {MAXIMUM_DEPTH} deep")

    def result_types(self) -> tuple[Type, ...]:
        """What a Function returns: a type, or several in brackets."""
        type_ = self.type_()
        return type_.elements if isinstance(type_, TupleType) else (type_,)

    def type_(self) -> Type:
        """A type."""
        self.nest()
        try:
            if self.accept("("):
                elements: list[Type] = []
                while not self.accept(")"):
                    if elements:
                        self.expect(",")
                    elements.append(self.type_())
                return TupleType(tuple(elements))
            token = self.expect_kind("word", "a type such as f32[n]")
            if token.text == "token":
                return TOKEN
            return self.tensor_type(token)
        finally:
            self.depth -= 1

    def tensor_type(self, token: Token) -> TensorType:
        """The type of an array, whose dtype has been read."""
        if token.text not in DTYPES:
            raise self.error(f"there is no dtype {shortened(token.text)}", token)
        sizes: list[Size] = []
        self.expect("[")
        while not self.accept("]"):
            if sizes:
                self.expect(",")
            sizes.append(self.size(",]"))
        return TensorType(DTYPES[token.text], tuple(sizes))

    def size(self, stops: str) -> Size:
        """A size that ends at one of the stops, over declared symbols."""
        text, start, end = self.until(stops)
        try:
            size = parse_dim(text)
            if any(abs(number) >> 63 for number in _coefficients(size)):
                raise TextError(None, f"the size {size} does not fit 64 bits")
        except UNFIT as error:
            raise self.error_at(reason(error), start, end) from None
        declared = self.facts.order
        # While the parameters are read nothing is declared yet: they declare.
        for name in symbols_of(size) if declared else ():
            if name not in declared or name in self.ended:
                raise self.error_at(f"no parameter declares {name}", start, end)
        return size

    def attributes(self) -> dict[str, Attribute]:
        """The attributes of a Value by name; none if no bracket opens."""
        attributes: dict[str, Attribute] = {}
        if not self.accept("{"):
            return attributes
        while not self.accept("}"):
            if attributes:
                self.expect(",")
            name = self.expect_kind("word", "an attribute")
            if name.text in attributes:
                raise self.error(f"{name.text} is given twice", name)
            self.expect("=")
            attributes[name.text] = (
                self.born() if name.text == "symbol" else self.attribute()
            )
        return attributes

    def born(self) -> Attribute:
        """A symbol that is declared here."""
        token = self.expect_kind("word", "a new symbol")
        known = token.text in self.facts.order and token.text not in self.ended
        if known or token.text in RESERVED_WORDS:
            raise self.error(f"{token.text} cannot name a new size", token)
        self.ended.discard(token.text)
        self.facts.declare(token.text, 0)
        return symbol(token.text)

    def attribute(self) -> Attribute:
        """One attribute."""
        token = self.token
        if token.kind == "string":
            return self.string()
        if token.text in _WORDS:
            return _WORDS[self.next().text]
        if token.text in DTYPES:
            return self.dtype_or_array()
        if token.text == "(" and self.is_tuple():
            return self.tuple_attribute()
        start = self.position
        text, _, _ = self.until(",)}")
        try:
            return parse_real_literal(text)
        except ValueError:
            self.position = start
        return self.size(",)}")

    def string(self) -> str:
        """A string in quotes, with JSON's escapes."""
        token = self.next()
        try:
            return str(json.loads(token.text))
        except ValueError:
            raise self.error("cannot read the string", token) from None

    def dtype_or_array(self) -> Attribute:
        """A dtype, or a constant array behind its type."""
        token = self.next()
        if self.token.text != "[":
            return DTYPES[token.text]
        type_ = self.tensor_type(token)
        return self.array(type_, self.constant(), token)

    def is_tuple(self) -> bool:
        """Whether the bracket opens a tuple: it holds a comma, or nothing."""
        depth, position = 0, self.position
        while (token := self.tokens[position]).kind != "end":
            depth += (token.text in OPENING) - (token.text in CLOSING)
            if depth == 0:
                return position == self.position + 1
            if depth == 1 and token.text == ",":
                return True
            position += 1
        return True

    def tuple_attribute(self) -> Attribute:
        """Attributes in brackets."""
        self.nest()
        self.expect("(")
        items: list[Attribute] = []
        while not self.accept(")"):
            items.append(self.attribute())
            if self.token.text != ")":
                self.expect(",")
        self.depth -= 1
        return tuple(items)

    def constant(self) -> _Literal:
        """A constant, read before its dtype is known."""
        if self.accept("["):
            numbers: list[str] = []
            while not self.accept("]"):
                if numbers:
                    self.expect(",")
                numbers.append(self.number())
            return numbers
        if self.accept("hex"):
            token = self.expect_kind("string", "a string of hexadecimal digits")
            try:
                return bytes.fromhex(token.text[1:-1])
            except ValueError as error:
                raise self.error(str(error), token) from None
        return self.number()

    def number(self) -> str:
        """The text of a number, with its sign."""
        sign = "-" if self.accept("-") else ""
        if self.token.text not in _NUMBER_WORDS and self.token.kind != "number":
            self.unexpected("a number")
        return sign + self.next().text

    def array(self, type_: Type, literal: _Literal, token: Token) -> Constant:
        """The constant that a literal is in a type."""
        if not isinstance(type_, TensorType):
            raise self.error(f"a constant cannot be {type_}", token)
        shape = tuple(size for size in type_.shape if isinstance(size, int))
        if len(shape) != type_.rank or any(size < 0 for size in shape):
            raise self.error(f"a constant cannot be {type_}", token)
        try:
            if isinstance(literal, bytes):
                return Constant(array_from_bytes(literal, type_.dtype, shape))
            if isinstance(literal, str) == bool(shape):
                raise ValueError(f"{type_} needs a {'list' if shape else 'number'}")
            numbers = [literal] if isinstance(literal, str) else literal
            return Constant(array_from_numbers(numbers, type_.dtype, shape))
        except (ValueError, ImportError) as error:
            raise self.error(str(error), token) from None


def _coefficients(size: Size) -> list[int]:
    return [size] if isinstance(size, int) else [c for _, c in size.terms]
