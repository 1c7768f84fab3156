"""Minimum cuts, against those that networkx finds."""

import random

import networkx
import pytest

from penstock.passes.minimum_cut import minimum_cut


def test_the_cut_next_to_the_sinks_of_equal_ones():
    weights = {"a": 2, "b": 2, "c": 2}
    assert minimum_cut(weights, [("a", "b"), ("b", "c")], ["a"], ["c"]) == {"c"}


def test_a_node_that_is_both_is_cut():
    assert minimum_cut({"a": 5, "b": 1}, [("a", "b")], ["a"], ["a", "b"]) == {"a"}


def test_without_a_path_nothing_is_cut():
    assert minimum_cut({"a": 1, "b": 1}, [], ["a"], ["b"]) == set()


@pytest.mark.parametrize("seed", range(60))
def test_weights_are_the_least_and_no_path_is_left(seed):
    rng = random.Random(seed)
    count = rng.randint(2, 24)
    weights = {node: rng.randint(0, 9) for node in range(count)}
    edges = [
        (a, b) for a in weights for b in weights if a != b and rng.random() < 2 / count
    ]
    sources = [node for node in weights if rng.random() < 0.3]
    sinks = [node for node in weights if rng.random() < 0.3]
    graph = networkx.DiGraph()
    graph.add_nodes_from(("source", "sink"))
    for node, weight in weights.items():
        graph.add_edge((node, "in"), (node, "out"), capacity=weight)
    graph.add_edges_from(((a, "out"), (b, "in")) for a, b in edges)
    graph.add_edges_from(("source", (node, "in")) for node in sources)
    graph.add_edges_from(((node, "out"), "sink") for node in sinks)
    least, _ = networkx.minimum_cut(graph, "source", "sink")

    cut = minimum_cut(weights, edges, sources, sinks)

    assert sum(weights[node] for node in cut) == least
    rest = networkx.DiGraph()
    rest.add_nodes_from(node for node in weights if node not in cut)
    rest.add_edges_from((a, b) for a, b in edges if a in rest and b in rest)
    for source in rest.nodes & set(sources):
        assert not networkx.descendants(rest, source) & set(sinks)
        assert source not in sinks
