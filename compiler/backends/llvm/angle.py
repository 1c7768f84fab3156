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
# places before the point: the product's first two bits are the quadrant. At least 75
# bits of the fraction are right, since none is closer to 0 than 2**-62 (J.-M. Muller,
# Elementary Functions, section 11.3). The fraction is multiplied by pi/2 * 2**63.
_REDUCE_TEXT = """\
define internal void @penstock.reduce_angles(
    ptr %x, ptr %rest, ptr %low.out, ptr %turn, i64 %count) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %done]
  %x.at = getelementptr double, ptr %x, i64 %i
  %bits = load i64, ptr %x.at, align 8
  %exponent = lshr i64 %bits, 52
  %small = icmp ult i64 %exponent, 1039
  br i1 %small, label %done, label %reduce
reduce:
  %fraction = and i64 %bits, 4503599627370495
  %mantissa = or i64 %fraction, 4503599627370496
  %position = sub i64 2101, %exponent
  %byte = lshr i64 %position, 3
  %digits.at = getelementptr i8, ptr @penstock.two_over_pi, i64 %byte
  %digits = load i256, ptr %digits.at, align 1
  %bit = and i64 %position, 7
  %bit.wide = zext i64 %bit to i256
  %aligned = lshr i256 %digits, %bit.wide
  %window = trunc i256 %aligned to i192
  %factor = zext i64 %mantissa to i192
  %product = mul i192 %window, %factor
  %half = shl i192 1, 189
  %rounded = add i192 %product, %half
  %quadrant = lshr i192 %rounded, 190
  %quadrant.word = trunc i192 %quadrant to i64
  %whole = shl i192 %quadrant, 190
  %difference = sub i192 %product, %whole
  %negative = icmp slt i192 %difference, 0
  %opposite = sub i192 0, %difference
  %magnitude = select i1 %negative, i192 %opposite, i192 %difference
  %some = or i192 %magnitude, 1
  %zeros = call i192 @llvm.ctlz.i192(i192 %some, i1 true)
  %normal = shl i192 %some, %zeros
  %top = lshr i192 %normal, 128
  %top.word = trunc i192 %top to i64
  %top.wide = zext i64 %top.word to i128
  %scaled = mul i128 %top.wide, 14488038916154245684
  %scaled.top = lshr i128 %scaled, 64
  %scaled.word = trunc i128 %scaled.top to i64
  %scaled.high = and i64 %scaled.word, -2048
  %scaled.low = and i64 %scaled.word, 2047
  %high = uitofp i64 %scaled.high to double
  %low = uitofp i64 %scaled.low to double
  %number = fadd double %high, %low
  %kept = fsub double %number, %high
  %number.low = fsub double %low, %kept
  %zeros.word = trunc i192 %zeros to i64
  %power = sub i64 962, %zeros.word
  %power.bits = shl i64 %power, 52
  %power.number = bitcast i64 %power.bits to double
  %power.opposite = fneg double %power.number
  %power.signed = select i1 %negative, double %power.opposite, double %power.number
  %finite = icmp ult i64 %exponent, 2047
  %unit = select i1 %finite, double %power.signed, double 0x7FF8000000000000
  %angle = fmul double %number, %unit
  %angle.low = fmul double %number.low, %unit
  %rest.at = getelementptr double, ptr %rest, i64 %i
  store double %angle, ptr %rest.at, align 8
  %low.at = getelementptr double, ptr %low.out, i64 %i
  store double %angle.low, ptr %low.at, align 8
  %turn.at = getelementptr i64, ptr %turn, i64 %i
  store i64 %quadrant.word, ptr %turn.at, align 8
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
    e.module.bytes_data("penstock.two_over_pi", digits)
    e.module.declare("llvm.ctlz.i192", "i192 @llvm.ctlz.i192(i192, i1)")
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
