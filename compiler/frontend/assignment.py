"""Writing ``x[...] = v`` through views, index arrays and masks."""

from __future__ import annotations

from typing import Any

from penstock.frontend.broadcasting import broadcast_into, broadcast_shape
from penstock.frontend.handles import TracedArray
from penstock.frontend.index_keys import Key, parse_key
from penstock.frontend.indexing import basic_view, gather_parts, masked_part
from penstock.frontend.lift import as_array, is_python_number
from penstock.frontend.selection import Selection
from penstock.frontend.tracer import Tracer
from penstock.frontend.views import inverse_permutation
from penstock.ir.errors import ShapeError, UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import Dtype

__all__ = ["assigned_array", "set_item"]


def set_item(array: TracedArray, key: Any, value: Any) -> None:
    """``array[key] = value``.

    Raises:
        TraceError: the array must not be written.
        IndexError: the key is no index of the array.
        ShapeError: the value does not broadcast to what the key selects.
    """
    array.check_writable()
    parts = parse_key(array, key)
    kinds = {part.kind for part in parts}
    if "mask" in kinds:
        _assign_masked(array, parts, value)
    elif type(value) is Selection:
        raise UnsupportedError(
            user_location(),
            "assigning x[mask] elsewhere than to the same mask: how many elements a "
            "mask selects is known only when the compiled function runs",
            code="selection-size",
            hint="keep the full size and choose elements with np.where(mask, a, b)",
        )
    elif "array" in kinds:
        _scatter(array, parts, value)
    else:
        view = basic_view(array, parts)
        if (
            type(value) is TracedArray
            and value.cell is view.cell
            and value.path == view.path
        ):
            return  # The end of `x[i] += v`: the view was written already.
        view.assign(assigned_array(array.tracer, value, array.kind))


def assigned_array(tracer: Tracer, value: Any, dtype: Dtype) -> TracedArray:
    """The right side of an assignment, Python numbers in the array's dtype.

    Raises:
        NumberRangeError: an integer that the dtype cannot hold.
        ValueError: a float that is no integer at all, into an integer dtype.
    """
    return as_array(tracer, value, dtype if is_python_number(value) else None)


def _scatter(array: TracedArray, parts: list[Key], value: Any) -> None:
    tracer = array.tracer
    gathered = gather_parts(array, parts)
    source = gathered.source
    rest = [s for axis, s in enumerate(source.sizes) if axis not in gathered.axes]
    place, order = gathered.place, gathered.order()
    shape = (*rest[:place], *gathered.index_shape, *rest[place:])
    updates = broadcast_into(
        tracer, assigned_array(tracer, value, array.kind), tuple(shape)
    )
    if updates.dtype is not array.kind:
        updates = tracer.emit("astype", updates, dtype=array.kind)
    if order != tuple(range(len(order))):
        permutation = inverse_permutation(order)
        updates = tracer.emit("transpose", updates, permutation=permutation)
    source.write(
        tracer.emit(
            "scatter", source.value, updates, *gathered.indices, axes=gathered.axes
        )
    )


def _assign_masked(array: TracedArray, parts: list[Key], value: Any) -> None:
    tracer = array.tracer
    target, mask = masked_part(array, parts)
    if type(value) is Selection:
        if value.mask.value is not mask.value:
            raise UnsupportedError(
                user_location(),
                "assigning what another mask selects: how many elements a mask selects "
                "is known only when the compiled function runs",
                code="selection-size",
                hint="keep the full size and choose elements with np.where(mask, a, b)",
            )
        new = value.full
    else:
        new = assigned_array(tracer, value, array.kind)
        _check_per_element(target, mask, new)
    updates = new.value
    if updates.dtype is not array.kind:
        updates = tracer.emit("astype", updates, dtype=array.kind)
    shapes = [mask.sizes, new.sizes, target.sizes]
    broadcast_shape(tracer, "assignment", shapes)
    target.write(tracer.emit("select", mask.value, updates, target.value))


def _check_per_element(
    target: TracedArray, mask: TracedArray, new: TracedArray
) -> None:
    """Raise unless the new elements are the same at every selected place.

    The selected elements are one axis, then the axes that the mask leaves; so only
    those may have a size.
    """
    free = 0
    for size in reversed(mask.sizes):
        if size != 1 or free == len(target.sizes):
            break
        free += 1
    extra = new.sizes[: max(len(new.sizes) - free, 0)]
    if any(not new.tracer.ask(size, "==", 1) for size in extra):
        raise ShapeError(
            user_location(),
            f"assigning {new.tensor} to the elements that a mask selects",
            code="mask-values",
            hint="assign a scalar, or choose elements with np.where(mask, a, b)",
        )
