"""Reading ``x[...]``: views for integers and slices, copies for index arrays."""

from __future__ import annotations

from typing import Any

from penstock.frontend.broadcasting import broadcast_shape, require_equal
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.index_keys import Key, checked_index, parse_key, slice_bounds
from penstock.frontend.refusals import bad_index
from penstock.frontend.selection import Selection
from penstock.frontend.tracer import Tracer
from penstock.frontend.views import IndexStep, ReshapeStep, SliceStep
from penstock.ir.dims import Size
from penstock.ir.errors import ShapeError, UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.record import Record

__all__ = ["Gathered", "basic_view", "gather_parts", "get_item", "masked_part"]


_MASK_HINT = "a mask must have the sizes of the axes that it indexes"


def get_item(array: TracedArray, key: Any) -> Any:
    """``array[key]``.

    Raises:
        IndexError: the key is no index of the array.
        UnsupportedError: the size of the result would be known only at run time.
    """
    array.tracer.check()
    parts = parse_key(array, key)
    kinds = {part.kind for part in parts}
    if "mask" in kinds:
        return _select(array, parts)
    if "array" in kinds:
        return _gather(array, parts)
    view = basic_view(array, parts)
    if kinds <= {"integer", "dynamic"}:
        return wrap(array.tracer, view.value)
    if type(array) is not TracedArray or any(part.copies for part in parts):
        return fresh(array.tracer, view.value)
    # Made now, so that the graph names the line that asked for it.
    assert view.value is not None
    return view


def basic_view(array: TracedArray, parts: list[Key]) -> TracedArray:
    """The view that integers, slices and new axes give."""
    if type(array) is not TracedArray:
        # A NumPy scalar has no memory to share.
        array = fresh(array.tracer, array.value)
    for axis, part in _dynamic_axes(parts):
        array = _index_dynamically(array, axis, part)
    parts = [part for part in parts if part.kind not in ("dynamic", "gap")]
    start: list[Size] = []
    steps: list[Size] = []
    sizes: list[Size] = []
    shape: list[Size] = []
    axis = 0
    for part in parts:
        if part.kind == "new":
            shape.append(1)
            continue
        extent = array.sizes[axis]
        if part.kind == "integer":
            start.append(checked_index(array, part.integer, axis))
            steps.append(1)
            sizes.append(1)
        elif part.kind == "slice":
            first, step, count = slice_bounds(array.tracer, part.bounds, extent)
            start.append(first)
            steps.append(step)
            sizes.append(count)
            shape.append(count)
        else:
            # An axis that index arrays take later on.
            start.append(0)
            steps.append(1)
            sizes.append(extent)
            shape.append(extent)
        axis += 1
    whole = array.sizes
    if (
        tuple(sizes) != whole
        or any(s != 0 for s in start)
        or any(s != 1 for s in steps)
    ):
        step_ = SliceStep(tuple(start), tuple(steps), tuple(sizes))
        array = array.seen(step_, tuple(sizes))
    if tuple(shape) != array.sizes:
        array = array.seen(ReshapeStep(tuple(shape)), tuple(shape))
    # A view of its own, also where it sees everything.
    return array if array.path else TracedArray(array.tracer, array.cell)


def _dynamic_axes(parts: list[Key]) -> list[tuple[int, Key]]:
    """The axes that traced integers index, the last first."""
    found = []
    axis = 0
    for part in parts:
        if part.kind == "dynamic":
            found.append((axis, part))
        axis += part.axis_count
    return found[::-1]


def _index_dynamically(array: TracedArray, axis: int, part: Key) -> TracedArray:
    assert part.value is not None
    sizes = array.sizes
    return array.seen(IndexStep(axis, part.value), sizes[:axis] + sizes[axis + 1 :])


class Gathered(Record):
    """The parts of an index with index arrays.

    Attributes:
        source: the view that integers, slices and new axes give first.
        axes: its axes that index arrays take.
        indices: the index arrays, all of one shape.
        place: the axis of the result where the shape of the index arrays goes.
    """

    source: TracedArray
    axes: tuple[int, ...]
    indices: tuple[Value, ...]
    place: int

    @property
    def index_shape(self) -> tuple[Size, ...]:
        """The common shape of the index arrays."""
        return self.source.tracer.type_of(self.indices[0]).shape

    def order(self) -> tuple[int, ...]:
        """The permutation from (index axes, other axes) to the result's axes."""
        count = len(self.index_shape)
        others = len(self.source.sizes) - len(self.axes)
        rest = [count + axis for axis in range(others)]
        return (*rest[: self.place], *range(count), *rest[self.place :])


def gather_parts(array: TracedArray, parts: list[Key]) -> Gathered:
    """Split an index into what gives a view and what gathers from it.

    Integers next to index arrays are index arrays too; where the arrays are apart,
    their axes come first in the result (NumPy, "Combining advanced and basic
    indexing").
    """
    tracer = array.tracer
    taking = [
        i for i, p in enumerate(parts) if p.kind in ("array", "integer", "dynamic")
    ]
    together = taking == list(range(taking[0], taking[-1] + 1))
    place = 0
    if together:
        place = sum(p.kind in ("slice", "new") for p in parts[: taking[0]])
    indices, axes, axis = [], [], 0
    kept: list[Key] = []
    original = 0
    for part in parts:
        if part.kind in ("array", "integer", "dynamic"):
            indices.append(_index_value(array, part, original))
            axes.append(axis)
            kept.append(Key("whole"))
        else:
            kept.append(part)
        axis += part.kind != "gap"
        original += part.axis_count
    source = basic_view(array, kept)
    shapes = [tracer.type_of(index).shape for index in indices]
    try:
        shape = broadcast_shape(tracer, "index arrays", shapes)
    except ShapeError as error:
        raise bad_index(error.message, hint=error.hint) from None
    spread = tuple(_broadcast(tracer, index, shape) for index in indices)
    return Gathered(source, tuple(axes), spread, place)


def _index_value(array: TracedArray, part: Key, axis: int) -> Value:
    tracer = array.tracer
    if part.kind == "integer":
        position = checked_index(array, part.integer, axis)
        return tracer.emit("dim", size=position)
    if part.kind == "dynamic":
        assert part.value is not None
        return part.value
    if part.extent is not None:
        _require_mask_size(tracer, array.sizes[axis], part.extent)
    assert part.array is not None
    return part.array.value


def _require_mask_size(tracer: Tracer, size: Size, own: Size) -> None:
    """Raise an IndexError unless a mask has the size of the axis that it indexes."""
    try:
        require_equal(tracer, "boolean index", size, own, _MASK_HINT)
    except ShapeError as error:
        raise bad_index(error.message, hint=error.hint) from None


def _broadcast(tracer: Tracer, value: Value, shape: tuple[Size, ...]) -> Value:
    shape = tuple(tracer.normalize(size) for size in shape)
    if tracer.type_of(value).shape == shape:
        return value
    return tracer.emit("broadcast_to", value, shape=shape)


def _gather(array: TracedArray, parts: list[Key]) -> TracedArray:
    tracer = array.tracer
    gathered = gather_parts(array, parts)
    value = tracer.emit(
        "gather", gathered.source.value, *gathered.indices, axes=gathered.axes
    )
    order = gathered.order()
    if order != tuple(range(len(order))):
        value = tracer.emit("transpose", value, permutation=order)
        return fresh(tracer, value, ordered=False)
    return wrap(tracer, value, ordered=gathered.place == 0)


def masked_part(
    array: TracedArray, parts: list[Key]
) -> tuple[TracedArray, TracedArray]:
    """What a boolean mask selects from, and the mask with as many axes.

    Raises:
        UnsupportedError: the mask is combined with other indices.
    """
    masks = [part for part in parts if part.kind == "mask"]
    rest = [part for part in parts if part.kind not in ("mask", "gap")]
    if len(masks) > 1 or any(p.kind != "slice" or p.bounds for p in rest):
        raise UnsupportedError(
            user_location(),
            "a boolean mask together with other indices is not supported",
            code="mask-and-index",
            hint="index first: x[i][mask], or choose with np.where",
        )
    mask = masks[0].array
    assert mask is not None
    tracer = array.tracer
    before = parts.index(masks[0])
    covered = array.sizes[before : before + len(mask.sizes)]
    for own, size in zip(mask.sizes, covered, strict=True):
        _require_mask_size(tracer, size, own)
    after = len(array.sizes) - before - len(mask.sizes)
    shape = (1,) * before + mask.sizes + (1,) * after
    value = mask.value
    if before or after:
        value = tracer.emit("reshape", value, shape=shape)
    return array, fresh(tracer, value)


def _select(array: TracedArray, parts: list[Key]) -> Selection:
    source, mask = masked_part(array, parts)
    axis, part = next((i, p) for i, p in enumerate(parts) if p.kind == "mask")
    full = fresh(array.tracer, source.value)
    return Selection(full, mask, axis, part.axis_count)
