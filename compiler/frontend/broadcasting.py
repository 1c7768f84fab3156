"""Shapes that meet: equal sizes are asked for, and guarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.errors import ShapeError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import TensorType

if TYPE_CHECKING:
    from penstock.frontend.handles import TracedArray

__all__ = [
    "broadcast_into",
    "broadcast_shape",
    "fits_into",
    "require_equal",
    "shapes_text",
]


def broadcast_shape(
    tracer: Tracer, name: str, shapes: Sequence[tuple[Size, ...]]
) -> tuple[Size, ...]:
    """The common shape of operands that broadcast, as NumPy broadcasts.

    Two symbolic sizes that are equal in this call are guarded to be equal; one that
    is 1 is guarded to be 1.

    Raises:
        ShapeError: two sizes differ and neither is 1.
    """
    first = shapes[0]
    if all(shape == first or not shape for shape in shapes[1:]):
        return first
    rank = max(map(len, shapes))
    result: list[Size] = []
    for axis in range(-rank, 0):
        known: Size = 1
        for shape in shapes:
            if len(shape) < -axis:
                continue
            merged = _merge(tracer, known, tracer.normalize(shape[axis]))
            if merged is None:
                raise ShapeError(
                    user_location(),
                    f"{name}: cannot broadcast {shapes_text(tracer, shapes)}",
                    code="broadcast",
                    hint="align trailing axes, e.g. x[:, None]",
                )
            known = merged
        result.append(known)
    return tuple(result)


def _merge(tracer: Tracer, known: Size, size: Size) -> Size | None:
    """The common size of two, or ``None``."""
    if size == known or size == 1:
        return known
    if known == 1:
        return size
    a, b = tracer.number(known), tracer.number(size)
    if a == b:
        tracer.ask(known, "==", size)
        return tracer.normalize(known)
    if a == 1:
        tracer.ask(known, "==", 1)
        return size
    if b == 1:
        tracer.ask(size, "==", 1)
        return known
    return None


def fits_into(tracer: Tracer, sizes: Sequence[Size], target: Sequence[Size]) -> bool:
    """Whether an array broadcasts to a shape that stays as it is; this is guarded."""
    if len(sizes) > len(target):
        return False
    for size, wanted in zip(sizes, target[len(target) - len(sizes) :], strict=True):
        size, wanted = tracer.normalize(size), tracer.normalize(wanted)
        if size == wanted or size == 1:
            continue
        # Equal sizes are the more general answer where both are 1 in this call.
        if not tracer.ask(size, "==", wanted) and not tracer.ask(size, "==", 1):
            return False
    return True


def require_equal(
    tracer: Tracer, name: str, left: Size, right: Size, hint: str | None = None
) -> None:
    """Raise a ShapeError unless two sizes are equal, which is guarded."""
    left, right = tracer.normalize(left), tracer.normalize(right)
    if left == right or tracer.ask(left, "==", right):
        return
    numbers = tracer.sizes_text((left, right))
    where = f" ({numbers})" if numbers else ""
    raise ShapeError(
        user_location(),
        f"{name}: sizes {left} and {right} differ{where}",
        code="size-mismatch",
        hint=hint,
    )


def shapes_text(tracer: Tracer, shapes: Sequence[tuple[Size, ...]]) -> str:
    """Shapes and what their symbols are, for messages."""
    texts = [
        "(" + ", ".join(str(tracer.normalize(size)) for size in shape) + ")"
        for shape in dict.fromkeys(shapes)
    ]
    sizes = tuple(tracer.normalize(size) for shape in shapes for size in shape)
    numbers = tracer.sizes_text(sizes)
    return " with ".join(texts) + (f", where {numbers}" if numbers else "")


def broadcast_into(
    tracer: Tracer, source: TracedArray, shape: tuple[Size, ...]
) -> Value:
    """The Value of an array repeated to a shape.

    Raises:
        ShapeError: it does not broadcast to the shape.
    """
    own = source.sizes
    if own == shape:
        return source.value
    # NumPy drops leading axes of size 1 that the target lacks.
    while len(own) > len(shape) and tracer.ask(own[0], "==", 1):
        own = own[1:]
    if not fits_into(tracer, own, shape):
        raise _does_not_fit(tracer, "assignment", "the right side", source, shape)
    target = tuple(tracer.normalize(size) for size in shape)
    value = source.value
    if len(own) < len(source.sizes):
        value = tracer.emit("reshape", value, shape=tuple(map(tracer.normalize, own)))
    if tracer.type_of(value).shape == target:
        return value
    return tracer.emit("broadcast_to", value, shape=target)


def require_fits_into(
    tracer: Tracer, name: str, source: TracedArray, shape: tuple[Size, ...]
) -> None:
    """Raise a ShapeError unless an array broadcasts to a shape; this is guarded.

    Unlike in an assignment it has no more axes, not even of size 1.
    """
    if not fits_into(tracer, source.sizes, shape):
        raise _does_not_fit(tracer, name, "the last operand", source, shape)


def _does_not_fit(
    tracer: Tracer, name: str, noun: str, source: TracedArray, shape: tuple[Size, ...]
) -> ShapeError:
    target = TensorType(source.kind, tuple(tracer.normalize(size) for size in shape))
    if len(source.sizes) > len(shape) and noun != "the right side":
        hint = f"{noun} may have no more axes than that: take x[0] of it"
    else:
        hint = f"{noun} may only repeat along axes of size 1"
    return ShapeError(
        user_location(),
        f"{name}: {source.tensor} does not broadcast to {target}",
        code="broadcast-into",
        hint=hint,
    )
