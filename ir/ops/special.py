"""Special functions of probability and statistics, element by element.

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

_THREE_ULP = {"f32": 3.0, "f64": 3.0, "f16": 2.0, "bf16": 2.0}


def _constant(x: Scalar, number: float) -> Scalar:
    assert x.builder is not None
    return x.builder.constant(number, x.dtype)


def _erfc(x: Any) -> Any:
    wide = np.frompyfunc(math.erfc, 1, 1)(np.asarray(x, np.float64))
    return np.asarray(wide, np.float64).astype(x.dtype)


def _expit(x: Any) -> Any:
    wide = x.astype(np.longdouble)
    return (1 / (1 + np.exp(-wide))).astype(x.dtype)


def _logit(x: Any) -> Any:
    wide = x.astype(np.longdouble)
    near = np.log1p((2 * wide - 1) / (1 - wide))
    return np.where(wide < 0.25, np.log(wide / (1 - wide)), near).astype(x.dtype)


def _xlogy(x: Any, y: Any) -> Any:
    wide, other = x.astype(np.longdouble), y.astype(np.longdouble)
    product = wide * np.log(other)
    return np.where((x == 0) & ~np.isnan(y), 0, product).astype(x.dtype)


def _xlog1py(x: Any, y: Any) -> Any:
    wide, other = x.astype(np.longdouble), y.astype(np.longdouble)
    product = wide * np.log1p(other)
    return np.where((x == 0) & ~np.isnan(y), 0, product).astype(x.dtype)


@define
class ComplementaryErrorFunction(Elementwise):
    """1 - erf(x), exact also where that is small (``scipy.special.erfc``).

    x: float [...]  ->  float [...].      d erfc x = -2/sqrt(pi) exp(-x^2) dx
    """

    name = "erfc"
    operands = (Floating("x"),)
    reference = staticmethod(_erfc)
    tolerance = _TWO_ULP
    source = "DLMF 7.2.2"
    flops = 60

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return ((-(x * x)).apply("exp") * (-2.0 / math.sqrt(math.pi)),)

    lower = scalar.primitive("erfc")


@define
class LogisticSigmoid(Elementwise):
    """1 / (1 + e^-x) (``scipy.special.expit``).

    x: float [...]  ->  float [...].      d expit x = y (1 - y) dx
    """

    name = "expit"
    operands = (Floating("x"),)
    reference = staticmethod(_expit)
    tolerance = _THREE_ULP
    source = "docs.scipy.org/doc/scipy/reference/generated/scipy.special.expit.html"
    flops = 20

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (y * (-x).apply("expit"),)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        """e^min(x, 0) / (1 + e^-|x|), which overflows nowhere."""
        less = scalar.primitive("exp")(-scalar.primitive("abs")(x))
        one = scalar.select(x < 0, less, _constant(x, 1))
        return one / (less + 1.0)


@define
class Logit(Elementwise):
    """log(x / (1 - x)), the inverse of the logistic sigmoid (``scipy.special.logit``).

    x: float [...]  ->  float [...].      d logit x = dx / (x (1 - x))
    """

    name = "logit"
    operands = (Floating("x"),)
    reference = staticmethod(_logit)
    tolerance = _THREE_ULP
    source = "docs.scipy.org/doc/scipy/reference/generated/scipy.special.logit.html"
    flops = 30

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (1.0 / (x * (1.0 - x)),)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        """log1p((2 x - 1) / (1 - x)) but for small x: near 1/2 that loses nothing."""
        ratio = x / (1.0 - x)
        near = scalar.primitive("log1p")((x + x - 1.0) / (1.0 - x))
        return scalar.select(x < 0.25, scalar.primitive("log")(ratio), near)


@define
class TimesLogarithm(Elementwise):
    """x log(y), and 0 where x is 0 and y not nan (``scipy.special.xlogy``).

    x, y: float [...]  ->  float [...].
    d xlogy(x, y) = log(y) dx + x/(y) dy
    """

    name = "xlogy"
    operands = (Floating("x"), Floating("y"))
    reference = staticmethod(_xlogy)
    tolerance = _THREE_ULP
    source = "docs.scipy.org/doc/scipy/reference/generated/scipy.special.xlogy.html"
    flops = 20

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        zero = z.constant(0)
        by_y = x.apply("equal", 0).apply("select", zero, x / y)
        return y.apply("log"), by_y

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        product = x * scalar.primitive("log")(y)
        is_zero = x.equals(0) & y.equals(y)
        return scalar.select(is_zero, _constant(x, 0), product)


@define
class TimesLogarithmOfOnePlus(Elementwise):
    """x log(1 + y), and 0 where x is 0 and y not nan (``scipy.special.xlog1py``).

    x, y: float [...]  ->  float [...].
    d xlog1py(x, y) = log(1 + y) dx + x/(1 + y) dy
    """

    name = "xlog1py"
    operands = (Floating("x"), Floating("y"))
    reference = staticmethod(_xlog1py)
    tolerance = _THREE_ULP
    source = "docs.scipy.org/doc/scipy/reference/generated/scipy.special.xlog1py.html"
    flops = 20

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        zero = z.constant(0)
        by_y = x.apply("equal", 0).apply("select", zero, x / (y + 1.0))
        return y.apply("log1p"), by_y

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        product = x * scalar.primitive("log1p")(y)
        is_zero = x.equals(0) & y.equals(y)
        return scalar.select(is_zero, _constant(x, 0), product)
