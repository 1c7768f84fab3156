"""The elementary functions by name.

Each takes an emitter and operands of element f32 or f64, of any width, and returns one
of the same type, within 2 ulp of the exact result (tests/backends/llvm measures it).
They are straight lines of arithmetic, with no call and no branch but for huge angles.
The result for a number does not depend on the width, nor on the lanes beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from penstock.backends.llvm.math_core import Function
from penstock.backends.llvm.math_error import erf, erfc
from penstock.backends.llvm.math_exponential import cosh, exp, exp2, expm1, sinh, tanh
from penstock.backends.llvm.math_inverse import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
)
from penstock.backends.llvm.math_logarithm import log, log1p, log2, log10
from penstock.backends.llvm.math_power import power
from penstock.backends.llvm.math_root import cbrt, hypot
from penstock.backends.llvm.math_trigonometric import cos, sin, tan

__all__ = ["MATH"]

MATH: Mapping[str, Function] = {
    "exp": exp,
    "exp2": exp2,
    "expm1": expm1,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "log": log,
    "log2": log2,
    "log10": log10,
    "log1p": log1p,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "pow": power,
    "asin": asin,
    "acos": acos,
    "atan": atan,
    "atan2": atan2,
    "asinh": asinh,
    "acosh": acosh,
    "atanh": atanh,
    "cbrt": cbrt,
    "hypot": hypot,
    "erf": erf,
    "erfc": erfc,
}
