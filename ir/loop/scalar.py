"""Scalar functions by name, for the lowering rules of ops: ``scalar.tanh(x)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.ir.loop.node import Let, Scalar
from penstock.ir.types import Dtype

__all__ = ["bitcast", "constant_value", "convert", "primitive", "select"]


def primitive(name: str) -> Callable[..., Scalar]:
    """The function that applies a primitive to Scalars of one Kernel."""

    def apply(*operands: Scalar) -> Scalar:
        builder = operands[0].builder
        assert builder is not None
        return builder.apply(name, *operands)

    apply.__name__ = name
    return apply


def select(condition: Scalar, yes: Scalar, no: Scalar) -> Scalar:
    """One number or the other."""
    assert condition.builder is not None
    return condition.builder.select(condition, yes, no)


def convert(x: Scalar, dtype: Dtype) -> Scalar:
    """The number in another dtype, as ``astype``."""
    assert x.builder is not None
    return x.builder.convert(x, dtype)


def bitcast(x: Scalar, dtype: Dtype) -> Scalar:
    """The number that the same bits are in another dtype of that size."""
    assert x.builder is not None
    return x.builder.apply("bitcast", x, dtype=dtype)


def constant_value(x: Scalar) -> Any:
    """The number that a Scalar is, or ``None`` if that is known only at run time."""
    definition = x.definition
    if isinstance(definition, Let) and definition.primitive == "const":
        return definition.value
    return None
