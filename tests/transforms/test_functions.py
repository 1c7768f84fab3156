"""The public functions: what they take and give, and what they compose with."""

import functools
import gc
import pickle
import weakref
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import penstock as ps
from penstock import api

X = np.array([1.0, 2.0, 3.0])


@dataclass
class Layer:
    w: Any
    b: Any


@dataclass
class Named:
    w: Any
    how: str = "sum"

    def loss(self, x):
        return (self.w * x).sum() if self.how == "sum" else (self.w * x).max()


class Pair(NamedTuple):
    a: Any
    b: Any


class Model:
    def __init__(self):
        self.w = np.array([1.0, 2.0, 3.0])

    def loss(self, x):
        return (self.w * x * x).sum()

    def __call__(self, x):
        return (self.w * x).sum()


def square(x):
    return (x * x).sum()


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (square, 2 * X),
        (ps.compile(square), 2 * X),
        (Model().loss, 2 * X * X),
        (Model(), X),
        (functools.partial(lambda a, x: (a * x * x).sum(), 2.0), 4 * X),
        (functools.partial(lambda x, a: (a * x * x).sum(), a=2.0), 4 * X),
        (lambda x, *, k=2.0: (k * x * x).sum(), 4 * X),
        (lambda x, k=2.0: (k * x * x).sum(), 4 * X),
        (lambda *xs: (xs[0] ** 3).sum(), 3 * X**2),
        (np.sum, np.ones(3)),
        (np.prod, np.array([6.0, 3.0, 2.0])),
        (ps.checkpoint(square), 2 * X),
        (lambda x: ps.grad(square)(x).sum(), np.full(3, 2.0)),
    ],
)
def test_gradients_of_all_kinds_of_functions(function, wanted):
    np.testing.assert_allclose(ps.grad(function)(X), wanted)
    np.testing.assert_allclose(ps.compile(ps.grad(function))(X), wanted)
    inside = ps.compile(lambda x: 2 * ps.grad(function)(x))
    np.testing.assert_allclose(inside(X), 2 * wanted)


def test_arguments_by_keyword():
    gradient = ps.grad(lambda x, *, k=2.0: (k * x * x).sum())
    np.testing.assert_array_equal(gradient(X, k=3.0), 6 * X)
    by_name = ps.grad(lambda x, k=2.0: (k * x * x).sum())
    np.testing.assert_array_equal(by_name(x=X), 4 * X)
    mapped = ps.vmap(lambda x, *, y, k=2.0: x * y * k)
    np.testing.assert_array_equal(mapped(X, y=X), 2 * X * X)


def test_a_transform_says_what_its_function_takes():
    import inspect

    gradient = ps.grad(lambda x, k=2.0: (k * x).sum())
    assert str(inspect.signature(gradient)) == "(x, k=2.0)"
    assert ps.grad(square).__name__ == "grad_square"


def test_numbers_of_python():
    assert ps.grad(lambda x: x * x)(3.0) == 6.0
    assert ps.grad(lambda x: x * x)(np.float32(3)).dtype == np.float32
    assert ps.grad(lambda x: x * x)(np.array(3.0)) == 6.0
    single = X.astype(np.float32)
    assert ps.grad(lambda a, x: (a * x).sum(), 1)(3.0, single).dtype == np.float32
    assert ps.vmap(lambda x, a: a * x, (0, None))(single, 2.0).dtype == np.float32


def test_nested_arguments_come_back_as_they_nest():
    gradient = ps.grad(lambda p, x: (p.w * x).sum() + p.b)(Layer(X, 1.0), X)
    assert isinstance(gradient, Layer)
    np.testing.assert_array_equal(gradient.w, X)
    assert gradient.b == 1
    named = ps.grad(lambda p: (p.a * p.b).sum())(Pair(X, 2.0))
    assert isinstance(named, Pair)
    np.testing.assert_array_equal(named.a, [2, 2, 2])
    found = ps.grad(lambda p: (p["a"] * 2).sum())({"a": X, "b": None, "c": [X, ()]})
    assert found["b"] is None
    assert found["c"][1] == ()
    np.testing.assert_array_equal(found["c"][0], [0, 0, 0])


def test_settings_within_arguments_stay_what_they_are():
    gradient = ps.grad(Named.loss)(Named(X, "max"), X)
    assert gradient.how == "max"
    np.testing.assert_array_equal(gradient.w, [0, 0, 3])
    model = Named(X)
    _, tangent = ps.jvp(Named.loss, (model, X), (Named(X), X))
    assert tangent == 28
    _, pullback = ps.vjp(Named.loss, model, X)
    assert pullback(1.0)[0].how == "sum"
    np.testing.assert_array_equal(pullback(1.0)[0].w, X)
    np.testing.assert_array_equal(ps.jacfwd(Named.loss)(model, X).w, X)
    table = np.stack([X, 2 * X])
    each = ps.vmap(Named.loss)(Named(table), table)
    np.testing.assert_array_equal(each, (table**2).sum(1))
    one = ps.vmap(Named.loss, (Named(0), None))(Named(table), X)
    np.testing.assert_array_equal(one, table @ X)


FLOATS = (np.float16, np.float32, np.float64)


@pytest.mark.parametrize("of", FLOATS)
@pytest.mark.parametrize("by", FLOATS)
def test_jacobians_have_the_dtype_of_the_argument(of, by):
    def f(x, y):
        return (x * x).astype(of), {"sum": (x.sum() * y).astype(of), "above": x > 1}

    x, y = np.array([1, 2], by), np.float64(3.0)
    for jacobian in (ps.jacfwd, ps.jacrev):
        squares, rest = jacobian(f, (0, 1))(x, y)
        np.testing.assert_array_equal(
            squares[0], np.diag([2, 4]).astype(by), strict=True
        )
        np.testing.assert_array_equal(rest["sum"][0], np.array([3, 3], by), strict=True)
        np.testing.assert_array_equal(rest["sum"][1], np.float64(3), strict=True)
        assert rest["above"][0].dtype == by
    whole = lambda x: (x * x).astype(of).sum()  # noqa: E731
    assert ps.hessian(whole)(x).dtype == ps.grad(whole)(x).dtype == by


@pytest.mark.parametrize("jacobian", [ps.jacfwd, ps.jacrev])
def test_jacobians_of_integers_are_zeros_of_the_argument_s_dtype(jacobian):
    found = jacobian(lambda x: (x > 0, x.astype(int)[:1], x))(np.ones(2, np.float32))
    wanted = np.zeros((2, 2)), np.zeros((1, 2)), np.eye(2)
    for entry, zeros in zip(found, wanted, strict=True):
        assert entry.dtype == np.float32
        np.testing.assert_array_equal(entry, zeros)


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (lambda x: [], "not an empty list"),
        (lambda x: {"a": x}, r"not a dict of f64\[\]"),
        (lambda x: (x,), r"not a tuple of f64\[\]"),
    ],
)
def test_gradients_say_what_they_were_given(returned, text):
    with pytest.raises(ps.errors.ShapeError, match=text):
        ps.grad(returned)(1.0)


def test_jacobians_pass_on_what_comes_beside_the_result():
    def function(x):
        return x**3, {"x": x, "name": "cube"}

    wanted = {
        ps.jacfwd: np.diag(3 * X**2),
        ps.jacrev: np.diag(3 * X**2),
        ps.hessian: np.einsum("ij,jk,i->ijk", np.eye(3), np.eye(3), 6 * X),
    }
    for transform, derivative in wanted.items():
        found, aux = transform(function, has_aux=True)(X)
        np.testing.assert_allclose(found, derivative)
        np.testing.assert_array_equal(aux["x"], X)
        assert aux["name"] == "cube"


def test_positions_may_be_integers_of_numpy():
    found = ps.grad(lambda x, y: (x * y).sum(), np.int64(1))(X, 2 * X)
    np.testing.assert_array_equal(found, X)


def test_what_is_passed_on_may_be_anything():
    def function(x):
        return square(x), {"x": x, "count": 3, "name": "square", "none": None}

    gradient, aux = ps.grad(function, has_aux=True)(X)
    np.testing.assert_array_equal(gradient, 2 * X)
    np.testing.assert_array_equal(aux.pop("x"), X)
    assert aux == {"count": 3, "name": "square", "none": None}
    (value, other), gradient = ps.value_and_grad(function, has_aux=True)(X)
    assert value == 14
    assert other["name"] == "square"
    result, tangent, _ = ps.jvp(function, (X,), (X,), has_aux=True)
    assert (result, tangent) == (14, 28)
    result, pullback, _ = ps.vjp(function, X, has_aux=True)
    np.testing.assert_array_equal(pullback(1.0)[0], 2 * X)


def test_several_arguments():
    gradients = ps.grad(lambda x, y: (x * y).sum(), (1, 0))(X, 2 * X)
    np.testing.assert_array_equal(gradients[0], X)
    np.testing.assert_array_equal(gradients[1], 2 * X)
    blocks = ps.hessian(lambda x, y: (x * x * y).sum(), (0, 1))(X, X)
    np.testing.assert_array_equal(blocks[0][0], np.diag(2 * X))
    np.testing.assert_array_equal(blocks[0][1], np.diag(2 * X))
    np.testing.assert_array_equal(blocks[1][1], np.zeros((3, 3)))


def test_integers_among_results_have_zeros():
    _, tangent = ps.jvp(lambda x: (x * 2, x > 1), (X,), (X,))
    np.testing.assert_array_equal(tangent[0], 2 * X)
    assert not tangent[1].any()
    rows = ps.jacrev(lambda x: {"y": x * 2, "above": x > 1})(X)
    np.testing.assert_array_equal(rows["y"], 2 * np.eye(3))
    assert not rows["above"].any()


def test_empty_arrays():
    assert ps.grad(lambda x: x.sum())(np.zeros((0, 3))).shape == (0, 3)
    assert ps.vmap(lambda x: x * 2)(np.zeros((0, 3))).shape == (0, 3)
    assert ps.jacfwd(lambda x: x * 2)(np.zeros(0)).shape == (0, 0)


def test_axes_of_batches():
    table = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(ps.vmap(np.sum, 1)(table), table.sum(0))
    np.testing.assert_array_equal(ps.vmap(lambda r: r * 2, 0, 1)(table), 2 * table.T)
    np.testing.assert_array_equal(ps.vmap(lambda r: r * 2, -1, -1)(table), 2 * table)
    nested = ps.vmap(lambda p, k: p["x"] @ k, ({"x": 0, "y": None}, None))
    np.testing.assert_array_equal(nested({"x": table, "y": X}, X), table @ X)
    both = ps.vmap(lambda r, k: (r * k, k), (0, None), (0, None))(table, X)
    np.testing.assert_array_equal(both[0], table * X)
    np.testing.assert_array_equal(both[1], X)
    outer = ps.vmap(ps.vmap(np.multiply, (None, 0)), (0, None))(X, X)
    np.testing.assert_array_equal(outer, np.outer(X, X))
    words = ps.vmap(lambda r, how: r.sum() if how == "sum" else r.max(), (0, None))
    np.testing.assert_array_equal(words(table, "sum"), table.sum(1))


def test_what_a_transformed_function_is_given_it_may_write_to():
    def function(x):
        x[0] = x[1] * 2
        return (x * x).sum()

    kept = X.copy()
    np.testing.assert_array_equal(ps.grad(function)(X), [0, 20, 6])
    np.testing.assert_array_equal(X, kept)


def test_new_sizes_need_no_new_program():
    gradient = ps.grad(square)
    for size in (2, 3, 50, 1000):
        x = np.arange(float(size))
        np.testing.assert_array_equal(gradient(x), 2 * x)
    assert gradient.stats().variants == 1


def test_captured_arrays_are_read_again():
    weights = {"w": 2.0 * X}
    gradient = ps.grad(lambda x: (weights["w"] * x).sum())
    np.testing.assert_array_equal(gradient(X), 2 * X)
    weights["w"] = 3 * X
    np.testing.assert_array_equal(gradient(X), 3 * X)


@pytest.mark.parametrize("inside", [False, True])
def test_a_pullback_and_a_linear_map_may_be_used_often(inside):
    def pull(x):
        y, pullback = ps.vjp(lambda x: np.sin(x) * x, x)
        return y, pullback(np.ones(3)), pullback(2 * np.ones(3))

    def push(x):
        y, derivative = ps.linearize(lambda x: np.sin(x) * x, x)
        return y, derivative(np.ones(3)), derivative(2 * np.ones(3))

    wanted = np.cos(X) * X + np.sin(X)
    for function in (pull, push):
        y, one, two = (ps.compile(function) if inside else function)(X)
        one, two = (one[0], two[0]) if function is pull else (one, two)
        np.testing.assert_allclose(y, np.sin(X) * X)
        np.testing.assert_allclose(one, wanted)
        np.testing.assert_allclose(two, 2 * wanted)


def test_a_value_is_computed_once_with_its_gradient():
    def function(x):
        return ps.fori_loop(0, 5, lambda i, s: np.sin(s) * x, x).sum()

    graph = ps.value_and_grad(function).lower(X).text("graph")
    # The loop itself, and the one backwards.
    assert graph.count(" = loop ") == 2


def test_batches_of_functions_with_defaults():
    table = np.arange(6.0).reshape(2, 3)

    def function(row, k=2, *, plus=1.0, double=False):
        return (row * k + plus) * (2 if double else 1)

    for in_axes in (0, (0,), (0, None)):
        mapped = ps.vmap(function, in_axes)
        np.testing.assert_array_equal(mapped(table), table * 2 + 1)
        np.testing.assert_array_equal(mapped(table, double=True), table * 4 + 2)
    for in_axes in ((0,), (0, None)):
        mapped = ps.vmap(function, in_axes)
        np.testing.assert_array_equal(mapped(table, 3), table * 3 + 1)
        np.testing.assert_array_equal(mapped(table, k=3), table * 3 + 1)
    k = np.array([1.0, 2.0])
    for arguments, keywords in (((table, k), {}), ((table,), {"k": k})):
        found = ps.vmap(function)(*arguments, **keywords)
        np.testing.assert_array_equal(found, table * k[:, None] + 1)
        inside = ps.compile(lambda *a, **b: ps.vmap(function)(*a, **b) * 1)
        found = inside(*arguments, **keywords)
        np.testing.assert_array_equal(found, table * k[:, None] + 1)
    plus = ps.vmap(function)(table, plus=k)
    np.testing.assert_array_equal(plus, table * 2 + k[:, None])
    np.testing.assert_array_equal(ps.vmap(ps.vmap(function))(table), table * 2 + 1)
    # An array that is a default is no batch, be it as long as one.
    weighted = ps.vmap(lambda row, w=k: (row.sum() * w).sum())
    np.testing.assert_array_equal(weighted(table), table.sum(1) * 3)
    norms = ps.vmap(np.linalg.norm)(table)
    np.testing.assert_allclose(norms, np.linalg.norm(table, axis=1))


class Counted:
    """Counts how often what compiles is called."""

    def __init__(self, monkeypatch):
        self.count = 0
        compile_variant = api._State.compile_variant

        def counted(state, call):
            self.count += 1
            return compile_variant(state, call)

        monkeypatch.setattr(api._State, "compile_variant", counted)


TRANSFORMS = {
    "grad": lambda f: ps.grad(f)(X),
    "value_and_grad": lambda f: ps.value_and_grad(f)(X),
    "jacfwd": lambda f: ps.jacfwd(f)(X),
    "jacrev": lambda f: ps.jacrev(f)(X),
    "hessian": lambda f: ps.hessian(f)(X),
    "vmap": lambda f: ps.vmap(f)(X),
    "jvp": lambda f: ps.jvp(f, (X,), (X,)),
    "vjp": lambda f: ps.vjp(f, X)[1](1.0),
    "linearize": lambda f: ps.linearize(f, X)[1](X),
}


# np.sin of an array is no number to take a gradient of; what other transforms give of a
# method is an object of its own.
KEPT = [
    *((name, kind) for name in TRANSFORMS for kind in ("function", "compiled")),
    *((name, "ufunc") for name in ("jvp", "vmap", "linearize", "jacfwd")),
    *((name, "method") for name in ("jvp", "vjp", "linearize")),
]


@pytest.mark.parametrize(("name", "kind"), KEPT)
def test_a_transform_of_the_same_function_is_compiled_once(name, kind, monkeypatch):
    model = Model()
    functions = {
        "function": lambda: square,
        "compiled": lambda: COMPILED,
        "ufunc": lambda: np.sin,
        "method": lambda: model.loss,
    }
    TRANSFORMS[name](functions[kind]())
    counted = Counted(monkeypatch)
    first = TRANSFORMS[name](functions[kind]())
    again = TRANSFORMS[name](functions[kind]())
    assert counted.count == 0
    assert str(again) == str(first)


COMPILED = ps.compile(square)


def test_what_is_kept_of_a_function_is_that_of_its_code_and_parameters():
    def function(x, k=2.0):
        return (k * x * x).sum()

    assert ps.grad(function) is ps.grad(function)
    assert ps.grad(function) is not ps.grad(function, 1)
    assert ps.grad(function) is not ps.value_and_grad(function)
    np.testing.assert_array_equal(ps.grad(function)(X), 4 * X)
    function.__defaults__ = (3.0,)
    np.testing.assert_array_equal(ps.grad(function)(X), 6 * X)
    function.__code__ = (lambda x, k=0.0: (k * x).sum()).__code__
    np.testing.assert_array_equal(ps.grad(function)(X), np.full(3, 3.0))

    @functools.wraps(function)
    def wrapper(x):
        return 10 * function(x)

    np.testing.assert_array_equal(ps.grad(wrapper)(X), np.full(3, 30.0))
    np.testing.assert_array_equal(ps.jvp(wrapper, (X,), (X,))[1], 180)
    table = np.ones((2, 2))
    axes = [0, None]
    mapped = [ps.vmap(np.add, axes)(table, X[:2])]
    axes[:] = [None, 0]
    mapped.append(ps.vmap(np.add, axes)(X[:2], table))
    np.testing.assert_array_equal(mapped[0], mapped[1])


def test_what_is_kept_dies_with_the_function_and_is_not_pickled():
    def make():
        def function(x):
            return (x * big).sum() if x.size else function(x)

        big = np.ones(3)
        return function

    function = make()
    ps.grad(function)(X)
    ps.vjp(function, X)
    reference = weakref.ref(function)
    assert pickle.loads(pickle.dumps(vars(function))) == {"__penstock__": {}}
    del function
    gc.collect()
    assert reference() is None


def test_methods_are_of_the_object_and_read_it_anew():
    first, second = Model(), Model()
    second.w = 2 * first.w
    for model, factor in ((first, 1), (second, 2), (first, 1)):
        _, tangent = ps.jvp(model.loss, (X,), (X,))
        assert tangent == factor * (2 * X**3).sum()
        _, pullback = ps.vjp(model.loss, X)
        np.testing.assert_array_equal(pullback(1.0)[0], factor * 2 * X * X)
    first.w = 3 * X
    np.testing.assert_array_equal(ps.vjp(first.loss, X)[1](1.0)[0], 6 * X * X)


def test_an_integer_of_python_counts_as_a_float64():
    def cube(x):
        return x * x * x

    for n in (3, -2, 0):
        x = float(n)
        assert ps.grad(cube)(n) == 3 * x * x
        assert ps.hessian(cube)(n) == 6 * x
        assert ps.jvp(cube, (n,), (2,)) == (x**3, 6 * x * x)
        value, pullback = ps.vjp(cube, n)
        assert isinstance(value, np.float64)
        assert pullback(1.0) == (3 * x * x,)
        value, push = ps.linearize(cube, n)
        assert (value, push(1.0)) == (x**3, 3 * x * x)
        assert ps.compile(lambda n: ps.grad(cube)(n))(n) == 3 * x * x  # noqa: PLW0108
    # What is not differentiated by stays an integer.
    assert ps.grad(lambda x, n: x * np.ones(n).sum())(2.0, 3) == 3.0
