"""What ``is``, ``==``, ``type`` and keys of dicts say within traced functions."""

import enum
import types

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArtifactError

X = np.arange(3.0)
Y = np.arange(3.0) + 1


class Mode(enum.Enum):
    FAST = 1
    EXACT = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Model:
    def __init__(self, scale=2.0):
        self.scale = scale


class Equal(Model):
    def __eq__(self, other):
        return self.scale == other.scale

    __hash__ = None


def double(x):
    return x * 2


def triple(x):
    return x * 3


class Meta(type):
    pass


MODEL, OTHER = Model(), Model()
STATE = {"model": MODEL, "weights": X}
FACTORS = {double: 2.0, triple: 3.0}
LAYERS = [MODEL, OTHER]
NAMES = {MODEL: 5.0, Model: 7.0}


def check(function, *calls):
    """One compiled function serves all calls as Python does."""
    compiled = ps.compile(function)
    for arguments in [*calls, *calls]:
        expected = function(*arguments)
        got = compiled(*arguments)
        np.testing.assert_array_equal(got, expected)
    return compiled


@pytest.mark.parametrize(
    "function",
    [
        lambda x, mode: x * 2 if mode is Mode.FAST else x,
        lambda x, mode: x * 2 if mode == Mode.FAST else x,
        lambda x, mode: x * {Mode.FAST: 2, Mode.EXACT: 3}[mode],
        lambda x, mode: x * mode.value,
        lambda x, mode: x * (mode in (Mode.EXACT,)),
    ],
)
def test_members_of_enumerations_are_themselves(function):
    compiled = check(function, (X, Mode.FAST), (X, Mode.EXACT))
    assert compiled.stats().variants == 2


def test_an_integer_member_is_a_key_and_a_number():
    function = lambda x, level: x * level if level is Level.HIGH else x  # noqa: E731
    check(function, (X, Level.HIGH), (X, Level.LOW))


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a * 2 if a is b else a,
        lambda a, b: a * 2 if a is not b else a,
        lambda a, b: a * 2 if any(one is b for one in [a]) else a,
    ],
)
def test_the_same_array_twice_is_one(function):
    check(function, (X, Y), (X, X), (Y, Y))
    check(function, (X, X), (X, Y))


def test_arrays_that_nobody_asks_about_share_a_variant():
    compiled = check(lambda a, b: a + b, (X, X), (X, Y))
    assert compiled.stats().variants == 1
    compiled = check(lambda a, b: a if b is None else a + b, (X, X), (X, Y))
    assert compiled.stats().variants == 1


def test_an_argument_is_a_captured_array_or_not():
    check(lambda a: a * 2 if a is X else a, (Y,), (X,))
    check(lambda a: a * 2 if a is STATE["weights"] else a, (X,), (Y,))


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, x: x * 2 if a is b else x,
        lambda a, b, x: x * 2 if a == b else x,
        lambda a, b, x: x * 2 if a != b else x,
        lambda a, b, x: x * 2 if a in [b] else x,
        lambda a, b, x: x * {b: 3.0}.get(a, 1.0),
        lambda a, b, x: x * len({a, b}),
        lambda a, b, x: x * LAYERS.index(a) + LAYERS.count(b),
        lambda a, b, x: x * 2 if a is MODEL else x * a.scale,
        lambda a, b, x: x * 2 if a is STATE["model"] else x * b.scale,
        lambda a, b, x: x * NAMES.get(a, 1.0) * NAMES.get(type(b), 2.0),
    ],
)
def test_objects_are_the_same_or_not(function):
    check(function, (MODEL, OTHER, X), (MODEL, MODEL, X), (OTHER, OTHER, X))


def test_an_object_that_becomes_another_one(monkeypatch):
    compiled = ps.compile(lambda x: x * 2 if STATE["model"] is MODEL else x)
    np.testing.assert_array_equal(compiled(X), X * 2)
    monkeypatch.setitem(STATE, "model", OTHER)
    np.testing.assert_array_equal(compiled(X), X)
    monkeypatch.setitem(STATE, "model", MODEL)
    np.testing.assert_array_equal(compiled(X), X * 2)


def test_equality_of_its_own_is_what_the_class_says():
    function = lambda a, b, x: x * 2 if a == b else x  # noqa: E731
    check(function, (Equal(1.0), Equal(1.0), X), (Equal(1.0), Equal(2.0), X))


def test_functions_are_keys():
    check(lambda f, x: f(x) * FACTORS[f], (double, X), (triple, X))
    check(lambda x: sum(f(x) * k for f, k in FACTORS.items()), (X,))
    check(lambda f, table, x: x * table[f], (double, FACTORS, X), (triple, FACTORS, X))


def test_functions_and_objects_are_members_of_sets():
    functions, objects = {double}, {MODEL}
    check(lambda f, x: x * 2 if f in functions else x, (double, X), (triple, X))
    check(lambda x: sum(f(x) for f in functions), (X,))
    check(lambda a, x: x * 2 if a in objects else x, (MODEL, X), (OTHER, X))


def test_functions_that_are_keys_read_their_globals_again(monkeypatch):
    table = {scaled: 2.0}
    compiled = ps.compile(lambda x: sum(f(x) for f in table))
    np.testing.assert_array_equal(compiled(X), scaled(X))
    monkeypatch.setattr(MODEL, "scale", 9.0)
    np.testing.assert_array_equal(compiled(X), scaled(X))


def scaled(x):
    return x * MODEL.scale


def test_an_identity_cannot_be_saved_in_a_file(tmp_path):
    compiled = ps.compile(lambda a, b: a * 2 if a is b else a)
    with pytest.raises(ArtifactError, match="which of its arguments are the same"):
        compiled.save(tmp_path / "f", X, X)


def test_type_is_what_it_is_outside():
    table, members = {"a": 1}, [1]

    def kinds(x, n, r, flag, text):
        local = type("Local", (), {"q": 2})
        return (
            type(x), type(n), type(r), type(flag), type(text), type(x.shape),
            type(x.sum()), type(x.dtype), type(table), type(members), type(np.sin),
            type(None), type(type(n)), type(n) is int, type(n) == int,  # noqa: E721

            type(n) in (int, float), type(n)(3.7), type(x).__name__,
            isinstance(int, type), isinstance(3, type), issubclass(Meta, type),
            local.q, type is type, type(np) is types.ModuleType,
        )  # fmt: skip

    arguments = (X, 3, 2.5, True, "s")
    assert ps.compile(kinds)(*arguments) == kinds(*arguments)


def test_metaclasses_are_made_of_type():
    def function(x):
        class Counting(type):
            def __new__(cls, *parts):
                return super().__new__(cls, *parts)

        class Counted(metaclass=Counting):
            factor = 3

        return x * Counted.factor * (type(Counted) is Counting)

    check(function, (X,))
