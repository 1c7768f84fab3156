"""What ``explain`` says of gradients: what they save and compute again."""

import numpy as np
import pytest

import penstock as ps
from penstock.command.source import Source, load_function
from penstock.runtime.machine import Machine
from tests.test_explain import masked

MODEL = """
import numpy as np


def loss(w, x):
    h = x @ w
    h = h * np.tanh(h)
    return np.sum((h @ w) ** 2)
"""


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def load(tmp_path):
    """Make the function anew, at the same place."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return lambda: load_function(Source(str(path), "loss"))


# On each machine 24 rows are whole tiles, so that memory between kernels is as much.
def test_text_of_a_gradient(load, golden):
    x = np.ones((48, 24), np.float32)
    gradient = ps.value_and_grad(load())
    gradient(x[:24], x)
    text = masked(gradient.explain())
    golden(text)
    again = ps.value_and_grad(load())
    again(x[:24], x)
    assert again.stats().cache_hits == 1
    cached = masked(again.explain())
    assert cached[cached.index("  sizes") :] == text[text.index("  sizes") :]


def test_figures_are_the_same_on_each_machine(load, monkeypatch, tmp_path):
    x = np.ones((31, 17), np.float32)
    figures = []
    for registers in (16, 32):
        monkeypatch.setattr(Machine, "vector_registers", registers)
        monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path / str(registers)))
        (variant,) = ps.value_and_grad(load()).explain(x[:17], x).variants
        figures.append([(kernel.name, kernel.flops) for kernel in variant.kernels])
    assert figures[0] == figures[1]
    # Three products forwards and backwards are four more than the two of the loss.
    products = 2 * 31 * 17 * 17
    assert sum(flops for _, flops in figures[0]) // products == 6


def test_attributes_of_a_gradient(load):
    x = np.ones((32, 16), np.float32)
    gradient = ps.value_and_grad(load())
    (variant,) = gradient.explain(x[:16], x).variants
    product, activation, *_ = variant.gradient.saved
    assert (product.op, product.type, product.bytes) == ("contract", "f32[k,n]", 2048)
    assert product.lines == ("model.py:6",)
    assert (activation.op, activation.lines) == ("mul", ("model.py:7",))
    (tanh,) = variant.gradient.again
    assert (tanh.op, tanh.flops) == ("tanh", 20 * 32 * 16)
    assert variant.gradient.arena_of_all_saved > variant.arena
    alone = ps.compile(load())
    assert alone.explain(x[:16], x).variants[0].gradient is None
