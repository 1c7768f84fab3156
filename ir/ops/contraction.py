"""Sums of products: Einstein summation and convolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.dims import Size
from penstock.ir.errors import DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.op import ULP, Numeric, define
from penstock.ir.ops.contraction_loops import lower_contraction
from penstock.ir.ops.families import Nest, NestContext
from penstock.ir.ops.letters import letter_sizes, split_spec
from penstock.ir.types import TensorType, Type, i64

# Of the sum of magnitudes: the terms are added in another order, by fma.
SUM_TOLERANCE = {"f32": 16 * ULP, "f64": 16 * ULP, "f16": 2 * ULP, "bf16": 2 * ULP}


@define
class Contract(Nest):
    """Sum of products of one or two arrays (``np.einsum``).

    a, b: number, axes lettered by spec  ->  number, axes as spec says: ``ij,jk->ik``.
    Letters that the result lacks are summed over; a letter twice in one operand takes
    its diagonal. 16-bit floats accumulate in f32.
    """

    name = "contract"
    family = "contraction"
    operands = (Numeric("a", variadic=True),)
    attributes = ("spec",)
    tolerance = SUM_TOLERANCE
    source = "numpy.org/doc/stable/reference/generated/numpy.einsum.html"
    flops = 2
    fuses_result = True

    @staticmethod
    def reference(*arrays: Any, spec: str) -> Any:
        dtype = arrays[0].dtype
        wide = np.float32 if dtype.itemsize == 2 and dtype.kind not in "iu" else dtype
        result = np.einsum(spec, *(array.astype(wide) for array in arrays))
        return np.asarray(result).astype(dtype)

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The sizes of the result's letters."""
        checked = cls.check_operands(types)
        spec = attributes["spec"]
        assert isinstance(spec, str)
        inputs, output = split_spec(spec)
        if len(inputs) != len(checked) or len(checked) > 2:
            raise TypeRuleError(f"contract: {spec!r} does not fit {checked}")
        sizes = letter_sizes(spec, checked)
        if any(type_.dtype is not checked[0].dtype for type_ in checked):
            raise TypeRuleError(
                f"contract: operands are {checked[0].dtype} and {checked[1].dtype}",
                kind=DtypeError,
            )
        if len(set(output)) != len(output) or any(c not in sizes for c in output):
            raise TypeRuleError(f"contract: {spec!r} has no such result")
        return TensorType(checked[0].dtype, tuple(sizes[letter] for letter in output))

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        *,
        spec: str,
    ) -> Expression:
        total: Expression | None = None
        for position, tangent in enumerate(tangents):
            if tangent is None:
                continue
            mixed = [*x[:position], tangent, *x[position + 1 :]]
            term = mixed[0].apply("contract", *mixed[1:], spec=spec)
            total = term if total is None else total + term
        assert total is not None
        return total

    @staticmethod
    def transpose(
        cotangent: Expression, x: Sequence[Expression], position: int, *, spec: str
    ) -> Expression:
        inputs, output = split_spec(spec)
        own = inputs[position]
        others = [letters for p, letters in enumerate(inputs) if p != position]
        factors = [operand for p, operand in enumerate(x) if p != position]
        distinct = "".join(dict.fromkeys(own))
        known = set(output).union(*others)
        kept = "".join(letter for letter in distinct if letter in known)
        result = cotangent.apply(
            "contract", *factors, spec=f"{','.join([output, *others])}->{kept}"
        )
        # Letters that only this operand has were summed: spread over them again.
        sizes = dict(zip(own, x[position].shape, strict=True))
        shape = [sizes[c] if c in known else 1 for c in distinct]
        full = tuple(sizes[c] for c in distinct)
        result = result.reshape(shape).broadcast_to(full)
        if len(distinct) == len(own):
            return result
        return _embed_diagonal(result, distinct, own, x[position].shape)

    @staticmethod
    def batch(
        operands: Sequence[Expression], batched: Sequence[bool], *, spec: str
    ) -> Expression:
        inputs, output = split_spec(spec)
        free = next(c for c in map(chr, range(ord("a"), 0x3000)) if c not in spec)
        lettered = [
            free + letters if yes else letters
            for letters, yes in zip(inputs, batched, strict=True)
        ]
        return operands[0].apply(
            "contract", *operands[1:], spec=f"{','.join(lettered)}->{free}{output}"
        )

    @staticmethod
    def lower(context: NestContext) -> None:
        lower_contraction(context)


def _embed_diagonal(
    x: Expression, distinct: str, own: str, shape: tuple[Size, ...]
) -> Expression:
    """Zeros, with x where the indices of equal letters agree."""
    builder = x.builder
    order = [distinct.index(letter) for letter in own]
    inside: Expression | None = None
    first: dict[str, int] = {}
    for axis, letter in enumerate(own):
        if letter not in first:
            first[letter] = axis
            continue
        here, there = (
            Expression(builder, builder.add("iota", shape=shape, axis=a, dtype=i64))
            for a in (axis, first[letter])
        )
        same = here.apply("equal", there)
        inside = same if inside is None else inside.apply("and", same)
    assert inside is not None
    # Put x's axes at the first place of each letter, size 1 at the others.
    spread = [
        x.shape[order[axis]] if first[letter] == axis else 1
        for axis, letter in enumerate(own)
    ]
    return inside.apply("select", x.reshape(spread), x.constant(0))
