"""Tangents, hyperbolic functions and inverse functions, element by element.

Results are within 2 ulp of the exact value in f32 and f64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop import scalar
from penstock.ir.op import Floating, define
from penstock.ir.ops.families import Elementwise
from penstock.ir.ops.transcendental import _TWO_ULP


def _one_minus_square(x: Expression) -> Expression:
    return (1.0 - x) * (1.0 + x)


@define
class Tangent(Elementwise):
    """The tangent of an angle in radians.

    x: float [...]  ->  float [...].      d tan x = (1 + tan(x)^2) dx      DLMF 4.20.3
    """

    name = "tan"
    operands = (Floating("x"),)
    reference = np.tan
    tolerance = _TWO_ULP
    source = "DLMF 4.14.4"
    flops = 25

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 + y * y,)

    lower = scalar.primitive("tan")


@define
class ArcSine(Elementwise):
    """The angle whose sine is x, from -pi/2 to pi/2; nan where |x| > 1.

    x: float [...]  ->  float [...].      d asin x = dx / sqrt(1 - x^2)   DLMF 4.24.7
    """

    name = "asin"
    operands = (Floating("x"),)
    reference = np.arcsin
    tolerance = _TWO_ULP
    source = "DLMF 4.23.16"
    flops = 40

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / _one_minus_square(x).apply("sqrt"),)

    lower = scalar.primitive("asin")


@define
class ArcCosine(Elementwise):
    """The angle whose cosine is x, from 0 to pi; nan where |x| > 1.

    x: float [...]  ->  float [...].      d acos x = -dx / sqrt(1 - x^2)   DLMF 4.24.8
    """

    name = "acos"
    operands = (Floating("x"),)
    reference = np.arccos
    tolerance = _TWO_ULP
    source = "DLMF 4.23.17"
    flops = 40

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (-1.0 / _one_minus_square(x).apply("sqrt"),)

    lower = scalar.primitive("acos")


@define
class ArcTangent(Elementwise):
    """The angle whose tangent is x, from -pi/2 to pi/2.

    x: float [...]  ->  float [...].      d atan x = dx / (1 + x^2)      DLMF 4.24.9
    """

    name = "atan"
    operands = (Floating("x"),)
    reference = np.arctan
    tolerance = _TWO_ULP
    source = "DLMF 4.23.18"
    flops = 45

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / (1.0 + x * x),)

    lower = scalar.primitive("atan")


@define
class ArcTangent2(Elementwise):
    """The angle of the point (x, y), from -pi to pi; y comes first.

    y, x: float [...]  ->  float [...].
    d atan2(y, x) = (x dy - y dx) / (x^2 + y^2)
    """

    name = "atan2"
    operands = (Floating("y"), Floating("x"))
    reference = np.arctan2
    tolerance = _TWO_ULP
    source = "DLMF 4.23(iv)"
    flops = 55

    @staticmethod
    def partials(z: Expression, y: Expression, x: Expression) -> tuple[Any, Any]:
        length = x.apply("hypot", y)
        return x / length / length, -(y / length / length)

    lower = scalar.primitive("atan2")


@define
class HyperbolicSine(Elementwise):
    """Hyperbolic sine.

    x: float [...]  ->  float [...].      d sinh x = cosh x dx      DLMF 4.34.1
    """

    name = "sinh"
    operands = (Floating("x"),)
    reference = np.sinh
    tolerance = _TWO_ULP
    source = "DLMF 4.28.1"
    flops = 30

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (x.apply("cosh"),)

    lower = scalar.primitive("sinh")


@define
class HyperbolicCosine(Elementwise):
    """Hyperbolic cosine.

    x: float [...]  ->  float [...].      d cosh x = sinh x dx      DLMF 4.34.2
    """

    name = "cosh"
    operands = (Floating("x"),)
    reference = np.cosh
    tolerance = _TWO_ULP
    source = "DLMF 4.28.2"
    flops = 25

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (x.apply("sinh"),)

    lower = scalar.primitive("cosh")


@define
class InverseHyperbolicSine(Elementwise):
    """The number whose hyperbolic sine is x.

    x: float [...]  ->  float [...].      d asinh x = dx / sqrt(1 + x^2)   DLMF 4.38.9
    """

    name = "asinh"
    operands = (Floating("x"),)
    reference = np.arcsinh
    tolerance = _TWO_ULP
    source = "DLMF 4.37.16"
    flops = 40

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / x.apply("hypot", 1.0),)

    lower = scalar.primitive("asinh")


@define
class InverseHyperbolicCosine(Elementwise):
    """The positive number whose hyperbolic cosine is x; nan where x < 1.

    x: float [...]  ->  float [...].      d acosh x = dx / sqrt(x^2 - 1)   DLMF 4.38.10
    """

    name = "acosh"
    operands = (Floating("x"),)
    reference = np.arccosh
    tolerance = _TWO_ULP
    source = "DLMF 4.37.19"
    flops = 40

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        root = (x - 1.0).apply("sqrt") * (x + 1.0).apply("sqrt")
        return (1.0 / root,)

    lower = scalar.primitive("acosh")


@define
class InverseHyperbolicTangent(Elementwise):
    """The number whose hyperbolic tangent is x; nan where |x| > 1.

    x: float [...]  ->  float [...].      d atanh x = dx / (1 - x^2)      DLMF 4.38.11
    """

    name = "atanh"
    operands = (Floating("x"),)
    reference = np.arctanh
    tolerance = _TWO_ULP
    source = "DLMF 4.37.24"
    flops = 35

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / _one_minus_square(x),)

    lower = scalar.primitive("atanh")
