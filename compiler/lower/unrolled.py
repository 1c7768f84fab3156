"""Clusters of kind ``scalars``: control flow as one Kernel on numbers in registers.

Arrays are taken apart into their elements: what a loop carries is carried as so many
Scalars, and what it computes becomes straight code. Only what a turn reads of large
arrays, and stacks, is in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import product as every
from math import prod
from typing import Any

import numpy as np

from penstock.ir.dims import Size
from penstock.ir.graph.unrolled import MOST_ELEMENTS, changing, unrolled_weight
from penstock.ir.graph.value import Function, Value
from penstock.ir.loop.node import Buffer, Scalar
from penstock.ir.ops.contraction import Contract
from penstock.ir.ops.contraction_loops import multiply_add
from penstock.ir.ops.create import Const
from penstock.ir.ops.families import Movement, Reduction
from penstock.ir.ops.index import Scatter, locate
from penstock.ir.ops.letters import letter_sizes, split_spec
from penstock.ir.types import TensorType, i64
from penstock.lower.cluster import Cluster, KernelLaunch, KernelWriter
from penstock.lower.element import ValueContext
from penstock.lower.fold import FoldingBuilder, number_of
from penstock.lower.unrolled_sources import (
    Computed,
    Indices,
    Memory,
    Numbers,
    Part,
    Source,
)

__all__ = ["lower_unrolled"]


# Branches of so few instructions are both computed: a jump that is guessed wrong costs
# as much.
_SHORT_BRANCH = 24
_PICOSECONDS = 300
# How often a loop of unknown length is taken to run.
_TURNS = 1000


def lower_unrolled(cluster: Cluster) -> list[KernelLaunch]:
    """The Kernel of one Value of control flow."""
    builder = FoldingBuilder(cluster.name)
    writer = KernelWriter(cluster, builder)
    unrolling = Unrolling(cluster, builder)
    for parameter in cluster.body.parameters:
        buffer = writer.elements.buffers[parameter]
        unrolling.sources[parameter] = Memory(unrolling, buffer)
    control = next(v for v in cluster.body.values if v.regions)
    stacks: dict[int, Buffer] = {}
    targets: list[tuple[Value, Buffer]] = []
    for number, result in enumerate(cluster.body.results):
        buffer = writer.result(number)
        position = result.attributes["index"] if result.is_op("get") else 0
        assert isinstance(position, int)
        if control.is_op("loop") and position >= _carried(control):
            stacks[position] = buffer
        else:
            targets.append((result, buffer))
    unrolling.stacks = stacks
    unrolling.run(cluster.body.values)
    for value, buffer in targets:
        unrolling.write(value, buffer)
    weight = unrolled_weight(control, _constant) or 1
    work: Size = weight * _PICOSECONDS
    if control.is_op("while"):
        work = _TURNS * work
    if control.is_op("loop"):
        work = control.attributes["trip"] * work
    return [writer.finish(work, work)]


def _constant(size: Size) -> int | None:
    return size if isinstance(size, int) else None


def _carried(loop: Value) -> int:
    carried = loop.attributes["carried"]
    assert isinstance(carried, int)
    return carried


class Context(ValueContext):
    """What the lowering rule of an op sees of one element."""

    def __init__(
        self, unrolling: Unrolling, value: Value, when: Scalar | None = None
    ) -> None:
        self.unrolling = unrolling
        self.builder = unrolling.builder
        self.value = value
        self.when = when
        self.errors = unrolling.cluster.errors
        # As they are now: a region that occurs twice has other arguments later.
        self.sources = [unrolling.sources[operand] for operand in value.operands]

    def under(self, when: Scalar | None) -> Context:
        """The same where a condition holds."""
        context = copy(self)
        context.when = when
        return context

    def operand(
        self, position: int, indices: Indices, when: Scalar | None = None
    ) -> Scalar:
        """An element of an operand; zero where the conditions do not hold."""
        if self.when is not None:
            when = self.when if when is None else self.when & when
        operand = self.value.operands[position]
        if when is not None:
            holds = number_of(when)
            if holds == 0 or 0 in operand.shape:
                return self.builder.constant(0, operand.dtype)
            if holds is not None:
                when = None
        return self.sources[position].element(indices, when)


class Unrolling:
    """One Kernel that is being built, and where the elements of Values are.

    Attributes:
        sources: of Values, those of regions included.
        several: of Values with several results, where each is.
        stacks: the Buffers of the outermost loop's stacks, by the number of the result.
        conditions: those under which what is built now runs.
    """

    def __init__(self, cluster: Cluster, builder: FoldingBuilder) -> None:
        self.cluster = cluster
        self.builder = builder
        self.sources: dict[Value, Source] = {}
        self.several: dict[Value, list[Source | None]] = {}
        self.stacks: dict[int, Buffer] = {}

    def places(self, type_: TensorType) -> list[list[Scalar]]:
        """The indices of all elements in C order."""
        sizes = [range(size) for size in type_.shape if isinstance(size, int)]
        assert len(sizes) == type_.rank, type_
        return [[self.builder.size(i) for i in place] for place in every(*sizes)]

    def array(self, type_: TensorType, scalars: Sequence[Scalar]) -> Numbers:
        """An array of these elements, in C order."""
        found = np.empty(len(scalars), object)
        found[:] = scalars
        return Numbers(self, found.reshape(type_.shape))

    def scalars(self, value: Value) -> list[Scalar]:
        """All elements of a Value in C order."""
        source = self.sources[value]
        return [source.element(place) for place in self.places(value.tensor)]

    def write(self, value: Value, buffer: Buffer) -> None:
        """Store all elements of a Value."""
        source, type_ = self.sources[value], value.tensor
        if _is_small(type_):
            for place in self.places(type_):
                self.builder.store(buffer, place, source.element(place))
            return

        # What a loop only hands on may be of any size.
        def nest(place: list[Scalar]) -> None:
            if len(place) == type_.rank:
                self.builder.store(buffer, place, source.element(place))
                return
            stop = self.builder.size(type_.shape[len(place)])
            kind = "vector" if len(place) == type_.rank - 1 else "serial"
            with self.builder.loop(kind, stop) as loop:
                nest([*place, loop.index])

        nest([])

    def region(self, region: Function, arguments: Sequence[Source]) -> None:
        """Compute a region's Values."""
        self.sources.update(zip(region.parameters, arguments, strict=True))
        self.run(region.values)

    def run(self, values: Sequence[Value]) -> None:
        for value in values:
            if value.is_op("get"):
                index = value.attributes["index"]
                assert isinstance(index, int)
                source = self.several[value.operands[0]][index]
                if source is not None:
                    self.sources[value] = source
            elif value.regions:
                found = self.control(value)
                self.several[value] = found
                if isinstance(value.type, TensorType) and found[0] is not None:
                    self.sources[value] = found[0]
            else:
                self.sources[value] = self.compute(value)

    def compute(self, value: Value) -> Source:
        op, type_ = value.op, value.tensor
        if op is Const:
            elements = value.attributes["value"].array.reshape(-1)
            scalars = [self.builder.constant(one, type_.dtype) for one in elements]
            return self.array(type_, scalars)
        if issubclass(op, Movement) and not _is_small(type_):
            return Computed(Context(self, value))
        if issubclass(op, Reduction):
            return self.array(type_, self.reduce(value, op))
        if issubclass(op, Contract):
            return self.array(type_, self.contract(value))
        if issubclass(op, Scatter):
            return self.scatter(value, op)
        context = Context(self, value)
        scalars = [op.element(context, place) for place in self.places(type_)]  # type: ignore[attr-defined]
        return self.array(type_, scalars)

    def reduce(self, value: Value, op: type[Reduction]) -> list[Scalar]:
        (operand,) = value.operands
        axes = value.attributes["axes"]
        assert isinstance(axes, tuple)
        dtype = value.dtype.compute
        builder = self.builder
        # Of a sum it counts: -0.0 added to it is 0.0.
        identity = (
            builder.constant(op.identity(dtype), dtype) if op.combine == "add" else None
        )
        shape: Any = [s for a, s in enumerate(operand.shape) if a not in axes]
        totals: Any = np.empty(shape, object)
        totals[...] = identity
        places = self.places(operand.tensor)
        for place, scalar in zip(places, self.scalars(operand), strict=True):
            kept = tuple(number_of(i) for a, i in enumerate(place) if a not in axes)
            wide = builder.convert(scalar, dtype)
            total = totals[kept]
            totals[kept] = (
                wide if total is None else builder.apply(op.combine, total, wide)
            )
        return [builder.convert(total, value.dtype) for total in totals.flat]

    def contract(self, value: Value) -> list[Scalar]:
        spec = str(value.attributes["spec"])
        inputs, output = split_spec(spec)
        sizes = letter_sizes(spec, [operand.tensor for operand in value.operands])
        summed = [letter for letter in sizes if letter not in output]
        builder, dtype = self.builder, value.dtype.compute
        zero = builder.constant(0, dtype)
        sources = [self.sources[operand] for operand in value.operands]
        found = []
        for place in self.places(value.tensor):
            total: Scalar = zero
            at = dict(zip(output, place, strict=True))
            for indices in self.places(
                value.tensor.with_shape(tuple(sizes[letter] for letter in summed))
            ):
                at.update(zip(summed, indices, strict=True))
                factors = [
                    source.element([at[letter] for letter in letters])
                    for letters, source in zip(inputs, sources, strict=True)
                ]
                if not summed:
                    # Nothing is added up, so not even a zero.
                    wide = [builder.convert(factor, dtype) for factor in factors]
                    total = wide[0] if len(wide) == 1 else wide[0] * wide[1]
                elif len(factors) == 1:
                    total = total + builder.convert(factors[0], dtype)
                else:
                    total = multiply_add(factors[0], factors[1], total)
            found.append(builder.convert(total, value.dtype))
        return found

    def scatter(self, value: Value, op: type[Scatter]) -> Source:
        context = Context(self, value)
        array, updates, index = value.operands[:3]
        builder = self.builder
        scalars = self.scalars(array)
        places = self.places(array.tensor)
        for at in self.places(updates.tensor):
            found, valid = locate(context, 2, at[: index.tensor.rank])
            rest = iter(at[index.tensor.rank :])
            own = [
                found[axis] if axis in found else next(rest)
                for axis in range(array.tensor.rank)
            ]
            new = context.operand(1, at)
            # Which element it is: all that may be, and whether each is the one.
            matches: dict[int, Scalar] = {}
            for number, place in enumerate(places):
                here = valid
                for have, want in zip(own, place, strict=True):
                    here = here & have.equals(want)
                if number_of(here) != 0:
                    matches[number] = here
            if not matches:
                continue
            old: Scalar | None = None
            for number, here in matches.items():
                element = scalars[number]
                old = element if old is None else builder.select(here, element, old)
            written = op.combine_into(old, new)
            for number, here in matches.items():
                scalars[number] = builder.select(here, written, scalars[number])
        return self.array(value.tensor, scalars)

    # Control flow

    def control(self, value: Value) -> list[Source | None]:
        """Where the results of a Value of control flow are."""
        operands = [self.sources[operand] for operand in value.operands]
        if value.is_op("recompute"):
            (body,) = value.regions
            self.region(body, operands)
            return [self.sources[result] for result in body.results]
        if value.is_op("if"):
            return self.branch(value, operands)
        if value.is_op("while"):
            return self.repeat(value, operands)
        return self.count(value, operands)

    def branch(self, value: Value, operands: list[Source]) -> list[Source | None]:
        condition = operands[0].element([])
        holds = number_of(condition)
        if holds is not None:
            chosen = value.regions[0 if holds else 1]
            self.region(chosen, operands[1:])
            return [self.sources[result] for result in chosen.results]
        builder = self.builder
        types = [result.tensor for result in value.regions[0].results]
        if self.is_short(value):
            found = []
            for region in value.regions:
                self.region(region, operands[1:])
                found.append([s for r in region.results for s in self.scalars(r)])
            chosen_scalars = [
                builder.select(condition, yes, no)
                for yes, no in zip(*found, strict=True)
            ]
            return self.apart(types, chosen_scalars)
        # Each branch is a loop of one turn or none.
        places = [(t, place) for t in types for place in self.places(t)]
        scalars = [builder.constant(0, type_.dtype) for type_, _ in places]
        for region, taken in zip(value.regions, (condition, ~condition), strict=True):
            with builder.loop(
                "serial",
                builder.convert(taken, i64),
                carries=[(scalar, None) for scalar in scalars],
                hint="once",
            ) as loop:
                self.region(region, operands[1:])
                loop.update(*(s for r in region.results for s in self.scalars(r)))
            scalars = loop.results
        return self.apart(types, scalars)

    def is_short(self, value: Value) -> bool:
        """Whether both branches may be computed: little work, and no errors."""
        weight = unrolled_weight(value, _constant)
        return (
            weight is not None
            and weight <= _SHORT_BRANCH
            and all(map(_is_harmless, value.regions))
        )

    def apart(
        self, types: Sequence[TensorType], scalars: Sequence[Scalar]
    ) -> list[Source | None]:
        """Arrays of these types, from all their elements."""
        found: list[Source | None] = []
        start = 0
        for type_ in types:
            end = start + prod(size for size in type_.shape if isinstance(size, int))
            found.append(self.array(type_, scalars[start:end]))
            start = end
        return found

    def repeat(self, value: Value, operands: list[Source]) -> list[Source | None]:
        cond, body = value.regions
        builder = self.builder
        moving = changing(value)
        types = [body.results[number].tensor for number in moving]
        scalars = [
            operands[number].element(place)
            for number, type_ in zip(moving, types, strict=True)
            for place in self.places(type_)
        ]

        def state(scalars: Sequence[Scalar]) -> list[Source]:
            own = list(operands)
            for number, source in zip(moving, self.apart(types, scalars), strict=True):
                assert source is not None
                own[number] = source
            return own

        def holds(arguments: list[Source]) -> Scalar:
            self.region(cond, arguments)
            return self.sources[cond.results[0]].element([])

        first = holds(operands)
        with builder.loop(
            "serial",
            builder.constant(np.iinfo(np.int64).max, i64),
            carries=[(first, None), *((scalar, None) for scalar in scalars)],
            hint="turn",
            test=True,
        ) as loop:
            self.region(body, state(loop.carried[1:]))
            updated = [
                s for number in moving for s in self.scalars(body.results[number])
            ]
            loop.update(holds(state(updated)), *updated)
        return list(state(loop.results[1:]))

    def count(self, value: Value, operands: list[Source]) -> list[Source | None]:
        (body,) = value.regions
        trip: Any = value.attributes["trip"]
        sliced: Any = value.attributes["sliced"]
        carried = _carried(value)
        builder = self.builder
        stacks, self.stacks = self.stacks, {}
        moving = changing(value)
        types = [body.results[number].tensor for number in moving]
        scalars = [
            operands[number].element(place)
            for number, type_ in zip(moving, types, strict=True)
            for place in self.places(type_)
        ]
        with builder.loop(
            "serial",
            builder.size(trip),
            carries=[(scalar, None) for scalar in scalars],
            hint="turn",
        ) as loop:
            index = loop.index
            if value.attributes["reverse"]:
                index = builder.size(trip) - 1 - index
            own = list(operands)
            now = self.apart(types, loop.carried)
            for number, source in zip(moving, now, strict=True):
                assert source is not None
                own[number] = source
            for number in range(carried, carried + sliced):
                own[number] = Part(operands[number], index)
            counter = self.array(TensorType(i64), [index])
            self.region(body, [counter, *own])
            for number, buffer in stacks.items():
                result = body.results[number]
                source = self.sources[result]
                for place in self.places(result.tensor):
                    builder.store(buffer, [index, *place], source.element(place))
            loop.update(
                *(s for number in moving for s in self.scalars(body.results[number]))
            )
        found: list[Source | None] = [*operands[:carried]]
        after = self.apart(types, loop.results)
        for number, source in zip(moving, after, strict=True):
            found[number] = source
        return found + [None] * (len(body.results) - carried)


def _is_small(type_: TensorType) -> bool:
    sizes = [size for size in type_.shape if isinstance(size, int)]
    return len(sizes) == type_.rank and 1 <= prod(sizes) <= MOST_ELEMENTS


def _is_harmless(region: Function) -> bool:
    """Whether nothing in a region repeats or reports errors."""
    return not any(value.regions or value.op.family == "indexing"
                   for value in region.values)  # fmt: skip
