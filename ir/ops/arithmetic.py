"""Arithmetic of numbers, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.ir.graph.expression import Expression
from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.loop.primitive import PRIMITIVES
from penstock.ir.op import (
    Anything,
    Boolean,
    Floating,
    Numeric,
    define,
)
from penstock.ir.ops.families import Elementwise
from penstock.ir.types import Dtype, TensorType

_NUMPY = "numpy.org/doc/stable/reference/routines.math.html"


@define
class Add(Elementwise):
    """Sum of two arrays.

    x, y: number [...]  ->  number [...]; integers wrap around.
    """

    name = "add"
    operands = (Numeric("x"), Numeric("y"))
    reference = np.add
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        one = z.constant(1)
        return one, one

    lower = scalar.primitive("add")


@define
class Subtract(Elementwise):
    """Difference of two arrays.

    x, y: number [...]  ->  number [...]; integers wrap around.
    """

    name = "sub"
    operands = (Numeric("x"), Numeric("y"))
    reference = np.subtract
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        return z.constant(1), z.constant(-1)

    lower = scalar.primitive("sub")


@define
class Multiply(Elementwise):
    """Product of two arrays.

    x, y: number [...]  ->  number [...]; integers wrap around.
    """

    name = "mul"
    operands = (Numeric("x"), Numeric("y"))
    reference = np.multiply
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        return y, x

    lower = scalar.primitive("mul")


@define
class Divide(Elementwise):
    """True quotient of two floating arrays.

    x, y: float [...]  ->  float [...]. x/0 is inf or nan, as in IEEE 754.
    d(x/y) = dx/y - (x/y) dy/y
    """

    name = "div"
    operands = (Floating("x"), Floating("y"))
    reference = np.divide
    source = _NUMPY
    flops = 4

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        return 1.0 / y, -(z / y)

    lower = scalar.primitive("div")


@define
class FloorDivide(Elementwise):
    """Quotient rounded down.

    x, y: number [...]  ->  number [...]. Integers: n // 0 is 0, as in NumPy, without
    its warning.
    """

    name = "floor_divide"
    operands = (Numeric("x"), Numeric("y"))
    reference = np.floor_divide
    source = _NUMPY
    flops = 6

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        return None, None

    lower = scalar.primitive("floor_divide")


@define
class Remainder(Elementwise):
    """Remainder with the sign of the divisor.

    x, y: number [...]  ->  number [...]: x - floor(x / y) * y. Integers: n % 0 is 0.
    """

    name = "remainder"
    operands = (Numeric("x"), Numeric("y"))
    reference = np.remainder
    source = _NUMPY
    flops = 6

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        return z.constant(1), -x.apply("floor_divide", y)

    lower = scalar.primitive("remainder")


@define
class Power(Elementwise):
    """Power of two arrays.

    x, y: number [...]  ->  number [...]. Integers wrap around; a negative integer
    exponent is an error in NumPy: the tracer has ``require`` say so.
    d(x^y) = y x^(y-1) dx + x^y log(x) dy                        DLMF 4.2.26
    The second term is zero where x is zero and y positive.
    """

    name = "pow"
    operands = (Numeric("x"), Numeric("y"))
    numpy = (np.power,)
    tolerance = {"f32": 2.0, "f64": 2.0, "f16": 1.0, "bf16": 1.0}
    source = "DLMF 4.2.26"
    flops = 40

    @staticmethod
    def reference(x: Any, y: Any) -> Any:
        """``np.power``, which takes a root instead if one 0.5 is all of y.

        With AVX-512 it rounds squares and reciprocals otherwise than ``*`` and
        ``/``, which round once.
        """
        shape = np.broadcast_shapes(x.shape, y.shape)
        exponents = np.array(np.broadcast_to(y, shape or (1,)))
        found = np.power(x, exponents)
        if found.dtype.kind not in "iub":
            found = np.where(exponents == 2, np.multiply(x, x), found)
            found = np.where(exponents == -1, np.divide(1, x, dtype=x.dtype), found)
        return found.reshape(shape).astype(x.dtype, copy=False)

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        zero = z.constant(0)
        if y.number == -2:
            # A square and a quotient, where x^-3 would be a power.
            by_x = y * z / x
        else:
            by_x = y.apply("equal", 0).apply("select", zero, y * x ** (y - 1))
        is_zero = x.apply("equal", 0)
        # log(0) must not reach the product: inf * 0 is nan.
        log_x = is_zero.apply("select", x.constant(1), x).apply("log")
        return by_x, is_zero.apply("select", zero, z * log_x)

    @staticmethod
    def lower(x: Scalar, y: Scalar) -> Scalar:
        """Small whole powers by multiplication: within 1.5 ulp, as pow is within 2."""
        exponent = scalar.constant_value(y)
        if x.dtype.is_float and exponent in (-2, -1, 3, 4):
            square = x * x
            if exponent > 0:
                return square * x if exponent == 3 else square * square
            assert x.builder is not None
            return x.builder.constant(1, x.dtype) / (x if exponent == -1 else square)
        return scalar.primitive("pow")(x, y)


@define
class Negative(Elementwise):
    """The number with the other sign.

    x: number [...]  ->  number [...]; unsigned integers wrap around.
    """

    name = "neg"
    operands = (Numeric("x"),)
    reference = np.negative
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (y.constant(-1),)

    lower = scalar.primitive("neg")


@define
class Absolute(Elementwise):
    """Absolute value.

    x: number [...]  ->  number [...]. The least signed integer stays as it is.
    d|x| = sign(x) dx; 0 at 0.
    """

    name = "abs"
    operands = (Numeric("x"),)
    reference = np.absolute
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (x.apply("sign"),)

    lower = scalar.primitive("abs")


@define
class Sign(Elementwise):
    """-1, 0 or 1 by the sign; nan stays nan.

    x: number [...]  ->  number [...].
    """

    name = "sign"
    operands = (Numeric("x"),)
    numpy = (np.sign,)
    source = _NUMPY
    flops = 1

    reference = staticmethod(PRIMITIVES["sign"].evaluate)

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[None]:
        return (None,)

    lower = scalar.primitive("sign")


@define
class Floor(Elementwise):
    """The greatest integer not above, as a float.

    x: float [...]  ->  float [...].
    """

    name = "floor"
    operands = (Floating("x"),)
    reference = np.floor
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[None]:
        return (None,)

    lower = scalar.primitive("floor")


@define
class Ceil(Elementwise):
    """The least integer not below, as a float.

    x: float [...]  ->  float [...].
    """

    name = "ceil"
    operands = (Floating("x"),)
    reference = np.ceil
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[None]:
        return (None,)

    lower = scalar.primitive("ceil")


@define
class SquareRoot(Elementwise):
    """Square root, correctly rounded; nan for negative numbers.

    x: float [...]  ->  float [...].      d sqrt x = dx / (2 sqrt x)
    """

    name = "sqrt"
    operands = (Floating("x"),)
    reference = np.sqrt
    source = "IEEE 754-2019, 5.4.1"
    flops = 4

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[Any]:
        return (0.5 / y,)

    lower = scalar.primitive("sqrt")


@define
class Minimum(Elementwise):
    """The smaller number; nan if either is nan.

    x, y: any [...]  ->  any [...]. The derivative goes to the operand that is chosen,
    half to each of two equal ones; of two nans NumPy chooses the first.
    """

    name = "minimum"
    operands = (Anything("x"), Anything("y"))
    reference = np.minimum
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        return _choice(x.apply("less", y), x, y)

    lower = scalar.primitive("minimum")


@define
class Maximum(Elementwise):
    """The larger number; nan if either is nan.

    x, y: any [...]  ->  any [...]. The derivative goes to the operand that is chosen,
    half to each of two equal ones; of two nans NumPy chooses the first.
    """

    name = "maximum"
    operands = (Anything("x"), Anything("y"))
    reference = np.maximum
    source = _NUMPY
    flops = 1

    @staticmethod
    def partials(z: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
        return _choice(x.apply("greater", y), x, y)

    lower = scalar.primitive("maximum")


def _choice(better: Expression, x: Expression, y: Expression) -> tuple[Any, Any]:
    half, one, zero = x.constant(0.5), x.constant(1), x.constant(0)
    # A number that is written there is seldom nan.
    may_be_nan = x.number is None or x.number != x.number
    first = better.apply("or", x.apply("is_nan")) if may_be_nan else better
    tie = x.apply("equal", y)
    by_x = tie.apply("select", half, first.apply("select", one, zero))
    return by_x, one - by_x


@define
class Select(Elementwise):
    """One array where a condition holds, another where not (``np.where``).

    condition: bool [...]; x, y: any [...]  ->  any [...].
    """

    name = "select"
    operands = (Boolean("condition"), Anything("x"), Anything("y"))
    first_typed = 1
    reference = np.where
    source = "numpy.org/doc/stable/reference/generated/numpy.where.html"
    flops = 0

    linear = (1, 2)

    @staticmethod
    def transpose(
        cotangent: Expression, operands: Sequence[Expression], position: int
    ) -> Expression:
        # Not a product with 0 or 1, which would make nan of an infinite cotangent.
        condition, zero = operands[0], cotangent.constant(0)
        chosen = (cotangent, zero) if position == 1 else (zero, cotangent)
        return condition.apply("select", *chosen)

    lower = staticmethod(scalar.select)


@define
class AsType(Elementwise):
    """Elements converted to another dtype, as ``astype``.

    x: any [...]  ->  dtype [...]. Floats to integers truncate; a float that does not
    fit gives what this machine gives, as in NumPy. Anything but zero is True.
    """

    name = "astype"
    operands = (Anything("x"),)
    attributes = ("dtype",)
    source = "numpy.org/doc/stable/reference/generated/numpy.ndarray.astype.html"
    flops = 0

    @staticmethod
    def reference(x: Any, *, dtype: Dtype) -> Any:
        with np.errstate(invalid="ignore", over="ignore"):
            return x.astype(dtype.numpy)

    @classmethod
    def infer_type(cls, types: Any, attributes: Any) -> TensorType:
        (type_,) = cls.check_operands(types)
        return type_.with_dtype(attributes["dtype"])

    linear = (0,)

    @staticmethod
    def transpose(
        cotangent: Expression,
        operands: Sequence[Expression],
        position: int,
        *,
        dtype: Dtype,
    ) -> Expression:
        return cotangent.astype(operands[0].dtype)

    @staticmethod
    def lower(x: Scalar, *, dtype: Dtype) -> Scalar:
        return scalar.convert(x, dtype)
