"""Simplification by the algebraic rules."""

from __future__ import annotations

from penstock.ir.graph.value import Function
from penstock.passes.algebra import ALGEBRA
from penstock.passes.graph_pass import graph_pass
from penstock.passes.pattern import RuleSet
from penstock.passes.rewrite import rewrite

__all__ = ["simplify", "simplify_fast"]

_EXACT = RuleSet(rule for rule in ALGEBRA if rule.exact)
_ALL = RuleSet(ALGEBRA)


@graph_pass("simplify")
def simplify(function: Function) -> Function:
    """Apply the algebraic rules that keep every bit.

    Requires: nothing.    Keeps: every bit of every result.

    Before: %0 = const 1.0 ; %1 = mul %x, %0 ; %2 = tanh %1 ; return %2
    After:  %0 = tanh %x ; return %0
    """
    return rewrite(function, _EXACT.visit)


@graph_pass("simplify-fast")
def simplify_fast(function: Function) -> Function:
    """Apply all algebraic rules, as fastmath allows.

    Requires: fastmath: results may differ in the last bits, and where inputs are
    infinite, nan or negative zero.

    Before: %0 = const 3.0 ; %1 = div %x, %0 ; return %1
    After:  %0 = const 0.33333334 ; %1 = mul %x, %0 ; return %1
    """
    return rewrite(function, _ALL.visit)
