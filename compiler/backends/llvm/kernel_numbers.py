"""Scalars of a Kernel as LLVM values: one for all lanes, evenly growing, or lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.operand import LLVM_TYPES, Operand
from penstock.backends.llvm.primitives import ELEMENTS, emit_primitive
from penstock.backends.llvm.sizes import emit_size
from penstock.ir.dims import Size
from penstock.ir.loop.node import For, Let, Scalar
from penstock.ir.types import Dtype, i64

__all__ = ["Number", "NumberEmitter", "as_signed", "spread"]


@dataclass
class Number:
    """A Scalar while it is emitted.

    Attributes:
        base: its value, or that of the first lane.
        stride: how much it grows from lane to lane; 0 if it is the same in all, and
            ``None`` if it has no such rule: then ``lanes`` holds it.
        lanes: a number of its own for each lane.
    """

    base: Operand | None
    stride: int | Operand | None = 0
    lanes: Operand | None = None

    @property
    def is_uniform(self) -> bool:
        return isinstance(self.stride, int) and self.stride == 0


class NumberEmitter:
    """Emits the Lets of a Kernel.

    Attributes:
        e: where to write.
        numbers: what has been emitted so far.
        symbols: the sizes that the Kernel was given.
        shared: addresses and spread numbers that can be read from here.
        lanes: of the vector loop around what is being emitted; 1 outside of one.
    """

    def __init__(self, e: Emitter) -> None:
        self.e = e
        self.numbers: dict[Scalar, Number] = {}
        self.symbols: dict[str, Operand] = {}
        self.shared: dict[tuple[object, ...], Operand] = {}
        # Keys of `shared` hold the identities of these.
        self.kept: list[Number] = []
        self.lanes = 1

    def size(self, size: Size) -> Operand:
        key = ("size", size)
        if key not in self.shared:
            self.shared[key] = emit_size(self.e, size, self.symbols)
        return self.shared[key]

    def let(self, let: Let) -> None:
        e = self.e
        if let.primitive == "const":
            value = let.value.item() if hasattr(let.value, "item") else let.value
            element = ELEMENTS[let.result.dtype.name]
            number = Number(e.constant(as_signed(value, let.result.dtype), element))
        elif let.primitive == "size":
            number = Number(self.size(let.value))
        else:
            number = self.primitive(let)
        self.numbers[let.result] = number

    def primitive(self, let: Let) -> Number:
        operands = [self.numbers[operand] for operand in let.operands]
        if all(number.is_uniform for number in operands):
            scalars = [self.uniform(number) for number in operands]
            divides = let.primitive in ("floor_divide", "remainder")
            if divides and let.result.dtype is i64:
                return Number(self.quotient_or_rest(let, scalars))
            return Number(self.apply(let, scalars))
        if let.result.dtype is i64:
            affine = self.affine(let, operands)
            if affine is not None:
                return affine
        if let.primitive in _MIRRORED and all(map(_is_index, let.operands)):
            mask = self.affine_comparison(let.primitive, *operands)
            if mask is not None:
                return self.lanes_number(mask)
        lanes = [self.vector(number) for number in operands]
        return self.lanes_number(self.apply(let, lanes))

    def apply(self, let: Let, operands: Sequence[Operand]) -> Operand:
        dtypes = [operand.dtype for operand in let.operands]
        return emit_primitive(self.e, let.primitive, operands, dtypes, let.result.dtype)

    def quotient_or_rest(self, let: Let, operands: Sequence[Operand]) -> Operand:
        """One of the two; the other, which is often wanted too, then costs little."""
        e, (a, b) = self.e, operands
        key = ("quotient", a.text, b.text)
        if let.primitive == "floor_divide":
            found = self.shared[key] = self.apply(let, operands)
            return found
        if key not in self.shared:
            return self.apply(let, operands)
        rest = e.sub(a, e.mul(self.shared[key], b))
        return e.select(e.eq(b, 0), 0, rest)

    def lanes_number(self, vector: Operand) -> Number:
        """A number known lane by lane."""
        if self.lanes == 1:
            return Number(vector)
        return Number(None, None, vector)

    def affine(self, let: Let, operands: Sequence[Number]) -> Number | None:
        """Index arithmetic on numbers that grow evenly from lane to lane."""
        if let.primitive not in ("add", "sub", "mul") or any(
            number.stride is None for number in operands
        ):
            return None
        e = self.e
        a, b = operands
        if let.primitive == "mul":
            if not a.is_uniform and not b.is_uniform:
                return None
            factor, other = (a, b) if a.is_uniform else (b, a)
            stride = self.times(other.stride, self.uniform(factor))
        elif let.primitive == "add":
            stride = self.plus(a.stride, b.stride)
        else:
            stride = self.plus(a.stride, self.times(b.stride, -1))
        assert a.base is not None and b.base is not None
        base = getattr(e, let.primitive)(a.base, b.base)
        return Number(base, stride)

    def affine_comparison(self, relation: str, a: Number, b: Number) -> Operand | None:
        """Compare numbers that grow by one from lane to lane with one for all.

        The lanes up to some lane are on one side. They are found from one subtraction,
        where numbers of 64 bits in all lanes would fill several registers.
        """
        if a.is_uniform:
            a, b, relation = b, a, _MIRRORED[relation]
        if a.stride != 1 or not b.is_uniform or self.lanes == 1:
            return None
        e = self.e
        below = e.sub(self.uniform(b), self.uniform(a))
        if relation in ("less_equal", "greater"):
            below = e.add(below, 1)
        count = e.convert(e.minimum(e.maximum(below, 0), self.lanes), "i32")
        mask = e.first_lanes(count, self.lanes)
        return mask if relation.startswith("less") else e.bit_not(mask)

    def times(self, a: int | Operand | None, b: int | Operand) -> int | Operand:
        assert a is not None
        if isinstance(b, Operand) and b.is_constant:
            b = int(b.text)
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if isinstance(a, int):
            a, b = b, a
        assert isinstance(a, Operand)
        if isinstance(b, int) and b in (0, 1):
            return a if b else 0
        return self.e.mul(a, b)

    def plus(self, a: int | Operand | None, b: int | Operand | None) -> int | Operand:
        assert a is not None and b is not None
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if isinstance(a, int):
            a, b = b, a
        assert isinstance(a, Operand)
        if isinstance(b, int) and b == 0:
            return a
        return self.e.add(a, b)

    def uniform(self, number: Number) -> Operand:
        assert number.base is not None
        return number.base

    def vector(self, number: Number) -> Operand:
        """A number as the lanes of the current vector loop."""
        if self.lanes == 1:
            return self.uniform(number)
        if number.lanes is not None:
            return number.lanes
        base = self.uniform(number)
        if base.element == "i1" and not base.is_constant:
            return self.bool_lanes(number, base)
        key = ("lanes", id(number), self.lanes)
        if key not in self.shared:
            e = self.e
            found = spread(e, base, self.lanes)
            if not number.is_uniform:
                assert number.stride is not None
                found = e.add(found, e.stride_offsets(number.stride, self.lanes))
            self.shared[key] = found
            self.kept.append(number)
        return self.shared[key]

    def bool_lanes(self, number: Number, base: Operand) -> Operand:
        """A bool in all lanes.

        Without mask registers LLVM keeps bools that live across blocks in 16 bits and
        widens them at each use: as numbers as wide as the lanes they wait for nothing.
        """
        e = self.e
        if e.machine.vector_bytes == 64:
            return e.splat(base, self.lanes)
        bits = min(max(8 * e.machine.vector_bytes // self.lanes, 8), 64)
        key = ("mask", id(number), self.lanes)
        if key not in self.shared:
            wide = e.instruction(f"sext {base.typed} to i{bits}", f"i{bits}")
            self.shared[key] = e.splat(wide, self.lanes)
            self.kept.append(number)
        shared = self.shared[key]
        return e.instruction(
            f"icmp ne {shared.typed}, zeroinitializer", "i1", self.lanes
        )


# Relations, and what they are with the sides exchanged.
_MIRRORED = {
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
}


def _is_index(scalar: Scalar, steps: int = 4) -> bool:
    """Whether a number is made of indices and sizes in few steps, and so is small."""
    definition = scalar.definition
    if isinstance(definition, For):
        return scalar is definition.index
    if not isinstance(definition, Let) or scalar.dtype is not i64:
        return False
    if definition.primitive == "const":
        return abs(int(definition.value)) < 1 << 48
    return definition.primitive == "size" or (
        steps > 0
        and definition.primitive in ("add", "sub", "mul", "minimum")
        and all(_is_index(operand, steps - 1) for operand in definition.operands)
    )


def spread(e: Emitter, scalar: Operand, lanes: int) -> Operand:
    """A scalar in all lanes; of a constant, again a constant."""
    if not scalar.is_constant:
        return e.splat(scalar, lanes)
    kind = LLVM_TYPES[scalar.element]
    return Operand(f"splat ({kind} {scalar.text})", scalar.element, lanes)


def as_signed(value: Any, dtype: Dtype) -> Any:
    """Integers of LLVM print as signed numbers of their width."""
    if dtype.kind == "u" and value >= 2 ** (dtype.bits - 1):
        return int(value) - 2**dtype.bits
    return value
