"""Rewrite rules as data: a pattern on the left, what replaces it on the right.

    x = var("x")
    Rule("mul-one", x * 1, x)

A rule is exact if both sides give the same bits for every input; a nan counts as one
value, whatever its sign and payload, which IEEE 754 leaves open (6.2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attributes import Attribute, Constant
from penstock.ir.dims import Size
from penstock.ir.graph.value import Builder, Value
from penstock.ir.record import Record
from penstock.ir.types import Dtype, TensorType

__all__ = [
    "Match",
    "Pattern",
    "Rule",
    "RuleSet",
    "any_of",
    "call",
    "constant",
    "constant_of",
    "var",
]


class Pattern:
    """A shape of Values: a variable, a number, or an op on patterns.

    Args:
        ops: names of ops, one of which the Value has; empty for a leaf.
        operands: a pattern for each operand, or ``None`` for any operands.
        name: what the Match calls the Value; a name that occurs twice must be the
            same Value twice.
        number: the number that every element of a constant has.
        is_constant: whether only constants match.
        kinds: the kinds of dtype that match.
    """

    __slots__ = ("_bytes", "is_constant", "kinds", "name", "number", "operands", "ops")

    def __init__(
        self,
        ops: Iterable[str] = (),
        operands: Sequence[Pattern] | None = None,
        *,
        name: str | None = None,
        number: float | None = None,
        is_constant: bool = False,
        kinds: str = "biuf",
    ) -> None:
        self.ops = frozenset(ops)
        self.operands = operands
        self.name = name
        self.number = number
        self.is_constant = is_constant
        self.kinds = kinds
        # The number's bytes by dtype; None where the dtype has no such number.
        self._bytes: dict[Dtype, bytes | None] = {}

    def __add__(self, other: PatternLike) -> Pattern:
        return call("add", self, other)

    def __sub__(self, other: PatternLike) -> Pattern:
        return call("sub", self, other)

    def __mul__(self, other: PatternLike) -> Pattern:
        return call("mul", self, other)

    def __truediv__(self, other: PatternLike) -> Pattern:
        return call("div", self, other)

    def __and__(self, other: PatternLike) -> Pattern:
        return call("and", self, other)

    def __or__(self, other: PatternLike) -> Pattern:
        return call("or", self, other)

    def __xor__(self, other: PatternLike) -> Pattern:
        return call("xor", self, other)

    def __pow__(self, other: PatternLike) -> Pattern:
        return call("pow", self, other)

    def __neg__(self) -> Pattern:
        return call("neg", self)

    def __invert__(self) -> Pattern:
        return call("not", self)

    def matches(self, value: Value, bindings: dict[str, Value]) -> bool:
        """Whether a Value has this shape; what its names stand for is added."""
        if self.name is not None and bindings.setdefault(self.name, value) is not value:
            return False
        if self.ops:
            return value.op.name in self.ops and self._operands_match(value, bindings)
        if self.number is not None:
            return self._is_number(value)
        if self.is_constant and not value.is_op("const"):
            return False
        return len(self.kinds) == 4 or value.dtype.kind in self.kinds

    def _operands_match(self, value: Value, bindings: dict[str, Value]) -> bool:
        patterns = self.operands
        if patterns is None:
            return True
        operands = value.operands
        if len(patterns) != len(operands):
            return False
        for pattern, operand in zip(patterns, operands, strict=True):
            if not pattern.matches(operand, bindings):
                return False
        return True

    def _is_number(self, value: Value) -> bool:
        array = constant_of(value)
        if array is None or array.size == 0:
            return False
        dtype = value.dtype
        if dtype not in self._bytes:
            self._bytes[dtype] = _number_bytes(self.number, dtype)
        element = self._bytes[dtype]
        return element is not None and array.tobytes() == element * array.size


PatternLike = Pattern | float | int | bool


def _number_bytes(number: Any, dtype: Dtype) -> bytes | None:
    if isinstance(number, bool) != (dtype.kind == "b"):
        return None
    if dtype.is_integer and not _fits(number, dtype):
        return None
    return np.array(number).astype(dtype.numpy).tobytes()


def _fits(number: float, dtype: Dtype) -> bool:
    limits = np.iinfo(dtype.numpy)
    return number == int(number) and limits.min <= number <= limits.max


def var(name: str, kinds: str = "biuf") -> Pattern:
    """A pattern that any Value of these kinds of dtype matches."""
    return Pattern(name=name, kinds=kinds)


def constant(name: str) -> Pattern:
    """A pattern that any constant matches."""
    return Pattern(name=name, is_constant=True)


def call(op: str, *operands: PatternLike, name: str | None = None) -> Pattern:
    """A pattern of an op on patterns and numbers."""
    return Pattern((op,), tuple(map(_pattern, operands)), name=name)


def any_of(
    ops: Iterable[str], *operands: PatternLike, name: str | None = None
) -> Pattern:
    """A pattern of one of several ops, on any operands if none are given."""
    patterns = tuple(map(_pattern, operands)) if operands else None
    return Pattern(ops, patterns, name=name)


def _pattern(item: PatternLike) -> Pattern:
    return item if isinstance(item, Pattern) else Pattern(number=item)


def constant_of(value: Value) -> np.ndarray[Any, Any] | None:
    """The array of a Value that is a constant, else ``None``."""
    if value.op.name != "const":
        return None
    attribute = value.attributes["value"]
    assert isinstance(attribute, Constant)
    return attribute.array


class Match(Record):
    """A Value that has a rule's left side.

    Attributes:
        builder: makes the Values of the right side.
        value: the Value to be replaced.
        bindings: the Values that the pattern names.
        rules: applied to each Value that the right side makes.
    """

    builder: Builder
    value: Value
    bindings: Mapping[str, Value]
    rules: RuleSet

    def __getitem__(self, name: str) -> Value:
        return self.bindings[name]

    def add(self, op: str, *operands: Value, **attributes: Attribute) -> Value:
        """A Value at the places of the one that is replaced, by the rules too."""
        value = self.builder.add(
            op,
            *operands,
            locations=self.value.locations,
            **attributes,  # type: ignore[arg-type]
        )
        return self.rules.visit(self.builder, value) or value

    def type(self, value: Value) -> TensorType:
        """A Value's type; that of a parameter is not in normal sizes itself."""
        type_ = self.builder.facts.normalize_type(value.type)
        assert isinstance(type_, TensorType)
        return type_

    def shape(self, value: Value) -> tuple[Size, ...]:
        """A Value's shape in normal sizes."""
        return self.type(value).shape

    def number(self, number: Any, dtype: Dtype) -> Value:
        """A constant scalar."""
        return self.builder.constant(number, dtype, locations=self.value.locations)

    def build(self, pattern: Pattern, dtype: Dtype) -> Value:
        """The Value that a pattern describes; numbers in it are of the dtype."""
        if pattern.number is not None:
            return self.number(pattern.number, dtype)
        if not pattern.ops:
            assert pattern.name is not None
            return self[pattern.name]
        (op,) = pattern.ops
        assert pattern.operands is not None
        typed = [
            None if operand.number is not None else self.build(operand, dtype)
            for operand in pattern.operands
        ]
        # A number has the dtype of what stands beside it.
        beside = [operand.dtype for operand in typed if operand is not None]
        operands = [
            self.build(pattern, beside[-1] if beside else dtype)
            if operand is None
            else operand
            for pattern, operand in zip(pattern.operands, typed, strict=True)
        ]
        return self.add(op, *operands)


Right = Pattern | Callable[[Match], Value | None]


class Rule:
    """One rewrite rule.

    Args:
        name: in kebab-case; traces show it.
        left: what it looks for.
        right: what it puts there: a pattern over the names of the left side, a
            number, or a function of the Match, which may decline with ``None``.
        kinds: the kinds of dtype, of the last operand, that it holds for.
        exact: whether every bit stays.
    """

    def __init__(
        self,
        name: str,
        left: Pattern,
        right: Right | float,
        kinds: str = "biuf",
        *,
        exact: bool = True,
    ) -> None:
        self.name = name
        self.left = left
        self.right: Right = (
            Pattern(number=right) if isinstance(right, (bool, int, float)) else right
        )
        self.kinds = kinds
        self.exact = exact

    def __repr__(self) -> str:
        return f"Rule({self.name!r})"

    def apply(self, builder: Builder, value: Value, rules: RuleSet) -> Value | None:
        """What replaces a Value of the builder, or ``None``.

        Args:
            builder: makes what replaces it.
            value: the Value, of an op that the left side looks for.
            rules: applied to what the right side makes.
        """
        if len(self.kinds) < 4 and value.operands[-1].dtype.kind not in self.kinds:
            return None
        bindings: dict[str, Value] = {}
        if not self.left.matches(value, bindings):
            return None
        match = Match(builder, value, bindings, rules)
        if not isinstance(self.right, Pattern):
            return self.right(match)
        new = match.build(self.right, value.dtype)
        if match.type(new) != value.type:
            # A constant of more axes made the left side larger.
            new = match.add("broadcast_to", new, shape=value.shape)
        return new


class RuleSet:
    """Rules in order, found by the op that they look for."""

    # Each rule leaves less to compute, so chains are short; this bounds a mistake.
    _LONGEST_CHAIN = 32

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_op: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for op in sorted(rule.left.ops):
                self._by_op.setdefault(op, []).append(rule)

    def visit(self, builder: Builder, value: Value) -> Value | None:
        """Apply rules to a Value until none fits."""
        current = value
        for _ in range(self._LONGEST_CHAIN):
            new = self._once(builder, current)
            if new is None:
                break
            current = new
        return None if current is value else current

    def _once(self, builder: Builder, value: Value) -> Value | None:
        for rule in self._by_op.get(value.op.name, ()):
            new = rule.apply(builder, value, self)
            if new is not None and new is not value:
                return new
        return None
