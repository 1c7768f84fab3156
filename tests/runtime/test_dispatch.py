"""The Python dispatcher: which variant serves a call, and what comes back."""

import dataclasses
import threading
import time

import numpy as np
import pytest

from penstock.ir.errors import IndexOutOfBoundsError, RunError, StructureError
from penstock.ir.types import f32, f64
from penstock.runtime.binding import Binder
from penstock.runtime.dispatch import Dispatcher, DispatchOptions
from penstock.runtime.pytree import flat_tuple, flatten
from penstock.runtime.signature import (
    ArrayLeaf,
    ArrayResult,
    Captured,
    ConstantResult,
    GlobalReader,
    IntegerResult,
    KeyLeaf,
    ParameterResult,
    Signature,
    leaf_of,
)


def _fresh(text):
    """An equal text that is another object."""
    return bytes(text, "ascii").decode()


def _dispatcher(function, make_variant, **options):
    return Dispatcher(Binder.of(function), DispatchOptions(**options), make_variant)


def test_a_call(add_one):
    f = _dispatcher(lambda x: x, lambda call: add_one().variant())
    x = np.arange(5, dtype=np.float32)
    y = f(x)
    assert y.dtype == np.float32
    assert y.tolist() == [1, 2, 3, 4, 5]
    assert f(x=x).tolist() == y.tolist()


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000])
def test_one_variant_serves_every_size(add_one, size):
    f = _dispatcher(lambda x: x, lambda call: add_one().variant())
    for length in (3, size):
        x = np.random.default_rng(0).random(length, np.float32)
        assert np.array_equal(f(x), x + np.float32(1))
    assert f.statistics().compiles == 1


def test_another_rank_makes_another_variant(add_one):
    def make(call):
        (x,) = call.leaves
        return add_one(x.ndim, leaf_of(x).layout).variant()

    f = _dispatcher(lambda x: x, make)
    for shape in ((4,), (4, 3), (), (2, 0, 3)):
        x = np.ones(shape, np.float32)
        for _ in range(2):
            assert np.array_equal(f(x), x + 1)
            assert np.shape(f(x)) == shape
    assert np.array_equal(f(np.arange(6, dtype="f4")[::2]), [1, 3, 5])
    assert np.array_equal(f(np.arange(6, dtype="f4")[::-3]), [6, 3])
    assert f.statistics().compiles == 5


def test_results_of_rank_0_are_scalars(numbers):
    f = _dispatcher(lambda x, k: x, lambda call: numbers.variant())
    total, size, half = f(np.arange(4.0), 3)
    assert (type(total), total) == (np.float64, 6.0)
    assert (type(size), size) == (int, 7)
    assert (type(half), half) == (float, 1.5)
    # 800 KB of scratch memory, twice.
    for _ in range(2):
        assert f(np.ones(100_000), -1)[:2] == (100_000, 99_999)


def test_guards_choose(axpy, add_one):
    made = []

    def make(call):
        made.append(call)
        _, x, y = call.leaves
        if x.shape == y.shape:
            return axpy.variant()
        raise StructureError(None, "x and y differ", code="test")

    f = _dispatcher(lambda a, x, y: x, make)
    assert f(2.0, np.arange(3.0), np.ones(3)).tolist() == [1, 3, 5]
    assert f(2.0, np.arange(4.0), np.ones(4)).tolist() == [1, 3, 5, 7]
    with pytest.raises(StructureError, match="x and y differ"):
        f(2.0, np.arange(3.0), np.ones(4))
    # What cannot be compiled leaves nothing behind.
    with pytest.raises(StructureError, match="x and y differ"):
        f(2.0, np.arange(3.0), np.ones(4))
    assert len(made) == 3
    assert f.statistics().variants == 1


def test_errors_come_from_the_table(take):
    f = _dispatcher(lambda x, i: x, lambda call: take.variant())
    x = np.arange(10.0)
    assert f(x, np.array([9, 0])).tolist() == [9, 0]
    with pytest.raises(IndexOutOfBoundsError) as caught:
        f(x, np.array([3, 10]))
    assert str(caught.value) == (
        "elsewhere.py:12:5: error: index 10 is out of bounds [index-out-of-bounds]\n"
        "  help: check indices before, or clip them: np.clip(i, 0, n - 1)"
    )
    assert isinstance(caught.value, IndexError)


def test_a_status_that_means_nothing(take):
    broken = dataclasses.replace(take, errors=())
    f = _dispatcher(lambda x, i: x, lambda call: broken.variant())
    with pytest.raises(AssertionError, match="the program returned 1"):
        f(np.arange(3.0), np.array([7]))


def test_nested_arguments_and_results(axpy):
    params = {"a": 2.0, "xy": [np.arange(3.0), np.ones(3)]}
    signature = Signature(
        ("params",),
        flatten((params,))[1],
        axpy.signature.leaves,
        (),
        (ArrayResult(f64, 1), ConstantResult("done"), IntegerResult(2)),
        flatten({"z": 0, "rest": (0, 0)})[1],
    )
    f = _dispatcher(lambda params: params, lambda call: axpy.variant(signature))
    result = f(params)
    assert result["z"].tolist() == [1, 3, 5]
    assert result["rest"] == ("done", 3)


def test_results_that_are_arguments_are_copies(axpy):
    signature = axpy.signature.replace(
        results=(ArrayResult(f64, 1), ParameterResult(1), ParameterResult(0)),
        result_structure=flat_tuple(3),
    )
    f = _dispatcher(lambda a, x, y: x, lambda call: axpy.variant(signature))
    x = np.arange(3.0)
    _, same, a = f(2.0, x, x)
    assert same.tolist() == x.tolist()
    assert not np.shares_memory(same, x)
    assert a == 2.0


def _capturing(add_one, namespace):
    signature = Signature(
        ("mode",),
        flat_tuple(1),
        (KeyLeaf("fast"), ArrayLeaf(f32, 1)),
        (Captured(GlobalReader(namespace, "W")),),
        (ArrayResult(f32, 1),),
    )
    return add_one().variant(signature)


def test_captured_state_is_read_at_each_call(add_one):
    namespace = {"W": np.zeros(2, np.float32)}
    made = []

    def make(call):
        made.append(call)
        return _capturing(add_one, namespace)

    f = _dispatcher(lambda mode: mode, make)
    assert f("fast").tolist() == [1, 1]
    namespace["W"] = np.arange(3, dtype=np.float32)
    assert f(_fresh("fast")).tolist() == [1, 2, 3]
    assert len(made) == 1
    # No variant of this test takes a list, so that it is tried and given up.
    namespace["W"] = [1, 2]
    with pytest.raises(RunError) as caught:
        f("fast")
    assert str(caught.value) == (
        "error: test_captured_state_is_read_at_each_call.<locals>.<lambda>: what it "
        "reads changes while it is compiled: global W is [1, 2], not f32[_] "
        "[unsteady-capture]\n  help: pass it as an argument"
    )


def test_the_least_recently_used_variant_is_dropped(add_one):
    f = _dispatcher(
        lambda x: x, lambda call: add_one(call.leaves[0].ndim).variant(),
        variant_limit=2,
    )  # fmt: skip
    arrays = [np.ones((1,) * rank, np.float32) for rank in range(1, 4)]
    f(arrays[0])
    f(arrays[1])
    f(arrays[0])
    f(arrays[2])
    found = f.statistics()
    assert (found.variants, found.evictions, found.compiles, found.calls) == (
        2,
        1,
        3,
        4,
    )
    f(arrays[0])
    assert f.statistics().compiles == 3
    f(arrays[1])
    assert f.statistics().compiles == 4


def test_threads_compile_a_variant_once(add_one):
    made = []
    program = add_one()

    def make(call):
        made.append(call)
        time.sleep(0.05)
        return program.variant()

    f = _dispatcher(lambda x: x, make)
    x = np.zeros(100, np.float32)
    results = []
    threads = [threading.Thread(target=lambda: results.append(f(x))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 1
    assert len(results) == 8
    assert all((result == 1).all() for result in results)
    assert f.statistics().calls == 8


def test_compiling_may_call_other_functions(add_one):
    inner = _dispatcher(lambda x: x, lambda call: add_one().variant())

    def make(call):
        assert inner(np.zeros(2, np.float32)).tolist() == [1, 1]
        return add_one().variant()

    outer = _dispatcher(lambda x: x, make)
    assert outer(np.zeros(2, np.float32)).tolist() == [1, 1]


def test_a_child_compiles_though_its_parent_was_compiling(fresh_python):
    code = """
import os, threading, time, warnings
warnings.simplefilter("ignore")
from penstock.runtime import dispatch
locked = threading.Event()
def hold():
    with dispatch._compiling.lock:
        locked.set()
        time.sleep(1)
threading.Thread(target=hold, daemon=True).start()
locked.wait()
child = os.fork()
if child == 0:
    with dispatch._compiling.lock:
        os._exit(7)
print(os.waitpid(child, 0)[1] >> 8)
"""
    start = time.perf_counter()
    assert fresh_python(code) == "7\n"
    assert time.perf_counter() - start < 10


def test_why_a_variant_does_not_serve(axpy, add_one):
    artifact = axpy.artifact().replace(guards=("n == m",))
    variant = axpy.variant(artifact=artifact)
    binder = Binder.of(lambda a, x, y: x)

    def why(*arguments):
        return variant.refusal(binder.bind(arguments, {}))

    x = np.ones(3)
    assert why(1.0, x, x) is None
    assert why(1.0, x, np.ones(4)) == "it does not hold that n == m"
    assert why(1, x, x) == "a is int (1), not float"
    assert why(1.0, x[::2], x) == "x is f64[2] strided, not f64[_]"
    assert why(1.0, x, x.astype("f4")) == "y is f32[3], not f64[_]"
    assert why(1.0, x, np.ma.masked_array(x)) == "y is MaskedArray, not f64[_]"
    assert why(1.0, x, "text") == "y is 'text', not f64[_]"
    assert why(1.0, x, [x]) == "y is [f64[3]], not f64[_]"
    namespace = {}
    capturing = _capturing(add_one, namespace)
    call = Binder.of(lambda mode: mode).bind(("fast",), {})
    assert (
        capturing.refusal(call) == "what it captures has gone, or is nested otherwise"
    )
    namespace["W"] = 3
    assert capturing.refusal(call) == "global W is int (3), not f32[_]"


def test_finding_a_variant_does_not_run_it(axpy):
    f = _dispatcher(lambda a, x, y: x, lambda call: axpy.variant())
    call = f.binder.bind((1.0, np.ones(2), np.ones(2)), {})
    assert f.find(call) is None
    variant = f.variant_for(call)
    assert f.find(call) is variant
    assert f.statistics().calls == 0


def test_the_cache_is_counted_apart(axpy):
    f = _dispatcher(lambda a, x, y: x, lambda call: axpy.variant(from_cache=True))
    f(1.0, np.ones(2), np.ones(2))
    found = f.statistics()
    assert (found.compiles, found.cache_hits) == (0, 1)
    assert found.compile_seconds > 0
