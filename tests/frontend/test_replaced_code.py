"""Code of functions that is replaced, as tools do that reload a module in place."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import StructureError
from tests.frontend.test_frozen_state import follows

X = np.arange(3.0)


def replace(function, other):
    return lambda: setattr(function, "__code__", other.__code__)


def test_the_code_of_the_function_and_of_what_it_calls():
    def helper(x, k=2.0):
        return x + k

    def function(x):
        return helper(x) * 2

    compiled = follows(
        function,
        replace(helper, lambda x, k: x - k),
        replace(helper, lambda x, k: x * k),
    )
    report = compiled.explain()
    assert report.reason.startswith("code of helper changed from that of line ")
    assert not any("code of" in one for one in report.variants[0].captures)

    def plain(x):
        return x * 2

    follows(
        plain,
        replace(plain, lambda x: x * 3),
        replace(plain, lambda x: np.sum(x) + SHIFT),
    )


SHIFT = 3.0


def test_the_code_of_methods_properties_and_special_methods():
    class Model:
        def __init__(self):
            self.weight = 2.0

        def apply(self, x):
            return x * self.weight

        @property
        def doubled(self):
            return self.weight * 2

        def __call__(self, x):
            return self.apply(x)

    model = Model()
    follows(
        lambda x: model(x) + model.doubled,
        replace(Model.apply, lambda self, x: x - self.weight),
        replace(Model.doubled.fget, lambda self: self.weight * 3),
        replace(Model.__call__, lambda self, x: -self.apply(x)),
    )
    compiled = ps.compile(model.apply)
    np.testing.assert_array_equal(compiled(X), X - 2)
    Model.apply.__code__ = (lambda self, x: x * 9).__code__
    np.testing.assert_array_equal(compiled(X), X * 9)


def test_new_parameters():
    def function(x):
        return x + 1

    compiled = ps.compile(function)
    np.testing.assert_array_equal(compiled(X), X + 1)
    function.__code__ = (lambda a, b, *, c: a * b - c).__code__
    function.__kwdefaults__ = {"c": 1}
    np.testing.assert_array_equal(compiled(X, 3), X * 3 - 1)
    np.testing.assert_array_equal(compiled(b=3, a=X, c=5), X * 3 - 5)
    with pytest.raises(StructureError, match="missing the argument 'b'"):
        compiled(X)
    function.__code__ = (lambda x: x + 1).__code__
    np.testing.assert_array_equal(compiled(X), X + 1)
    np.testing.assert_array_equal(compiled(x=X), X + 1)


def test_calls_stay_native():
    def helper(x):
        return x + 1

    compiled = ps.compile(lambda x: -helper(x))
    compiled(X)
    dispatcher, served = compiled.dispatcher, []
    dispatcher.bind = lambda *call: served.append(call)
    np.testing.assert_array_equal(compiled(X), -X - 1)
    assert not served
