"""Reduces angles to a quarter turn: what sin, cos and tan begin with."""

from __future__ import annotations

from typing import NamedTuple

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import INTEGER_OF, SHIFTERS

_TWO_OVER_PI = 0.6366197723675814

# pi / 2 as a sum of floats, the greatest first. With FMA a product with n is rounded
# only once it has been subtracted; without, 30 bits leave room for it to be exact.
_HALF_PI = {
    "f32": (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    "f64": tuple(
        map(
            float.fromhex,
            (
                "0x1.921fb54442d18p+0",
                "0x1.1a62633145c07p-54",
                "-0x1.f1976b7ed8fbcp-110",
            ),
        )
    ),
}
_HALF_PI_PIECES = tuple(
    map(
        float.fromhex,
        (
            "0x1.921fb54000000p+0", "0x1.10b4611800000p-30",
            "0x1.313198a000000p-61", "0x1.701b839a25205p-92",
        ),
    )
)  # fmt: skip

# Up to these, Cody and Waite's reduction is exact enough.
_LIMIT = {"f32": 65536.0, "f64": 2.0**30}
_LIMIT_PIECES = 2.0**22

# The first 1216 binary digits of 2 / pi.
_TWO_OVER_PI_DIGITS = (
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561"
    "b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484"
    "e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980f"
    "ef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b"
    "3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6bab"
)

# M. H. Payne and R. N. Hanek, "Radian reduction for trigonometric functions", SIGNUM
# Newsletter 18 (1983), in whole numbers. x is m * 2**e; of x * 2/pi only what is left
# of a whole turn matters, so m is multiplied by the 192 digits of 2/pi that begin two
# places before the point: the product's first two bits are the quadrant. Its first 128
# bits are kept. At least 63 bits of the fraction are right, since none is closer to 0
# than 2**-62 (J.-M. Muller, Elementary Functions, section 11.3). The fraction is
# multiplied by pi/2 * 2**63.
_REDUCE_TEXT = """\
define internal void @penstock.reduce_angles.ELEMENT(
    ptr %x, ptr %rest, ptr %low.out, ptr %turn, i64 %count) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %done]
  %x.at = getelementptr FLOAT, ptr %x, i64 %i
  %x.value = load FLOAT, ptr %x.at
  %x.double = WIDEN
  %bits = bitcast double %x.double to i64
  %exponent = lshr i64 %bits, 52
  %small = icmp ult i64 %exponent, 1039
  br i1 %small, label %done, label %reduce
reduce:
  %fraction = and i64 %bits, 4503599627370495
  %mantissa = or i64 %fraction, 4503599627370496
  %position = sub i64 2101, %exponent
  %word = lshr i64 %position, 6
  %bit = and i64 %position, 63
  %at.0 = getelementptr i64, ptr @penstock.two_over_pi, i64 %word
  %digits.0 = load i64, ptr %at.0
  %at.1 = getelementptr i8, ptr %at.0, i64 8
  %digits.1 = load i64, ptr %at.1
  %at.2 = getelementptr i8, ptr %at.0, i64 16
  %digits.2 = load i64, ptr %at.2
  %at.3 = getelementptr i8, ptr %at.0, i64 24
  %digits.3 = load i64, ptr %at.3
  %window.0 = call i64 @llvm.fshr.i64(i64 %digits.1, i64 %digits.0, i64 %bit)
  %window.1 = call i64 @llvm.fshr.i64(i64 %digits.2, i64 %digits.1, i64 %bit)
  %window.2 = call i64 @llvm.fshr.i64(i64 %digits.3, i64 %digits.2, i64 %bit)
  %factor = zext i64 %mantissa to i128
  %wide.0 = zext i64 %window.0 to i128
  %wide.1 = zext i64 %window.1 to i128
  %product.0 = mul i128 %factor, %wide.0
  %carry = lshr i128 %product.0, 64
  %product.1 = mul i128 %factor, %wide.1
  %lower = add i128 %product.1, %carry
  %product.2 = mul i64 %mantissa, %window.2
  %product.wide = zext i64 %product.2 to i128
  %upper = shl i128 %product.wide, 64
  %product = add i128 %upper, %lower
  %half = shl i128 1, 125
  %rounded = add i128 %product, %half
  %quadrant = lshr i128 %rounded, 126
  %quadrant.word = trunc i128 %quadrant to i64
  %whole = shl i128 %quadrant, 126
  %difference = sub i128 %product, %whole
  %negative = icmp slt i128 %difference, 0
  %opposite = sub i128 0, %difference
  %magnitude = select i1 %negative, i128 %opposite, i128 %difference
  %high.wide = lshr i128 %magnitude, 64
  %high.word = trunc i128 %high.wide to i64
  %low.word = trunc i128 %magnitude to i64
  %high.some = or i64 %high.word, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %high.some, i1 true)
  %top.word = call i64 @llvm.fshl.i64(i64 %high.word, i64 %low.word, i64 %zeros)
  %top.wide = zext i64 %top.word to i128
  %scaled = mul i128 %top.wide, 14488038916154245684
  %scaled.top = lshr i128 %scaled, 64
  %scaled.word = trunc i128 %scaled.top to i64
  %power = sub i64 962, %zeros
  %power.bits = shl i64 %power, 52
  %power.number = bitcast i64 %power.bits to double
  %scaled.high = and i64 %scaled.word, -2048
  %scaled.low = and i64 %scaled.word, 2047
  %high = uitofp i64 %scaled.high to double
  %low = uitofp i64 %scaled.low to double
  %number = fadd double %high, %low
  %kept = fsub double %number, %high
  %number.low = fsub double %low, %kept
  %power.opposite = fneg double %power.number
  %power.signed = select i1 %negative, double %power.opposite, double %power.number
  %finite = icmp ult i64 %exponent, 2047
  %unit = select i1 %finite, double %power.signed, double 0x7FF8000000000000
  %angle = fmul double %number, %unit
  %angle.low = fmul double %number.low, %unit
  NARROW
  %rest.at = getelementptr FLOAT, ptr %rest, i64 %i
  store FLOAT %rest.value, ptr %rest.at
  %low.at = getelementptr FLOAT, ptr %low.out, i64 %i
  store FLOAT %low.value, ptr %low.at
  %turn.value = TURN
  %turn.at = getelementptr INTEGER, ptr %turn, i64 %i
  store INTEGER %turn.value, ptr %turn.at
  br label %done
done:
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %loop, label %end
end:
  ret void
}
"""


class Angle(NamedTuple):
    """An angle of n * pi/2 + rest + low.

    The last two bits of ``turn``, an integer of the float's size, are those of n.
    """

    rest: Operand
    low: Operand
    turn: Operand


def reduce_angle(e: Emitter, x: Operand, *, with_low: bool = False) -> Angle:
    """Split x >= 0 so that the rest is at most pi/4, or a little more.

    The rest is nan for nan and infinity; ``low`` is 0 unless it is asked for.
    """
    if e.machine.has_fma:
        angle, limit = _with_fma(e, x, with_low), _LIMIT[x.element]
    else:
        angle, limit = _in_pieces(e, x), _LIMIT_PIECES
    reduced = e.choose(
        e.any_lane(e.gt(x, limit)),
        lambda: _reduce_large(e, x, angle),
        lambda: angle,
        likely=False,
    )
    return Angle(*reduced)


def _with_fma(e: Emitter, x: Operand, with_low: bool) -> Angle:
    shifter = SHIFTERS[x.element]
    shifted = e.multiply_add(x, _TWO_OVER_PI, e.like(shifter, x))
    turn = e.bitcast(shifted, INTEGER_OF[x.element])
    count = e.sub(shifted, shifter)
    first, second, third = _HALF_PI[x.element]
    # Exact, since what is left has no more bits than x.
    close = e.multiply_add(count, -first, x)
    if not with_low:
        rest = e.multiply_add(count, -second, close)
        return Angle(e.multiply_add(count, -third, rest), e.like(0.0, x), turn)
    product, error = e.two_product(count, second)
    rest, low = e.fast_two_sum(close, e.neg(product))
    low = e.multiply_add(count, -third, e.sub(low, error))
    total, low = e.fast_two_sum(rest, low)
    return Angle(total, low, turn)


def _in_pieces(e: Emitter, x: Operand) -> Angle:
    if x.element == "f32":
        wide = _in_pieces(e, e.convert(x, "f64"))
        rest = e.convert(wide.rest, "f32")
        low = e.convert(e.sub(wide.rest, e.convert(rest, "f64")), "f32")
        return Angle(rest, low, e.convert(wide.turn, "i32"))
    shifted = e.add(e.mul(x, _TWO_OVER_PI), SHIFTERS["f64"])
    count = e.sub(shifted, SHIFTERS["f64"])
    products = [e.mul(count, piece) for piece in _HALF_PI_PIECES]
    close = e.sub(x, products[0])
    rest, low = e.fast_two_sum(close, e.neg(products[1]))
    low = e.sub(low, e.add(products[2], products[3]))
    total, low = e.fast_two_sum(rest, low)
    return Angle(total, low, e.bitcast(shifted, "i64"))


def _reduce_large(e: Emitter, x: Operand, angle: Angle) -> Angle:
    """Reduce again those lanes that are large; one at a time, since they are rare."""
    digits = int(_TWO_OVER_PI_DIGITS, 16).to_bytes(176, "little")
    e.module.bytes_data("penstock.two_over_pi", digits, align=8)
    for intrinsic in ("fshl", "fshr"):
        full = f"llvm.{intrinsic}.i64"
        e.module.declare(full, f"i64 @{full}(i64, i64, i64)")
    e.module.declare("llvm.ctlz.i64", "i64 @llvm.ctlz.i64(i64, i1)")
    name = e.module.text_function("penstock.reduce_angles", _REDUCE_TEXT)
    width, element = x.width, x.element
    slots = [e.allocate(8 * width) for _ in range(4)]
    wide = [e.convert(value, "f64") for value in (x, angle.rest, angle.low)]
    wide.append(e.convert(angle.turn, "i64"))
    for value, slot in zip(wide, slots, strict=True):
        e.store(value, slot, align=64)
    e.call(name, (*slots, e.constant(width, "i64")), declare=False)
    rest = e.load(slots[1], "f64", width, align=64)
    low = e.load(slots[2], "f64", width, align=64)
    turn = e.load(slots[3], "i64", width, align=64)
    if element == "f32":
        rounded = e.convert(rest, "f32")
        low = e.add(low, e.sub(rest, e.convert(rounded, "f64")))
        rest, low = rounded, e.convert(low, "f32")
    return Angle(rest, low, e.convert(turn, angle.turn.element))
