"""The native dispatcher: lengths and keys of containers that a program captures."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.types import f32
from penstock.runtime.pytree import flat_tuple
from penstock.runtime.signature import (
    ArrayLeaf,
    ArrayResult,
    Captured,
    GlobalReader,
    InstanceLeaf,
    ItemReader,
    KeyLeaf,
    KeysReader,
    LengthReader,
    Signature,
)

X = np.arange(3, dtype="f4")


class _Text(str):
    """Equal to plain text, and not the same key."""


class _Raising:
    def __len__(self):
        raise ValueError("no length now")


def _capturing(reader, leaf, *more):
    return Signature(
        ("x",),
        flat_tuple(1),
        (ArrayLeaf(f32, 1), leaf, *(leaf for _, leaf in more)),
        (Captured(reader), *(Captured(reader) for reader, _ in more)),
        (ArrayResult(f32, 1),),
    )


def _check(pair, add_one, names, signature, others):
    """Both dispatchers serve the calls that they should, and refuse the others."""
    both = pair(lambda x: x, lambda call: add_one().variant(signature))
    both.check(X)
    both.check(X, is_native=True)
    taken = dict(names)
    for other in others:
        names["layers"] = other
        both.check(X, is_native=False)
        names.update(taken)
        both.check(X, is_native=True)


@pytest.mark.parametrize("kind", [list, tuple])
def test_lengths(pair, add_one, kind):
    names = {"layers": kind([1, 2])}
    layers = GlobalReader(names, "layers")
    signature = _capturing(
        layers,
        InstanceLeaf(kind),
        (LengthReader(layers), KeyLeaf(2)),
        (ItemReader(layers, 1), KeyLeaf(2)),
    )
    others = (kind([1]), kind([1, 2, 3]), kind(), kind([1, 3]), {0: 1, 1: 2}, None, 5)
    _check(pair, add_one, names, signature, others)


def test_lengths_that_raise(pair, add_one):
    names = {"layers": [1]}
    signature = _capturing(LengthReader(GlobalReader(names, "layers")), KeyLeaf(1))
    _check(pair, add_one, names, signature, (_Raising(), None))


@pytest.mark.parametrize(
    ("keys", "others"),
    [
        ((), [("a",)]),
        (("a", "b"), [("a",), ("b", "a"), ("a", "b", "c"), ("a", _Text("b"))]),
        ((1, "a"), [(1.0, "a"), (True, "a"), ("a", 1)]),
        ((b"a", 2**70), [("a", 2**70), (b"a", 2**71)]),
        ((0.0, None), [(-0.0, None), (0, None), (0.0, False)]),
    ],
)
def test_keys(pair, add_one, keys, others):
    names = {"layers": dict.fromkeys(keys)}
    layers = GlobalReader(names, "layers")
    signature = _capturing(
        layers, InstanceLeaf(dict), (KeysReader(layers), KeyLeaf(keys))
    )
    _check(pair, add_one, names, signature, [*map(dict.fromkeys, others), [*keys], 5])


def test_equal_keys_are_taken(pair, add_one):
    names = {"layers": {"first layer": 1, 1000: 2}}
    signature = _capturing(
        KeysReader(GlobalReader(names, "layers")), KeyLeaf(("first layer", 1000))
    )
    both = pair(lambda x: x, lambda call: add_one().variant(signature))
    both.check(X)
    names["layers"] = {b"first layer".decode(): 3, int("1000"): 4}
    both.check(X, is_native=True)


def test_members_of_sets_are_left_to_the_python_dispatcher(pair, add_one):
    names = {"layers": {1, 2}}
    signature = _capturing(
        KeysReader(GlobalReader(names, "layers")), KeyLeaf(frozenset((1, 2)))
    )
    both = pair(lambda x: x, lambda call: add_one().variant(signature))
    both.check(X)
    both.check(X, is_native=False)


def test_loops_over_containers_are_served_natively():
    layers, table = [X, X + 1], {"a": X, "b": X * 2}

    def f(x):
        for layer in layers:
            x = x * layer
        for key, layer in table.items():
            x = x + layer * len(key)
        return x

    compiled = ps.compile(f)
    reached = []
    compiled.dispatcher.call = lambda *call: reached.append(call)
    for _ in range(2):
        # What is not served natively is counted, and gives None.
        if compiled(X) is None:
            compiled.dispatcher.variant_for(compiled.dispatcher.binder.bind((X,), {}))
    assert len(reached) == 1
    np.testing.assert_array_equal(compiled(X), f(X))
    layers.append(X - 1)
    assert compiled(X) is None
