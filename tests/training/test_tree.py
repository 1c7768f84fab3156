"""tree_map and tree_leaves, within compiled functions and outside."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import penstock as ps


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Layer:
    weight: Any
    bias: Any


TREE = {
    "a": [np.ones(2), (np.zeros(3), None)],
    "b": Pair(np.arange(2.0), Layer(np.ones((2, 2)), np.float64(3.0))),
}


def test_leaves_come_in_order():
    assert [np.shape(leaf) for leaf in ps.tree_leaves(TREE)] == [
        (2,), (3,), (2,), (2, 2), (),
    ]  # fmt: skip


def test_map_keeps_the_nesting():
    found = ps.tree_map(lambda x, y: x + 10 * y, TREE, TREE)
    assert type(found["b"]) is Pair
    assert type(found["b"].right) is Layer
    assert found["a"][1][1] is None
    np.testing.assert_array_equal(found["b"].left, [0, 11])


def test_map_in_a_compiled_function_of_arguments_and_captured_state():
    scale = {"a": [2.0, (3.0, None)], "b": Pair(4.0, Layer(5.0, 6.0))}

    @ps.compile
    def scaled(tree):
        return ps.tree_map(lambda x, s: x * s, tree, scale)

    found = scaled(TREE)
    for have, x, s in zip(
        ps.tree_leaves(found),
        ps.tree_leaves(TREE),
        ps.tree_leaves(scale),
        strict=True,
    ):
        np.testing.assert_array_equal(have, x * s)
    scale["a"][0] = 7.0
    np.testing.assert_array_equal(scaled(TREE)["a"][0], 7 * np.ones(2))


def test_map_refuses_other_nesting():
    def f():
        return ps.tree_map(lambda x, y: x, {"a": 1, "b": (2,)}, {"b": (2,), "a": 1})

    with pytest.raises(ps.errors.StructureError) as caught:
        f()
    assert caught.value.code == "tree-mismatch"
    assert caught.value.message == (
        "tree_map: trees differ: {'a': *, 'b': (*,)} and {'b': (*,), 'a': *}"
    )
