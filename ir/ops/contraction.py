"""Sums of products: Einstein summation and convolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.attributes import Attribute
from penstock.ir.dims import Size
from penstock.ir.errors import DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Scalar
from penstock.ir.op import ULP, Floating, Numeric, define
from penstock.ir.ops.families import Nest, NestContext
from penstock.ir.ops.movement import Pad, batch_size
from penstock.ir.types import TensorType, Type, i64

# Of the sum of magnitudes: the terms are added in another order, by fma.
_SUM_TOLERANCE = {"f32": 16 * ULP, "f64": 16 * ULP, "f16": 2 * ULP, "bf16": 2 * ULP}


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
    tolerance = _SUM_TOLERANCE
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
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
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
        with context.rows([sizes[letter] for letter in rows]) as row_indices:
            position = dict(zip(rows, row_indices, strict=True))

            def step(indices: list[Scalar], total: Scalar) -> Scalar:
                at = {**position, **dict(zip(summed, indices, strict=True))}
                factors = [
                    context.operand(p, [at[letter] for letter in letters])
                    for p, letters in enumerate(inputs)
                ]
                if len(factors) == 1:
                    return total + builder.convert(factors[0], accumulator)
                return multiply_add(factors[0], factors[1], total)

            def finish() -> None:
                kind = "vector" if plan.summed_letter else "serial"
                extents = [sizes[letter] for letter in summed]
                total = serial_loops(builder, extents, zero, step, kind)
                context.store(
                    [position[letter] for letter in output],
                    builder.convert(total, context.type.dtype),
                )

            if plan.output_letter:
                stop = builder.size(sizes[plan.output_letter])
                with builder.loop("vector", stop, hint="j") as loop:
                    position[plan.output_letter] = loop.index
                    finish()
            else:
                finish()


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


@define
class Convolution(Nest):
    """Cross-correlation over any number of spatial axes, as in neural networks.

    x: float [N, C, X...]; w: float [O, C / groups, K...]  ->  float [N, O, Y...] with
    y[n, o, p] = sum_{c, k} x[n, c, p * stride + k * dilation - low] w[o, c, k],
    zeros outside, and Y = (X + low + high - dilation * (K - 1) - 1) // stride + 1;
    negative low and high cut elements off.
    """

    name = "convolution"
    family = "contraction"
    operands = (Floating("x"), Floating("w"))
    attributes = ("stride", "low", "high", "dilation", "groups")
    tolerance = _SUM_TOLERANCE
    source = "Dumoulin and Visin, A guide to convolution arithmetic, arXiv:1603.07285"
    flops = 2
    fuses_result = True

    @classmethod
    def infer_type(
        cls, types: Sequence[Type], attributes: Mapping[str, Attribute]
    ) -> Type:
        """The shape that the docstring gives."""
        x, w = cls.check_operands(types)
        groups = attributes["groups"]
        spatial: list[Any] = [attributes[name] for name in cls.attributes[:4]]
        assert isinstance(groups, int)
        if x.dtype is not w.dtype:
            raise TypeRuleError(
                f"convolution: operands are {x.dtype} and {w.dtype}", kind=DtypeError
            )
        if x.rank != w.rank or x.rank < 3 or any(len(s) != x.rank - 2 for s in spatial):
            raise TypeRuleError(
                f"convolution: {x} and {w} do not fit strides {spatial[0]}",
                hint="x is [N, C, X...] and w is [O, C / groups, K...]",
            )
        if w.shape[1] * groups != x.shape[1]:
            raise TypeRuleError(
                f"convolution: {x} has {x.shape[1]} channels, {w} with {groups} "
                f"groups takes {w.shape[1] * groups}"
            )
        room = convolved_sizes(x.shape[2:], w.shape[2:], *spatial)
        if any(isinstance(size, int) and size < 0 for size in room):
            raise TypeRuleError(
                f"convolution: the kernel of {w} is larger than {x} with padding"
            )
        return x.with_shape((x.shape[0], w.shape[0], *room))

    @staticmethod
    def reference(
        x: Any,
        w: Any,
        *,
        stride: tuple[int, ...],
        low: tuple[int, ...],
        high: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> Any:
        dtype = x.dtype
        wide = np.float32 if dtype.itemsize == 2 else dtype
        sizes = convolved_sizes(x.shape[2:], w.shape[2:], stride, low, high, dilation)
        if 0 in (*sizes, *w.shape[2:]):
            return np.zeros((x.shape[0], w.shape[0], *sizes), dtype)
        spatial = x.ndim - 2
        padded = Pad.reference(
            x.astype(wide), 0, low=(0, 0, *low), high=(0, 0, *high)
        )
        extent = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, extent, axis=tuple(range(2, x.ndim))
        )
        every_stride = [slice(None, None, step) for step in stride]
        every_tap = [slice(None, None, step) for step in dilation]
        windows = windows[(slice(None), slice(None), *every_stride, *every_tap)]
        n, c = windows.shape[:2]
        grouped = windows.reshape(n, groups, c // groups, *windows.shape[2:])
        kernels = w.astype(wide).reshape(groups, w.shape[0] // groups, *w.shape[1:])
        # n g c Y... K...  with  g o c K...  ->  n g o Y...
        outs, taps = [*range(10, 10 + spatial)], [*range(20, 20 + spatial)]
        result = np.einsum(
            grouped, [0, 1, 2, *outs, *taps], kernels, [1, 3, 2, *taps], [0, 1, 3, *outs]
        )
        return result.reshape(n, w.shape[0], *result.shape[3:]).astype(dtype)

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        **attributes: Attribute,
    ) -> Expression:
        (a, w), (da, dw) = x, tangents
        terms = []
        if da is not None:
            terms.append(da.apply("convolution", w, **attributes))
        if dw is not None:
            terms.append(a.apply("convolution", dw, **attributes))
        return terms[0] if len(terms) == 1 else terms[0] + terms[1]

    @staticmethod
    def transpose(
        cotangent: Expression,
        x: Sequence[Expression],
        position: int,
        *,
        stride: tuple[Size, ...],
        low: tuple[Size, ...],
        high: tuple[Size, ...],
        dilation: tuple[Size, ...],
        groups: int,
    ) -> Expression:
        a, w = x
        if position == 0:
            spread = _spread(cotangent, stride)
            before = tuple(
                d * (k - 1) - first
                for d, k, first in zip(dilation, w.shape[2:], low, strict=True)
            )
            # What the strides left over at the end gets no cotangent.
            after = tuple(
                size + first - have
                for size, first, have in zip(
                    a.shape[2:], low, spread.shape[2:], strict=True
                )
            )
            return spread.apply(
                "convolution",
                _flip_and_swap(w, groups),
                stride=(1,) * len(stride),
                low=before,
                high=after,
                dilation=dilation,
                groups=groups,
            )
        # dw[o, c, k] = sum_{n, p} x[n, c, p s + k d - low] ct[n, o, p]: a convolution
        # in which the batch is what is summed over.
        n, per_group = a.shape[0], w.shape[1]
        inputs = a.reshape((n, groups, per_group, *a.shape[2:]))
        inputs = inputs.transpose((2, 1, 0, *range(3, inputs.rank)))
        inputs = inputs.reshape((per_group, groups * n, *a.shape[2:]))
        after = tuple(
            (k - 1) * d + (p - 1) * s + 1 - size - first
            for k, d, p, s, size, first in zip(
                w.shape[2:],
                dilation,
                cotangent.shape[2:],
                stride,
                a.shape[2:],
                low,
                strict=True,
            )
        )
        result = inputs.apply(
            "convolution",
            cotangent.move_axis(1, 0),
            stride=dilation,
            low=low,
            high=after,
            dilation=stride,
            groups=groups,
        )
        return result.move_axis(0, 1)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        groups: int,
        **spatial: Attribute,
    ) -> Expression:
        x, w = operands
        count = batch_size(operands, batched)
        if not batched[1]:
            merged = x.reshape((count * x.shape[1], *x.shape[2:]))
            y = merged.apply("convolution", w, groups=groups, **spatial)
            return y.reshape((count, x.shape[1], *y.shape[1:]))
        if not batched[0]:
            per_group = w.shape[1] // groups
            kernels = w.reshape((count, groups, per_group, *w.shape[2:]))
            kernels = kernels.move_axis(0, 1)
            kernels = kernels.reshape((groups * count * per_group, *w.shape[2:]))
            y = x.apply("convolution", kernels, groups=groups, **spatial)
            y = y.reshape((x.shape[0], groups, count, per_group, *y.shape[2:]))
            y = y.move_axis(2, 0)
            return y.reshape((count, x.shape[0], w.shape[1], *y.shape[4:]))
        return _contract_windows(x, w, groups=groups, **spatial)

    @staticmethod
    def lower(context: NestContext) -> None:
        builder, attributes = context.builder, context.attributes
        x, w = context.types
        spatial = x.rank - 2
        accumulator = context.type.dtype.compute
        shape = context.type.shape
        # Every tap adds to a vector of neighbouring results.
        with context.rows(shape[:-1]) as (n, o, *outer):
            per_group = builder.size(w.shape[1])
            group = o // builder.size(shape[1] // attributes["groups"])
            if attributes["groups"] == 1:
                group = builder.size(0)
            with builder.loop("vector", builder.size(shape[-1]), hint="p") as loop:
                place = [*outer, loop.index]

                def step(indices: list[Scalar], total: Scalar) -> Scalar:
                    c, *taps = indices
                    own, inside = [n, group * per_group + c], None
                    for axis in range(spatial):
                        stride, low, high, dilation = (
                            attributes[key][axis]
                            for key in ("stride", "low", "high", "dilation")
                        )
                        at = place[axis] * builder.size(stride)
                        at = at + taps[axis] * builder.size(dilation)
                        at = at - builder.size(low)
                        own.append(at)
                        if low == 0 and high == 0:
                            continue
                        size = builder.size(x.shape[axis + 2])
                        within = (at >= 0) & (at < size)
                        inside = within if inside is None else inside & within
                    element = context.operand(0, own, when=inside)
                    return multiply_add(
                        context.operand(1, [o, c, *taps]), element, total
                    )

                zero = builder.constant(0, accumulator)
                total = serial_loops(builder, w.shape[1:], zero, step)
                context.store(
                    [n, o, *place], builder.convert(total, context.type.dtype)
                )


def convolved_sizes(
    x: Sequence[Any],
    w: Sequence[Any],
    stride: Sequence[Any],
    low: Sequence[Any],
    high: Sequence[Any],
    dilation: Sequence[Any],
) -> tuple[Any, ...]:
    """The spatial sizes of a convolution's result."""
    return tuple(
        (size + before + after - d * (taps - 1) - 1) // s + 1
        for size, taps, s, before, after, d in zip(
            x, w, stride, low, high, dilation, strict=True
        )
    )


def _spread(x: Expression, stride: Sequence[Size]) -> Expression:
    """Zeros after each element along spatial axes, ``stride - 1`` of them."""
    if all(s == 1 for s in stride):
        return x
    shape = [size * s for size, s in zip(x.shape[2:], stride, strict=True)]
    zeros = x.constant(0).broadcast_to((*x.shape[:2], *shape))
    return zeros.apply(
        "update_slice",
        x,
        start=(0,) * x.rank,
        step=(1, 1, *stride),
        size=x.shape,
    )


def _contract_windows(
    x: Expression,
    w: Expression,
    *,
    stride: tuple[Size, ...],
    low: tuple[Size, ...],
    high: tuple[Size, ...],
    dilation: tuple[Size, ...],
    groups: int,
) -> Expression:
    """Convolve each of a batch of x with its own w: both have a leading axis more.

    All windows are gathered, and contracted with the kernels.
    """
    count, n, _, *space = x.shape
    _, outputs, per_group, *taps = w.shape
    sizes = convolved_sizes(space, taps, stride, low, high, dilation)
    zeros = (0, 0, 0)
    windows = x.apply("pad", x.constant(0), low=(*zeros, *low), high=(*zeros, *high))
    # Each gather moves the last axis to the front, as a window's place and its tap.
    for size, tap, s, d in reversed(
        list(zip(sizes, taps, stride, dilation, strict=True))
    ):
        place, step = (
            Expression(
                x.builder, x.builder.add("iota", shape=(size, tap), axis=a, dtype=i64)
            )
            for a in (0, 1)
        )
        index = place * _host_integer(x, s) + step * _host_integer(x, d)
        windows = windows.apply("gather", index, axes=(windows.rank - 1,))
    windows = windows.reshape((*windows.shape[:-1], groups, per_group))
    kernels = w.reshape((count, groups, outputs // groups, per_group, *taps))
    at, by = "abcde"[: len(taps)], "fghij"[: len(taps)]
    pairs = "".join(map("".join, zip(at, by, strict=True)))
    spec = f"{pairs}vnxz,vxyz{by}->vnxy{at}"
    result = windows.apply("contract", kernels, spec=spec)
    return result.reshape((count, n, outputs, *sizes))


def _host_integer(like: Expression, size: Size) -> Expression:
    """A size as a number of the program."""
    if isinstance(size, int):
        return like.constant(size, i64)
    return Expression(like.builder, like.builder.add("dim", size=size))


def _flip_and_swap(w: Expression, groups: int) -> Expression:
    """The kernel of the transposed convolution: taps reversed, channels swapped."""
    outputs, per_group, *taps = w.shape
    flipped = w.apply(
        "slice",
        start=(0, 0, *(k - 1 for k in taps)),
        step=(1, 1, *(-1 for _ in taps)),
        size=w.shape,
    )
    grouped = flipped.reshape((groups, outputs // groups, per_group, *taps))
    swapped = grouped.move_axis(1, 2)
    return swapped.reshape((groups * per_group, outputs // groups, *taps))
