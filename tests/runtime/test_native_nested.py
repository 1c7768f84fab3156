"""The native dispatcher, held against the Python one: nested arguments."""

import gc
import random
import sys
import threading
import tracemalloc
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from penstock.ir.types import f32
from penstock.runtime.pytree import flatten, unflatten
from penstock.runtime.signature import (
    ArgumentReader,
    ArrayLeaf,
    AttributeReader,
    Captured,
    InstanceLeaf,
    leaf_of,
)

X = np.arange(4.0)


@dataclass
class Point:
    """A dataclass with a __dict__."""

    x: Any
    y: Any


@dataclass
class Further(Point):
    """A subclass with the same fields."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A dataclass without a __dict__."""

    x: Any
    y: Any


@dataclass
class Nothing:
    """A dataclass without fields."""


class Pair(NamedTuple):
    """A NamedTuple."""

    x: Any
    y: Any


class Other(NamedTuple):
    """Another NamedTuple with the same fields."""

    x: Any
    y: Any


class _Tuple(tuple):
    __slots__ = ()


class _List(list):
    pass


class _Dict(dict):
    pass


class _Text(str):
    __slots__ = ()


class _Backwards(NamedTuple):
    x: Any
    y: Any

    def __iter__(self):
        return iter((self[1], self[0]))


def _fresh(text):
    """An equal text that is another object."""
    return bytes(text, "ascii").decode()


def _axpy_of(axpy):
    """Make variants of axpy for any nesting of its three arguments."""

    def make(call):
        kinds = [leaf_of(leaf) for leaf in call.leaves]
        if kinds != list(axpy.signature.leaves):
            raise TypeError(f"not for {kinds}")
        if call.leaves[1].shape != call.leaves[2].shape:
            raise TypeError("lengths differ")
        signature = axpy.signature.replace(
            parameters=tuple(call.names), structure=call.structure
        )
        return axpy.variant(signature)

    return make


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
def both(pair, axpy):
    """A function of one argument whose leaves are a, x and y, behind both."""
    return pair(lambda p: p, _axpy_of(axpy))


_KEYS = ["a", "b", 0, 1, True, False, None, b"a", 2.5, ("a", 1), 2**70, "long key"]


def _random_tree(choose, leaves, depth):
    """A random nesting of exactly these leaves."""
    if depth == 0 or (len(leaves) == 1 and choose.random() < 0.4):
        if len(leaves) == 1:
            return leaves[0]
        return tuple(leaves) if leaves else None
    count = choose.randrange(1, 5)
    cuts = sorted(choose.randrange(len(leaves) + 1) for _ in range(count - 1))
    ends = zip([0, *cuts], [*cuts, len(leaves)], strict=True)
    parts = [_random_tree(choose, leaves[i:j], depth - 1) for i, j in ends]
    kind = choose.choice(["tuple", "list", "dict", "pair", "point", "packed"])
    if kind == "tuple":
        return tuple(parts)
    if kind == "list":
        return parts
    if kind == "dict":
        keys = choose.sample(_KEYS, len(parts))
        # 1 and True are one key to a dict.
        return dict(zip(keys, parts, strict=True)) if _differ(keys) else parts
    owner = {"pair": Pair, "point": Point, "packed": Packed}[kind]
    return owner(parts[0], tuple(parts[1:]))


def _differ(keys):
    return len(dict.fromkeys(keys)) == len(keys)


@pytest.mark.parametrize("seed", range(40))
def test_random_nestings(both, seed):
    choose = random.Random(seed)
    trees = [_random_tree(choose, [0.5, X, X + seed], 3) for _ in range(12)]
    for tree in trees:
        both.check(tree)
        both.check(tree, is_native=True)
    for _ in range(40):
        tree = choose.choice(trees)
        both.check(tree)
        # The same nesting, of new containers and equal keys that are other objects.
        again, structure = flatten(tree)
        both.check(unflatten(structure, again))
    assert both.dispatcher.reached < 30


@pytest.mark.parametrize("seed", range(10))
def test_random_nestings_among_more_than_are_kept(pair, axpy, seed):
    choose = random.Random(seed)
    few = pair(lambda p: p, _axpy_of(axpy), variant_limit=3)
    trees = [_random_tree(choose, [0.5, X, -X], 2) for _ in range(6)]
    for _ in range(60):
        few.check(choose.choice(trees))


_RIGHT = {
    "tuple": (0.5, X, X),
    "list": [0.5, [X, X]],
    "dict": {"a": 0.5, "b": X, "c": X},
    "keys": {1: 0.5, "1": X, b"1": X},
    "truths": {True: 0.5, "x": (X, X)},
    "pair": Pair(0.5, (X, X)),
    "point": Point(0.5, (X, X)),
    "packed": Packed(0.5, (X, X)),
    "none": (None, 0.5, [X, None, X]),
    "empty": (0.5, (), [], {}, Nothing(), X, X),
}
_WRONG = {
    "tuple": [
        [0.5, X, X], (0.5, X), (0.5, X, X, X), (0.5, (X, X)), (0.5, X, None), 0.5,
        _Tuple((0.5, X, X)), None, (), (0.5, X, [X]), (1, X, X), (X, 0.5, X),
        (0.5, X, X[:3]), (0.5, X, X.astype("f4")), (True, X, X),
    ],
    "list": [
        (0.5, [X, X]), [0.5, (X, X)], [0.5, [X]], [0.5, [X, X, X]], [0.5, X, X],
        _List([0.5, [X, X]]), [0.5, _List([X, X])], [], [0.5, []], [[X, X], 0.5],
    ],
    "dict": [
        {"a": 0.5, "c": X, "b": X}, {"b": X, "a": 0.5, "c": X}, {"a": 0.5, "b": X},
        {"a": 0.5, "b": X, "c": X, "d": X}, {"a": 0.5, "b": X, _Text("c"): X},
        {"a": 0.5, "b": X, b"c": X}, _Dict(a=0.5, b=X, c=X), {},
        OrderedDict(a=0.5, b=X, c=X), defaultdict(int, a=0.5, b=X, c=X),
        {"a": 0.5, "b": X, None: X}, [0.5, X, X],
    ],
    "keys": [
        {True: 0.5, "1": X, b"1": X}, {1.0: 0.5, "1": X, b"1": X},
        {np.int64(1): 0.5, "1": X, b"1": X}, {1: 0.5, b"1": X, "1": X},
    ],
    "truths": [{1: 0.5, "x": (X, X)}, {False: 0.5, "x": (X, X)}],
    "pair": [
        (0.5, (X, X)), Other(0.5, (X, X)), Point(0.5, (X, X)), Pair(0.5, [X, X]),
        tuple.__new__(Pair, (0.5,)), tuple.__new__(Pair, (0.5, X, X)),
    ],
    "point": [
        Further(0.5, (X, X)), Packed(0.5, (X, X)), Pair(0.5, (X, X)), Point,
        Point((X, X), 0.5), object.__new__(Point), {"x": 0.5, "y": (X, X)},
    ],
    "packed": [Point(0.5, (X, X)), object.__new__(Packed), Packed(0.5, X)],
    "none": [(0.5, 0.5, [X, None, X]), (None, 0.5, [X, X, None]), (None, None, None)],
    "empty": [
        (0.5, [], (), {}, Nothing(), X, X), (0.5, (), [], {}, X, X),
        (0.5, (), [], {}, Nothing, X, X), (0.5, (1,), [], {}, Nothing(), X, X),
        (0.5, (), [], {"a": 1}, Nothing(), X, X),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", _RIGHT)
def test_what_is_nested_otherwise_is_refused(pair, axpy, name):
    right, make = _RIGHT[name], _axpy_of(axpy)
    for wrong in _WRONG[name]:
        both = pair(lambda p: p, make)
        both.check(right)
        both.check(right, is_native=True)
        both.check(wrong, is_native=False)
        both.check(right, is_native=True)


def test_equal_keys_are_taken(both):
    both.check({"first key": 0.5, 1000: X, b"third key": X})
    again = {
        _fresh("first key"): 0.5,
        int("1000"): X,
        bytes(bytearray(b"third key")): X,
    }
    both.check(again, is_native=True)


def test_equal_keys_whose_comparison_may_run_code_are_left_to_python(both):
    both.check({("a", 1): 0.5, 2.5: (X, X)})
    compiles = both.dispatcher.statistics().compiles
    both.check({("a", int("1")): 0.5, float("2.5"): (X, X)}, is_native=False)
    assert both.dispatcher.statistics().compiles == compiles


def test_a_namedtuple_that_iterates_otherwise_is_left_to_python(both):
    for _ in range(2):
        both.check(_Backwards((X, X), 0.5), is_native=False)


def test_several_parameters_keywords_and_defaults(pair, axpy):
    def f(a, pair=(X, X + 1), *, more=None):
        return a

    both = pair(f, _axpy_of(axpy))
    both.check(0.5, more=None)
    both.check(0.5, more=None, is_native=True)
    both.check(0.5, (X, X), more=None, is_native=True)
    both.check(pair=(X, X), more=None, a=0.5, is_native=True)
    both.check(0.5, [X, X], more=None)
    both.check(0.5, pair=[X, X], more=None, is_native=True)
    both.check(0.5, pair=X, more=X)
    both.check(0.5, pair=X, more=X, is_native=True)


def test_state_of_instances_within_containers(pair, axpy):
    class Model:
        def __init__(self, w):
            self.w = w

    leaves = axpy.signature.leaves
    signature = axpy.signature.replace(
        parameters=("p", "q"),
        structure=flatten((0.5, [X, None, 0]))[1],
        leaves=(leaves[0], leaves[1], InstanceLeaf(Model), leaves[2]),
        captured=(Captured(AttributeReader(ArgumentReader(2, "q"), "w")),),
    )
    both = pair(lambda p, q: p, lambda call: axpy.variant(signature))
    both.check(0.5, [X, None, Model(X)])
    for w in (X, X + 1):
        both.check(0.5, [X, None, Model(w)], is_native=True)


def test_the_deepest_nesting(both):
    tree = (0.5, X, X)
    for _ in range(190):
        tree = [tree]
    both.check(tree)
    both.check(tree, is_native=True)
    both.check([[[[[[[[[[[[tree]]]]]]]]]]]], is_native=False)
    endless = []
    endless.append(endless)
    both.check(endless, is_native=False)


def test_more_objects_than_the_stack_should_hold_are_left_to_python(both):
    for count, is_native in ((3000, True), (5000, False)):
        tree = [None] * count + [0.5, X, X]
        both.check(tree)
        both.check(tree, is_native=is_native)


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
    kind, text = both.check([point], is_native=False)
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


def test_containers_that_change_while_they_are_read(pair, axpy):
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
        both = pair(lambda p: p, _axpy_of(axpy))
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


def test_no_count_is_left_behind(pair, axpy, take):
    both = pair(lambda p: p, _once(_axpy_of(axpy)))
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


def test_no_memory_is_left_behind(pair, axpy):
    both = pair(lambda p: p, _once(_axpy_of(axpy)))
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


def test_rank_0_leaves_take_numpy_scalars_within_containers(pair, add_one):
    def make(call):
        if leaf_of(call.leaves[0]) != ArrayLeaf(f32, 0):
            raise TypeError("not for this")
        signature = add_one(0).signature.replace(structure=call.structure)
        return add_one(0).variant(signature)

    both = pair(lambda x: x, make)
    both.check([np.float32(2)])
    both.check([np.float32(3)], is_native=True)
    both.check([np.array(3, "f4")], is_native=True)
    both.check([np.float64(3)], is_native=False)
    both.check([3.0], is_native=False)
