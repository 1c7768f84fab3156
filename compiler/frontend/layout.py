"""Memory layout: whether NumPy's ``reshape`` gives a view or a copy.

That can hang on sizes (an axis of size 1 has no layout), and matters only if
something is written afterwards. So the answer may be open at first; a
``ReshapedCell`` settles it, by guards, when a write makes it matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.frontend.handles import Cell, TracedArray
from penstock.frontend.tracer import Tracer
from penstock.frontend.views import (
    IndexStep,
    ReshapeStep,
    SliceStep,
    TransposeStep,
)
from penstock.ir.dims import Size
from penstock.ir.graph.value import Value

__all__ = ["ReshapedCell", "is_contiguous", "reshape_is_view"]


class ReshapedCell(Cell):
    """What ``reshape`` gives where it is open whether NumPy makes a view or a copy.

    Args:
        source: the array that was reshaped.
        shape: its new shape.
        ravels: whether by ``ravel``, which views contiguous arrays alone.
    """

    __slots__ = ("_is_view", "_own", "_ravels", "_seen", "_source", "_step", "_writes")

    def __init__(
        self, source: TracedArray, shape: tuple[Size, ...], ravels: bool = False
    ) -> None:
        self._source = source
        self._ravels = ravels
        self._step = ReshapeStep(shape)
        self._own = self._step.take(source.tracer, source.value)
        self._seen = source.cell.version
        self._is_view: bool | None = None
        self._writes = 0

    @property
    def value(self) -> Value:  # type: ignore[override]
        """What it holds now."""
        source = self._source
        if self._is_view is None and source.cell.version != self._seen:
            self._settle()
        if self._is_view:
            return self._step.take(source.tracer, source.value)
        return self._own

    @property
    def version(self) -> int:  # type: ignore[override]
        """Changes with every write, and when the question is settled."""
        return -self._writes - 1 if self._is_view is False else self._source.cell.version

    @property
    def owner(self) -> str:  # type: ignore[override]
        """Whose storage it is; asked only before a write."""
        if self._is_view is None:
            self._settle()
        return self._source.cell.owner if self._is_view else ""

    @property
    def ordered(self) -> bool:  # type: ignore[override]
        """Whether it is a copy, which is in C order."""
        return self._is_view is False

    def put(self, value: Value) -> None:
        """Replace what it holds."""
        if self._is_view is None:
            self._settle()
        source = self._source
        if self._is_view:
            source.write(self._step.put(source.tracer, source.value, value))
        else:
            self._own = value
            self._writes += 1

    def _settle(self) -> None:
        source = self._source
        self._is_view = (
            is_contiguous(source, ask=True)
            if self._ravels
            else reshape_is_view(source, self._step.shape, ask=True)
        )
        if self._is_view is None:
            raise source.tracer.fail(
                "whether NumPy would make this reshaped array a view or a copy depends "
                "on the memory layout, and one of the two is written",
                code="uncertain-view",
                hint="say which: x.reshape(...).copy(), or write before reshaping",
            )


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


def reshape_is_view(
    array: TracedArray, shape: tuple[Size, ...], ask: bool = False
) -> bool | None:
    """Whether ``reshape`` gives a view.

    Args:
        array: what is reshaped.
        shape: to which shape.
        ask: whether to settle by guards what is not known.

    Returns:
        ``None`` where that is not certain.
    """
    if array.in_order:
        return True
    strides = strides_of(array)
    if strides is None:
        return None
    tracer = array.tracer
    if _reshaped_strides(tracer, array.sizes, strides, shape, ask) is not None:
        return True
    if ask:
        return False
    symbolic = [size for size in (*array.sizes, *shape) if not isinstance(size, int)]
    # With symbols, a copy is certain only if no size can be 1 or 0.
    certain = all(tracer.facts.decide(size, ">", 1) for size in symbolic)
    return False if certain else None


def is_contiguous(array: TracedArray, ask: bool = False) -> bool | None:
    """Whether the elements lie in C order without gaps.

    Args:
        array: the array.
        ask: whether to settle by guards what is not known.

    Returns:
        ``None`` where that is not certain.
    """
    if array.in_order:
        return True
    strides = strides_of(array)
    if strides is None:
        return None
    tracer = array.tracer
    expected: Size = 1
    for size, stride in zip(reversed(array.sizes), reversed(strides), strict=True):
        if _same(tracer, size, 1, ask):
            continue
        if not _same(tracer, stride, expected, ask):
            return False if ask or tracer.facts.decide(size, ">", 1) else None
        expected = size * expected
    return True


def _same(tracer: Tracer, left: Size, right: Size, ask: bool) -> bool:
    if ask:
        return tracer.ask(left, "==", right)
    return tracer.facts.decide(left, "==", right) is True


def _reshaped_strides(
    tracer: Tracer,
    shape: Sequence[Size],
    strides: Sequence[Size],
    new_shape: Sequence[Size],
    ask: bool = False,
) -> tuple[Size, ...] | None:
    """The strides of a reshaped view; ``None`` where there may be none.

    NumPy's ``_attempt_nocopy_reshape`` (numpy/_core/src/multiarray/shape.c): runs of
    old and new axes of equal size are paired, and the old ones of each run must lie
    densely in C order.
    """
    pairs = zip(shape, strides, strict=True)
    old = [(size, by) for size, by in pairs if not _same(tracer, size, 1, ask)]
    result: list[Size] = []
    i = j = 0
    while j < len(new_shape):
        if _same(tracer, new_shape[j], 1, ask):
            result.append(0)
            j += 1
            continue
        if i >= len(old):
            return None
        own, other = old[i][0], new_shape[j]
        first_old, first_new = i, j
        i, j = i + 1, j + 1
        while not _same(tracer, own, other, ask):
            if tracer.number(own) < tracer.number(other):
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
            if not _same(tracer, old[k][1], old[k + 1][0] * old[k + 1][1], ask):
                return None
        run = [*c_strides(new_shape[first_new:j])]
        result += [old[i - 1][1] * by for by in run]
    return tuple(result)
