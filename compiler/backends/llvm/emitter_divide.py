"""Division with remainder, of integers and floats, as NumPy defines it."""

from __future__ import annotations

from penstock.backends.llvm.emitter_arithmetic import ArithmeticEmitter
from penstock.backends.llvm.emitter_core import Value
from penstock.backends.llvm.emitter_memory import MemoryEmitter
from penstock.backends.llvm.module import Parameter
from penstock.backends.llvm.operand import BITS, FLOATS, HALVES, Operand


class DivideEmitter(MemoryEmitter):
    """``floor_divide``, ``remainder``, ``fmod``.

    Integers: a division by zero gives 0, and the least integer divided by -1 gives
    itself; nothing traps, whatever masked lanes hold. Floats: as ``npy_divmod`` in
    numpy/_core/src/npymath/npy_math_internal.h.src.
    """

    def floor_divide(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """``np.floor_divide``: the quotient rounded down."""
        x, y = self.operands(a, b)
        if x.element in FLOATS:
            return self._float_divmod(x, y)[0]
        power = _power_of_two(y)
        if power is not None:
            return self.binary("ashr" if signed else "lshr", x, power)
        quotient, rest = self._integer_divmod(x, y, signed)
        if not signed:
            return quotient
        lower = self.convert(self._signs_differ(rest, y), x.element)
        return self.sub(quotient, lower)

    def remainder(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """``np.remainder``: of the sign of the divisor."""
        x, y = self.operands(a, b)
        if x.element in FLOATS:
            return self._float_divmod(x, y)[1]
        power = _power_of_two(y)
        if power is not None:
            return self.bit_and(x, (1 << power) - 1)
        rest = self._integer_divmod(x, y, signed)[1]
        if not signed:
            return rest
        return self.select(self._signs_differ(rest, y), self.add(rest, y), rest)

    def fmod(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """``np.fmod``: the remainder of the sign of the dividend; exact for floats."""
        x, y = self.operands(a, b)
        if x.element in FLOATS:
            return self._float_fmod(x, y)
        return self._integer_divmod(x, y, signed)[1]

    def truncate_divide(self, a: Value, b: Value, *, signed: bool = True) -> Operand:
        """The quotient of integers rounded toward zero."""
        x, y = self.operands(a, b)
        return self._integer_divmod(x, y, signed)[0]

    def _signs_differ(self, rest: Operand, divisor: Operand) -> Operand:
        opposite = self.lt(self.bit_xor(rest, divisor), 0)
        return self.bit_and(self.ne(rest, 0), opposite)

    def _integer_divmod(
        self, a: Operand, b: Operand, signed: bool
    ) -> tuple[Operand, Operand]:
        if b.is_constant and b.text not in ("0", "-1", "zeroinitializer"):
            # LLVM multiplies by the reciprocal of a divisor that it knows.
            quotient = self._guarded_divide(a, b, signed)
        elif a.width > 1 and BITS[a.element] <= 32:
            quotient = self._divide_through_floats(a, b, signed)
        else:
            quotient = self._guarded_divide(a, b, signed)
        rest = self.sub(a, self.mul(quotient, b))
        if b.text.isdecimal() and b.text != "0":
            return quotient, rest
        return quotient, self.select(self.eq(b, 0), 0, rest)

    def _guarded_divide(self, a: Operand, b: Operand, signed: bool) -> Operand:
        if b.text.isdecimal() and b.text != "0":
            return self.binary("sdiv" if signed else "udiv", a, b)
        zero = self.eq(b, 0)
        safe = self.select(zero, 1, b)
        if signed:
            negates = self.eq(b, -1)
            safe = self.select(negates, 1, safe)
        quotient = self.binary("sdiv" if signed else "udiv", a, safe)
        if signed:
            quotient = self.select(negates, self.neg(a), quotient)
        return self.select(zero, 0, quotient)

    def _divide_through_floats(self, a: Operand, b: Operand, signed: bool) -> Operand:
        """Divide vectors of at most 32 bits, for which x86 has no integer instruction.

        A quotient of integers that is none itself lies at least 1/b away from the next
        integer; rounding moves it by at most a/b 2**-53 (in f32, 2**-24), which is
        less where |a| < 2**53 (2**24). So the truncated quotient is exact.
        """
        element = "f32" if BITS[a.element] <= 16 else "f64"
        dividend = self.convert(a, element, signed=signed)
        zero = self.eq(b, 0)
        divisor = self.convert(self.select(zero, 1, b), element, signed=signed)
        quotient = self.convert(
            self.div(dividend, divisor), a.element, signed=signed, to_signed=signed
        )
        return self.select(zero, 0, quotient)

    def _float_divmod(self, a: Operand, b: Operand) -> tuple[Operand, Operand]:
        if a.element in HALVES:
            wide = self._float_divmod(self.convert(a, "f32"), self.convert(b, "f32"))
            return self.convert(wide[0], a.element), self.convert(wide[1], a.element)
        rest = self._float_fmod(a, b)
        whole = self.div(self.sub(a, rest), b)
        some = self.ne(rest, 0.0)
        differ = self.bit_xor(self.lt(b, 0.0), self.lt(rest, 0.0))
        adjust = self.bit_and(some, differ)
        modulus = self.select(adjust, self.add(rest, b), rest)
        whole = self.select(adjust, self.sub(whole, 1.0), whole)
        modulus = self.select(some, modulus, self.copysign(0.0, b))
        down = self.floor(whole)
        nearer = self.gt(self.sub(whole, down), 0.5)
        floored = self.select(nearer, self.add(down, 1.0), down)
        exact = self.div(a, b)
        floored = self.select(self.ne(whole, 0.0), floored, self.copysign(0.0, exact))
        by_zero = self.eq(b, 0.0)
        return (
            self.select(by_zero, exact, floored),
            self.select(by_zero, rest, modulus),
        )

    def _float_fmod(self, a: Operand, b: Operand) -> Operand:
        if a.element != "f64":
            wide = self._float_fmod(self.convert(a, "f64"), self.convert(b, "f64"))
            return self.convert(wide, a.element)
        x, y = self.abs(a), self.abs(b)
        infinite = self.bit_and(self.eq(y, float("inf")), self.lt(x, float("inf")))
        name = f"penstock.fmod.{a.width}"
        self.module.helper(name, lambda: self._define_fmod(name, a.width))
        if not self.machine.has_fma:
            rest = self.call(name, (x, y), "f64", a.width, declare=False)
        else:
            # One step serves unless a quotient exceeds 2**53. Where one is infinite
            # or nan is due, the comparison below sends only the former on.
            quotient = self.trunc(self.div(x, y))
            first = self.multiply_add(self.neg(quotient), y, x)
            rest = self.choose(
                self.any_lane(self.ge(self.abs(first), y)),
                lambda: [self.call(name, (x, y), "f64", a.width, declare=False)],
                lambda: [_settle_sign(self, first, y)],
                likely=False,
            )[0]
        return self.copysign(self.select(infinite, x, rest), a)

    def _define_fmod(self, name: str, width: int) -> None:
        """Long division of magnitudes, some bits of the quotient at a time.

        With FMA a step takes the quotient rounded to 53 bits: what is left is an
        integer multiple of the product of two units in the last place, and fits.
        Without, it takes 26 bits, and halves of the divisor whose products are exact.
        A step may leave a negative rest, whose magnitude is below the divisor at last.
        """
        parameters = [Parameter("x", "f64", width), Parameter("y", "f64", width)]
        f = self.module.function(
            name, parameters, result="f64", result_width=width, internal=True
        )
        x, y = f.parameters
        # Divisors scaled by powers of two keep the quotient in range.
        larger = f.mul(y, 2.0**700)
        largest = f.mul(larger, 2.0**700)
        with f.repeat([x]) as loop:
            rest = loop.carried[0]
            magnitude = f.abs(rest)
            divisor = f.select(f.ge(magnitude, larger), larger, y)
            divisor = f.select(f.ge(magnitude, largest), largest, divisor)
            following = _subtract_multiple(f, rest, divisor)
            more = f.bit_and(f.ge(f.abs(following), y), f.gt(y, 0.0))
            loop.carry(following)
            loop.again_if(f.any_lane(more))
        f.ret(_settle_sign(f, loop.results[0], y))


def _settle_sign(e: ArithmeticEmitter, rest: Operand, divisor: Operand) -> Operand:
    return e.select(e.lt(rest, 0.0), e.add(rest, divisor), rest)


def _subtract_multiple(
    e: ArithmeticEmitter, rest: Operand, divisor: Operand
) -> Operand:
    quotient = e.div(rest, divisor)
    if e.machine.has_fma:
        return e.multiply_add(e.neg(e.trunc(quotient)), divisor, rest)
    quotient = e.trunc(_high_bits(e, quotient))
    high = _high_bits(e, divisor)
    low = e.sub(divisor, high)
    left = e.sub(rest, e.mul(quotient, high))
    return e.sub(left, e.mul(quotient, low))


def _high_bits(e: ArithmeticEmitter, a: Operand) -> Operand:
    return e.bitcast(e.bit_and(e.bitcast(a, "i64"), -(2**27)), "f64")


def _power_of_two(divisor: Operand) -> int | None:
    """Of which power of two a divisor is, if it is known to be one."""
    if divisor.width != 1 or not divisor.text.isdecimal():
        return None
    number = int(divisor.text)
    return number.bit_length() - 1 if number.bit_count() == 1 else None
