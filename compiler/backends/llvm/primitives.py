"""The scalar primitives of the loop level as instructions, for any width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from penstock.backends.llvm.emitter import Emitter
from penstock.backends.llvm.operand import Operand
from penstock.ir.types import Dtype

__all__ = ["ELEMENTS", "emit_primitive"]

# The element type of each dtype; integers carry no sign.
ELEMENTS: Mapping[str, str] = {
    "bool": "i1",
    **{f"{kind}{bits}": f"i{bits}" for kind in "iu" for bits in (8, 16, 32, 64)},
    **{name: name for name in ("f16", "bf16", "f32", "f64")},
}

_SIMPLE: Mapping[str, str] = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "div",
    "fma": "multiply_add",
    "neg": "neg",
    "abs": "abs",
    "floor": "floor",
    "ceil": "ceil",
    "round": "round_even",
    "sqrt": "sqrt",
    "equal": "eq",
    "not_equal": "ne",
    "is_nan": "is_nan",
    "and": "bit_and",
    "or": "bit_or",
    "xor": "bit_xor",
    "not": "bit_not",
    "population_count": "population_count",
    "shift_left": "shift_left",
    "select": "select",
}
_SIGNED: Mapping[str, str] = {
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "floor_divide": "floor_divide",
    "remainder": "remainder",
    "shift_right": "shift_right",
}


def emit_primitive(
    e: Emitter,
    name: str,
    operands: Sequence[Operand],
    dtypes: Sequence[Dtype],
    result: Dtype,
) -> Operand:
    """The result of a primitive.

    Args:
        e: where to write.
        name: of the primitive.
        operands: all of one width.
        dtypes: theirs.
        result: the dtype of the result.
    """
    signed = dtypes[-1].kind == "i"
    if name in _SIMPLE:
        if name == "abs" and dtypes[0].kind == "u":
            return operands[0]
        method: Callable[..., Operand] = getattr(e, _SIMPLE[name])
        return method(*operands)
    if name in _SIGNED:
        method = getattr(e, _SIGNED[name])
        return method(*operands, signed=signed)
    if name in ("minimum", "maximum"):
        return _extremum(e, name, operands, dtypes[0])
    if name == "convert":
        return e.convert(
            operands[0],
            ELEMENTS[result.name],
            signed=dtypes[0].kind == "i",
            to_signed=result.kind == "i",
        )
    if name == "bitcast":
        return e.bitcast(operands[0], ELEMENTS[result.name])
    if name == "sign":
        return _sign(e, operands[0], dtypes[0])
    if name == "pow" and dtypes[0].is_integer:
        return _integer_power(e, operands[0], operands[1], dtypes[0])
    return _function(e, name, operands)


def _extremum(
    e: Emitter, name: str, operands: Sequence[Operand], dtype: Dtype
) -> Operand:
    a, b = operands
    if dtype.kind == "b":
        return e.bit_and(a, b) if name == "minimum" else e.bit_or(a, b)
    method = e.minimum if name == "minimum" else e.maximum
    return method(a, b, signed=dtype.kind == "i")


def _sign(e: Emitter, x: Operand, dtype: Dtype) -> Operand:
    if dtype.kind == "u":
        return e.select(e.eq(x, 0), e.like(0, x), e.like(1, x))
    negative = e.select(e.lt(x, 0), e.like(-1, x), x)
    # Zero of either sign gives +0, and nan stays as it is: both are neither side.
    at_rest = e.select(e.eq(x, 0), e.like(0, x), negative)
    return e.select(e.gt(x, 0), e.like(1, x), at_rest)


def _integer_power(e: Emitter, x: Operand, y: Operand, dtype: Dtype) -> Operand:
    """By squaring, as long as any lane has exponent left (TAOCP 2, 4.6.3 A)."""
    one = e.like(1, x)
    with e.repeat([one, x, y]) as loop:
        result, base, exponent = loop.carried
        odd = e.ne(e.bit_and(exponent, 1), 0)
        rest = e.shift_right(exponent, 1, signed=False)
        loop.carry(e.select(odd, e.mul(result, base), result), e.mul(base, base), rest)
        loop.again_if(e.any_lane(e.ne(rest, 0)))
    return loop.results[0]


def _function(e: Emitter, name: str, operands: Sequence[Operand]) -> Operand:
    from penstock.backends.llvm.math import MATH

    element = operands[0].element
    if element in ("f16", "bf16"):
        wide = [e.convert(operand, "f32") for operand in operands]
        return e.convert(MATH[name](e, *wide), element)
    return MATH[name](e, *operands)
