"""Sizes and Python numbers of the traced program, which behave as numbers do.

Arithmetic gives further host numbers. A question (``n > 5``, ``range(n)``, a
dictionary lookup) is answered with the numbers of this call, and the answer
becomes a guard of the variant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.frontend.tracer import Traced, Tracer
from penstock.ir.dims import Dim, Size, product

__all__ = [
    "HostInteger",
    "HostNumber",
    "host_integer",
    "is_float",
    "is_number",
    "size_of",
]


class HostNumber(Traced):
    """The base of numbers that are known when the program is called.

    Attributes:
        tracer: the trace that the number belongs to.
    """

    __slots__ = ("tracer",)
    tracer: Tracer

    # NumPy asks these before it would take the number for an unknown object.
    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        from penstock.frontend.ufuncs import call_method

        return call_method(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Any:
        from penstock.frontend.namespace import call_function

        return call_function(function, args, kwargs)

    def concrete(self) -> int | float:
        """The number in this call, which becomes part of the variant."""
        raise NotImplementedError

    def __int__(self) -> int:
        return int(self.concrete())

    def __float__(self) -> float:
        return float(self.concrete())

    def __complex__(self) -> complex:
        return complex(self.concrete())

    def __hash__(self) -> int:
        return hash(self.concrete())

    def __repr__(self) -> str:
        return repr(self.concrete()) if self.tracer.runs_here else self.describe()

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(self.concrete(), spec) if self.tracer.runs_here else repr(self)

    def describe(self) -> str:
        """The expression, for messages."""
        raise NotImplementedError

    def __pos__(self) -> Any:
        return self

    def __reduce__(self) -> Any:
        return (type(self.concrete()), (self.concrete(),))

    def conjugate(self) -> Any:
        """The number itself."""
        return self

    @property
    def real(self) -> Any:
        """The number itself."""
        return self

    @property
    def imag(self) -> Any:
        """Zero, of the same kind."""
        return self.concrete() * 0


def host_integer(tracer: Tracer, size: Size) -> Any:
    """A size as the traced program sees it: an ``int`` where it is known."""
    size = tracer.shortened(size)
    return size if isinstance(size, int) else HostInteger(tracer, size)


def is_float(value: Any) -> bool:
    """Whether a value is a Python float, of the program or of the caller.

    NumPy's float64, real or traced, is one to ``isinstance``, but its arithmetic is
    NumPy's.
    """
    kind = type(value)
    if issubclass(kind, Traced):
        return issubclass(kind, HostNumber) and isinstance(value, float)
    return issubclass(kind, float) and not issubclass(kind, np.generic)


def size_of(number: Any) -> Size | None:
    """The size that a number stands for; ``None`` if it is no integer."""
    if isinstance(number, HostInteger):
        return number.tracer.normalize(number.size)
    # `type` sees through numbers that only say that they are ints.
    if type(number) in (int, bool) or isinstance(number, int):
        return int(number)
    return None


def _integer_operation(
    compute: Callable[[Size, Size], Size], fallback: str, *, divides: bool = False
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A binary operator on integers and its reflection.

    ``fallback`` names the operator of HostReal that serves where the other operand
    is a float.
    """

    def apply(tracer: Tracer, left: Any, right: Any) -> Any:
        a, b = size_of(left), size_of(right)
        if a is None or b is None:
            if is_float(left) or is_float(right):
                return getattr(_real(tracer, left), fallback)(_real(tracer, right))
            return NotImplemented
        if divides:
            if tracer.ask(b, "==", 0):
                raise ZeroDivisionError("integer division or modulo by zero")
            if not (_fits(a) and _fits(b)):
                # The program divides 64 bits; sums and products it holds to them.
                a, b = tracer.pin(a), tracer.pin(b)
        return host_integer(tracer, compute(a, b))

    def forward(self: HostInteger, other: Any) -> Any:
        self.tracer.check("a traced size")
        return apply(self.tracer, self, other)

    def reflected(self: HostInteger, other: Any) -> Any:
        self.tracer.check("a traced size")
        return apply(self.tracer, other, self)

    return forward, reflected


def _fits(size: Size) -> bool:
    """Whether a program can compute with a number, as far as is known of it."""
    return not isinstance(size, int) or -(1 << 63) <= size < 1 << 63


def _bits(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A bitwise operator: it needs the numbers themselves."""

    def forward(self: HostInteger, other: Any) -> Any:
        if size_of(other) is None:
            return NotImplemented
        return getattr(int(self), name)(int(other))

    def reflected(self: HostInteger, other: Any) -> Any:
        if size_of(other) is None:
            return NotImplemented
        return getattr(int(other), name)(int(self))

    return forward, reflected


def _integer_comparison(relation: str) -> Callable[[HostInteger, Any], Any]:
    def compare(self: HostInteger, other: Any) -> Any:
        size = size_of(other)
        if size is not None:
            return self.tracer.ask(self.size, relation, size)
        if is_float(other) or type(other) is np.float64:
            return _real(self.tracer, self).compare(relation, other)
        return NotImplemented

    return compare


class HostInteger(HostNumber):
    """A size, or a Python ``int`` of the caller: a Dim that passes for an ``int``.

    ``isinstance(n, int)`` holds; ``type(n) is int`` does not.

    Attributes:
        size: the Dim.
    """

    __slots__ = ("size",)

    def __init__(self, tracer: Tracer, size: Dim) -> None:
        self.tracer = tracer
        self.size = size

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return int

    def concrete(self) -> int:
        return self.tracer.pin(self.size)

    def describe(self) -> str:
        return str(self.tracer.normalize(self.size))

    __hash__ = HostNumber.__hash__

    def __index__(self) -> int:
        return self.concrete()

    def __bool__(self) -> bool:
        return self.tracer.ask(self.size, "!=", 0)

    __add__, __radd__ = _integer_operation(lambda a, b: a + b, "__add__")
    __sub__, __rsub__ = _integer_operation(lambda a, b: a - b, "__sub__")
    __mul__, __rmul__ = _integer_operation(lambda a, b: a * b, "__mul__")
    __floordiv__, __rfloordiv__ = _integer_operation(
        lambda a, b: a // b, "__floordiv__", divides=True
    )
    __mod__, __rmod__ = _integer_operation(lambda a, b: a % b, "__mod__", divides=True)
    __and__, __rand__ = _bits("__and__")
    __or__, __ror__ = _bits("__or__")
    __xor__, __rxor__ = _bits("__xor__")
    __eq__ = _integer_comparison("==")
    __ne__ = _integer_comparison("!=")
    __lt__ = _integer_comparison("<")
    __le__ = _integer_comparison("<=")
    __gt__ = _integer_comparison(">")
    __ge__ = _integer_comparison(">=")

    def __neg__(self) -> Any:
        return host_integer(self.tracer, -self.size)

    def __invert__(self) -> Any:
        return host_integer(self.tracer, -self.size - 1)

    def __abs__(self) -> Any:
        return self if self.tracer.ask(self.size, ">=", 0) else -self

    def __truediv__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        return _real(self.tracer, self) / other

    def __rtruediv__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        return _real(self.tracer, other) / self

    def __divmod__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        return other // self, other % self

    def __pow__(self, exponent: Any, modulus: Any = None) -> Any:
        if modulus is not None:
            return pow(int(self), int(exponent), int(modulus))
        if type(exponent) is int and 0 <= exponent <= 8:
            return host_integer(self.tracer, product([self.size] * exponent))
        if not is_number(exponent):
            return NotImplemented
        if size_of(exponent) is not None:
            # Whether the result is an int or a float hangs on the exponent's sign.
            return int(self) ** int(exponent)
        return _real(self.tracer, self) ** exponent

    def __rpow__(self, base: Any) -> Any:
        if size_of(base) is not None:
            return int(base) ** int(self)
        return _real(self.tracer, base) ** self if is_number(base) else NotImplemented

    def __lshift__(self, count: Any) -> Any:
        if type(count) is int and 0 <= count < 63:
            return self * (1 << count)
        return int(self) << int(count) if size_of(count) is not None else NotImplemented

    def __rlshift__(self, other: Any) -> Any:
        return int(other) << int(self) if size_of(other) is not None else NotImplemented

    def __rshift__(self, count: Any) -> Any:
        if type(count) is int and 0 <= count < 63:
            return self // (1 << count)
        return int(self) >> int(count) if size_of(count) is not None else NotImplemented

    def __rrshift__(self, other: Any) -> Any:
        return int(other) >> int(self) if size_of(other) is not None else NotImplemented

    def __round__(self, digits: Any = None) -> Any:
        return self if digits is None or int(digits) >= 0 else round(int(self), digits)

    def __trunc__(self) -> Any:
        return self

    __floor__ = __ceil__ = __trunc__

    def bit_length(self) -> int:
        """As ``int.bit_length``; the number becomes part of the variant."""
        return int(self).bit_length()

    def is_integer(self) -> bool:
        """Always True."""
        return True

    @property
    def numerator(self) -> Any:
        """The number itself."""
        return self

    @property
    def denominator(self) -> int:
        """Always 1."""
        return 1


# Python's own messages name the class.
HostInteger.__name__ = "int"


def is_number(value: Any) -> bool:
    """Whether a value is a Python number, of the program or of the caller."""
    return is_float(value) or size_of(value) is not None


def _real(tracer: Tracer, number: Any) -> Any:
    from penstock.frontend.host_reals import host_real

    return host_real(tracer, number)
