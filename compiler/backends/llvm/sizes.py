"""Sizes and guards of the host program as LLVM instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.operand import Operand
from penstock.ir.dims import Atom, Dim, Size
from penstock.ir.guards import Guard
from penstock.ir.reals import Real

__all__ = ["emit_guard", "emit_overflow", "emit_real", "emit_size"]

_COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def emit_size(e: Emitter, size: Size, symbols: Mapping[str, Operand]) -> Operand:
    """A size as an ``i64``, given those of its symbols."""
    if isinstance(size, int):
        return e.constant(size, "i64")
    total: Operand | None = None
    for monomial, coefficient in size.terms:
        term: Operand | None = None
        for atom in monomial:
            factor = _emit_atom(e, atom, symbols)
            term = factor if term is None else e.mul(term, factor)
        if term is None:
            term = e.constant(coefficient, "i64")
        elif coefficient != 1:
            term = e.mul(term, coefficient)
        total = term if total is None else e.add(total, term)
    assert total is not None
    return total


def _emit_atom(e: Emitter, atom: Atom, symbols: Mapping[str, Operand]) -> Operand:
    if atom.operation == "symbol":
        return symbols[atom.name]
    left, divisor = atom.arguments
    a = emit_size(e, left, symbols)
    if isinstance(divisor, int) and divisor > 0 and divisor & (divisor - 1) == 0:
        if atom.operation == "//":
            return e.shift_right(a, divisor.bit_length() - 1)
        if atom.operation == "%":
            return e.bit_and(a, divisor - 1)
    b = emit_size(e, divisor, symbols)
    if atom.operation == "//":
        return e.floor_divide(a, b)
    if atom.operation == "%":
        return e.remainder(a, b)
    return e.minimum(a, b) if atom.operation == "min" else e.maximum(a, b)


# 2**63, less what doubles may be off.
_LARGEST = 2.0**63 * (1 - 2.0**-40)


def emit_overflow(
    e: Emitter, sizes: Iterable[Size | Real], symbols: Mapping[str, Operand]
) -> Operand | None:
    """Whether some size is beyond 64 bits, as an ``i1``; ``None`` if none can be."""
    found: Operand | None = None
    for size in dict.fromkeys(sizes):
        for part in _computed(size):
            magnitude = e.abs(_emit_float(e, part, symbols))
            beyond = e.ge(magnitude, e.constant(_LARGEST, "f64"))
            found = beyond if found is None else e.bit_or(found, beyond)
    return found


def _computed(size: Size | Real) -> Iterator[Dim]:
    """A size and those within it that are more than a symbol or a number."""
    if isinstance(size, Real):
        if size.operation == "size":
            yield from _computed(size.size)
        for operand in size.arguments:
            yield from _computed(operand)
        return
    if isinstance(size, int):
        return
    if len(size.terms) > 1 or len(size.terms[0][0]) > 1 or size.terms[0][1] != 1:
        yield size
    for monomial, _ in size.terms:
        for atom in monomial:
            if atom.operation != "symbol":
                for argument in atom.arguments:
                    yield from _computed(argument)


def _emit_float(e: Emitter, size: Dim, symbols: Mapping[str, Operand]) -> Operand:
    """A size as an ``f64``: rounded, but never wrapped.

    Sums and products of 64 bits may wrap on the way to a number that fits.
    """
    total: Operand | None = None
    for monomial, coefficient in size.terms:
        term = e.constant(float(coefficient), "f64")
        for atom in monomial:
            term = e.mul(term, e.convert(_emit_atom(e, atom, symbols), "f64"))
        total = term if total is None else e.add(total, term)
    assert total is not None
    return total


def emit_guard(
    e: Emitter,
    guard: Guard,
    symbols: Mapping[str, Operand],
    reals: Mapping[str, Operand],
) -> Operand:
    """Whether a guard holds, as an ``i1``."""
    if isinstance(guard.left, Real) and isinstance(guard.right, Real):
        left = emit_real(e, guard.left, symbols, reals)
        right = emit_real(e, guard.right, symbols, reals)
    else:
        assert not isinstance(guard.left, Real)
        assert not isinstance(guard.right, Real)
        left = emit_size(e, guard.left, symbols)
        right = emit_size(e, guard.right, symbols)
    holds = e.compare(_COMPARISONS[guard.relation], left, right)
    return e.bit_not(holds) if guard.negated else holds


def emit_real(
    e: Emitter,
    real: Real,
    symbols: Mapping[str, Operand],
    reals: Mapping[str, Operand],
) -> Operand:
    """A float of the host program, as an ``f64``."""
    if real.operation == "parameter":
        return reals[real.name]
    if real.operation == "constant":
        return e.constant(real.value, "f64")
    if real.operation == "size":
        return e.convert(emit_size(e, real.size, symbols), "f64")
    operands = [emit_real(e, argument, symbols, reals) for argument in real.arguments]
    methods: Mapping[str, Callable[..., Operand]] = {
        "+": e.add, "-": e.sub, "*": e.mul, "/": e.div, "neg": e.neg, "abs": e.abs,
    }  # fmt: skip
    return methods[real.operation](*operands)
