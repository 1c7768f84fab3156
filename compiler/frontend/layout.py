"""Memory layout: whether NumPy's ``reshape`` gives a view or a copy."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.frontend.handles import TracedArray
from penstock.frontend.tracer import Tracer
from penstock.frontend.views import (
    IndexStep,
    ReshapeStep,
    SliceStep,
    TransposeStep,
)
from penstock.ir.dims import Size

__all__ = ["is_contiguous", "reshape_is_view"]


def strides_of(array: TracedArray) -> tuple[Size, ...] | None:
    """The distance between neighbours along each axis, in elements.

    ``None`` where the layout of the storage is not certain.
    """
    tracer = array.tracer
    if not array.cell.ordered:
        return None
    shape = tracer.type_of(array.cell.value).shape
    strides: tuple[Size, ...] | None = c_strides(shape)
    for step in array.path:
        assert strides is not None
        if isinstance(step, SliceStep):
            pairs = zip(strides, step.step, strict=True)
            strides = tuple(stride * by for stride, by in pairs)
            shape = step.size
        elif isinstance(step, TransposeStep):
            strides = tuple(strides[axis] for axis in step.permutation)
            shape = tuple(shape[axis] for axis in step.permutation)
        elif isinstance(step, IndexStep):
            strides = strides[: step.axis] + strides[step.axis + 1 :]
            shape = shape[: step.axis] + shape[step.axis + 1 :]
        elif isinstance(step, ReshapeStep):
            strides = _reshaped_strides(tracer, shape, strides, step.shape)
            shape = step.shape
        else:
            return None
        if strides is None:
            return None
    return strides


def c_strides(shape: Sequence[Size]) -> tuple[Size, ...]:
    """The strides of an array in C order."""
    strides: list[Size] = []
    total: Size = 1
    for size in reversed(shape):
        strides.insert(0, total)
        total = size * total
    return tuple(strides)


def is_contiguous(array: TracedArray) -> bool | None:
    """Whether the elements lie in C order; ``None`` where that is not certain."""
    if array.in_order:
        return True
    strides = strides_of(array)
    if strides is None:
        return None
    tracer = array.tracer
    expected: Size = 1
    for size, stride in zip(
        reversed(array.sizes), reversed(strides), strict=True
    ):
        if size == 1:
            continue
        if not _same(tracer, stride, expected):
            return False if _differ(tracer, stride, expected) else None
        expected = size * expected
    return True


def reshape_is_view(array: TracedArray, shape: tuple[Size, ...]) -> bool | None:
    """Whether ``reshape`` gives a view; ``None`` where that is not certain."""
    if array.in_order:
        return True
    strides = strides_of(array)
    if strides is None:
        return None
    tracer = array.tracer
    if _reshaped_strides(tracer, array.sizes, strides, shape) is not None:
        return True
    symbolic = [size for size in (*array.sizes, *shape) if not isinstance(size, int)]
    # With symbols, a copy is certain only if no size can be 1 or 0.
    certain = all(tracer.facts.decide(size, ">", 1) for size in symbolic)
    return False if certain else None


def _same(tracer: Tracer, left: Size, right: Size) -> bool:
    return tracer.facts.decide(left, "==", right) is True


def _differ(tracer: Tracer, left: Size, right: Size) -> bool:
    return tracer.facts.decide(left, "==", right) is False


def _reshaped_strides(
    tracer: Tracer,
    shape: Sequence[Size],
    strides: Sequence[Size],
    new_shape: Sequence[Size],
) -> tuple[Size, ...] | None:
    """The strides of a reshaped view; ``None`` where there may be none.

    NumPy's ``_attempt_nocopy_reshape`` (numpy/_core/src/multiarray/shape.c): runs of
    old and new axes of equal size are paired, and the old ones of each run must lie
    densely in C order.
    """
    old = [(size, by) for size, by in zip(shape, strides, strict=True) if size != 1]
    result: list[Size] = []
    i = j = 0
    while j < len(new_shape):
        if new_shape[j] == 1:
            result.append(0)
            j += 1
            continue
        if i >= len(old):
            return None
        own, other = old[i][0], new_shape[j]
        first_old, first_new = i, j
        i, j = i + 1, j + 1
        while not _same(tracer, own, other):
            smaller = tracer.facts.decide(own, "<", other)
            if smaller is None:
                smaller = tracer.number(own) < tracer.number(other)
            if smaller:
                if i >= len(old):
                    return None
                own = old[i][0] * own
                i += 1
            else:
                if j >= len(new_shape):
                    return None
                other = new_shape[j] * other
                j += 1
        for k in range(first_old, i - 1):
            if not _same(tracer, old[k][1], old[k + 1][0] * old[k + 1][1]):
                return None
        run = [*c_strides(new_shape[first_new:j])]
        result += [old[i - 1][1] * by for by in run]
    return tuple(result)
