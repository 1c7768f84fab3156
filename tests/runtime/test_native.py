"""The native dispatcher, held against the Python one: calls of all sorts."""

import dataclasses
import pickle
import sys

import numpy as np
import pytest

from penstock.ir.types import f32, f64
from penstock.runtime.pytree import flat_tuple, flatten
from penstock.runtime.signature import (
    ArrayLeaf,
    ArrayResult,
    ConstantResult,
    IntegerResult,
    KeyLeaf,
    leaf_of,
)


def _fresh(text):
    """An equal text that is another object."""
    return bytes(text, "ascii").decode()


def _unpickled(array):
    return pickle.loads(pickle.dumps(array))


_ARRAYS = {
    "plain": np.arange(6, dtype="f4"),
    "empty": np.zeros(0, "f4"),
    "rank 0": np.array(2, "f4"),
    "rank 2": np.ones((2, 3), "f4"),
    "reversed": np.arange(6, dtype="f4")[::-1],
    "every other": np.arange(6, dtype="f4")[::2],
    "one of each row": np.ones((3, 4), "f4")[:, 1],
    "repeated": np.broadcast_to(np.float32(3), 5),
    "foreign": np.arange(6, dtype=">f4"),
    "misaligned": np.zeros(25, "u1")[1:].view("f4"),
    "unpickled": _unpickled(np.arange(6, dtype="f4")),
    "read only": np.frombuffer(bytes(24), "f4"),
    "scalar": np.float32(2.5),
    "subclass": np.arange(6, dtype="f4").view(type("Mine", (np.ndarray,), {})),
    "f8": np.arange(6.0),
    "i4": np.arange(6, dtype="i4"),
    "masked": np.ma.masked_array(np.arange(6, dtype="f4")),
    "list": [1.0, 2.0],
    "number": 1.5,
    "text": "x",
    "none": None,
    "object": np.array([1, None]),
}
_NATIVE = {
    "scalar", "plain", "empty", "rank 0", "rank 2", "reversed", "every other",
    "one of each row", "repeated", "unpickled", "read only",
}  # fmt: skip


def test_arrays_of_all_sorts(pair, add_one):
    def make(call):
        (x,) = call.leaves
        leaf = leaf_of(x)
        if not isinstance(leaf, ArrayLeaf) or leaf.dtype is not f32:
            raise TypeError(f"not for {type(x).__name__}")
        return add_one(leaf.rank, leaf.layout).variant()

    both = pair(lambda x: x, make)
    for array in _ARRAYS.values():
        both.check(array)
    for name, array in _ARRAYS.items():
        both.check(array, is_native=name in _NATIVE)


def _counts(x, k=3, *, flag="on"):
    return x


def _counts_variant(numbers):
    return numbers.signature.replace(
        parameters=("x", "k", "flag"),
        structure=flat_tuple(3),
        leaves=(*numbers.signature.leaves, KeyLeaf("on")),
    )


@pytest.mark.parametrize(
    ("args", "kwargs", "is_native"),
    [
        ((3,), {"flag": "on"}, True),
        ((), {"k": 4, "flag": "on"}, True),
        ((), {"flag": "on", "k": 2**62}, True),
        ((-1,), {"flag": _fresh("on")}, True),
        ((), {"flag": "on"}, True),
        ((3,), {}, True),
        ((), {}, True),
        ((True,), {"flag": "on"}, False),
        ((2**63,), {"flag": "on"}, False),
        ((1.0,), {"flag": "on"}, False),
        ((1,), {"flag": "off"}, False),
        ((1, 2), {"flag": "on"}, False),
        ((), {_fresh("flag"): "on"}, True),
        ((1,), {"k": 2, "flag": "on"}, False),
        ((1,), {"fla": "on"}, False),
        ((np.int64(2),), {"flag": "on"}, False),
    ],
)
def test_arguments_of_all_sorts(pair, numbers, args, kwargs, is_native):
    def make(call):
        if call.leaves[2] != "on" or type(call.leaves[1]) is not int:
            raise TypeError("not for this")
        if not -(2**63) <= call.leaves[1] < 2**63:
            raise TypeError("too large")
        return numbers.variant(_counts_variant(numbers))

    both = pair(_counts, make)
    x = np.arange(4.0)
    both.check(x, 3, flag="on")
    for _ in range(2):
        kwargs = {sys.intern(name): value for name, value in kwargs.items()}
        both.check(x, *args, is_native=is_native, **kwargs)


def test_defaults_are_read_at_each_call(pair, numbers):
    def f(x, k=3):
        return x

    both = pair(f, lambda call: numbers.variant())
    x = np.arange(4.0)
    both.check(x)
    assert both.check(x, is_native=True)[1][1] == (int, 7)
    f.__defaults__ = (10,)
    assert both.check(x, is_native=True)[1][1] == (int, 14)
    f.__defaults__ = None
    assert both.check(x, is_native=False)[0].__name__ == "StructureError"


def test_defaults_of_keywords_are_read_at_each_call(pair, numbers):
    def f(x, *, k=3):
        return x

    both = pair(f, lambda call: numbers.variant())
    x = np.arange(4.0)
    both.check(x)
    assert both.check(x, is_native=True)[1][1] == (int, 7)
    f.__kwdefaults__ = {"k": 10}
    assert both.check(x, is_native=True)[1][1] == (int, 14)
    f.__kwdefaults__["k"] = 11
    assert both.check(x, is_native=True)[1][1] == (int, 15)
    for nothing in ({}, None):
        f.__kwdefaults__ = nothing
        assert both.check(x, is_native=False)[0].__name__ == "StructureError"


def test_defaults_that_cannot_be_rebound(pair, numbers):
    """Those of callables that are no functions of Python's, such as transforms."""

    class Callable:
        def __call__(self, x, k=3):
            return x

    both = pair(Callable(), lambda call: numbers.variant())
    x = np.arange(4.0)
    both.check(x)
    assert both.check(x, is_native=True)[1][1] == (int, 7)
    assert both.check(x, k=4, is_native=True)[1][1] == (int, 8)


def test_reals_and_guards(pair, axpy):
    def make(call):
        _, x, y = call.leaves
        if x.shape != y.shape:
            raise TypeError("lengths differ")
        return axpy.variant()

    both = pair(lambda a, x, y: x, make)
    x = np.arange(5.0)
    both.check(0.5, x, x)
    both.check(0.5, x, x, is_native=True)
    both.check(float("nan"), x, x, is_native=True)
    both.check(0.5, x, x[:4], is_native=False)
    both.check(1, x, x, is_native=False)
    both.check(np.float64(1), x, x, is_native=False)
    assert both.check(-0.0, -x, -x, is_native=True)[1][0][2] != bytes(40)


def test_fixed_sizes(pair, add_one):
    def make(call):
        size = call.leaves[0].shape[1]
        leaf = ArrayLeaf(f32, 2, sizes=(None, size))
        program = add_one(2)
        return program.variant(program.signature.replace(leaves=(leaf,)))

    both = pair(lambda x: x, make)
    for shape in ((2, 3), (5, 3), (3, 2), (0, 2), (2, 3)):
        both.check(np.ones(shape, "f4"))
    assert both.dispatcher.statistics().compiles == 2
    both.check(np.ones((9, 3), "f4"), is_native=True)
    both.check(np.ones((9, 2), "f4"), is_native=True)
    both.check(np.ones((9, 4), "f4"), is_native=False)


def test_integers_of_two_names(pair, take):
    both = pair(lambda x, i: x, lambda call: take.variant())
    x = np.arange(4.0)
    both.check(x, np.array([1], "long"))
    both.check(x, np.array([1], "long"), is_native=True)
    both.check(x, np.array([1], "longlong"), is_native=True)


def test_errors_and_their_values(pair, take):
    both = pair(lambda x, i: x, lambda call: take.variant())
    x = np.arange(4.0)
    both.check(x, np.array([3]))
    for bad in (4, -1, 2**60):
        _, text = both.check(x, np.array([3, bad]), is_native=True)
        assert f"index {bad} is out of bounds" in text
    broken = dataclasses.replace(take, errors=())
    both = pair(lambda x, i: x, lambda call: broken.variant())
    both.check(x, np.array([3]))
    both.check(x, np.array([4]), is_native=True)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 5000, 100_000, 3])
def test_scratch_memory(pair, numbers, size):
    both = pair(lambda x, k: x, lambda call: numbers.variant())
    x = np.random.default_rng(0).random(size)
    for _ in range(3):
        both.check(x, 7)
    both.check(x, 7, is_native=True)


def test_results_of_all_forms(pair, axpy):
    leaves = (ArrayResult(f64, 1), ConstantResult("done"), IntegerResult(2))
    for structure in (
        flat_tuple(3),
        flatten([1, 2, 3])[1],
        flatten({"z": 1, "rest": (2, None, 3)})[1],
    ):
        signature = axpy.signature.replace(results=leaves, result_structure=structure)
        both = pair(lambda a, x, y: x, lambda call, s=signature: axpy.variant(s))
        both.check(1.0, np.arange(3.0), np.ones(3))
        both.check(1.0, np.arange(3.0), np.ones(3), is_native=True)


def test_optional_and_nested_arguments(pair, numbers):
    nested = numbers.signature.replace(
        parameters=("x", "k"), structure=flatten(([1], 2))[1]
    )
    optional = numbers.signature.replace(
        parameters=("x", "mask", "k"),
        structure=flatten((1, None, 2))[1],
    )
    both = pair(lambda x, mask, k: x, lambda call: numbers.variant(optional))
    both.check(np.ones(3), None, 2)
    both.check(np.ones(3), None, 2, is_native=True)
    both = pair(lambda x, k: x, lambda call: numbers.variant(nested))
    both.check([np.ones(3)], 2)
    both.check([np.ones(3)], 2, is_native=True)


def test_functions_that_gather_their_arguments(pair, numbers):
    signature = numbers.signature.replace(
        parameters=("rest",), structure=flatten(((1, 2),))[1]
    )
    both = pair(lambda *rest: rest, lambda call: numbers.variant(signature))
    for _ in range(2):
        both.check(np.ones(3), 2, is_native=False)
