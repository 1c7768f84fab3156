"""Arithmetic on integers and floats of any width."""

from __future__ import annotations

from collections.abc import Callable

from penstock.backends.llvm.emitter_convert import ConvertEmitter
from penstock.backends.llvm.emitter_core import Value
from penstock.backends.llvm.operand import FLOATS, HALVES, Operand, type_text

# The least float from which on every float is an integer.
_ALL_INTEGERS = {"f32": 2.0**23, "f64": 2.0**52}


class ArithmeticEmitter(ConvertEmitter):
    """The scalar primitives. Numbers among the operands become constants.

    16-bit floats are computed in ``f32`` and rounded after each operation, as NumPy
    does. Comparisons give ``i1``. ``flags`` are LLVM's fast-math flags; there are none
    unless asked for, so results are those of IEEE 754 to the bit.
    """

    def add(self, a: Value, b: Value, flags: str = "") -> Operand:
        """a + b; integers wrap."""
        return self._binary("add", "fadd", a, b, flags)

    def sub(self, a: Value, b: Value, flags: str = "") -> Operand:
        """a - b; integers wrap."""
        return self._binary("sub", "fsub", a, b, flags)

    def mul(self, a: Value, b: Value, flags: str = "") -> Operand:
        """a * b; integers wrap."""
        return self._binary("mul", "fmul", a, b, flags)

    def div(self, a: Value, b: Value, flags: str = "") -> Operand:
        """a / b of floats."""
        return self._binary("", "fdiv", a, b, flags)

    def neg(self, a: Operand) -> Operand:
        """-a; of a float the sign bit alone is changed, also of nan and 0."""
        if a.element in HALVES:
            return Operand(self.bit_xor(self._bits(a), 0x8000).text, *a[1:])
        if a.element in FLOATS:
            return self.instruction(f"fneg {a.typed}", *a[1:])
        return self.sub(0, a)

    def abs(self, a: Operand) -> Operand:
        """The absolute value; of signed integers, the least stays what it is."""
        if a.element in HALVES:
            return Operand(self.bit_and(self._bits(a), 0x7FFF).text, *a[1:])
        if a.element in FLOATS:
            return self.intrinsic("fabs", a)
        return self.intrinsic("abs", a, Operand("false", "i1"))

    def sqrt(self, a: Operand) -> Operand:
        """The square root, correctly rounded."""
        if a.element in HALVES:
            return self._through_f32(self.sqrt, a)
        return self.intrinsic("sqrt", a)

    def copysign(self, a: Value, b: Value) -> Operand:
        """The magnitude of ``a`` with the sign bit of ``b``."""
        first, second = self.operands(a, b)
        if first.element in HALVES:
            magnitude = self.bit_and(self._bits(first), 0x7FFF)
            sign = self.bit_and(self._bits(second), 0x8000)
            return Operand(self.bit_or(magnitude, sign).text, *first[1:])
        return self.intrinsic("copysign", first, second)

    def multiply_add(self, a: Value, b: Value, c: Value) -> Operand:
        """a * b + c, rounded once where the machine can, and twice where it cannot.

        Use it where either is right. Where the single rounding matters, see
        ``two_product``.
        """
        x, y, z = self.operands(a, b, c)
        if x.element in FLOATS and x.element not in HALVES and self.machine.has_fma:
            return self.intrinsic("fma", x, y, z)
        return self.add(self.mul(x, y), z)

    def two_product(self, a: Value, b: Value) -> tuple[Operand, Operand]:
        """a * b as a rounded product and its exact error.

        Without FMA: T. J. Dekker, "A floating-point technique for extending the
        available precision", Numerische Mathematik 18 (1971), which needs factors
        below the square root of the overflow threshold over 2**27 (f64), 2**12 (f32).
        """
        x, y = self.operands(a, b)
        product = self.mul(x, y)
        if self.machine.has_fma:
            return product, self.intrinsic("fma", x, y, self.neg(product))
        x_high, x_low = self._split(x)
        y_high, y_low = self._split(y)
        error = self.sub(self.mul(x_high, y_high), product)
        error = self.add(error, self.mul(x_high, y_low))
        error = self.add(error, self.mul(x_low, y_high))
        return product, self.add(error, self.mul(x_low, y_low))

    def two_sum(self, a: Value, b: Value) -> tuple[Operand, Operand]:
        """a + b as a rounded sum and its exact error.

        D. E. Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B.
        """
        x, y = self.operands(a, b)
        total = self.add(x, y)
        y_part = self.sub(total, x)
        x_part = self.sub(total, y_part)
        return total, self.add(self.sub(x, x_part), self.sub(y, y_part))

    def fast_two_sum(self, a: Value, b: Value) -> tuple[Operand, Operand]:
        """``two_sum`` for |a| >= |b| or a == 0 (Dekker, 1971)."""
        x, y = self.operands(a, b)
        total = self.add(x, y)
        return total, self.sub(y, self.sub(total, x))

    def _split(self, a: Operand) -> tuple[Operand, Operand]:
        scaled = self.mul(a, 134217729.0 if a.element == "f64" else 4097.0)
        high = self.sub(scaled, self.sub(scaled, a))
        return high, self.sub(a, high)

    def floor(self, a: Operand) -> Operand:
        """The largest integer not above."""
        if a.element in HALVES:
            return self._through_f32(self.floor, a)
        if self.machine.has_rounding:
            return self.intrinsic("floor", a)
        nearest = self._nearest(a)
        lower = self.select(self.gt(nearest, a), self.sub(nearest, 1.0), nearest)
        return self.copysign(lower, a)

    def ceil(self, a: Operand) -> Operand:
        """The smallest integer not below."""
        if a.element in HALVES:
            return self._through_f32(self.ceil, a)
        if self.machine.has_rounding:
            return self.intrinsic("ceil", a)
        nearest = self._nearest(a)
        upper = self.select(self.lt(nearest, a), self.add(nearest, 1.0), nearest)
        return self.copysign(upper, a)

    def trunc(self, a: Operand) -> Operand:
        """The integer part, toward zero."""
        if a.element in HALVES:
            return self._through_f32(self.trunc, a)
        if self.machine.has_rounding:
            return self.intrinsic("trunc", a)
        return self.copysign(self.floor(self.abs(a)), a)

    def round_even(self, a: Operand) -> Operand:
        """The nearest integer, ties to even."""
        if a.element in HALVES:
            return self._through_f32(self.round_even, a)
        if self.machine.has_rounding:
            return self.intrinsic("roundeven", a)
        return self.copysign(self._nearest(a), a)

    def _nearest(self, a: Operand) -> Operand:
        # Adding 2**23 (f32) leaves no bits for a fraction, and rounds it as it goes.
        limit = _ALL_INTEGERS[a.element]
        magnitude = self.abs(a)
        rounded = self.sub(self.add(magnitude, limit), limit)
        signed = self.copysign(rounded, a)
        return self.select(self.lt(magnitude, limit), signed, a)

    def compare(
        self, relation: str, a: Value, b: Value, *, signed: bool = True
    ) -> Operand:
        """Compare by ``eq ne lt le gt ge``. With a nan only ``ne`` is true."""
        x, y = self.operands(a, b)
        if x.element in HALVES:
            x, y = self.convert(x, "f32"), self.convert(y, "f32")
        return super().compare(relation, x, y, signed=signed)

    def minimum(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """``np.minimum``: nan if either is; of two zeros the second (of f16, first)."""
        return self._extremum("lt", a, b, signed)

    def maximum(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """``np.maximum``: nan if either is; of two zeros the second (of f16, first)."""
        return self._extremum("gt", a, b, signed)

    def minimum_number(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """``np.fmin``: the other if one is nan."""
        return self._extremum_number("le", a, b, signed)

    def maximum_number(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """``np.fmax``: the other if one is nan."""
        return self._extremum_number("ge", a, b, signed)

    def _extremum(self, relation: str, a: Value, b: Value, signed: bool) -> Operand:
        x, y = self.operands(a, b)
        if x.element == "f16":
            # NumPy compares these one by one, and keeps the first of equals.
            keep = self.compare({"lt": "le", "gt": "ge"}[relation], x, y)
            return self.select(self.bit_or(keep, self.is_nan(x)), x, y)
        if x.element in FLOATS:
            # x86's minps and maxps give the second operand if either is nan, or both
            # are zero. This is their pattern, with the first operand's nan kept.
            chosen = self.select(self.compare(relation, x, y), x, y)
            return self.select(self.is_nan(x), x, chosen)
        if x.element == "i1":
            return self.bit_and(x, y) if relation == "lt" else self.bit_or(x, y)
        sign = "s" if signed else "u"
        return self.intrinsic(f"{sign}{'min' if relation == 'lt' else 'max'}", x, y)

    def _extremum_number(
        self, relation: str, a: Value, b: Value, signed: bool
    ) -> Operand:
        x, y = self.operands(a, b)
        if x.element not in FLOATS:
            strict = {"le": "lt", "ge": "gt"}[relation]
            return self._extremum(strict, x, y, signed)
        keep = self.bit_or(self.compare(relation, x, y), self.is_nan(y))
        return self.select(keep, x, y)

    def _bits(self, a: Operand) -> Operand:
        return Operand(a.text, "i16", a.width)

    def _through_f32(
        self, operation: Callable[[Operand], Operand], a: Operand
    ) -> Operand:
        return self.convert(operation(self.convert(a, "f32")), a.element)

    def _binary(
        self, integer: str, floating: str, a: Value, b: Value, flags: str = ""
    ) -> Operand:
        x, y = self.operands(a, b)
        element = x.element
        if element in HALVES and floating:
            wide_x, wide_y = self.convert(x, "f32"), self.convert(y, "f32")
            wide = self._binary(integer, floating, wide_x, wide_y, flags)
            return self.convert(wide, element)
        opcode = floating if element in FLOATS else integer
        if not opcode:
            raise TypeError(f"{integer or floating} does not take {element}")
        if flags and element in FLOATS:
            opcode = f"{opcode} {flags}"
        kind = type_text(element, x.width)
        return self.instruction(f"{opcode} {kind} {x.text}, {y.text}", element, x.width)
