"""Derivatives of ops, whichever of their rules states it.

Rules are those of ``penstock.ir.op.Op``. Both functions here build Values on the
Builder of their operands; a derivative that is zero is ``None``, never an array of
zeros. Where an op has no rule, a float result raises; integers and bools are
piecewise constant, so theirs is zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from penstock.ir.attributes import Attribute
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.expression import Expression
from penstock.ir.op import Op, Unsupported
from penstock.ir.ops.families import broadcast_shapes
from penstock.ir.types import TensorType

__all__ = ["jvp", "transpose"]


def jvp(
    op: type[Op],
    y: Expression,
    operands: Sequence[Expression],
    tangents: Sequence[Expression | None],
    attributes: Mapping[str, Attribute],
) -> Expression | None:
    """The tangent of an op's result.

    Args:
        op: the op.
        y: its result, any dtype and shape.
        operands: what it was applied to.
        tangents: for each operand its tangent, of the same dtype and shape, or
            ``None`` where it is zero.
        attributes: the op's attributes.

    Returns:
        The tangent, of the dtype and shape of ``y``, or ``None`` where it is zero.

    Raises:
        UnsupportedError: the op has no derivative.

    Example:
        >>> from penstock.ir.graph.value import Builder, Function
        >>> from penstock.ir.op import op_named
        >>> from penstock.ir.types import TensorType, f32
        >>> b = Builder()
        >>> x, dx = (
        ...     Expression(b, b.parameter(name, TensorType(f32, (4,))))
        ...     for name in ("x", "dx")
        ... )
        >>> dy = jvp(op_named("exp"), x.apply("exp"), [x], [dx], {})
        >>> print(Function("f", (x.value, dx.value), (dy.value,)))
        func @f(%x: f32[4], %dx: f32[4]) -> f32[4] {
          %0 = exp %x : f32[4]
          %1 = scale %dx, %0 : f32[4]
          return %1
        }
    """
    type_ = y.value.type
    if all(tangent is None for tangent in tangents):
        return None
    if isinstance(type_, TensorType) and not type_.dtype.is_float:
        return None
    if op.partials is not None:
        return _from_partials(op, y, operands, tangents, attributes)
    if op.jvp is not None:
        _refuse(op, op.jvp, y)
        result: Expression | None = op.jvp(y, operands, tangents, **attributes)
        return result
    _refuse(op, op.transpose, y)
    return _of_linear(op, operands, tangents, attributes)


def _from_partials(
    op: type[Op],
    y: Expression,
    operands: Sequence[Expression],
    tangents: Sequence[Expression | None],
    attributes: Mapping[str, Attribute],
) -> Expression | None:
    """The sum of the partial derivatives times the tangents."""
    _refuse(op, op.partials, y)
    partials = op.partials(y, *operands, **attributes)
    total: Expression | None = None
    for partial, tangent in zip(partials, tangents, strict=True):
        if partial is None or tangent is None:
            continue
        term = _times(partial, tangent)
        total = term if total is None else total + term
    return None if total is None else total.broadcast_to(y.shape)


def _times(partial: Expression, tangent: Expression) -> Expression:
    """The product, spared where either is 1 or -1, as the cotangent of a sum is.

    It is 0 where the tangent is, whatever the partial derivative: where either is known
    to be neither 0 nor infinite, any product is.
    """
    for one, other in ((partial, tangent), (tangent, partial)):
        number = one.number
        if number is not None and number in (1, -1):
            types = [x.value.tensor.with_shape(x.shape) for x in (one, other)]
            whole = other.broadcast_to(broadcast_shapes("scale", types))
            return whole if number == 1 else -whole
    if _is_ordinary(partial) or _is_ordinary(tangent):
        return tangent * partial
    return tangent.apply("scale", partial)


def _is_ordinary(x: Expression) -> bool:
    """Whether all elements are known to be finite and not 0."""
    if x.value.is_op("select"):
        choices = [Expression(x.builder, choice) for choice in x.value.operands[1:]]
        return all(map(_is_ordinary, choices))
    return x.number is not None and x.number != 0 and isfinite(x.number)


def _of_linear(
    op: type[Op],
    operands: Sequence[Expression],
    tangents: Sequence[Expression | None],
    attributes: Mapping[str, Attribute],
) -> Expression | None:
    """The op itself, on the tangents of the operands in which it is linear."""
    if all(tangents[position] is None for position in op.linear):
        return None
    mixed = list(operands)
    for position in op.linear:
        tangent, operand = tangents[position], operands[position]
        if tangent is None:
            tangent = operand.constant(0).broadcast_to(operand.shape)
        mixed[position] = tangent
    return mixed[0].apply(op.name, *mixed[1:], **attributes)


def transpose(
    op: type[Op],
    cotangent: Expression,
    operands: Sequence[Expression],
    position: int,
    attributes: Mapping[str, Attribute],
) -> Expression | None:
    """The cotangent of an operand in which an op is linear.

    Args:
        op: the op.
        cotangent: of the result, of its dtype and shape.
        operands: what it was applied to; the one at ``position`` gives only its type.
        position: the operand whose cotangent is wanted.
        attributes: the op's attributes.

    Returns:
        The cotangent, of the operand's dtype and shape, or ``None`` where it is zero.

    Raises:
        UnsupportedError: the op has no derivative.
    """
    operand = operands[position]
    if op.transpose is not None:
        _refuse(op, op.transpose, cotangent)
        result: Expression = op.transpose(cotangent, operands, position, **attributes)
        return _sum_to(result, operand.type) if op.family == "elementwise" else result
    _refuse(op, op.partials, cotangent)
    # A partial derivative by an operand in which the op is linear reads neither that
    # operand nor the result.
    partial = op.partials(cotangent, *operands, **attributes)[position]
    if partial is None:
        return None
    return _sum_to(_times(partial, cotangent), operand.type)


def _sum_to(x: Expression, type_: TensorType) -> Expression:
    """Undo broadcasting: sum over the axes that were repeated."""
    missing = x.rank - type_.rank
    axes = [*range(missing)]
    for axis, size in enumerate(type_.shape):
        if size == 1 and x.shape[missing + axis] != 1:
            axes.append(missing + axis)
    if axes:
        x = x.sum(axes)
    return x.reshape(type_.shape).broadcast_to(type_.shape)


def _refuse(op: type[Op], rule: object, place: Expression) -> None:
    if rule is None or isinstance(rule, Unsupported):
        why = "" if rule is None else f": {rule.why}"
        raise UnsupportedError(
            place.value.loc, f"{op.name} has no derivative{why}", code="derivative"
        )
