"""Ufuncs that are made of several ops.

Each formula takes traced arrays of its loop's dtypes and uses their operators, so
promotion and broadcasting are NumPy's; what it returns is converted to the loop's
result dtype.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array, host_size
from penstock.frontend.broadcasting import broadcast_into, broadcast_shape
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.refusals import bad_value
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import i64, u64

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
    if found is None and _is_of_scipy(ufunc):
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
    return ufunc in _FORMULAS or (
        ufunc.__name__ in _SCIPY_FORMULAS and _is_of_scipy(ufunc)
    )


def _is_of_scipy(ufunc: np.ufunc) -> bool:
    """Whether a ufunc is SciPy's, and not another of the same name."""
    special = sys.modules.get("scipy.special")
    return special is not None and getattr(special, ufunc.__name__, None) is ufunc


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
    while value.is_op("astype"):
        value = value.operands[0]
    if value.shape or not value.is_op("const"):
        return None
    known = constant_array(array.tracer, array.value)
    assert known is not None
    return known[()]


def _power(x: TracedArray, y: TracedArray) -> Any:
    exponent = constant_of(y)
    if x.kind.is_integer:
        if y.kind.kind == "i" and not _is_never_negative(y):
            y = _require_none_negative(x, y)
        return x * x if exponent is not None and exponent == 2 else _op("pow", x, y)
    # The exponents for which NumPy's loops take a shorter way; those of 16 bits round
    # alike without it, but for a root of -inf or -0.
    if exponent is None or (exponent == 0.5 and x.kind.bits == 16):
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


def _float_power(x: TracedArray, y: TracedArray) -> Any:
    """A power for which NumPy takes no root."""
    return _op("pow", x, y) if constant_of(y) == 0.5 else _power(x, y)


def _is_never_negative(y: TracedArray) -> bool:
    """Whether integers are known not to be negative; sizes are guarded."""
    known = constant_array(y.tracer, y.value)
    if known is not None:
        return bool((known >= 0).all())
    value = y.value
    while value.is_op("astype") and not value.operands[0].dtype.is_float:
        value = value.operands[0]
    if value.dtype.kind in "bu":
        # In a loop of signed integers these are in a wider dtype.
        return True
    size = host_size(y.tracer, value)
    return size is not None and y.tracer.ask(size, ">=", 0)


def _require_none_negative(x: TracedArray, y: TracedArray) -> TracedArray:
    """The exponents of integers, if none is negative: else an error, as NumPy's.

    Of a power without elements NumPy finds none to refuse, so it is asked of each.
    """
    tracer = x.tracer
    exponent = constant_of(y)
    if exponent is not None and not any(tracer.ask(n, "==", 0) for n in x.sizes):
        raise bad_value(
            f"power: {x.tensor} to the negative power {exponent} is no integer",
            hint="make the base floating, e.g. x.astype(float)",
        )
    shape = broadcast_shape(tracer, "power", [x.sizes, y.sizes])
    y = fresh(tracer, broadcast_into(tracer, y, shape))
    return _op(
        "require", y, y >= 0,
        text=f"power: {x.tensor} to a negative power is no integer",
        code="integer-power",
    )  # fmt: skip


def _reciprocal(x: TracedArray) -> Any:
    if x.kind.is_integer:
        return select(abs(x) == 1, x, 0)
    return _op("div", wrap(x.tracer, x.tracer.constant(1, x.kind)), x)


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
    # By signs as factors: magnitudes have a kink at 0, and this has none there.
    sign = numpy.copysign(x.dtype.type(1), x)
    return _op("remainder", x * sign, abs(y)) * sign


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


def _heaviside(x: TracedArray, at_zero: TracedArray) -> Any:
    result = select(x < 0, 0, select(x == 0, at_zero, 1))
    return select(_op("is_nan", x), x, result)


def _modf(x: TracedArray) -> tuple[TracedArray, TracedArray]:
    """The fractional part and the whole one, both with the sign of x."""
    magnitude = x * numpy.copysign(x.dtype.type(1), x)
    part = select(magnitude == math.inf, 0, magnitude - _op("floor", magnitude))
    return select(_op("signbit", x), -part, part), _trunc(x)


def _divmod(x: TracedArray, y: TracedArray) -> tuple[TracedArray, TracedArray]:
    return _op("floor_divide", x, y), _op("remainder", x, y)


def _log_expit(x: TracedArray) -> Any:
    """-log1p(e^-x), written so that e^|x| never overflows, and is smooth at 0."""
    below = select(x > 0, -x, x)
    return select(x > 0, 0, x) - numpy.log1p(numpy.exp(below))


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
    np.float_power: _float_power,
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
    np.trunc: _trunc,
    np.fmod: _fmod,
    np.divmod: _divmod,
    np.heaviside: _heaviside,
    np.ldexp: lambda x, power: _op("ldexp", x, power),
    np.frexp: lambda x: (_op("fraction", x), _op("exponent", x)),
    np.modf: _modf,
    np.deg2rad: _scaled(math.pi, 180),
    np.radians: _scaled(math.pi, 180),
    np.rad2deg: _scaled(180, math.pi),
    np.degrees: _scaled(180, math.pi),
}

# SciPy's ufuncs arrive without SciPy being imported here: by name.
_SCIPY_FORMULAS: dict[str, Formula] = {
    "erf": lambda x: _op("erf", x),
    "erfc": lambda x: _op("erfc", x),
    "gammaln": lambda x: _op("gammaln", x),
    "psi": lambda x: _op("digamma", x),
    "expit": lambda x: _op("expit", x),
    "log_expit": _log_expit,
    "logit": lambda x: _op("logit", x),
    "xlogy": lambda x, y: _op("xlogy", x, y),
    "xlog1py": lambda x, y: _op("xlog1py", x, y),
    "entr": _entropy,
    "ndtr": lambda x: _op("erfc", x * -math.sqrt(0.5)) * 0.5,
}
