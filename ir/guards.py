"""Guards on host numbers, and what follows from them.

A trace asks questions about sizes (`is n equal to m?`). What is not known yet is
answered by the sizes at hand, and the answer becomes a guard: the graph serves
whenever its guards hold. ``Facts`` holds the guards asked so far, decides what
they imply, and brings sizes to one normal form (``m`` is written ``n`` once
``n == m`` is known).
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping

from penstock.ir.dim_text import parse_dim
from penstock.ir.dims import (
    Atom,
    Dim,
    Size,
    evaluate_dim,
    substitute_dim,
    symbol,
    symbols_of,
    without_constant,
)
from penstock.ir.errors import TextError
from penstock.ir.reals import Real, parse_real
from penstock.ir.record import Record
from penstock.ir.types import Type

__all__ = ["NEGATED", "RELATIONS", "Facts", "Guard", "parse_guard"]

RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# The relation that holds when the first does not; nan makes this wrong for reals,
# so guards on reals keep an explicit `negated`.
NEGATED: Mapping[str, str] = {
    "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
}  # fmt: skip


class Guard(Record):
    """A comparison of host numbers that must hold for a graph to serve.

    Args:
        left, right: sizes, or for ``Real`` both reals.
        relation: a key of ``RELATIONS``.
        negated: whether the comparison must be false instead (it differs from the
            opposite relation when a number is nan).

    Example:
        >>> from penstock.ir.dims import symbol
        >>> Guard(symbol("n"), ">=", 2)
        n >= 2
    """

    left: Size | Real
    relation: str
    right: Size | Real
    negated: bool = False

    def __repr__(self) -> str:
        text = f"{self.left} {self.relation} {self.right}"
        return f"not {text}" if self.negated else text

    def symbols(self) -> set[str]:
        """The symbols that the guard asks about."""
        return {
            name
            for side in (self.left, self.right)
            for name in (side.symbols() if isinstance(side, Real) else symbols_of(side))
        }

    def holds(
        self, sizes: Mapping[str, int], reals: Mapping[str, float] | None = None
    ) -> bool:
        """Whether the guard holds for these arguments."""
        try:
            left, right = (
                side.evaluate(reals or {}, sizes)
                if isinstance(side, Real)
                else evaluate_dim(side, sizes)
                for side in (self.left, self.right)
            )
        except ZeroDivisionError:
            # A guard before it says that the divisor is not zero.
            return False
        return RELATIONS[self.relation](left, right) != self.negated


def parse_guard(text: str) -> Guard:
    """Read a guard as it prints.

    Raises:
        TextError: the text is no guard.
    """
    text = text.strip()
    negated = text.startswith("not ")
    if negated:
        text = text[4:]
    match = re.search(r"==|!=|<=|>=|<|>", text)
    left, relation, right = (
        (text[: match.start()], match[0], text[match.end() :])
        if match
        else (text, "", "")
    )
    if relation not in RELATIONS:
        raise TextError(None, f"cannot read the guard {text!r}")
    # Reals hold what no size does, a point or a %name, so they are tried second.
    try:
        return Guard(parse_dim(left), relation, parse_dim(right), negated)
    except TextError:
        return Guard(parse_real(left), relation, parse_real(right), negated)


_Range = tuple[float, float]
_ANY: _Range = (-math.inf, math.inf)


class Facts:
    """What is known of the symbols of one Function.

    Args:
        minimum: the least value of each symbol, in order of declaration: 0 for a
            size, ``None`` for an integer argument, which may be anything.
        guards: what is known to hold.
    """

    def __init__(
        self, minimum: Mapping[str, int | None] = {}, guards: Iterable[Guard] = ()
    ) -> None:
        self.order: dict[str, int] = {}
        self.guards: list[Guard] = []
        self.replacements: dict[str, Size] = {}
        # Normal forms found under the present replacements, and what stands for those.
        self.form: object = object()
        self._sizes: dict[Size, Size] = {}
        self._types: dict[Type, Type] = {}
        self._ranges: dict[str, _Range] = {}
        # Normalized sizes known to be at least zero, or known not to be zero.
        # By what is added to a constant, the least one: the others follow from it.
        self._nonnegative: dict[Size, Size] = {}
        self._nonzero: list[Size] = []
        # Those known to be zero that no replacement of a symbol says.
        self._zero: list[Size] = []
        for name, least in minimum.items():
            self.declare(name, least)
        for guard in guards:
            self.add(guard)

    def declare(self, name: str, least: int | None) -> None:
        """Add a symbol, with its least value where there is one."""
        self.order.setdefault(name, len(self.order))
        self._ranges[name] = (-math.inf if least is None else least, math.inf)

    def copy(self) -> Facts:
        """An independent copy."""
        other = Facts()
        other.order = dict(self.order)
        other.guards = list(self.guards)
        other.replacements = dict(self.replacements)
        other._ranges = dict(self._ranges)
        other._nonnegative = dict(self._nonnegative)
        other._nonzero = list(self._nonzero)
        other._zero = list(self._zero)
        return other

    def normalize(self, size: Size) -> Size:
        """The one form in which this size is written."""
        if isinstance(size, int) or not self.replacements:
            return size
        found = self._sizes.get(size)
        if found is None:
            found = self._sizes[size] = substitute_dim(size, self.replacements)
        return found

    def number(self, size: Size) -> int | None:
        """The number that this size is, if all known values agree on it."""
        size = self.normalize(size)
        return size if isinstance(size, int) else None

    def normalize_type(self, type_: Type) -> Type:
        """The type with its sizes normalized."""
        if not self.replacements:
            return type_
        found = self._types.get(type_)
        if found is None:
            normal = type_.substitute(self.replacements)
            # The same object where nothing changes: then `is` compares most types.
            found = self._types[type_] = type_ if normal == type_ else normal
        return found

    def decide(self, left: Size, relation: str, right: Size) -> bool | None:
        """Whether the relation holds for all, none, or some of the known values."""
        difference = self.normalize(left - right)
        if isinstance(difference, int):
            return RELATIONS[relation](difference, 0)
        if relation in ("==", "!="):
            if difference in self._zero or -difference in self._zero:
                return relation == "=="
            low, high = self.range_of(difference)
            apart = (
                low > 0
                or high < 0
                or difference in self._nonzero
                or -difference in self._nonzero
            )
            return (relation == "!=") if apart else None
        if relation in (">", "<="):
            # Of integers, more than zero is at least one.
            answer = self._is_nonnegative(difference - 1)
            return answer if answer is None or relation == ">" else not answer
        answer = self._is_nonnegative(difference)
        return answer if answer is None or relation == ">=" else not answer

    def _is_nonnegative(self, size: Size) -> bool | None:
        low, high = self._bounds(size)
        if low >= 0:
            return True
        if high < 0:
            return False
        for fact in self._nonnegative.values():
            if self._bounds(size - fact)[0] >= 0:
                return True
            # size < 0 wherever size + fact <= -1.
            if self._bounds(size + fact)[1] <= -1:
                return False
        return self._sign_of_product(size)

    def _sign_of_product(self, size: Size) -> bool | None:
        """Whether a size of products is not negative, symbols counted from their least.

        ``n*m - 2*m`` is ``k*m`` where n is ``k + 2``, and of those no term is negative.
        """
        if isinstance(size, int) or all(len(atoms) < 2 for atoms, _ in size.terms):
            return None
        least = {
            name: symbol(name) + int(low)
            for name in size.names
            if 0 < (low := self._ranges.get(name, _ANY)[0]) < math.inf
        }
        counted = Facts()
        counted._ranges = self._ranges | dict.fromkeys(least, (0, math.inf))
        low, high = counted.range_of(substitute_dim(size, least))
        return True if low >= 0 else False if high < 0 else None

    def _bounds(self, size: Size) -> _Range:
        """As ``range_of``, also of the negated size where that may say more.

        ``-(n // 4) + n`` is written ``3*(n // 4) + n % 4``, which shows that it is not
        negative; its negation does not show as much.
        """
        low, high = self.range_of(size)
        if isinstance(size, Dim) and any(
            "//" in atom.text for monomial, _ in size.terms for atom in monomial
        ):
            least, greatest = self.range_of(-size)
            low, high = max(low, -greatest), min(high, -least)
        return low, high

    def range_of(self, size: Size) -> tuple[float, float]:
        """Bounds of a normalized size: least and greatest value."""
        if isinstance(size, int):
            return size, size
        low = high = 0.0
        for monomial, coefficient in size.terms:
            bounds: _Range = (coefficient, coefficient)
            for atom in monomial:
                bounds = _multiply(bounds, self._range_of_atom(atom))
            low, high = low + bounds[0], high + bounds[1]
        return low, high

    def _range_of_atom(self, atom: Atom) -> _Range:
        if atom.operation == "symbol":
            return self._ranges.get(atom.name, _ANY)
        left, right = (self.range_of(argument) for argument in atom.arguments)
        if atom.operation == "min":
            return min(left[0], right[0]), min(left[1], right[1])
        if atom.operation == "max":
            return max(left[0], right[0]), max(left[1], right[1])
        if right[0] <= 0:
            return _ANY
        if atom.operation == "%":
            return 0, right[1] - 1
        corners = [_floor_divide(a, b) for a in left for b in right]
        return min(corners), max(corners)

    def add(self, guard: Guard) -> None:
        """Take a guard as known."""
        self.guards.append(guard)
        if isinstance(guard.left, Real) or isinstance(guard.right, Real):
            return
        relation = NEGATED[guard.relation] if guard.negated else guard.relation
        difference = self.normalize(guard.left - guard.right)
        if isinstance(difference, int):
            return
        if relation == "==":
            self._equate(difference)
        elif relation == "!=":
            self._nonzero.append(difference)
            self._exclude_bound(difference)
        else:
            if relation in ("<", "<="):
                difference = -difference
            if relation in ("<", ">"):
                difference = difference - 1
            self._learn_nonnegative(difference)

    def _learn_nonnegative(self, size: Size) -> None:
        """Take ``size >= 0`` as known."""
        if isinstance(size, int):
            return
        self._keep_nonnegative(size)
        found = _single_symbol(size)
        if found is None:
            return
        name, coefficient, constant = found
        low, high = self._ranges.get(name, _ANY)
        if coefficient > 0:
            low = max(low, math.ceil(-constant / coefficient))
        else:
            high = min(high, constant // -coefficient)
        self._ranges[name] = (low, high)
        if low == high:
            self._replace(name, int(low))

    def _keep_nonnegative(self, size: Size) -> None:
        """Keep ``size >= 0``, unless the same of less is kept: n >= 3 says n >= 2."""
        if isinstance(size, int):
            return
        variable, constant = without_constant(size)
        known = self._nonnegative.get(variable)
        if known is None or constant < without_constant(known)[1]:
            self._nonnegative[variable] = size

    def _exclude_bound(self, size: Size) -> None:
        """Narrow a range by ``size != 0``, as n != 0 says n >= 1."""
        found = _single_symbol(size)
        if found is None:
            return
        name, coefficient, constant = found
        if constant % coefficient:
            return
        value = -constant // coefficient
        low, high = self._ranges.get(name, _ANY)
        if low == value:
            self._ranges[name] = (value + 1, high)
        elif high == value:
            self._ranges[name] = (low, value - 1)

    def _equate(self, size: Dim) -> None:
        """Take ``size == 0`` as known: solve it for the youngest symbol."""
        candidates = []
        occurrences = list(symbols_of(size))
        for monomial, coefficient in size.terms:
            if len(monomial) == 1 and monomial[0].operation == "symbol":
                name = monomial[0].name
                if abs(coefficient) == 1 and occurrences.count(name) == 1:
                    candidates.append((self.order.get(name, 0), name, coefficient))
        found = _single_symbol(size)
        if found is not None and found[2] % found[1] == 0:
            self._replace(found[0], -found[2] // found[1])
        elif candidates:
            _, name, coefficient = max(candidates)
            rest = size - Dim((((Atom("symbol", name, ()),), coefficient),))
            self._replace(name, -rest if coefficient == 1 else rest)
        elif (solved := _solved_operation(size)) is not None:
            atom, known = solved
            self._replace(atom.text, known)
            self._learn_remainder(atom, known)
        else:
            self._learn_zero(size)

    def _learn_remainder(self, quotient: Atom, known: Size) -> None:
        """Write ``n % 2`` as ``n - 2`` where ``n // 2`` is known to be 1.

        A size may be written with the one or the other.
        """
        if quotient.operation != "//":
            return
        whole, part = quotient.arguments
        remainder = whole % part
        rest = self.normalize(whole - part * known)
        if isinstance(remainder, int) or str(remainder) in str(rest):
            return
        ((monomial, coefficient), *more) = remainder.terms
        if more or coefficient != 1 or len(monomial) != 1:
            return
        self._learn_nonnegative(rest)
        if isinstance(part, int) and part > 0:
            self._learn_nonnegative(self.normalize(part - 1 - rest))
        self._replace(monomial[0].text, self.normalize(rest))

    def _learn_zero(self, size: Size) -> None:
        """Take a size as zero; a remainder that is zero is written so."""
        if isinstance(size, int):
            return
        self._zero.append(size)
        if len(size.terms) == 1 and len(size.terms[0][0]) == 1:
            atom = size.terms[0][0][0]
            if atom.operation == "%":
                self._replace(atom.text, 0)

    def _replace(self, name: str, size: Size) -> None:
        """Write a symbol, or an operation such as ``"n % 4"``, as a size."""
        self.form = object()
        self._sizes.clear()
        self._types.clear()
        least = self._ranges.get(name, _ANY)[0]
        if isinstance(size, Dim) and least > -math.inf:
            # The other side inherits the replaced symbol's least value.
            self._learn_nonnegative(size - int(least))
        single = {name: size}
        solved = self.replacements
        self.replacements = {name: size}
        # What operations on the symbol are holds of those on what replaces it.
        changed: list[Size] = []
        for key, value in solved.items():
            right = substitute_dim(value, single)
            whole = key if key.isidentifier() else parse_dim(key)
            left = whole if isinstance(whole, str) else substitute_dim(whole, single)
            if isinstance(left, str) or left == whole:
                self.replacements[key] = right
            else:
                changed.append(left - right)
        nonnegative, self._nonnegative = self._nonnegative, {}
        for known in nonnegative.values():
            self._keep_nonnegative(substitute_dim(known, single))
        self._nonzero = [substitute_dim(s, single) for s in self._nonzero]
        zero, self._zero = self._zero, []
        for known in zero:
            self._learn_zero(substitute_dim(known, single))
        for difference in changed:
            difference = self.normalize(difference)
            if isinstance(difference, Dim):
                self._equate(difference)


def _single_symbol(size: Size) -> tuple[str, int, int] | None:
    """``(name, a, b)`` where the size is ``a * name + b``."""
    if isinstance(size, int):
        return None
    terms = list(size.terms)
    constant = 0
    if not terms[-1][0]:
        constant = terms.pop()[1]
    if len(terms) != 1 or len(terms[0][0]) != 1:
        return None
    atom = terms[0][0][0]
    return (atom.name, terms[0][1], constant) if atom.operation == "symbol" else None


def _solved_operation(size: Dim) -> tuple[Atom, Size] | None:
    """``size == 0`` solved for a quotient, minimum or maximum.

    ``(n + 1) // 2 == n // 2`` says nothing of n alone, but that the two sizes are to
    be written alike.
    """
    found = [
        (monomial[0], coefficient)
        for monomial, coefficient in size.terms
        if len(monomial) == 1
        and abs(coefficient) == 1
        and monomial[0].operation in ("//", "min", "max")
    ]
    if not found:
        return None
    atom, coefficient = max(found, key=lambda pair: (len(pair[0].text), pair[0].text))
    rest = size - Dim((((atom,), coefficient),))
    if atom.text in str(rest):
        return None
    return atom, -rest if coefficient == 1 else rest


def _multiply(left: _Range, right: _Range) -> _Range:
    corners = [a * b if a and b else 0.0 for a in left for b in right]
    return min(corners), max(corners)


def _floor_divide(left: float, right: float) -> float:
    if math.isinf(left):
        return left if not math.isinf(right) else math.copysign(math.inf, left)
    if math.isinf(right):
        return 0 if left >= 0 else -1
    return left // right
