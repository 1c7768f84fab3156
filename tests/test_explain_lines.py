"""The lines that ``explain`` and the comments of IR text name for a kernel."""

import numpy as np
import pytest

import penstock as ps
from penstock.command.source import Source, load_function

MODEL = """
import numpy as np


def added_elements(x):
    return x[0] + x[1]


def transposed(x):
    return x.T


def backwards(x):
    return x[::-1]


def scalar_root(x, y):
    return np.sqrt(x * y)


def scaled_by_scalars(a, b, x):
    s = np.exp(a) * b
    return x * s
"""
ZERO, VECTOR = np.array(2.0), np.ones(3)


@pytest.mark.parametrize(
    ("name", "arguments", "lines"),
    [
        ("added_elements", (VECTOR,), ["6"]),
        ("transposed", (np.ones((2, 3)),), ["10"]),
        ("backwards", (VECTOR,), ["14"]),
        ("scalar_root", (ZERO, ZERO), ["18"]),
        ("scaled_by_scalars", (ZERO, ZERO, VECTOR), ["22", "23"]),
    ],
)
def test_what_is_computed_where_it_is_read_has_lines(tmp_path, name, arguments, lines):
    """Views and scalars are no members of a cluster, but in it."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    f = ps.compile(load_function(Source(str(path), name)))
    (variant,) = f.explain(*arguments).variants
    (kernel,) = variant.kernels
    assert list(kernel.lines) == [f"model.py:{line}" for line in lines]
    header = f.lower(*arguments).text("loops").splitlines()[0]
    places = header.partition("# ")[2].split(", ")
    assert sorted({place.split(":")[1] for place in places}) == lines
    assert len(set(places)) == len(places)


def test_an_explanation_at_the_prompt_is_its_text():
    f = ps.compile(lambda x: x + 1)
    f(np.ones(3))
    assert repr(f.explain()) == str(f.explain())
