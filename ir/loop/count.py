"""Counts what a Kernel does at given sizes: operations, and bytes of memory moved."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from penstock.ir.dims import evaluate_dim, product
from penstock.ir.loop.node import (
    Block,
    Buffer,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Store,
)
from penstock.ir.loop.primitive import PRIMITIVES

__all__ = ["KernelCount", "count_kernel"]

Array = np.ndarray[Any, Any]

# Iterations of loops whose bounds differ from one to the next that are looked at one
# by one; of more, so many are taken at equal distances.
_MOST_POINTS = 1 << 16


class KernelCount:
    """What one launch of a Kernel does.

    Attributes:
        flops: floating-point operations, those within ``exp`` and the like included
            as the table of primitives counts them. Comparisons are some, choices and
            conversions are none. A product that is added to a sum is two; those that
            fill up a tile or a vector are none.
        integer_operations: operations on integers and bools that come from memory;
            the arithmetic of indices is left out.
        bytes_read, bytes_written: of memory, each element of a Buffer counted once
            however often it is read.
    """

    def __init__(self) -> None:
        self.flops = 0
        self.integer_operations = 0
        self.bytes_read = 0
        self.bytes_written = 0

    def __add__(self, other: KernelCount) -> KernelCount:
        total = KernelCount()
        for name in vars(total):
            setattr(total, name, getattr(self, name) + getattr(other, name))
        return total

    @property
    def bytes_moved(self) -> int:
        """Bytes read and written."""
        return self.bytes_read + self.bytes_written

    @property
    def intensity(self) -> float:
        """Floating-point operations for each byte moved; 0 where none is."""
        return self.flops / self.bytes_moved if self.bytes_moved else 0.0


def count_kernel(
    kernel: Kernel,
    sizes: Mapping[str, int],
    filled: Mapping[Buffer, int] = MappingProxyType({}),
) -> KernelCount:
    """Count what a Kernel does.

    Args:
        kernel: a verified Kernel.
        sizes: the value of each of its symbols.
        filled: how many elements of a Buffer there are to read, where that is known.

    Returns:
        The counts: exact, unless more than 65536 iterations have inner loops of
        different lengths. What runs only under a condition on data counts in full, a
        loop that runs as long as one holds counts once.

    Example:
        >>> from penstock.ir.loop.text_parse import parse_kernel
        >>> kernel = parse_kernel('''
        ... kernel @double(%x: in f32[n], %y: out f32[n], n: index) {
        ...   vector %i = 0 to n {
        ...     %0 = load %x[%i] : f32
        ...     %1 = add %0, %0 : f32
        ...     store %1, %y[%i]
        ...   }
        ... }''')
        >>> count = count_kernel(kernel, {"n": 1000})
        >>> count.flops, count.bytes_read, count.bytes_written
        (1000, 4000, 4000)
    """
    counter = _Counter(kernel, sizes, filled)
    counter.block(kernel.body, np.ones(1, np.int64))
    return counter.finish()


class _Counter:
    """Walks a Kernel, with an array of the iterations that differ in control flow.

    A Scalar that is known is an array of what it is in each of them, or one number
    where it is the same in all; each iteration stands for as many as its weight says.
    """

    def __init__(
        self, kernel: Kernel, sizes: Mapping[str, int], filled: Mapping[Buffer, int]
    ) -> None:
        self.kernel = kernel
        self.filled = filled
        self.sizes = sizes
        self.count = KernelCount()
        self.products: int | None = None
        if kernel.products is not None:
            self.products = evaluate_dim(kernel.products, sizes)
        self.known: dict[Scalar, Array] = {}
        self.steering = _steering(kernel.body)
        self.loads: dict[Buffer, int] = {}
        self.stores: dict[Buffer, int] = {}
        # Within sums whose products are stated: what is read for them, of which
        # nothing else is counted.
        self.terms: dict[Buffer, int] = {}
        self.within_sums = False

    def finish(self) -> KernelCount:
        if self.products is not None:
            (dtype,) = self.kernel.carried_dtypes
            if dtype.is_float:
                self.count.flops += 2 * self.products
            else:
                self.count.integer_operations += 2 * self.products
            for buffer, loads in self.terms.items():
                # A product has an element of each operand.
                _add(self.loads, buffer, min(loads, self.products))
        for buffer, loads in self.loads.items():
            loads = min(loads, self.filled.get(buffer, loads))
            self.count.bytes_read += self.touched(buffer, loads)
        for buffer, stores in self.stores.items():
            self.count.bytes_written += self.touched(buffer, stores)
        return self.count

    def touched(self, buffer: Buffer, accesses: int) -> int:
        elements = evaluate_dim(product(buffer.shape), self.sizes)
        return min(elements, accesses) * buffer.dtype.itemsize

    def block(self, block: Block, weight: Array) -> None:
        for statement in block.statements:
            if isinstance(statement, Let):
                self.let(statement, weight)
            elif isinstance(statement, Load | Store) and (
                statement.buffer.mode == "local"
            ):
                continue  # it never leaves the cache
            elif isinstance(statement, Load):
                loads = self.terms if self.within_sums else self.loads
                _add(loads, statement.buffer, int(weight.sum()))
            elif isinstance(statement, Store):
                _add(self.stores, statement.buffer, int(weight.sum()))
            elif isinstance(statement, If):
                condition = self.known.get(statement.condition)
                self.block(
                    statement.body, weight if condition is None else weight * condition
                )
            elif isinstance(statement, For):
                self.loop(statement, weight)

    def let(self, let: Let, weight: Array) -> None:
        operands = let.operands
        if let.primitive == "size":
            self.known[let.result] = np.array(evaluate_dim(let.value, self.sizes))
            return
        if let.primitive == "const":
            if let.result.dtype.kind != "f":
                self.known[let.result] = np.asarray(let.value)
            return
        if let.primitive not in PRIMITIVES:
            return
        primitive = PRIMITIVES[let.primitive]
        if all(operand in self.known for operand in operands):
            if let.result in self.steering:
                values = [self.known[operand] for operand in operands]
                with np.errstate(all="ignore"):
                    self.known[let.result] = np.asarray(primitive.evaluate(*values))
            elif let.result.dtype.kind != "f":
                # The arithmetic of indices, which decides nothing about loops.
                self.known[let.result] = np.array(0)
            return
        if self.within_sums:
            return
        times = int(weight.sum())
        if any(scalar.dtype.kind == "f" for scalar in (let.result, *operands)):
            self.count.flops += primitive.flops * times
        elif let.primitive != "convert":
            self.count.integer_operations += times

    def loop(self, loop: For, weight: Array) -> None:
        start, stop = (self.known.get(s, np.array(0)) for s in (loop.start, loop.stop))
        trips = np.maximum(-((start - stop) // loop.step), 0)
        if loop.test is not None:
            # How often depends on data: once is counted.
            trips = np.minimum(trips, 1)
        if not (weight * trips).any():
            return
        outside = self.within_sums
        self.within_sums = outside or (self.products is not None and bool(loop.carries))
        if loop.index not in self.steering:
            self.known[loop.index] = np.array(0)
            self.block(loop.body, weight * trips)
        else:
            outer = self.known
            self.known = dict(outer)
            self.block(loop.body, self.unroll(loop, start, trips, weight))
            self.known = outer
        self.within_sums = outside

    def unroll(self, loop: For, start: Array, trips: Array, weight: Array) -> Array:
        """Take the iterations of a loop one by one; their weights."""
        start, trips, weight = np.broadcast_arrays(start, trips, weight)
        ends = np.cumsum(trips)
        total = int(ends[-1])
        scale = max(-(-total // _MOST_POINTS), 1)
        points = np.arange(0, total, scale)
        owners = np.searchsorted(ends, points, side="right")
        for scalar, value in self.known.items():
            if value.ndim and value.size == weight.size and value.size > 1:
                self.known[scalar] = value[owners]
        within = points - (ends - trips)[owners]
        self.known[loop.index] = start[owners] + within * loop.step
        weights: Array = weight[owners] * scale
        if scale > 1:
            # The last one stands for what is left.
            weights[-1] -= (scale * points.size - total) * weight[owners[-1]]
        return weights


def _add(counts: dict[Buffer, int], buffer: Buffer, times: int) -> None:
    counts[buffer] = counts.get(buffer, 0) + times


def _steering(body: Block) -> set[Scalar]:
    """The Scalars that bounds of loops, and conditions, are computed from."""
    pending: list[Scalar] = []
    for statement in body.walk():
        if isinstance(statement, For):
            pending += [statement.start, statement.stop]
        elif isinstance(statement, If):
            pending.append(statement.condition)
    found: set[Scalar] = set()
    while pending:
        scalar = pending.pop()
        if scalar not in found:
            found.add(scalar)
            if isinstance(scalar.definition, Let):
                pending += scalar.definition.operands
    return found
