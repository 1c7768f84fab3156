"""Functions that look coefficients up in registers, for AVX-512.

A permutation instruction finds 16 or 32 entries of a table in one or two registers as
fast as an addition is done. Intervals become so short that few terms suffice, and a
division is spared. The data come from tools/fit_math.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from penstock.backends.llvm.emitter import Emitter, Operand
from penstock.backends.llvm.math_core import (
    INTEGER_OF,
    avx512,
    hexadecimal,
    horner,
    maximum_keeping_nan,
    minimum_keeping_nan,
    narrow,
    widen,
)

_BITS = {"f32": 32, "f64": 64}

# TANH_ROWS: centres of the quarters of eight octaves, then coefficients from the
# constant up. The last three bits of the exponent and the first two of the fraction
# are the number of an entry.
_TANH_ROWS = (
    (
        "4010068e 40304c30 404fced9 40707a10 408fb2ff 40b088ce 40d02de0 40f06a7f "
        "41087c85 41200000 41400000 41600000 00000000 3db05bc0 3dcfda51 3df04ea5 "
        "3e0fc91d 3e3088ce 3e4f8794 3e6f8fc5 3e8fd220 3eb004ea 3ed01a37 3eeff8a1 "
        "3f1052bd 3f301e4f 3f503afb 3f6f8937 3f906595 3fb05c92 3fcfbf48 3ff05c92 "
    ),
    (
        "3f7a610f 3f7def70 3f7f3a0e 3f7fb89e 3f7fef85 3f7ffde2 3f7fffb5 3f7ffff6 "
        "3f7fffff 3f800000 3f800000 3f800000 00000000 3dafec7c 3dcf245f 3def35dc "
        "3e0ed917 3e2ece58 3e4cbbf5 3e6b48e3 3e8c275e 3ea965c3 3ec55a43 3edfd13f "
        "3f02c169 3f18bf76 3f2be4e8 3f3bb543 3f4f7447 3f61660b 3f6cd0da 3f744ce4 "
    ),
    (
        "3d31e49e 3c839b98 3bc5a579 3b0eb01e 3a03d3e6 38878056 37160030 35a004db "
        "34275374 00000000 00000000 00000000 3f800000 3f7e1c6b 3f7d6191 3f7c81ea "
        "3f7b04a7 3f788a2e 3f75c43e 3f727c12 3f6cd13b 3f63fa1f 3f59f6fd 3f4f1472 "
        "3f3d36ff 3f24dc15 3f0c9465 3eecbb60 3eafc581 3e662de0 3e13b90f 3db6eab2 "
    ),
    (
        "bd2dfbc8 bc828a79 bbc50a26 bb0e8666 ba03adb4 b8875fbb b715dd30 b59fdf94 "
        "b427294f 00000000 00000000 00000000 33379f4c bdaea02b bdcd05e4 bdebf269 "
        "be0c1172 be29b640 be448cd3 be5edcee be81a6d6 be96dabd bea807ea beb50c12 "
        "bec149bd bec4bbef bebcc9a8 bead9480 be8e70b8 be4aaa49 be08a733 bdae8ea9 "
    ),
    (
        "3cddbda7 3c2b3baf 3b82923c 3abd98c0 39af9276 38344496 36c7b929 3554f568 "
        "33de8a22 00000000 00000000 00000000 beaaab32 bea5a841 bea3bc8f bea172d4 "
        "be9d9360 be97351f be903218 be880d83 be74c670 be4c25cc be211555 bdeba389 "
        "bd5b5a87 3c6f53d3 3d842ce7 3dc174b5 3de35c22 3dcb6e0b 3d9a57c5 3d533750 "
    ),
    (
        "bc4ab012 bba70e6c bb023caf ba3eb67c b936d48e b7bc3a08 b65079d8 b4de5f16 "
        "b368d833 00000000 00000000 00000000 3904823d 3d663f53 3d869434 3d9a1292 "
        "3db546a5 3dd85b39 3df65066 3e08c9d9 3e195961 3e2805e7 3e2e0735 3e2c21b0 "
        "3e1caeeb 3df458ca 3da30a1a 3d33847f 3b4d4c59 bcae4260 bcce0998 bcaa4847 "
    ),
    (
        "3b824d5c 3afaa67c 3a4a2c2c 39990f2c 388faf9f 371ad575 35a85630 3435d316 "
        "32c0d0cf 00000000 00000000 00000000 3e07209e 3e001a93 3df9b62a 3df23657 "
        "3de54bd0 3dd12061 3dba616a 3da15489 3d71feb1 3d02dfee 3bc1d457 bc8c8972 "
        "bd324655 bd7c3505 bd805515 bd59754e bd02ff07 bc1b5f8f 3ab5c795 3b96d35d "
    ),
)

# ERF_ROWS, laid out likewise; the entry for the least arguments is what to add to them.
_ERF_ROWS = (
    (
        "4010786c 40307e28 4050902e 406ef9db 40800000 40a00000 40c00000 40e00000 "
        "41000000 41200000 41400000 41600000 00000000 3dafec57 3dcf9a6b 3df04d01 "
        "3e105e35 3e302b6b 3e506b51 3e701062 3e8f6944 3eb0339c 3ecff55a 3ef091d1 "
        "3f0f999a 3f2fa027 3f504dd3 3f7045a2 3f8fc0ec 3fb0a3d7 3fcf6113 3fefe1b1 "
    ),
    (
        "3f7fa386 3f7ff9b2 3f7fffbc 3f7ffffe 3f800000 3f800000 3f800000 3f800000 "
        "3f800000 3f800000 3f800000 3f800000 00000000 3dc6055a 3de97489 3e06f4a2 "
        "3e21d435 3e44d799 3e67f7e7 3e85002b 3e9db021 3ebf3e87 3ede5dc6 3efcbbd8 "
        "3f12880d 3f2b05a6 3f400a36 3f50cb25 3f63452c 3f72f2b7 3f7a6182 3f7df106 "
    ),
    (
        "3be269de 3a135069 37e74542 3585654a 00000000 00000000 00000000 00000000 "
        "00000000 00000000 00000000 00000000 3e0375d4 3f8f5ee7 3f8ef4bc 3f8e752c "
        "3f8d970d 3f8c3863 3f8a924c 3f88b566 3f8588b7 3f804d02 3f74eef8 3f67a41b "
        "3f52e256 3f346caa 3f14fd2e 3eef6ac8 3ea3a9ba 3e2c0fd5 3da76bf0 3d09e18a "
    ),
    (
        "bc7f7d98 bacadb55 b8bbb874 b677cdb2 00000000 00000000 00000000 00000000 "
        "00000000 00000000 00000000 00000000 32b777a0 bdc50c79 bde7dc3e be05b8b3 "
        "be1fb225 be40fd19 be61a1ea be8032cf be959c8e beb09d9d bec6f7f9 bed9adca "
        "beec95e4 bef78e4a bef275fd bee0b53a beb7ce71 be6d7272 be07a00c bd813349 "
    ),
    (
        "3cad6579 3b2e1ba8 3941db0e 37141473 00000000 00000000 00000000 00000000 "
        "00000000 00000000 00000000 00000000 bec093e7 bebc5702 bebab0d6 beb8b6ac "
        "beb54828 beafe4a0 bea97438 bea23de4 be961b9b be828c07 be5ad327 be2c7b95 "
        "bdd0768a bc61f35e 3d80cb74 3df32ee4 3e261fe4 3e211a48 3ded2978 3d8a70f9 "
    ),
    (
        "bc9af701 bb56f272 b999a967 b78c8968 00000000 00000000 00000000 00000000 "
        "00000000 00000000 00000000 00000000 38844de1 3d44130e 3d664426 3d847da7 "
        "3d9d9062 3dbd296a 3ddb6127 3df6fa6d 3e0dbb75 3e229c2b 3e31059f 3e3993eb "
        "3e3ab9b6 3e29b566 3e07593d 3db97723 3cec71a0 bcfc948d bd4a42f0 bd2cfb2d "
    ),
    (
        "3c2d06b5 3b385a6e 39ad22ac 37c0ab3b 00000000 00000000 00000000 00000000 "
        "00000000 00000000 00000000 00000000 3de5b064 3ddea0a4 3ddb5169 3dd776f0 "
        "3dd0b96d 3dc615d0 3db99c59 3dab8978 3d93cb86 3d60134b 3d136756 3c89325a "
        "bc2fb53b bd2a185a bd7c9fc1 bd8e5387 bd7a3a88 bcfa2233 bb1b8cbc 3c3989a6 "
    ),
)

# LOG_ROWS: c close to 1/x for sixteenths of 1 to 2, and -log(c).
_LOG_ROWS_F32 = (
    (
        "3f800000 3f69fc1d 3f5da86f 3f51c20d 3f47a63e 3f3e929b 3f35ecfa 3f2e2f7d "
        "3f27158d 3f206b23 3f1aa9d0 3f14c587 3f0fcee1 3f0acdf7 3f062f9b 3f000000 "
    ),
    (
        "00000000 3db8289d 3e137fc2 3e4c0117 3e7e94da 3e971d17 3eaee376 3ec52624 "
        "3eda75c2 3eef4ded 3f010158 3f0af2aa 3f13a273 3f1cb348 3f255d09 3f317218 "
    ),
)
# The same, with -log(c) in two parts.
_LOG_ROWS_F64 = (
    (
        "3ff0000000000000 3fed3f83a0000000 3febb50de0000000 3fea3841a0000000 "
        "3fe8f4c7c0000000 3fe7d25360000000 3fe6bd9f40000000 3fe5c5efa0000000 "
        "3fe4e2b1a0000000 3fe40d6460000000 3fe3553a00000000 3fe298b0e0000000 "
        "3fe1f9dc20000000 3fe159bee0000000 3fe0c5f360000000 3fe0000000000000 "
    ),
    (
        "0000000000000000 3fb705139ffe0000 3fc26ff840012000 3fc98022dffec000 "
        "3fcfd29b40030000 3fd2e3a2dfff9000 3fd5dc6ebfe83000 3fd8a4c480002000 "
        "3fdb4eb84000d000 3fdde9bda0025000 3fe0202afff5f800 3fe15e5540017800 "
        "3fe2744e6006d800 3fe39668fffa0800 3fe4aba120056000 3fe62e42fee00000 "
    ),
    (
        "0000000000000000 bd31a6a4abd7ccc6 bd273464be8d108a 3d0ed29999463beb "
        "3d1422818a884b5f 3d2c1ce2001e2974 bd3a1ab8d6515347 bd23bf4f6ca029a3 "
        "bd3411b3355c7be7 3cd63b8991599e0b 3d26a3e81304ac9b bd022249321dc3fa "
        "bd29f2675970bfb5 bd3781bdc06bb4b6 bcc987384f4fd5d2 3dea39ef35793c76 "
    ),
)

# -log2(c).
_LOG2_ROW = (
    "0000000000000000 3fc09af4cbea5fef 3fca997a17482612 3fd2650e0cce9634 "
    "3fd6f488cbc8a116 3fdb40593158780e 3fdf89f2119ffe6a 3fe1c6d058719fcb "
    "3fe3b2bd03e8f786 3fe593e46ca1d125 3fe743affd17431c 3fe90eb3dc531fe7 "
    "3fea9fbba9b405aa 3fec4243c1140aba 3fedd2351dd05eb3 3ff0000000000000 "
)

# (log(1 + r) - r) / r**2 for -1/32 <= r <= 1/16: LOG_TABLE_*.
_LOG_TAIL = {
    "f32": (
        -0.4999999701976776, 0.3333430886268616, -0.2501339316368103,
        0.18992513418197632,
    ),
    "f64": hexadecimal(
        "-0x1.fffffffffffffp-2 0x1.5555555555c23p-2 -0x1.0000000007e59p-2 "
        "0x1.999999865b13cp-3 -0x1.555553de9e9b9p-3 0x1.2492b7826d3eep-3 "
        "-0x1.000af084ba9d9p-3 0x1.c601bf06b44edp-4 -0x1.6a58a20ae6adap-4"
    ),
}  # fmt: skip
# log2(1 + r) / r for the same, to 2**-39: POW_TABLE.
_LOG2_TAIL = hexadecimal(
    "0x1.71547652b9615p+0 -0x1.7154765194fe4p-1 0x1.ec709cd86c2a0p-2 "
    "-0x1.7154929d920a1p-2 0x1.277e82617d637p-2 -0x1.ec3a07e087498p-3 "
    "0x1.826d3e2f07ab6p-3"
)
_LN2_F32 = 0.6931471824645996
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10


def tanh_f32(e: Emitter, x: Operand) -> Operand:
    """Hyperbolic tangent of f32: a polynomial for each quarter of an octave."""
    return _in_registers(e, x, lambda e, x: _by_quarters(e, x, _TANH_ROWS, 9.015))


def erf_f32(e: Emitter, x: Operand) -> Operand:
    """Error function of f32: a polynomial for each quarter of an octave."""
    return _in_registers(e, x, lambda e, x: _by_quarters(e, x, _ERF_ROWS, 3.94))


def log(e: Emitter, x: Operand) -> Operand:
    """Natural logarithm.

    x = 2**n m with 1 <= m < 2; by the first digits of m, a factor c close to 1/m;
    log(x) = n ln 2 - log(c) + log(1 + r) with r = c m - 1 (P.-T. P. Tang, "Table-driven
    implementation of the logarithm function in IEEE floating-point arithmetic", ACM
    TOMS 16, 1990).
    """
    return _in_registers(e, x, _log)


def short_log2(e: Emitter, x: Operand) -> Operand:
    """Logarithm to base 2 of a positive f64, as ``log``, to 2**-38 of its value."""
    return _in_registers(e, x, _short_log2)


def _by_quarters(
    e: Emitter, x: Operand, rows: tuple[str, ...], one_from: float
) -> Operand:
    """An odd function that is 1 to the last bit from some argument on."""
    magnitude = minimum_keeping_nan(e, one_from, e.abs(x))
    bits = e.bitcast(maximum_keeping_nan(e, 0.0625, magnitude), "i32")
    index = e.shift_right(bits, 21, signed=False)
    center, *coefficients = (_look_up(e, index, row, "f32") for row in rows)
    distance = e.sub(magnitude, center)
    if rows is _ERF_ROWS:
        # The slope at 0 is no float: what is added is the argument and the rest of it.
        small = e.lt(magnitude, 0.078125)
        coefficients[0] = e.select(small, magnitude, coefficients[0])
    value = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = e.multiply_add(value, distance, coefficient)
    return e.copysign(value, x)


def _log(e: Emitter, x: Operand) -> Operand:
    element = x.element
    rows = _LOG_ROWS_F32 if element == "f32" else _LOG_ROWS_F64
    exponent, rest, logarithm = _near_one(e, x, rows)
    square = e.mul(rest, rest)
    tail = horner(e, rest, _LOG_TAIL[element])
    if element == "f32":
        base = e.multiply_add(exponent, _LN2_F32, logarithm[0])
        return e.add(base, e.multiply_add(square, tail, rest))
    base = e.multiply_add(exponent, _LN2_HIGH, logarithm[0])
    low = e.multiply_add(exponent, _LN2_LOW, logarithm[1])
    low = e.multiply_add(square, tail, low)
    return e.add(e.add(base, rest), low)


def _short_log2(e: Emitter, x: Operand) -> Operand:
    exponent, rest, (logarithm,) = _near_one(e, x, (_LOG_ROWS_F64[0], _LOG2_ROW))
    tail = horner(e, rest, _LOG2_TAIL)
    return e.multiply_add(rest, tail, e.add(exponent, logarithm))


def _near_one(
    e: Emitter, x: Operand, rows: tuple[str, ...]
) -> tuple[Operand, Operand, list[Operand]]:
    """The exponent of x, its mantissa times a factor minus 1, and entries for these."""
    element = x.element
    # Interval 0 is [1, 2), and 2 << 2 gives nan for negative numbers.
    mantissa = avx512(e, "getmant", x, immediate=2 << 2)
    exponent = avx512(e, "getexp", x)
    shift = 19 if element == "f32" else 48
    bits = e.bitcast(mantissa, INTEGER_OF[element])
    index = e.shift_right(bits, shift, signed=False)
    factor, *logarithm = [_look_up(e, index, row, element) for row in rows]
    return exponent, e.multiply_add(mantissa, factor, e.like(-1.0, x)), logarithm


def _look_up(e: Emitter, index: Operand, row: str, element: str) -> Operand:
    """The entries of a row by the last bits of an index: 512 bits of either."""
    bits = _BITS[element]
    width = 512 // bits
    data = bytes.fromhex(row)
    code = "f" if bits == 32 else "d"
    values = struct.unpack(f">{8 * len(data) // bits}{code}", data)
    tables = [
        e.constants(values[i : i + width], element)
        for i in range(0, len(values), width)
    ]
    if len(tables) == 1:
        name = "llvm.x86.avx512.permvar.sf.512"
    else:
        name = f"llvm.x86.avx512.vpermi2var.{'ps' if bits == 32 else 'pd'}.512"
    return e.call(name, (tables[0], index, *tables[1:]), element, width)


def _in_registers(
    e: Emitter, x: Operand, function: Callable[[Emitter, Operand], Operand]
) -> Operand:
    """Apply a function of 512-bit vectors to a vector of any width."""
    width = 512 // _BITS[x.element]
    if x.width > width:
        first, second = (_in_registers(e, half, function) for half in e.halves(x))
        return e.concatenate(first, second)
    if x.width < width:
        return narrow(e, function(e, widen(e, x, width)), x.width)
    return function(e, x)
