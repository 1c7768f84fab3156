"""The native dispatcher, held against the Python one."""

import contextlib
import copy
import ctypes
import dataclasses
import functools
import gc
import inspect
import operator
import pickle
import sys
import threading
import timeit
import types
import weakref

import numpy as np
import pytest

from penstock.ir.errors import RunError
from penstock.ir.types import f32, f64
from penstock.runtime import native as native_module
from penstock.runtime.binding import Binder
from penstock.runtime.dispatch import Dispatcher, DispatchOptions
from penstock.runtime.native import new_callable, self_check
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
    IntegerResult,
    ItemReader,
    KeyLeaf,
    ParameterResult,
    Signature,
    ValueReader,
    leaf_of,
)


class _Base:
    __slots__ = ()

    def method(self):
        return "of the base"

    def __repr__(self):
        return f"<compiled {self.__name__}>"


class _Counting(Dispatcher):
    """Counts the calls that reach the Python dispatcher."""

    reached = 0

    def __call__(self, *args, **kwargs):
        self.reached += 1
        return self.call(args, kwargs)


class _Pair:
    """The same function behind both dispatchers."""

    def __init__(self, function, make_variant, support, **options):
        binder, options = Binder.of(function), DispatchOptions(**options)
        self.oracle = Dispatcher(binder, options, make_variant)
        self.dispatcher = _Counting(binder, options, make_variant)
        self.native = new_callable(_Base, self.dispatcher, support)

    def check(self, *args, is_native=None, **kwargs):
        """Compare one call; ``is_native`` says whether Python may be reached."""
        expected = _outcome(self.oracle, args, kwargs)
        before = self.dispatcher.reached
        actual = _outcome(self.native, args, kwargs)
        assert actual == expected
        if is_native is not None:
            assert (self.dispatcher.reached == before) == is_native
        theirs, ours = self.oracle.statistics(), self.dispatcher.statistics()
        assert (theirs.calls, theirs.compiles) == (ours.calls, ours.compiles)
        return actual


def _outcome(function, args, kwargs):
    try:
        result = function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001
        return type(error), str(error)
    leaves, structure = flatten(result)
    return structure, [_exactly(leaf) for leaf in leaves]


def _exactly(leaf):
    if isinstance(leaf, np.ndarray):
        assert leaf.flags.c_contiguous
        assert leaf.flags.writeable
        assert leaf.base is None
        return leaf.shape, leaf.dtype, leaf.tobytes()
    return type(leaf), leaf


@pytest.fixture
def pair(support):
    assert self_check() is None
    return lambda function, make_variant, **options: _Pair(
        function, make_variant, support, **options
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
    "plain", "empty", "rank 0", "rank 2", "reversed", "every other",
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
        # The default of a keyword-only parameter is left to the Python dispatcher.
        ((3,), {}, False),
        ((), {}, False),
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


def test_results_that_are_arguments_are_left_to_python(pair, axpy):
    signature = axpy.signature.replace(
        results=(ArrayResult(f64, 1), ParameterResult(1)),
        result_structure=flat_tuple(2),
    )
    both = pair(lambda a, x, y: x, lambda call: axpy.variant(signature))
    x = np.arange(3.0)
    for _ in range(2):
        both.check(1.0, x, x, is_native=False)


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
    for _ in range(2):
        both.check([np.ones(3)], 2, is_native=False)


def test_functions_that_gather_their_arguments(pair, numbers):
    signature = numbers.signature.replace(
        parameters=("rest",), structure=flatten(((1, 2),))[1]
    )
    both = pair(lambda *rest: rest, lambda call: numbers.variant(signature))
    for _ in range(2):
        both.check(np.ones(3), 2, is_native=False)


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


class TestObject:
    @pytest.fixture
    def f(self, support, add_one):
        program = add_one()

        def function(x):
            """Add one."""
            return x

        dispatcher = Dispatcher(
            Binder.of(function), DispatchOptions(), lambda call: program.variant()
        )
        made = new_callable(_Base, dispatcher, support)
        return functools.update_wrapper(made, function)

    def test_it_looks_like_its_function(self, f):
        assert f.__name__ == "function"
        assert f.__doc__ == "Add one."
        assert list(inspect.signature(f).parameters) == ["x"]
        assert repr(f) == "<compiled function>"
        assert f.method() == "of the base"
        assert isinstance(f, _Base)
        assert callable(f)
        assert isinstance(f.dispatcher, Dispatcher)
        with pytest.raises(AttributeError):
            f.dispatcher = None

    def test_it_has_attributes(self, f):
        f.note = [1]
        assert vars(f)["note"] == [1]
        del f.note
        assert not hasattr(f, "note")

    def test_it_binds_as_a_method(self, support, numbers):
        signature = numbers.signature.replace(
            parameters=("self", "x", "k"),
            structure=flatten((None, 1, 2))[1],
        )

        class Owner:
            def plain(self, x, k):
                return x

        dispatcher = Dispatcher(
            Binder.of(Owner.plain),
            DispatchOptions(),
            lambda call: numbers.variant(
                signature.replace(
                    structure=flat_tuple(3),
                    leaves=(InstanceLeaf(Owner), *numbers.signature.leaves),
                )
            ),
        )
        Owner.total = new_callable(_Base, dispatcher, support)
        owner = Owner()
        for _ in range(3):
            assert owner.total(np.ones(3), 2)[1] == 5
            assert Owner.total(owner, np.ones(3), k=2)[1] == 5
        bound = owner.total
        assert bound(np.ones(3), 2)[1] == 5
        assert bound.__self__ is owner
        assert Owner.total is dispatcher_of(Owner.total)

    def test_it_can_be_weakly_referenced(self, f, support):
        reference = weakref.ref(f)
        assert reference() is f
        made = new_callable(_Base, _idle(), support)
        reference = weakref.ref(made)
        del made
        assert reference() is None

    def test_it_dies_when_nothing_refers_to_it(self, support, add_one):
        program = add_one()
        died = []
        dispatcher = Dispatcher(
            Binder.of(lambda x: x), DispatchOptions(), lambda call: program.variant()
        )
        f = new_callable(_Base, dispatcher, support)
        weakref.finalize(f, died.append, "function")
        weakref.finalize(dispatcher, died.append, "dispatcher")
        for _ in range(3):
            f(np.ones(3, "f4"))
        weakref.finalize(dispatcher.variants[0], died.append, "variant")
        # A cycle that only the collector finds.
        f.me = f
        del f, dispatcher
        gc.collect()
        assert sorted(died) == ["dispatcher", "function", "variant"]

    def test_one_that_was_taken_apart_is_called_safely(self, support):
        type_ = type(new_callable(_Base, _idle(), support))
        bare = type_.__new__(type_)
        with pytest.raises(TypeError):
            bare(1)

    def test_it_is_not_copied(self, f):
        with pytest.raises(TypeError):
            copy.copy(f)(np.ones(3, "f4"))

    def test_it_cannot_be_derived_from(self, f):
        with pytest.raises(TypeError):
            type("Derived", (type(f),), {})

    def test_calls_of_all_forms(self, f):
        x = np.ones(3, "f4")
        expected = [2, 2, 2]
        assert f(x).tolist() == expected
        assert f.__call__(x).tolist() == expected
        assert f(*[x]).tolist() == expected
        assert f(x=x).tolist() == expected
        assert next(map(f, [x])).tolist() == expected
        assert functools.partial(f, x)().tolist() == expected
        assert operator.call(f, x).tolist() == expected


def dispatcher_of(made):
    return made


def _idle():
    return Dispatcher(Binder.of(lambda x: x), DispatchOptions(), lambda call: None)


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


def test_variants_are_dropped_while_they_run(support, take):
    """Threads call, and each call of another kind drops the variant of the others."""

    def make(call):
        return take.variant(
            take.signature.replace(
                parameters=("x", "i", "key"),
                structure=flat_tuple(3),
                leaves=(*take.signature.leaves, KeyLeaf(call.leaves[2])),
            )
        )

    dispatcher = Dispatcher(
        Binder.of(lambda x, i, key: x), DispatchOptions(variant_limit=1), make
    )
    f = new_callable(_Base, dispatcher, support)
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
    assert dispatcher.statistics().calls == 600
    assert dispatcher.statistics().evictions > 100


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


class TestSelfCheck:
    def test_it_passes_here(self):
        assert self_check() is None

    @pytest.mark.parametrize(
        ("name", "offset", "reason"),
        [
            ("Array.DATA", 8, "arrays"),
            ("Array.STRIDES", 32, "arrays"),
            ("Array.FLAGS", 68, "arrays"),
            ("Descriptor.TYPE_NUMBER", 24, "descriptors"),
            ("FLOAT_VALUE", 8, "numbers"),
            ("TUPLE_ITEMS", 16, "numbers"),
        ],
    )
    def test_other_offsets_are_noticed(self, monkeypatch, name, offset, reason):
        owner = native_module.layout
        *path, field = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        monkeypatch.setattr(owner, field, offset)
        assert native_module._find_reason() == (
            f"objects are laid out otherwise ({reason})"
        )

    def test_other_interpreters(self, monkeypatch):
        monkeypatch.setattr(native_module.sys, "abiflags", "t")
        assert "no global lock" in native_module._find_reason()
        monkeypatch.undo()
        monkeypatch.setattr(native_module, "_main_interpreter", lambda: 1)
        assert native_module._find_reason() == "this is a subinterpreter"


class TestWithoutIt:
    @pytest.fixture
    def f(self, add_one, monkeypatch):
        program = add_one()
        dispatcher = Dispatcher(
            Binder.of(lambda x: x), DispatchOptions(), lambda call: program.variant()
        )
        return new_callable(_Base, dispatcher, None)

    def test_calls(self, f):
        f.__name__ = "f"
        assert f(np.ones(3, "f4")).tolist() == [2, 2, 2]
        assert f(x=np.ones(3, "f4")).tolist() == [2, 2, 2]
        assert repr(f) == "<compiled f>"
        assert isinstance(f, _Base)
        assert isinstance(f.dispatcher, Dispatcher)
        assert weakref.ref(f)() is f

    def test_methods(self, f):
        owner = type("Owner", (), {"add_one": f})
        assert owner.add_one is f
        with pytest.raises(TypeError, match="takes 1 positional argument"):
            owner().add_one(np.ones(3, "f4"))

    def test_a_failed_check_is_the_same(self, support, monkeypatch):
        monkeypatch.setattr(native_module, "self_check", lambda: "a reason")
        made = new_callable(_Base, _idle(), support)
        assert isinstance(made, native_module._PythonCallable)


def test_a_small_call_beats_numpy(support, add_one):
    """10 elements of f32: at most 0.6 of the time of np.add."""
    program = add_one()
    dispatcher = Dispatcher(
        Binder.of(lambda x: x), DispatchOptions(), lambda call: program.variant()
    )
    f = new_callable(_Base, dispatcher, support)
    x = np.arange(10, dtype="f4")
    f(x)
    names = {"f": f, "x": x, "add": np.add}
    timers = {text: timeit.Timer(text, globals=names) for text in ("f(x)", "add(x, x)")}
    best = dict.fromkeys(timers, float("inf"))
    for _ in range(60):
        for text, timer in timers.items():
            best[text] = min(best[text], timer.timeit(1000) / 1000)
    ours, theirs = (best[text] * 1e9 for text in timers)
    print(f"\nx + 1: {ours:.0f} ns, np.add: {theirs:.0f} ns, {ours / theirs:.2f}")
    assert ours <= 0.6 * theirs


def test_no_attribute_of_ctypes_is_touched():
    # They belong to everybody in the process.
    assert ctypes.pythonapi.PyType_FromSpecWithBases.restype is ctypes.c_int
