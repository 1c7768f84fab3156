"""Nothing leaks, nothing is too deep, empty or large for a clear answer."""

import gc
import resource
import tracemalloc
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import StructureError

Run = Callable[..., str]


# What stays.


def resident() -> int:
    """Bytes of memory that this process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def growth(action: Callable[[], object], times: int) -> tuple[float, float]:
    """Bytes of Python objects, and of memory, that each of many actions leaves."""
    for _ in range(max(times // 10, 3)):
        action()
    gc.collect()
    tracemalloc.start()
    action()
    objects, memory = tracemalloc.get_traced_memory()[0], resident()
    for _ in range(times):
        action()
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - objects
    tracemalloc.stop()
    return left / times, (resident() - memory) / times


WEIGHTS = np.ones(100)


def test_calls_leave_nothing() -> None:
    @ps.compile
    def f(x: Any, pair: Any, k: int) -> Any:
        return {"sum": (x + WEIGHTS).sum(), "rest": (pair["a"] * k, x[:k], k)}

    x, pair = np.ones(100), {"a": np.arange(5)}
    objects, memory = growth(lambda: f(x, pair, 3), 2000)
    # Less than any object: Python keeps a few of each kind for the next call.
    assert objects < 10
    assert memory < 100
    # Results of many pages, which come from a pool.
    large = np.ones(300_000)
    g = ps.compile(lambda x: (x + 1, x[::2]))
    objects, memory = growth(lambda: g(large), 200)
    assert objects < 50
    assert memory < 20_000


def failing(action: Callable[[], object]) -> Callable[[], None]:
    def fail() -> None:
        with pytest.raises((IndexError, ValueError, TypeError)):
            action()

    return fail


def test_errors_leave_nothing() -> None:
    f = ps.compile(lambda x, i: x[i])
    x, wrong = np.ones(10), np.array([3, 99])
    objects, memory = growth(failing(lambda: f(x, wrong)), 600)
    assert objects < 20
    assert memory < 1000
    # Errors of the arguments, and of tracing.
    objects, _ = growth(failing(lambda: f(x, object())), 250)
    assert objects < 30
    g = ps.compile(lambda x: x + np.ones(7))
    objects, _ = growth(failing(lambda: g(x)), 60)
    assert objects < 300


def test_variants_that_come_and_go_leave_nothing() -> None:
    f = ps.compile(lambda x, flag: x + 1 if flag == "a" else x - 1)
    x = np.ones(10)
    flags = iter(range(10_000))
    with pytest.warns(RuntimeWarning, match="more than the 16 variants"):
        objects, memory = growth(lambda: f(x, str(next(flags))), 150)
    assert f.stats().variants == 16
    assert objects < 3000
    assert memory < 100_000


def test_compiled_functions_die() -> None:
    alive: list[weakref.ref[Any]] = []

    def make() -> None:
        weights = np.ones(100_000)

        def function(x: Any) -> Any:
            return x @ weights

        f = ps.compile(function)
        assert f(weights) == 100_000
        assert f.explain(weights).variants
        alive.extend((weakref.ref(function), weakref.ref(weights)))

    objects, memory = growth(make, 60)
    assert not any(one() is not None for one in alive)
    assert objects < 3000
    assert memory < 200_000


def test_no_files_stay_open() -> None:
    # To look at all that other tests have made would take a second each time.
    gc.collect()
    gc.freeze()
    code_maps = []
    x = np.ones(5)
    for number in range(30):
        f = ps.compile(eval(f"lambda x: x * {number} + 0.5"))
        f(x)
        del f
        gc.collect()
        with open("/proc/self/maps") as file:
            code_maps.append(len(file.readlines()))
    assert code_maps[-1] <= code_maps[5] + 5


# What is deep.


def test_long_chains() -> None:
    def chain(x: Any) -> Any:
        for number in range(1500):
            x = x * 0.5 + number
        return x

    x = np.arange(5.0)
    np.testing.assert_array_equal(ps.compile(chain)(x), chain(x))


@pytest.mark.slow
def test_long_chains_of_many_kinds() -> None:
    def chain(x: Any) -> Any:
        for number in range(3000):
            x = x[::-1] if number % 3 == 0 else np.sqrt(x + x.sum(axis=0) * 0.5)
        return x

    x = np.arange(20.0).reshape(4, 5)
    np.testing.assert_allclose(ps.compile(chain)(x), chain(x), rtol=1e-12)


def test_deep_calls() -> None:
    def deep(x: Any, depth: int) -> Any:
        return x if depth == 0 else deep(x * 2, depth - 1) + 1

    x = np.arange(3.0)
    np.testing.assert_array_equal(ps.compile(deep)(x, 150), deep(x, 150))


def nested(leaf: Any, depth: int) -> Any:
    for level in range(depth):
        leaf = [leaf] if level % 2 else {"a": leaf}
    return leaf


def innermost(tree: Any) -> Any:
    while isinstance(tree, (list, dict)):
        tree = tree[0] if isinstance(tree, list) else tree["a"]
    return tree


def test_deep_data() -> None:
    x = np.arange(3.0)
    f = ps.compile(lambda tree: nested(innermost(tree) * 2, 150))
    np.testing.assert_array_equal(innermost(f(nested(x, 150))), x * 2)
    for depth in (201, 5000):
        with pytest.raises(StructureError, match="more than 200 levels deep"):
            f(nested(x, depth))
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    with pytest.raises(StructureError, match="more than 200 levels deep"):
        f(cyclic)


def test_many_arguments_and_results() -> None:
    f = ps.compile(lambda *parts: tuple(part * 2 for part in parts))
    parts = [np.arange(float(n)) for n in range(300)]
    for got, part in zip(f(*parts), parts, strict=True):
        np.testing.assert_array_equal(got, part * 2)


# What is empty.

EMPTY: list[Callable[[Any], Any]] = [
    lambda x: x * 2 + 1,
    lambda x: np.exp(x) > 0,
    lambda x: (x.sum(), x.sum(axis=0), x.sum(axis=1), x.prod(axis=-1)),
    lambda x: (x.any(axis=0), x.all(axis=1), np.count_nonzero(x)),
    lambda x: (x.max(axis=0, initial=3), x.min(axis=1, initial=-3)),
    lambda x: x - x.sum(axis=1, keepdims=True),
    lambda x: (x @ x.T, x.T @ x, x.T @ x[:, :1]),
    lambda x: (np.outer(x[0:1].ravel(), x), np.einsum("ij,ik->jk", x, x)),
    lambda x: (np.sort(x, axis=0), np.sort(x), np.cumsum(x, axis=1), np.cumsum(x)),
    lambda x: (x.T, x[::-1], x[:, ::2], x.reshape(-1), x.T.copy()),
    lambda x: (np.concatenate([x, x]), np.concatenate([x, x], axis=1)),
    lambda x: (np.pad(x, 1), np.tile(x, (2, 3)), np.repeat(x, 2, axis=0)),
    lambda x: (np.roll(x, 1), np.roll(x, 1, axis=0), np.diff(x, axis=1)),
    lambda x: (np.where(x > 0, x, -1), np.clip(x, 0, 1), x.astype(np.int8)),
    lambda x: (x[np.zeros(0, int)], x[:, np.zeros((2, 0), int)]),
    lambda x: (np.broadcast_to(x, (3, *x.shape)), x[None, :, None]),
    lambda x: (np.stack([x, x], axis=-1), np.diagonal(x), np.tril(x)),
    lambda x: (x.mean(axis=0), x.var(axis=1)),
]


@pytest.mark.parametrize("dtype", ["f8", "f2", "i4"])
@pytest.mark.parametrize("number", range(len(EMPTY)))
def test_empty(number: int, dtype: str) -> None:
    function = EMPTY[number]
    compiled = ps.compile(function)
    # What a trace of an empty array knows must not serve others, nor the other way.
    for shape in ((0, 3), (3, 0), (0, 0), (2, 3), (1, 0), (0, 1), (5, 2)):
        x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "Mean of empty slice."
            expected = function(x)
        got = compiled(x)
        if not isinstance(expected, tuple):
            got, expected = (got,), (expected,)
        for one, other in zip(got, expected, strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            np.testing.assert_allclose(one, other, rtol=1e-3)


def test_written_while_empty() -> None:
    def f(x: Any, i: Any) -> Any:
        y = x.copy()
        y[::2] = 1
        y[i] = 2
        y += y.sum()
        np.add.at(y, i, 1)
        return y

    compiled = ps.compile(f)
    for size in (0, 1, 5):
        x, i = np.arange(float(size)), np.arange(size) // 2
        np.testing.assert_array_equal(compiled(x, i), f(x, i))


# What is large: one element, which lies everywhere.


def large(shape: Any, dtype: str = "u1") -> Any:
    return np.broadcast_to(np.ones((), dtype), shape)


HERE: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: x[-3:] * 2, (2**31 + 5,)),
    (lambda x: x[2**31 + 1 : 2**31 + 4] + 1, (2**31 + 5,)),
    (lambda x: x[2**31 :].max(initial=0), (2**31 + 100,)),
    (lambda x: x[:: 2**30] * 2, (2**33,)),
    (lambda x: x[:: -(2**31)], (2**33 - 1,)),
    (lambda x: x[2**31 + 2], (2**33,)),
    (lambda x: x[-1] + x[2**32], (2**33, 3)),
    (lambda x: x[2**32 : 2**32 + 2, 1:].sum(), (2**33, 3)),
    (lambda x: x.T[:, -2:] + 1, (2**33, 3)),
    (lambda x: x[:4, 2**40 : 2**40 + 2].reshape(-1), (9, 2**41)),
    (lambda x: x[np.array([0, 2**40 - 1, -1])], (2**40,)),
    (lambda x: x[0, np.array([2**33, -(2**34)])] + 1, (2, 2**34)),
    (lambda x: np.concatenate([x[:3], x[-2:]]), (2**62,)),
    (lambda x: np.roll(x, 2**33)[-2:] if len(x) < 9 else x[-1], (2**62,)),
    (lambda x: (len(x), x.size, x.shape[0] // 3, x.nbytes), (2**62,)),
    (lambda x: x.shape[0] - 2**62 + 5, (2**62,)),
    (lambda x: np.float64(x.shape[0]) * x.shape[0], (2**40,)),
    (lambda x: x * 2, (0, 2**62)),
    (lambda x: x[:, :3].sum(axis=0), (0, 2**62)),
    (lambda x: np.arange(x.shape[0] - 3, x.shape[0]), (2**62,)),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HERE)))
def test_large(number: int) -> None:
    function, shape = HERE[number]
    compiled = ps.compile(function)
    # The same program serves what is small.
    small = tuple(min(size, 2**7) for size in shape)
    for sizes in (shape, small, shape):
        x = large(sizes)
        try:
            expected = function(x)
        except IndexError:
            with pytest.raises(IndexError):
                compiled(x)
            continue
        got = compiled(x)
        if not isinstance(expected, tuple):
            got, expected = (got,), (expected,)
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_indices_out_of_large_bounds() -> None:
    compiled = ps.compile(lambda x, i: x[i])
    x = large(2**40)
    for wrong in (2**40, -(2**40) - 1, 2**63 - 1, -(2**63)):
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds"):
            compiled(x, np.array([0, wrong]))


TOO_LARGE: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: x * 2, (large(2**45, "f4"),)),
    (lambda x: x * 2, (large(2**62),)),
    (lambda x: x.astype("f8"), (large(2**61 - 1, "f4"),)),
    (lambda x: np.concatenate([x, x, x]), (large(2**62),)),
    (lambda x: np.pad(x, (2**62, 2**62)), (large(2**40),)),
    (lambda x: np.eye(x.shape[0]), (large(2**33),)),
    (lambda x: np.zeros((x.shape[0], x.shape[0])), (large(2**33),)),
    (lambda x: np.cumsum(x, axis=0), (large(2**60),)),
    (lambda x: np.sort(x, axis=0), (large(2**60),)),
    (lambda x: (x + 1).sum(axis=0)[::-1], (large((3, 2**60)),)),
    (lambda x: x @ x.T, (large((2**40, 2)),)),
    (lambda n: np.zeros((n, n)), (2**40,)),
    (lambda n: np.ones(n, "u1"), (2**63 - 1,)),
    (lambda n: np.arange(0, n), (2**62,)),
]


@pytest.mark.parametrize("number", range(len(TOO_LARGE)))
def test_too_large(number: int) -> None:
    """NumPy says "array is too big", "negative dimensions", or that memory lacks.

    So do we, or that a size does not fit 64 bits.
    """
    function, arguments = TOO_LARGE[number]
    compiled = ps.compile(function)
    for _ in range(2):
        with pytest.raises((MemoryError, OverflowError, ValueError)):
            compiled(*arguments)


OVERFLOW = """
import numpy as np
import penstock as ps
def large(shape, dtype="u1"):
    return np.broadcast_to(np.ones((), dtype), shape)
f = ps.compile({function})
try:
    got = f({argument})
except Exception as error:
    print("refused")
else:
    print(getattr(got, "shape", got))
"""


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        ("lambda n: n * n", "2**40"),
        ("lambda n: n + n", "2**62"),
        ("lambda x: x.shape[0] * x.shape[0]", "large(2**40)"),
        ("lambda x: np.repeat(x, 8)", "large(2**61)"),
        ("lambda x: np.tile(x, 8)", "large(2**61)"),
        ("lambda x: (x[:, None] * x)[1, :3]", "large(2**33, 'f4')"),
        ("lambda x: x.sum(axis=0)[:2]", "large((0, 2**62))"),
    ],
)
def test_sizes_that_do_not_fit(run_script: Run, function: str, argument: str) -> None:
    code = OVERFLOW.format(function=function, argument=argument)
    assert run_script(code) == "refused\n"
