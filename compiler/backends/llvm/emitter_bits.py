"""Comparison, choice and bit operations."""

from __future__ import annotations

import math

from penstock.backends.llvm.emitter_control import ControlEmitter
from penstock.backends.llvm.emitter_core import Value
from penstock.backends.llvm.operand import (
    BITS,
    FLOATS,
    HALVES,
    Operand,
    half_bits,
    type_text,
)

_COMPARISONS = {
    # name: floats, signed integers, unsigned integers
    "eq": ("oeq", "eq", "eq"),
    "ne": ("une", "ne", "ne"),
    "lt": ("olt", "slt", "ult"),
    "le": ("ole", "sle", "ule"),
    "gt": ("ogt", "sgt", "ugt"),
    "ge": ("oge", "sge", "uge"),
}


class BitsEmitter(ControlEmitter):
    """Operations that need no conversion. Numbers among the operands become constants.

    Comparisons give ``i1``. Integers carry no sign; ``signed`` says how to read them.
    """

    def compare(
        self, relation: str, a: Value, b: Value, *, signed: bool = True
    ) -> Operand:
        """Compare by ``eq ne lt le gt ge``. With a nan only ``ne`` is true."""
        x, y = self.operands(a, b)
        names = _COMPARISONS[relation]
        kind = type_text(x.element, x.width)
        if x.element in FLOATS:
            text = f"fcmp {names[0]} {kind} {x.text}, {y.text}"
        else:
            # False < True, though as a signed integer of one bit True is -1.
            name = names[1] if signed and x.element != "i1" else names[2]
            text = f"icmp {name} {kind} {x.text}, {y.text}"
        return self.instruction(text, "i1", x.width)

    def eq(self, a: Value, b: Value) -> Operand:
        """a == b."""
        return self.compare("eq", a, b)

    def ne(self, a: Value, b: Value) -> Operand:
        """a != b."""
        return self.compare("ne", a, b)

    def lt(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """a < b."""
        return self.compare("lt", a, b, signed=signed)

    def le(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """a <= b."""
        return self.compare("le", a, b, signed=signed)

    def gt(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """a > b."""
        return self.compare("gt", a, b, signed=signed)

    def ge(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """a >= b."""
        return self.compare("ge", a, b, signed=signed)

    def is_nan(self, a: Operand) -> Operand:
        """Whether a float is nan."""
        if a.element in HALVES:
            magnitude = self.bit_and(Operand(a.text, "i16", a.width), 0x7FFF)
            return self.gt(magnitude, half_bits(math.inf, a.element))
        return self.instruction(f"fcmp uno {a.typed}, {a.text}", "i1", a.width)

    def select(self, condition: Operand, a: Value, b: Value) -> Operand:
        """``a`` where the condition holds, else ``b``.

        Args:
            condition: ``i1`` of the operands' width, or scalar to choose a whole
                vector.
            a: chosen where it is true.
            b: chosen where it is false.
        """
        x, y = self.operands(a, b)
        return self.instruction(
            f"select {condition.typed}, {x.typed}, {y.typed}", x.element, x.width
        )

    def bit_and(self, a: Value, b: Value) -> Operand:
        """a & b of integers or ``i1``."""
        return self.binary("and", a, b)

    def bit_or(self, a: Value, b: Value) -> Operand:
        """a | b of integers or ``i1``."""
        return self.binary("or", a, b)

    def bit_xor(self, a: Value, b: Value) -> Operand:
        """a ^ b of integers or ``i1``."""
        return self.binary("xor", a, b)

    def bit_not(self, a: Operand) -> Operand:
        """~a of an integer, not of an ``i1``."""
        return self.bit_xor(a, 1 if a.element == "i1" else -1)

    def shift_left(self, a: Value, b: Value) -> Operand:
        """a << b; 0 where b is negative or at least the number of bits, as NumPy's."""
        x, y = self.operands(a, b)
        bits = BITS[x.element]
        if isinstance(b, int) and 0 <= b < bits:
            return self.binary("shl", x, y)
        # Masked first, so that no lane is poison; LLVM sees that x86 needs no mask.
        shifted = self.binary("shl", x, self.bit_and(y, bits - 1))
        return self.select(self.lt(y, bits, signed=False), shifted, 0)

    def shift_right(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """a >> b; all sign bits (or 0) where b is negative or too large, as NumPy's."""
        x, y = self.operands(a, b)
        bits = BITS[x.element]
        opcode = "ashr" if signed else "lshr"
        if isinstance(b, int) and 0 <= b < bits:
            return self.binary(opcode, x, y)
        if signed:
            fits = self.lt(y, bits, signed=False)
            return self.binary("ashr", x, self.select(fits, y, bits - 1))
        shifted = self.binary("lshr", x, self.bit_and(y, bits - 1))
        return self.select(self.lt(y, bits, signed=False), shifted, 0)

    def population_count(self, a: Operand) -> Operand:
        """The number of bits that are set."""
        return self.intrinsic("ctpop", a)

    def leading_zeros(self, a: Operand) -> Operand:
        """The number of zeros before the first set bit; all bits, of 0."""
        return self.intrinsic("ctlz", a, Operand("false", "i1"))

    def bitcast(self, a: Operand, element: str) -> Operand:
        """The same bits as another element type of the same size."""
        if element == a.element:
            return a
        kind = type_text(element, a.width)
        if kind == type_text(a.element, a.width):
            return Operand(a.text, element, a.width)
        return self.instruction(f"bitcast {a.typed} to {kind}", element, a.width)

    def binary(self, opcode: str, a: Value, b: Value) -> Operand:
        """Append an instruction of two operands of one type that gives that type."""
        x, y = self.operands(a, b)
        kind = type_text(x.element, x.width)
        return self.instruction(f"{opcode} {kind} {x.text}, {y.text}", *x[1:])
