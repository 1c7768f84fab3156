"""What attributes may be: kinds for ops to state, and those of names in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from penstock.ir.attributes import Attribute, Constant
from penstock.ir.dims import Dim
from penstock.ir.errors import TypeRuleError, VerifyError
from penstock.ir.types import Dtype, TensorType, TupleType, Type

if TYPE_CHECKING:
    from penstock.ir.op import Op

__all__ = [
    "INTEGER",
    "OPTIONAL_AXES",
    "SIZE",
    "AttributeKind",
    "check_attributes",
    "check_sizes",
    "kind_of",
]


def _is_integer(attribute: Any) -> bool:
    return isinstance(attribute, int) and not isinstance(attribute, bool)


def _is_size(attribute: Any) -> bool:
    return isinstance(attribute, Dim) or _is_integer(attribute)


def _are_integers(attribute: Any) -> bool:
    return isinstance(attribute, tuple) and all(map(_is_integer, attribute))


def _are_sizes(attribute: Any) -> bool:
    return isinstance(attribute, tuple) and all(map(_is_size, attribute))


def _are_maps(attribute: Any) -> bool:
    """For each of several arrays, the number of the loop along each of its axes."""
    return isinstance(attribute, tuple) and all(map(_are_axes, attribute))


def _are_axes(attribute: Any) -> bool:
    return isinstance(attribute, tuple) and all(
        axis is None or _is_integer(axis) for axis in attribute
    )


def _is(*classes: type) -> Callable[[Any], bool]:
    return lambda attribute: isinstance(attribute, classes)


AttributeKind = tuple[Callable[[Any], bool], str]
INTEGER: AttributeKind = (_is_integer, "an integer")
SIZE: AttributeKind = (_is_size, "a size")
INTEGERS: AttributeKind = (_are_integers, "a tuple of integers")
SIZES: AttributeKind = (_are_sizes, "a tuple of sizes")
MAPS: AttributeKind = (_are_maps, "a tuple of tuples of integers and none")
BOOL: AttributeKind = (_is(bool), "a bool")
TEXT: AttributeKind = (_is(str), "a string")
DTYPE: AttributeKind = (_is(Dtype), "a dtype")
CONSTANT: AttributeKind = (_is(Constant), "a constant")

OPTIONAL_AXES: AttributeKind = (_are_axes, "a tuple of integers and none")

# What names mean that several ops have; an op states the others itself.
_KINDS: Mapping[str, AttributeKind] = {
    "axes": INTEGERS, "wrt": INTEGERS, "of": INTEGERS,
    "permutation": INTEGERS,
    "axis": INTEGER, "index": INTEGER, "serial": INTEGER, "groups": INTEGER,
    "count": INTEGER, "order": INTEGER, "batch_axes": INTEGER,
    "shape": SIZES, "start": SIZES, "step": SIZES, "size": SIZES,
    "low": SIZES, "high": SIZES, "stride": SIZES, "dilation": SIZES,
    "trip": SIZE, "symbol": (_is(Dim), "a new symbol"),
    "carried": INTEGER, "sliced": INTEGER, "reverse": BOOL,
    "loops": SIZES, "inner": INTEGERS, "results": MAPS, "reductions": MAPS,
    "keepdims": BOOL, "partial": BOOL, "dtype": DTYPE, "value": CONSTANT,
    "name": TEXT, "text": TEXT, "spec": TEXT, "kind": TEXT,
    "side": TEXT, "code": TEXT,
}  # fmt: skip


def kind_of(op: type[Op], name: str) -> AttributeKind | None:
    """What an attribute of an op may be: a test of it, and what messages call it."""
    return op.attribute_kinds.get(name) or _KINDS.get(name)


def check_attributes(op: type[Op], attributes: Mapping[str, Attribute]) -> None:
    """Raise a TypeRuleError unless an op has its attributes, each of its kind."""
    if set(attributes) != set(op.attributes):
        expected = ", ".join(op.attributes) or "none"
        have = ", ".join(attributes) or "none"
        raise TypeRuleError(
            f"{op.name}: has the attributes {have}, but must have {expected}",
            kind=VerifyError,
        )
    for name, attribute in attributes.items():
        kind = kind_of(op, name)
        if kind is not None and not kind[0](attribute):
            raise TypeRuleError(
                f"{op.name}: {name} is {attribute!r}, but must be {kind[1]}",
                kind=VerifyError,
            )


def check_sizes(name: str, type_: Type) -> None:
    """Raise a TypeRuleError if a type has a negative size."""
    if isinstance(type_, TupleType):
        for element in type_.elements:
            check_sizes(name, element)
    elif isinstance(type_, TensorType) and any(
        isinstance(size, int) and size < 0 for size in type_.shape
    ):
        raise TypeRuleError(f"{name}: {type_} has a negative size", kind=VerifyError)
