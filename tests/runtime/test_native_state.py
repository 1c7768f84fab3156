"""The native dispatcher: captured state, and what calls hold on to."""

import contextlib
import gc
import sys
import threading
import types

import numpy as np
import pytest

from penstock.ir.errors import RunError
from penstock.ir.types import f32, f64
from penstock.runtime.pytree import flat_tuple, flatten
from penstock.runtime.signature import (
    ArgumentReader,
    ArrayLeaf,
    ArrayResult,
    AttributeReader,
    Captured,
    CellReader,
    ConstantResult,
    DefaultReader,
    GlobalReader,
    InstanceLeaf,
    ItemReader,
    KeyLeaf,
    Signature,
    ValueReader,
)


def _fresh(text):
    """An equal text that is another object."""
    return bytes(text, "ascii").decode()


class _Model:
    def __init__(self, w, rate):
        self.w = w
        self.layers = [{"rate": rate}]


def _axpy_of(readers, axpy):
    """a * x + y where each is an argument (None) or captured."""
    names = [name for name, reader in readers.items() if reader is None]
    kinds = dict(zip("axy", axpy.signature.leaves, strict=True))
    # The program takes a, x and y in this order, so arguments come first.
    assert list(readers) == [*names, *(n for n in "axy" if n not in names)]
    captured = [Captured(reader) for reader in readers.values() if reader is not None]
    return Signature(
        tuple(names),
        flat_tuple(len(names)),
        tuple(kinds[name] for name in "axy"),
        tuple(captured),
        axpy.signature.results,
    )


def test_captured_state(pair, axpy):
    vector = np.arange(3.0)
    names = {"model": _Model(np.ones(3), 0.5), "x": vector}

    def closure():
        return vector

    cell = CellReader(closure.__closure__[0], "vector")
    model = GlobalReader(names, "model")
    for x, y in (
        (GlobalReader(names, "x"), AttributeReader(model, "w")),
        (cell, AttributeReader(model, "w")),
        (ValueReader(np.arange(3.0), "x"), cell),
    ):
        signature = _axpy_of({"a": None, "x": x, "y": y}, axpy)
        both = pair(lambda a: a, lambda call, s=signature: axpy.variant(s))
        both.check(2.0)
        both.check(2.0, is_native=True)
        names["x"] = vector = vector + 1
        names["model"].w = names["model"].w * 2
        both.check(2.0, is_native=True)
        # A new object in the same place.
        names["model"] = _Model(np.zeros(3), 0.25)
        both.check(2.0, is_native=True)
    rate = ItemReader(ItemReader(AttributeReader(model, "layers"), 0), "rate")
    signature = Signature(
        (),
        flat_tuple(0),
        axpy.signature.leaves,
        (Captured(rate), Captured(cell), Captured(AttributeReader(model, "w"))),
        axpy.signature.results,
    )
    both = pair(lambda: 0, lambda call: axpy.variant(signature))
    both.check()
    both.check(is_native=True)
    names["model"].layers[0]["rate"] = 8.0
    both.check(is_native=True)
    names["model"].layers.clear()
    assert both.check(is_native=False)[0].__name__ == "RunError"


def test_captured_keys(pair, add_one):
    names = {"np": np, "mode": "fast", "__builtins__": {"len": len}}

    def f(x, activation=np.tanh):
        return x

    captured = {
        GlobalReader(names, "np"): KeyLeaf(np),
        GlobalReader(names, "mode"): KeyLeaf("fast"),
        GlobalReader(names, "len"): KeyLeaf(len),
        DefaultReader(f, "activation"): KeyLeaf(np.tanh),
    }
    signature = Signature(
        ("x", "activation"),
        flat_tuple(2),
        (ArrayLeaf(f32, 1), KeyLeaf(np.tanh), *captured.values()),
        tuple(map(Captured, captured)),
        (ArrayResult(f32, 1),),
    )
    # The result's slot follows the only leaf that has slots.
    both = pair(f, lambda call: add_one().variant(signature))
    x = np.arange(3, dtype="f4")
    both.check(x)
    both.check(x, is_native=True)
    both.check(x, np.tanh, is_native=True)
    names["mode"] = _fresh("fast")
    both.check(x, is_native=True)
    for name, value in (("mode", "slow"), ("np", None), ("len", print)):
        changed = names | {name: value}
        saved = dict(names)
        names.update(changed)
        both.check(x, is_native=False)
        names.clear()
        names.update(saved)
        both.check(x, is_native=True)


def test_the_state_of_an_argument(pair, add_one):
    class Layer:
        def __init__(self, w):
            self.w = w

    root = ArgumentReader(0, "self")
    signature = Signature(
        ("self", "flag"),
        flatten((1, None))[1],
        (InstanceLeaf(Layer), ArrayLeaf(f32, 1)),
        (Captured(AttributeReader(root, "w")),),
        (ArrayResult(f32, 1),),
    )
    both = pair(lambda self, flag: self, lambda call: add_one().variant(signature))
    for number in range(4):
        layer = Layer(np.full(number, number, "f4"))
        both.check(layer, None, is_native=number > 0)
    assert both.dispatcher.statistics().compiles == 1
    both.check(Layer(3), None, is_native=False)
    both.check(types.SimpleNamespace(w=1), None, is_native=False)


def test_reading_may_call_the_function_itself(pair, add_one):
    class Restless:
        depth = 0

        @property
        def w(self):
            if Restless.depth < 3:
                Restless.depth += 1
                both.native(np.ones(2, "f4"))
                both.native(np.ones((2, 2), "f4"))
            return "key"

    names = {"state": Restless()}

    def make(call):
        program = add_one(call.leaves[0].ndim)
        reader = AttributeReader(GlobalReader(names, "state"), "w")
        leaves = (*program.signature.leaves, KeyLeaf("key"))
        return program.variant(
            program.signature.replace(leaves=leaves, captured=(Captured(reader),))
        )

    both = pair(lambda x: x, make)
    for array in (np.ones(3, "f4"), np.ones((3, 3), "f4")):
        both.native(array)
    for turn in range(200):
        Restless.depth = turn % 4
        array = np.ones((turn % 5, 2), "f4") if turn % 2 else np.ones(turn, "f4")
        assert (both.native(array) == 2).all()
    # Both variants are still in the table.
    before = both.dispatcher.reached
    for array in (np.ones(3, "f4"), np.ones((3, 3), "f4")):
        both.native(array)
    assert both.dispatcher.reached == before


def test_interrupts_while_reading_are_raised(pair, add_one):
    class Interrupting:
        on = False

        @property
        def w(self):
            if self.on:
                raise KeyboardInterrupt
            return np.ones(2, "f4")

    state = Interrupting()
    reader = AttributeReader(ValueReader(state, "state"), "w")
    signature = Signature(
        (), flat_tuple(0), (ArrayLeaf(f32, 1),), (Captured(reader),),
        (ArrayResult(f32, 1),),
    )  # fmt: skip
    both = pair(lambda: 0, lambda call: add_one().variant(signature))
    both.check()
    both.check(is_native=True)
    state.on = True
    before = both.dispatcher.reached
    with pytest.raises(KeyboardInterrupt):
        both.native()
    assert both.dispatcher.reached == before
    with pytest.raises(KeyboardInterrupt):
        both.oracle()


def test_calls_leave_no_references(pair, axpy):
    def make(call):
        reader = AttributeReader(GlobalReader(names, "state"), "w")
        captured = (Captured(GlobalReader(names, "mode")), Captured(reader))
        leaves = (*axpy.signature.leaves[:2], KeyLeaf("fast"), axpy.signature.leaves[2])
        return axpy.variant(
            Signature(
                ("a", "x"),
                flat_tuple(2),
                leaves,
                captured,
                (ArrayResult(f64, 1), ConstantResult("done")),
                flatten([1, 2])[1],
            )
        )

    def function(a, x=None):
        return x

    function.__defaults__ = (np.ones(3),)
    a, x, w, longer = 1.5, np.ones(3), np.ones(3), np.ones(4)
    modes = [_fresh("fast"), _fresh("slow")]
    state = types.SimpleNamespace(w=w)
    names = {"mode": modes[0], "state": state}
    both = pair(function, make)
    assert both.check(a, x) == both.check(a, x=x) == both.check(a)
    objects = [
        a, x, w, longer, x.dtype, *modes, state, both.dispatcher, both.native, None,
        function.__defaults__, function.__defaults__[0],
    ]  # fmt: skip

    def once():
        both.native(a, x)
        both.native(x=x, a=a)
        both.native(a)
        # Each of these is given up at another place.
        changes = [(names, "mode", modes[1]), (vars(state), "w", longer)]
        for place, name, value in [
            *changes,
            (vars(state), "w", None),
            (names, "state", 1),
        ]:
            before = place[name]
            place[name] = value
            with contextlib.suppress(RunError):
                both.native(a, x)
            place[name] = before
        with contextlib.suppress(RunError):
            both.native(1, x)

    once()
    gc.collect()
    before = [sys.getrefcount(one) for one in objects]
    for _ in range(100):
        once()
    gc.collect()
    after = [sys.getrefcount(one) for one in objects]
    differences = [abs(b - a) for a, b in zip(before, after, strict=True)]
    assert max(differences) < 50, differences


def test_defaults_are_held_while_they_are_used(pair, numbers):
    class Rebinding:
        @property
        def key(self):
            f.__defaults__ = None
            # Takes the memory of the default, unless the call holds it.
            self.waste = np.full(10, 777.0)
            return "key"

    def f(x=None, k=3):
        return x

    reader = AttributeReader(ValueReader(Rebinding(), "state"), "key")
    array, integer = numbers.signature.leaves
    signature = Signature(
        ("x", "k"),
        flat_tuple(2),
        (array, integer, KeyLeaf("key")),
        (Captured(reader),),
        numbers.signature.results,
        numbers.signature.result_structure,
    )

    both = pair(f, lambda call: numbers.variant(signature))
    both.native(np.ones(10), 3)
    for number in range(20):
        f.__defaults__ = (np.full(10, float(number)), 3)
        before = both.dispatcher.reached
        assert both.native()[0] == 10 * number
        assert both.dispatcher.reached == before


def test_defaults_of_keywords_are_held_one_by_one(pair, numbers):
    class Rebinding:
        @property
        def key(self):
            f.__kwdefaults__.clear()
            # Takes the memory of the default, unless the call holds it.
            self.waste = np.full(10, 777.0)
            return "key"

    def f(*, x=None, k=3):
        return x

    reader = AttributeReader(ValueReader(Rebinding(), "state"), "key")
    array, integer = numbers.signature.leaves
    signature = Signature(
        ("x", "k"),
        flat_tuple(2),
        (array, integer, KeyLeaf("key")),
        (Captured(reader),),
        numbers.signature.results,
        numbers.signature.result_structure,
    )

    both = pair(f, lambda call: numbers.variant(signature))
    both.native(x=np.ones(10), k=3)
    for number in range(20):
        f.__kwdefaults__["k"] = 3
        f.__kwdefaults__["x"] = np.full(10, float(number))
        before = both.dispatcher.reached
        assert both.native()[0] == 10 * number
        assert both.dispatcher.reached == before


def test_variants_are_dropped_while_they_run(native, take):
    """Threads call, and each call of another kind drops the variant of the others."""

    def make(call):
        return take.variant(
            take.signature.replace(
                parameters=("x", "i", "key"),
                structure=flat_tuple(3),
                leaves=(*take.signature.leaves, KeyLeaf(call.leaves[2])),
            )
        )

    f = native(lambda x, i, key: x, make, variant_limit=1)
    x, i = np.arange(1000.0), np.arange(1000)[::-1].copy()
    wrong = []

    def caller(number):
        for turn in range(150):
            y = f(x, i, str((turn + number) % 3))
            wrong.extend([turn] * (not np.array_equal(y, x[::-1])))

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    found = f.dispatcher.statistics()
    assert found.calls == 600
    assert found.evictions > 100


def test_the_lock_is_released_for_long_work(pair, spin):
    both = pair(lambda count, steps: count, lambda call: spin.variant())
    both.native(1, 1)
    turns = []
    done = threading.Event()

    def count():
        while not done.is_set():
            turns.append(1)
            done.wait(0.001)

    other = threading.Thread(target=count)
    other.start()
    start = len(turns)
    both.native(8, 24)
    end = len(turns)
    done.set()
    other.join()
    assert end > start + 3


def test_many_variants_in_turn(pair, add_one):
    both = pair(lambda x: x, lambda call: add_one(call.leaves[0].ndim).variant())
    arrays = [np.ones((2,) * rank, "f4") for rank in range(8)]
    for turn in range(64):
        both.check(arrays[turn * 5 % 8], is_native=None if turn < 8 else True)
    found = both.dispatcher.statistics()
    assert (found.calls, found.compiles, found.variants) == (64, 8, 8)
