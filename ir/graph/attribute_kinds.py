"""What the attributes of each name may be, wherever they occur."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penstock.ir.attributes import Attribute, Constant
from penstock.ir.dims import Dim
from penstock.ir.errors import TypeRuleError, VerifyError
from penstock.ir.op import Op
from penstock.ir.types import Dtype, TensorType, TupleType, Type

__all__ = ["check_attributes", "check_sizes", "kind_of"]


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


_Kind = tuple[Callable[[Any], bool], str]
_INTEGER: _Kind = (_is_integer, "an integer")
_SIZE: _Kind = (_is_size, "a size")
_INTEGERS: _Kind = (_are_integers, "a tuple of integers")
_SIZES: _Kind = (_are_sizes, "a tuple of sizes")
_MAPS: _Kind = (_are_maps, "a tuple of tuples of integers and none")
_BOOL: _Kind = (_is(bool), "a bool")
_TEXT: _Kind = (_is(str), "a string")
_DTYPE: _Kind = (_is(Dtype), "a dtype")
_CONSTANT: _Kind = (_is(Constant), "a constant")

# Names mean the same in all ops, but for those in _OF_OP. A test holds that the
# attributes of every op are here.
_KINDS: Mapping[str, _Kind] = {
    "axes": _INTEGERS, "wrt": _INTEGERS, "of": _INTEGERS,
    "permutation": _INTEGERS,
    "axis": _INTEGER, "index": _INTEGER, "serial": _INTEGER, "groups": _INTEGER,
    "half": _INTEGER,
    "count": _INTEGER, "order": _INTEGER, "batch_axes": _INTEGER,
    "shape": _SIZES, "start": _SIZES, "step": _SIZES, "size": _SIZES,
    "low": _SIZES, "high": _SIZES, "stride": _SIZES, "dilation": _SIZES,
    "trip": _SIZE, "length": _SIZE, "symbol": (_is(Dim), "a new symbol"),
    "carried": _INTEGER, "sliced": _INTEGER, "reverse": _BOOL,
    "loops": _SIZES, "inner": _INTEGERS, "results": _MAPS, "reductions": _MAPS,
    "keepdims": _BOOL, "dtype": _DTYPE, "value": _CONSTANT,
    "name": _TEXT, "text": _TEXT, "spec": _TEXT, "kind": _TEXT,
    "side": _TEXT,
}  # fmt: skip
_OF_OP: Mapping[tuple[str, str], _Kind] = {
    ("dim", "size"): _SIZE,
    ("vmap", "axes"): (_are_axes, "a tuple of integers and none"),
    ("vmap", "size"): _SIZE,
}


def kind_of(op: type[Op], name: str) -> _Kind | None:
    """What an attribute of an op may be: a test of it, and what messages call it."""
    return _OF_OP.get((op.name, name)) or _KINDS.get(name)


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
