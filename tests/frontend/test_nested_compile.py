"""Functions that traced code compiles: they become part of the trace."""

import functools

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import OptionError

X = np.arange(1.0, 4.0)


def squares(x):
    return (x**2).sum()


def at_once(x):
    return ps.compile(squares)(x)


def decorated(x):
    @ps.compile
    def inner(y):
        return (y**2).sum() * x[0] / x[0]

    return inner(x)


def with_options(x):
    @ps.compile(fastmath=True, threads=1)
    def inner(y):
        return (y**2).sum()

    return inner(x)


def compiled_twice(x):
    return ps.compile(ps.compile(squares))(x)


def of_gradient(x):
    return (ps.compile(ps.grad(squares))(x) * x).sum() / 2


def gradient_of_compiled(x):
    return (ps.grad(ps.compile(squares))(x) * x).sum() / 2


def in_scan(x):
    return ps.scan(ps.compile(lambda c, a: (c + a * a, c)), 0.0, x)[0]


def in_vmap(x):
    return ps.vmap(ps.compile(lambda a: a * a))(x).sum()


def of_partial(x):
    return ps.compile(functools.partial(np.dot, x))(x)


@pytest.mark.parametrize(
    "f",
    [
        at_once, decorated, with_options, compiled_twice, of_gradient,
        gradient_of_compiled, in_scan, in_vmap, of_partial,
    ],
)  # fmt: skip
def test_compiling_in_traced_code(f):
    assert np.isclose(ps.compile(f)(X), 14.0)
    assert np.allclose(ps.grad(f)(X), 2 * X)
    assert np.allclose(ps.vmap(f)(np.stack([X, 2 * X])), [14.0, 56.0])


def test_method_compiled_in_traced_code():
    def f(x):
        class Model:
            scale = 3.0

            @ps.compile
            def layer(self, y):
                return y * self.scale

        return Model().layer(x)

    assert np.array_equal(ps.compile(f)(X), 3 * X)


def test_static_of_a_method_in_traced_code():
    class Model:
        scale = 2.0

        @functools.partial(ps.compile, static=("x",))
        def layer(self, x):
            return x * self.scale

        def twice(self, x):
            return ps.compile(self.layer, static="x")(self.layer(x))

    model = Model()
    f = ps.compile(lambda x: model.twice(x))  # noqa: PLW0108
    for size in (3, 4):
        assert np.array_equal(f(np.ones(size)), np.full(size, 4.0))
    assert f.stats().variants == 2


def fixes_y(x, y, rest=()):
    return x * y


@pytest.mark.parametrize("made", ["inside", "outside"])
def test_static_of_compiled_in_traced_code(made):
    compiled = ps.compile(fixes_y, static=("y",))
    if made == "inside":
        f = ps.compile(lambda x, n: ps.compile(fixes_y, static=("y",))(x, y=n))
    else:
        f = ps.compile(lambda x, n: compiled(x, y=n))
    found = [f(np.ones(size), n)[0] for size, n in ((3, 2), (4, 2), (4, 5))]
    assert found == [2, 2, 5]
    # The number is fixed, the size of x is not.
    assert f.stats().variants == 2


@pytest.mark.parametrize(
    ("static", "variants"),
    [((), 1), (("x",), 2), ((("x", 1),), 2), ((("x", 0),), 1), (("rest",), 2)],
)
def test_static_sizes_of_compiled_in_traced_code(static, variants):
    def f(x):
        return ps.compile(fixes_y, static=static)(x, 2.0, rest=[x])

    run = ps.compile(f)
    for size in (20, 30):
        assert np.array_equal(run(np.ones((2, size))), np.full((2, size), 2.0))
    assert run.stats().variants == variants


def test_static_in_traced_code_that_names_nothing():
    def f(x):
        return ps.compile(squares, static=("y",))(x)

    with pytest.raises(OptionError, match="static names 'y'") as caught:
        ps.compile(f)(X)
    assert caught.value.loc.line == f.__code__.co_firstlineno + 1


def test_bad_options_in_traced_code():
    def of_number(x):
        return ps.compile(3)(x)

    def without_threads(x):
        return ps.compile(squares, threads=0)(x)

    with pytest.raises(OptionError, match="cannot be called"):
        ps.compile(of_number)(X)
    with pytest.raises(OptionError, match="threads is 0"):
        ps.compile(without_threads)(X)
