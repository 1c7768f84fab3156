"""Sizes and guards of the host program as LLVM instructions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.operand import Operand
from penstock.ir.dims import Atom, Size
from penstock.ir.guards import Guard
from penstock.ir.reals import Real

__all__ = ["emit_guard", "emit_real", "emit_size"]

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
