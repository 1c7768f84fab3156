"""Sine, cosine and tangent, for arguments of any size."""

from __future__ import annotations

from penstock.backends.llvm.angle import reduce_angle
from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    INTEGER_OF,
    hexadecimal,
    horner,
)

# Of sin(r) = r + r**3 p, cos(r) = 1 - r**2 / 2 + r**4 p and tan(r) = r + r**3 p the
# polynomials p in r**2, for |r| <= 1.02 pi/4: tools/fit_math.py, SIN_*, COS_*, TAN_*.
_SIN = {
    "f32": (-0.16666653752326965, 0.008332083001732826, -0.00019504313240759075),
    "f64": hexadecimal(
        "-0x1.5555555555550p-3 0x1.1111111110044p-7 -0x1.a01a019cbe815p-13 "
        "0x1.71de35ddb4904p-19 -0x1.ae5e996cc1d12p-26 0x1.5d9b453946324p-33"
    ),
}
_COS = {
    "f32": (0.04166664555668831, -0.0013887243112549186, 2.442391632939689e-05),
    "f64": hexadecimal(
        "0x1.5555555555555p-5 -0x1.6c16c16c164f0p-10 0x1.a01a019e82d53p-16 "
        "-0x1.27e4f94495e53p-22 0x1.1eeab1ae3b7b5p-29 -0x1.900c87b16afa6p-37"
    ),
}
_TAN = {
    "f32": (
        0.3333335816860199, 0.13332365453243256, 0.05409320071339607,
        0.02111244387924671, 0.011271143332123756, -0.0004571732133626938,
        0.004643669351935387,
    ),
    "f64": hexadecimal(
        "0x1.5555555555568p-2 0x1.111111110fa75p-3 0x1.ba1ba1bb55315p-5 "
        "0x1.664f483deeffap-6 0x1.226e3e59764a5p-7 0x1.d6d24b117ce4ap-9 "
        "0x1.7dba0be6c9085p-10 0x1.34694f5c8d80dp-11 0x1.01d8be579bfd6p-12 "
        "0x1.47de67f87a3b0p-14 0x1.424c979bd4af2p-14 -0x1.3b2af2c4afb7ep-15 "
        "0x1.ea0aa3b62982fp-15 -0x1.e712a16d7fbd3p-16 0x1.6bb4067ca3129p-17"
    ),
}  # fmt: skip


def sin(e: Emitter, x: Operand) -> Operand:
    """Sine.

    |x| = n pi/2 + r; by the last two bits of n, sin(r) or cos(r) with one sign or the
    other (DLMF 4.21.13), both minimax polynomials in r**2.
    """
    rest, _, turn = reduce_angle(e, e.abs(x))
    value = _sine_or_cosine(e, rest, turn, cosine_if_odd=True)
    return _flip_sign(e, value, turn, x)


def cos(e: Emitter, x: Operand) -> Operand:
    """Cosine: as ``sin``, a quarter turn on."""
    rest, _, turn = reduce_angle(e, e.abs(x))
    value = _sine_or_cosine(e, rest, turn, cosine_if_odd=False)
    return _flip_sign(e, value, e.add(turn, 1), None)


def tan(e: Emitter, x: Operand) -> Operand:
    """Tangent.

    |x| = n pi/2 + r; tan(r) for even n and -1 / tan(r) for odd, with tan(r) a minimax
    polynomial.
    """
    rest, low, turn = reduce_angle(e, e.abs(x), with_low=True)
    square = e.mul(rest, rest)
    cubic = e.mul(horner(e, square, _TAN[x.element]), square)
    # What the rest lacks counts as often as the tangent's derivative, 1 + tan(r)**2.
    about = e.multiply_add(cubic, rest, rest)
    missing = e.multiply_add(e.mul(low, about), about, low)
    value = e.add(rest, e.multiply_add(cubic, rest, missing))
    inverse = e.div(e.like(-1.0, x), value)
    value = e.select(e.ne(e.bit_and(turn, 1), 0), inverse, value)
    return _flip_sign(e, value, None, x)


def _sine_or_cosine(
    e: Emitter, rest: Operand, turn: Operand, *, cosine_if_odd: bool
) -> Operand:
    square = e.mul(rest, rest)
    cubic = e.mul(horner(e, square, _SIN[rest.element]), square)
    sine = e.multiply_add(cubic, rest, rest)
    quartic = e.mul(square, square)
    base = e.multiply_add(square, -0.5, 1.0)
    cosine = e.multiply_add(horner(e, square, _COS[rest.element]), quartic, base)
    odd = e.ne(e.bit_and(turn, 1), 0)
    if cosine_if_odd:
        return e.select(odd, cosine, sine)
    return e.select(odd, sine, cosine)


def _flip_sign(
    e: Emitter, value: Operand, turn: Operand | None, x: Operand | None
) -> Operand:
    """Negate where the second bit of the turn is set, and where x is negative."""
    integer = INTEGER_OF[value.element]
    bits = 32 if value.element == "f32" else 64
    flips = None if turn is None else e.shift_left(turn, bits - 2)
    if x is not None:
        signs = e.bitcast(x, integer)
        flips = signs if flips is None else e.bit_xor(flips, signs)
    assert flips is not None
    sign = e.bit_and(flips, -(1 << (bits - 1)))
    return e.bitcast(e.bit_xor(e.bitcast(value, integer), sign), value.element)
