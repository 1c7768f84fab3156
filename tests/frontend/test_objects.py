"""Objects and classes of the user: as captured state, as arguments, made within."""

import abc
import dataclasses
import enum
import functools
import types
from typing import Any, NamedTuple

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import TraceError, UnsupportedError
from tests.frontend.arrays import X
from tests.frontend.running import assert_same, check, run, serves, traced
from tests.frontend.test_captured import again

BIAS = np.full(4, 0.5, np.float32)
SCALE = 2.0


class Mode(enum.Enum):
    FAST = 1
    SLOW = 2


class Linear:
    scale = 2.0
    shared = np.ones(4, np.float32)

    def __init__(self, size):
        self.weights = np.ones((size, size), np.float32)
        self.options = {"a": 1, "l": [1, 2]}
        self.mode = Mode.FAST

    @property
    def transposed(self):
        return self.weights.T

    @property
    def half(self):
        return self._half

    @half.setter
    def half(self, value):
        self._half = value / 2

    @functools.cached_property
    def doubled(self):
        return self.weights * 2

    @classmethod
    def make(cls, size):
        return cls(size)

    @staticmethod
    def activate(x):
        return np.maximum(x, 0) + BIAS

    def __call__(self, x):
        return self.activate(x @ self.weights) * self.scale + self.shared

    def __matmul__(self, other):
        return other @ self.weights

    def __getitem__(self, index):
        return self.weights[index]

    def __len__(self):
        return 3

    def __iter__(self):
        return iter([self.weights[0], self.shared])

    def __enter__(self):
        return self.weights

    def __exit__(self, *exception):
        return False

    def set(self, value):
        self.weights = value


class Stacked(Linear):
    def __init__(self, size):
        super().__init__(size)
        self.inner = Linear(size)

    def __call__(self, x):
        return super().__call__(x) + self.inner(x)

    @classmethod
    def make(cls, size):
        return super().make(size)

    @property
    def transposed(self):
        return super().transposed + 1


@dataclasses.dataclass
class Parameters:
    w: Any
    b: Any = 0

    def apply(self, x):
        return x @ self.w + self.b + BIAS

    @property
    def two(self):
        return 2


@dataclasses.dataclass(frozen=True)
class Frozen:
    w: Any


class Point(NamedTuple):
    a: Any
    b: Any

    def total(self):
        return self.a + self.b * SCALE


@pytest.fixture
def model():
    return Stacked(4)


def test_captured_objects(model):
    def f(x):
        with model as weights:
            pass
        return (
            model(x),
            model.transposed,
            model.doubled,
            model.activate(x),
            model @ x,
            model[0],
            len(model),
            model.options["a"],
            model.options.get("zz", 5),
            list(model.options["l"]),
            Linear.scale,
            model.scale,
            Linear.activate(x),
            isinstance(model, Linear),
            type(model) is Stacked,
            isinstance(model, (int, Linear)),
            issubclass(Stacked, Linear),
            [row + 1 for row in model],
            weights,
            hasattr(model, "nothing"),
            model.mode is Mode.FAST,
            getattr(model, "nothing", 3),
            sorted(vars(model)),
            model.__class__.__name__,
        )

    check(f, X)


def test_state_of_objects_is_read_again(model):
    def f(x):
        return model(x)

    found = traced(f, X)
    model.inner.weights = model.inner.weights + 1
    Linear.shared = Linear.shared * 3
    again(found, f, X)
    Linear.shared = Linear.shared / 3
    model.scale = 5.0
    assert not serves(found, f, X)
    del model.scale
    model.inner = Stacked(4)
    assert not serves(found, f, X)


def test_methods_that_are_replaced_are_seen(model, monkeypatch):
    def f(x):
        return model.activate(x)

    found = traced(f, X)
    monkeypatch.setattr(Linear, "activate", staticmethod(lambda x: x))
    assert not serves(found, f, X)


def test_arguments_that_are_objects_share_a_variant(model):
    def f(layer, x):
        return layer(x)

    found = traced(f, model, X)
    other = Stacked(4)
    other.weights = other.weights * 3
    again(found, f, other, X)
    assert not serves(found, f, Linear(4), X)


def test_methods_and_callables_of_every_kind(model):
    other = Linear(4)
    for function in (
        model.__call__,
        model,
        functools.partial(model.__call__, X),
        Linear.activate,
    ):
        args = () if isinstance(function, functools.partial) else (X,)
        check(function, *args)
    check(Linear.make(4).__matmul__, X)
    found = traced(other.__call__, X)
    other.weights = other.weights * 2
    again(found, other.__call__, X)


def test_functions_as_arguments(model):
    def f(function, x):
        return function(x)

    for function in (
        np.tanh,
        model,
        functools.partial(np.sum, axis=0),
        lambda y: y + BIAS,
    ):
        check(f, function, X)


def test_objects_made_within():
    def f(x):
        layer = Linear(4)
        layer.weights = layer.weights * x[0]
        layer.set(layer.weights + 1)
        layer.half = x
        layer.note = 3
        del layer.note
        stacked = Stacked.make(4)
        with layer as w:
            y = w + layer.doubled
        return (
            layer(x),
            stacked(x),
            layer.weights,
            y,
            layer.half,
            hasattr(layer, "note"),
        )

    check(f, X)


def test_classes_made_within():
    def f(x):
        class Wider(Linear):
            scale = 3.0

            def __call__(self, x):
                return super().__call__(x) + self.scale

        return Wider(4)(x), Wider.scale

    check(f, X)


def test_dataclasses_and_named_tuples():
    def f(p, n, x):
        return (
            p.apply(x) * p.two,
            n.total(),
            n.a,
            n,
            Parameters(x, 1),
            dataclasses.replace(p, b=x),
            Point(x, 2),
            Point(x, 2).total(),
            dataclasses.asdict(p)["w"],
            n._replace(a=x),
            *n,
            Frozen(x),
            p,
            [Parameters(x)],
            {"p": Point(1, x)},
        )

    got = check(f, Parameters(np.ones((4, 4), np.float32), 1.0), Point(X, X), X)
    assert type(got[4]) is Parameters
    assert type(got[6]) is Point


def test_captured_dataclasses_and_named_tuples():
    p, n = Parameters(np.ones((4, 4), np.float32), BIAS), Point(BIAS, 1.5)

    def f(x):
        a, b = n
        return (
            p.apply(x),
            n.total(),
            n[0],
            len(n),
            a * b,
            dataclasses.replace(p, b=1.0).apply(x),
        )

    found = traced(f, X)
    p.b = BIAS * 4
    again(found, f, X)


def test_slots_and_abstract_classes():
    class Base(abc.ABC):
        @abc.abstractmethod
        def go(self, x): ...

    class Slotted(Base):
        __slots__ = ("factor", "weights")

        def __init__(self, weights):
            self.weights = weights
            self.factor = 2

        def go(self, x):
            return x * self.weights * self.factor

    slotted = Slotted(BIAS)
    check(lambda x: (slotted.go(x), Slotted(x).go(x), isinstance(slotted, Base)), X)


def test_getattr_and_descriptors():
    class Doubled:
        def __set_name__(self, owner, name):
            self.name = "_" + name

        def __get__(self, instance, owner):
            return self if instance is None else getattr(instance, self.name) * 2

        def __set__(self, instance, value):
            setattr(instance, self.name, value)

    class Dynamic:
        twice = Doubled()

        def __init__(self):
            self._parameters = {"w": BIAS}
            self.twice = BIAS

        def __getattr__(self, name):
            if name in self._parameters:
                return self._parameters[name]
            raise AttributeError(name)

    dynamic = Dynamic()
    check(lambda x: (x * dynamic.w, hasattr(dynamic, "zz"), dynamic.twice), X)

    def made_within(x):
        d = Dynamic()
        d.twice = x
        return d.twice

    check(made_within, X)


def test_hooks_of_the_user_do_not_run():
    registry = []

    class Base:
        def __init_subclass__(cls, **options):
            registry.append(cls)

        def apply(self, x):
            return x + BIAS

    class Registered(Base):
        pass

    registered, before = Registered(), len(registry)
    check(lambda x: (registered.apply(x), Registered().apply(x)), X)
    assert len(registry) == before


def test_plain_namespaces():
    state = types.SimpleNamespace(w=BIAS, k=3)
    found = traced(lambda x: x * state.w * state.k, X)
    assert serves(found, lambda x: x, X)
    state.k = 4
    assert not serves(found, lambda x: x, X)


def _counting(model):
    def f(x):
        model.count = 1
        return x

    return f


def test_writes_to_captured_objects_are_errors(model):
    def class_attribute(x):
        Linear.scale = 3.0
        return x

    def by_method(x):
        model.set(x)
        return x

    def in_container(x):
        model.options["a"] = 2
        return x

    def in_array(x):
        model.weights[0] = 1
        return x

    def deletion(x):
        del model.weights
        return x

    def argument(p, x):
        p.w = x
        return x

    for function in (
        _counting(model),
        class_attribute,
        by_method,
        in_container,
        in_array,
        deletion,
    ):
        with pytest.raises(TraceError):
            traced(function, X)
    with pytest.raises(TraceError):
        traced(argument, Parameters(X), X)
    assert not hasattr(model, "count")


def test_containers_of_arguments_are_not_ours_to_change():
    def f(parameters, x):
        parameters["w"] = x
        return x

    def g(items, x):
        items += [x]
        return x

    for function, container in ((f, {"w": X}), (g, [X])):
        with pytest.raises(TraceError, match="belongs to the caller"):
            traced(function, container, X)
    check(lambda p: ({**p, "w": p["w"] + 1}, dict(p), [*p]), {"w": X, "none": None})


def test_classes_that_cannot_be_seen_through_are_refused():
    class Opaque:
        def __getattribute__(self, name):
            return object.__getattribute__(self, name)

    class Items(list):
        pass

    opaque, items = Opaque(), Items([1])
    for function in (lambda x: x * opaque.w, lambda x: x * items[0]):
        with pytest.raises(UnsupportedError):
            traced(function, X)


def test_compiled_functions_within_are_traced_in_place():
    inner = ps.compile(lambda y: y * 2 + BIAS)

    class Layer:
        def __init__(self):
            self.weights = BIAS

        @ps.compile
        def forward(self, x):
            return inner(x) * self.weights

    layer = Layer()
    expected = ((X * 2 + BIAS) + 1, (X * 2 + BIAS) * BIAS)
    assert_same(run(lambda x: (inner(x) + 1, layer.forward(x)), X), expected)
    assert_same(run(lambda f, x: f(x), inner, X), X * 2 + BIAS)
