"""The native dispatcher, held against the Python one: results of all forms."""

import gc
import random
import sys
import tracemalloc
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

import penstock as ps
from penstock.ir.types import bool_, f32, f64
from penstock.runtime.pytree import Structure, flat_tuple, flatten, unflatten
from penstock.runtime.signature import (
    ArgumentReader,
    ArrayResult,
    AttributeReader,
    Captured,
    ConstantResult,
    GlobalReader,
    InstanceLeaf,
    IntegerResult,
    KeyLeaf,
    KeysReader,
    ParameterResult,
    RealResult,
    TruthResult,
)

X = np.arange(4.0)


@dataclass
class Point:
    """A dataclass whose ``__init__`` and ``__post_init__`` must not run."""

    x: Any
    y: Any = field(default_factory=list)

    def __post_init__(self):
        raise AssertionError("run")


@dataclass(frozen=True, slots=True)
class Packed:
    """A dataclass without a __dict__, which refuses assignment."""

    x: Any
    y: Any


class Pair(NamedTuple):
    """A NamedTuple."""

    x: Any
    y: Any


class Odd(Pair):
    """One whose own ``__new__`` must not run."""

    __slots__ = ()

    def __new__(cls):
        raise AssertionError("run")


class _Unhashable:
    """A key that stops being one."""

    def __init__(self):
        self.is_broken = False

    def __hash__(self):
        if self.is_broken:
            raise ValueError("no hash now")
        return 7


def _of(owner, x, y):
    """An instance of a class, without its ``__init__``."""
    if issubclass(owner, tuple):
        return tuple.__new__(owner, (x, y))
    made = object.__new__(owner)
    object.__setattr__(made, "x", x)
    object.__setattr__(made, "y", y)
    return made


_FORMS = {
    "list": [1, 2, 3],
    "dict": {"z": 1, 5: (2, None, 3)},
    "order": {"b": 1, "a": 2, "c": 3},
    "named": _of(Pair, 1, [2, 3]),
    "odd": _of(Odd, 1, (2, 3)),
    "dataclass": _of(Point, _of(Point, 1, 2), 3),
    "packed": _of(Packed, 1, _of(Packed, 2, 3)),
    "all": [(1,), {"a": _of(Packed, {}, [2]), "b": None}, _of(Pair, (), (3, [], None))],
    "deep": ((((([((1, 2),)],),),),), 3),
}


def _axpy_with(axpy, form, results=None):
    return axpy.variant(
        axpy.signature.replace(
            results=results
            or (ArrayResult(f64, 1), ConstantResult("done"), IntegerResult(2)),
            result_structure=flatten(form)[1],
        )
    )


@pytest.mark.parametrize("name", _FORMS)
def test_nested_results(pair, axpy, name):
    form = _FORMS[name]
    both = pair(lambda a, x, y: x, lambda call: _axpy_with(axpy, form))
    both.check(1.0, X, np.ones(4))
    for x in (X, X[:0], X[:2]):
        both.check(1.0, x, np.ones(x.size), is_native=True)
    first, second = (both.native(1.0, X, X) for _ in range(2))
    for one, other in zip(_containers(first), _containers(second), strict=True):
        # What can be changed is made anew for each call.
        assert one is not other or type(one) is tuple


def _containers(value):
    if isinstance(value, dict):
        items = list(value.values())
    elif isinstance(value, (tuple, list)):
        items = list(value)
    elif isinstance(value, (Point, Packed)):
        items = [value.x, value.y]
    else:
        return []
    return [value, *(part for item in items for part in _containers(item))]


def test_results_without_leaves(pair, axpy):
    for form in (None, (), [], {}, (None, [None])):
        signature = axpy.signature.replace(
            results=(), result_structure=flatten(form)[1]
        )
        both = pair(lambda a, x, y: x, lambda call, s=signature: axpy.variant(s))
        x = np.zeros(0)
        both.check(1.0, x, x)
        both.check(1.0, x, x, is_native=True)


def test_collected_results(pair, axpy):
    """What is made can be found by the garbage collector."""
    form = [(1,), _of(Point, 2, {"a": 3})]
    both = pair(lambda a, x, y: x, lambda call: _axpy_with(axpy, form))
    both.native(1.0, X, X)
    result = both.native(1.0, X, X)
    assert all(map(gc.is_tracked, (result, result[0], result[1])))
    result.append(result)
    del result
    gc.collect()
    for _ in range(5):
        gc.collect(0)
        result = both.native(1.0, X, X)
        assert result[1].y == {"a": X.size}


def test_keys_that_fail(pair, axpy):
    key = _Unhashable()
    form = [1, {"a": 2, key: 3}]
    both = pair(lambda a, x, y: x, lambda call: _axpy_with(axpy, form))
    both.check(1.0, X, X)
    both.check(1.0, X, X, is_native=True)
    key.is_broken = True
    assert both.check(1.0, X, X, is_native=True) == (ValueError, "no hash now")
    key.is_broken = False
    both.check(1.0, X, X, is_native=True)


def test_classes_that_cannot_be_made(pair, axpy):
    @dataclass
    class Stiff:
        x: Any
        y: Any

        __slots__ = ()

    @dataclass
    class Table(dict):
        x: Any
        y: Any

    # Neither takes what it should hold: there are no slots, and another __new__.
    for owner in (Stiff, Table):
        structure = flatten(_of(Packed, 1, (2, 3)))[1]
        structure = type(structure)(
            "dataclass", structure.children, structure.keys, owner
        )
        signature = axpy.signature.replace(
            results=(ArrayResult(f64, 1), ConstantResult("done"), IntegerResult(2)),
            result_structure=structure,
        )
        both = pair(lambda a, x, y: x, lambda call, s=signature: axpy.variant(s))
        both.check(1.0, X, X)
        kind, _ = both.check(1.0, X, X, is_native=True)
        assert kind is (AttributeError if owner is Stiff else TypeError)


def test_truths(pair):
    for compare in (np.equal, np.not_equal):
        f = ps.compile(lambda x, c=compare: [bool, c(x, 2).any()][1])
        assert f(np.arange(3)) == compare(np.arange(3), 2).any()


def test_truths_beside_others(pair, numbers):
    structure = flatten({"truth": 1, "numbers": (2, 3)})[1]
    signature = numbers.signature.replace(
        results=(TruthResult(bool_, 0), IntegerResult(2), RealResult(3)),
        result_structure=structure,
    )
    both = pair(lambda x, k: x, lambda call: numbers.variant(signature))
    # The program writes eight bytes of a float where one byte is looked at, so its
    # array has to be larger: NumPy gives no less than 16.
    for x in (np.zeros(3), np.array([0.0, 2.0**-1074])):
        both.check(x, 2)
        both.check(x, 2, is_native=True)


_PASSED = (ArrayResult(f64, 1), ParameterResult(1), ParameterResult(0))


@pytest.mark.parametrize("form", [(1, 2, 3), [1, {"a": 2}, 3]])
def test_arguments_as_results(pair, axpy, form):
    both = pair(lambda a, x, y: x, lambda call: _axpy_with(axpy, form, _PASSED))
    x = np.arange(4.0)
    both.check(1.0, x, x)
    both.check(1.5, x, x, is_native=True)
    result = both.native(1.5, x, x)
    copy = flatten(result)[0][1]
    assert copy.tobytes() == x.tobytes()
    assert not np.shares_memory(copy, x)
    assert copy.base is None


def test_nested_arguments_as_results(pair, axpy):
    signature = axpy.signature.replace(
        parameters=("p", "q"),
        structure=flatten(([1, None], {"x": 2, "y": 3}))[1],
        results=(*_PASSED, ParameterResult(2)),
        result_structure=flatten({"p": (1, 2), "q": [3, 4]})[1],
    )
    both = pair(lambda p, q: p, lambda call: axpy.variant(signature))
    arguments = [0.5, None], {"x": X, "y": X + 1}
    both.check(*arguments)
    both.check(*arguments, is_native=True)


@pytest.mark.parametrize("x", [np.float32(2.5), np.array(2.5, "f4"), np.float32("nan")])
def test_scalars_as_results(pair, add_one, x):
    signature = add_one(0).signature.replace(
        results=(ArrayResult(f32, 0), ParameterResult(0)),
        result_structure=flat_tuple(2),
    )
    both = pair(lambda x: x, lambda call: add_one(0).variant(signature))
    outcome = lambda f: [(type(r), r.tobytes()) for r in f(x)]  # noqa: E731
    assert outcome(both.native) == outcome(both.oracle)
    reached = both.dispatcher.reached
    assert outcome(both.native) == outcome(both.oracle)
    assert outcome(both.native)[1][0] is np.float32
    assert both.dispatcher.reached == reached


class _Model:
    def __init__(self, w):
        self.w = w


def test_captured_values_as_results(pair, axpy):
    names = {"a": 0.5, "mode": "fast", "table": {"k": 1}}
    leaves = axpy.signature.leaves
    signature = axpy.signature.replace(
        parameters=("model", "y"),
        structure=flat_tuple(2),
        leaves=(InstanceLeaf(_Model), leaves[0], leaves[1], leaves[2], KeyLeaf("fast")),
        captured=(),
        results=(ArrayResult(f64, 1), *(ParameterResult(n) for n in (2, 1, 4, 0))),
        result_structure=flatten([1, (2, 3), {"mode": 4}, 5])[1],
    )
    w = AttributeReader(ArgumentReader(0, "model"), "w")
    captured = [GlobalReader(names, "a"), w, GlobalReader(names, "mode")]
    # The program takes a, x, y in this order: y is captured with the others.
    signature = signature.replace(
        parameters=("model",),
        structure=flat_tuple(1),
        captured=tuple(map(Captured, [captured[0], w, w, captured[2]])),
    )
    both = pair(lambda model: model, lambda call: axpy.variant(signature))
    model = _Model(X)
    both.native(model)
    for value in (X, X + 1):
        model.w = value
        before = both.dispatcher.reached
        theirs, ours = both.oracle(model), both.native(model)
        assert both.dispatcher.reached == before
        for their, our in zip(flatten(theirs)[0], flatten(ours)[0], strict=True):
            np.testing.assert_array_equal(their, our)
        assert not np.shares_memory(ours[1][0], value)
        assert ours[3] is model
    before = both.dispatcher.reached
    names["mode"] = "slow"
    with pytest.raises(Exception, match="changes"):
        both.native(model)
    assert both.dispatcher.reached == before + 1


def test_keys_of_a_dict_as_a_result_are_left_to_python(pair, axpy):
    names = {"table": {"k": 1}}
    reader = KeysReader(GlobalReader(names, "table"))
    signature = axpy.signature.replace(
        leaves=(*axpy.signature.leaves, KeyLeaf(("k",))),
        captured=(Captured(reader),),
        results=(ArrayResult(f64, 1), ParameterResult(3)),
        result_structure=flat_tuple(2),
    )
    both = pair(lambda a, x, y: x, lambda call: axpy.variant(signature))
    for _ in range(2):
        both.check(1.0, X, X, is_native=False)


def test_no_count_is_left_behind(pair, axpy):
    key = _Unhashable()
    form = {"a": (1, [None]), key: _of(Pair, _of(Packed, 2, {}), _of(Point, 3, ()))}
    results = (ArrayResult(f64, 1), ParameterResult(1), ConstantResult(key))
    both = pair(lambda a, x, y: x, lambda call: _axpy_with(axpy, form, results))
    both.native(1.0, X, X)
    things = [X, key, Pair, Packed, Point, np.dtype("f8")]
    count = lambda: [sys.getrefcount(thing) for thing in things]  # noqa: E731
    gc.collect()  # what other tests left behind holds dtypes too
    before, nones = count(), sys.getrefcount(None)
    for _ in range(500):
        both.native(1.0, X, X)
    # Others come and go between.
    assert abs(sys.getrefcount(None) - nones) < 100
    key.is_broken = True
    for _ in range(500):
        with pytest.raises(ValueError, match="no hash"):
            both.native(1.0, X, X)
    key.is_broken = False
    gc.collect()
    assert [a - b for a, b in zip(count(), before, strict=True)] == [0] * len(things)

    def many():
        for _ in range(300):
            both.native(1.0, X, X)
        gc.collect()

    many()
    tracemalloc.start()
    try:
        many()
        at_first = tracemalloc.get_traced_memory()[0]
        many()
        assert tracemalloc.get_traced_memory()[0] - at_first < 5_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("seed", range(20))
def test_random_results(pair, axpy, seed):
    choose = random.Random(seed)
    kinds = [
        lambda: ArrayResult(f64, 1),
        lambda: ConstantResult(choose.choice(["done", 3, None, 2.5])),
        lambda: IntegerResult(2),
        lambda: ParameterResult(choose.randrange(3)),
        lambda: RealResult(2),
    ]
    # One array: the program writes no other.
    results = [kinds[0](), *(choose.choice(kinds[1:])() for _ in range(6))]
    form = _random_form(choose, list(range(7)), 4)
    both = pair(lambda a, x, y: x, lambda call: _axpy_with(axpy, form, tuple(results)))
    both.check(1.0, X, X + seed)
    both.check(1.5, X, X + seed, is_native=True)


def _random_form(choose, leaves, depth):
    if len(leaves) == 1 and (depth == 0 or choose.random() < 0.5):
        return leaves[0]
    cut = choose.randrange(len(leaves) + 1)
    if depth == 0:
        return choose.choice([tuple, list])(leaves)
    x, y = (
        _random_form(choose, part, depth - 1) for part in (leaves[:cut], leaves[cut:])
    )
    kind = choose.choice(["tuple", "list", "dict", Pair, Odd, Point, Packed])
    if kind == "tuple":
        return x, None, y
    if kind == "list":
        return [x, y, []]
    if kind == "dict":
        return {choose.choice(["k", 1, None]): x, 2.5: y}
    return _of(kind, x, y)


@pytest.mark.parametrize("name", ["named", "dataclass", "packed", "all"])
def test_classes_that_a_file_names(pair, axpy, name):
    """They are looked up at each call; those among arguments are left to Python."""
    structure = flatten(_FORMS[name])[1]
    read = Structure.from_json(structure.to_json())
    results = (ArrayResult(f64, 1), ConstantResult("done"), IntegerResult(2))
    signature = axpy.signature.replace(results=results, result_structure=read)
    both = pair(lambda a, x, y: x, lambda call: axpy.variant(signature))
    both.check(1.0, X, X)
    both.check(1.0, X, X, is_native=True)
    assert flatten(both.native(1.0, X, X))[1] == structure
    nested = axpy.signature.replace(
        parameters=("p",), structure=Structure("tuple", (read,))
    )
    both = pair(lambda p: p, lambda call: axpy.variant(nested))
    argument = unflatten(structure, [1.0, X, X])
    for _ in range(2):
        both.check(argument, is_native=False)
    assert both.dispatcher.statistics().compiles == 1
