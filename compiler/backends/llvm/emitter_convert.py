"""Conversions between element types, with NumPy's meaning of ``astype``."""

from __future__ import annotations

from penstock.backends.llvm.emitter_bits import BitsEmitter
from penstock.backends.llvm.operand import (
    BITS,
    FLOATS,
    HALVES,
    Operand,
    half_bits,
    type_text,
)


class ConvertEmitter(BitsEmitter):
    """``convert``, and the 16-bit floats that it goes through."""

    def convert(
        self,
        a: Operand,
        element: str,
        *,
        signed: bool = True,
        to_signed: bool = True,
    ) -> Operand:
        """Convert to another element type as ``astype`` does.

        ``i1`` stands for bool: from it True is 1, to it everything but 0 is True. What
        is out of range wraps as it does in NumPy on x86; nothing traps and nothing is
        undefined.

        Args:
            a: the value.
            element: the element type to make.
            signed: whether an integer ``a`` is signed.
            to_signed: whether the integer made is signed; it matters from floats.
        """
        source = a.element
        if source == element:
            return a
        if element == "i1":
            return self._truth(a)
        if source in HALVES:
            wide = self._widen_f16(a) if source == "f16" else self._widen_bf16(a)
            return self.convert(wide, element, to_signed=to_signed)
        if element in HALVES:
            return self._to_half(a, element, signed)
        if source in FLOATS:
            if element in FLOATS:
                opcode = "fpext" if source == "f32" else "fptrunc"
                return self._cast(opcode, a, element)
            return self._float_to_integer(a, element, to_signed)
        if element in FLOATS:
            opcode = "sitofp" if signed and source != "i1" else "uitofp"
            return self._cast(opcode, a, element)
        return self._resize(a, element, signed)

    def _cast(self, opcode: str, a: Operand, element: str) -> Operand:
        kind = type_text(element, a.width)
        return self.instruction(f"{opcode} {a.typed} to {kind}", element, a.width)

    def _truth(self, a: Operand) -> Operand:
        if a.element in HALVES:
            magnitude = self.bit_and(Operand(a.text, "i16", a.width), 0x7FFF)
            return self.ne(magnitude, 0)
        return self.ne(a, 0)

    def _resize(self, a: Operand, element: str, signed: bool) -> Operand:
        if BITS[element] < BITS[a.element]:
            return self._cast("trunc", a, element)
        return self._cast(
            "sext" if signed and a.element != "i1" else "zext", a, element
        )

    def _float_to_integer(self, a: Operand, element: str, signed: bool) -> Operand:
        # x86 gives the least integer for nan and what is out of range, and C's casts
        # to smaller or unsigned types cut that down; NumPy shows the outcome. LLVM
        # calls such results poison, so each is frozen.
        if element in ("i8", "i16"):
            return self._cast("trunc", self._float_to_integer(a, "i32", True), element)
        if signed:
            return self._frozen(self._cast("fptosi", a, element))
        # In two halves; nan falls into the upper one of 32 bits, the lower of 64.
        limit = 2.0 ** (BITS[element] - 1)
        low = self._frozen(self._cast("fptosi", a, element))
        high = self._cast("fptosi", self.binary("fsub", a, limit), element)
        high = self.bit_xor(self._frozen(high), -(2 ** (BITS[element] - 1)))
        if element == "i32":
            return self.select(self.lt(a, limit), low, high)
        return self.select(self.ge(a, limit), high, low)

    def _frozen(self, a: Operand) -> Operand:
        return self.instruction(f"freeze {a.typed}", a.element, a.width)

    def _to_half(self, a: Operand, element: str, signed: bool) -> Operand:
        if element == "f16" and a.element == "f64":
            single = self._round_to_odd(a)
        else:
            single = self.convert(a, "f32", signed=signed)
        if element == "bf16":
            return self._narrow_bf16(single)
        if not self.machine.has_half:
            return self._narrow_f16_by_bits(single)
        kind = f"<{a.width} x half>" if a.width > 1 else "half"
        half = self.instruction(f"fptrunc {single.typed} to {kind}", "f16", a.width)
        bits = type_text("i16", a.width)
        return self.instruction(f"bitcast {kind} {half.text} to {bits}", "f16", a.width)

    def _widen_f16(self, a: Operand) -> Operand:
        if not self.machine.has_half:
            return self._widen_f16_by_bits(a)
        kind = f"<{a.width} x half>" if a.width > 1 else "half"
        half = self.instruction(f"bitcast {a.typed} to {kind}", "f16", a.width)
        single = type_text("f32", a.width)
        return self.instruction(f"fpext {kind} {half.text} to {single}", "f32", a.width)

    def _widen_bf16(self, a: Operand) -> Operand:
        bits = self._cast("zext", Operand(a.text, "i16", a.width), "i32")
        return self.bitcast(self.shift_left(bits, 16), "f32")

    def _narrow_bf16(self, a: Operand) -> Operand:
        """To nearest, ties to even; a nan stays quiet, with its sign."""
        bits = self.bitcast(a, "i32")
        odd = self.bit_and(self.shift_right(bits, 16, signed=False), 1)
        rounded = self.binary("add", self.binary("add", bits, 0x7FFF), odd)
        quiet = self.bit_or(bits, 0x00400000)
        chosen = self.select(self.is_nan(a), quiet, rounded)
        half = self._cast("trunc", self.shift_right(chosen, 16, signed=False), "i16")
        return Operand(half.text, "bf16", a.width)

    def _round_to_odd(self, a: Operand) -> Operand:
        """f64 to f32 so that rounding once more, to f16, is as good as rounding once.

        S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums: proved
        algorithms using rounding to odd", IEEE Transactions on Computers 57 (2008).
        """
        single = self._cast("fptrunc", a, "f32")
        back = self._cast("fpext", single, "f64")
        bits = self.bitcast(single, "i32")
        # Sign and magnitude: one less in the bits is one step toward zero.
        beyond = self.lt(
            self.bit_and(self.bitcast(a, "i64"), 2**63 - 1),
            self.bit_and(self.bitcast(back, "i64"), 2**63 - 1),
        )
        toward_zero = self.binary("add", bits, self._cast("sext", beyond, "i32"))
        inexact = self.bit_and(self.ne(back, a), self.eq(a, a))
        odd = self.bit_or(toward_zero, self._cast("zext", inexact, "i32"))
        return self.bitcast(self.select(inexact, odd, bits), "f32")

    def _widen_f16_by_bits(self, a: Operand) -> Operand:
        # A multiplication by 2**112 moves the exponent, and normalizes denormals; inf
        # and nan, whose exponent must become all ones, are caught before.
        bits = self._cast("zext", Operand(a.text, "i16", a.width), "i32")
        magnitude = self.shift_left(self.bit_and(bits, 0x7FFF), 13)
        scaled = self.binary("fmul", self.bitcast(magnitude, "f32"), 2.0**112)
        special = self.ge(magnitude, 0x7C00 << 13, signed=False)
        widened = self.select(
            special, self.bit_or(magnitude, 0x7F800000), self.bitcast(scaled, "i32")
        )
        sign = self.shift_left(self.bit_and(bits, 0x8000), 16)
        return self.bitcast(self.bit_or(widened, sign), "f32")

    def _narrow_f16_by_bits(self, a: Operand) -> Operand:
        bits = self.bitcast(a, "i32")
        magnitude = self.bit_and(bits, 0x7FFFFFFF)
        # Normal results: drop 13 bits of fraction with rounding to even, and move the
        # exponent. A carry out of the fraction gives the next exponent, or infinity.
        odd = self.bit_and(self.shift_right(magnitude, 13, signed=False), 1)
        moved = self.binary("add", magnitude, ((15 - 127) << 23) + 0xFFF)
        normal = self.shift_right(self.binary("add", moved, odd), 13, signed=False)
        # Denormal results: adding 0.5 puts their unit, 2**-24, at the last bit.
        shifted = self.binary("fadd", self.bitcast(magnitude, "f32"), 0.5)
        denormal = self.binary("sub", self.bitcast(shifted, "i32"), 0x3F000000)
        result = self.select(self.lt(magnitude, 0x38800000), denormal, normal)
        result = self.select(self.ge(magnitude, 0x47800000), 0x7C00, result)
        payload = self.bit_and(self.shift_right(magnitude, 13, signed=False), 0x3FF)
        quiet = self.bit_or(payload, half_bits(float("nan"), "f16"))
        result = self.select(self.is_nan(a), quiet, result)
        sign = self.bit_and(self.shift_right(bits, 16, signed=False), 0x8000)
        half = self._cast("trunc", self.bit_or(result, sign), "i16")
        return Operand(half.text, "f16", a.width)
