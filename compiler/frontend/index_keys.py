"""What stands between the brackets of ``x[...]``, sorted by kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.answers import constant_array, host_size, python_number_hint
from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import size_of
from penstock.frontend.lift import as_array
from penstock.frontend.promotion import integer_range
from penstock.frontend.refusals import bad_index, bad_type, bad_value
from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.errors import IndexOutOfBoundsError, UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import i64, u64
from penstock.ir.wording import with_article

__all__ = ["Key", "checked_index", "parse_key", "slice_bounds"]


class Key:
    """One part of an index.

    Attributes:
        kind: ``"integer"``, ``"dynamic"`` (a traced integer), ``"slice"``, ``"new"``
            (``None``), ``"gap"`` (an ellipsis for no axis), ``"array"`` (of integers)
            or ``"mask"`` (of bools).
        integer: the size that an integer is.
        value: a dynamic integer.
        bounds: the slice; ``None`` for a full one.
        array: an array of integers or bools.
        axis_count: how many axes of the array it takes.
        extent: the size that the axis must have, where the array of integers stands
            for a constant mask.
        copies: whether the result is a copy, though no axis is gathered: an array
            without axes is the index. Of arguments it may have been a scalar.
    """

    __slots__ = (
        "array", "axis_count", "bounds", "copies", "extent", "integer", "kind", "value",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        *,
        integer: Size = 0,
        value: Value | None = None,
        bounds: slice | None = None,
        array: TracedArray | None = None,
        axis_count: int = 1,
        extent: int | None = None,
        copies: bool = False,
    ) -> None:
        self.kind = kind
        self.integer = integer
        self.value = value
        self.bounds = bounds
        self.array = array
        self.axis_count = axis_count
        self.extent = extent
        self.copies = copies


def parse_key(array: TracedArray, key: Any) -> list[Key]:
    """The parts of an index, an ellipsis replaced by full slices.

    Raises:
        IndexError: there are more parts than axes, or one is no index.
    """
    tracer = array.tracer
    parts = key if isinstance(key, tuple) else (key,)
    found: list[Key | None] = []
    for part in parts:
        found += [None] if part is Ellipsis else _parse_part(tracer, part)
    if found.count(None) > 1:
        raise bad_index(
            "an index holds more than one ...",
            hint="keep one ..., and write : for the other axes",
        )
    taken = sum(part.axis_count for part in found if part is not None)
    rank = len(array.sizes)
    if taken > rank:
        raise IndexOutOfBoundsError(
            user_location(),
            f"too many indices: {array.tensor} has {rank} axes, but {taken} are "
            "indexed",
            code="too-many-indices",
            hint="index at most once for each axis; None and ... take none",
        )
    filling = [Key("slice") for _ in range(rank - taken)]
    place = found.index(None) if None in found else len(found)
    if place < len(found):
        # An ellipsis keeps index arrays apart even where it stands for no axis.
        filling = filling or [Key("gap", axis_count=0)]
    before, after = found[:place], found[place + 1 :]
    keys = [p for p in before if p] + filling + [p for p in after if p]
    return keys if tracer.surely_runs else _checked_late(array, keys)


def _checked_late(array: TracedArray, keys: list[Key]) -> list[Key]:
    """Integers out of range as traced ones: errors where the program gets there."""
    tracer, axis = array.tracer, 0
    for place, key in enumerate(keys):
        size = array.sizes[axis] if key.kind == "integer" else 0
        if key.kind == "integer" and _position(tracer, key.integer, size) is None:
            value = tracer.emit("dim", size=key.integer)
            keys[place] = Key("dynamic", value=value, copies=key.copies)
        axis += key.axis_count
    return keys


def _parse_part(tracer: Tracer, part: Any) -> list[Key]:
    key = _parse_basic(tracer, part)
    if key is not None:
        return [key]
    index = _index_array(tracer, part)
    if index.kind.kind == "b":
        return _parse_mask(tracer, index)
    return [_parse_integers(tracer, index, type(part) is TracedArray)]


def _parse_basic(tracer: Tracer, part: Any) -> Key | None:
    """``None``, a slice or an integer; ``None`` for what else there may be."""
    if part is None:
        return Key("new", axis_count=0)
    kind = type(part)
    if kind is slice:
        return Key("slice", bounds=None if part == slice(None) else part)
    if kind is not bool and not issubclass(kind, (np.generic, TracedArray)):
        size = size_of(part)
        if size is not None:
            return Key("integer", integer=tracer.normalize(size))
    if issubclass(kind, (float, np.floating, str)):
        raise bad_index(
            f"{with_article(kind.__name__)} is no index",
            hint="index by integers, slices, ..., None, or arrays of integers or bools",
        )
    if hasattr(kind, "__index__") and not issubclass(
        kind, (TracedArray, np.ndarray, np.generic, bool)
    ):
        return Key("integer", integer=part.__index__())
    return None


def _parse_integers(tracer: Tracer, index: TracedArray, traced: bool) -> Key:
    if index.sizes:
        return Key("array", array=index)
    size = host_size(tracer, index.value)
    copies = traced and not index.cell.owner
    if size is not None:
        return Key("integer", integer=size, copies=copies)
    value = index.value
    if value.dtype is u64:
        # Arrays of indices wrap in NumPy, but one beyond int64 is out of bounds.
        greatest = tracer.constant(integer_range(i64)[1], u64)
        value = tracer.emit("minimum", value, greatest)
    return Key("dynamic", value=value, array=index, copies=copies)


def _index_array(tracer: Tracer, part: Any) -> TracedArray:
    if isinstance(part, (list, tuple)) and not part:
        return as_array(tracer, np.empty(0, np.int64))
    index = as_array(tracer, part)
    if index.kind.kind not in "biu":
        raise bad_index(
            f"{index.tensor} is no index",
            hint="index by integers: a half is n // 2, and i.astype(int) converts",
        )
    return index


def _parse_mask(tracer: Tracer, mask: TracedArray) -> list[Key]:
    rank = len(mask.sizes)
    if not rank:
        raise UnsupportedError(
            user_location(),
            "indexing with a single bool is not supported",
            code="bool-index",
            hint="choose with np.where(condition, a, b)",
        )
    known = constant_array(tracer, mask.value)
    if known is None:
        return [Key("mask", array=mask, axis_count=rank)]
    # As NumPy has it: arrays of integers in place of the mask, one an axis.
    return [
        Key("array", array=as_array(tracer, places), extent=size)
        for places, size in zip(np.nonzero(known), known.shape, strict=True)
    ]


def checked_index(
    array: TracedArray, index: Size, axis: int, size: Size | None = None
) -> Size:
    """An integer index counted from the start, after a guarded check of its range.

    Raises:
        IndexOutOfBoundsError: it is outside the axis.
    """
    tracer = array.tracer
    size = array.sizes[axis] if size is None else size
    position = _position(tracer, index, size)
    if position is not None:
        return position
    number, extent = tracer.number(index), tracer.number(size)
    raise IndexOutOfBoundsError(
        user_location(),
        f"index {number} is out of bounds for axis {axis} with size {extent}",
        code="index-out-of-bounds",
        hint="indices go from 0 to size - 1, and from -1 backwards to -size",
    )


def _position(tracer: Tracer, index: Size, size: Size) -> Size | None:
    """An integer index counted from the start; ``None`` where it is outside."""
    if tracer.ask(index, ">=", 0):
        return tracer.normalize(index) if tracer.ask(index, "<", size) else None
    position = size + index
    return tracer.normalize(position) if tracer.ask(position, ">=", 0) else None


def slice_bounds(
    tracer: Tracer, bounds: slice | None, size: Size
) -> tuple[Size, int, Size]:
    """Start, step and number of elements of a slice of an axis, as Python counts.

    Which end is cut off at the axis' border is asked, and guarded.

    Raises:
        ValueError: the step is zero.
    """
    if bounds is None:
        return 0, 1, size
    step = 1 if bounds.step is None else tracer.pin(_bound(tracer, bounds.step))
    if step == 0:
        raise bad_value(
            "the step of a slice is 0",
            hint="leave the step out, or use -1 to go backwards",
        )
    least: Size = 0 if step > 0 else -1
    greatest = size if step > 0 else size - 1
    first, last = (least, greatest) if step > 0 else (greatest, least)
    start, stop = (
        default
        if end is None
        else _clamp(tracer, _bound(tracer, end), size, least, greatest)
        for end, default in ((bounds.start, first), (bounds.stop, last))
    )
    span = stop - start if step > 0 else start - stop
    if not tracer.ask(span, ">=", 0):
        return tracer.normalize(start), step, 0
    stride = abs(step)
    count = span if stride == 1 else (span + (stride - 1)) // stride
    return tracer.normalize(start), step, tracer.normalize(count)


def _bound(tracer: Tracer, end: Any) -> Size:
    size = size_of(end) if not issubclass(type(end), TracedArray) else None
    if size is not None:
        return tracer.normalize(size)
    if issubclass(type(end), TracedArray):
        known = host_size(tracer, end.value)
        if known is not None:
            return known
        raise tracer.fail(
            "the end of a slice is a traced integer: the size of the result would be "
            "known only when the compiled function runs",
            code="slice-end",
            hint=python_number_hint(end)
            or "slice by Python integers or sizes, or select with np.where",
        )
    if hasattr(type(end), "__index__"):
        return int(end.__index__())
    raise bad_type(
        f"{with_article(type(end).__name__)} is no end of a slice",
        hint="use integers, sizes or nothing, as in x[1:n]",
    )


def _clamp(tracer: Tracer, end: Size, size: Size, least: Size, greatest: Size) -> Size:
    if not tracer.ask(end, ">=", 0):
        end = size + end
        return end if tracer.ask(end, ">=", least) else least
    return end if tracer.ask(end, "<=", greatest) else greatest
