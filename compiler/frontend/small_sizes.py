"""Small sizes that are fixed because programs are much faster where they are known.

Sizes stay symbols, with two exceptions. A loop over states of two or four numbers keeps
them in registers if it knows how many they are. And rows of three numbers, as points
and pixels are, are no work for vectors: what knows their length takes as many rows at
once as a vector has lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size, product, symbols_of
from penstock.ir.graph.value import Function, Value
from penstock.ir.location import Location
from penstock.ir.ops.families import Elementwise
from penstock.ir.record import Record
from penstock.ir.types import TensorType

__all__ = ["FixedSize", "fix_small_sizes"]

# An array with more elements along an axis is served as well by loops over it.
_LARGEST = 8
# A loop that is known to end after so few turns has nothing to win.
_FEWEST_TURNS = 8
# Nor has an array of so few rows.
_FEWEST_ROWS = 128


class FixedSize(Record):
    """A size that a variant has fixed.

    Attributes:
        size: the size, as other guards leave it.
        number: what it is.
        loc: the loop for which it is fixed, if that has a place.
        is_row: whether it is the length of rows, and not for the sake of a loop.
    """

    size: Size
    number: int
    loc: Location | None = None
    is_row: bool = False


def fix_small_sizes(
    tracer: Tracer, parameters: Sequence[Value], results: Sequence[Value]
) -> tuple[FixedSize, ...]:
    """Guard the small sizes of loops over few numbers, and of short rows.

    Args:
        tracer: the trace, its function run to the end.
        parameters: the arrays that the function takes.
        results: of the function.
    """
    fixed: list[FixedSize] = []
    fixer = _Fixer(tracer, fixed)
    function = Function("traced", (), tuple(results))
    fixer.function(function)
    # Where each element is computed from one, all arrays are as good as flat.
    if any(v.operands and not issubclass(v.op, Elementwise) for v in function.values):
        fixer.rows(parameters, function.values)
    return tuple(fixed)


class _Fixer:
    def __init__(self, tracer: Tracer, fixed: list[FixedSize]) -> None:
        self.tracer = tracer
        self.fixed = fixed

    def function(self, function: Function) -> None:
        for value in function.values:
            # A batch of loops carries arrays of any size.
            if not value.regions or value.is_op("vmap"):
                continue
            if not (value.is_op("loop") or value.is_op("while")) or not self.fix(value):
                for region in value.regions:
                    self.function(region)

    def rows(self, parameters: Sequence[Value], values: Sequence[Value]) -> None:
        """Fix the lengths of short rows, where some array has many of them.

        It need not be an argument: a hundred points make ten thousand pairs of them.
        """
        tracer = self.tracer
        lengths: dict[Size, int] = {}
        for parameter in parameters:
            shape = tracer.type_of(parameter).shape
            if len(shape) > 1 and 1 <= tracer.number(shape[-1]) <= _LARGEST:
                lengths[shape[-1]] = tracer.number(shape[-1])
        for value in (*parameters, *values) if lengths else ():
            if not isinstance(value.type, TensorType):
                continue
            shape = tracer.type_of(value).shape
            if len(shape) < 2 or shape[-1] not in lengths:
                continue
            rows = product(shape[:-1])
            # Sizes that the program computes have no number yet.
            is_known = tracer.hints.keys() >= {*symbols_of(rows)}
            if is_known and tracer.number(rows) >= _FEWEST_ROWS:
                self.ask(shape[-1], lengths.pop(shape[-1]), is_row=True)

    def ask(self, size: Size, number: int, **why: Any) -> None:
        size = self.tracer.normalize(size)
        if not isinstance(size, int) and self.tracer.ask(size, "==", number):
            self.fixed.append(FixedSize(size, number, **why))

    def fix(self, loop: Value) -> bool:
        """Fix the sizes of a loop, if it is short enough then."""
        from penstock.ir.graph.unrolled import unrolled_weight

        tracer = self.tracer
        trip = loop.attributes.get("trip")
        if isinstance(trip, int) and trip < _FEWEST_TURNS:
            return False
        wanted: dict[Size, int] = {}

        def known(size: Size) -> int | None:
            size = tracer.normalize(size)
            if isinstance(size, int):
                return size
            number = tracer.number(size)
            return number if 1 <= number <= _LARGEST else None

        if unrolled_weight(loop, known, wanted) is None:
            return False
        for size, number in wanted.items():
            self.ask(size, number, loc=loop.loc)
        return True
