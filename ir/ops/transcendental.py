"""Transcendental functions of floats, element by element.

Results are within 2 ulp of the exact value in f32 and f64; 16-bit floats are
computed in f32 and rounded once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop import scalar
from penstock.ir.op import ULP, Floating, define
from penstock.ir.ops.families import Elementwise

# Against a reference that itself errs by up to 1 ulp (NumPy's SIMD loops by more).
_TWO_ULP = {"f32": 2 * ULP, "f64": 2 * ULP, "f16": ULP, "bf16": ULP}


@define
class Exponential(Elementwise):
    """The exponential function.

    x: float [...]  ->  float [...].      d exp x = exp x dx      DLMF 4.2.19
    """

    name = "exp"
    operands = (Floating("x"),)
    reference = np.exp
    tolerance = _TWO_ULP
    source = "DLMF 4.2.19"
    flops = 15

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (y,)

    lower = scalar.primitive("exp")


@define
class ExponentialMinusOne(Elementwise):
    """exp(x) - 1, exact near zero.

    x: float [...]  ->  float [...].      d expm1 x = (expm1 x + 1) dx
    """

    name = "expm1"
    operands = (Floating("x"),)
    reference = np.expm1
    tolerance = _TWO_ULP
    source = "DLMF 4.2.19"
    flops = 18

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (y + 1.0,)

    lower = scalar.primitive("expm1")


@define
class Logarithm(Elementwise):
    """The natural logarithm; -inf at 0, nan below.

    x: float [...]  ->  float [...].      d log x = dx / x      DLMF 4.2.2
    """

    name = "log"
    operands = (Floating("x"),)
    reference = np.log
    tolerance = _TWO_ULP
    source = "DLMF 4.2.2"
    flops = 18

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / x,)

    lower = scalar.primitive("log")


@define
class LogarithmOfOnePlus(Elementwise):
    """log(1 + x), exact near zero.

    x: float [...]  ->  float [...].      d log1p x = dx / (1 + x)
    """

    name = "log1p"
    operands = (Floating("x"),)
    reference = np.log1p
    tolerance = _TWO_ULP
    source = "DLMF 4.2.2"
    flops = 20

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / (x + 1.0),)

    lower = scalar.primitive("log1p")


@define
class Sine(Elementwise):
    """The sine of an angle in radians.

    x: float [...]  ->  float [...].      d sin x = cos x dx      DLMF 4.20.1
    """

    name = "sin"
    operands = (Floating("x"),)
    reference = np.sin
    tolerance = _TWO_ULP
    source = "DLMF 4.14.1"
    flops = 18

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (x.apply("cos"),)

    lower = scalar.primitive("sin")


@define
class Cosine(Elementwise):
    """The cosine of an angle in radians.

    x: float [...]  ->  float [...].      d cos x = -sin x dx      DLMF 4.20.2
    """

    name = "cos"
    operands = (Floating("x"),)
    reference = np.cos
    tolerance = _TWO_ULP
    source = "DLMF 4.14.2"
    flops = 18

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (-x.apply("sin"),)

    lower = scalar.primitive("cos")


@define
class Tanh(Elementwise):
    """Hyperbolic tangent of each element.

    x: float [...]  ->  float [...].      d tanh x = (1 - tanh(x)^2) dx   DLMF 4.34
    """

    name = "tanh"
    operands = (Floating("x"),)
    reference = np.tanh
    tolerance = _TWO_ULP
    source = "DLMF 4.34"
    flops = 20

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 - y * y,)

    lower = scalar.primitive("tanh")


@define
class ErrorFunction(Elementwise):
    """The error function (``scipy.special.erf``).

    x: float [...]  ->  float [...].      d erf x = 2/sqrt(pi) exp(-x^2) dx
    """

    name = "erf"
    operands = (Floating("x"),)
    tolerance = _TWO_ULP
    source = "DLMF 7.2.1"
    flops = 20

    @staticmethod
    def reference(x: Any) -> Any:
        wide = np.frompyfunc(math.erf, 1, 1)(np.asarray(x, np.float64))
        return np.asarray(wide, np.float64).astype(x.dtype)

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return ((-(x * x)).apply("exp") * (2.0 / math.sqrt(math.pi)),)

    lower = scalar.primitive("erf")
