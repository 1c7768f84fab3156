"""Comparisons, which answer with bools."""

from __future__ import annotations

import numpy as np

from penstock.ir.loop import scalar
from penstock.ir.op import Anything, Floating, define
from penstock.ir.ops.families import Predicate

_NUMPY = "numpy.org/doc/stable/reference/routines.logic.html"


@define
class Equal(Predicate):
    """Whether elements are equal; nan equals nothing.

    x, y: any [...]  ->  bool [...].
    """

    name = "equal"
    operands = (Anything("x"), Anything("y"))
    reference = np.equal
    source = _NUMPY
    flops = 1
    lower = scalar.primitive("equal")


@define
class NotEqual(Predicate):
    """Whether elements differ; nan differs from everything.

    x, y: any [...]  ->  bool [...].
    """

    name = "not_equal"
    operands = (Anything("x"), Anything("y"))
    reference = np.not_equal
    source = _NUMPY
    flops = 1
    lower = scalar.primitive("not_equal")


@define
class Less(Predicate):
    """Whether the first element is less.

    x, y: any [...]  ->  bool [...].
    """

    name = "less"
    operands = (Anything("x"), Anything("y"))
    reference = np.less
    source = _NUMPY
    flops = 1
    lower = scalar.primitive("less")


@define
class LessEqual(Predicate):
    """Whether the first element is less or equal.

    x, y: any [...]  ->  bool [...].
    """

    name = "less_equal"
    operands = (Anything("x"), Anything("y"))
    reference = np.less_equal
    source = _NUMPY
    flops = 1
    lower = scalar.primitive("less_equal")


@define
class Greater(Predicate):
    """Whether the first element is greater.

    x, y: any [...]  ->  bool [...].
    """

    name = "greater"
    operands = (Anything("x"), Anything("y"))
    reference = np.greater
    source = _NUMPY
    flops = 1
    lower = scalar.primitive("greater")


@define
class GreaterEqual(Predicate):
    """Whether the first element is greater or equal.

    x, y: any [...]  ->  bool [...].
    """

    name = "greater_equal"
    operands = (Anything("x"), Anything("y"))
    reference = np.greater_equal
    source = _NUMPY
    flops = 1
    lower = scalar.primitive("greater_equal")


@define
class IsNan(Predicate):
    """Whether elements are nan.

    x: float [...]  ->  bool [...].
    """

    name = "is_nan"
    operands = (Floating("x"),)
    reference = np.isnan
    source = _NUMPY
    flops = 0
    lower = scalar.primitive("is_nan")
