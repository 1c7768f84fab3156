"""Values, Functions, and the Builder that interns Values within a Function."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ir.attributes import Constant, attribute_key, map_sizes
from penstock.ir.errors import TypeRuleError
from penstock.ir.guards import Facts, Guard
from penstock.ir.location import Location
from penstock.ir.op import Op, op_named
from penstock.ir.types import Dtype, TensorType, TupleType, Type

if TYPE_CHECKING:
    from penstock.ir.dims import Size

__all__ = ["Builder", "Function", "Value"]

_NO_ATTRIBUTES: Mapping[str, Any] = MappingProxyType({})


class Value:
    """One immutable node of a graph.

    Two Values of a Function with the same op, operands, attributes and regions
    are one Value, so ``is`` compares them. Locations are no part of that identity:
    a Value that several lines compute keeps the places of all of them.

    Attributes:
        op: the op's class.
        operands: the Values it reads.
        attributes: its parameters by name.
        regions: the Functions it carries (control flow).
        type: the type of its result.
        locations: places in the user's source, the first the oldest.
    """

    __slots__ = ("attributes", "locations", "op", "operands", "regions", "type")

    def __init__(
        self,
        op: type[Op],
        operands: tuple[Value, ...],
        attributes: Mapping[str, Any],
        regions: tuple[Function, ...],
        type_: Type,
        locations: tuple[Location, ...] = (),
    ) -> None:
        self.op = op
        self.operands = operands
        self.attributes = attributes
        self.regions = regions
        self.type = type_
        self.locations = locations

    @property
    def dtype(self) -> Dtype:
        """The dtype of a Value that is an array."""
        return self.tensor.dtype

    @property
    def shape(self) -> tuple[Size, ...]:
        """The shape of a Value that is an array."""
        return self.tensor.shape

    @property
    def tensor(self) -> TensorType:
        """The type of a Value that is an array."""
        assert isinstance(self.type, TensorType), self.type
        return self.type

    @property
    def loc(self) -> Location | None:
        """The first of the Value's places."""
        return self.locations[0] if self.locations else None

    def is_op(self, name: str) -> bool:
        """Whether the Value's op has this name."""
        return self.op.name == name

    def __repr__(self) -> str:
        return f"<{self.op.name} : {self.type}>"


class Function:
    """A graph: parameters, results, and the Values between them.

    Attributes:
        name: as it prints.
        parameters: the array and float parameters, as Values of op ``parameter``.
        integers: the names of the symbols that are integer arguments.
        results: what it returns.
        effects: the last token of each chain of effects, kept though no result
            reads it.
        guards: what must hold of sizes and numbers for this graph to serve.

    Every axis of a parameter is a symbol of its own or a constant; guards say
    which symbols are equal, and the Values are written in what then remains.
    """

    __slots__ = (
        "_facts", "_key", "_region_key", "_values",
        "effects", "guards", "integers", "name", "parameters", "results",
        "settled_form",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        parameters: tuple[Value, ...],
        results: tuple[Value, ...],
        *,
        integers: tuple[str, ...] = (),
        effects: tuple[Value, ...] = (),
        guards: tuple[Guard, ...] = (),
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.results = results
        self.integers = integers
        self.effects = effects
        self.guards = guards
        self._values: tuple[Value, ...] | None = None
        self._facts: Facts | None = None
        self._key: str | None = None
        self._region_key: str | None = None
        # The form of sizes (``Facts.form``) in which this region is known to be.
        self.settled_form: object = None

    @property
    def values(self) -> tuple[Value, ...]:
        """All Values that results and effects reach, operands first.

        Parameters are not among them. The order depends on the graph alone.
        """
        if self._values is None:
            self._values = _topological_order(
                self.results + self.effects, self.parameters
            )
        return self._values

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of all symbols that parameters declare, in order."""
        return tuple(self.facts.order)

    @property
    def facts(self) -> Facts:
        """What is known of the symbols. Not to be changed: take a copy."""
        if self._facts is None:
            facts = Facts()
            declare_symbols(facts, (p.type for p in self.parameters), self.integers)
            for name in bound_symbols(self):
                facts.declare(name, 0)
            for guard in self.guards:
                facts.add(guard)
            self._facts = facts
        return self._facts

    @property
    def type(self) -> tuple[tuple[Type, ...], tuple[Type, ...]]:
        """Parameter types and result types."""
        return (
            tuple(p.type for p in self.parameters),
            tuple(r.type for r in self.results),
        )

    @property
    def key(self) -> str:
        """Text that is equal for Functions that are equal up to names."""
        if self._key is None:
            from penstock.ir.graph.text_print import print_function

            self._key = print_function(self, canonical=True)
        return self._key

    @property
    def region_key(self) -> str:
        """Text that is equal for regions that are equal up to parameter names.

        Unlike in ``key``, symbols keep their names: they belong to the Function
        around the region.
        """
        if self._region_key is None:
            from penstock.ir.graph.text_print import print_region

            self._region_key = print_region(self)
        return self._region_key

    def uses(self) -> dict[Value, list[Value]]:
        """For each Value and parameter, the Values that read it, in order."""
        users: dict[Value, list[Value]] = {p: [] for p in self.parameters}
        for value in self.values:
            users[value] = []
            for operand in dict.fromkeys(value.operands):
                users[operand].append(value)
        return users

    def __str__(self) -> str:
        from penstock.ir.graph.text_print import print_function

        return print_function(self)

    def __repr__(self) -> str:
        return f"<Function {self.name}: {len(self.values)} values>"


def declare_symbols(
    facts: Facts, types: Iterable[Type], integers: Iterable[str]
) -> None:
    """Declare the symbols of parameters: sizes first, then integer arguments."""
    from penstock.ir.dims import symbols_of

    for type_ in types:
        if isinstance(type_, TensorType):
            for size in type_.shape:
                for name in symbols_of(size):
                    if name not in facts.order:
                        facts.declare(name, 0)
    for name in integers:
        if name not in facts.order:
            facts.declare(name, None)


def bound_symbols(function: Function) -> Iterator[str]:
    """The symbols that are born within a Function, while it runs."""
    for value in function.values:
        if value.is_op("bind"):
            yield str(value.attributes["symbol"])
        for region in value.regions:
            yield from bound_symbols(region)


def _topological_order(
    roots: tuple[Value, ...], parameters: tuple[Value, ...]
) -> tuple[Value, ...]:
    """Depth-first postorder without recursion: graphs may be thousands deep."""
    done: set[Value] = set(parameters)
    order: list[Value] = []
    for root in roots:
        stack: list[tuple[Value, int]] = [(root, 0)]
        while stack:
            value, position = stack.pop()
            if value in done:
                continue
            operands = value.operands
            while position < len(operands) and operands[position] in done:
                position += 1
            if position < len(operands):
                stack.append((value, position + 1))
                stack.append((operands[position], 0))
            else:
                done.add(value)
                order.append(value)
    return tuple(order)


class Builder:
    """Makes the Values of one Function, each distinct Value once.

    Args:
        facts: what is known of sizes. The builder reads them at each call, so a
            tracer may add guards while it builds.
        outer: of the Function around a region, whose Values serve the region too.

    Example:
        >>> from penstock.ir.types import TensorType, f32
        >>> builder = Builder()
        >>> x = builder.parameter("x", TensorType(f32, (4,)))
        >>> y = builder.add("mul", x, x)
        >>> y is builder.add("mul", x, x)
        True
    """

    def __init__(
        self, facts: Facts | None = None, outer: Builder | None = None
    ) -> None:
        self.facts = Facts() if facts is None else facts
        self.outer = outer
        self._interned: dict[Hashable, Value] = {}

    @property
    def made(self) -> Iterable[Value]:
        """All Values that it has made, but for parameters."""
        return self._interned.values()

    def parameter(
        self, name: str, type_: Type, locations: tuple[Location, ...] = ()
    ) -> Value:
        """A new parameter; parameters are never merged."""
        attributes = MappingProxyType({"name": name})
        return Value(op_named("parameter"), (), attributes, (), type_, locations)

    def add(
        self,
        op: type[Op] | str,
        *operands: Value,
        locations: tuple[Location, ...] = (),
        regions: tuple[Function, ...] = (),
        **attributes: Any,
    ) -> Value:
        """The Value of an op on operands, new or already there.

        Args:
            op: the op or its name.
            operands: Values of this Function.
            locations: places in the user's source that compute it.
            regions: the Functions that the op carries.
            attributes: each attribute that the op names.

        Raises:
            PenstockError: the operands do not fit, at the first location.
        """
        if isinstance(op, str):
            op = op_named(op)
        normalize = self.facts.normalize
        if self.facts.replacements:
            attributes = {
                name: map_sizes(attribute, normalize)
                for name, attribute in attributes.items()
            }
            regions = self._settled(regions)
        ordered = {name: attributes[name] for name in op.attributes}
        assert len(ordered) == len(attributes), (op.name, attributes)
        frozen = MappingProxyType(ordered) if ordered else _NO_ATTRIBUTES
        return self._intern(op, operands, frozen, regions, locations, None)

    def _intern(
        self,
        op: type[Op],
        operands: tuple[Value, ...],
        attributes: Mapping[str, Any],
        regions: tuple[Function, ...],
        locations: tuple[Location, ...],
        type_: Type | None,
    ) -> Value:
        """The Value of normalized attributes; a type given is not inferred."""
        key = (
            op.name,
            operands,
            tuple([attribute_key(attribute) for attribute in attributes.values()]),
            tuple([region.region_key for region in regions]),
        )
        builder: Builder | None = self
        while builder is not None:
            found = builder._interned.get(key)  # noqa: SLF001
            if found is not None:
                if locations:
                    merge_locations(found, locations)
                return found
            builder = builder.outer
        if type_ is None:
            type_ = self._infer(op, operands, attributes, regions, locations)
        value = Value(op, operands, attributes, regions, type_, locations)
        self._interned[key] = value
        return value

    def _infer(
        self,
        op: type[Op],
        operands: tuple[Value, ...],
        attributes: Mapping[str, Any],
        regions: tuple[Function, ...],
        locations: tuple[Location, ...],
    ) -> Type:
        normalize_type = self.facts.normalize_type
        types = [normalize_type(operand.type) for operand in operands]
        try:
            if regions:
                return op.infer_region_type(types, attributes, regions)
            return op.infer_type(types, attributes)
        except TypeRuleError as error:
            raise error.at(locations[0] if locations else None) from None

    def constant(
        self, array: Any, dtype: Dtype, locations: tuple[Location, ...] = ()
    ) -> Value:
        """A constant array (or scalar) of a dtype."""
        # What is beyond the dtype becomes inf, as it does when a program runs.
        with np.errstate(over="ignore", invalid="ignore"):
            constant = Constant(np.asarray(array, dtype=dtype.numpy))
        return self.add("const", locations=locations, value=constant)

    def results(self, value: Value) -> list[Value]:
        """All results of a Value that may have several."""
        if not isinstance(value.type, TupleType):
            return [value]
        return [
            self.add("get", value, locations=value.locations, index=index)
            for index in range(len(value.type.elements))
        ]

    def rebuild(
        self,
        value: Value,
        operands: Sequence[Value],
        regions: tuple[Function, ...] | None = None,
    ) -> Value:
        """The same op on other operands, with the same regions or others."""
        operands = tuple(operands)
        attributes = value.attributes
        regions = self._settled(value.regions if regions is None else regions)
        if attributes and self.facts.replacements:
            attributes = MappingProxyType({
                name: map_sizes(attribute, self.facts.normalize)
                for name, attribute in attributes.items()
            })  # fmt: skip
        # Where the operands' types are what they were, inferring is waste.
        type_ = value.type if self._is_normal(value.type) else None
        if regions != value.regions:
            type_ = None
        for new, old in zip(operands, value.operands, strict=True):
            if new.type is not old.type and not self._same_type(new, old):
                type_ = None
        return self._intern(
            value.op, operands, attributes, regions, value.locations, type_
        )

    def _settled(self, regions: tuple[Function, ...]) -> tuple[Function, ...]:
        """Regions in the sizes that the facts give by now."""
        if not regions or not self.facts.replacements:
            return regions
        from penstock.ir.graph.settle import settled

        return tuple(settled(r, self.facts, is_region=True) for r in regions)

    def _is_normal(self, type_: Type) -> bool:
        normal = self.facts.normalize_type(type_)
        return normal is type_ or normal == type_

    def _same_type(self, left: Value, right: Value) -> bool:
        normalize_type = self.facts.normalize_type
        return normalize_type(left.type) == normalize_type(right.type)


def merge_locations(value: Value, locations: tuple[Location, ...]) -> None:
    """Record further places that compute this Value."""
    new = tuple(loc for loc in locations if loc not in value.locations)
    if new:
        value.locations = value.locations + new
