"""The native dispatcher: what calls with nested arguments hold, and how long."""

import gc
import sys
import threading
import tracemalloc
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

X = np.arange(4.0)


@dataclass
class Point:
    """A dataclass."""

    x: Any
    y: Any


class Pair(NamedTuple):
    """A NamedTuple."""

    x: Any
    y: Any


def _once(make):
    """Make one variant, and none for any other call."""
    made = []

    def make_once(call):
        if made and made[0] != call.structure:
            raise TypeError("nested otherwise")
        variant = make(call)
        made.append(call.structure)
        return variant

    return make_once


@pytest.fixture
def both(pair, axpy_of_any):
    """A function of one argument whose leaves are a, x and y, behind both."""
    return pair(lambda p: p, axpy_of_any)


class _SprungError(Exception):
    """What a field raises."""


def _sly_point(read):
    """A class whose field ``y`` was replaced by a property after it was used."""

    @dataclass
    class Sly:
        x: Any
        y: Any

    def spring():
        Sly.y = property(read, lambda self, value: None)

    return Sly, spring


@pytest.mark.parametrize("error", [_SprungError, AttributeError, StopIteration])
def test_fields_that_raise(both, error):
    def read(self):
        raise error("sprung")

    owner, spring = _sly_point(read)
    point = owner(0.5, (X, X))
    both.check([point])
    both.check([point], is_native=True)
    spring()
    kind, text, *_ = both.check([point], is_native=False)
    assert kind.__name__ == (
        "StructureError" if error is AttributeError else error.__name__
    )
    assert kind is not error or text == "sprung"


def test_an_interrupt_in_a_field_is_raised_at_once(both):
    def read(self):
        raise KeyboardInterrupt

    owner, spring = _sly_point(read)
    point = owner(0.5, (X, X))
    both.check([point, None])
    spring()
    before = both.dispatcher.reached, sys.getrefcount(point)
    with pytest.raises(KeyboardInterrupt):
        both.native([point, None])
    assert (both.dispatcher.reached, sys.getrefcount(point)) == before


def test_containers_that_change_while_they_are_read(pair, axpy_of_any):
    """A field that empties the containers around it, which held all there was."""
    around = []

    def read(self):
        for container in around:
            container.clear()
        gc.collect()
        return np.arange(4.0), np.ones(4)

    def many(items):
        return [*items, None]

    for wrap in (many, list, lambda items: dict(enumerate(items))):
        owner, spring = _sly_point(read)
        both = pair(lambda p: p, axpy_of_any)
        both.check(wrap([wrap([owner(0.5, (X, X))])]))
        spring()
        outcomes = []
        for function in (both.oracle, both.native):
            inner = wrap([owner(0.5, None)])
            outer = wrap([inner])
            around[:] = inner, outer
            del inner
            outcomes.append(function(outer).tolist())
            del outer
        assert outcomes[0] == outcomes[1] == [1.0, 1.5, 2.0, 2.5]
        around.clear()


def _counts(things):
    return [sys.getrefcount(thing) for thing in things]


def test_no_count_is_left_behind(pair, axpy_of_any, take):
    both = pair(lambda p: p, _once(axpy_of_any))
    x, y, a = np.arange(4.0), np.ones(4), float("0.5")
    point, named, mapping = Point(a, [x]), Pair(y, None), {"k": None}
    right = (point, named, mapping)
    both.native(right)
    things = [x, y, a, point, point.y, named, mapping, right, Point, Pair, "k"]
    short = y[:3]
    refused = [
        (point, named, {"l": None}),
        (point, named, 5),
        (point, Pair(short, None), mapping),
        (point, Pair(y, a), mapping),
        (Point(a, [x, x]), named, mapping),
        (object.__new__(Point), named, mapping),
    ]
    both.native(right)
    before = _counts(things)
    for _ in range(1000):
        both.native(right)
    assert _counts(things) == before
    for tree in refused:
        before = _counts(things)
        for _ in range(50):
            with pytest.raises((TypeError, ValueError, RuntimeError)):
                both.native(tree)
        assert _counts(things) == before, tree
    # A program that fails.
    failing = pair(
        lambda p: p,
        lambda call: take.variant(
            take.signature.replace(parameters=("p",), structure=call.structure)
        ),
    )
    good, bad = np.array([1]), np.array([9])
    failing.check([x, {"i": good}])
    before = _counts([x, bad])
    for _ in range(200):
        with pytest.raises(IndexError):
            failing.native([x, {"i": bad}])
    gc.collect()
    assert _counts([x, bad]) == before


def test_no_memory_is_left_behind(pair, axpy_of_any):
    both = pair(lambda p: p, _once(axpy_of_any))
    tree = ({"a": 0.5}, Point(X, [X, None]))
    wrong = ({"a": 0.5}, Point(X, [X]))
    both.native(tree)

    def many():
        for _ in range(500):
            both.native(tree)
            with pytest.raises(TypeError):
                both.native(wrong)
        gc.collect()

    many()
    tracemalloc.start()
    try:
        many()
        before = tracemalloc.get_traced_memory()[0]
        many()
        assert tracemalloc.get_traced_memory()[0] - before < 5_000
    finally:
        tracemalloc.stop()


def test_threads_that_change_what_others_call_with(pair, take):
    """The only reference to each array is in a list that is cleared all the time."""

    def make(call):
        if [type(leaf) for leaf in call.leaves] != [np.ndarray] * 2:
            raise TypeError("not for this")
        structure = call.structure
        return take.variant(
            take.signature.replace(parameters=("p",), structure=structure)
        )

    both = pair(lambda p: p, make)
    shared, wrong, done = [], [], threading.Event()
    fresh = lambda n: [np.full(5000, float(n)), {"i": np.arange(5000)}]  # noqa: E731
    both.check(fresh(0))

    def change():
        for n in range(400):
            shared[:] = fresh(n)
            shared.clear()
            shared.extend(fresh(n))
            shared[1].clear()
        done.set()

    def call():
        while not done.is_set():
            try:
                result = both.native(shared)
            except TypeError:
                continue
            if result.shape != (5000,) or (result != result[0]).any():
                wrong.append(result)

    threads = [threading.Thread(target=t) for t in (change, call, call)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
