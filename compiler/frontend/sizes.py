"""Equations between sizes, made to hold by guards."""

from __future__ import annotations

from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Atom, Dim, Size, symbol, symbols_of

__all__ = ["exact_quotient", "make_equal"]


def exact_quotient(tracer: Tracer, whole: Size, part: Size) -> Size | None:
    """``whole / part`` where it is an integer, else ``None``; both are asked about.

    ``part`` is known not to be zero.
    """
    whole, part = tracer.normalize(whole), tracer.normalize(part)
    divided = _divide_terms(whole, part)
    if divided is not None:
        return divided
    if not tracer.ask(whole % part, "==", 0):
        return None
    return tracer.normalize(tracer.normalize(whole) // tracer.normalize(part))


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

    Remainders in which they differ are guarded to be what they are; failing that
    the equation itself is guarded, and failing that the sizes become constants.
    """
    left, right = tracer.normalize(left), tracer.normalize(right)
    if left == right:
        return True
    if tracer.number(left) != tracer.number(right):
        tracer.ask(left, "==", right)
        return False
    difference = left - right
    for atom in _remainders(difference):
        value = Dim((((atom,), 1),))
        if tracer.number(value) == 0:
            tracer.ask(value, "==", 0)
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
