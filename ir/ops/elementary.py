"""Powers, roots and logarithms to other bases, element by element.

Results are within 2 ulp of the exact value in f32 and f64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Floating, define
from penstock.ir.ops.families import Elementwise
from penstock.ir.ops.transcendental import _TWO_ULP
from penstock.ir.types import f64

_LN_2 = math.log(2)
# Where the sum is nearly 1 its logarithm cancels, and only its distance from the exact
# one is small.
_LOG_OF_SUM = {**_TWO_ULP, "f64": 4.0}


def _log_of_sum(
    x: Scalar, y: Scalar, log_2: float, power: str, factor: float
) -> Scalar:
    dtype = x.dtype
    x, y = (scalar.convert(part, f64) for part in (x, y))
    larger = scalar.primitive("maximum")(x, y)
    distance = scalar.primitive("abs")(x - y)
    rest = scalar.primitive("log1p")(scalar.primitive(power)(-distance))
    # Equal infinities, whose difference is nan, are their own sum.
    result = scalar.select(x.equals(y), x + log_2, larger + rest * factor)
    return scalar.convert(result, dtype)


def _distance(x: Expression, y: Expression) -> Expression:
    """x - y, and 0 for equal infinities.

    So what is impossible both ways, as log(0 + 0) of a Markov model, has no derivative
    of nan.
    """
    infinite = x.apply("abs").apply("equal", math.inf)
    same = x.apply("equal", y).apply("and", infinite)
    return same.apply("select", x.constant(0), x - y)


@define
class PowerOfTwo(Elementwise):
    """2 to the power of x.

    x: float [...]  ->  float [...].      d 2^x = 2^x log(2) dx
    """

    name = "exp2"
    operands = (Floating("x"),)
    reference = np.exp2
    tolerance = _TWO_ULP
    source = "DLMF 4.2.26"
    flops = 15

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (y * _LN_2,)

    lower = scalar.primitive("exp2")


@define
class LogarithmToBase2(Elementwise):
    """The logarithm to base 2; -inf at 0, nan below. Exact for powers of 2.

    x: float [...]  ->  float [...].      d log2 x = dx / (x log 2)
    """

    name = "log2"
    operands = (Floating("x"),)
    reference = np.log2
    tolerance = _TWO_ULP
    source = "DLMF 4.2.9"
    flops = 20

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / (x * _LN_2),)

    lower = scalar.primitive("log2")


@define
class LogarithmToBase10(Elementwise):
    """The logarithm to base 10; -inf at 0, nan below.

    x: float [...]  ->  float [...].      d log10 x = dx / (x log 10)
    """

    name = "log10"
    operands = (Floating("x"),)
    reference = np.log10
    tolerance = _TWO_ULP
    source = "DLMF 4.2.9"
    flops = 20

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / (x * math.log(10)),)

    lower = scalar.primitive("log10")


@define
class CubeRoot(Elementwise):
    """The real cube root.

    x: float [...]  ->  float [...].      d cbrt x = dx / (3 cbrt(x)^2)
    """

    name = "cbrt"
    operands = (Floating("x"),)
    reference = np.cbrt
    tolerance = _TWO_ULP
    source = "DLMF 4.2.26"
    flops = 40

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / (y * y * 3.0),)

    lower = scalar.primitive("cbrt")


@define
class Hypotenuse(Elementwise):
    """sqrt(x^2 + y^2), which overflows only where the result does.

    x, y: float [...]  ->  float [...]. An infinity wins over nan.
    d hypot(x, y) = (x dx + y dy) / hypot(x, y); 0 at the origin, where the second
    derivative is infinite.
    """

    name = "hypot"
    operands = (Floating("x"), Floating("y"))
    reference = np.hypot
    tolerance = _TWO_ULP
    source = "IEEE 754-2019, 9.2.1"
    flops = 15

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        at_origin, slope = z.apply("equal", 0), 1.0 / z
        # There the product is 0, as its tangent's is not.
        by_x, by_y = (
            at_origin.apply("select", part.apply("scale", slope), part / z)
            for part in (x, y)
        )
        return by_x, by_y

    lower = scalar.primitive("hypot")


@define
class LogarithmOfSum(Elementwise):
    """log(e^x + e^y) without overflow.

    x, y: float [...]  ->  float [...].
    d logaddexp(x, y) = expit(x - y) dx + expit(y - x) dy; half to each of two equal
    infinities.
    """

    name = "logaddexp"
    operands = (Floating("x"), Floating("y"))
    reference = np.logaddexp
    tolerance = _LOG_OF_SUM
    source = "numpy.org/doc/stable/reference/generated/numpy.logaddexp.html"
    flops = 40

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        distance = _distance(x, y)
        return distance.apply("expit"), (-distance).apply("expit")

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        """M + log1p(e^-|x - y|) of M = max(x, y), in f64 for f32 and below."""
        return _log_of_sum(x, y, math.log(2), "exp", 1.0)


@define
class LogarithmOfSumToBase2(Elementwise):
    """log2(2^x + 2^y) without overflow.

    x, y: float [...]  ->  float [...].
    d logaddexp2(x, y) = expit((x - y) log 2) dx + expit((y - x) log 2) dy; half to
    each of two equal infinities.
    """

    name = "logaddexp2"
    operands = (Floating("x"), Floating("y"))
    reference = np.logaddexp2
    tolerance = _LOG_OF_SUM
    source = "numpy.org/doc/stable/reference/generated/numpy.logaddexp2.html"
    flops = 40

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        distance = _distance(x, y) * _LN_2
        return distance.apply("expit"), (-distance).apply("expit")

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        """M + log2(1 + 2^-|x - y|) of M = max(x, y), in f64 for f32 and below."""
        return _log_of_sum(x, y, 1.0, "exp2", 1 / _LN_2)
