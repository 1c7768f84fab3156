"""Integers of the host program: constants, symbols, and arithmetic on them.

A size that is known is a plain ``int``. One that is not is a ``Dim``: a
polynomial over symbols in one normal form, so that equal sizes are equal
objects: ``(n + 1) - 1`` is ``n``. What a polynomial cannot hold (quotients,
remainders, minima, maxima) is an atom with normalized arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Union

__all__ = [
    "Atom",
    "Dim",
    "Size",
    "dim_maximum",
    "dim_minimum",
    "evaluate_dim",
    "is_long",
    "monomial_key",
    "normal_form",
    "product",
    "substitute_dim",
    "symbol",
    "symbols_of",
    "terms_of",
    "total_of",
    "without_constant",
    "without_remainders",
]

Size = Union[int, "Dim"]
_Monomial = tuple["Atom", ...]

# A quotient of quotients of quotients is written out, and twice in what adds two: the
# work that formulas make doubles then with each of them. Those of real programs are
# shorter.
_LONGEST_OPERATION = 200

# Sums multiplied with sums, again and again. Many terms of few factors are the sizes
# of many arrays that are joined.
_MOST_TERMS = 64
_MOST_FACTORS = 8


class Atom:
    """A symbol, or an operation on Dims that polynomials do not hold.

    There is one object of each, so that they compare and hash by identity.
    ``operation`` is ``"symbol"``, ``"//"``, ``"%"``, ``"min"`` or ``"max"``.
    """

    __slots__ = ("arguments", "name", "names", "operation", "text")

    name: str
    names: frozenset[str]
    operation: str
    arguments: tuple[Size, ...]
    text: str

    def __new__(cls, operation: str, name: str, arguments: tuple[Size, ...]) -> Atom:
        if operation == "symbol":
            text = name
        elif operation in ("min", "max"):
            text = f"{operation}({arguments[0]}, {arguments[1]})"
        else:
            left, right = (_parenthesized(a) for a in arguments)
            text = f"{left} {operation} {right}"
        known = _atoms.get(text)
        if known is not None:
            return known
        self = super().__new__(cls)
        self.operation = operation
        self.name = name
        self.arguments = arguments
        self.text = text
        # What a replacement of it or within it can be keyed by.
        parts = (a.names for a in arguments if isinstance(a, Dim))
        self.names = frozenset((text,)).union(*parts)
        return _atoms.setdefault(text, self)

    def __repr__(self) -> str:
        return f"Atom({self.text})"


_atoms: dict[str, Atom] = {}


def _parenthesized(size: Size) -> str:
    text = str(size)
    return text if re.fullmatch(r"\w+", text) else f"({text})"


class Dim:
    """A symbolic integer in normal form.

    Arithmetic with ``int`` and ``Dim`` gives the same two types; a result that
    is constant is an ``int``. Equality and hashing are structural: they ask
    nothing about the values that the symbols will have.

    Example:
        >>> n = symbol("n")
        >>> (n + 1) * 2 - n, (n + 1) - n
        (n + 2, 1)
    """

    __slots__ = ("_hash", "_names", "_text", "terms")

    def __init__(self, terms: tuple[tuple[_Monomial, int], ...]) -> None:
        # Sorted by monomial text, the constant (empty monomial) last.
        self.terms = terms
        self._hash = hash(terms)
        self._text: str | None = None
        self._names: frozenset[str] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The symbols in it, and the texts of the operations in it."""
        if self._names is None:
            self._names = frozenset().union(
                *(atom.names for monomial, _ in self.terms for atom in monomial)
            )
        return self._names

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Dim) and self.terms == other.terms)

    def __repr__(self) -> str:
        if self._text is None:
            self._text = _format_terms(self.terms)
        return self._text

    def __add__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, coefficient in terms_of(other):
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return _from_terms(terms)

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        # Not by adding the negative, of which quotients are written otherwise.
        terms = dict(self.terms)
        for monomial, coefficient in terms_of(other):
            terms[monomial] = terms.get(monomial, 0) - coefficient
        return _from_terms(terms)

    def __rsub__(self, other: int) -> Size:
        return (-self) + other

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        if other == 1:
            return self
        terms: dict[_Monomial, int] = {}
        if isinstance(other, int):
            terms = {monomial: count * other for monomial, count in self.terms}
            return _from_terms(terms)
        for left, left_coefficient in self.terms:
            for right, right_coefficient in terms_of(other):
                monomial = tuple(sorted(left + right, key=_atom_key))
                terms[monomial] = (
                    terms.get(monomial, 0) + left_coefficient * right_coefficient
                )
        return _from_terms(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        return _divide(self, other)

    def __rfloordiv__(self, other: int) -> Size:
        return _divide(other, self)

    def __mod__(self, other: Size) -> Size:
        return _remainder(self, other)

    def __rmod__(self, other: int) -> Size:
        return _remainder(other, self)

    def __bool__(self) -> bool:
        raise TypeError(f"the truth of the symbolic size {self} is not known")


def _atom_key(atom: Atom) -> str:
    return atom.text


@lru_cache(maxsize=4096)
def monomial_key(monomial: _Monomial) -> tuple[int, str]:
    """The order of terms: higher degrees first, then by name, the constant last."""
    return (-len(monomial), " ".join(atom.text for atom in monomial))


def terms_of(size: Size) -> tuple[tuple[_Monomial, int], ...]:
    """The monomials of a size, and how often each is in it."""
    if isinstance(size, Dim):
        return size.terms
    return (((), int(size)),)


def _from_terms(terms: Mapping[_Monomial, int]) -> Size:
    kept = [(monomial, c) for monomial, c in terms.items() if c]
    for monomial, coefficient in kept:
        for atom in monomial:
            if atom.operation == "//":
                whole = _multiplied_out(monomial, coefficient, atom)
                if whole is not None:
                    rest = {m: c for m, c in kept if m != monomial}
                    return whole + _from_terms(rest)
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    if len(kept) > 1:
        kept.sort(key=lambda term: monomial_key(term[0]))
    return Dim(tuple(kept))


def _multiplied_out(
    monomial: _Monomial, coefficient: int, quotient: Atom
) -> Size | None:
    """A term that holds ``b * (a // b)``, with that written as ``a - a % b``.

    ``b`` may be part of the coefficient: ``5 * (a // 4)`` is ``a - a % 4 + a // 4``. So
    a coefficient of a quotient is at least 0 and less than its divisor.
    """
    above, below = quotient.arguments
    terms = terms_of(below)
    if len(terms) != 1:
        return None
    factors = [*monomial]
    factors.remove(quotient)
    if isinstance(below, int) and below > 0:
        times, remaining = divmod(coefficient, below)
        if times == 0:
            return None
        whole = (above - _remainder(above, below)) * _from_terms(
            {tuple(factors): times}
        )
        return whole + _from_terms({monomial: remaining})
    if coefficient % terms[0][1]:
        return None
    for atom in terms[0][0]:
        if atom not in factors:
            return None
        factors.remove(atom)
    whole = above - _remainder(above, below)
    return whole * _from_terms({tuple(factors): coefficient // terms[0][1]})


def _format_terms(terms: tuple[tuple[_Monomial, int], ...]) -> str:
    text = ""
    for monomial, coefficient in terms:
        magnitude = abs(coefficient)
        factors = [
            atom.text if atom.operation not in ("//", "%") else f"({atom.text})"
            for atom in monomial
        ]
        if len(terms) == 1 and coefficient == 1 and len(factors) == 1:
            return monomial[0].text
        if magnitude != 1 or not factors:
            factors.insert(0, str(magnitude))
        sign = "-" if coefficient < 0 else "+"
        if text:
            text += f" {sign} "
        elif sign == "-":
            text += "-"
        text += "*".join(factors)
    return text


@lru_cache(maxsize=4096)
def symbol(name: str) -> Dim:
    """The Dim that is the symbol ``name``."""
    return Dim((((Atom("symbol", name, ()),), 1),))


def _atom(operation: str, left: Size, right: Size) -> Dim:
    return Dim((((Atom(operation, "", (left, right)),), 1),))


def _divide(left: Size, right: Size) -> Size:
    """Floor division, distributed over the terms that divide evenly."""
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    if isinstance(right, int):
        if right == 0:
            raise ZeroDivisionError("division of a size by zero")
        if right == 1:
            return left
        # (a*k + b) // k == a + b // k for integers, whatever their signs.
        whole = {m: c // right for m, c in terms_of(left) if c % right == 0}
        rest = _from_terms({m: c for m, c in terms_of(left) if c % right != 0})
        whole_part = _from_terms(whole)
        if isinstance(rest, int):
            return whole_part + rest // right
        quotient = _atom("//", rest, right)
        return quotient + whole_part
    if left == 0:
        return 0
    # Nor is n // n 1, since n may be zero.
    return _atom("//", left, right)


def _remainder(left: Size, right: Size) -> Size:
    if isinstance(left, int) and isinstance(right, int):
        return left % right
    if isinstance(right, int):
        if right == 0:
            raise ZeroDivisionError("remainder of a size by zero")
        # Multiples of the divisor do not change the remainder.
        rest = _from_terms({m: c for m, c in terms_of(left) if c % right != 0})
        if isinstance(rest, int):
            return rest % right
        return _atom("%", rest, right)
    return 0 if left == 0 else _atom("%", left, right)


def dim_minimum(left: Size, right: Size) -> Size:
    """The smaller of two sizes, as a size."""
    return _extremum("min", min, left, right)


def dim_maximum(left: Size, right: Size) -> Size:
    """The larger of two sizes, as a size."""
    return _extremum("max", max, left, right)


def _extremum(
    name: str, choose: Callable[[int, int], int], left: Size, right: Size
) -> Size:
    if isinstance(left, int) and isinstance(right, int):
        return choose(left, right)
    difference = left - right
    if isinstance(difference, int):
        return left if choose(difference, 0) == difference else right
    first, second = sorted((left, right), key=str)
    return _atom(name, first, second)


def product(sizes: tuple[Size, ...] | list[Size]) -> Size:
    """The product of sizes; 1 for none."""
    total: Size = 1
    for size in sizes:
        total = size * total
    return total


def total_of(sizes: Iterable[Size]) -> Size:
    """The sum of sizes; 0 for none."""
    total: Size = 0
    terms: dict[_Monomial, int] = {}
    for size in sizes:
        if isinstance(size, Dim) and any(
            atom.operation != "symbol"
            for monomial, _ in size.terms
            for atom in monomial
        ):
            # Terms of quotients may be written otherwise together.
            total = size + total
            continue
        for monomial, coefficient in terms_of(size):
            terms[monomial] = terms.get(monomial, 0) + coefficient
    return _from_terms(terms) + total


def is_long(size: Size) -> bool:
    """Whether a formula is so long that computing with it would not end soon."""
    if isinstance(size, int):
        return False
    # The terms of most factors come first.
    if len(size.terms) > _MOST_TERMS and len(size.terms[0][0]) > _MOST_FACTORS:
        return True
    return any(
        len(atom.text) > _LONGEST_OPERATION
        for monomial, _ in size.terms
        for atom in monomial
    )


def symbols_of(size: Size) -> Iterator[str]:
    """The names of the symbols that a size depends on, possibly repeated."""
    if isinstance(size, Dim):
        for monomial, _ in size.terms:
            for atom in monomial:
                if atom.operation == "symbol":
                    yield atom.name
                for argument in atom.arguments:
                    yield from symbols_of(argument)


def normal_form(size: Size) -> Size:
    """A size that was put together by hand, in its one form."""
    return _map_atoms(size, symbol)


def _map_atoms(
    size: Size,
    leaf: Callable[[str], Size],
    known: Mapping[str, Size] = MappingProxyType({}),
) -> Size:
    """The size with symbols mapped, and then operations whose text is known."""
    if isinstance(size, int):
        return size
    mapped: list[Size] = []
    for monomial, coefficient in size.terms:
        term: Size = coefficient
        for atom in monomial:
            term = _map_atom(atom, leaf, known) * term
        mapped.append(term)
    return total_of(mapped)


def _map_atom(
    atom: Atom, leaf: Callable[[str], Size], known: Mapping[str, Size]
) -> Size:
    if atom.operation == "symbol":
        return leaf(atom.name)
    left, right = (_map_atoms(argument, leaf, known) for argument in atom.arguments)
    mapped = _OPERATIONS[atom.operation](left, right)
    if known and isinstance(mapped, Dim) and str(mapped) in known:
        return known[str(mapped)]
    return mapped


_OPERATIONS: Mapping[str, Callable[[Size, Size], Size]] = {
    "//": _divide,
    "%": _remainder,
    "min": dim_minimum,
    "max": dim_maximum,
}


def evaluate_dim(size: Size, values: Mapping[str, int]) -> int:
    """The number that a size is, given the values of its symbols.

    Raises:
        KeyError: a symbol has no value.
    """
    if isinstance(size, int):
        return size
    result = _map_atoms(size, lambda name: values[name])
    assert isinstance(result, int)
    return result


def substitute_dim(size: Size, replacements: Mapping[str, Size]) -> Size:
    """The size with some symbols, and operations such as ``"n % 4"``, replaced."""
    if isinstance(size, int) or size.names.isdisjoint(replacements):
        return size
    (monomial, coefficient), *rest = size.terms
    if coefficient == 1 and len(monomial) == 1 and not rest:
        # Most sizes are one symbol.
        if monomial[0].operation == "symbol":
            return replacements[monomial[0].name]
    return _map_atoms(
        size,
        lambda name: replacements[name] if name in replacements else symbol(name),
        replacements,
    )


def without_constant(size: Size) -> tuple[Size, int]:
    """A size as one without a constant, and the constant."""
    if isinstance(size, int):
        return 0, size
    constant = dict(size.terms).get((), 0)
    return size - constant, constant


def without_remainders(size: Size) -> Size:
    """The size where every remainder in it is zero: ``n - n % 4`` is ``n``."""
    if isinstance(size, int):
        return size
    kept = {
        monomial: coefficient
        for monomial, coefficient in size.terms
        if all(atom.operation != "%" for atom in monomial)
    }
    return _from_terms(kept)
