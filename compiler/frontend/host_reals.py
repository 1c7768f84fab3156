"""Python floats of the traced program: expressions over the float arguments.

Each is known in two ways: as a ``Real``, which guards can hold, and as a Value of
the graph (``f64[]``), made when an array needs it. What a Real cannot express, such
as a power, has the Value alone; a question about it pins the arguments it depends on.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from penstock.frontend.host_numbers import (
    HostInteger,
    HostNumber,
    host_integer,
    is_number,
    size_of,
)
from penstock.frontend.refusals import bad_value, too_large
from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.graph.value import Value
from penstock.ir.guards import RELATIONS
from penstock.ir.reals import Real
from penstock.ir.types import f64
from penstock.runtime.refusal import readable_guard

__all__ = ["HostReal", "host_real"]

# Python floats hold every integer below this, so that the quotient of two of them
# rounds to the same integer as exact division.
_EXACT = 1 << 52

# Guards write out what is computed in several steps, once for each use of it.
_LONGEST_EXPRESSION = 100

# The ops that guards can hold, by the sign that Reals print.
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "neg": "neg", "abs": "abs"}


def _operation(
    op: str, compute: Callable[[float, float], float], zero_message: str = ""
) -> tuple[Callable[[HostReal, Any], Any], Callable[[HostReal, Any], Any]]:
    """A binary operator and its reflection; ``zero_message`` for divisors of zero."""

    def apply(left: HostReal, right: HostReal) -> HostReal:
        if zero_message and right.ask("==", 0.0):
            raise ZeroDivisionError(zero_message)
        return left.derive(op, compute(left.hint, right.hint), right)

    def forward(self: HostReal, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        return apply(self, host_real(self.tracer, other))

    def reflected(self: HostReal, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        return apply(host_real(self.tracer, other), self)

    return forward, reflected


class HostReal(HostNumber):
    """A Python ``float`` of the caller, or arithmetic on such and on sizes.

    ``isinstance(x, float)`` holds; ``type(x) is float`` does not.

    Attributes:
        hint: the number in this call.
        op: ``"parameter"``, ``"constant"``, ``"size"``, or a graph op.
        operands: the numbers that an op takes.
        expression: the number as a Real; ``None`` where a Real cannot say it.
    """

    __slots__ = ("_value", "expression", "hint", "op", "operands")

    def __init__(
        self,
        tracer: Tracer,
        hint: float,
        op: str,
        operands: tuple[HostReal, ...] = (),
        expression: Real | None = None,
        value: Value | None = None,
    ) -> None:
        self.tracer = tracer
        self.hint = hint
        self.op = op
        self.operands = operands
        self.expression = expression
        self._value = value

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return float

    @property
    def value(self) -> Value:
        """The number as a Value, ``f64[]``."""
        # Without recursion: a loop of Python makes numbers of thousands of steps.
        waiting = [] if self.is_made else [self]
        while waiting:
            missing = [part for part in waiting[-1].operands if not part.is_made]
            if missing:
                waiting += missing
            else:
                waiting.pop().make_value()
        assert self._value is not None
        return self._value

    @property
    def is_made(self) -> bool:
        """Whether the Value is there, and may be read."""
        return self._value is not None and self._value not in self.tracer.dead

    def make_value(self) -> None:
        """Make the Value, of operands that have theirs."""
        if self.is_made:
            return
        tracer = self.tracer
        if self.op == "constant":
            self._value = tracer.constant(self.hint, f64)
        elif self.op == "size":
            assert self.expression is not None
            size = tracer.normalize(self.expression.size)
            integer = tracer.emit("dim", size=size)
            self._value = tracer.emit("astype", integer, dtype=f64)
        else:
            operands = [operand.value for operand in self.operands]
            self._value = tracer.emit(self.op, *operands)

    def derive(self, op: str, hint: float, *others: HostReal) -> HostReal:
        """The number that an op makes of this one and others."""
        self.tracer.check("a traced number")
        operands = (self, *others)
        expressions = [operand.expression for operand in operands]
        real = None
        if op in _SIGNS and None not in expressions:
            real = Real(_SIGNS[op], tuple(filter(None, expressions)))
            if real.length > _LONGEST_EXPRESSION:
                real = None
        return HostReal(self.tracer, hint, op, operands, real)

    def leaves(self) -> Iterator[HostReal]:
        """The arguments, constants and sizes that this depends on."""
        stack = [self]
        seen: set[int] = set()
        while stack:
            number = stack.pop()
            if id(number) in seen:
                continue
            seen.add(id(number))
            stack += number.operands
            if not number.operands:
                yield number

    def ask(self, relation: str, other: Any) -> bool:
        """Answer a question about this number, and guard the answer."""
        right = host_real(self.tracer, other)
        if self.expression is None or right.expression is None:
            return RELATIONS[relation](self.concrete(), right.concrete())
        if self.op == "size" and right.op == "constant" and right.hint.is_integer():
            return self.tracer.ask(self.expression.size, relation, int(right.hint))
        if self.op == right.op == "constant":
            return RELATIONS[relation](self.hint, right.hint)
        return self.tracer.ask_real(self.expression, relation, right.expression)

    def compare(self, relation: str, other: Any) -> Any:
        """A comparison as Python and NumPy answer it."""
        if is_number(other):
            return self.ask(relation, other)
        # NumPy's own double: the same question, answered with a NumPy bool.
        if type(other) is np.float64:
            return np.bool_(self.ask(relation, float(other)))
        return NotImplemented

    def concrete(self) -> float:
        for leaf in self.leaves():
            assert leaf.expression is not None
            if leaf.op == "size":
                self.tracer.pin(leaf.expression.size)
            elif leaf.op == "parameter":
                self.tracer.pin_real(leaf.expression)
        return self.hint

    def describe(self) -> str:
        return f"<float {readable_guard(self.expression or self.op)}>"

    __hash__ = HostNumber.__hash__

    def __bool__(self) -> bool:
        return self.ask("!=", 0.0)

    def __neg__(self) -> Any:
        return self.derive("neg", -self.hint)

    def __abs__(self) -> Any:
        return self.derive("abs", abs(self.hint))

    def __eq__(self, other: object) -> Any:
        return self.compare("==", other)

    def __ne__(self, other: object) -> Any:
        return self.compare("!=", other)

    def __lt__(self, other: Any) -> Any:
        return self.compare("<", other)

    def __le__(self, other: Any) -> Any:
        return self.compare("<=", other)

    def __gt__(self, other: Any) -> Any:
        return self.compare(">", other)

    def __ge__(self, other: Any) -> Any:
        return self.compare(">=", other)

    def __divmod__(self, other: Any) -> Any:
        return (self // other, self % other) if is_number(other) else NotImplemented

    def __rdivmod__(self, other: Any) -> Any:
        return (other // self, other % self) if is_number(other) else NotImplemented

    def __pow__(self, exponent: Any) -> Any:
        return _power(self, exponent) if is_number(exponent) else NotImplemented

    def __rpow__(self, base: Any) -> Any:
        if not is_number(base):
            return NotImplemented
        return _power(host_real(self.tracer, base), self)

    def _rounded(self, number: int, below: float, above: float) -> int:
        """An integer that this rounds to: guarded by the numbers that do so.

        They lie between ``number - below`` and ``number + above``. A border itself
        counts where the integer lies on it.
        """
        if self.expression is None or abs(number) >= _EXACT:
            self.concrete()
            return number
        low, high = number - below, number + above
        inside = self.ask(">=" if below == 0 else ">", low)
        inside = inside and self.ask("<=" if above == 0 else "<", high)
        if not inside:
            self.concrete()
        return number

    def _finite(self, what: str) -> float:
        """What the number is in this call, where an integer is next to it."""
        if math.isnan(self.hint):
            raise bad_value(
                f"{what} of nan: it is no integer",
                hint="test it before: if math.isfinite(x)",
            )
        if math.isinf(self.hint):
            raise too_large(
                f"{what} of {self.hint}: it is no integer",
                hint="test it before: if math.isfinite(x)",
            )
        return self.hint

    def __int__(self) -> int:
        number = int(self._finite("int()"))
        below = 1 if number <= 0 else 0
        return self._rounded(number, below, 1 if number >= 0 else 0)

    def __trunc__(self) -> Any:
        quotient = self._exact_quotient()
        if quotient is not None and self.tracer.ask(quotient[0], ">=", 0):
            return host_integer(self.tracer, quotient[0] // quotient[1])
        return int(self)

    def __floor__(self) -> Any:
        quotient = self._exact_quotient()
        if quotient is not None:
            return host_integer(self.tracer, quotient[0] // quotient[1])
        return self._rounded(math.floor(self._finite("math.floor")), 0, 1)

    def __ceil__(self) -> Any:
        quotient = self._exact_quotient()
        if quotient is not None:
            return host_integer(self.tracer, -(-quotient[0] // quotient[1]))
        return self._rounded(math.ceil(self._finite("math.ceil")), 1, 0)

    def __round__(self, digits: Any = None) -> Any:
        if digits is None:
            # Halves go to the even neighbour; they pin the number.
            return self._rounded(round(self._finite("round()")), 0.5, 0.5)
        return round(self.concrete(), digits)

    def _exact_quotient(self) -> tuple[Size, int] | None:
        """``(a, b)`` where this is the size ``a`` over the positive integer ``b``.

        The floor of the rounded quotient is then that of the exact one: the distance
        to the next integer, at least 1 / b, exceeds half a unit of the quotient.
        """
        if self.op == "size":
            assert self.expression is not None
            return self.expression.size, 1
        if self.op != "div":
            return None
        above, below = self.operands
        divisor = below.hint
        if above.op != "size" or below.op != "constant" or not 1 <= divisor < 1 << 20:
            return None
        assert above.expression is not None
        size, tracer = above.expression.size, self.tracer
        fits = tracer.ask(size, "<", _EXACT) and tracer.ask(size, ">", -_EXACT)
        return (size, int(divisor)) if fits and divisor == int(divisor) else None

    def is_integer(self) -> bool:
        """As ``float.is_integer``; the number becomes part of the variant."""
        return self.concrete().is_integer()

    def hex(self) -> str:
        """As ``float.hex``; the number becomes part of the variant."""
        return self.concrete().hex()

    def as_integer_ratio(self) -> tuple[int, int]:
        """As ``float.as_integer_ratio``; the number becomes part of the variant."""
        return self.concrete().as_integer_ratio()

    __add__, __radd__ = _operation("add", operator.add)
    __sub__, __rsub__ = _operation("sub", operator.sub)
    __mul__, __rmul__ = _operation("mul", operator.mul)
    __truediv__, __rtruediv__ = _operation(
        "div", operator.truediv, "float division by zero"
    )
    __floordiv__, __rfloordiv__ = _operation(
        "floor_divide", operator.floordiv, "float floor division by zero"
    )
    __mod__, __rmod__ = _operation("remainder", operator.mod, "float modulo by zero")


# Python's own messages name the class: 'float' object has no attribute 'sum'.
HostReal.__name__ = "float"


def host_real(tracer: Tracer, number: Any) -> HostReal:
    """Any number of the host program as a HostReal."""
    if type(number) is HostReal:
        return number
    if type(number) is HostInteger:
        size = tracer.normalize(number.size)
        if not isinstance(size, int):
            hint = float(tracer.number(size))
            return HostReal(tracer, hint, "size", (), Real.of_size(size))
        number = size
    value = float(number)
    return HostReal(tracer, value, "constant", (), Real.constant(value))


def _power(base: HostReal, exponent: Any) -> Any:
    if type(exponent) is int and exponent == 2:
        return base * base
    right = host_real(base.tracer, exponent)
    if base.ask(">", 0.0):
        return base.derive("pow", base.hint**right.hint, right)
    # Zero and negative bases have errors and complex results of their own.
    if size_of(exponent) is not None:
        return base.concrete() ** int(right.concrete())
    return base.concrete() ** right.concrete()
