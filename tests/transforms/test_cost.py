"""What gradients cost, and that what is computed again has the same bits."""

import numpy as np
import pytest

import penstock as ps
from benchmarks.gradients import SUBJECTS
from benchmarks.workloads.gradients import BAR, count_of, ratios
from penstock.passes.fusion_saving import Saving
from tests.sweeps import one_in

each = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch):
    # Code that was compiled with another choice must not serve.
    monkeypatch.setenv("PENSTOCK_CACHE", "off")


@each
def test_a_gradient_has_at_most_four_times_the_flops(subject):
    flops, _ = ratios(subject, 1)
    assert 1 <= flops <= BAR


# How many sums of a row run side by side depends on what else their loop computes, so
# that the last bits of these differ.
SUMMED_IN_ANOTHER_ORDER = {"attention"}


@pytest.mark.parametrize("subject", one_in(3, SUBJECTS), ids=lambda one: one.name)
def test_what_is_computed_again_has_the_same_bits(subject, monkeypatch):
    arguments = subject.arguments(1)
    chosen = flat(ps.value_and_grad(subject.function, subject.wrt)(*arguments))
    monkeypatch.setattr(Saving, "choose", lambda self: None)
    saved = flat(ps.value_and_grad(subject.function, subject.wrt)(*arguments))
    for one, two in zip(chosen, saved, strict=True):
        if subject.name in SUMMED_IN_ANOTHER_ORDER:
            np.testing.assert_allclose(one, two, rtol=0, atol=1e-6 * np.abs(two).max())
        else:
            assert one.tobytes() == two.tobytes()


def flat(results):
    value, gradient = results
    parts = gradient if isinstance(gradient, tuple) else (gradient,)
    return [np.asarray(value), *parts]


def gelu_layers(x, w, v):
    def gelu(x):
        return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))

    return (gelu(gelu(x @ w) @ v) ** 2).sum()


def layers(count):
    random = np.random.default_rng(count)
    return [random.standard_normal((count, count)) / count for _ in range(3)]


def memory(function, arguments):
    """The bytes between kernels with the choice, and if all were saved."""
    compiled = ps.compile(function)
    (variant,) = compiled.explain(*arguments).variants
    return variant.arena, variant.gradient.arena_of_all_saved


def test_a_gradient_keeps_less_than_all_that_it_reads():
    arguments = layers(64)
    arena, of_all = memory(ps.grad(gelu_layers, (1, 2)), arguments)
    # Three layers' worth; copies of the products' operands are in both.
    assert arena <= of_all - 3 * 64 * 64 * 8


def test_gradients_of_gradients_and_batches_choose_too():
    x, w, v = layers(12)
    hessian = ps.compile(
        lambda x, w, v: ps.grad(
            lambda w: (ps.grad(gelu_layers, 1)(x, w, v) ** 2).sum()
        )(w)
    )
    arena, of_all = memory(hessian, (x, w, v))
    assert arena < of_all
    ps.check_grads(lambda w: gelu_layers(x, w, v), (w,), order=2)
    many = np.stack([x, x + 1, 2 * x])
    batch = ps.vmap(ps.grad(gelu_layers, 1), (0, None, None))
    one = ps.grad(gelu_layers, 1)
    np.testing.assert_allclose(
        batch(many, w, v), [one(part, w, v) for part in many], rtol=1e-12, atol=1e-14
    )
    arena, of_all = memory(batch, (many, w, v))
    assert arena < of_all


def test_within_a_checkpoint_nothing_is_saved():
    def function(x, w, v):
        return ps.checkpoint(gelu_layers)(x, w, v) * 2

    arguments = layers(16)
    both = ps.compile(ps.value_and_grad(function, (1, 2)))
    (variant,) = both.explain(*arguments).variants
    assert variant.gradient.saved == ()
    alone, _ = count_of(ps.compile(gelu_layers), arguments)
    gradient, _ = count_of(both, arguments)
    assert 3 < gradient.flops / alone.flops <= BAR


def test_a_loop_keeps_of_a_turn_what_cannot_be_computed_again():
    def function(x):
        def step(i, x):
            return x + 0.1 * np.sin(x) * np.exp(-x * x) + 0.01 * np.tanh(x)

        return ps.fori_loop(0, 20, step, x).sum()

    x = np.linspace(-2, 2, 50)
    both = ps.value_and_grad(function)
    (variant,) = both.explain(x).variants
    (stack,) = variant.gradient.saved
    assert (stack.op, stack.bytes) == ("loop", 20 * x.nbytes)
    ps.check_grads(function, (x,), order=2)
