"""The native callable as a Python object."""

import copy
import ctypes
import functools
import gc
import inspect
import operator
import timeit
import weakref

import numpy as np
import pytest

from penstock.runtime import native as native_module
from penstock.runtime.binding import Binder
from penstock.runtime.dispatch import Dispatcher, DispatchOptions
from penstock.runtime.native import new_callable, self_check
from penstock.runtime.pytree import flat_tuple, flatten
from penstock.runtime.signature import (
    InstanceLeaf,
)


class _Base:
    __slots__ = ()

    def method(self):
        return "of the base"

    def __repr__(self):
        return f"<compiled {self.__name__}>"


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
