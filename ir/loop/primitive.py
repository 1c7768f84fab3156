"""The scalar primitives of the loop level, with their types and meaning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penstock.ir.types import Dtype, bool_

__all__ = ["COMBINES", "PRIMITIVES", "Primitive"]


@dataclass(frozen=True)
class Primitive:
    """One scalar operation.

    Args:
        name: as it prints; the same name as the graph op of the same meaning.
        arity: the number of operands.
        kinds: NumPy kind letters of the dtypes it takes.
        evaluate: its meaning on NumPy scalars, or arrays of lanes; call it where
            NumPy's warnings are off.
        result: ``"same"`` as the operands, ``"bool"``, or ``"given"`` explicitly.
        flops: floating-point operations it counts as.
    """

    name: str
    arity: int
    kinds: str
    evaluate: Callable[..., Any]
    result: str = "same"
    flops: int = 1

    def result_dtype(self, operands: tuple[Dtype, ...]) -> Dtype:
        """The dtype of the result where it is not given."""
        return bool_ if self.result == "bool" else operands[-1]


def _sign(x: Any) -> Any:
    # The bfloat16 of ml_dtypes keeps the sign of -0, NumPy's floats do not.
    return np.sign(x + x.dtype.type(0))


def _erf(x: Any) -> Any:
    # The reference rounds once from double precision.
    wide = np.frompyfunc(math.erf, 1, 1)(np.asarray(x, np.float64))
    return np.asarray(wide, np.float64).astype(x.dtype)[()]


def _erfc(x: Any) -> Any:
    wide = np.frompyfunc(math.erfc, 1, 1)(np.asarray(x, np.float64))
    return np.asarray(wide, np.float64).astype(x.dtype)[()]


def _fused_multiply_add(a: Any, b: Any, c: Any) -> Any:
    # Exact for f32, whose products fit in f64; within an ulp of fma for f64.
    wide = [np.asarray(x).astype(np.longdouble) for x in (a, b, c)]
    return (wide[0] * wide[1] + wide[2]).astype(a.dtype)[()]


def _population_count(x: Any) -> Any:
    # NumPy counts the bits of the magnitude.
    bits = np.asarray(x).view(f"u{x.dtype.itemsize}")
    return np.bitwise_count(bits).astype(x.dtype)[()]


def _select(condition: Any, yes: Any, no: Any) -> Any:
    if isinstance(condition, np.ndarray):
        return np.where(condition, yes, no)
    return yes if condition else no


_PRIMITIVES = (
    # Arithmetic
    Primitive("add", 2, "iuf", np.add),
    Primitive("sub", 2, "iuf", np.subtract),
    Primitive("mul", 2, "iuf", np.multiply),
    Primitive("div", 2, "f", np.divide, flops=4),
    Primitive("floor_divide", 2, "iuf", np.floor_divide, flops=6),
    Primitive("remainder", 2, "iuf", np.remainder, flops=6),
    Primitive("fma", 3, "f", _fused_multiply_add, flops=2),
    Primitive("neg", 1, "iuf", np.negative),
    Primitive("abs", 1, "iuf", np.absolute),
    Primitive("sign", 1, "iuf", _sign),
    Primitive("minimum", 2, "biuf", np.minimum),
    Primitive("maximum", 2, "biuf", np.maximum),
    # Rounding
    Primitive("floor", 1, "f", np.floor),
    Primitive("ceil", 1, "f", np.ceil),
    Primitive("round", 1, "f", np.rint),
    # Functions
    Primitive("sqrt", 1, "f", np.sqrt, flops=4),
    Primitive("exp", 1, "f", np.exp, flops=15),
    Primitive("expm1", 1, "f", np.expm1, flops=18),
    Primitive("log", 1, "f", np.log, flops=18),
    Primitive("log1p", 1, "f", np.log1p, flops=20),
    Primitive("sin", 1, "f", np.sin, flops=18),
    Primitive("cos", 1, "f", np.cos, flops=18),
    Primitive("tanh", 1, "f", np.tanh, flops=20),
    Primitive("exp2", 1, "f", np.exp2, flops=15),
    Primitive("log2", 1, "f", np.log2, flops=20),
    Primitive("log10", 1, "f", np.log10, flops=20),
    Primitive("tan", 1, "f", np.tan, flops=25),
    Primitive("asin", 1, "f", np.arcsin, flops=40),
    Primitive("acos", 1, "f", np.arccos, flops=40),
    Primitive("atan", 1, "f", np.arctan, flops=45),
    Primitive("atan2", 2, "f", np.arctan2, flops=55),
    Primitive("sinh", 1, "f", np.sinh, flops=30),
    Primitive("cosh", 1, "f", np.cosh, flops=25),
    Primitive("asinh", 1, "f", np.arcsinh, flops=40),
    Primitive("acosh", 1, "f", np.arccosh, flops=40),
    Primitive("atanh", 1, "f", np.arctanh, flops=35),
    Primitive("cbrt", 1, "f", np.cbrt, flops=40),
    Primitive("hypot", 2, "f", np.hypot, flops=15),
    Primitive("erf", 1, "f", _erf, flops=20),
    Primitive("erfc", 1, "f", _erfc, flops=60),
    Primitive("pow", 2, "iuf", np.power, flops=40),
    # Comparison
    Primitive("equal", 2, "biuf", np.equal, "bool"),
    Primitive("not_equal", 2, "biuf", np.not_equal, "bool"),
    Primitive("less", 2, "biuf", np.less, "bool"),
    Primitive("less_equal", 2, "biuf", np.less_equal, "bool"),
    Primitive("greater", 2, "biuf", np.greater, "bool"),
    Primitive("greater_equal", 2, "biuf", np.greater_equal, "bool"),
    # A test of bits: it computes nothing, and compares no two numbers.
    Primitive("is_nan", 1, "f", np.isnan, "bool", flops=0),
    # Bits
    Primitive("and", 2, "biu", np.bitwise_and, flops=0),
    Primitive("or", 2, "biu", np.bitwise_or, flops=0),
    Primitive("xor", 2, "biu", np.bitwise_xor, flops=0),
    Primitive("not", 1, "biu", np.invert, flops=0),
    Primitive("population_count", 1, "iu", _population_count, flops=0),
    Primitive("shift_left", 2, "iu", np.left_shift, flops=0),
    Primitive("shift_right", 2, "iu", np.right_shift, flops=0),
    # Choice and conversion
    Primitive("select", 3, "biuf", _select, flops=0),
    Primitive("convert", 1, "biuf", lambda x: x, "given", flops=0),
    # The same bits as a number of another dtype of that size.
    Primitive("bitcast", 1, "iuf", lambda x: x, "given", flops=0),
)

PRIMITIVES: Mapping[str, Primitive] = {p.name: p for p in _PRIMITIVES}

COMBINES = ("add", "mul", "minimum", "maximum", "and", "or")
"""Primitives that a loop may combine carried values with, in any order."""
