"""Sizes in few terms: to be printed or computed, where the normal form is long.

The normal form has ``8 * m * (n // 8)`` as ``m*n - (n % 8)*m``, and products of such
numbers of blocks grow to dozens of terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from penstock.ir.dims import Atom, Dim, Size, monomial_key, normal_form, terms_of

__all__ = ["in_few_readable_terms", "in_few_terms"]

_Monomial = tuple[Atom, ...]


@lru_cache(maxsize=4096)
def in_few_terms(size: Size) -> Size:
    """The same number in fewer terms: to be printed or computed, never compared.

    Example:
        >>> from penstock.ir.dims import symbol
        >>> m, n = symbol("m"), symbol("n")
        >>> size = 8 * m * ((n + 7) // 8)
        >>> size, in_few_terms(size)
        (-((n + 7) % 8)*m + m*n + 7*m, 8*((n + 7) // 8)*m)
    """
    if isinstance(size, int) or len(size.terms) < 2:
        return size
    terms, shorter = dict(size.terms), True
    while shorter:
        shorter = False
        atoms = dict.fromkeys(atom for monomial in terms for atom in monomial)
        for atom in atoms:
            if atom.operation == "%" and isinstance(atom.arguments[1], int):
                changed = _with_quotient(terms, atom)
                if len(changed) < len(terms):
                    terms, shorter = changed, True
    if len(terms) == len(size.terms):
        return size
    return Dim(tuple(sorted(terms.items(), key=lambda term: monomial_key(term[0]))))


@lru_cache(maxsize=4096)
def in_few_readable_terms(size: Size) -> Size:
    """The same number in few terms, such that who reads them has the same size.

    What products of several quotients are multiplied out to depends on the order: the
    normal form of the few terms may be another than that of the size.
    """
    short = in_few_terms(size)
    return short if normal_form(short) == size else size


def _with_quotient(
    terms: Mapping[_Monomial, int], remainder: Atom
) -> dict[_Monomial, int]:
    """The terms with ``a % b`` written as ``a - b * (a // b)``, not in normal form."""
    above, divisor = remainder.arguments
    assert isinstance(divisor, int)
    quotient = (Atom("//", "", (above, divisor)),)
    instead = [*terms_of(above), (quotient, -divisor)]
    changed: dict[_Monomial, int] = {}
    for monomial, coefficient in terms.items():
        if remainder not in monomial:
            changed[monomial] = changed.get(monomial, 0) + coefficient
            continue
        factors = [*monomial]
        factors.remove(remainder)
        for more, times in instead:
            product = tuple(sorted((*factors, *more), key=lambda atom: atom.text))
            changed[product] = changed.get(product, 0) + coefficient * times
    return {monomial: c for monomial, c in changed.items() if c}
