"""Whether the tangents that a user's rule returns are linear in those it is given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Any

from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.value import Function, Value
from penstock.ir.ops.transform import is_differentiable

__all__ = ["require_linear"]


class _Kind(Enum):
    """How a Value depends on the tangents, by how it is written."""

    ZERO = "zero, whatever they are"
    FIXED = "not at all"
    LINEAR = "linearly"
    OTHER = "otherwise"


_ZERO, _FIXED, _LINEAR, _OTHER = _Kind

# Linear in all their operands of floats together; the ops with `linear` say in which.
_SUMS = frozenset(
    (
        "add", "concatenate", "neg", "pad", "scatter", "scatter_add", "sub",
        "update_slice",
    )
)  # fmt: skip
# Linear in each operand while the others stay.
_PRODUCTS = frozenset(("contract", "convolution", "mul"))
# Linear in the first operand.
_SCALED = frozenset(("div", "scale"))


def require_linear(
    rule: Function, tangents: Sequence[Value], ends: Sequence[Value]
) -> None:
    """Raise for a rule whose tangents are not linear in the tangents that it takes.

    Control flow is not looked into: what it gives counts as linear.

    Args:
        rule: the rule, named after its function.
        tangents: the parameters that are tangents.
        ends: the results that are.

    Raises:
        UnsupportedError: a result is not linear; the error is at the line that is to
            blame.
    """
    kinds = dict.fromkeys(rule.parameters, _FIXED) | dict.fromkeys(tangents, _LINEAR)
    for value in Function("tangents", rule.parameters, tuple(ends)).values:
        kinds[value] = kind = _kind(value, [kinds[o] for o in value.operands])
        # Bools and integers choose; what they do to floats is said there.
        if kind is _OTHER and is_differentiable(value.type):
            raise _not_linear(rule, value, "is not linear in those of the arguments")
    for end in ends:
        if kinds[end] is _FIXED:
            raise _not_linear(rule, end, "is not zero where those of the arguments are")


def _not_linear(rule: Function, value: Value, how: str) -> UnsupportedError:
    return UnsupportedError(
        value.loc,
        f"the tangent that the rule of {rule.name} returns {how}",
        code="nonlinear-rule",
        hint="a tangent is a sum of the given tangents, each times a factor",
    )


def _kind(value: Value, kinds: Sequence[_Kind]) -> _Kind:
    if value.is_op("const"):
        constant: Any = value.attributes["value"]
        return _FIXED if constant.array.any() else _ZERO
    terms = _terms(value, kinds)
    if terms and all(kinds[i] is _ZERO for i in terms):
        return _ZERO
    if not {_LINEAR, _OTHER}.intersection(kinds):
        return _FIXED
    is_linear = all(
        kind in ((_ZERO, _LINEAR) if i in terms else (_ZERO, _FIXED))
        for i, kind in enumerate(kinds)
    )
    return _LINEAR if is_linear else _OTHER


def _terms(value: Value, kinds: Sequence[_Kind]) -> Collection[int]:
    """The operands in which a Value is linear together, the others being fixed."""
    op = value.op
    if value.regions or op.name == "get":
        return [i for i, kind in enumerate(kinds) if kind is _LINEAR]
    if op.name in _PRODUCTS:
        moving = [i for i, kind in enumerate(kinds) if kind in (_ZERO, _LINEAR)]
        return moving[:1]
    if op.name in _SUMS:
        operands = enumerate(value.operands)
        return [i for i, operand in operands if is_differentiable(operand.type)]
    return (0,) if op.name in _SCALED else op.linear
