"""Subclasses of arrays and of NumPy's scalars: as NumPy, or an error."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import PenstockError, StructureError


class Hundredfold(np.ndarray):
    def __mul__(self, other):
        return np.asarray(self) * 100


class Counting(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return 7.0


class Dispatching(np.ndarray):
    def __array_function__(self, function, types, args, options):
        return 7.0


class Summing(np.ndarray):
    def sum(self, *args, **options):
        return -1.0


class Plain(np.ndarray):
    pass


class Number(np.float64):
    def __mul__(self, other):
        return 100.0


@pytest.mark.parametrize("kind", [Hundredfold, Counting, Dispatching, Summing, Plain])
@pytest.mark.parametrize(
    "function", [lambda x: x * 2, lambda x: x.sum(), lambda x: [np.sum(x), x.extra]]
)
def test_subclasses_are_errors(kind, function):
    compiled = ps.compile(function)
    array = np.ones(2).view(kind)
    array.extra = 1.0
    for served in (lambda: compiled(array), lambda: compiled({"a": array})):
        with pytest.raises(PenstockError) as raised:
            served()
        assert raised.value.code == "array-subclass"

    def captures(x):
        return function(array) + x

    with pytest.raises(StructureError, match=f"array is a {kind.__name__}"):
        ps.compile(captures)(np.ones(2))


def test_a_variant_for_arrays_does_not_serve_subclasses():
    double = ps.compile(lambda x: x * 2)
    np.testing.assert_array_equal(double(np.ones(2)), [2, 2])
    with pytest.raises(StructureError, match="argument x is a Hundredfold"):
        double(np.ones(2).view(Hundredfold))
    np.testing.assert_array_equal(double(1.5 * np.ones(())), 3.0)
    with pytest.raises(StructureError, match="argument x is a Number"):
        double(Number(2.0))


def test_subclasses_made_while_tracing_are_errors():
    number = Number(2.0)
    for function in (
        lambda x: x + np.ma.array([1.0, 2.0]),
        lambda x: np.add(x, np.ma.array([1.0, 2.0])),
        lambda x: number * x,
    ):
        with pytest.raises(StructureError) as raised:
            ps.compile(function)(np.ones(2))
        assert raised.value.code == "array-subclass"
        assert raised.value.loc.file == __file__


def test_memmap(tmp_path):
    mapped = np.memmap(tmp_path / "data", np.float32, "w+", shape=(3,))
    mapped[:] = [1, 2, 3]
    np.testing.assert_array_equal(ps.compile(lambda x: x * 2)(mapped), [2, 4, 6])
    np.testing.assert_array_equal(ps.compile(lambda x: x + mapped)(mapped), [2, 4, 6])


class Ten(int):
    def __add__(self, other):
        return other + SHIFT


SHIFT = 10.0


def test_numbers_and_texts_with_methods_of_their_own():
    ten = Ten(10)
    with pytest.raises(PenstockError, match="a subclass of int") as raised:
        ps.compile(lambda x: ten + x)(np.ones(2))
    assert raised.value.code == "captured-type"
