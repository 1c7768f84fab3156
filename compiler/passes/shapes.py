"""Simplification of ops that move elements."""

from __future__ import annotations

from penstock.ir.graph.value import Function
from penstock.passes.graph_pass import graph_pass
from penstock.passes.movement_rules import MOVEMENT
from penstock.passes.pattern import RuleSet
from penstock.passes.rewrite import rewrite

__all__ = ["shapes"]

_RULES = RuleSet(MOVEMENT)


@graph_pass("shapes")
def shapes(function: Function) -> Function:
    """Compose, cancel and drop ops that only move elements.

    Requires: nothing.    Keeps: every bit; contractions stay within their tolerance.

    Before: %0 = transpose %x {permutation=(1, 0)} ;
            %1 = transpose %0 {permutation=(1, 0)} ; return %1
    After:  return %x
    """
    return rewrite(function, _RULES.visit)
