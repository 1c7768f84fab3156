"""Sums of products: Einstein summation and convolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ir.dims import Size
from penstock.ir.errors import DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import ULP, Numeric, define
from penstock.ir.ops.families import Nest, NestContext
from penstock.ir.types import TensorType, Type, i64

if TYPE_CHECKING:
    from penstock.ir.loop.build import KernelBuilder

# Of the sum of magnitudes: the terms are added in another order, by fma.
SUM_TOLERANCE = {"f32": 16 * ULP, "f64": 16 * ULP, "f16": 2 * ULP, "bf16": 2 * ULP}


def multiply_add(a: Scalar, b: Scalar, total: Scalar) -> Scalar:
    """``a * b + total`` in the accumulator's dtype, by fma for floats."""
    builder = total.builder
    assert builder is not None
    a, b = (builder.convert(x, total.dtype) for x in (a, b))
    if total.dtype.is_float:
        return builder.apply("fma", a, b, total)
    return a * b + total


def serial_loops(
    builder: KernelBuilder,
    sizes: Sequence[Size],
    total: Scalar,
    step: Callable[[list[Scalar], Scalar], Scalar],
    last: str = "serial",
) -> Scalar:
    """Accumulate over all indices of some axes, the last one innermost."""

    def nest(axis: int, indices: list[Scalar], total: Scalar) -> Scalar:
        if axis == len(sizes):
            return step(indices, total)
        innermost = axis == len(sizes) - 1
        with builder.loop(
            last if innermost else "serial",
            builder.size(sizes[axis]),
            carries=[(total, "add" if innermost and last == "vector" else None)],
            hint="k",
        ) as loop:
            inner = nest(axis + 1, [*indices, loop.index], loop.carried[0])
            loop.update(inner)
        return loop.results[0]

    return nest(0, [], total)


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
        inputs, output = split_spec(context.attributes["spec"])
        sizes = letter_sizes(context.attributes["spec"], context.types)
        summed = [letter for letter in sizes if letter not in output]
        plan = _VectorChoice(context, inputs, output, summed)
        builder, accumulator = context.builder, context.type.dtype.compute
        rows = [letter for letter in output if letter != plan.output_letter]
        if plan.summed_letter:
            summed = [c for c in summed if c != plan.summed_letter]
            summed.append(plan.summed_letter)
        zero = builder.constant(0, accumulator)
        position: dict[str, Scalar] = {}

        def step(indices: list[Scalar], total: Scalar) -> Scalar:
            at = {**position, **dict(zip(summed, indices, strict=True))}
            factors = [
                context.operand(p, [at[letter] for letter in letters])
                for p, letters in enumerate(inputs)
            ]
            if not summed:
                # Nothing is added up, so not even a zero: it would lose the sign of -0.
                wide = [builder.convert(factor, accumulator) for factor in factors]
                return wide[0] if len(wide) == 1 else wide[0] * wide[1]
            if len(factors) == 1:
                return total + builder.convert(factors[0], accumulator)
            return multiply_add(factors[0], factors[1], total)

        def compute() -> None:
            kind = "vector" if plan.summed_letter else "serial"
            extents = [sizes[letter] for letter in summed]
            total = serial_loops(builder, extents, zero, step, kind)
            context.store(
                [position[letter] for letter in output],
                builder.convert(total, context.type.dtype),
            )

        extents = [sizes[letter] for letter in rows]
        if not plan.output_letter:
            with context.rows(extents) as indices:
                position.update(zip(rows, indices, strict=True))
                compute()
            return
        # A panel of columns is read once for every row: it has to stay in cache.
        columns = sizes[plan.output_letter]
        with context.tiles(extents, columns, _PANEL) as (indices, start, stop):
            position.update(zip(rows, indices, strict=True))
            with builder.loop("vector", stop, start=start, hint="j") as loop:
                position[plan.output_letter] = loop.index
                compute()


# Columns that are computed together: as many as the main loop of vectors takes.
_PANEL = 64

# Sums of so few terms leave most lanes of a vector idle.
_SHORT_SUM = 8


class _VectorChoice:
    """Which letter a contraction's vectors run along.

    A letter of the result gives independent lanes, and is best where it is the
    contiguous axis of an operand. Else a summed letter that is contiguous in all
    operands that have it. Else any letter of the result, by gathers.
    """

    def __init__(
        self,
        context: NestContext,
        inputs: Sequence[str],
        output: str,
        summed: Sequence[str],
    ) -> None:
        self.output_letter = ""
        self.summed_letter = ""

        def runs_along(letter: str) -> bool:
            return all(
                letters.count(letter) == 0
                or (
                    letters.endswith(letter)
                    and letters.count(letter) == 1
                    and context.is_contiguous(position, len(letters) - 1)
                )
                for position, letters in enumerate(inputs)
            )

        last = output[-1:]
        sizes = letter_sizes(context.attributes["spec"], context.types)

        def fills(letter: str) -> bool:
            size = sizes[letter]
            return not isinstance(size, int) or size > _SHORT_SUM

        if last and runs_along(last):
            self.output_letter = last
        else:
            long = (letter for letter in summed if fills(letter))
            self.summed_letter = next(filter(runs_along, long), "")
            if not self.summed_letter:
                self.output_letter = last


def split_spec(spec: str) -> tuple[list[str], str]:
    """The letters of the operands and of the result."""
    left, arrow, output = spec.partition("->")
    if not arrow:
        raise TypeRuleError(f"contract: {spec!r} names no result")
    return left.split(","), output


def letter_sizes(spec: str, types: Sequence[TensorType]) -> dict[str, Size]:
    """The size that each letter stands for.

    Raises:
        TypeRuleError: an operand has other axes, or a letter two sizes.
    """
    sizes: dict[str, Size] = {}
    inputs, _ = split_spec(spec)
    for letters, type_ in zip(inputs, types, strict=True):
        if len(letters) != type_.rank:
            raise TypeRuleError(
                f"contract: {letters!r} does not letter the axes of {type_}"
            )
        for letter, size in zip(letters, type_.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise TypeRuleError(
                    f"contract: {letter!r} in {spec!r} is both {sizes[letter]} "
                    f"and {size}"
                )
    return sizes


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
