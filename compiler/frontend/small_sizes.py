"""Sizes that are fixed because a loop then keeps its state in registers.

Sizes stay symbols; but a loop over states of two or four numbers is many times as fast
where these are numbers of their own, which takes a size that is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Size
from penstock.ir.graph.value import Function, Value
from penstock.ir.location import Location
from penstock.ir.record import Record

__all__ = ["FixedSize", "fix_small_sizes"]

# An array with more elements along an axis is served as well by loops over it.
_LARGEST = 8
# A loop that is known to end after so few turns has nothing to win.
_FEWEST_TURNS = 8


class FixedSize(Record):
    """A size that a variant has fixed.

    Attributes:
        size: the size, as other guards leave it.
        number: what it is.
        loc: the loop for which it is fixed.
    """

    size: Size
    number: int
    loc: Location | None = None


def fix_small_sizes(tracer: Tracer, results: Sequence[Value]) -> tuple[FixedSize, ...]:
    """Guard the small sizes of loops that become one kernel of scalars by that.

    Args:
        tracer: the trace, its function run to the end.
        results: of the function.
    """
    fixed: list[FixedSize] = []
    _Fixer(tracer, fixed).function(Function("traced", (), tuple(results)))
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
            size = tracer.normalize(size)
            if not isinstance(size, int) and tracer.ask(size, "==", number):
                self.fixed.append(FixedSize(size, number, loop.loc))
        return True
