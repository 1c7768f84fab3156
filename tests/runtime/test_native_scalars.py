"""The native dispatcher, held against the Python one: NumPy's scalars as arguments."""

import gc
import sys

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import StructureError
from penstock.runtime.native_table import SCALAR_CLASSES

_NAMES = sorted({kind.__name__ for kind in SCALAR_CLASSES})
_CLASSES = {kind.__name__: kind for kind in SCALAR_CLASSES}


def _values(kind):
    """Values that need all the bits of a class."""
    if kind is np.bool:
        return [kind(0), kind(1)]
    if issubclass(kind, np.integer):
        info = np.iinfo(kind)
        return [kind(n) for n in (0, 1, info.min, info.max, info.max // 3)]
    info = np.finfo(kind)
    return [kind(n) for n in (0.0, -0.0, 1.5, np.inf, np.nan, info.max, info.tiny)]


def _reached(compiled):
    """Count the calls that reach the Python dispatcher."""
    seen = []
    call = compiled.dispatcher.call

    def record(args, kwargs):
        seen.append(args)
        return call(args, kwargs)

    compiled.dispatcher.call = record
    return seen


def _exactly(value):
    return type(value), value.tobytes()


@pytest.mark.parametrize("name", _NAMES)
def test_scalars_of_every_dtype(name):
    kind = _CLASSES[name]
    f = ps.compile(lambda x: np.where(x == x, x, x))
    oracle = ps.compile(lambda x: np.where(x == x, x, x)).dispatcher
    f(kind(1))
    seen = _reached(f)
    for value in _values(kind):
        expected = _exactly(oracle(value))
        assert _exactly(f(value)) == expected
        assert _exactly(f(np.array(value))) == expected
        assert expected[1] == value.tobytes()
    assert seen == []
    # Another dtype, a Python number and a subclass are other calls.
    other = np.float32 if kind is not np.float32 else np.float64
    assert _exactly(f(other(2))) == _exactly(oracle(other(2)))
    assert len(seen) == 1
    f.dispatcher.call((3,), {})
    assert f.stats().variants == 3


def test_integers_of_two_names():
    f = ps.compile(lambda x: x + x)
    oracle = ps.compile(lambda x: x + x).dispatcher
    f(np.array(1, "long"))
    seen = _reached(f)
    for kind in (np.long, np.longlong):
        for value in (kind(5), np.array(5, kind)):
            assert _exactly(f(value)) == _exactly(oracle(value))
    assert seen == []


def test_subclasses_of_scalars_are_left_to_python():
    class Mine(np.float64):
        pass

    f = ps.compile(lambda x: x + 1)
    f(np.float64(1))
    seen = _reached(f)
    with pytest.raises(StructureError, match="argument x is a Mine"):
        f(Mine(2))
    assert len(seen) == 1
    assert f.stats().variants == 1


def test_scalars_beside_arrays_and_numbers():
    f = ps.compile(lambda x, scale, k: x * scale + k)
    x = np.arange(3, dtype=np.float32)
    f(x, np.float32(2), 1)
    seen = _reached(f)
    for scale, k in ((np.float32(0.5), 2), (np.float32(3), -1), (np.array(3, "f4"), 7)):
        result = f(x, scale, k)
        np.testing.assert_array_equal(result, x * scale + k)
        assert result.dtype == np.float32
    assert seen == []
    # NumPy's promotion: a float64 scalar is no Python float.
    assert f(x, np.float64(2), 1).dtype == np.float64
    assert f(x, 2.0, 1).dtype == np.float32


def test_captured_scalars():
    class Model:
        def __init__(self, rate):
            self.rate = rate

    f = ps.compile(lambda model, x: x * model.rate)
    x = np.arange(3.0)
    f(Model(np.float64(2)), x)
    for rate in (np.float64(3), np.array(4.0), np.float64(-1)):
        np.testing.assert_array_equal(f(Model(rate), x), x * rate)


def test_scalars_are_not_changed_and_not_kept():
    f = ps.compile(lambda x: x + 1)
    value = np.float64(2.5)
    f(value)
    before = sys.getrefcount(value)
    for _ in range(1000):
        f(value)
    gc.collect()
    assert sys.getrefcount(value) == before
    assert value == 2.5
    with pytest.raises(ps.PenstockError if hasattr(ps, "PenstockError") else Exception):
        f(np.complex64(1))
