"""Reduces angles to a quarter turn: what sin, cos and tan begin with."""

from __future__ import annotations

from typing import NamedTuple

from penstock.backends.llvm.emitter import Emitter, Module, Operand, Parameter
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
# of a whole turn matters, so m is multiplied by 192 digits of 2/pi that begin two
# places before the point: the product's first two bits are the quadrant. m is shifted
# by up to 7 bits first, so that the digits begin at a byte. Of the product 128 bits are
# kept. At least 60 bits of the fraction are right, since none is closer to 0 than
# 2**-62 (J.-M. Muller, Elementary Functions, section 11.3). Shifted by two, they are
# the signed distance from the nearest quarter turn; it is multiplied by pi/2 * 2**63.
_REDUCE_TEXT = """\
%bits = bitcast double {x} to i64
  %exponent = lshr i64 %bits, 52
  %fraction = and i64 %bits, 4503599627370495
  %mantissa = or i64 %fraction, 4503599627370496
  %position = sub i64 2101, %exponent
  %position.up = add i64 %position, 7
  %byte = lshr i64 %position.up, 3
  %place = shl i64 %byte, 3
  %shift = sub i64 %place, %position
  %factor = shl i64 %mantissa, %shift
  %at.0 = getelementptr i8, ptr @penstock.two_over_pi, i64 %byte
  %digits.0 = load i64, ptr %at.0, align 1
  %at.1 = getelementptr i8, ptr %at.0, i64 8
  %digits.1 = load i64, ptr %at.1, align 1
  %at.2 = getelementptr i8, ptr %at.0, i64 16
  %digits.2 = load i64, ptr %at.2, align 1
  %factor.wide = zext i64 %factor to i128
  %wide.0 = zext i64 %digits.0 to i128
  %wide.1 = zext i64 %digits.1 to i128
  %product.0 = mul i128 %factor.wide, %wide.0
  %carry = lshr i128 %product.0, 64
  %product.1 = mul i128 %factor.wide, %wide.1
  %lower = add i128 %product.1, %carry
  %low.word = trunc i128 %lower to i64
  %lower.high = lshr i128 %lower, 64
  %lower.word = trunc i128 %lower.high to i64
  %product.2 = mul i64 %factor, %digits.2
  %high.word = add i64 %product.2, %lower.word
  %rounded = add i64 %high.word, 2305843009213693952
  %quadrant = lshr i64 %rounded, 62
  %signed.high = call i64 @llvm.fshl.i64(i64 %high.word, i64 %low.word, i64 2)
  %signed.low = shl i64 %low.word, 2
  %sign = ashr i64 %signed.high, 63
  %distance.high = xor i64 %signed.high, %sign
  %distance.low = xor i64 %signed.low, %sign
  %some = or i64 %distance.high, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %some, i1 true)
  %top = call i64 @llvm.fshl.i64(i64 %distance.high, i64 %distance.low, i64 %zeros)
  %top.wide = zext i64 %top to i128
  %scaled = mul i128 %top.wide, 14488038916154245684
  %scaled.high = lshr i128 %scaled, 64
  %scaled.word = trunc i128 %scaled.high to i64
  %leading = and i64 %scaled.word, -2048
  %trailing = and i64 %scaled.word, 2047
  %leading.number = uitofp i64 %leading to double
  %trailing.number = uitofp i64 %trailing to double
  %number = fadd double %leading.number, %trailing.number
  %kept = fsub double %number, %leading.number
  %number.low = fsub double %trailing.number, %kept
  %power = sub i64 960, %zeros
  %power.bits = shl i64 %power, 52
  %sign.bit = and i64 %sign, -9223372036854775808
  %unit.bits = or i64 %power.bits, %sign.bit
  %unit = bitcast i64 %unit.bits to double
  %zero.or.nan = fsub double {x}, {x}
  %scale = fadd double %unit, %zero.or.nan
  %angle = fmul double %number, %scale
  %angle.low = fmul double %number.low, %scale"""


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
        lambda: _reduce_large(e, x, angle, limit),
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
    rest, lost = e.sub(x, products[0]), e.like(0.0, x)
    for product in products[1:3]:
        rest, low = e.two_sum(rest, e.neg(product))
        lost = e.add(lost, low)
    low = e.sub(lost, products[3])
    total, low = e.fast_two_sum(rest, low)
    return Angle(total, low, e.bitcast(shifted, "i64"))


def _reduce_large(e: Emitter, x: Operand, angle: Angle, limit: float) -> Angle:
    """Reduce again those lanes that are large; one at a time, since they are rare.

    The other lanes stay as they are: a result must not depend on its neighbours.
    """
    name = f"penstock.reduce_angles.{x.element}"
    e.module.helper(name, lambda: _define_reduction(e.module, name, x.element, limit))
    width = x.width
    slots = [e.allocate(8 * width) for _ in range(4)]
    for value, slot in zip((x, *angle), slots, strict=True):
        e.store(value, slot, align=64)
    e.call(name, (*slots, e.constant(width, "i64")), declare=False)
    results = [
        e.load(slot, value.element, width, align=64)
        for value, slot in zip(angle, slots[1:], strict=True)
    ]
    return Angle(*results)


def _define_reduction(module: Module, name: str, element: str, limit: float) -> None:
    digits = int(_TWO_OVER_PI_DIGITS, 16).to_bytes(184, "little")
    module.bytes_data("penstock.two_over_pi", digits)
    module.declare("llvm.fshl.i64", "i64 @llvm.fshl.i64(i64, i64, i64)")
    module.declare("llvm.ctlz.i64", "i64 @llvm.ctlz.i64(i64, i1)")
    arrays = [Parameter(part, "ptr") for part in ("xs", "rests", "lows", "turns")]
    parameters = [*arrays, Parameter("count", "i64")]
    f = module.function(name, parameters, internal=True, rare=True)
    *pointers, count = f.parameters
    integer = INTEGER_OF[element]
    elements = (element, element, element, integer)
    with f.for_loop(f.constant(0, "i64"), count) as loop:
        x_at, *result_at = (
            f.element_address(pointer, loop.index, kind)
            for pointer, kind in zip(pointers, elements, strict=True)
        )
        x = f.load(x_at, element)
        with f.when(f.gt(x, limit)):
            f.emit(_REDUCE_TEXT.format(x=f.convert(x, "f64").text))
            wide, low = Operand("%angle", "f64"), Operand("%angle.low", "f64")
            rest = f.convert(wide, element)
            if element == "f32":
                low = f.convert(f.sub(wide, f.convert(rest, "f64")), "f32")
            turn = f.convert(Operand("%quadrant", "i64"), integer)
            for value, at in zip((rest, low, turn), result_at, strict=True):
                f.store(value, at)
    f.ret()
