"""Loops over joined arrays, cut where one array ends and the next begins.

Which operand an element of a join comes from is then known for all of a loop: it loads
from that one alone, without a mask and a choice for each element.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from penstock.ir.dims import Size
from penstock.ir.guards import Facts
from penstock.ir.loop.node import Let, Scalar
from penstock.ir.types import Dtype, bool_
from penstock.lower.cluster import Cluster
from penstock.lower.fold import FoldingBuilder

__all__ = ["SegmentBuilder", "has_segments", "in_order"]

_JOINS = frozenset({"concatenate", "pad", "update_slice"})
# Each cut is one more loop with all that the cluster computes.
_MOST_CUTS = 8
_MOST_INSTRUCTIONS = 100


def has_segments(cluster: Cluster) -> bool:
    """Whether the loop of a cluster may be worth cutting."""
    return (
        not cluster.inner
        and any(value.op.name in _JOINS for value in cluster.body.values)
        and cluster.flops() + len(cluster.body.values) <= _MOST_INSTRUCTIONS
    )


class SegmentBuilder(FoldingBuilder):
    """Answers whether the index of a loop lies before a cut.

    Attributes:
        cuts: where the loop is cut, in order.
        segment: which loop is built: that before the first cut is 0.
        index: its index.
        asked: the sizes that the index was compared with and that are no cuts.
    """

    def __init__(self, name: str, whole: Size, cuts: Sequence[Size] = ()) -> None:
        super().__init__(name)
        self.whole = whole
        self.cuts = tuple(cuts)
        self.segment = 0
        self.index: Scalar | None = None
        self.asked: dict[Size, None] = {}

    def apply(
        self, primitive: str, *operands: Scalar, dtype: Dtype | None = None
    ) -> Scalar:
        """The result of a primitive, computed at once where that is possible."""
        if primitive in ("less", "greater_equal") and operands[0] is self.index:
            bound = operands[1].definition
            if isinstance(bound, Let) and bound.primitive in ("size", "const"):
                is_less = self.is_below(bound.value)
                if is_less is not None:
                    return self.constant(is_less == (primitive == "less"), bool_)
        return super().apply(primitive, *operands, dtype=dtype)

    def is_below(self, size: Size) -> bool | None:
        """Whether the index is below a size, where that is known."""
        size = size if not hasattr(size, "item") else size.item()
        if size in (0, self.whole):
            return size != 0
        if size in self.cuts:
            return self.segment <= self.cuts.index(size)
        self.asked[size] = None
        return None


def in_order(sizes: Collection[Size], facts: Facts) -> list[Size]:
    """The sizes from the least on; none if that is not known, or they are too many."""
    if len(sizes) > _MOST_CUTS:
        return []
    ordered: list[Size] = []
    for size in sizes:
        if any(facts.decide(size, "==", other) for other in ordered):
            return []
        above = [bool(facts.decide(size, ">=", other)) for other in ordered]
        place = sum(above)
        if above != sorted(above, reverse=True) or not all(
            facts.decide(size, "<=", other) for other in ordered[place:]
        ):
            return []
        ordered.insert(place, size)
    return ordered
