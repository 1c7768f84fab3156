"""Checks that a Function keeps the rules of graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager

import penstock.ir.ops  # noqa: F401
from penstock.ir.attribute_kinds import check_attributes, check_sizes
from penstock.ir.attributes import attribute_key, attribute_symbols
from penstock.ir.dims import Atom, Dim, symbols_of
from penstock.ir.errors import PenstockError, TypeRuleError, VerifyError
from penstock.ir.graph.text_print import print_value
from penstock.ir.graph.value import Function, Value, bound_symbols
from penstock.ir.guards import Facts, Guard
from penstock.ir.op import OPS
from penstock.ir.reals import Real
from penstock.ir.types import TOKEN, TensorType, TupleType, Type, f64

__all__ = ["verify"]


def verify(function: Function) -> None:
    """Raise a VerifyError unless a Function is valid.

    Args:
        function: an outermost Function, whose parameters declare its symbols. Each
            axis of a parameter is a symbol of its own or a number; guards and sizes
            ask about declared symbols only; each Value has the type that its op
            infers, and there are no two equal ones; regions fit their op and read
            nothing from outside; each token is used once, and none is lost.

    Raises:
        VerifyError: it is not, with the text of the Value at fault.
    """
    _verify_parameters(function)
    for guard in function.guards:
        _verify_guard(function, guard)
    for result in function.results:
        if not isinstance(result.type, TensorType):
            raise _error(function, f"returns {result.type}, which is no array")
    _Verifier(function).body(function, set())


def _error(function: Function, message: str, hint: str | None = None) -> VerifyError:
    return VerifyError(None, f"@{function.name}: {message}", hint=hint)


def _verify_parameters(function: Function) -> None:
    declared: set[str] = set()
    for parameter in function.parameters:
        if not parameter.is_op("parameter") or not isinstance(
            parameter.type, TensorType
        ):
            raise _error(function, f"{parameter!r} is no array parameter")
        for size in parameter.shape:
            name = _symbol_name(size) if isinstance(size, Dim) else None
            if (name is None and isinstance(size, Dim)) or (
                isinstance(size, int) and size < 0
            ):
                raise _error(
                    function,
                    f"the size {size} of a parameter is neither a symbol nor a number",
                )
            if name in declared:
                raise _error(
                    function,
                    f"two axes of parameters have the size {name}",
                    "give each its own symbol, and add a guard such as m == n",
                )
            if name is not None:
                declared.add(name)
    for name in function.integers:
        if name in declared:
            raise _error(function, f"{name} is declared twice")
        declared.add(name)
    if len(set(function.parameters)) != len(function.parameters):
        raise _error(function, "two parameters are one Value")


def _symbol_name(size: Dim) -> str | None:
    ((monomial, coefficient), *others) = size.terms
    atom: Atom | None = monomial[0] if len(monomial) == 1 else None
    plain = atom is not None and atom.operation == "symbol"
    return atom.name if atom and plain and coefficient == 1 and not others else None


def _verify_guard(function: Function, guard: Guard) -> None:
    unknown = guard.symbols().difference(function.symbols)
    if unknown:
        raise _error(function, f"the guard {guard} asks about {_listed(unknown)}")
    floats = {
        str(parameter.attributes["name"])
        for parameter in function.parameters
        if parameter.type == TensorType(f64)
    }
    for side in (guard.left, guard.right):
        missing = side.parameters() - floats if isinstance(side, Real) else set()
        if missing:
            raise _error(
                function, f"the guard {guard} asks about {_listed(missing)}, no f64[]"
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


class _Verifier:
    """Verifies the Values of an outermost Function and of its regions."""

    def __init__(self, outermost: Function) -> None:
        self.outermost = outermost
        self.facts: Facts = outermost.facts
        # A symbol that is born within is known only there.
        self.symbols = set(outermost.symbols).difference(bound_symbols(outermost))

    def fail(self, value: Value, message: str) -> VerifyError:
        line = print_value(self.outermost, value).strip()
        return VerifyError(value.loc, f"{message}, in: {line}")

    def body(
        self, function: Function, around: set[Value], *, is_condition: bool = False
    ) -> None:
        """Verify the Values of one Function; ``around`` are those of outer ones.

        The condition of a loop is given all that the loop carries, but returns no
        token, so it must leave them alone.
        """
        own = {*function.parameters, *function.values}
        for shared in own & around:
            raise self.fail(shared, "a region shares a Value with what is around it")
        seen: dict[Hashable, Value] = {}
        for value in function.values:
            self.value(value)
            key = (
                value.op.name,
                value.operands,
                tuple(attribute_key(a) for a in value.attributes.values()),
                tuple(region.region_key for region in value.regions),
            )
            if key in seen:
                raise self.fail(value, "a Value stands twice")
            seen[key] = value
        self.tokens(function, 0 if is_condition else 1)
        for value in function.values:
            for name, region in zip(value.op.region_names, value.regions, strict=True):
                with self.binding(value):
                    self.region(value, region)
                    self.body(region, around | own, is_condition=name == "cond")

    @contextmanager
    def binding(self, value: Value) -> Iterator[None]:
        """Within the region of a ``bind`` its symbol is known."""
        known = self.symbols
        if value.is_op("bind"):
            name = str(value.attributes["symbol"])
            if name in known:
                raise self.fail(value, f"{name} is declared twice")
            self.symbols = known | {name}
        yield
        self.symbols = known

    def value(self, value: Value) -> None:
        if value.is_op("parameter"):
            raise self.fail(value, "reads a parameter of another Function")
        if OPS.get(value.op.name) is not value.op:
            raise self.fail(value, "the op is not registered")
        used = _symbols(value.type).union(
            *(
                attribute_symbols(attribute)
                for name, attribute in value.attributes.items()
                if name != "symbol"
            )
        )
        if not used <= self.symbols:
            names = _listed(used - self.symbols)
            raise self.fail(value, f"no parameter declares {names}")
        inferred = self.infer(value)
        if self.facts.normalize_type(value.type) != inferred:
            raise self.fail(value, f"the type is {value.type}, not {inferred}")

    def infer(self, value: Value) -> Type:
        normalize = self.facts.normalize_type
        types = [normalize(operand.type) for operand in value.operands]
        try:
            check_attributes(value.op, value.attributes)
            if value.regions:
                inferred = value.op.infer_region_type(
                    types, value.attributes, value.regions
                )
            else:
                inferred = value.op.infer_type(types, value.attributes)
            inferred = normalize(inferred)
            check_sizes(value.op.name, inferred)
        except (PenstockError, TypeRuleError) as error:
            raise self.fail(value, error.message) from None
        return inferred

    def region(self, value: Value, region: Function) -> None:
        if region.guards or region.integers:
            raise self.fail(value, "a region has guards or integer arguments")
        if region.effects:
            raise self.fail(value, "a region keeps a token that it must return")
        for passed in (*region.parameters, *region.results):
            if isinstance(passed.type, TupleType):
                raise self.fail(value, "a region takes or returns a tuple")
            if not _symbols(passed.type) <= self.symbols:
                raise self.fail(value, f"no parameter declares {passed.type}")
        for parameter in region.parameters:
            if not parameter.is_op("parameter"):
                raise self.fail(value, "a parameter of a region is none")

    def tokens(self, function: Function, given: int) -> None:
        """Each token is used once: by an op, as an effect, or as a region's result."""
        read = [operand for value in function.values for operand in value.operands]
        read += [*function.results, *function.effects]
        uses = Counter(value for value in read if value.type is TOKEN)
        got = {
            (value.operands[0], value.attributes["index"])
            for value in function.values
            if value.is_op("get")
        }
        for effect in function.effects:
            if effect.type is not TOKEN:
                raise self.fail(effect, "an effect is no token")
        wanted = dict.fromkeys(function.parameters, given)
        for value in (*function.parameters, *function.values):
            times = wanted.get(value, 1)
            if value.type is TOKEN and uses[value] != times:
                message = f"the token is used {uses[value]} times, not {times}"
                raise self.fail(value, message)
            if isinstance(value.type, TupleType):
                for index, element in enumerate(value.type.elements):
                    if element is TOKEN and (value, index) not in got:
                        raise self.fail(value, f"the token {index} is lost")


def _symbols(type_: Type) -> set[str]:
    return set(_each_symbol(type_))


def _each_symbol(type_: Type) -> Iterator[str]:
    if isinstance(type_, TupleType):
        for element in type_.elements:
            yield from _each_symbol(element)
    elif isinstance(type_, TensorType):
        for size in type_.shape:
            yield from symbols_of(size)
