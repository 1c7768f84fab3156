"""What a pass over a row keeps in memory for the passes after it.

Each pass computes what it needs from the row in memory, so what several need is
computed as often. It may be kept instead: the rows of results are at hand, and still in
cache. A result is stored as soon as it is known; until a later one is, its row may hold
something else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from penstock.ir.graph.mapping import operand_mappings
from penstock.ir.graph.value import Value
from penstock.ir.ops.families import Elementwise, Movement
from penstock.lower.cluster import Cluster

__all__ = ["choose_kept"]

Kept = dict[Value, tuple[int, int]]

# Flops that a store, and a load in each later pass, must spare; a result is stored in
# any case.
_LEAST_GAIN = 10
_LEAST_GAIN_OF_RESULT = 4


def choose_kept(cluster: Cluster, levels: Sequence[Sequence[Value]]) -> Kept:
    """The Values that are kept: the pass that stores each, and in which result's row.

    Args:
        cluster: of kind ``rows``.
        levels: the reductions of each pass but the last, which writes results.
    """
    rows = _rows(cluster)
    kept: Kept = {}
    if not rows or not levels:
        return kept
    passes = _Passes(cluster, levels)
    candidates = passes.candidates()
    while candidates and rows:
        before = passes.flops(kept)
        best: tuple[int, Value, tuple[int, int]] | None = None
        for value in candidates:
            if value in kept:
                continue
            place = _place(cluster, rows, value)
            first = passes.first(value, kept)
            if place is None or first is None:
                continue
            chosen = (first, place)
            gain = before - passes.flops({**kept, value: chosen})
            is_result = cluster.body.results[place] is value
            least = _LEAST_GAIN_OF_RESULT if is_result else _LEAST_GAIN
            if gain >= least and (best is None or gain > best[0]):
                best = gain, value, chosen
        if best is None:
            break
        _, value, chosen = best
        kept[value] = chosen
        rows.remove(chosen[1])
    return kept


def _rows(cluster: Cluster) -> list[int]:
    """The results that lie along all loops, in their order."""
    lane = tuple(range(len(cluster.loops)))
    return [
        index
        for index, own in enumerate(cluster.result_lanes)
        if tuple(own) == lane and set(cluster.inner) & set(lane)
    ]


def _place(cluster: Cluster, rows: Sequence[int], value: Value) -> int | None:
    """The result in whose row a Value can be kept: its own, or one of its dtype."""
    results = cluster.body.results
    own = [index for index in rows if results[index] is value]
    # A result that is needed early is stored early: its row is not free.
    others = [index for index in rows if results[index].dtype is value.dtype]
    return next(iter(own or others), None)


class _Passes:
    """The passes of a cluster, and what each of them computes."""

    def __init__(self, cluster: Cluster, levels: Sequence[Sequence[Value]]) -> None:
        self.cluster = cluster
        inner = set(cluster.inner)
        last = [
            result
            for result, lane in zip(
                cluster.body.results, cluster.result_lanes, strict=True
            )
            if inner & set(lane)
        ]
        self.roots = [[r.operands[0] for r in level] for level in levels] + [last]
        self.lanes = self._lanes()

    def _lanes(self) -> Mapping[Value, tuple[int | None, ...] | None]:
        """The loops along which each Value is read; ``None`` where there are two."""
        cluster = self.cluster
        lanes: dict[Value, tuple[int | None, ...] | None] = {}

        def note(value: Value, lane: Sequence[int | None] | None) -> None:
            own = None if lane is None else tuple(lane)
            lanes[value] = own if lanes.get(value, own) == own else None

        for result, lane in zip(
            cluster.body.results, cluster.result_lanes, strict=True
        ):
            note(result, lane)
        for reduction, lane in cluster.reductions.items():
            note(reduction.operands[0], lane)
        for value in reversed(cluster.body.values):
            if value in cluster.reductions or value not in lanes:
                continue
            lane_of = lanes[value]
            for operand, mapping in zip(
                value.operands, operand_mappings(value), strict=True
            ):
                if mapping is None or lane_of is None:
                    note(operand, None)
                else:
                    note(operand, [None if a is None else lane_of[a] for a in mapping])
        return lanes

    def candidates(self) -> list[Value]:
        """What several passes compute, and a later one for something of its own."""
        cluster = self.cluster
        lane = tuple(range(len(cluster.loops)))
        computed = [self.computed(number, {}) for number in range(len(self.roots))]
        users = cluster.body.uses()
        results = set(cluster.body.results)
        found = []
        for value in cluster.body.values:
            own = [number for number, values in enumerate(computed) if value in values]
            if len(own) < 2 or not issubclass(value.op, Elementwise):
                continue
            if self.lanes.get(value) != lane or value.shape != tuple(cluster.loops):
                continue
            early = computed[own[0]]
            if value in results or any(user not in early for user in users[value]):
                found.append(value)
        return found

    def computed(self, number: int, kept: Kept) -> set[Value]:
        """The Values that a pass computes for each element of a row."""
        inner = set(self.cluster.inner)
        found: set[Value] = set()
        pending = list(self.roots[number])
        while pending:
            value = pending.pop()
            if value in found or not issubclass(value.op, (Elementwise, Movement)):
                continue
            if value in kept and kept[value][0] < number:
                continue
            lane = self.lanes.get(value)
            if lane is not None and not inner & set(lane):
                continue  # the same for the whole row
            found.add(value)
            pending += value.operands
        return found

    def first(self, value: Value, kept: Kept) -> int | None:
        """The first pass that computes a Value, unless it is the last."""
        for number in range(len(self.roots) - 1):
            if value in self.computed(number, kept):
                return number
        return None

    def flops(self, kept: Kept) -> int:
        """The flops of all passes for each element of a row."""
        return sum(
            _flops(self.computed(number, kept)) for number in range(len(self.roots))
        )


def _flops(values: Collection[Value]) -> int:
    return sum(v.op.flops for v in values if isinstance(v.op.flops, int))
