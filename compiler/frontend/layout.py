"""Memory layout: whether NumPy's ``reshape`` gives a view or a copy.

That can hang on sizes (an axis of size 1 has no layout), and matters only if
something is written afterwards. So the answer may be open at first; a
``ReshapedCell`` settles it, by guards, when a write makes it matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.frontend.cells import Cell, next_serial
from penstock.frontend.handles import TracedArray
from penstock.frontend.tracer import Tracer
from penstock.frontend.views import (
    DiagonalStep,
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

    __slots__ = (
        "_is_view", "_own", "_ravels", "_seen", "_serial", "_source", "_step", "_writes"
    )  # fmt: skip

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
        self._serial = next_serial()

    @property
    def serial(self) -> int:  # type: ignore[override]
        """Grows from each cell to the next; a view's is that of what it views."""
        return self._source.cell.serial if self._is_view else self._serial

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
        return (
            -self._writes - 1 if self._is_view is False else self._source.cell.version
        )

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
        elif isinstance(step, DiagonalStep):
            strides = (*strides[:-2], strides[-2] + strides[-1])
            shape = shape[:-1]
        elif isinstance(step, ReshapeStep):
            strides = _reshaped_strides(_Comparer(tracer), shape, strides, step.shape)
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


class _Comparer:
    """Compares sizes; where it does not know, it says no, and notes that.

    Args:
        tracer: the trace.
        ask: whether to settle by guards what is not known.
    """

    def __init__(self, tracer: Tracer, ask: bool = False) -> None:
        self.tracer = tracer
        self.ask = ask
        self.unsure = False

    def same(self, left: Size, right: Size) -> bool:
        """Whether two sizes are equal."""
        if self.ask:
            return self.tracer.ask(left, "==", right)
        known = self.tracer.facts.decide(left, "==", right)
        self.unsure |= known is None
        return known is True


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
    compare = _Comparer(array.tracer, ask)
    if _reshaped_strides(compare, array.sizes, strides, shape) is not None:
        return True
    return None if compare.unsure else False


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
    compare = _Comparer(array.tracer, ask)
    expected: Size = 1
    for size, stride in zip(reversed(array.sizes), reversed(strides), strict=True):
        if not compare.same(size, 1) and not compare.same(stride, expected):
            return None if compare.unsure else False
        expected = size * expected
    return True


def _reshaped_strides(
    compare: _Comparer,
    shape: Sequence[Size],
    strides: Sequence[Size],
    new_shape: Sequence[Size],
) -> tuple[Size, ...] | None:
    """The strides of a reshaped view; ``None`` where there may be none.

    NumPy's ``_attempt_nocopy_reshape`` (numpy/_core/src/multiarray/shape.c): runs of
    old and new axes of equal size are paired, and the old ones of each run must lie
    densely in C order.
    """
    number = compare.tracer.number
    pairs = zip(shape, strides, strict=True)
    old = [(size, by) for size, by in pairs if not compare.same(size, 1)]
    result: list[Size] = []
    i = j = 0
    while j < len(new_shape):
        if compare.same(new_shape[j], 1):
            result.append(0)
            j += 1
            continue
        if i >= len(old):
            return None
        own, other = old[i][0], new_shape[j]
        first_old, first_new = i, j
        i, j = i + 1, j + 1
        while not compare.same(own, other):
            if number(own) < number(other):
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
            if not compare.same(old[k][1], old[k + 1][0] * old[k + 1][1]):
                return None
        run = [*c_strides(new_shape[first_new:j])]
        result += [old[i - 1][1] * by for by in run]
    return tuple(result)
