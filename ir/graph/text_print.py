"""Functions as text: the one form that prints, parses and is tested.

    func @scale(%x: f32[n,1024], k: int) -> f32[n,1024] where n >= 2 {
      %0 = const 0.5 : f32[]                        # model.py:12:9
      %1 = mul %x, %0 : f32[n,1024]                 # model.py:12:9
      return %1
    }

The grammar is described in ``text_parse``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring_ascii as _quoted

from penstock.ir.attributes import Attribute, Constant
from penstock.ir.dims import Dim, Size, substitute_dim, symbol
from penstock.ir.graph.literal import format_constant, format_real
from penstock.ir.graph.value import Function, Value
from penstock.ir.guards import Facts
from penstock.ir.text import (
    format_guard,
    format_places,
    printable_function_name,
    printable_name,
    printable_symbols,
)
from penstock.ir.types import Type, dtype_of

__all__ = [
    "format_attribute",
    "print_function",
    "print_region",
    "print_value",
]

_COMMENT_COLUMN = 46
_NO_FACTS = Facts()


def print_function(
    function: Function, *, canonical: bool = False, locations: bool = True
) -> str:
    """The text of a Function.

    Args:
        function: what to print. Values that nothing reaches are not in it.
        canonical: leave locations out and rename the Function, its parameters and
            its symbols, so that Functions equal up to names print the same.
        locations: end the line of each Value with its places in the source.

    Example:
        >>> from penstock.ir.graph.value import Builder
        >>> from penstock.ir.types import TensorType, f32
        >>> builder = Builder()
        >>> x = builder.parameter("x", TensorType(f32, (4,)))
        >>> print(print_function(Function("f", (x,), (builder.add("exp", x),))))
        func @f(%x: f32[4]) -> f32[4] {
          %0 = exp %x : f32[4]
          return %0
        }
    """
    printer = _Printer(function, canonical, locations and not canonical)
    return printer.outermost(function)


def print_region(function: Function) -> str:
    """Text that is equal for regions equal up to the names of parameters.

    Symbols keep their names: they are those of the Function around the region.
    """
    printer = _Printer(None, True, False, keyed=True)
    printer.region("", function, "")
    return "\n".join(printer.lines)


def print_value(function: Function, value: Value) -> str:
    """The line of one Value, numbered as in its Function's text."""
    printer = _Printer(function, False, False)
    printer.outermost(function)
    if value not in printer.names:
        return repr(value)
    printer.lines.clear()
    printer.value(value, printer.names[value], "")
    return printer.lines[0].removesuffix(" {")


class _Printer:
    """Prints one outermost Function (or region) and numbers what is within."""

    def __init__(
        self,
        function: Function | None,
        canonical: bool,
        locations: bool,
        keyed: bool = False,
    ) -> None:
        self.canonical = canonical
        # Whether regions within stand there by their keys, which they keep.
        self.keyed = keyed
        self.locations = locations
        self.facts = _NO_FACTS if function is None else function.facts
        self.names: dict[Value, str] = {}
        self.lines: list[str] = []
        self.count = 0
        self.renamed: Mapping[str, Size] = {}
        self.parameter_names: dict[str, str] = {}
        self._types: dict[Type, str] = {}

    def outermost(self, function: Function) -> str:
        self.renamed = self._rename_symbols(function)
        arguments = self._name_parameters(function)
        results = self._result_types(function)
        name = "f" if self.canonical else printable_function_name(function.name)
        where = ", ".join(
            format_guard(guard, self.renamed, self.parameter_names)
            for guard in function.guards
        )
        if where:
            where = f" where {where}"
        self.lines.append(f"func @{name}({arguments}) -> {results}{where} {{")
        self._body(function, "  ")
        self.lines.append("}")
        return "\n".join(self.lines)

    def _rename_symbols(self, function: Function) -> Mapping[str, Size]:
        """New names for all symbols, or only for those that the text cannot hold."""
        if self.canonical:
            return {
                name: symbol(f"s{index}") for index, name in enumerate(function.symbols)
            }
        return printable_symbols(function.symbols)

    def _name_parameters(self, function: Function) -> str:
        taken: set[str] = set()
        arguments = []
        for index, parameter in enumerate(function.parameters):
            own = str(parameter.attributes.get("name", ""))
            name = f"p{index}" if self.canonical else printable_name(own, "p", taken)
            self.parameter_names.setdefault(own, name)
            self.names[parameter] = f"%{name}"
            type_ = parameter.type.substitute(self.renamed)
            arguments.append(f"%{name}: {type_}")
        arguments += [f"{self.renamed.get(n, n)}: int" for n in function.integers]
        return ", ".join(arguments)

    def _result_types(self, function: Function) -> str:
        types = [self._type(result.type) for result in function.results]
        return types[0] if len(types) == 1 else f"({', '.join(types)})"

    def _type(self, type_: Type) -> str:
        text = self._types.get(type_)
        if text is None:
            normal = self.facts.normalize_type(type_)
            text = self._types[type_] = str(normal.substitute(self.renamed))
        return text

    def _size(self, size: Size) -> Size:
        size = self.facts.normalize(size)
        return substitute_dim(size, self.renamed) if self.renamed else size

    def _body(self, function: Function, indent: str) -> None:
        names = self.names
        for value in function.values:
            name = names[value] = f"%{self.count}"
            self.count += 1
            self.value(value, name, indent)
        self._roots("return", function.results, indent)
        if function.effects:
            self._roots("effects", function.effects, indent)

    def _roots(self, word: str, values: Iterable[Value], indent: str) -> None:
        operands = ", ".join(self.names[value] for value in values)
        self.lines.append(f"{indent}{word} {operands}".rstrip())

    def value(self, value: Value, name: str, indent: str) -> None:
        parts = [f"{indent}{name} = {value.op.name}"]
        operands = ", ".join([self.names[operand] for operand in value.operands])
        attributes = value.attributes
        constant = attributes.get("value") if value.op.name == "const" else None
        if isinstance(constant, Constant):
            operands = format_constant(constant.array)
            attributes = {}
        if operands:
            parts.append(operands)
        if attributes:
            listed = [f"{key}={self._attribute(a)}" for key, a in attributes.items()]
            parts.append(f"{{{', '.join(listed)}}}")
        parts.append(f": {self._type(value.type)}")
        if value.regions:
            parts.append("{")
        line = " ".join(parts)
        if self.locations and value.locations:
            places = format_places(value.locations)
            line = f"{line.ljust(_COMMENT_COLUMN)} # {places}"
        self.lines.append(line)
        if value.regions and self.keyed:
            self.lines += [region.region_key for region in value.regions]
        elif value.regions:
            for position, region in enumerate(value.regions):
                labels = value.op.region_names[position:]
                self.region(labels[0] if labels else "region", region, indent + "  ")
        if value.regions:
            self.lines.append(f"{indent}}}")

    def region(self, label: str, region: Function, indent: str) -> None:
        arguments = []
        for parameter in region.parameters:
            name = self.names[parameter] = f"%{self.count}"
            self.count += 1
            arguments.append(f"{name}: {self._type(parameter.type)}")
        results = self._result_types(region)
        self.lines.append(f"{indent}{label}({', '.join(arguments)}) -> {results} {{")
        self._body(region, indent + "  ")
        self.lines.append(f"{indent}}}")

    def _attribute(self, attribute: Attribute) -> str:
        if isinstance(attribute, Dim):
            return str(self._size(attribute))
        if isinstance(attribute, tuple):
            items = [self._attribute(item) for item in attribute]
            return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
        return format_attribute(attribute)


def format_attribute(attribute: Attribute) -> str:
    """An attribute that is no size and no tuple, as text."""
    if attribute is None:
        return "none"
    if isinstance(attribute, bool):
        return "true" if attribute else "false"
    if isinstance(attribute, float):
        return format_real(attribute)
    if isinstance(attribute, str):
        return _quoted(attribute)
    if isinstance(attribute, Constant):
        shape = ",".join(map(str, attribute.array.shape))
        dtype = dtype_of(attribute.array.dtype)
        return f"{dtype}[{shape}] {format_constant(attribute.array)}"
    return str(attribute)
