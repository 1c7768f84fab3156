"""Values with operators, for writing rules: ``1 - y * y``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.ir.attributes import Constant
from penstock.ir.dims import Size
from penstock.ir.graph.value import Builder, Value
from penstock.ir.location import Location
from penstock.ir.types import Dtype, TensorType

__all__ = ["Expression"]


class Expression:
    """A Value together with the Builder that rules extend.

    Python numbers become constants of the other operand's dtype; operands
    broadcast as in NumPy. Dtypes are never converted silently.

    Args:
        builder: of the Function that is extended.
        value: the Value.
        locations: the user's lines for what is made of it; the Value's by default.
    """

    __slots__ = ("builder", "locations", "value")

    def __init__(
        self,
        builder: Builder,
        value: Value,
        locations: tuple[Location, ...] | None = None,
    ) -> None:
        self.builder = builder
        self.value = value
        # Where Values made from this one belong in the user's source.
        self.locations = value.locations if locations is None else locations

    @property
    def type(self) -> TensorType:
        """The type, with sizes normalized."""
        type_ = self.builder.facts.normalize_type(self.value.type)
        assert isinstance(type_, TensorType)
        return type_

    @property
    def dtype(self) -> Dtype:
        """The dtype."""
        return self.type.dtype

    @property
    def shape(self) -> tuple[Size, ...]:
        """The shape."""
        return self.type.shape

    @property
    def number(self) -> float | None:
        """The one number that all elements are, if that is known."""
        value = self.value
        while value.op.name in ("reshape", "broadcast_to", "slice", "transpose"):
            (value,) = value.operands
        if not value.is_op("const"):
            return None
        constant = value.attributes["value"]
        assert isinstance(constant, Constant)
        return float(constant.array.item()) if constant.array.size == 1 else None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return self.type.rank

    def constant(self, number: Any, dtype: Dtype | None = None) -> Expression:
        """A number of this (or the given) dtype."""
        value = self.builder.constant(
            number, dtype or self.dtype, locations=self.locations
        )
        return Expression(self.builder, value, self.locations)

    def apply(
        self, op: str, *others: Expression | float, **attributes: Any
    ) -> Expression:
        """An op with this as its first operand."""
        operands = [self.value]
        for other in others:
            if not isinstance(other, Expression):
                other = self.constant(other)
            operands.append(other.value)
        value = self.builder.add(op, *operands, locations=self.locations, **attributes)
        return Expression(self.builder, value, self.locations)

    def __add__(self, other: Expression | float) -> Expression:
        return self.apply("add", other)

    def __radd__(self, other: float) -> Expression:
        return self.apply("add", other)

    def __sub__(self, other: Expression | float) -> Expression:
        return self.apply("sub", other)

    def __rsub__(self, other: float) -> Expression:
        return self.constant(other).apply("sub", self)

    def __mul__(self, other: Expression | float) -> Expression:
        return self.apply("mul", other)

    def __rmul__(self, other: float) -> Expression:
        return self.apply("mul", other)

    def __truediv__(self, other: Expression | float) -> Expression:
        return self.apply("div", other)

    def __rtruediv__(self, other: float) -> Expression:
        return self.constant(other).apply("div", self)

    def __neg__(self) -> Expression:
        return self.apply("neg")

    def __pow__(self, other: Expression | float) -> Expression:
        return self.apply("pow", other)

    def reshape(self, shape: Sequence[Size]) -> Expression:
        """The elements in another shape."""
        shape = tuple(shape)
        return self if shape == self.shape else self.apply("reshape", shape=shape)

    def transpose(self, permutation: Sequence[int]) -> Expression:
        """The axes in another order."""
        return self.apply("transpose", permutation=tuple(permutation))

    def broadcast_to(self, shape: Sequence[Size]) -> Expression:
        """The elements repeated along new and size-1 axes."""
        shape = tuple(shape)
        return self if shape == self.shape else self.apply("broadcast_to", shape=shape)

    def sum(self, axes: Sequence[int], keepdims: bool = False) -> Expression:
        """The sum over axes."""
        return self.apply("sum", axes=tuple(axes), keepdims=keepdims)

    def astype(self, dtype: Dtype) -> Expression:
        """The elements in another dtype."""
        return self if dtype is self.dtype else self.apply("astype", dtype=dtype)

    def move_axis(self, source: int, destination: int) -> Expression:
        """One axis at another place."""
        order = [axis for axis in range(self.rank) if axis != source]
        order.insert(destination, source)
        return self if order == sorted(order) else self.transpose(order)
