"""Any number of threads gives the same bits; any number of threads may call."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps

COUNTS = (1, 2, 3, 7)
_RNG = np.random.default_rng(0)
ROWS = _RNG.standard_normal((1500, 700)).astype(np.float32)
OTHER = _RNG.standard_normal((1500, 700)).astype(np.float32)
LINE = _RNG.standard_normal(400_000)
NUMBERS = _RNG.integers(-100, 100, (1500, 700))
FACTORS = [_RNG.standard_normal((300, 300)) for _ in range(2)]
# Many fall on one place, so that the order of adding shows.
PLACES = _RNG.integers(0, 50, 200_000)
VALUES = _RNG.standard_normal(200_000).astype(np.float32)


def softmax(x: Any) -> Any:
    y = np.exp(x - x.max(axis=1, keepdims=True))
    return y / y.sum(axis=1, keepdims=True)


def normalised(x: Any) -> Any:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)


def added_at(i: Any, v: Any) -> Any:
    y = np.zeros(50, np.float32)
    np.add.at(y, i, v)
    return y


def written(x: Any) -> Any:
    y = x.copy()
    y[::2, 1::3] = 7
    y[1:] += x[:-1]
    return y


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "elementwise": (lambda x, y: np.tanh(x) * y + x, (ROWS, OTHER)),
    "compare": (lambda x, y: np.where(x > y, x, -y), (ROWS, OTHER)),
    "convert": (lambda x: x.astype(np.float64) * 3, (ROWS,)),
    "integers": (lambda x: x // 7 + x % 5, (NUMBERS,)),
    "strided": (lambda x: x[::2, 1::3] * 2 + 1, (ROWS,)),
    "reversed": (lambda x: x[::-1] + x, (LINE,)),
    "transposed": (lambda x, y: x.T * 2 + y.T, (ROWS, OTHER)),
    "transposed copy": (lambda x: x.T.copy(), (ROWS,)),
    "row sums": (lambda x: x.sum(axis=1), (ROWS,)),
    "column sums": (lambda x: x.sum(axis=0), (ROWS,)),
    "sum": (lambda x: x.sum(), (LINE,)),
    "sum of a grid": (lambda x: (x * x).sum(), (ROWS,)),
    "sum of integers": (lambda x: x.sum(), (NUMBERS,)),
    "sum of every other": (lambda x: x[:, ::2].sum(), (ROWS,)),
    "mean and variance": (lambda x: (x.mean(), x.var()), (LINE,)),
    "product": (lambda x: np.prod(1 + x * 1e-6), (LINE,)),
    "maximum": (lambda x: (x.max(), x.min(axis=0), x.argmax()), (ROWS,)),
    "any and all": (lambda x: ((x > 9).any(axis=1), (x < 9).all()), (ROWS,)),
    "softmax": (softmax, (ROWS,)),
    "normalised": (normalised, (ROWS,)),
    "matmul": (lambda x, y: x @ y, tuple(FACTORS)),
    "matmul and more": (lambda x, y: np.tanh(x @ y.T + 1), (ROWS, OTHER[:200])),
    "matrix and vector": (lambda x, y: x @ y, (ROWS, VALUES[:700])),
    "vector and matrix": (lambda x, y: y @ x, (ROWS, VALUES[:1500])),
    "dot": (lambda x: x @ x, (LINE,)),
    "einsum": (lambda x, y: np.einsum("ij,ij->i", x, y), (ROWS, OTHER)),
    "scatter-add": (added_at, (PLACES, VALUES)),
    "gather": (lambda x, i: x[i] * 2, (VALUES, PLACES)),
    "written": (written, (ROWS,)),
    "sort": (lambda x: np.sort(x, axis=1), (ROWS[:, :200],)),
    "sort of a line": (lambda x: np.sort(x, axis=0), (VALUES,)),
    "cumsum": (lambda x: np.cumsum(x, axis=0), (LINE,)),
    "cumsum of columns": (lambda x: np.cumsum(x, axis=0), (ROWS,)),
    "concatenate": (lambda x, y: np.concatenate([x, y], axis=1), (ROWS, OTHER)),
    "halves": (lambda x: x.astype(np.float16).sum(axis=1), (ROWS,)),
}


def misaligned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy that starts at an odd address."""
    buffer = np.empty(array.nbytes + 1, np.uint8)
    copied = buffer[1:].view(array.dtype).reshape(array.shape)
    copied[...] = array
    return copied


def bits(result: Any) -> list[bytes]:
    parts = result if isinstance(result, tuple) else (result,)
    return [np.asarray(part).tobytes() for part in parts]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_bits(name: str) -> None:
    function, arguments = PROGRAMS[name]
    first, *others = (ps.compile(function, threads=count) for count in COUNTS)
    result = first(*arguments)
    wanted = bits(result)
    parts = result if isinstance(result, tuple) else (result,)
    expected = function(*arguments)
    of_numpy = expected if isinstance(expected, tuple) else (expected,)
    for part, other in zip(parts, of_numpy, strict=True):
        close = 2e-2 if part.dtype == np.float16 else 2e-4
        np.testing.assert_allclose(part, other, rtol=close, atol=close)
    moved = [misaligned(argument) for argument in arguments]
    for compiled in others:
        for _ in range(3):
            assert bits(compiled(*arguments)) == wanted
        assert bits(compiled(*moved)) == wanted
    assert bits(first(*moved)) == wanted


@pytest.mark.parametrize("name", ["elementwise", "row sums", "sum", "matmul"])
def test_work_is_split(name: str) -> None:
    """Else the test above would compare a thread with itself."""
    function, arguments = PROGRAMS[name]
    compiled = ps.compile(function, threads=3)
    compiled(*arguments)
    assert "parallel" in compiled.lower(*arguments).text("loops")
    assert len(os.listdir("/proc/self/task")) >= 3


class Callers:
    """Threads that all begin at once; what they raise is raised again."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._barrier = threading.Barrier(count)
        self._failures: list[BaseException] = []

    def run(self, call: Callable[[int], None]) -> None:
        threads = [
            threading.Thread(target=self._call, args=(call, number))
            for number in range(self.count)
        ]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        if self._failures:
            raise self._failures[0]

    def _call(self, call: Callable[[int], None], number: int) -> None:
        self._barrier.wait()
        try:
            call(number)
        except BaseException as failure:  # noqa: BLE001
            self._failures.append(failure)


def test_many_threads_call_first() -> None:
    compiled = ps.compile(lambda x: np.sqrt(x) * 3 - 1)

    def call(number: int) -> None:
        x = np.arange(float(number + 1))
        assert bits(compiled(x)) == bits(np.sqrt(x) * 3 - 1)

    Callers(24).run(call)
    stats = compiled.stats()
    assert stats.compiles + stats.cache_hits == 1
    assert (stats.calls, stats.variants) == (24, 1)


def test_many_threads_with_arguments_of_their_own() -> None:
    def function(x: Any, k: int) -> Any:
        return (x * 2).sum(axis=0) + k

    compiled = ps.compile(function)
    dtypes = ("i4", "i8", "u2", "f4", "f8", "f2")
    shapes = ((5,), (70_001,), (300, 400))

    def call(number: int) -> None:
        for turn in range(18):
            dtype = dtypes[(number + turn) % 6]
            x = np.full(shapes[(number + turn // 3) % 3], 1, dtype)[::-1].copy()
            if dtype == "f2":
                x = x[:1000]
            result = compiled(x, number)
            expected = function(x, number)
            assert result.dtype == expected.dtype
            assert bits(result) == bits(expected)

    Callers(18).run(call)
    stats = compiled.stats()
    # One for each dtype and rank, however many threads wanted it.
    assert stats.compiles + stats.cache_hits == 12
    assert stats.variants == 12
    assert stats.calls == 18 * 18


WEIGHTS = np.zeros(50_000)
SCALE = 0


def test_threads_while_another_rebinds_globals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = ps.compile(lambda x: x + WEIGHTS)
    choices = [np.full(50_000, float(number)) for number in range(7)]
    monkeypatch.setitem(globals(), "WEIGHTS", choices[0])
    x = np.zeros(50_000)
    running = [True]

    def call(number: int) -> None:
        if number == 0:
            for turn in range(2000):
                # An array that only we refer to, so that it may die under the others.
                globals()["WEIGHTS"] = choices[turn % 7].copy()
            running.clear()
        while running:
            result = compiled(x)
            assert result[0] in range(7)
            assert (result == result[0]).all()

    Callers(8).run(call)
    stats = compiled.stats()
    assert stats.compiles + stats.cache_hits == 1


def test_threads_while_another_rebinds_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def function(x: Any) -> Any:
        return (x * SCALE).sum() + SCALE

    compiled = ps.compile(function)
    monkeypatch.setitem(globals(), "SCALE", 1)
    x = np.ones(100)
    allowed = {101.0 * scale for scale in range(1, 5)}
    running = [True]

    def call(number: int) -> None:
        if number == 0:
            for turn in range(3000):
                globals()["SCALE"] = 1 + turn % 4
            running.clear()
        while running:
            assert float(compiled(x)) in allowed

    Callers(6).run(call)


def test_threads_that_raise() -> None:
    compiled = ps.compile(lambda x, i: x[i])
    x, places = np.arange(100_000.0), np.arange(100_000)

    def call(number: int) -> None:
        mine = places.copy()
        mine[number * 100 + 50] = 200_000 + number
        for _ in range(20):
            with pytest.raises(IndexError, match=f"index {200_000 + number} is out"):
                compiled(x, mine)
            assert bits(compiled(x, places)) == bits(x)

    Callers(16).run(call)
