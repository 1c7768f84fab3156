"""Minimum vertex cuts of directed graphs, exact, without dependencies."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

__all__ = ["minimum_cut"]

Node = TypeVar("Node", bound=Hashable)


def minimum_cut(
    weights: Mapping[Node, int],
    edges: Iterable[tuple[Node, Node]],
    sources: Collection[Node],
    sinks: Collection[Node],
) -> set[Node]:
    """The nodes of least weight without which no path leads from sources to sinks.

    Sources and sinks may themselves be chosen. Of several such sets it is the one
    next to the sinks.

    Args:
        weights: of each node, not negative.
        edges: from node to node.
        sources: where paths start.
        sinks: where they end.

    Example:
        >>> sorted(minimum_cut({"a": 3, "b": 1, "c": 1, "d": 3},
        ...     [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], ["a"], ["d"]))
        ['b', 'c']
    """
    number = {node: position for position, node in enumerate(weights)}
    network = _Network(2 * len(number) + 2)
    start, end = 2 * len(number), 2 * len(number) + 1
    endless = sum(weights.values()) + 1
    # A node is an edge from its entry, 2 k, to its exit, 2 k + 1.
    for node, weight in weights.items():
        network.connect(2 * number[node], 2 * number[node] + 1, weight)
    for first, second in edges:
        network.connect(2 * number[first] + 1, 2 * number[second], endless)
    for node in dict.fromkeys(sources):
        network.connect(start, 2 * number[node], endless)
    for node in dict.fromkeys(sinks):
        network.connect(2 * number[node] + 1, end, endless)
    network.saturate(start, end)
    reaching = network.reaching(end)
    return {
        node
        for node, position in number.items()
        if 2 * position + 1 in reaching and 2 * position not in reaching
    }


class _Network:
    """Edges with what they can still carry, each beside the one that goes back.

    Maximum flow by Dinic, Algorithm for solution of a problem of maximum flow in
    networks with power estimation (1970).
    """

    def __init__(self, count: int) -> None:
        self.edges_from: list[list[int]] = [[] for _ in range(count)]
        self.target: list[int] = []
        self.left: list[int] = []

    def connect(self, first: int, second: int, capacity: int) -> None:
        self.edges_from[first].append(len(self.target))
        self.edges_from[second].append(len(self.target) + 1)
        self.target += [second, first]
        self.left += [capacity, 0]

    def saturate(self, start: int, end: int) -> None:
        """Send as much as there is room for."""
        while True:
            level = self._levels(start)
            if level[end] < 0:
                return
            following = [0] * len(level)
            while self._send(start, end, level, following):
                pass

    def _levels(self, start: int) -> list[int]:
        level = [-1] * len(self.edges_from)
        level[start] = 0
        pending = deque([start])
        while pending:
            node = pending.popleft()
            for edge in self.edges_from[node]:
                other = self.target[edge]
                if self.left[edge] and level[other] < 0:
                    level[other] = level[node] + 1
                    pending.append(other)
        return level

    def _send(
        self, start: int, end: int, level: Sequence[int], following: list[int]
    ) -> bool:
        """One path of edges that lead on and have room."""
        path: list[int] = []
        node = start
        while node != end:
            edges = self.edges_from[node]
            while following[node] < len(edges):
                edge = edges[following[node]]
                other = self.target[edge]
                if self.left[edge] and level[other] == level[node] + 1:
                    path.append(edge)
                    node = other
                    break
                following[node] += 1
            else:
                if not path:
                    return False
                edge = path.pop()
                node = self.target[edge ^ 1]
                following[node] += 1
        amount = min(self.left[edge] for edge in path)
        for edge in path:
            self.left[edge] -= amount
            self.left[edge ^ 1] += amount
        return True

    def reaching(self, end: int) -> set[int]:
        """The nodes from which more could be sent."""
        found = {end}
        pending = [end]
        while pending:
            node = pending.pop()
            for edge in self.edges_from[node]:
                other = self.target[edge]
                if self.left[edge ^ 1] and other not in found:
                    found.add(other)
                    pending.append(other)
        return found
