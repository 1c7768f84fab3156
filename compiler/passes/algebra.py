"""The algebraic rules: one line each.

A constant is brought to the right of a commutative op first, so rules look for it
there only. Rules that change a bit anywhere say ``exact=False``, and serve fastmath
alone; a test sweeps each of them over awkward numbers and holds it to its word.
Right sides never cost more than left sides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ir.graph.value import Value
from penstock.ir.types import Dtype
from penstock.passes.pattern import (
    Match,
    Rule,
    any_of,
    call,
    constant,
    constant_of,
    var,
)

__all__ = ["ALGEBRA", "COMMUTATIVE", "MIRRORED", "is_commutative"]

COMMUTATIVE = frozenset({"add", "mul", "and", "or", "xor", "equal", "not_equal"})
"""Ops whose operands may be exchanged without changing a bit."""

MIRRORED = {
    "less": "greater",
    "greater": "less",
    "less_equal": "greater_equal",
    "greater_equal": "less_equal",
}
"""Comparisons, with the one that says the same of exchanged operands."""


def is_commutative(value: Value) -> bool:
    """Whether a Value's two operands may be exchanged.

    The greater of -0.0 and 0.0 is the second one, so for floats the order of
    ``maximum`` and ``minimum`` matters.
    """
    name = value.op.name
    if name in ("maximum", "minimum"):
        return not value.dtype.is_float
    return name in COMMUTATIVE


def _constant_to_the_right(match: Match) -> Value | None:
    value = match.value
    left, right = value.operands
    if not left.is_op("const") or right.is_op("const"):
        return None
    if value.op.name in MIRRORED:
        return match.add(MIRRORED[value.op.name], right, left)
    return match.add(value.op.name, right, left) if is_commutative(value) else None


def _inverse(match: Match) -> np.ndarray[Any, Any]:
    divisor = constant_of(match["c"])
    assert divisor is not None
    with np.errstate(all="ignore"):
        return np.asarray((1 / divisor).astype(divisor.dtype))


def _is_power_of_two(array: np.ndarray[Any, Any]) -> bool:
    # NumPy has no frexp of bf16; every bf16 is an f64.
    fraction, _ = np.frexp(array.astype(np.float64))
    return bool(np.all(np.abs(fraction) == 0.5))


def _divide_by_power_of_two(match: Match) -> Value | None:
    """A quotient by 2^k is a product with 2^-k: both round one real number once."""
    divisor, inverse = constant_of(match["c"]), _inverse(match)
    assert divisor is not None
    if not (_is_power_of_two(divisor) and _is_power_of_two(inverse)):
        return None
    return match.add("mul", match["x"], match.number(inverse, match["c"].dtype))


def _multiply_by_reciprocal(match: Match) -> Value:
    return match.add("mul", match["x"], match.number(_inverse(match), match["c"].dtype))


def _holds(wide: Dtype, narrow: Dtype) -> bool:
    """Whether every number of one dtype is a number of another."""
    if wide is narrow or narrow.kind == "b":
        return True
    if wide.kind == "b":
        return False
    if narrow.is_float:
        # A bf16 has the exponents of f32 and so exceeds f16, of the same width.
        return wide.is_float and wide.bits > narrow.bits
    digits = {16: 11, 32: 24, 64: 53}
    if wide.is_float:
        return wide.name != "bf16" and narrow.bits <= digits[wide.bits]
    if narrow.kind == wide.kind:
        return wide.bits >= narrow.bits
    return wide.kind == "i" and wide.bits > narrow.bits


def _convert_once(match: Match) -> Value | None:
    """A conversion to a dtype that holds every number says nothing."""
    x, middle, target = match["x"], match["middle"], match.value.dtype
    if not _holds(middle.dtype, x.dtype):
        return None
    if target is x.dtype:
        return x
    # What becomes of a float that no integer holds depends on machine and width.
    if target.is_integer and (x.dtype.is_float or middle.dtype.is_float):
        return None
    return match.add("astype", x, dtype=target)


def _same_dtype(match: Match) -> Value | None:
    return match["x"] if match["x"].dtype is match.value.dtype else None


x, y = var("x"), var("y")
c, d = constant("c"), constant("d")
# Not floats: of nan both a comparison and its opposite are false.
a, b = var("a", "biu"), var("b", "biu")
condition = var("condition")
_rounded = any_of(("floor", "ceil"), x, name="rounded")

ALGEBRA = (
    Rule(
        "constant-to-the-right",
        any_of(COMMUTATIVE | MIRRORED.keys() | {"maximum", "minimum"}, x, y),
        _constant_to_the_right,
    ),
    # Sums.
    Rule("add-zero", x + 0, x, "iu"),
    Rule("add-negative-zero", x + (-0.0), x, "f"),
    Rule("add-positive-zero", x + 0.0, x, "f", exact=False),
    Rule("sub-zero", x - 0, x, "iuf"),
    Rule("sub-negative-zero", x - (-0.0), x, "f", exact=False),
    Rule("sub-self", x - x, 0, "iu"),
    Rule("sub-self-float", x - x, 0.0, "f", exact=False),
    Rule("add-neg", x + -y, x - y, "iuf"),
    Rule("neg-add", -x + y, y - x, "iuf"),
    Rule("sub-neg", x - (-y), x + y, "iuf"),
    Rule("neg-sub", -(x - y), y - x, "iu"),
    Rule("neg-sub-float", -(x - y), y - x, "f", exact=False),
    Rule("neg-neg", call("neg", -x), x, "iuf"),
    Rule("add-constants", (x + c) + d, x + (c + d), "iu"),
    Rule("add-constants-float", (x + c) + d, x + (c + d), "f", exact=False),
    # Products and quotients.
    Rule("mul-one", x * 1, x, "iuf"),
    Rule("mul-zero", x * 0, 0, "iu"),
    Rule("mul-zero-float", x * 0.0, 0.0, "f", exact=False),
    Rule("mul-minus-one", x * -1, -x, "if"),
    Rule("mul-neg-neg", -x * -y, x * y, "iuf"),
    Rule("mul-constants", (x * c) * d, x * (c * d), "iu"),
    Rule("mul-constants-float", (x * c) * d, x * (c * d), "f", exact=False),
    Rule("div-one", x / 1, x, "f"),
    Rule("div-minus-one", x / -1, -x, "f"),
    Rule("div-self", x / x, 1.0, "f", exact=False),
    Rule("div-neg-neg", -x / -y, x / y, "f"),
    Rule("div-power-of-two", x / c, _divide_by_power_of_two, "f"),
    Rule("div-constant", x / c, _multiply_by_reciprocal, "f", exact=False),
    Rule("floor-divide-one", call("floor_divide", x, 1), x, "iu"),
    Rule("remainder-one", call("remainder", x, 1), 0, "iu"),
    # Powers; NumPy takes these ways itself where the exponent is one number.
    Rule("pow-zero", x**0, 1, "iuf"),
    Rule("pow-one", x**1, x, "iuf"),
    Rule("pow-two", x**2, x * x, "iuf"),
    Rule("pow-minus-one", x**-1, call("div", 1.0, x), "f"),
    Rule("pow-half", x**0.5, call("sqrt", x), "f", exact=False),
    # Signs and roundings.
    Rule("abs-neg", call("abs", -x), call("abs", x), "if"),
    Rule("abs-abs", call("abs", call("abs", x, name="inner")), var("inner"), "iuf"),
    Rule("abs-unsigned", call("abs", x), x, "u"),
    Rule("round-rounded", any_of(("floor", "ceil"), _rounded), var("rounded"), "f"),
    Rule("is-nan-neg", call("is_nan", -x), call("is_nan", x), "f"),
    Rule("is-nan-abs", call("is_nan", call("abs", x)), call("is_nan", x), "f"),
    # Bits and bools.
    Rule("not-not", ~~x, x, "biu"),
    Rule("and-self", x & x, x, "biu"),
    Rule("or-self", x | x, x, "biu"),
    Rule("xor-self", x ^ x, 0, "biu"),
    Rule("and-true", x & True, x, "b"),
    Rule("and-false", x & False, False, "b"),
    Rule("or-true", x | True, True, "b"),
    Rule("or-false", x | False, x, "b"),
    Rule("xor-true", x ^ True, ~x, "b"),
    Rule("xor-false", x ^ False, x, "b"),
    Rule("and-zero", x & 0, 0, "iu"),
    Rule("and-ones", x & -1, x, "i"),
    Rule("or-zero", x | 0, x, "iu"),
    Rule("xor-zero", x ^ 0, x, "iu"),
    # Comparisons; of floats, x == x asks whether x is no nan.
    Rule("less-self", call("less", x, x), False),
    Rule("greater-self", call("greater", x, x), False),
    Rule("not-equal-self", call("not_equal", x, x), False, "biu"),
    Rule("not-equal-self-float", call("not_equal", x, x), call("is_nan", x), "f"),
    Rule("equal-self", call("equal", x, x), True, "biu"),
    Rule("less-equal-self", call("less_equal", x, x), True, "biu"),
    Rule("greater-equal-self", call("greater_equal", x, x), True, "biu"),
    Rule("not-equal", ~call("equal", x, y), call("not_equal", x, y)),
    Rule("not-not-equal", ~call("not_equal", x, y), call("equal", x, y)),
    Rule("not-less", ~call("less", a, b), call("greater_equal", a, b)),
    Rule("not-less-equal", ~call("less_equal", a, b), call("greater", a, b)),
    Rule("not-greater", ~call("greater", a, b), call("less_equal", a, b)),
    Rule("not-greater-equal", ~call("greater_equal", a, b), call("less", a, b)),
    # Choices.
    Rule("maximum-self", call("maximum", x, x), x),
    Rule("minimum-self", call("minimum", x, x), x),
    Rule("select-true", call("select", True, x, y), x),
    Rule("select-false", call("select", False, x, y), y),
    Rule("select-same", call("select", condition, x, x), x),
    Rule(
        "select-not", call("select", ~condition, x, y), call("select", condition, y, x)
    ),
    Rule("select-condition", call("select", condition, True, False), condition),
    Rule("select-opposite", call("select", condition, False, True), ~condition),
    # Conversions.
    Rule("astype-same", call("astype", x), _same_dtype),
    Rule(
        "astype-astype", call("astype", call("astype", x, name="middle")), _convert_once
    ),
)
