"""Captured state: globals, closures, defaults, containers and modules."""

import contextlib
import functools
import itertools
import random
import secrets
import sys
import threading
import time
import types

import numpy as np
import pytest
from numpy import tanh as hyperbolic
from numpy import zeros as make_zeros

from penstock.frontend import namespace
from penstock.ir.errors import TraceError, UnsupportedError
from penstock.runtime.binding import Binder
from penstock.runtime.signature import ArrayLeaf
from tests.frontend.arrays import X
from tests.frontend.running import assert_same, check, execute, serves, traced

WEIGHTS = np.ones((4, 4), np.float32)
BIAS = np.full(4, 0.5, np.float32)
SCALE = 2.0
STEP = np.float32(1)
PARAMETERS = {"w": WEIGHTS, "b": BIAS, "inner": {"k": 2}}
LAYERS = [BIAS, BIAS * 2]
PAIR = (BIAS, 1.5)
MEMBERS = {1, 2, 3}
COUNT = 0
HERE = sys.modules[__name__]


def again(found, function, *args):
    """What a trace gives now, and what Python gives now."""
    assert serves(found, function, *args)
    got = execute(found, Binder.of(function).bind(args, {}))
    assert_same(got, function(*args))
    return got


def helper(x, bias=BIAS, *, weights=WEIGHTS):
    return x @ weights + bias


def doubled(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs) * 2 + BIAS

    return inner


@doubled
def decorated(x):
    return x + WEIGHTS[0]


@contextlib.contextmanager
def managed(x):
    yield x @ WEIGHTS


@functools.lru_cache
def remembered(n):
    return n * SCALE


partial = functools.partial(helper, weights=WEIGHTS * 2)


def test_global_arrays_are_inputs(monkeypatch):
    def f(x):
        return x @ WEIGHTS

    found = traced(f, X)
    assert found.signature.leaf_names() == ("x", "code of f", "global WEIGHTS")
    monkeypatch.setattr(HERE, "WEIGHTS", WEIGHTS * 3)
    again(found, f, X)


def test_global_numbers_are_keys(monkeypatch):
    def f(x):
        return x * SCALE

    found = traced(f, X)
    again(found, f, X)
    monkeypatch.setattr(HERE, "SCALE", 3.0)
    assert not serves(found, f, X)


def test_global_numpy_scalars_are_keys(monkeypatch):
    def f(x):
        return x * STEP if STEP > 1 else x

    monkeypatch.setattr(HERE, "STEP", np.float32(2))
    found = traced(f, X)
    again(found, f, X)
    monkeypatch.setattr(HERE, "STEP", np.float32(2))
    again(found, f, X)
    for other in (np.float32(3), np.float64(2), 2.0):
        monkeypatch.setattr(HERE, "STEP", other)
        assert not serves(found, f, X)


def test_names_are_recorded_once():
    def f(x):
        return x * SCALE + SCALE * BIAS + helper(x, SCALE) + BIAS

    names = traced(f, X).signature.leaf_names()
    assert len(names) == len(set(names))


def test_redefined_functions_are_seen(monkeypatch):
    def f(x):
        return helper(x)

    found = traced(f, X)
    monkeypatch.setattr(HERE, "helper", lambda x: x)
    assert not serves(found, f, X)


def test_a_global_that_shadows_a_builtin_is_seen(monkeypatch):
    def f(x):
        return abs(x)

    found = traced(f, X)
    monkeypatch.setattr(HERE, "abs", lambda x: x, raising=False)
    assert not serves(found, f, X)


def test_closures():
    w, s = BIAS, 3

    def f(x):
        def inner(y):
            return y * w + s

        return [inner(x) for _ in range(2)], sorted([x], key=lambda z: (z + w).ndim)

    found = traced(f, X)
    again(found, f, X)
    w = BIAS * 7
    again(found, f, X)
    s = 4
    assert not serves(found, f, X)
    assert w is not s


def test_defaults_of_other_functions():
    def f(x):
        return helper(x), helper(x, 1.0), helper(x, weights=2 * WEIGHTS)

    found = traced(f, X)
    again(found, f, X)
    try:
        helper.__defaults__ = (BIAS * 5,)
        again(found, f, X)
    finally:
        helper.__defaults__ = (BIAS,)


def test_wrapped_and_library_callables():
    def f(x):
        with managed(x) as y:
            pass
        total = functools.reduce(lambda a, b: a + b, [x, y])
        pairs = list(itertools.chain([x], (y,)))
        return decorated(x), y, remembered(3), partial(x), total, pairs

    check(f, X)


def test_containers():
    def take(w, b, inner):
        return w[0] * b * inner["k"]

    def f(x):
        y = x
        for layer in LAYERS:
            y = y + layer
        first, second = PAIR
        plain = {**PARAMETERS}
        return (
            y,
            first * second,
            [*LAYERS],
            plain,
            list(PARAMETERS),
            len(LAYERS),
            "w" in PARAMETERS,
            "q" in PARAMETERS,
            LAYERS[-1],
            LAYERS[:1],
            dict(PARAMETERS)["w"],
            np.stack(LAYERS),
            [key for key, _ in PARAMETERS.items()],
            sum(PARAMETERS["inner"].values()),
            PARAMETERS.get("zz", 5),
            PARAMETERS | {"z": 1},
            {"a": 1} | PARAMETERS,
            [*LAYERS, x],
            LAYERS + LAYERS,
            LAYERS * 2,
            LAYERS.copy(),
            list(reversed(LAYERS)),
            take(**PARAMETERS),
            sorted(MEMBERS),
            2 in MEMBERS,
            PARAMETERS == {},
            LAYERS == [],
            tuple(LAYERS),
            list(zip(LAYERS, PAIR, strict=True)),
            dict(PARAMETERS.items()),
            PARAMETERS.copy(),
        )

    check(f, X)


def test_containers_are_read_again(monkeypatch):
    def f(x):
        return x * PARAMETERS["b"] + LAYERS[0]

    found = traced(f, X)
    monkeypatch.setitem(PARAMETERS, "b", BIAS * 9)
    monkeypatch.setitem(PARAMETERS, "more", 1)
    LAYERS.append(BIAS)
    again(found, f, X)
    LAYERS.pop()


def test_lengths_and_keys_are_recorded(monkeypatch):
    def count(x):
        return x * len(LAYERS)

    def names(x):
        return [x for _ in PARAMETERS]

    def absent(x):
        return x if "more" not in PARAMETERS else -x

    lengths, keys, without = (traced(f, X) for f in (count, names, absent))
    LAYERS.append(BIAS)
    assert not serves(lengths, count, X)
    LAYERS.pop()
    monkeypatch.setitem(PARAMETERS, "more", 1)
    assert not serves(keys, names, X)
    assert not serves(without, absent, X)


def test_large_dicts_cost_what_is_read_of_them():
    vocabulary = {str(i): i for i in range(1000)}

    def f(x):
        return x * vocabulary["7"]

    # The code of `f`, the dict, and the item.
    assert len(traced(f, X).signature.captured) == 3


def _set_global(x):
    global COUNT  # noqa: PLW0603
    COUNT = 1
    return x


def _count_up(x):
    global COUNT  # noqa: PLW0603
    COUNT += 1
    return x


def _delete_global(x):
    global COUNT  # noqa: PLW0603
    del COUNT
    return x


def _set_by_globals(x):
    globals()["COUNT"] = 1
    return x


def _append(x):
    LAYERS.append(x)
    return x


def _set_item(x):
    PARAMETERS["w"] = x
    return x


def _in_place(x):
    w = WEIGHTS
    w += 1
    return x @ w


def _set_numpy(x):
    np.pi = 3
    return x


@pytest.mark.parametrize(
    "function",
    [
        _set_global,
        _count_up,
        _set_by_globals,
        _append,
        _set_item,
        _in_place,
        _set_numpy,
    ],
)
def test_writes_to_captured_state_are_errors(function):
    before = (COUNT, len(LAYERS), WEIGHTS.sum(), np.pi)
    with pytest.raises(TraceError) as caught:
        traced(function, X)
    assert caught.value.loc.file == __file__
    assert (COUNT, len(LAYERS), WEIGHTS.sum(), np.pi) == before


def test_methods_of_captured_containers():
    items, array = [BIAS], BIAS.copy()
    add, take = items.append, array.take
    check(lambda x: x + take([0]), X)
    with pytest.raises(TraceError, match="belongs to the caller"):
        traced(lambda x: [add(x)], X)


def test_deleting_a_global_is_an_error():
    with pytest.raises((TraceError, NameError)):
        traced(_delete_global, X)
    assert COUNT == 0


def test_setting_a_variable_of_the_enclosing_function_is_an_error():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return x

    with pytest.raises(TraceError, match="calls"):
        traced(f, X)
    assert calls == 0


def test_undefined_names_are_name_errors():
    with pytest.raises(NameError):
        traced(lambda x: x + undefined_name, X)  # noqa: F821


def test_numpy_by_any_name():
    def f(x):
        import numpy
        import numpy.linalg as algebra
        from numpy import ones, sqrt

        out = make_zeros((x.shape[0], 2))
        out[:, 0] = 1
        return (
            numpy.exp(x),
            hyperbolic(x),
            out,
            algebra.norm(x, 1),
            numpy.linalg.norm(x, 1),
            sqrt(ones(3)),
            np.add.reduce(x),
            np.tanh is hyperbolic,
            np.add.__name__,
        )

    check(f, X, ulp=2)


def test_user_modules(monkeypatch):
    module = types.ModuleType("a_module_of_the_user")
    source = """
import numpy as np
WEIGHTS = np.ones(4, np.float32)
COUNT = 3
def apply(x):
    return np.zeros(x.shape, x.dtype) + x * WEIGHTS
"""
    exec(source, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def by_import(x):
        import a_module_of_the_user
        from a_module_of_the_user import apply

        return apply(x) * a_module_of_the_user.COUNT + a_module_of_the_user.WEIGHTS

    def by_name(x):
        return module.apply(x)

    def by_setting(x):
        module.COUNT = 4
        return x

    for f in (by_import, by_name):
        found = traced(f, X)
        monkeypatch.setattr(module, "WEIGHTS", module.WEIGHTS * 5)
        again(found, f, X)
    with pytest.raises(TraceError):
        traced(by_setting, X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * random.random(),
        lambda x: x * time.time(),
        lambda x: x * np.random.rand(),
        lambda x: x + np.random.default_rng(0).random(4),
        lambda x: x * secrets.randbelow(3),
    ],
)
def test_clocks_and_random_state_are_refused(function):
    with pytest.raises(TraceError, match="would run once"):
        traced(function, X)


def test_captured_generators_are_refused():
    generator, other = np.random.default_rng(0), random.Random(0)
    for function in (lambda x: x * generator.random(), lambda x: x * other.random()):
        with pytest.raises(TraceError, match="would run once"):
            traced(function, X)


def test_evaluating_text_is_refused():
    with pytest.raises(UnsupportedError, match="eval"):
        traced(lambda x: eval("x + 1"), X)


def test_generators_comprehensions_and_classes_within():
    def f(x):
        def numbers():
            for i in range(3):
                yield x * i

        class Local:
            factor = SCALE

            def apply(self, y):
                return y * self.factor + BIAS

        return (
            sum(numbers()),
            list(numbers()),
            {i: x + i for i in range(2)},
            Local().apply(x),
            max(x.shape),
            sorted(x.shape),
            [*map(helper, [x])],
            any(i > 2 for i in x.shape),
        )

    check(f, X)


def test_other_threads_see_nothing():
    seen = []

    def note(kind):
        seen.append(kind)

    release, reached = threading.Event(), threading.Event()

    def elsewhere():
        reached.wait(10)
        note(type(np.zeros(3)))
        release.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()

    class Wait(Exception):  # noqa: N818
        # What exceptions do is not traced, so that they may wait for another thread.
        def __init__(self, reached=reached, release=release):
            reached.set()
            release.wait(10)

    def f(x):
        Wait()
        return np.zeros(3) + x[0, :3]

    traced(f, X)
    thread.join()
    assert seen == [np.ndarray]
    assert np.zeros is make_zeros


def test_tracing_changes_nothing_of_numpy():
    before = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    traced(lambda x: np.zeros(3) + np.exp(x[0, :3]), X)
    assert all(getattr(np, name) is value for name, value in before.items())
    assert namespace.numpy_view(np.zeros) is namespace.numpy_view(np.zeros)


def test_leaves_of_captured_arrays_follow_the_arguments():
    found = traced(lambda x: x * BIAS, X)
    kinds = [type(leaf) is ArrayLeaf for leaf in found.signature.leaves]
    assert kinds == [True, False, True]  # The code of `f` is between them.
    assert found.signature.argument_count == 1
