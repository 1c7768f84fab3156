"""Sizes and guards of the host program as LLVM instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.operand import Operand
from penstock.ir.dim_terms import in_few_terms
from penstock.ir.dims import Atom, Dim, Size
from penstock.ir.guards import RELATIONS, Guard
from penstock.ir.reals import Real

__all__ = [
    "Sizes",
    "computed_sizes",
    "emit_guard",
    "emit_overflow",
    "emit_real",
    "emit_size",
]

_COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


class Sizes:
    """Sizes of a function as instructions, each computed once.

    Args:
        e: where they are computed.
        symbols: those of the symbols that they mention.
    """

    def __init__(self, e: Emitter, symbols: Mapping[str, Operand]) -> None:
        self.e = e
        self.symbols = symbols
        # Whether what is emitted now is computed before all that follows.
        self.keeps = True
        # What is known to fit 64 bits.
        self.checked: set[Dim] = set()
        self._known: dict[Size, Operand] = {}
        self._products: dict[tuple[Atom, ...], Operand] = {}
        self._terms: dict[tuple[tuple[Atom, ...], int], Operand] = {}
        self._last: Dim | None = None
        self._last_float: tuple[Dim, Operand] | None = None

    def emit(self, size: Size) -> Operand:
        """A size as an ``i64``."""
        if isinstance(size, int):
            return self.e.constant(size, "i64")
        found = self._known.get(size)
        if found is None:
            found = self._emit(size)
            if self.keeps:
                self._known[size] = found
                if len(size.terms) > 2:
                    self._last = size
        return found

    def _emit(self, size: Dim) -> Operand:
        last = self._last
        if last is not None and (more := _difference(size, last)) is not None:
            return self.e.add(self._known[last], self.emit(more))
        total: Operand | None = None
        for monomial, coefficient in _terms(size):
            term = self._term(monomial, coefficient)
            total = term if total is None else self.e.add(total, term)
        assert total is not None
        return total

    def _term(self, monomial: tuple[Atom, ...], coefficient: int) -> Operand:
        if not monomial:
            return self.e.constant(coefficient, "i64")
        key = (monomial, coefficient)
        found = self._terms.get(key)
        if found is None:
            product = self._product(monomial)
            found = product if coefficient == 1 else self.e.mul(product, coefficient)
            if self.keeps:
                self._terms[key] = found
        return found

    def _product(self, monomial: tuple[Atom, ...]) -> Operand:
        found = self._products.get(monomial)
        if found is None:
            found = self._atom(monomial[-1])
            if len(monomial) > 1:
                found = self.e.mul(self._product(monomial[:-1]), found)
            if self.keeps:
                self._products[monomial] = found
        return found

    def _atom(self, atom: Atom) -> Operand:
        if atom.operation == "symbol":
            return self.symbols[atom.name]
        e = self.e
        left, divisor = atom.arguments
        a = self.emit(left)
        if isinstance(divisor, int) and divisor > 0 and divisor & (divisor - 1) == 0:
            if atom.operation == "//":
                return e.shift_right(a, divisor.bit_length() - 1)
            if atom.operation == "%":
                return e.bit_and(a, divisor - 1)
        b = self.emit(divisor)
        if atom.operation == "//":
            return e.floor_divide(a, b)
        if atom.operation == "%":
            return e.remainder(a, b)
        return e.minimum(a, b) if atom.operation == "min" else e.maximum(a, b)

    def emit_float(self, size: Dim) -> Operand:
        """A size as an ``f64``: rounded, but never wrapped.

        Sums and products of 64 bits may wrap on the way to a number that fits.
        """
        found = self._emit_float(size)
        if len(size.terms) > 2:
            self._last_float = size, found
        return found

    def _emit_float(self, size: Dim) -> Operand:
        e = self.e
        if self._last_float is not None:
            last, known = self._last_float
            more = _difference(size, last)
            if isinstance(more, int):
                return e.add(known, e.constant(float(more), "f64"))
            if more is not None:
                return e.add(known, self._emit_float(more))
        total: Operand | None = None
        for monomial, coefficient in _terms(size):
            term = e.constant(float(coefficient), "f64")
            for atom in monomial:
                term = e.mul(term, e.convert(self._product((atom,)), "f64"))
            total = term if total is None else e.add(total, term)
        assert total is not None
        return total


def _difference(size: Dim, last: Dim) -> Size | None:
    """What a size is more than the one before, if that is less to compute.

    Offsets follow each other: most of their terms are the same.
    """
    if len(last.terms) <= 2 or len(size.terms) <= 2:
        return None
    more = size - last
    short = isinstance(more, int) or len(_terms(more)) < len(_terms(size)) - 1
    return more if short else None


def _terms(size: Dim) -> Sequence[tuple[tuple[Atom, ...], int]]:
    short = in_few_terms(size)
    assert isinstance(short, Dim)
    return short.terms


def emit_size(e: Emitter, size: Size, symbols: Mapping[str, Operand]) -> Operand:
    """A size as an ``i64``, given those of its symbols."""
    return Sizes(e, symbols).emit(size)


# 2**63, less what doubles may be off.
_LARGEST = 2.0**63 * (1 - 2.0**-40)


def emit_overflow(sizes: Sizes, asked: Iterable[Size | Real]) -> Operand | None:
    """Whether some size is beyond 64 bits, as an ``i1``; ``None`` if none can be.

    Sizes that were asked for before are left out.
    """
    e = sizes.e
    found: Operand | None = None
    parts = (part for size in dict.fromkeys(asked) for part in computed_sizes(size))
    for part in dict.fromkeys(parts):
        if part in sizes.checked:
            continue
        sizes.checked.add(part)
        magnitude = e.abs(sizes.emit_float(part))
        beyond = e.ge(magnitude, e.constant(_LARGEST, "f64"))
        found = beyond if found is None else e.bit_or(found, beyond)
    return found


def computed_sizes(size: Size | Real) -> Iterator[Dim]:
    """A size and those within it that are more than a symbol or a number."""
    if isinstance(size, Real):
        if size.operation == "size":
            yield from computed_sizes(size.size)
        for operand in size.arguments:
            yield from computed_sizes(operand)
        return
    if isinstance(size, int):
        return
    (monomial, coefficient), *more = size.terms
    if more or len(monomial) > 1 or coefficient != 1 or _may_be_large(monomial[0]):
        yield size
    for monomial, _ in size.terms:
        for atom in monomial:
            if atom.operation != "symbol":
                for argument in atom.arguments:
                    yield from computed_sizes(argument)


def _may_be_large(atom: Atom) -> bool:
    """Whether an operation on numbers that fit 64 bits may not.

    Of quotients only that by -1, which a number that is given may be.
    """
    return atom.operation == "//" and not isinstance(atom.arguments[1], int)


def emit_guard(sizes: Sizes, guard: Guard, reals: Mapping[str, Operand]) -> Operand:
    """Whether a guard holds, as an ``i1``."""
    e = sizes.e
    if isinstance(guard.left, Real) and isinstance(guard.right, Real):
        left = emit_real(sizes, guard.left, reals)
        right = emit_real(sizes, guard.right, reals)
    else:
        assert not isinstance(guard.left, Real)
        assert not isinstance(guard.right, Real)
        for side in (guard.left, guard.right):
            if isinstance(side, int) and not -(1 << 63) <= side < 1 << 63:
                # Beyond all that the other side can be.
                ends = [
                    0 if end is not side else end for end in (guard.left, guard.right)
                ]
                known = RELATIONS[guard.relation](*ends)
                return e.constant(known is not guard.negated, "i1")
        left = sizes.emit(guard.left)
        right = sizes.emit(guard.right)
    holds = e.compare(_COMPARISONS[guard.relation], left, right)
    return e.bit_not(holds) if guard.negated else holds


def emit_real(sizes: Sizes, real: Real, reals: Mapping[str, Operand]) -> Operand:
    """A float of the host program, as an ``f64``."""
    e = sizes.e
    if real.operation == "parameter":
        return reals[real.name]
    if real.operation == "constant":
        return e.constant(real.value, "f64")
    if real.operation == "size":
        return e.convert(sizes.emit(real.size), "f64")
    operands = [emit_real(sizes, argument, reals) for argument in real.arguments]
    methods: Mapping[str, Callable[..., Operand]] = {
        "+": e.add, "-": e.sub, "*": e.mul, "/": e.div, "neg": e.neg, "abs": e.abs,
    }  # fmt: skip
    return methods[real.operation](*operands)
