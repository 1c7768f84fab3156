"""Compiled methods, bound to their objects; compiled functions compiled again."""

import copy
import inspect

import numpy as np

import penstock as ps

X = np.arange(3.0)


class Model:
    def __init__(self, weights):
        self.weights = weights

    @ps.compile
    def layer(self, x, scale=2.0):
        return x * self.weights * scale

    @classmethod
    @ps.compile
    def of_class(cls, x):
        return x * 2


def same(got, expected):
    np.testing.assert_array_equal(got, expected)


def test_a_bound_method_is_called_as_the_method():
    model = Model(X + 1)
    bound = model.layer
    for _ in range(2):
        same(model.layer(X), X * model.weights * 2)
        same(bound(X, scale=3.0), X * model.weights * 3)
        same(Model.layer(model, X), X * model.weights * 2)
        model.weights = model.weights + 1
    same(Model.of_class(X), X * 2)
    same(next(map(bound, [X])), bound(X))
    assert bound == model.layer and hash(bound) == hash(model.layer)
    assert bound != Model(X).layer
    assert bound.__name__ == "layer" and bound.__self__ is model
    assert bound.__func__ is Model.layer
    assert [*inspect.signature(bound).parameters] == ["x", "scale"]
    assert repr(bound).startswith("<bound <penstock.compile <function Model.layer")
    same(copy.copy(bound)(X), bound(X))


def test_a_bound_method_is_lowered_and_explained_with_its_object():
    model = Model(X + 1)
    assert "%self_weights: f64[m]" in model.layer.lower(X).text("graph")
    (variant,) = model.layer.explain(X).variants
    assert variant.takes == ("self: Model", "x: f64[n]", "scale: float")
    assert len(model.layer.explain().variants) >= 1
    assert model.layer.stats().variants == Model.layer.stats().variants


def test_a_bound_method_is_saved_with_what_its_object_holds(tmp_path):
    model = Model(X + 1)
    expected = model.layer(X)
    model.layer.save(tmp_path / "layer", X)
    model.weights = X
    loaded = ps.load(tmp_path / "layer")
    same(loaded(X), expected)


def test_a_bound_method_is_captured():
    model = Model(X + 1)
    bound = model.layer
    function = ps.compile(lambda x: bound(x) + model.layer(x))
    same(function(X), 4 * X * model.weights)
    model.weights = model.weights + 1
    same(function(X), 4 * X * model.weights)
    assert function.stats().variants == 1


def test_a_compiled_function_is_compiled_again():
    inner = ps.compile(lambda x: x + 1)
    outer = ps.compile(ps.compile(inner), threads=1)
    same(outer(X), X + 1)
    assert outer.__wrapped__ is inner.__wrapped__
    assert outer.stats().calls == 1 and inner.stats().calls == 0
    model = Model(X + 1)
    method = ps.compile(model.layer)
    same(method(X), X * model.weights * 2)
    model.weights = X
    same(method(X), X * X * 2)
