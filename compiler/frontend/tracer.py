"""The state of one trace: the graph so far, and what was asked of host numbers."""

from __future__ import annotations

import math
import os
from _thread import _local, get_ident
from collections.abc import Callable, Mapping
from typing import Any

from penstock.frontend.refusals import bad_value
from penstock.ir.attributes import Attribute
from penstock.ir.dims import Dim, Size, evaluate_dim, is_long, symbol, symbols_of
from penstock.ir.errors import (
    AxisError,
    LeakedValueError,
    NumberRangeError,
    TraceError,
)
from penstock.ir.graph.requirements import sizes_of
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import RELATIONS, Facts, Guard
from penstock.ir.location import Location, hide_directory, user_location
from penstock.ir.reals import Real
from penstock.ir.types import Dtype, TensorType

__all__ = ["Traced", "Tracer", "current_tracer", "require_tracer"]

hide_directory(os.path.dirname(__file__))

# Letters for sizes, in the order in which they are given out.
_LETTERS = ("n", "m", "k", "p", "q", "r", "s", "t", "u", "v", "w")

# NumPy's NPY_MAXDIMS.
_MOST_AXES = 64

_tracers = _local()


def current_tracer() -> Tracer | None:
    """The innermost trace that runs in this thread, or ``None``."""
    return getattr(_tracers, "tracer", None)


def require_tracer(what: str) -> Tracer:
    """The innermost trace of this thread.

    Raises:
        LeakedValueError: there is none, so ``what`` is used too late.
    """
    tracer = current_tracer()
    if tracer is None:
        raise leaked(what)
    return tracer


def leaked(what: str, of_region: bool = False) -> LeakedValueError:
    """The error for something of a trace that is used outside it.

    Args:
        what: is used.
        of_region: whether the trace goes on, so that only a function within it, such as
            the body of a loop, had been traced.
    """
    return LeakedValueError(
        user_location(),
        f"{what} was used after the function that it belongs to had been traced",
        hint="return it from that function, which is traced once: ps.scan stacks what "
        "each turn returns, has_aux=True passes it out of ps.grad"
        if of_region
        else "return it from the function; do not keep it in a global, attribute "
        "or list, or pass it to another thread",
    )


class Traced:
    """The base of what stands for a value that is known only later.

    Attributes:
        tracer: the trace that it belongs to.
    """

    __slots__ = ()
    tracer: Tracer


class Tracer:
    """Builds the graph of one function while Python runs it.

    Use it as a context manager: it is the current tracer inside.

    Attributes:
        name: the traced function's name.
        facts: what was asked of sizes and numbers, and answered.
        builder: makes Values.
        hints: the value that each symbol has in this call.
        real_hints: the value that each float argument has in this call.
        dead: the Values of regions that are complete: only these may read them.
        first_serial: that of the first cell of the innermost region.
        surely_runs: whether the program runs what is traced now whenever it is called:
            it does not run all branches, and a loop may take no turn.
        recomputations: how many parts derivatives compute again.
        derivative_order: how often what is traced now may be differentiated.
        shown: what ``repr`` gave for traced arrays: no result may contain it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.facts = Facts()
        self.builder = Builder(self.facts)
        self.hints: dict[str, int] = {}
        self.real_hints: dict[str, float] = {}
        self.dead: set[Value] = set()
        self.first_serial = 0
        self.surely_runs = True
        self.recomputations = 0
        self.derivative_order = 0
        # Nested values of the traced program as plain ones; set by its Capture.
        self.plain: Callable[[Any], Any] = lambda value: value
        self.shown: set[str] = set()
        # Sizes that are known to be at least 0.
        self._sound: set[Size] = set()
        self.active = False
        self._thread = get_ident()
        self._outer: Tracer | None = None
        self._letter = 0
        self._taken: set[str] = set()
        # Names that integer arguments will have, which sizes must not take.
        self.avoided_names: set[str] = set()

    def __enter__(self) -> Tracer:
        self._outer = current_tracer()
        _tracers.tracer = self
        self.active = True
        return self

    def __exit__(self, *exception: object) -> None:
        self.active = False
        _tracers.tracer = self._outer

    @property
    def runs_here(self) -> bool:
        """Whether this trace runs, and in this thread."""
        return self.active and self._thread == get_ident()

    def check(self, what: str = "a traced value") -> None:
        """Raise a LeakedValueError unless this trace runs in this thread."""
        # As `runs_here`, without the call: this is asked for every Value.
        if not self.active or self._thread != get_ident():
            raise leaked(what)

    def reserve(self, name: str) -> str:
        """A name like this one that no symbol or parameter has yet."""
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        return unique

    def new_size(self, value: int) -> Dim:
        """A new symbol for a size that is ``value`` in this call."""
        letters = len(_LETTERS)
        while True:
            round_, position = divmod(self._letter, letters)
            self._letter += 1
            name = _LETTERS[position] + (str(round_ + 1) if round_ else "")
            if name not in self._taken and name not in self.avoided_names:
                self._taken.add(name)
                return self._declare(name, value, 0)

    def new_integer(self, name: str, value: int) -> Dim:
        """A new symbol for an integer argument, named after it."""
        return self._declare(self.reserve(name), value, None)

    def _declare(self, name: str, value: int, least: int | None) -> Dim:
        self.facts.declare(name, least)
        self.hints[name] = value
        return symbol(name)

    def locations(self) -> tuple[Location, ...]:
        """Where the user's code is now."""
        loc = user_location()
        return () if loc is None else (loc,)

    def emit(
        self,
        op: str,
        *operands: Value,
        regions: tuple[Function, ...] = (),
        **attributes: Attribute,
    ) -> Value:
        """The Value of an op, at the place where the user's code is now.

        Raises:
            PenstockError: the operands do not fit.
            LeakedValueError: the trace is over.
        """
        self.check()
        every: dict[str, Any] = attributes
        value = self.builder.add(
            op, *operands, locations=self.locations(), regions=regions, **every
        )
        for size in sizes_of(value):
            if size not in self._sound:
                self.require_size(size)
        if isinstance(value.type, TensorType):
            self._check_sizes(value)
        return value

    def require_size(self, size: Size, what: str = "a size is") -> None:
        """Guard that a size is not negative, where nothing says it yet.

        Args:
            size: of an array that is made, or a count of turns.
            what: what messages call it.

        Raises:
            ArgumentError: it is negative in this call.
        """
        if not self.ask(self.shortened(size), ">=", 0):
            raise bad_value(
                f"{what} {self.number(size)}, which is negative",
                hint="use sizes of 0 or more: max(n, 0)",
            )
        self._sound.add(size)

    def _check_sizes(self, value: Value) -> None:
        """Raise a NumberRangeError for sizes and places that no array can have.

        Those of symbols are checked when the program is called.
        """
        if len(value.shape) > _MOST_AXES:
            raise AxisError(
                user_location(),
                f"{value.op.name}: the result would have {len(value.shape)} axes, but "
                f"arrays have {_MOST_AXES} at most",
                code="bad-axis",
                hint="merge axes: x.reshape(...)",
            )
        sizes = [size for size in value.shape if isinstance(size, int)]
        numbers = [
            part
            for attribute in value.attributes.values()
            if isinstance(attribute, tuple)
            for part in attribute
            if isinstance(part, int)
        ]
        wrong = next(
            (n for n in (*sizes, *numbers) if not -(1 << 63) <= n < 1 << 63), None
        )
        if wrong is not None:
            message = f"{value.op.name}: {wrong} does not fit 64 bits"
        elif math.prod(sizes) * value.dtype.bits >= 1 << 66:
            message = f"{value.op.name}: no memory holds {self.type_of(value)}"
        else:
            return
        raise NumberRangeError(
            user_location(),
            message,
            code="size-overflow",
            hint="use smaller arrays and numbers",
        )

    def constant(self, array: Any, dtype: Dtype) -> Value:
        """A constant of a dtype."""
        self.check()
        return self.builder.constant(array, dtype, locations=self.locations())

    def normalize(self, size: Size) -> Size:
        """The one form in which a size is written."""
        return self.facts.normalize(size)

    def type_of(self, value: Value) -> TensorType:
        """A Value's type, its sizes normalized."""
        type_ = self.facts.normalize_type(value.type)
        assert isinstance(type_, TensorType)
        return type_

    def number(self, size: Size) -> int:
        """What a size is in this call; nothing is asked."""
        return evaluate_dim(size, self.hints)

    def ask(self, left: Size, relation: str, right: Size) -> bool:
        """Answer a question about sizes, and guard the answer.

        Args:
            left: a size.
            relation: ``"=="``, ``"!="``, ``"<"``, ``"<="``, ``">"`` or ``">="``.
            right: a size.
        """
        known = self.facts.decide(left, relation, right)
        if known is not None:
            return known
        self.check("a traced size")
        answer = RELATIONS[relation](self.number(left), self.number(right))
        if not answer:
            relation = _OPPOSITE[relation]
        left, right = self.normalize(left), self.normalize(right)
        if isinstance(left, int):
            left, relation, right = right, _MIRRORED[relation], left
        if relation == "==":
            self._equate(left, right)
        else:
            self.facts.add(Guard(left, relation, right))
        return answer

    def _equate(self, left: Size, right: Size) -> None:
        """Guard that two sizes are equal, in a form that makes them one size.

        Of a product that is zero the factor that is zero is guarded: ``m*n == n`` is
        ``m == 1`` where n is not 0. What then still cannot be solved for a symbol fixes
        the symbols that it has.
        """
        asked, difference = Guard(left, "==", right), None
        while difference != left - right:
            difference = left - right
            left, right = self._without_factors(left, right)
            left, right = self._without_quotient(left, right)
            right, left = self._without_quotient(right, left)
        self.facts.add(Guard(left, "==", right))
        for name in dict.fromkeys(_symbols(left) + _symbols(right)):
            if self.normalize(left) == self.normalize(right):
                break
            self.facts.add(Guard(symbol(name), "==", self.hints[name]))
        if self.normalize(asked.left) != self.normalize(asked.right):  # type: ignore[arg-type]
            # n == m*m does not say yet that n // m is to be written m.
            self.facts.add(asked)

    def _without_factors(self, left: Size, right: Size) -> tuple[Size, Size]:
        """``m*n == n`` as ``m == 1`` where n is not 0, else as ``n == 0``."""
        difference = left - right
        while isinstance(difference, Dim) and (found := _common_factor(difference)):
            factor, difference = found
            if self.number(factor) == 0:
                return factor, 0
            left, right = _two_sides(difference)
        return left, right

    def _without_quotient(self, left: Size, right: Size) -> tuple[Size, Size]:
        """``n // 2 == 3`` as ``n == 6``, where ``n % 2`` is known.

        So too ``n // m == n``, of which no symbol is to be found otherwise.
        """
        while isinstance(left, Dim):
            monomial, coefficient = left.terms[0]
            if len(left.terms) != 1 or coefficient != 1 or len(monomial) != 1:
                break
            if monomial[0].operation != "//":
                break
            whole, part = monomial[0].arguments
            remainder = self.normalize(whole % part)
            if not isinstance(remainder, int):
                break
            if isinstance(right, Dim) and set(_symbols(right)).isdisjoint(
                _symbols(left)
            ):
                break
            left, right = _two_sides(whole - (right * part + remainder))
        return left, right

    def ask_real(self, left: Real, relation: str, right: Real) -> bool:
        """Answer a question about float arguments, and guard the answer."""
        self.check("a traced number")
        answer = Guard(left, relation, right).holds(self.hints, self.real_hints)
        guard = Guard(left, relation, right, negated=not answer)
        if guard not in self.facts.guards:
            self.facts.add(guard)
        return answer

    def shortened(self, size: Size) -> Size:
        """A size in its one form, or where that is too long, as a number.

        The symbols in it become part of the variant then.
        """
        size = self.normalize(size)
        if is_long(size):
            for name in dict.fromkeys(_symbols(size)):
                self.pin(symbol(name))
            size = self.normalize(size)
        return size

    def pin(self, size: Size) -> int:
        """The number that a size is, which becomes part of the variant."""
        if isinstance(size, int):
            return size
        value = self.number(size)
        self.ask(size, "==", value)
        return value

    def pin_real(self, real: Real) -> None:
        """Make the float arguments that a number depends on part of the variant."""
        for name in sorted(real.parameters()):
            value = Real.constant(self.real_hints[name])
            self.ask_real(Real.parameter(name), "==", value)

    def sizes_text(self, shape: tuple[Size, ...]) -> str:
        """What the symbols of a shape are in this call, for messages: ``n = 4``."""
        names: Mapping[str, None] = dict.fromkeys(
            name
            for size in shape
            if isinstance(size, Dim)
            for name in sorted(set(map(str, _symbols(size))))
        )
        return ", ".join(f"{name} = {self.hints[name]}" for name in names)

    def fail(self, message: str, *, code: str, hint: str | None = None) -> TraceError:
        """A TraceError at the place where the user's code is now."""
        return TraceError(user_location(), message, code=code, hint=hint)


def _symbols(size: Size) -> list[str]:
    return list(symbols_of(size))


def _two_sides(size: Size) -> tuple[Size, Size]:
    """``size == 0`` as two equal sides, the number on the right: ``n`` and ``1``."""
    if isinstance(size, int):
        return size, 0
    if size.terms[0][1] < 0:
        return _two_sides(-size)
    monomial, number = size.terms[-1]
    return (size, 0) if monomial else (size - number, -number)


def _common_factor(size: Dim) -> tuple[Size, Size] | None:
    """A factor that all terms of a size share, and what is left without it."""
    first, *others = [list(monomial) for monomial, _ in size.terms]
    shared = [atom for atom in first if all(atom in other for other in others)]
    if not shared or (len(size.terms) == 1 and len(first) == 1):
        return None
    rest: Size = 0
    for monomial, coefficient in size.terms:
        atoms = list(monomial)
        atoms.remove(shared[0])
        rest = (
            Dim(((tuple(atoms), coefficient),)) + rest if atoms else rest + coefficient
        )
    return Dim((((shared[0],), 1),)), rest


_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
