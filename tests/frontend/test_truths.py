"""What NumPy answers with Python's own bool."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import TraceError
from tests.frontend.running import check, run

X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("y", [X, X + 1e-9, X + 1, X[:1], X[0]])
def test_answers_are_pythons_bools(y):
    def f(x, y):
        close = np.allclose(x, y)
        equal = np.array_equal(x, y)
        return close, [x * 2, equal], {"is bool": isinstance(close, (bool, np.bool_))}

    check(f, X, y)


def test_answers_take_part_in_arrays():
    def f(x, y):
        close = np.allclose(x, y)
        return (
            np.where(close, x, y),
            close * x.astype(np.float32),
            np.array([close, True]),
            np.logical_and(close, x > 1),
        )

    check(f, X, X)
    check(f, X, X + 1)


@pytest.mark.filterwarnings("ignore:Bitwise inversion")
def test_signs_are_those_of_integers():
    def f(x, y):
        close = np.allclose(x, y)
        return int(x.ndim) * 0 + ~close, -close, +close

    for y in (X, X + 1):
        got = run(f, X, y)
        assert [int(number) for number in got] == [int(n) for n in f(X, y)]


def test_answers_are_no_conditions():
    with pytest.raises(TraceError, match="the truth of traced"):
        run(lambda x: x if np.allclose(x, x) else -x, X)


def test_answers_of_compiled_functions(tmp_path):
    def f(x, y):
        return np.allclose(x, y)

    def g(x, y):
        return x + y, (np.array_equal(x, y), {"close": np.allclose(x, y)})

    for function in (f, g):
        compiled = ps.compile(function)
        compiled.save(tmp_path / "f", X, X)
        for serve in (compiled, compiled, compiled.dispatcher, ps.load(tmp_path / "f")):
            for y in (X, X + 1):
                found, expected = serve(X, y), function(X, y)
                assert str(found) == str(expected)
    assert type(ps.compile(f)(X, X)) is bool
