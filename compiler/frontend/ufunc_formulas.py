"""Ufuncs that are made of several ops.

Each formula takes traced arrays of its loop's dtypes and uses their operators, so
promotion and broadcasting are NumPy's; what it returns is converted to the loop's
result dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array, host_size
from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.promotion import integer_range
from penstock.frontend.refusals import bad_value
from penstock.ir.attributes import Constant
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import f32, i64, u64

__all__ = ["formula_of", "is_supported"]

Formula = Callable[..., Any]

# Given traced arrays, NumPy's functions come back to ours.
numpy: Any = np


def formula_of(ufunc: np.ufunc) -> Formula:
    """The formula of a ufunc.

    Raises:
        UnsupportedError: there is none.
    """
    found = _FORMULAS.get(ufunc)
    if found is None:
        found = _SCIPY_FORMULAS.get(ufunc.__name__)
    if found is None:
        raise UnsupportedError(
            user_location(),
            f"the ufunc {ufunc.__name__} is not supported",
            code="unsupported-function",
            hint="compute it outside the compiled function, or from functions that "
            "are supported",
        )
    return found


def is_supported(ufunc: np.ufunc) -> bool:
    """Whether there is a formula of this ufunc."""
    return ufunc in _FORMULAS or ufunc.__name__ in _SCIPY_FORMULAS


def _op(name: str, *operands: TracedArray, **attributes: Any) -> TracedArray:
    tracer = operands[0].tracer
    values = [operand.value for operand in operands]
    ordered = all(operand.cell.ordered for operand in operands)
    return wrap(tracer, tracer.emit(name, *values, **attributes), ordered)


def select(condition: TracedArray, x: Any, y: Any) -> TracedArray:
    """``x`` where the condition holds, else ``y``; numbers take the other's dtype."""
    like = x if isinstance(x, TracedArray) else y
    tracer = like.tracer
    x, y = (
        part
        if issubclass(type(part), TracedArray)
        else wrap(tracer, tracer.constant(part, like.kind))
        for part in (x, y)
    )
    return _op("select", condition, x, y)


def constant_of(array: TracedArray) -> Any:
    """The one number that an array is, where it is a constant scalar; else ``None``."""
    value = array.value
    if value.is_op("const") and not value.shape:
        constant = value.attributes["value"]
        assert isinstance(constant, Constant)
        return constant.array[()]
    return None


def _power(x: TracedArray, y: TracedArray) -> Any:
    exponent = constant_of(y)
    if x.kind.is_integer:
        if y.kind.kind == "i" and not _is_never_negative(y):
            return _refuse_integer_power(x, exponent)
        return x * x if exponent is not None and exponent == 2 else _op("pow", x, y)
    # The exponents for which NumPy's loop takes a shorter way (fast_scalar_power).
    is_scalar = not x.sizes
    if exponent is None or (exponent == 0.5 and is_scalar):
        return _op("pow", x, y)
    if exponent == 2:
        return x * x
    if exponent == 1:
        return x
    if exponent == -1:
        return _reciprocal(x)
    if exponent == 0.5:
        return _op("sqrt", x)
    if exponent == 0:
        tracer = x.tracer
        one = tracer.constant(1, x.kind)
        return wrap(
            tracer, tracer.emit("broadcast_to", one, shape=x.sizes) if x.sizes else one
        )
    return _op("pow", x, y)


def _is_never_negative(y: TracedArray) -> bool:
    """Whether integers are known not to be negative; sizes are guarded."""
    known = constant_array(y.tracer, y.value)
    if known is not None:
        return bool((known >= 0).all())
    value = y.value
    while value.is_op("astype") and value.operands[0].dtype.is_integer:
        value = value.operands[0]
    size = host_size(y.tracer, value)
    return size is not None and y.tracer.ask(size, ">=", 0)


def _refuse_integer_power(x: TracedArray, exponent: Any) -> Any:
    if exponent is not None:
        # Of no elements NumPy finds none to refuse.
        if any(x.tracer.ask(size, "==", 0) for size in x.sizes):
            return x
        raise bad_value(
            f"power: {x.tensor} to the negative power {exponent} is no integer",
            hint="make the base floating, e.g. x.astype(float)",
        )
    raise UnsupportedError(
        user_location(),
        f"{x.tensor} to the power of signed integers that are not constant",
        code="integer-power",
        hint="the exponents might be negative: make them unsigned, e.g. "
        "n.astype(np.uint64), or the base floating",
    )


def _reciprocal(x: TracedArray) -> Any:
    one = wrap(x.tracer, x.tracer.constant(1, x.kind))
    return _op("floor_divide" if x.kind.is_integer else "div", one, x)


def _mixed_comparison(signed_first: str, unsigned_first: str) -> Formula:
    """A comparison of i64 with u64, which have no common integer dtype."""

    def compare(x: TracedArray, y: TracedArray) -> Any:
        if x.kind is i64:
            negative, op = x < 0, signed_first
            same = _op(op, _op("astype", x, dtype=u64), y)
            below = op in ("less", "less_equal", "not_equal")
        else:
            negative, op = y < 0, unsigned_first
            same = _op(op, x, _op("astype", y, dtype=u64))
            below = op in ("greater", "greater_equal", "not_equal")
        return negative | same if below else ~negative & same

    return compare


def _rint(x: TracedArray) -> Any:
    """Round to the nearest integer, halves to even.

    Adding and subtracting 2^(p - 1) rounds in the current mode (Goldberg 1991, What
    every computer scientist should know about floating-point arithmetic); magnitudes
    that high are integers already, and zeros keep their sign.
    """
    if not x.kind.is_float:
        return x
    wide = x.astype(np.float32) if x.kind.bits == 16 else x
    shift = float(1 << 23) if wide.kind is f32 else float(1 << 52)
    magnitude = abs(wide)
    rounded = (magnitude + shift) - shift
    signed = select(wide < 0, -rounded, rounded)
    result = select((magnitude < shift) & (wide != 0), signed, wide)
    return result.astype(x.dtype)


def _trunc(x: TracedArray) -> Any:
    if not x.kind.is_float:
        return x
    return select(x < 0, _op("ceil", x), _op("floor", x))


def _fmod(x: TracedArray, y: TracedArray) -> Any:
    """The remainder with the dividend's sign: of magnitudes it is Python's."""
    if not x.kind.is_float:
        remainder = x % y
        if x.kind.kind == "u":
            return remainder
        return select((remainder != 0) & ((x < 0) != (y < 0)), remainder - y, remainder)
    magnitude = _op("remainder", abs(x), abs(y))
    return select(x < 0, -magnitude, select(x == 0, x + magnitude * 0, magnitude))


def _is_inf(x: TracedArray) -> Any:
    return abs(x) == math.inf if x.kind.is_float else _all_equal(x, False)


def _is_finite(x: TracedArray) -> Any:
    return abs(x) < math.inf if x.kind.is_float else _all_equal(x, True)


def _is_nan(x: TracedArray) -> Any:
    return _op("is_nan", x) if x.kind.is_float else _all_equal(x, False)


def _all_equal(x: TracedArray, answer: bool) -> Any:
    return x == x if answer else x != x


def _as_bool(x: TracedArray) -> Any:
    return x if x.kind.kind == "b" else x != 0


def _fmax(x: TracedArray, y: TracedArray) -> Any:
    return _ignoring_nan("maximum", x, y)


def _fmin(x: TracedArray, y: TracedArray) -> Any:
    return _ignoring_nan("minimum", x, y)


def _ignoring_nan(op: str, x: TracedArray, y: TracedArray) -> Any:
    chosen = _op(op, x, y)
    if not x.kind.is_float:
        return chosen
    return select(_op("is_nan", x), y, select(_op("is_nan", y), x, chosen))


def _hypot(x: TracedArray, y: TracedArray) -> Any:
    """sqrt(x^2 + y^2) without overflow: M sqrt(1 + (m / M)^2), Higham 2002, 27.5."""
    x, y = abs(x), abs(y)
    # An infinity wins over nan, as in C's hypot.
    infinite = (x == math.inf) | (y == math.inf)
    larger, smaller = _op("maximum", x, y), _op("minimum", x, y)
    ratio = smaller / select(larger == 0, 1, larger)
    return select(infinite, math.inf, larger * numpy.sqrt(1 + ratio * ratio))


def _logaddexp(x: TracedArray, y: TracedArray) -> Any:
    """log(e^x + e^y) = M + log1p(e^-|x - y|); equal infinities are their own sum."""
    larger = _op("maximum", x, y)
    return select(x == y, x + math.log(2), larger + numpy.log1p(numpy.exp(-abs(x - y))))


def _logaddexp2(x: TracedArray, y: TracedArray) -> Any:
    larger = _op("maximum", x, y)
    rest = numpy.log1p(_exp2(-abs(x - y))) * (1 / math.log(2))
    return select(x == y, x + 1, larger + rest)


def _exp2(x: TracedArray) -> Any:
    return _op("pow", *_align(x, 2))


def _align(x: TracedArray, number: float) -> tuple[TracedArray, TracedArray]:
    return wrap(x.tracer, x.tracer.constant(number, x.kind)), x


def _log_to_base(base: int) -> Formula:
    """log_b x, mended so that powers of the base give integers exactly."""

    def formula(x: TracedArray) -> Any:
        wide = x.astype(np.float64) if x.kind.bits < 64 else x
        quotient = numpy.log(wide) / math.log(base)
        nearest = _rint(quotient)
        exact = _op("pow", *_align(nearest, base)) == wide
        return select(exact, nearest, quotient).astype(x.dtype)

    return formula


def _sinh(x: TracedArray) -> Any:
    """(e^x - e^-x) / 2, by expm1; e^(x/2) twice where e^x would overflow."""
    a = abs(x)
    m = numpy.expm1(a)
    half = numpy.exp(a * 0.5)
    large = (half * 0.5) * half
    result = select(a > 20, large, (m + m / (m + 1)) * 0.5)
    return select(x < 0, -result, select(x == 0, x, result))


def _cosh(x: TracedArray) -> Any:
    """(e^x + e^-x) / 2, with e^(x/2) twice where e^x would overflow."""
    half = numpy.exp(abs(x) * 0.5)
    return (half * 0.5) * half + (0.5 / half) / half


def _arcsinh(x: TracedArray) -> Any:
    """sign(x) log(a + sqrt(a^2 + 1)) by log1p, DLMF 4.37.16 (a = |x|)."""
    a = abs(x)
    small = numpy.log1p(a + a * a / (1 + numpy.sqrt(a * a + 1)))
    result = select(a > 1e8, numpy.log(a) + math.log(2), small)
    return select(x < 0, -result, select(x == 0, x, result))


def _arccosh(x: TracedArray) -> Any:
    """log(x + sqrt(x^2 - 1)) by log1p with t = x - 1, DLMF 4.37.19."""
    t = x - 1
    small = numpy.log1p(t + numpy.sqrt(t) * numpy.sqrt(t + 2))
    return select(x > 1e8, numpy.log(x) + math.log(2), small)


def _arctanh(x: TracedArray) -> Any:
    """log1p(2 a / (1 - a)) / 2 with the sign of x, DLMF 4.37.24 (a = |x|)."""
    a = abs(x)
    result = 0.5 * numpy.log1p(2 * a / (1 - a))
    return select(x < 0, -result, select(x == 0, x, result))


def _tan(x: TracedArray) -> Any:
    """sin x / cos x, DLMF 4.14.4."""
    return numpy.sin(x) / numpy.cos(x)


def _heaviside(x: TracedArray, at_zero: TracedArray) -> Any:
    result = select(x < 0, 0, select(x == 0, at_zero, 1))
    return select(_op("is_nan", x), x, result)


def _shift_left(x: TracedArray, count: TracedArray) -> Any:
    bits = _constant_shift(x, count)
    if bits >= x.kind.bits:
        return x * 0
    if bits == x.kind.bits - 1 and x.kind.kind == "i":
        return x * integer_range(x.kind)[0]
    return x * (1 << bits)


def _shift_right(x: TracedArray, count: TracedArray) -> Any:
    bits = _constant_shift(x, count)
    if bits >= x.kind.bits - (x.kind.kind == "i"):
        return x * 0 if x.kind.kind == "u" else -((x < 0).astype(x.dtype))
    return x // (1 << bits)


def _constant_shift(x: TracedArray, count: TracedArray) -> int:
    number = constant_of(count)
    if number is None or number < 0:
        raise UnsupportedError(
            user_location(),
            f"shifting {x.tensor} by counts that are not a constant",
            code="shift-count",
            hint="shift by a Python integer, or multiply by a power of two",
        )
    return int(number)


def _divmod(x: TracedArray, y: TracedArray) -> tuple[TracedArray, TracedArray]:
    return _op("floor_divide", x, y), _op("remainder", x, y)


def _expit(x: TracedArray) -> Any:
    """1 / (1 + e^-x), the logistic function."""
    return 1 / (1 + numpy.exp(-x))


def _log_expit(x: TracedArray) -> Any:
    """-log1p(e^-x), written so that e^|x| never overflows."""
    return _op("minimum", x, x * 0) - numpy.log1p(numpy.exp(-abs(x)))


def _xlogy(x: TracedArray, y: TracedArray) -> Any:
    return select((x == 0) & ~_is_nan(y), 0, x * numpy.log(y))


def _xlog1py(x: TracedArray, y: TracedArray) -> Any:
    return select((x == 0) & ~_is_nan(y), 0, x * numpy.log1p(y))


def _entropy(x: TracedArray) -> Any:
    return select(x == 0, 0, select(x < 0, -math.inf, -x * numpy.log(x)))


def _scaled(above: float, below: float) -> Formula:
    """x (above / below), the quotient in the dtype of NumPy's loop (npy_rad2deg)."""

    def formula(x: TracedArray) -> Any:
        wide = x.astype(np.float32) if x.kind.bits == 16 else x
        kind = wide.dtype.type
        return (wide * (kind(above) / kind(below))).astype(x.dtype)

    return formula


_FORMULAS: dict[np.ufunc, Formula] = {
    np.power: _power,
    np.float_power: _power,
    np.positive: lambda x: x,
    np.conjugate: lambda x: x,
    np.fabs: abs,
    np.square: lambda x: x * x,
    np.reciprocal: _reciprocal,
    np.equal: _mixed_comparison("equal", "equal"),
    np.not_equal: _mixed_comparison("not_equal", "not_equal"),
    np.less: _mixed_comparison("less", "less"),
    np.less_equal: _mixed_comparison("less_equal", "less_equal"),
    np.greater: _mixed_comparison("greater", "greater"),
    np.greater_equal: _mixed_comparison("greater_equal", "greater_equal"),
    np.logical_and: lambda x, y: _as_bool(x) & _as_bool(y),
    np.logical_or: lambda x, y: _as_bool(x) | _as_bool(y),
    np.logical_xor: lambda x, y: _as_bool(x) ^ _as_bool(y),
    np.logical_not: lambda x: ~_as_bool(x),
    np.isnan: _is_nan,
    np.isinf: _is_inf,
    np.isfinite: _is_finite,
    np.fmax: _fmax,
    np.fmin: _fmin,
    np.rint: _rint,
    np.trunc: _trunc,
    np.fmod: _fmod,
    np.divmod: _divmod,
    np.hypot: _hypot,
    np.logaddexp: _logaddexp,
    np.logaddexp2: _logaddexp2,
    np.exp2: _exp2,
    np.log2: _log_to_base(2),
    np.log10: _log_to_base(10),
    np.sinh: _sinh,
    np.cosh: _cosh,
    np.tan: _tan,
    np.arcsinh: _arcsinh,
    np.arccosh: _arccosh,
    np.arctanh: _arctanh,
    np.heaviside: _heaviside,
    np.left_shift: _shift_left,
    np.right_shift: _shift_right,
    np.deg2rad: _scaled(math.pi, 180),
    np.radians: _scaled(math.pi, 180),
    np.rad2deg: _scaled(180, math.pi),
    np.degrees: _scaled(180, math.pi),
}

# SciPy's ufuncs arrive without SciPy being imported here: by name.
_SCIPY_FORMULAS: dict[str, Formula] = {
    "erf": lambda x: _op("erf", x),
    "expit": _expit,
    "log_expit": _log_expit,
    "xlogy": _xlogy,
    "xlog1py": _xlog1py,
    "entr": _entropy,
}
