"""The native dispatcher, held against the Python one: nested arguments."""

import random
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


@pytest.fixture
def both(pair, axpy_of_any):
    """A function of one argument whose leaves are a, x and y, behind both."""
    return pair(lambda p: p, axpy_of_any)


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
def test_random_nestings_among_more_than_are_kept(pair, axpy_of_any, seed):
    choose = random.Random(seed)
    few = pair(lambda p: p, axpy_of_any, variant_limit=3)
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
def test_what_is_nested_otherwise_is_refused(pair, axpy_of_any, name):
    right, make = _RIGHT[name], axpy_of_any
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


def test_several_parameters_keywords_and_defaults(pair, axpy_of_any):
    def f(a, pair=(X, X + 1), *, more=None):
        return a

    both = pair(f, axpy_of_any)
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
