"""What the vector math functions share: polynomials, exponents, table-free tricks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.backends.llvm.emitter import Emitter, Operand

Function = Callable[..., Operand]

# Adding it leaves the nearest integer in the low bits of the sum: 1.5 * 2**23 and
# 1.5 * 2**52, of which the half keeps the sum's exponent for negative integers too.
SHIFTERS = {"f32": 12582912.0, "f64": 6755399441055744.0}
FRACTION_BITS = {"f32": 23, "f64": 52}
EXPONENT_BIAS = {"f32": 127, "f64": 1023}
INTEGER_OF = {"f32": "i32", "f64": "i64"}


def hexadecimal(text: str) -> tuple[float, ...]:
    """Read floats in hexadecimal, which says their bits exactly."""
    return tuple(float.fromhex(word) for word in text.split())


def horner(e: Emitter, x: Operand, coefficients: Sequence[float]) -> Operand:
    """Evaluate a polynomial whose coefficients are given from the constant up.

    Horner's order has the fewest operations. Its latency is hidden by the iterations
    of the loop around it, which are independent.
    """
    total = e.like(coefficients[-1], x)
    for coefficient in reversed(coefficients[:-1]):
        total = e.multiply_add(total, x, coefficient)
    return total


def nearest_integer(e: Emitter, x: Operand, factor: float) -> tuple[Operand, Operand]:
    """Round ``x * factor`` to an integer: as a float, and in the low bits of another.

    Args:
        e: the emitter.
        x: |x * factor| must stay below 2**22 (f32) or 2**51 (f64).
        factor: what to multiply by.

    Returns:
        The integer as a float, and a float whose lowest bits are the integer's.
    """
    shifter = SHIFTERS[x.element]
    shifted = e.multiply_add(x, factor, e.like(shifter, x))
    return e.sub(shifted, shifter), shifted


def has_avx512(e: Emitter) -> bool:
    """Whether AVX-512's instructions for floating-point parts may be used."""
    return "avx512vl" in e.machine.features


def avx512(
    e: Emitter, name: str, *operands: Operand, immediate: int | None = None
) -> Operand:
    """Call ``llvm.x86.avx512.mask.{name}`` on operands of any width.

    The instruction exists for 128, 256 and 512 bits: wider vectors are split, and
    narrower ones, and scalars, are put into the smallest.
    """
    element, width = operands[0].element, operands[0].width
    bits = 32 if element == "f32" else 64
    if width * bits > 512:
        pairs = [e.halves(operand) for operand in operands]
        first = avx512(e, name, *[pair[0] for pair in pairs], immediate=immediate)
        second = avx512(e, name, *[pair[1] for pair in pairs], immediate=immediate)
        return e.concatenate(first, second)
    if width * bits < 128:
        widened = [widen(e, operand, 128 // bits) for operand in operands]
        return narrow(e, avx512(e, name, *widened, immediate=immediate), width)
    size = width * bits
    full = f"llvm.x86.avx512.mask.{name}.{'ps' if bits == 32 else 'pd'}.{size}"
    kind = f"<{width} x {'float' if bits == 32 else 'double'}>"
    mask = "i16" if width == 16 else "i8"
    parameters = [kind] * len(operands)
    arguments = [operand.typed for operand in operands]
    if immediate is not None:
        parameters.append("i32")
        arguments.append(f"i32 {immediate}")
    parameters += [kind, mask]
    arguments += [f"{kind} zeroinitializer", f"{mask} -1"]
    if size == 512:
        # The rounding mode that stands for "as the control register says".
        parameters.append("i32")
        arguments.append("i32 4")
    e.module.declare(full, f"{kind} @{full}({', '.join(parameters)})")
    text = f"call {kind} @{full}({', '.join(arguments)})"
    return e.instruction(text, element, width)


def widen(e: Emitter, a: Operand, width: int) -> Operand:
    """Put the lanes first into a wider vector, whose other lanes are zero."""
    wide = e.constant(0, a.element, width)
    for lane in range(a.width):
        wide = e.insert(wide, lane, e.extract(a, lane))
    return wide


def narrow(e: Emitter, a: Operand, width: int) -> Operand:
    """Take the first lanes of a vector."""
    while a.width > width:
        a = e.halves(a)[0]
    return a


def scale_by_power(e: Emitter, x: Operand, power: Operand, shifted: Operand) -> Operand:
    """Return x * 2**power, correct also where it is denormal or overflows.

    Args:
        e: the emitter.
        x: of magnitude 1/4 to 4.
        power: an integer, as a float.
        shifted: the float whose lowest bits are that integer's (``nearest_integer``).
    """
    if has_avx512(e):
        return avx512(e, "scalef", x, power)
    # In two steps, neither of which leaves the normal range before the last rounding.
    element = x.element
    shift, bias = FRACTION_BITS[element], EXPONENT_BIAS[element]
    bits = e.sub(
        e.bitcast(shifted, INTEGER_OF[element]),
        e.bitcast(e.like(SHIFTERS[element], x), INTEGER_OF[element]),
    )
    half = e.shift_right(bits, 1)
    for part in (half, e.sub(bits, half)):
        factor = e.shift_left(e.add(part, bias), shift)
        x = e.mul(x, e.bitcast(factor, element))
    return x


def minimum_keeping_nan(e: Emitter, limit: float, x: Operand) -> Operand:
    """Return the lesser of a limit and x, and nan for nan: one instruction on x86."""
    return e.select(e.lt(e.like(limit, x), x), limit, x)


def maximum_keeping_nan(e: Emitter, limit: float, x: Operand) -> Operand:
    """Return the greater of a limit and x, and nan for nan: one instruction on x86."""
    return e.select(e.gt(e.like(limit, x), x), limit, x)


def exponent_and_mantissa(e: Emitter, x: Operand) -> tuple[Operand, Operand]:
    """Split x > 0, denormal or not, into 2**n times a mantissa in [3/4, 3/2).

    Returns:
        n as a float, and the mantissa. For what is not positive and finite: of 0, -inf
        and 1, of inf, inf and 1, else nan, but only with AVX-512. See
        ``with_logarithm_edges``.
    """
    element = x.element
    if has_avx512(e):
        # Interval 3 is [3/4, 3/2), and 2 << 2 gives nan for negative numbers.
        mantissa = avx512(e, "getmant", x, immediate=2 << 2 | 3)
        exponent = avx512(e, "getexp", x)
        halved = e.lt(mantissa, 1.0)
        return e.select(halved, e.add(exponent, 1.0), exponent), mantissa
    integer, shift = INTEGER_OF[element], FRACTION_BITS[element]
    bias = EXPONENT_BIAS[element]
    tiny = e.lt(x, 2.0 ** (1 - bias))
    normal = e.select(tiny, e.mul(x, 2.0 ** (shift + 1)), x)
    bits = e.bitcast(normal, integer)
    # Half a unit of the exponent is where 3/4 becomes 3/2.
    above = e.sub(bits, 1 << (shift - 1))
    biased = e.shift_right(above, shift, signed=False)
    mantissa = e.sub(bits, e.shift_left(e.sub(biased, bias - 1), shift))
    exponent = small_integer(e, biased, element)
    shift_back = e.select(tiny, e.like(float(bias + shift), x), float(bias - 1))
    return e.sub(exponent, shift_back), e.bitcast(mantissa, element)


def small_integer(e: Emitter, a: Operand, element: str) -> Operand:
    """Turn an integer of the float's size, 0 <= a < 2**22, into a float."""
    # As fast as a conversion, and there is none from 64 bits before AVX-512.
    shifter = 2.0 ** FRACTION_BITS[element]
    bits = e.bitcast(e.constant(shifter, element, a.width), INTEGER_OF[element])
    return e.sub(e.bitcast(e.bit_or(a, bits), element), shifter)


def power_of_two(e: Emitter, exponent: Operand) -> Operand:
    """Return 2**exponent for a whole float that gives a normal result or 0."""
    element = exponent.element
    biased = e.add(exponent, SHIFTERS[element] + EXPONENT_BIAS[element])
    integer = e.bitcast(biased, INTEGER_OF[element])
    return e.bitcast(e.shift_left(integer, FRACTION_BITS[element]), element)


def with_logarithm_edges(e: Emitter, x: Operand, value: Operand) -> Operand:
    """Give a logarithm of x its values at 0, at infinity, at nan and below 0."""
    infinity = float("inf")
    value = e.select(e.lt(x, infinity), value, x)
    edge = e.select(e.eq(x, 0.0), e.like(-infinity, x), float("nan"))
    return e.select(e.gt(x, 0.0), value, edge)
