"""Runs Kernels on NumPy arrays: the meaning of the loop level, and its oracle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from penstock.ir.dims import evaluate_dim
from penstock.ir.errors import VerifyError
from penstock.ir.loop.node import (
    Block,
    Buffer,
    Carry,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Store,
)
from penstock.ir.loop.primitive import PRIMITIVES
from penstock.ir.types import Dtype, text_of_array

__all__ = ["evaluate_kernel", "neutral"]

Array = np.ndarray[Any, Any]


def evaluate_kernel(
    kernel: Kernel,
    buffers: Sequence[Array],
    sizes: Mapping[str, int] = {},
    *,
    width: int = 1,
    shuffle: Random | None = None,
) -> list[tuple[int, int]]:
    """Run a Kernel.

    Args:
        kernel: a Kernel that verifies.
        buffers: for each Buffer an array of its dtype and shape, with any strides;
            those that are not ``in`` are written.
        sizes: the values of the Kernel's sizes.
        width: lanes that vector loops run at a time. With 1 the terms of a sum are
            added in the order of the loop, with more in that of a wide machine.
        shuffle: the order in which to run parallel iterations; in order if not given.

    Returns:
        For each check that failed its error and detail, in the order of failing.

    Raises:
        VerifyError: an array does not fit its Buffer, or an index is outside it.

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
        >>> y = np.empty(3, np.float32)
        >>> evaluate_kernel(kernel, [np.arange(3, dtype=np.float32), y], {"n": 3})
        []
        >>> y
        array([0., 2., 4.], dtype=float32)
    """
    bound = _bind(kernel, buffers, sizes)
    run = _Run(bound, sizes, width, shuffle)
    with np.errstate(all="ignore"):
        run.block(kernel.body)
    return run.failures


def _bind(
    kernel: Kernel, arrays: Sequence[Array], sizes: Mapping[str, int]
) -> dict[Buffer, Array]:
    name = kernel.name
    if len(arrays) != len(kernel.arguments):
        raise VerifyError(
            None, f"@{name} takes {len(kernel.arguments)} arrays, not {len(arrays)}"
        )
    missing = [size for size in kernel.sizes if size not in sizes]
    if missing:
        raise VerifyError(None, f"@{name} needs the size {missing[0]}")
    for buffer, array in zip(kernel.arguments, arrays, strict=True):
        shape = buffer.type.concrete(sizes)
        if array.shape != shape or array.dtype != buffer.dtype.numpy:
            raise VerifyError(
                None,
                f"@{name}: %{buffer.name} is {text_of_array(array)}, but must be "
                f"{buffer.type.with_shape(shape)}",
            )
    bound = dict(zip(kernel.arguments, arrays, strict=True))
    for buffer in kernel.buffers:
        if buffer not in bound:
            shape = buffer.type.concrete(sizes)
            bound[buffer] = np.full(shape, _GARBAGE, np.uint8).astype(
                buffer.dtype.numpy
            )
    return bound


# What local memory holds before it is written.
_GARBAGE = 0xAB


class _Run:
    """One run of a Kernel. Values are NumPy scalars, or arrays of one per lane."""

    def __init__(
        self,
        buffers: Mapping[Buffer, Array],
        sizes: Mapping[str, int],
        width: int,
        shuffle: Random | None,
    ) -> None:
        self.buffers = buffers
        self.sizes = sizes
        self.width = width
        self.shuffle = shuffle
        self.values: dict[Scalar, Any] = {}
        self.failures: list[tuple[int, int]] = []
        self.zeros = {b.dtype: np.zeros((), b.dtype.numpy)[()] for b in buffers}

    def block(self, block: Block) -> None:
        for statement in block.statements:
            if isinstance(statement, Let):
                self.values[statement.result] = self.let(statement)
            elif isinstance(statement, Load):
                self.values[statement.result] = self.load(statement)
            elif isinstance(statement, Store):
                self.store(statement)
            elif isinstance(statement, Check):
                self.check(statement)
            elif isinstance(statement, If):
                if self.values[statement.condition]:
                    self.block(statement.body)
            elif statement.kind == "vector":
                self.vector_loop(statement)
            else:
                self.serial_loop(statement)

    def let(self, let: Let) -> Any:
        if let.primitive == "const":
            return np.asarray(let.value)[()]
        if let.primitive == "size":
            return np.int64(evaluate_dim(let.value, self.sizes))
        operands = [self.values[operand] for operand in let.operands]
        if let.primitive == "convert":
            return operands[0].astype(let.result.dtype.numpy)
        if let.primitive == "bitcast":
            return np.asarray(operands[0]).view(let.result.dtype.numpy)[()]
        return PRIMITIVES[let.primitive].evaluate(*operands)

    def load(self, load: Load) -> Any:
        array = self.buffers[load.buffer]
        for index, active in self.places(load):
            if active is None:
                return array[index]
            lanes = np.zeros(active.shape, array.dtype)
            lanes[active] = array[index]
            return lanes
        return self.zeros[load.buffer.dtype]

    def store(self, store: Store) -> None:
        array = self.buffers[store.buffer]
        value = self.values[store.value]
        for index, active in self.places(store):
            if active is not None and isinstance(value, np.ndarray):
                value = value[active]
            array[index] = value

    def places(self, access: Load | Store) -> Iterator[tuple[Any, Array | None]]:
        """The index of what is accessed, with the lanes that do; or nothing."""
        indices = [self.values[index] for index in access.indices]
        predicate = True
        if access.predicate is not None:
            predicate = self.values[access.predicate]
        shape = self.buffers[access.buffer].shape
        if not any(isinstance(x, np.ndarray) for x in (predicate, *indices)):
            if predicate:
                for axis, (index, size) in enumerate(zip(indices, shape, strict=True)):
                    if not 0 <= index < size:
                        raise _outside(access, index, axis, size)
                yield tuple(indices), None
            return
        active, *lanes = np.broadcast_arrays(predicate, *indices)
        chosen = [index[active] for index in lanes]
        for axis, (index, size) in enumerate(zip(chosen, shape, strict=True)):
            outside = (index < 0) | (index >= size)
            if outside.any():
                raise _outside(access, index[outside][0], axis, size)
        yield tuple(chosen), active

    def check(self, check: Check) -> None:
        condition, detail = np.broadcast_arrays(
            self.values[check.condition], self.values[check.detail]
        )
        for found in detail[~condition].flat:
            self.failures.append((check.error, int(found)))

    def iterations(self, loop: For) -> range:
        return range(self.values[loop.start], self.values[loop.stop], loop.step)

    def serial_loop(self, loop: For) -> None:
        order: Sequence[int] = self.iterations(loop)
        if loop.kind == "parallel" and self.shuffle is not None:
            order = self.shuffle.sample(order, len(order))
        carried = [self.values[carry.initial] for carry in loop.carries]
        test = None if loop.test is None else loop.carries.index(loop.test)
        for index in order:
            if test is not None and (not carried[test] or self.failures):
                break
            self.values[loop.index] = np.int64(index)
            carried = self.body(loop, carried)
        self.finish(loop, carried)

    def body(self, loop: For, carried: Iterable[Any]) -> list[Any]:
        for carry, value in zip(loop.carries, carried, strict=True):
            self.values[carry.parameter] = value
        self.block(loop.body)
        return [
            self.values[carry.update]
            for carry in loop.carries
            if carry.update is not None
        ]

    def finish(self, loop: For, carried: Iterable[Any]) -> None:
        for carry, value in zip(loop.carries, carried, strict=True):
            self.values[carry.result] = value

    def vector_loop(self, loop: For) -> None:
        if self.width == 1:
            self.serial_loop(loop)
            return
        lanes = [
            np.full(self.width, _neutral_of(carry), carry.initial.dtype.numpy)
            for carry in loop.carries
        ]
        iterations = self.iterations(loop)
        for first in range(0, len(iterations), self.width):
            indices = np.array(iterations[first : first + self.width], np.int64)
            self.values[loop.index] = indices
            # The last lanes may have nothing to do: they keep what they have.
            used = len(indices)
            for kept, new in zip(
                lanes, self.body(loop, [x[:used] for x in lanes]), strict=True
            ):
                kept[:used] = new
        self.finish(
            loop,
            [
                self.join(carry, partial)
                for carry, partial in zip(loop.carries, lanes, strict=True)
            ],
        )

    def join(self, carry: Carry, lanes: Array) -> Any:
        """Combine the lanes' partial results, halving their number at each step."""
        assert carry.combine is not None
        combine = PRIMITIVES[carry.combine].evaluate
        while len(lanes) > 1:
            half = len(lanes) // 2
            rest = lanes[2 * half :]
            pairs = combine(lanes[:half], lanes[half : 2 * half])
            lanes = np.concatenate((pairs, rest))
        return combine(self.values[carry.initial], lanes[0])


def _outside(access: Load | Store, index: int, axis: int, size: int) -> VerifyError:
    verb = "load" if isinstance(access, Load) else "store"
    return VerifyError(
        None,
        f"{verb} %{access.buffer.name}: index {index} is outside axis {axis} of "
        f"size {size}",
        code="out-of-bounds",
    )


def _neutral_of(carry: Carry) -> Any:
    assert carry.combine is not None
    return neutral(carry.combine, carry.initial.dtype)


def neutral(combine: str, dtype: Dtype) -> Any:
    """The number that changes nothing when combined, not even the sign of a zero.

    Example:
        >>> from penstock.ir.types import f32
        >>> neutral("add", f32)
        np.float32(-0.0)
    """
    if combine == "add":
        number: Any = -0.0 if dtype.is_float else 0
    elif combine == "mul":
        number = 1
    elif combine in ("minimum", "maximum"):
        number = _extreme(dtype, greatest=combine == "minimum")
    else:
        number = 0 if combine == "or" else -1
    return np.array(number).astype(dtype.numpy)[()]


def _extreme(dtype: Dtype, greatest: bool) -> Any:
    if dtype.is_float:
        return np.inf if greatest else -np.inf
    if dtype.kind == "b":
        return greatest
    limits = np.iinfo(dtype.numpy)
    return limits.max if greatest else limits.min
