"""Views: how a handle sees part of its cell, and how a write goes back into it.

A view is a chain of steps. Each takes the elements of the array before it, and can
put new elements back in their places; so a write through any view gives the cell
one new Value, and every other view of the cell sees it.
"""

from __future__ import annotations

from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.graph.value import Value
from penstock.ir.types import bool_, i64, u8

__all__ = [
    "BroadcastStep",
    "DiagonalStep",
    "IndexStep",
    "ReshapeStep",
    "SliceStep",
    "Step",
    "TransposeStep",
    "WindowStep",
    "inverse_permutation",
    "put_path",
    "take_path",
]


class Step:
    """One step of a view; steps are equal by their kind and parameters."""

    __slots__: tuple[str, ...] = ()

    @property
    def read_only(self) -> str:
        """What NumPy calls read-only here, and why; empty where it may be written."""
        return ""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The elements that the view sees."""
        raise NotImplementedError

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """``value`` with the elements that the view sees replaced by ``part``."""
        raise NotImplementedError


class SliceStep(Step):
    """Along each axis, ``size`` elements from ``start`` on, ``step`` apart."""

    __slots__ = ("size", "start", "step")

    def __init__(
        self, start: tuple[Size, ...], step: tuple[Size, ...], size: tuple[Size, ...]
    ) -> None:
        self.start = start
        self.step = step
        self.size = size

    def take(self, tracer: Tracer, value: Value) -> Value:
        """A slice."""
        return tracer.emit(
            "slice", value, start=self.start, step=self.step, size=self.size
        )

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """The slice overwritten."""
        if part.shape == value.shape and _is_every(self.step, 1):
            if _is_every(self.start, 0):
                return part
        return tracer.emit(
            "update_slice",
            value,
            part,
            start=self.start,
            step=self.step,
            size=self.size,
        )


def _is_every(sizes: tuple[Size, ...], number: int) -> bool:
    return all(isinstance(size, int) and size == number for size in sizes)


class TransposeStep(Step):
    """The axes in another order."""

    __slots__ = ("permutation",)

    def __init__(self, permutation: tuple[int, ...]) -> None:
        self.permutation = permutation

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The transposed array."""
        return tracer.emit("transpose", value, permutation=self.permutation)

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """The transposed back array: it replaces all elements."""
        return tracer.emit(
            "transpose", part, permutation=inverse_permutation(self.permutation)
        )


class ReshapeStep(Step):
    """The elements in C order in another shape."""

    __slots__ = ("shape",)

    def __init__(self, shape: tuple[Size, ...]) -> None:
        self.shape = shape

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The reshaped array."""
        return tracer.emit("reshape", value, shape=self.shape)

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """The array reshaped back: it replaces all elements."""
        return tracer.emit("reshape", part, shape=tracer.type_of(value).shape)


class IndexStep(Step):
    """The elements at one place along an axis, which a traced integer names."""

    __slots__ = ("axis", "index")

    def __init__(self, axis: int, index: Value) -> None:
        self.axis = axis
        self.index = index

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The elements there; out of range is an error at run time."""
        return tracer.emit("gather", value, self.index, axes=(self.axis,))

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """The elements there overwritten."""
        return tracer.emit("scatter", value, part, self.index, axes=(self.axis,))


class BroadcastStep(Step):
    """Elements repeated along axes; NumPy makes such views read-only."""

    __slots__ = ("shape",)

    def __init__(self, shape: tuple[Size, ...]) -> None:
        self.shape = shape

    @property
    def read_only(self) -> str:
        """Always."""
        return "a broadcast array: elements share their memory"

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The repeated elements."""
        return tracer.emit("broadcast_to", value, shape=self.shape)

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """Never reached: handles refuse the write first."""
        raise AssertionError("a broadcast view cannot be written")


class ReadOnlyStep(Step):
    """All of an array, which may not be written.

    Args:
        what: what it is.
    """

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what

    @property
    def read_only(self) -> str:
        """Always."""
        return self.what

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The array."""
        return value

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """Never reached: handles refuse the write first."""
        raise AssertionError("a read-only view cannot be written")


class DiagonalStep(Step):
    """The diagonal of the last two axes, which are of one size.

    Args:
        writable: whether NumPy lets it be written: ``einsum``'s, not ``diagonal``'s.
    """

    __slots__ = ("writable",)

    def __init__(self, writable: bool) -> None:
        self.writable = writable

    @property
    def read_only(self) -> str:
        """Of ``diagonal``."""
        return "" if self.writable else "a diagonal: NumPy makes it read-only"

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The diagonal, along a last axis."""
        letters = "".join(chr(ord("a") + i) for i in range(len(value.shape) - 1))
        spec = f"{letters}{letters[-1]}->{letters}"
        if value.dtype is not bool_:
            return tracer.emit("contract", value, spec=spec)
        numbers = tracer.emit("astype", value, dtype=u8)
        found = tracer.emit("contract", numbers, spec=spec)
        return tracer.emit("astype", found, dtype=bool_)

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """The diagonal overwritten."""
        size = tracer.type_of(value).shape[-1]
        row = tracer.emit("iota", shape=(size, 1), axis=0, dtype=i64)
        column = tracer.emit("iota", shape=(1, size), axis=1, dtype=i64)
        on = tracer.emit("equal", row, column)
        shape = (*tracer.type_of(part).shape, 1)
        spread = tracer.emit("reshape", part, shape=shape)
        return tracer.emit("select", on, spread, value)


class WindowStep(Step):
    """Windows that slide along an axis, elements of each along a new last axis."""

    __slots__ = ("axis", "count", "width")

    def __init__(self, axis: int, count: Size, width: Size) -> None:
        self.axis = axis
        self.count = count
        self.width = width

    @property
    def read_only(self) -> str:
        """Always."""
        return "a sliding window: NumPy makes it read-only"

    def take(self, tracer: Tracer, value: Value) -> Value:
        """The elements of each window."""
        rank, axis = len(value.shape), self.axis
        shape = (tracer.normalize(self.count), tracer.normalize(self.width))
        first = tracer.emit("iota", shape=shape, axis=0, dtype=i64)
        offset = tracer.emit("iota", shape=shape, axis=1, dtype=i64)
        place = tracer.emit("add", first, offset)
        # The axes of the places come first.
        spread = tracer.emit("gather", value, place, axes=(axis,))
        order = (*range(2, axis + 2), 0, *range(axis + 2, rank + 1), 1)
        return tracer.emit("transpose", spread, permutation=order)

    def put(self, tracer: Tracer, value: Value, part: Value) -> Value:
        """Never reached: handles refuse the write first."""
        raise AssertionError("a sliding window cannot be written")


def inverse_permutation(permutation: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes another."""
    order = [0] * len(permutation)
    for position, axis in enumerate(permutation):
        order[axis] = position
    return tuple(order)


def take_path(tracer: Tracer, value: Value, path: tuple[Step, ...]) -> Value:
    """What a view along ``path`` sees of a cell's Value."""
    for step in path:
        value = step.take(tracer, value)
    return value


def put_path(
    tracer: Tracer, value: Value, path: tuple[Step, ...], part: Value
) -> Value:
    """A cell's Value after ``part`` was written through a view along ``path``."""
    wholes = [value]
    for step in path[:-1]:
        wholes.append(step.take(tracer, wholes[-1]))
    for step, whole in zip(reversed(path), reversed(wholes), strict=True):
        part = step.put(tracer, whole, part)
    return part
