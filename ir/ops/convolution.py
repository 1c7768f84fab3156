"""Convolution over any number of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ir.dims import Size, product
from penstock.ir.errors import DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Numeric, define
from penstock.ir.ops.contraction import SUM_TOLERANCE
from penstock.ir.ops.contraction_loops import multiply_add, serial_loops
from penstock.ir.ops.families import Nest, NestContext, batch_size
from penstock.ir.ops.joining import Pad
from penstock.ir.ops.tile import Row, Tile
from penstock.ir.types import Type, bool_, i64


@define
class Convolution(Nest):
    """Cross-correlation over any number of spatial axes, as in neural networks.

    x: number [N, C, X...]; w: number [O, C / groups, K...]  ->  number [N, O, Y...]
    with y[n, o, p] = sum_{c, k} x[n, c, p * stride + k * dilation - low] w[o, c, k],
    zeros outside, and Y = (X + low + high - dilation * (K - 1) - 1) // stride + 1;
    negative low and high cut elements off. Integers wrap around. Where ``partial``, w
    is not multiplied by the zeros outside: an infinite one would make them nan.
    """

    name = "convolution"
    family = "contraction"
    operands = (Numeric("x"), Numeric("w"))
    attributes = ("stride", "low", "high", "dilation", "groups", "partial")
    tolerance = SUM_TOLERANCE
    source = "Dumoulin and Visin, A guide to convolution arithmetic, arXiv:1603.07285"
    flops = 2
    fuses_result = True

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
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
        partial: bool,
    ) -> Any:
        dtype = x.dtype
        is_half = dtype.itemsize == 2 and dtype.kind not in "iu"
        wide = np.float32 if is_half else dtype
        sizes = convolved_sizes(x.shape[2:], w.shape[2:], stride, low, high, dilation)
        if 0 in (*sizes, *w.shape[2:]):
            return np.zeros((x.shape[0], w.shape[0], *sizes), dtype)
        spatial = x.ndim - 2
        padded = Pad.reference(x.astype(wide), 0, low=(0, 0, *low), high=(0, 0, *high))
        windows = _windows(padded, w.shape[2:], stride, dilation)
        n, c = windows.shape[:2]
        grouped = windows.reshape(n, groups, c // groups, *windows.shape[2:])
        kernels = w.astype(wide).reshape(groups, w.shape[0] // groups, *w.shape[1:])
        shape = (n, w.shape[0], *sizes)
        # n g c Y... K...  with  g o c K...  ->  n g o Y...
        outs, taps = [*range(10, 10 + spatial)], [*range(20, 20 + spatial)]
        terms, weights, sums = [0, 1, 2, *outs], [1, 3, 2], [0, 1, 3, *outs]
        if not partial:
            every = np.einsum(
                grouped, [*terms, *taps], kernels, [*weights, *taps], sums
            )
            return every.reshape(shape).astype(dtype)
        ones = np.ones(x.shape[2:], bool)
        within = _windows(
            Pad.reference(ones, False, low=low, high=high)[None, None],
            w.shape[2:], stride, dilation,
        )[0, 0]  # fmt: skip
        total = np.zeros((n, groups, w.shape[0] // groups, *sizes), wide)
        for tap in np.ndindex(*w.shape[2:]):
            at = (..., *tap)
            term = np.einsum(grouped[at], terms, kernels[at], weights, sums)
            total += np.where(within[at], term, 0)
        return total.reshape(shape).astype(dtype)

    @staticmethod
    def jvp(
        y: Expression,
        x: Sequence[Expression],
        tangents: Sequence[Expression | None],
        **attributes: Any,
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
        partial: bool,
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
                partial=partial,
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
            partial=partial,
        )
        return result.move_axis(0, 1)

    @staticmethod
    def batch(
        operands: Sequence[Expression],
        batched: Sequence[bool],
        *,
        groups: int,
        **spatial: Any,
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
        _Loops(context).emit()


# Channels that are added up together.
_CHANNELS = 8

# Neighbouring results that one iteration of the parallel loop computes.
_COLUMNS = 64

# So few neighbours leave most lanes of a vector idle.
_FEW = 16


class _Loops:
    """The loops of a convolution: several channels of neighbouring results at once.

    Vectors run along the results, or where those are few, as in the derivative by a
    kernel, along the taps.
    """

    def __init__(self, context: NestContext) -> None:
        self.context = context
        self.builder = context.builder
        self.x, self.w = context.types
        self.shape = context.type.shape
        self.groups: int = context.attributes["groups"]
        most = _CHANNELS if self.groups == 1 else 1
        self.tile = Tile(context, self.shape[1], self.store, most)
        if context.is_consumed:
            self.tile.hold(_COLUMNS)
        self.place: list[Scalar] = []
        # One result is no work for vectors.
        self.kind = "serial" if self.shape[-1] == 1 else "vector"
        self.first = self.builder.size(0)

    def store(self, channel: Scalar, column: Scalar, total: Scalar) -> None:
        """Write an element of the result."""
        n, *outer = self.place
        self.context.store([n, channel, *outer, column], total)

    def emit(self) -> None:
        """Build them."""
        builder, tile = self.builder, self.tile
        extents = [self.shape[0], tile.blocks, *self.shape[2:-1]]
        terms = product(self.w.shape[1:])
        area = tile.height * _COLUMNS
        size = self.context.type.size
        self.context.effort((area, area * terms), (size, size * terms))
        builder.state_products(size * terms)
        columns = self.shape[-1]
        with self.context.tiles(extents, columns, _COLUMNS) as (indices, start, stop):
            n, block, *outer = indices
            self.place = [n, *outer]
            tile.begin(block)
            group = builder.size(0)
            if self.groups != 1:
                group = tile.first // builder.size(self.shape[1] // self.groups)
            self.first = group * builder.size(self.w.shape[1])
            rows = tile.rows(tile.height)
            along_taps = self.runs_along_taps()
            if isinstance(along_taps, bool):
                self.go_along(start, stop, rows, along_taps)
            else:
                for condition, answer in ((along_taps, True), (~along_taps, False)):
                    with builder.when(condition):
                        self.go_along(start, stop, rows, answer)
            tile.finish(start, stop, self.kind)

    def runs_along_taps(self) -> bool | Scalar:
        """Whether vectors run along the taps; a Scalar where only a run can tell."""
        results, taps = self.shape[-1], self.w.shape[-1]
        if isinstance(results, int) and (
            results >= _FEW or (isinstance(taps, int) and taps <= results)
        ):
            return False
        if isinstance(results, int) and isinstance(taps, int):
            return True
        few, more = self.builder.size(results), self.builder.size(taps)
        return (few < _FEW) & (few < more)

    def go_along(
        self, start: Scalar, stop: Scalar, rows: Sequence[Row], along_taps: bool
    ) -> None:
        """Neighbouring results of some channels."""
        builder, dtype = self.builder, self.context.type.dtype.compute
        results, terms = ("serial", "vector") if along_taps else (self.kind, "serial")
        with builder.loop(results, stop, start=start, hint="p") as loop:

            def step(indices: list[Scalar], totals: Sequence[Scalar]) -> list[Scalar]:
                element, inside = self.element(loop.index, indices)
                weights = [
                    self.context.operand(1, [row.index, *indices]) for row in rows
                ]
                if inside is not None and self.context.attributes["partial"]:
                    zero = builder.constant(0, weights[0].dtype)
                    weights = [builder.select(inside, w, zero) for w in weights]
                return [
                    multiply_add(weight, element, total)
                    for weight, total in zip(weights, totals, strict=True)
                ]

            zeros = [builder.constant(0, dtype)] * len(rows)
            totals = serial_loops(builder, self.w.shape[1:], zeros, step, terms)
            self.tile.put(rows, totals, loop.index, loop.index - start)

    def element(
        self, column: Scalar, indices: Sequence[Scalar]
    ) -> tuple[Scalar, Scalar | None]:
        """What a tap of a channel reads, zero outside, and whether it is inside."""
        builder, attributes = self.builder, self.context.attributes
        channel, *taps = indices
        n, *outer = self.place
        own, inside = [n, self.first + channel], None
        for axis, (place, tap) in enumerate(zip([*outer, column], taps, strict=True)):
            stride, low, high, dilation = (
                attributes[key][axis] for key in ("stride", "low", "high", "dilation")
            )
            at = place * builder.size(stride) + tap * builder.size(dilation)
            at = at - builder.size(low)
            own.append(at)
            if low == 0 and high == 0:
                continue
            size = builder.size(self.x.shape[axis + 2])
            within = (at >= 0) & (at < size)
            inside = within if inside is None else inside & within
        return self.context.operand(0, own, when=inside), inside


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


def _windows(
    padded: Any,
    taps: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Any:
    """The elements [N, C, Y..., K...] that meet the taps at each place."""
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, taps, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, extent, axis=tuple(range(2, padded.ndim))
    )
    every_stride = [slice(None, None, step) for step in stride]
    every_tap = [slice(None, None, step) for step in dilation]
    return windows[(slice(None), slice(None), *every_stride, *every_tap)]


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
    partial: bool,
) -> Expression:
    """Convolve each of a batch of x with its own w: both have a leading axis more.

    All windows are gathered, and contracted with the kernels.
    """
    count, n, _, *space = x.shape
    _, outputs, per_group, *taps = w.shape
    sizes = convolved_sizes(space, taps, stride, low, high, dilation)
    zeros = (0, 0, 0)
    windows = x.apply("pad", x.constant(0), low=(*zeros, *low), high=(*zeros, *high))
    windows = _gather_windows(windows, sizes, taps, stride, dilation)
    windows = windows.reshape((*windows.shape[:-1], groups, per_group))
    kernels = w.reshape((count, groups, outputs // groups, per_group, *taps))
    at, by = "abcde"[: len(taps)], "fghij"[: len(taps)]
    pairs = "".join(map("".join, zip(at, by, strict=True)))
    spec = f"{pairs}vnxz,vxyz{by}->vnxy{at}"
    if partial:
        # The kernel as it is at each place, with zeros for the taps outside.
        within = x.constant(1, bool_).broadcast_to(space)
        within = within.apply("pad", x.constant(0, bool_), low=low, high=high)
        within = _gather_windows(within, sizes, taps, stride, dilation)
        kernels = kernels.transpose((*range(4, kernels.rank), 0, 1, 2, 3))
        own = kernels.shape[len(taps) :]
        ones = tuple(size for tap in taps for size in (1, tap))
        shape = (*within.shape, *own)
        kernels = (
            within.reshape((*within.shape, 1, 1, 1, 1))
            .broadcast_to(shape)
            .apply(
                "select",
                kernels.reshape((*ones, *own)).broadcast_to(shape),
                w.constant(0).broadcast_to(shape),
            )
        )
        spec = f"{pairs}vnxz,{pairs}vxyz->vnxy{at}"
    result = windows.apply("contract", kernels, spec=spec)
    return result.reshape((count, n, outputs, *sizes))


def _gather_windows(
    padded: Expression,
    sizes: Sequence[Size],
    taps: Sequence[Size],
    stride: Sequence[Size],
    dilation: Sequence[Size],
) -> Expression:
    """The last axes, as pairs in front: a window's place and its tap."""
    # Each gather moves the last axis to the front.
    for size, tap, s, d in reversed(
        list(zip(sizes, taps, stride, dilation, strict=True))
    ):
        place, step = (
            Expression(
                padded.builder,
                padded.builder.add("iota", shape=(size, tap), axis=a, dtype=i64),
            )
            for a in (0, 1)
        )
        index = place * _host_integer(padded, s) + step * _host_integer(padded, d)
        padded = padded.apply("gather", index, axes=(padded.rank - 1,))
    return padded


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
