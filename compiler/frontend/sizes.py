"""Equations between sizes, made to hold by guards."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Atom, Dim, Size, substitute_dim, symbol, symbols_of

__all__ = ["exact_quotient", "make_equal"]

# How many symbols at most are tried out against each other.
_MOST_SYMBOLS = 4


def exact_quotient(tracer: Tracer, whole: Size, part: Size) -> Size | None:
    """``whole / part`` where it is an integer, else ``None``; both are asked about.

    ``part`` is known not to be zero.
    """
    whole, part = _without_zero_remainders(tracer, whole, part)
    divided = _divide_terms(whole, part)
    if divided is not None:
        return divided
    _identify(
        tracer, part, whole, lambda named: _divide_terms(whole, named) is not None
    )
    whole, part = tracer.normalize(whole), tracer.normalize(part)
    divided = _divide_terms(whole, part)
    if divided is not None:
        return divided
    if not tracer.ask(whole % part, "==", 0):
        return None
    return tracer.normalize(tracer.normalize(whole) // tracer.normalize(part))


def _without_zero_remainders(
    tracer: Tracer, left: Size, right: Size
) -> tuple[Size, Size]:
    """Two sizes, the remainders in them that are zero in this call guarded to be."""
    for size in (left, right):
        for atom in _remainders(tracer.normalize(size)):
            value = Dim((((atom,), 1),))
            if tracer.number(value) == 0:
                tracer.ask(value, "==", 0)
    return tracer.normalize(left), tracer.normalize(right)


def _identify(
    tracer: Tracer, size: Size, other: Size, fits: Callable[[Size], bool]
) -> None:
    """Guard symbols of one size to be equal to some of another, if then it fits.

    The shape of one array may be written with the sizes of another: ``q.shape`` where
    ``k`` is reshaped. Symbols that have the same value in this call are tried.
    """
    own = set(symbols_of(size)) - set(symbols_of(other))
    theirs = set(symbols_of(other)) - set(symbols_of(size))
    if not own or len(own) > min(len(theirs), _MOST_SYMBOLS):
        return
    names = sorted(own)
    for chosen in permutations(sorted(theirs), len(names)):
        pairs = list(zip(names, chosen, strict=True))
        if any(tracer.hints[one] != tracer.hints[two] for one, two in pairs):
            continue
        if fits(substitute_dim(size, {one: symbol(two) for one, two in pairs})):
            for one, two in pairs:
                tracer.ask(symbol(one), "==", symbol(two))
            return


def _divide_terms(whole: Size, part: Size) -> Size | None:
    """Each term of a size divided by a size of one term, if all are divisible."""
    if isinstance(part, int):
        monomial: tuple[Atom, ...] = ()
        coefficient = part
    elif len(part.terms) == 1:
        monomial, coefficient = part.terms[0]
    else:
        return 1 if whole == part else None
    terms = whole.terms if isinstance(whole, Dim) else (((), whole),)
    total: Size = 0
    for factors, count in terms:
        left = [*factors]
        for atom in monomial:
            if atom not in left:
                return None
            left.remove(atom)
        if count % coefficient:
            return None
        term: Size = (
            Dim(((tuple(left), count // coefficient),))
            if left
            else (count // coefficient)
        )
        total = term + total
    return total


def make_equal(tracer: Tracer, left: Size, right: Size) -> bool:
    """Whether two sizes are equal in this call; if so they have one form afterwards.

    Remainders in which they differ are guarded to be what they are, then symbols to
    be equal; failing that the equation itself is guarded, and failing that the sizes
    become constants.
    """
    left, right = tracer.normalize(left), tracer.normalize(right)
    if left == right:
        return True
    if tracer.number(left) != tracer.number(right):
        tracer.ask(left, "==", right)
        return False
    left, right = _without_zero_remainders(tracer, left, right)
    if left == right:
        return True
    _identify(tracer, left, right, lambda named: named == right)
    if tracer.normalize(left) == tracer.normalize(right):
        return True
    tracer.ask(left, "==", right)
    for name in dict.fromkeys(symbols_of(tracer.normalize(left - right))):
        if tracer.normalize(left) != tracer.normalize(right):
            tracer.pin(symbol(name))
    return True


def _remainders(size: Size) -> list[Atom]:
    if isinstance(size, int):
        return []
    atoms = [atom for monomial, _ in size.terms for atom in monomial]
    return list(dict.fromkeys(atom for atom in atoms if atom.operation == "%"))
