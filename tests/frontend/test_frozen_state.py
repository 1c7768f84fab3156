"""State that is not there yet, and what no variant could hold: nothing is frozen."""

import datetime
import io
import itertools
import os
import pathlib
import sys
import types
from collections import Counter
from datetime import datetime as moment
from os import environ, getpid
from pathlib import Path

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import PenstockError, TraceError

X = np.ones(2)


class Settings:
    pass


class Slotted:
    __slots__ = ("scale",)


class Guessing:
    def __getattr__(self, name):
        if name == "scale":
            return 2.0
        raise AttributeError(name)


def scaled(x):
    return x * getattr(scaled, "scale", 1.0)


def follows(function, *steps):
    """A compiled function gives what Python gives, before and after each step."""
    compiled = ps.compile(function)
    for step in [lambda: None, *steps]:
        step()
        np.testing.assert_array_equal(compiled(X), function(X))
        np.testing.assert_array_equal(compiled(X), function(X))
    return compiled


@pytest.mark.parametrize("kind", [Settings, Slotted, Guessing, types.SimpleNamespace])
@pytest.mark.parametrize("name", ["scale", "other"])
def test_an_attribute_that_is_set_later(kind, name):
    owner = kind()
    if kind is Slotted:
        name = "scale"
    follows(
        lambda x: x * getattr(owner, name, 1.0),
        lambda: setattr(owner, name, 5.0),
        lambda: delattr(owner, name),
    )
    follows(
        lambda x: x * 2 if hasattr(owner, name) else x,
        lambda: setattr(owner, name, 5.0),
    )


def test_an_attribute_that_the_class_gets_later():
    class Late:
        pass

    owner = Late()
    follows(
        lambda x: x * getattr(owner, "scale", 1.0) * getattr(Late, "size", 1.0),
        lambda: setattr(Late, "scale", 5.0),
        lambda: setattr(Late, "size", 3.0),
        lambda: setattr(owner, "scale", 7.0),
    )


def test_an_attribute_that_an_argument_gets_later():
    function = lambda owner, x: x * getattr(owner, "scale", 1.0)  # noqa: E731
    compiled, owner = ps.compile(function), Settings()
    np.testing.assert_array_equal(compiled(owner, X), X)
    owner.scale = 3.0
    np.testing.assert_array_equal(compiled(owner, X), X * 3)
    del owner.scale
    np.testing.assert_array_equal(compiled(owner, X), X)
    assert compiled.stats().variants == 2


def test_an_attribute_that_a_function_gets_later(monkeypatch):
    follows(scaled, lambda: monkeypatch.setattr(scaled, "scale", 4.0, raising=False))


def test_a_name_of_a_module_that_is_set_later(monkeypatch):
    module = types.ModuleType("late")
    follows(
        lambda x: x * getattr(module, "SCALE", 1.0),
        lambda: monkeypatch.setattr(module, "SCALE", 4.0, raising=False),
    )


def test_a_global_that_is_set_later():
    def function(x):
        try:
            return x * LATE
        except NameError:
            return x

    names = globals()
    try:
        follows(
            function,
            lambda: names.update(LATE=3.0),
            lambda: names.update(LATE=4.0),
            lambda: names.pop("LATE"),
        )
        follows(
            lambda x: x * 2 if "LATE" in globals() else x,
            lambda: names.update(LATE=3.0),
            lambda: names.pop("LATE"),
        )
        follows(
            lambda x: x * globals().get("LATE", 1.0),
            lambda: names.update(LATE=3.0),
        )
    finally:
        names.pop("LATE", None)


def test_a_variable_that_is_set_later():
    def enclosing():
        def function(x):
            try:
                return x * scale
            except NameError:
                return x

        def assign():
            nonlocal scale
            scale = 3.0

        if not X.size:
            scale = 1.0
        return function, assign

    function, assign = enclosing()
    follows(function, assign)


counter = itertools.count(1)
generator = (number for number in range(9))
now = moment.now
PATH = Path("a") / "b"
stream = io.StringIO("1")


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: x * next(counter), "counter"),
        (lambda x: x * next(generator), "generator"),
        (lambda x: [x * one for one in counter], "counter"),
        (lambda x: x * int(stream.readline()), "stream.readline"),
        (lambda x: x * len(os.environ["HOME"]), "os.environ"),
        (lambda x: x * ("HOME" in environ), "os.environ"),
        (lambda x: x * len(os.environ.get("HOME")), "os.environ.get"),
        (lambda x: x * len(os.getenv("HOME")), "os.getenv"),
        (lambda x: x * os.getpid(), "os.getpid"),
        (lambda x: x * getpid(), "os.getpid"),
        (lambda x: x * len(os.listdir(".")), "os.listdir"),
        (lambda x: x * os.path.exists("."), "os.path.exists"),
        (lambda x: x * datetime.datetime.now().second, "datetime.datetime.now"),
        (lambda x: x * moment.utcnow().second, "datetime.datetime.utcnow"),
        (lambda x: x * now().second, "datetime.datetime.now"),
        (lambda x: x * datetime.date.today().day, "datetime.date.today"),
        (lambda x: x * len([*open("file")]), "open"),  # noqa: SIM115
        (lambda x: io.open("file"), "open"),  # noqa: SIM115, UP020
        (lambda x: x * np.load("file"), "np.load"),
        (lambda x: x * np.loadtxt("file"), "np.loadtxt"),
    ],
)
def test_what_differs_in_each_call_is_an_error(function, name):
    with pytest.raises(TraceError) as raised:
        ps.compile(function)(X)
    assert raised.value.code == "impure-call"
    assert raised.value.message.startswith(f"{name} would ")
    assert raised.value.loc.file == __file__


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * len(os.path.join("a", "b")) * len(os.sep),
        lambda x: x * datetime.datetime(2020, 1, 2).day,
        lambda x: x * isinstance(datetime.datetime(2020, 1, 2), moment),
        lambda x: x * moment.strptime("2020", "%Y").year,
        lambda x: x * (moment(2020, 1, 2) - moment(2020, 1, 1)).days,
        lambda x: x * sum(itertools.islice(itertools.count(1), 3)),
        lambda x: x * sys.float_info.epsilon * sys.maxsize,
        lambda x: x * len(str(PATH / "c")) * len(Path("d").name),
        lambda x: x * isinstance(PATH, Path) * isinstance(PATH, pathlib.PurePath),
        lambda x: x * (Path("a") == pathlib.Path("a")) * (Path("a/b") == PATH),
    ],
)
def test_what_is_the_same_in_each_call_is_not(function):
    follows(function)


def set_attribute(x):
    set_attribute.calls = getattr(set_attribute, "calls", 0) + 1
    return x


def delete_attribute(x):
    del scaled.kept
    return x


def test_attributes_of_functions_cannot_be_written(monkeypatch):
    monkeypatch.setattr(scaled, "kept", 1.0, raising=False)
    for function, name in (
        (set_attribute, "set_attribute.calls"),
        (delete_attribute, "scaled.kept"),
    ):
        with pytest.raises(TraceError) as raised:
            ps.compile(function)(X)
        assert raised.value.code == "write-to-state"
        assert raised.value.message == (
            f"cannot set {name} in a compiled function: it belongs to the caller"
        )
        assert raised.value.loc.line == function.__code__.co_firstlineno + 1


def test_attributes_of_functions_made_while_tracing_can():
    def function(x):
        def inner():
            pass

        inner.scale = 2.0
        return x * inner.scale

    follows(function)


def writing(members, method, arguments):
    def function(x):
        getattr(members, method)(*arguments)
        return x

    return function


def test_captured_sets_are_sets_that_cannot_be_written():
    members = {1, 2}
    for method, *arguments in (
        ("add", 3), ("update", (3,)), ("discard", 1), ("remove", 1), ("pop",),
        ("clear",), ("__ior__", frozenset((3,))),
    ):  # fmt: skip
        function = writing(members, method, arguments)
        with pytest.raises(TraceError, match="cannot change closure members"):
            ps.compile(function)(X)
    assert members == {1, 2}

    def reads(x):
        copy = members.copy()
        copy.add(9)
        both = members | {7}
        both.add(8)
        return x * len(copy) * len(both) * sum(members) * isinstance(members, set)

    follows(reads, lambda: members.add(5))


def calls_itself(x: float, n: int = 0):
    """Something."""
    me = calls_itself
    named = len(me.__name__) + len(me.__qualname__) + len(me.__module__)
    return x * (named + len(me.__doc__ or "") + len(me.__annotations__))


def asks_another(x):
    return x * len(getattr(calls_itself, "__doc__"))  # noqa: B009


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("__doc__", "Something else."),
        ("__name__", "other"),
        ("__qualname__", "other"),
        ("__module__", "other"),
        ("__annotations__", {}),
    ],
)
def test_what_a_function_says_of_itself(monkeypatch, name, value):
    """It was what it had been when traced."""
    functions = [calls_itself]
    if name == "__doc__":
        functions.append(asks_another)
    for function in functions:
        compiled = ps.compile(function)
        np.testing.assert_array_equal(compiled(X), function(X))
        with monkeypatch.context() as patch:
            patch.setattr(calls_itself, name, value)
            np.testing.assert_array_equal(compiled(X), function(X))


def test_counters():
    counter = Counter("abracadabra")

    def reads(x):
        sums = (counter + counter, counter - Counter("aab"), counter | Counter("zz"))
        others = (counter & Counter("ab"), Counter("ab") + counter, +counter, -counter)
        found = [sum(one.values()) for one in (*sums, *others)]
        found += [counter["a"], counter["none"], counter.get("none", 7)]
        found += [counter.total(), len([*counter.elements()]), len(counter)]
        found += [count for _, count in counter.most_common(2)]
        return x * np.array(found)[:, None]

    follows(reads, lambda: counter.update("abc"))
    with pytest.raises(TraceError, match="write-to-state"):
        ps.compile(lambda x: x * counter.subtract("a"))(X)


def ndarray_sum(x):
    return np.ndarray.sum(x)


def memory(x):
    return memoryview(x)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (ndarray_sum, "np.ndarray.sum is not supported"),
        (memory, "the memory of a traced array is not supported"),
        (lambda x: x.copy().__delitem__(0), "cannot delete array elements"),
    ],
)
def test_what_arrays_of_the_trace_are_no_good_for(function, message):
    with pytest.raises(PenstockError, match=message) as raised:
        ps.compile(function)(X)
    assert raised.value.loc.file == __file__
