"""Random valid Functions over all ops, with arguments that they accept.

    @given(programs())
    def test_a_property(program):
        evaluate(program.function, program.arguments)

Results are equal to the bit however the same numbers are computed: what a
contraction sums is rounded to small integers first, and operations that may differ
in the last bit are given the same arrays.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from penstock.ir.dims import Dim, Size, symbol
from penstock.ir.errors import ShapeError
from penstock.ir.graph.value import Builder, Function, Value, declare_symbols
from penstock.ir.guards import Facts, Guard
from penstock.ir.types import TOKEN, TensorType, TupleType, bool_, i64
from tests.random_statements import DTYPES, Statements, random_array

__all__ = [
    "Program",
    "Writer",
    "assert_same_results",
    "has_same_bits",
    "program_of_seed",
    "programs",
]


@dataclass(frozen=True)
class Program:
    """A Function with arguments for it."""

    function: Function
    arguments: list[Any]
    integers: dict[str, int]

    def __repr__(self) -> str:
        return f"{self.function}\narguments={self.arguments} {self.integers}"


def has_same_bits(left: Any, right: Any) -> bool:
    """Whether two arrays are equal to the bit, any nan being as good as another."""
    if (left.dtype, left.shape) != (right.dtype, right.shape):
        return False
    if left.dtype.kind in "biu":
        return bool(np.array_equal(left, right))
    wide, other = left.astype(np.float64), right.astype(np.float64)
    same = (wide == other) & (np.signbit(wide) == np.signbit(other))
    return bool(np.all(same | (np.isnan(wide) & np.isnan(other))))


def assert_same_results(left: Sequence[Any], right: Sequence[Any]) -> None:
    """Assert that two lists of arrays are equal to the bit, but for the kind of nan."""
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert has_same_bits(one, other), f"{one!r} is not {other!r}"


class Writer(Statements):
    """Writes one random Function, with regions unless it writes one itself."""

    def __init__(
        self,
        integer: Callable[[int, int], int],
        sizes: Mapping[str, int],
        facts: Facts,
        *,
        is_region: bool = False,
    ) -> None:
        super().__init__(integer, sizes, facts)
        self.is_region = is_region
        self.effect: Value | None = None

    def statement(self) -> None:
        kinds = _STATEMENTS[:-_REGION_STATEMENTS] if self.is_region else _STATEMENTS
        self.choose(kinds)(self)

    def region(
        self, types: Sequence[TensorType], returns: Sequence[TensorType] | None
    ) -> Function:
        facts = self.builder.facts
        writer = Writer(self.integer, self.sizes, facts, is_region=True)
        parameters = tuple(
            writer.builder.parameter(f"a{i}", type_) for i, type_ in enumerate(types)
        )
        writer.values += parameters
        for _ in range(self.integer(0, 4)):
            writer.statement()
        if returns is None:
            results = tuple(writer.pick() for _ in range(self.integer(1, 3)))
        else:
            results = tuple(writer.of_type(type_) for type_ in returns)
        return Function("region", parameters, results)

    def of_type(self, type_: TensorType) -> Value:
        found = [value for value in self.values if value.type == type_]
        if found:
            return self.choose(found[-3:])
        return self.add("broadcast_to", self.constant(type_.dtype), shape=type_.shape)

    def control(self) -> None:
        arguments = [self.pick() for _ in range(self.integer(1, 3))]
        types = [self.normal(argument) for argument in arguments]
        kind = self.integer(0, 4)
        if kind == 0:
            then = self.region(types, None)
            returns = [result.tensor for result in then.results]
            otherwise = self.region(types, returns)
            condition = self.condition(())
            if condition.shape:
                condition = self.constant(bool_)
            self.several("if", condition, *arguments, regions=(then, otherwise))
        elif kind == 1:
            self.loop(arguments)
        elif kind == 2:
            body = self.region(types, None)
            serial = self.integer(0, 9)
            self.several("recompute", *arguments, regions=(body,), serial=serial)
        elif kind == 3:
            self.bind(arguments, types)
        else:
            self.counted_while(arguments)

    def bind(self, arguments: list[Value], types: Sequence[TensorType]) -> None:
        """A size that is known only within the region."""
        name = f"born{len(self.builder.facts.order)}"
        self.builder.facts.declare(name, 0)
        body = self.region(types, None)
        builder = Builder(self.builder.facts)
        copied = {p: p for p in body.parameters}
        for value in body.values:
            operands = [copied[operand] for operand in value.operands]
            copied[value] = builder.rebuild(value, operands)
        counted = builder.add("iota", shape=(symbol(name), 2), axis=0, dtype=i64)
        total = builder.add("sum", counted, axes=(0,), keepdims=False)
        results = (*(copied[result] for result in body.results), total)
        number = self.builder.constant(self.integer(0, 3), i64)
        body = Function("body", body.parameters, results)
        self.several("bind", number, *arguments, regions=(body,), symbol=symbol(name))

    def loop(self, arguments: list[Value]) -> None:
        """Carried values, slices of arrays, invariants, and stacks of results."""
        trip = self.choose((0, 2, self.size()))
        carried = self.integer(0, len(arguments))
        types = [self.normal(argument) for argument in arguments]
        elements = [self.choose(types) for _ in range(self.integer(0, 2))]
        stacks = [
            self.of_type(type_.with_shape((trip, *type_.shape))) for type_ in elements
        ]
        inputs = [*types[:carried], *elements, *types[carried:]]
        extra = [self.choose(types) for _ in range(self.integer(not carried, 2))]
        body = self.region([TensorType(i64), *inputs], [*types[:carried], *extra])
        self.several(
            "loop",
            *arguments[:carried],
            *stacks,
            *arguments[carried:],
            regions=(body,),
            trip=trip,
            carried=carried,
            sliced=len(stacks),
            reverse=self.choose((False, True)),
        )

    def counted_while(self, arguments: list[Value]) -> None:
        """A ``while`` that counts, so that it ends."""
        types = [TensorType(i64), *map(self.normal, arguments)]
        body = self.region(types, types[1:])
        builder = Builder(self.builder.facts)
        counter = body.parameters[0]
        copied = {p: p for p in body.parameters}
        for value in body.values:
            operands = [copied[operand] for operand in value.operands]
            copied[value] = builder.rebuild(value, operands)
        one = builder.constant(1, i64)
        results = [copied[result] for result in body.results]
        step = Function(
            "body", body.parameters, (builder.add("add", counter, one), *results)
        )
        test = Builder(self.builder.facts)
        own = tuple(test.parameter(f"b{i}", type_) for i, type_ in enumerate(types))
        limit = test.constant(self.integer(0, 3), i64)
        cond = Function("cond", own, (test.add("less", own[0], limit),))
        start = self.builder.constant(0, i64)
        self.several("while", start, *arguments, regions=(cond, step))

    def several(self, op: str, *operands: Value, **attributes: Any) -> None:
        value = self.add(op, *operands, **attributes)
        if isinstance(value.type, TupleType):
            for index in range(len(value.type.elements)):
                if self.integer(0, 3):
                    self.add("get", value, index=index)

    def print(self) -> None:
        if self.effect is None:
            self.effect = self.builder.add("token")
        text = self.choose(("loss", 'a "quoted" word', "two\nlines #"))
        self.effect = self.builder.add("print", self.effect, self.pick(), text=text)
        assert self.effect.type is TOKEN


_REGION_STATEMENTS = 2
_STATEMENTS: tuple[Callable[[Writer], None], ...] = (
    Writer.unary, Writer.unary, Writer.binary, Writer.binary, Writer.exchanged,
    Writer.comparison, Writer.bits,
    Writer.select, Writer.astype, Writer.is_nan, Writer.reduction, Writer.reduction,
    Writer.along_axis, Writer.reshape, Writer.reshape, Writer.transpose,
    Writer.transpose, Writer.broadcast, Writer.concatenate, Writer.pad, Writer.slice,
    Writer.update_slice, Writer.indexing, Writer.create, Writer.contract,
    Writer.convolution, Writer.control, Writer.print,
)  # fmt: skip


def write_program(integer: Callable[[int, int], int], statements: int) -> Program:
    """A random Program of about so many statements, out of drawn integers."""
    numbers = {"n": integer(0, 4), "m": integer(1, 4)}
    types, guards, sizes = _parameters(integer, numbers)
    integers = {"k": integer(0, 3)} if integer(0, 2) == 0 else {}
    sizes.update(integers)
    facts = Facts()
    declare_symbols(facts, types, integers)
    for guard in guards:
        facts.add(guard)
    writer = Writer(integer, sizes, facts)
    parameters = tuple(
        writer.builder.parameter(f"x{i}", type_) for i, type_ in enumerate(types)
    )
    writer.values += parameters
    arguments = [
        random_array(integer, type_.dtype, type_.concrete(sizes)) for type_ in types
    ]
    for _ in range(statements):
        # Sizes that are equal as numbers may differ as symbols.
        with suppress(ShapeError):
            writer.statement()
    results = tuple(writer.pick() for _ in range(integer(1, 3)))
    effects = () if writer.effect is None else (writer.effect,)
    function = Function(
        "random", parameters, results,
        integers=tuple(integers), effects=effects, guards=guards,
    )  # fmt: skip
    return Program(function, arguments, integers)


def _parameters(
    integer: Callable[[int, int], int], numbers: Mapping[str, int]
) -> tuple[list[TensorType], tuple[Guard, ...], dict[str, int]]:
    types: list[TensorType] = []
    guards: list[Guard] = []
    sizes: dict[str, int] = {}
    for _ in range(integer(1, 3)):
        shape: list[Size] = []
        for _ in range(integer(0, 3)):
            kind = integer(0, 4)
            if kind < 2:
                shape.append((1, 3)[kind])
                continue
            same = ("n", "m", "n")[kind - 2]
            name = same if same not in sizes else f"s{len(sizes)}"
            size = symbol(name)
            assert isinstance(size, Dim)
            sizes[name] = numbers[same]
            if name != same and integer(0, 3):
                guards.append(Guard(size, "==", symbol(same)))
            elif numbers[same] == 1 and integer(0, 1):
                guards.append(Guard(size, "==", 1))
            shape.append(size)
        dtype = DTYPES[integer(0, len(DTYPES) - 1)]
        types.append(TensorType(dtype, tuple(shape)))
    return types, tuple(guards), sizes


@st.composite
def programs(draw: st.DrawFn, most: int = 12) -> Program:
    """Programs of at most so many statements, shrunk by hypothesis."""

    def integer(low: int, high: int) -> int:
        return draw(st.integers(low, high)) if high > low else low

    return write_program(integer, integer(1, most))


def program_of_seed(seed: int, statements: int = 12) -> Program:
    """The Program of a seed: many of them are cheap to make."""
    return write_program(random.Random(seed).randint, statements)
