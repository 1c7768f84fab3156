"""Views of captured state call themselves what they are views of."""

import types
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import TraceError

X = np.ones(2)
ITEMS = [1.0, 2.0]
NAMES = {"a": 1.0}
MEMBERS = {1, 2}
MODULE = types.ModuleType("mine")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: ITEMS.max(), "'list' object has no attribute 'max'"),
        (lambda x: NAMES.most(), "'dict' object has no attribute 'most'"),
        (lambda x: MEMBERS.most(), "'set' object has no attribute 'most'"),
        (lambda x: NAMES + 1, "'dict' and 'int'"),
        (lambda x: np * 2, "'module' and 'int'"),
        (lambda x: MODULE * 2, "'module' and 'int'"),
        (lambda x: np.sin * 2, "'function' and 'int'"),
        (lambda x: np.isclose + 1, "'function' and 'int'"),
    ],
)
def test_messages_of_python(function, message):
    with pytest.raises((TypeError, AttributeError)) as raised:
        ps.compile(function)(X)
    assert message in str(raised.value) or "numpy.ufunc" in str(raised.value)


ORDERED = OrderedDict(a=1.0)


class Own(list):
    pass


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: OrderedDict(a=x), "an OrderedDict"),
        (lambda x: {"a": [Counter("ab")]}, "a Counter"),
        (lambda x: defaultdict(list, a=x), "a defaultdict"),
        (lambda x: ORDERED, "an OrderedDict"),
        (lambda x: Own([x]), "an Own"),
    ],
)
def test_results_of_other_classes_are_errors(function, name):
    with pytest.raises(TraceError) as raised:
        ps.compile(function)(X)
    assert raised.value.code == "result-type"
    assert raised.value.message.startswith(f"the function returns {name}, which")
    plain = ps.compile(lambda x: [dict(ORDERED), NAMES, ITEMS])(X)
    assert plain == [{"a": 1.0}, NAMES, ITEMS]
    assert [type(one) for one in plain] == [dict, dict, list]


class Mute:
    def __repr__(self):
        raise ValueError("no text")


def test_keys_without_texts():
    mute = Mute()
    names = {mute: 2.0}
    x = ps.compile(lambda names, x: x * names[mute])(names, X)
    np.testing.assert_array_equal(x, X * 2)
    compiled = ps.compile(lambda x: x * names[mute])
    np.testing.assert_array_equal(compiled(X), X * 2)
    assert "<Mute>" in str(compiled.explain())


def test_numpy_scalars_as_keys():
    names = {1: 2.0}
    for key in (np.int64(1), np.array(1)):
        with pytest.raises(TypeError, match=r"unhashable type: 'numpy\.ndarray'") as e:
            ps.compile(lambda x, k: x * names[k])(X, key)
        assert "pass a Python number" in e.value.hint
        assert e.value.loc.file == __file__
    compiled = ps.compile(lambda x, k: x * names[k])
    np.testing.assert_array_equal(compiled(X, 1), X * 2)
    np.testing.assert_array_equal(
        ps.compile(lambda x: x * names[np.int64(1)])(X), X * 2
    )
    with pytest.raises(TypeError) as raised:
        ps.compile(lambda x: {x: 1})(X)
    assert raised.value.hint == "use a tuple of Python numbers, which has a hash"
