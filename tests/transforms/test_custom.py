"""Derivatives that users state, under every other transform."""

import numpy as np
import pytest

import penstock as ps

X = np.array([0.1, 0.2, 0.3])
W = np.random.default_rng(2).normal(size=(3, 2))


@ps.custom_jvp
def thrice(x, y):
    """sin(x) y, whose derivative by x is said to be three times what it is."""
    return np.sin(x) * y


@thrice.defjvp
def thrice_rule(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    return thrice(x, y), 3 * np.cos(x) * y * dx + np.sin(x) * dy


@ps.custom_vjp
def layer(x, w):
    """tanh(x w), whose cotangent of x is said to be ten times what it is."""
    return {"h": np.tanh(x @ w)}


def layer_forward(x, w):
    h = np.tanh(x @ w)
    return {"h": h}, (x, w, {"h": h, "factor": 10.0}, "kept", None)


def layer_backward(kept, cotangent):
    x, w, more, word, _ = kept
    assert word == "kept"
    g = cotangent["h"] * (1 - more["h"] ** 2)
    return more["factor"] * (g @ w.T), np.outer(x, g)


layer.defvjp(layer_forward, layer_backward)


def test_values_are_the_function():
    np.testing.assert_allclose(thrice(X, 2.0), 2 * np.sin(X))
    np.testing.assert_allclose(layer(X, W)["h"], np.tanh(X @ W))
    text = ps.compile(lambda x: thrice(x, x)).lower(X).text("trace")
    assert "custom_jvp" not in text


def test_both_modes_of_a_forward_rule():
    wanted = 3 * np.cos(X) * 2
    np.testing.assert_allclose(ps.grad(lambda x: thrice(x, 2.0).sum())(X), wanted)
    found = ps.jacfwd(lambda x: thrice(x, 2.0))(X)
    np.testing.assert_allclose(found, np.diag(wanted))
    by_both = ps.grad(lambda x, y: thrice(x, y).sum(), (0, 1))(X, X)
    np.testing.assert_allclose(by_both[0], 3 * np.cos(X) * X)
    np.testing.assert_allclose(by_both[1], np.sin(X))


def test_a_rule_is_differentiated_again():
    # The rule's own derivative: that of 3 cos(x) y.
    found = ps.grad(ps.grad(thrice))(0.3, 2.0)
    np.testing.assert_allclose(found, -6 * np.sin(0.3))
    third = ps.grad(ps.grad(ps.grad(thrice)))(0.3, 2.0)
    np.testing.assert_allclose(third, -6 * np.cos(0.3))
    mixed = ps.grad(ps.grad(thrice, 1), 0)(0.3, 2.0)
    # By y first, the rule gives sin(x), a function of NumPy.
    np.testing.assert_allclose(mixed, np.cos(0.3))
    hessian = ps.hessian(lambda x: thrice(x, 2.0).sum())(X)
    np.testing.assert_allclose(hessian, np.diag(-6 * np.sin(X)))


def test_batches_of_a_forward_rule():
    wanted = 6 * np.cos(X)
    outside = ps.vmap(ps.grad(thrice), (0, None))(X, 2.0)
    inside = ps.grad(lambda x: ps.vmap(thrice, (0, None))(x, 2.0).sum())(X)
    forward = ps.jvp(lambda x: ps.vmap(thrice, (0, None))(x, 2.0), (X,), (np.ones(3),))
    for found in (outside, inside, forward[1]):
        np.testing.assert_allclose(found, wanted)
    by_shared = ps.grad(lambda y: ps.vmap(thrice, (0, None))(X, y).sum())(2.0)
    np.testing.assert_allclose(by_shared, np.sin(X).sum())


def plain_layer(x, w):
    return {"h": np.tanh((10 * x - ps.stop_gradient(9 * x)) @ w)}


def test_a_reverse_rule():
    for f in (layer, plain_layer):
        found = ps.grad(lambda x, w, f=f: f(x, w)["h"].sum(), (0, 1))(X, W)
        g = 1 - np.tanh(X @ W) ** 2
        np.testing.assert_allclose(found[0], 10 * (g @ W.T))
        np.testing.assert_allclose(found[1], np.outer(X, g))


def test_batches_of_a_reverse_rule():
    rows = np.random.default_rng(3).normal(size=(4, 3))

    def loss(f):
        return lambda x, w: f(x, w)["h"].sum()

    for axes in ((0, None), (None, 0), (0, 0)):
        x = rows if axes[0] == 0 else X
        w = np.stack([W, 2 * W, -W, W * W]) if axes[1] == 0 else W
        outside = [
            ps.vmap(ps.grad(loss(f), (0, 1)), axes)(x, w) for f in (layer, plain_layer)
        ]
        inside = [
            ps.grad(loss(ps.vmap(f, axes)), (0, 1))(x, w) for f in (layer, plain_layer)
        ]
        for one, other in (outside, inside):
            for found, wanted in zip(one, other, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_a_reverse_rule_is_differentiated_again():
    found = ps.jacfwd(ps.grad(lambda x: layer(x, W)["h"].sum()))(X)
    again = ps.jacrev(ps.grad(lambda x: layer(x, W)["h"].sum()))(X)
    h = np.tanh(X @ W)
    # Of 10 (1 - h^2) w; in reverse mode h is the forward rule's, of NumPy.
    wanted = 10 * np.einsum("ij,j,kj->ik", W, -2 * h * (1 - h * h), W)
    np.testing.assert_allclose(found, wanted)
    np.testing.assert_allclose(again, wanted)


@pytest.mark.parametrize("f", [layer, plain_layer])
def test_rules_within_control_flow(f):
    square = np.array([[0.5, -0.3], [0.2, 0.9]])

    def through(w):
        def turn(c, _):
            then, otherwise = lambda: f(c, w)["h"] * 1.5, lambda: thrice(c, w[0])
            return ps.cond(c.sum() > 0, then, otherwise), c

        last, every = ps.scan(turn, np.ones(2), None, 4)
        return last.sum() + (every**2).sum()

    found = ps.grad(through)(square)
    through_plain = ps.grad(
        lambda w: ps.fori_loop(0, 4, lambda i, c: plain_layer(c, w)["h"] * 1.5, w[0])[0]
    )(square)
    through_rule = ps.grad(
        lambda w: ps.fori_loop(0, 4, lambda i, c: layer(c, w)["h"] * 1.5, w[0])[0]
    )(square)
    np.testing.assert_allclose(through_rule, through_plain)
    assert np.isfinite(found).all()


def test_arguments_that_rules_take_as_they_are():
    @ps.custom_jvp(nondiff_argnums=(0, 2))
    def applied(function, x, n):
        return function(x) ** n

    @applied.defjvp
    def rule(function, n, primals, tangents):
        (x,), (dx,) = primals, tangents
        return applied(function, x, n), 7 * n * dx

    np.testing.assert_allclose(applied(np.sin, X, 2), np.sin(X) ** 2)
    found = ps.grad(lambda x: applied(np.sin, x, n=2).sum())(X)
    np.testing.assert_array_equal(found, [14, 14, 14])

    @ps.custom_vjp(nondiff_argnums=(1,))
    def scaled(x, factor):
        return x * factor

    scaled.defvjp(lambda x, factor: (x * factor, None), lambda factor, _, g: (-g,))
    found = ps.grad(lambda x: scaled(x, 3.0).sum())(X)
    np.testing.assert_array_equal(found, [-1, -1, -1])


def test_integers_among_arguments_and_results():
    @ps.custom_jvp
    def counted(x, n):
        return {"y": x * n, "n": n}

    @counted.defjvp
    def rule(primals, tangents):
        (x, n), (dx, dn) = primals, tangents
        assert dn.dtype.kind != "f"
        return counted(x, n), {"y": 5 * dx * n, "n": dn}

    n = np.arange(3)
    for jacobian in (ps.jacfwd, ps.jacrev):
        found = jacobian(lambda x: counted(x, n)["y"])(X)
        np.testing.assert_array_equal(found, np.diag(5.0 * n))

    @ps.custom_vjp
    def taken(x, i):
        return x[i]

    def backward(kept, g):
        count, i = kept
        z = np.zeros(count)
        np.add.at(z, i, 2 * g)
        return z, None

    taken.defvjp(lambda x, i: (x[i], (3, i)), backward)
    found = ps.grad(lambda x: taken(x, np.array([0, 2, 2])).sum())(X)
    np.testing.assert_array_equal(found, [2, 0, 4])


def test_methods_and_functions_made_while_tracing():
    class Model:
        @ps.custom_jvp
        def value(self, x):
            return x * 2

        @value.defjvp
        def rule(primals, tangents):  # noqa: N805
            return primals[1] * 2, tangents[1] * 5

    model = Model()
    found = ps.grad(lambda x: model.value(x).sum())(X)
    np.testing.assert_array_equal(found, [5, 5, 5])

    @ps.compile
    def inside(x):
        @ps.custom_jvp
        def f(x):
            return x * x

        @f.defjvp
        def rule(primals, tangents):
            return f(*primals), 9 * tangents[0]

        return ps.grad(lambda x: f(x).sum())(x)

    np.testing.assert_array_equal(inside(X), [9, 9, 9])


def test_a_new_rule_is_seen():
    @ps.custom_jvp
    def f(x):
        return x * 1

    f.defjvp(lambda primals, tangents: (primals[0] * 1, tangents[0] * 2))
    gradient = ps.grad(lambda x: f(x).sum())
    np.testing.assert_array_equal(gradient(X), [2, 2, 2])
    f.defjvp(lambda primals, tangents: (primals[0] * 1, tangents[0] * 3))
    np.testing.assert_array_equal(gradient(X), [3, 3, 3])


def test_stop_gradient():
    np.testing.assert_array_equal(
        ps.grad(lambda x: (x * ps.stop_gradient(x)).sum())(X), X
    )
    hessian = ps.hessian(lambda x: (ps.stop_gradient(x) * x * x).sum())(X)
    np.testing.assert_array_equal(hessian, np.diag(2 * X))
    tree = ps.stop_gradient({"x": X, "n": 3, "word": "kept"})
    assert tree["x"] is X
    batched = ps.vmap(ps.grad(lambda x: x * ps.stop_gradient({"x": x})["x"]))(X)
    np.testing.assert_array_equal(batched, X)
    whole = ps.grad(lambda n, x: (ps.stop_gradient(n) * x).sum(), 1)(np.arange(3), X)
    np.testing.assert_array_equal(whole, [0, 1, 2])


def test_checkpoint_changes_no_derivative():
    def twice(f):
        return lambda x: f(f(x)).sum()

    def step(x):
        return np.sin(np.tanh(x) * X)

    kept = ps.checkpoint(step)
    for derivative in (ps.grad, ps.jacfwd, ps.hessian):
        np.testing.assert_allclose(
            derivative(twice(kept))(X), derivative(twice(step))(X), rtol=1e-12
        )
    rows = np.stack([X, 2 * X])
    np.testing.assert_allclose(
        ps.vmap(ps.grad(twice(kept)))(rows), ps.vmap(ps.grad(twice(step)))(rows)
    )
    scaled = ps.checkpoint(lambda p, *, k: p["x"] * k)
    nested = ps.grad(lambda x: scaled({"x": kept(x), "word": "kept"}, k=3.0).sum())(X)
    np.testing.assert_allclose(nested, 3 * ps.grad(lambda x: step(x).sum())(X))


def test_checkpoint_computes_again():
    def layers(f):
        return ps.grad(lambda x: f(f(x)).sum())

    def step(x):
        return np.sin(np.exp(x))

    assert layers(step).lower(X).text("graph").count(" exp ") == 2
    text = layers(ps.checkpoint(step)).lower(X).text("graph")
    # The first layer forward, then both again for their derivatives.
    assert text.count(" exp ") == 3
    assert text.count(" recompute ") == 3


def _in_loop(x, t):
    return ps.fori_loop(0, 2, lambda i, s: s + t * x, np.zeros_like(t))


# Tangents of rules for functions of one array, and whether they are linear.
RULES = {
    "scaled": (lambda x, t: np.cos(x) * t / 2 - -t, True),
    "chosen": (lambda x, t: np.where(x > 0, t, 0.0) + 0, True),
    "zero": (lambda x, t: np.zeros_like(x) * t, True),
    "joined": (lambda x, t: np.concatenate([t[1:], np.zeros(1)]), True),
    "padded": (lambda x, t: np.pad(t, 1)[:-2] + np.cumsum(t)[::-1], True),
    "product": (lambda x, t: np.outer(x, x) @ t + x.dot(t) * x, True),
    "loop": (_in_loop, True),
    "derivative": (lambda x, t: ps.jvp(np.sin, (x,), (t,))[1], True),
    "narrow": (lambda x, t: t.astype(np.float32).astype(float), True),
    "affine": (lambda x, t: t + x, False),
    "constant beside": (lambda x, t: np.where(x > 0, t, 1.0), False),
    "joined to ones": (lambda x, t: np.concatenate([t[1:], np.ones(1)]), False),
    "square": (lambda x, t: t * t, False),
    "product of tangents": (lambda x, t: t.dot(t) * x, False),
    "divided": (lambda x, t: x / (1 + t), False),
    "absolute": (lambda x, t: abs(t), False),
    "by sign": (lambda x, t: np.where(t > 0, t, 2 * t), False),
    "stopped": (lambda x, t: ps.stop_gradient(t) * x, False),
}


MODES = {
    "forward": lambda f: ps.jvp(f, (X,), (X,)),
    "reverse": lambda f: ps.grad(lambda x: f(x).sum())(X),
    "batched": lambda f: ps.vmap(ps.jacfwd(f))(np.stack([X, X])),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", RULES)
def test_only_linear_rules_pass(name, mode):
    tangent, is_linear = RULES[name]
    f = ps.custom_jvp(lambda x: np.sin(x) * 1.0)
    f.defjvp(lambda primals, tangents: (f(*primals), tangent(*primals, *tangents)))
    if is_linear:
        MODES[mode](f)
        return
    with pytest.raises(ps.errors.UnsupportedError, match="nonlinear-rule"):
        MODES[mode](f)
